"""``run``: the loop. Carries out what policy lets it do by itself, and recommends the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from vsphere_market.cli.options import (
    JournalPlace,
    SourceArgs,
    format_options,
    journal_options,
    policy_options,
    source_options,
    with_options,
)
from vsphere_market.cli.report import Column, Format
from vsphere_market.errors import ExitCode, MarketError, UsageError

if TYPE_CHECKING:
    from threading import Event

    from vsphere_market.cli.sdnotify import SystemdNotifier
    from vsphere_market.control.cycle import CycleReport
    from vsphere_market.executor import ExecutionResult
    from vsphere_market.journal import Scope


@with_options(
    source=source_options, policies=policy_options, journal=journal_options, how=format_options
)
def run(  # noqa: PLR0913, PLR0917 - one parameter per option
    source: SourceArgs,
    policies: tuple[Path, ...],
    journal: JournalPlace | None,
    how: Format,
    once: Annotated[bool, Option("--once", help="Go round once; the same as --cycles 1.")] = False,
    cycles: Annotated[
        int | None, Option(help="Go round so often; for ever without it.", min=1, metavar="N")
    ] = None,
    interval: Annotated[
        str,
        Option(
            help="From the beginning of one turn to the next: 30s, 5m, 1h.",
            metavar="SPAN",
            envvar="VSPHERE_MARKET_INTERVAL",
        ),
    ] = "5m",
    shadow: Annotated[
        bool, Option("--shadow", help="Decide and write down, but touch nothing.")
    ] = False,
    clusters: Annotated[
        str,
        Option(
            help="Look after these clusters only, by name or id, with commas between.",
            metavar="NAMES",
            envvar="VSPHERE_MARKET_CLUSTERS",
        ),
    ] = "",
    notify: Annotated[
        Path | None,
        Option(
            help="Tell people by the channels of this file; docs/running.md has examples.",
            metavar="FILE",
            envvar="VSPHERE_MARKET_NOTIFY",
        ),
    ] = None,
    showing: Annotated[
        bool,
        Option(
            "--show-in-vcenter",
            help="Show plans as tasks and steps as events in vCenter; docs/safety.md has what it "
            "takes.",
            envvar="VSPHERE_MARKET_SHOW_IN_VCENTER",
        ),
    ] = False,
) -> int:
    """Observe, decide, act, write down, again and again.

    Without --shadow, steps whose policy mode is automatic are carried out, or wait until enough
    cycles wanted them; all others are recommended. Without policies nothing is automatic.
    """
    from contextlib import closing

    from vsphere_market.cli.render import show, warn
    from vsphere_market.cli.sdnotify import SystemdNotifier
    from vsphere_market.cli.verbs.outcomes import watcher
    from vsphere_market.cli.verbs.shared import origin, stop_on_signals, who
    from vsphere_market.cli.words import names, seconds
    from vsphere_market.control.cycle import Road
    from vsphere_market.control.decide import policies_from
    from vsphere_market.control.journals import working_journal
    from vsphere_market.control.loop import Beat, Everybody, run_loop
    from vsphere_market.control.notify import NotifyingListener, Outbox, read_settings
    from vsphere_market.control.stop import StopSwitch, stop_file

    if once and cycles not in (None, 1):
        raise UsageError("--once and --cycles contradict each other", cure="give one of them")
    beat = Beat(1 if once else cycles, seconds(interval, "--interval"))
    wanted = policies_from(policies)
    channels = read_settings(notify) if notify else ()
    if not wanted.documents and not shadow:
        warn("there are no policies, so no step is automatic and all are only recommended")
    systemd, outbox = SystemdNotifier(), Outbox(channels)
    with (
        closing(outbox),
        source.open() as opened,
        working_journal(opened, journal) as kept,
        stop_on_signals() as asked,
    ):
        road = Road(
            opened.port,
            kept,
            wanted,
            shadow=shadow,
            who=who(),
            clusters=names(clusters),
            origin=origin(),
            switch=StopSwitch(kept, stop_file()),
            show=showing,
        )
        listener = _Teller(how, shadow, systemd)
        notifying = NotifyingListener(outbox, opened.label, opened.clock)

        def begun(scope: Scope) -> None:
            part = f" for {', '.join(scope.names)}" if scope.names else ""
            systemd.ready(f"the loop has begun{part}")
            notifying.started(part)

        try:
            end = run_loop(
                road,
                beat,
                Everybody(listener, notifying),
                cancel=_Fed(asked, systemd),
                watch=watcher(),
                begun=begun,
            )
        except MarketError as error:
            notifying.ended(str(error))
            raise
        notifying.ended("it was told to stop" if end.stopped else "its turns are done")
    if how is not Format.JSON:
        show(listener.report(), how)
    if end.error is not None:
        return end.error.exit_code
    return listener.exit_code


class _Fed:
    """Hears a request to stop, and feeds systemd's watchdog as often as the loop looks for one."""

    def __init__(self, asked: Event, systemd: SystemdNotifier) -> None:
        self._asked, self._systemd = asked, systemd
        self._told = False

    def is_set(self) -> bool:
        """See ``executor.CancelToken``."""
        self._systemd.feed()
        if self._asked.is_set() and not self._told:
            self._told = True
            self._systemd.stopping()
        return self._asked.is_set()


class _Teller:
    """One line per turn on stderr; with JSON, one document per turn on stdout as well."""

    def __init__(self, how: Format, shadow: bool, systemd: SystemdNotifier) -> None:
        self._systemd = systemd
        self._how = how
        self._shadow = shadow
        self._warned = False
        self._rows: list[dict[str, Any]] = []
        self.exit_code: int = ExitCode.OK

    def settled(self, results: tuple[ExecutionResult, ...]) -> None:
        """What an earlier run had left open has its outcomes now."""
        from vsphere_market.cli.render import say
        from vsphere_market.cli.words import action_text

        for result in results:
            for outcome in result.outcomes:
                text = action_text(outcome.action)
                say(f"left open by an earlier run: {text}: {outcome.kind.value}")

    def turn(self, report: CycleReport) -> None:
        """A turn has ended."""
        from vsphere_market.cli.render import say, write_json
        from vsphere_market.cli.verbs.outcomes import what_went_wrong
        from vsphere_market.cli.verbs.shared import warn_of

        if not self._warned:
            warn_of(report.frame)
            self._warned = True
        if report.result is not None:
            self.exit_code = report.result.exit_code
        else:
            self.exit_code = ExitCode.OK
        line = _line(report, self._shadow)
        say(line)
        self._systemd.status(line)
        document = cycle_json(report, self._shadow)
        if self._how is Format.JSON:
            write_json(document, line=True)
        else:
            self._rows.append(document)
        for item in report.waiting:
            say(f"  {item.step} waits: wanted by {item.seen} of {item.wanted} cycles in a row")
        if report.result is not None and report.result.exit_code:
            say(f"  error: {what_went_wrong(report.result)}")

    def trouble(self, number: int, error: MarketError) -> None:
        """A turn could not be done."""
        from vsphere_market.cli.render import say, write_json

        say(f"cycle {number}: error: {error}")
        if self._how is Format.JSON:
            write_json({"cycle": number, "error": str(error)}, line=True)

    def missed(self, beats: int) -> None:
        """The last turn took longer than the interval."""
        from vsphere_market.cli.render import warn
        from vsphere_market.cli.words import counted

        warn(f"the last turn took so long that {counted(beats, 'turn')} had to be left out")

    def report(self) -> Any:
        """All turns in one table."""
        from vsphere_market.cli.report import Report, Table
        from vsphere_market.cli.words import memory, points, rate

        columns = (
            Column("cycle", "cycle", right=True),
            Column("started_at", "at", minor=True),
            Column("ballooned_mib", "ballooned", memory, right=True),
            Column("swapped_mib", "swapped", memory, right=True, minor=True),
            Column("swapin_kibps", "swap-in", rate, right=True),
            Column("swapout_kibps", "swap-out", rate, right=True),
            Column("potential_before", "potential", points, right=True, minor=True),
            Column("potential_after", "→ after", points, right=True, minor=True),
            Column("steps", "planned", right=True),
            Column("done", "done", right=True),
            Column("failed", "failed", right=True, minor=True),
            Column("held_back", "waiting", right=True),
            Column("recommended", "recommended", right=True),
        )
        rows = [[row[column.key] for column in columns] for row in self._rows]
        table = Table("", columns, rows, empty="No turn was done.")
        return Report(self._rows, [table], table)


def _line(report: CycleReport, shadow: bool) -> str:
    """A turn in one line."""
    from vsphere_market.cli.words import counted, memory, points, rate
    from vsphere_market.estate import time_text

    squeeze, proof, plan = report.squeeze, report.plan.certificate, report.plan
    head = (
        f"cycle {report.number} at {time_text(report.started_s)}: "
        f"ballooned {memory(squeeze.ballooned_mib)}, swapped {memory(squeeze.swapped_mib)}, "
        f"swap-in {rate(squeeze.swapin_kibps)}, swap-out {rate(squeeze.swapout_kibps)}"
    )
    if not plan.steps:
        return f"{head}; nothing to do at potential {points(proof.potential_before)}"
    potential = f"{points(proof.potential_before)} → {points(proof.potential_after)}"
    steps = counted(len(plan.steps), "step")
    if shadow:
        return f"{head}; would do {steps}, potential {potential}"
    if report.halt is not None:
        return f"{head}; {steps} planned, none done: {report.halt.sentence}"
    parts = [f"{report.done} of {steps} done"]
    if report.failed:
        parts.append(f"{report.failed} not")
    if report.held_back:
        parts.append(f"{len(report.held_back)} waiting")
    if report.recommended:
        parts.append(f"{len(report.recommended)} recommended")
    return f"{head}; {', '.join(parts)}, potential {potential}"


def cycle_json(report: CycleReport, shadow: bool) -> dict[str, Any]:
    """A turn as one flat document with its steps and outcomes."""
    from vsphere_market.cli.verbs.outcomes import outcome_json
    from vsphere_market.estate import time_text
    from vsphere_market.market.planfile import step_to_json

    proof = report.plan.certificate
    outcomes = report.result.outcomes if report.result else ()
    return {
        "cycle": report.number,
        "started_at": time_text(report.started_s),
        "ended_at": time_text(report.ended_s),
        "shadow": shadow,
        "stopped": report.halt.sentence if report.halt else None,
        "vms": len(report.frame.snapshot.vms),
        "hosts": len(report.frame.snapshot.hosts),
        "ballooned_mib": report.squeeze.ballooned_mib,
        "swapped_mib": report.squeeze.swapped_mib,
        "compressed_mib": report.squeeze.compressed_mib,
        "swapin_kibps": report.squeeze.swapin_kibps,
        "swapout_kibps": report.squeeze.swapout_kibps,
        "potential_before": proof.potential_before,
        "potential_after": proof.potential_after,
        "lower_bound": proof.lower_bound,
        "gap_pct": proof.gap_pct,
        "steps": len(report.plan.steps),
        "done": report.done,
        "failed": report.failed,
        "held_back": len(report.held_back),
        "recommended": len(report.recommended),
        "refusals": len(report.plan.refusals),
        "waiting": [
            {"step": item.step, "seen": item.seen, "wanted": item.wanted} for item in report.waiting
        ],
        "plan": [step_to_json(step) for step in report.plan.steps],
        "outcomes": [outcome_json(item) for item in outcomes if item.step in report.chosen],
    }
