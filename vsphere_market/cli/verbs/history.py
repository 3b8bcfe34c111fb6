"""``history``: what was decided and done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from vsphere_market.cli import words
from vsphere_market.cli.options import (
    JournalPlace,
    format_options,
    journal_options,
    with_options,
)
from vsphere_market.cli.report import Column, Format, Report, Table
from vsphere_market.errors import ExitCode

if TYPE_CHECKING:
    from vsphere_market.control.history import History


class What(StrEnum):
    """What to show."""

    ACTIONS = "actions"
    DECISIONS = "decisions"
    REFUSALS = "refusals"
    PLANS = "plans"
    CYCLES = "cycles"
    AUDIT = "audit"
    VERIFY = "verify"


class ActionKinds(StrEnum):
    """Kinds of action; the port's own, repeated here so that help needs no heavy import."""

    MIGRATE = "migrate"
    LIMIT = "limit"
    RESERVATION = "reservation"
    SHARES = "shares"
    HOT_ADD = "hot-add"
    RESIZE = "resize"
    ENABLE_HOT_ADD = "enable-hot-add"
    BALLOON_CAP = "balloon-cap"
    MIGRATE_STORAGE = "migrate-storage"
    STOP = "stop"
    START = "start"
    POOL = "pool-allocation"
    SUSPEND_HOST = "suspend-host"
    PROVISION_HOST = "provision-host"
    DRS = "drs-recommendation"


class Outcomes(StrEnum):
    """Outcomes; the port's own, repeated here so that help needs no heavy import."""

    DONE = "done"
    ALREADY_DONE = "already-done"
    SKIPPED = "skipped"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    WOULD_DO = "would-do"


@with_options(journal=journal_options, how=format_options)
def history(  # noqa: PLR0913, PLR0917 - one parameter per filter
    journal: JournalPlace | None,
    how: Format,
    what: Annotated[
        What, Argument(help="What to show; verify checks the seals of the audit trail.")
    ] = What.ACTIONS,
    vm: Annotated[str, Option(help="Only this VM, by name or id.", metavar="VM")] = "",
    host: Annotated[str, Option(help="Only from or to this host.", metavar="HOST")] = "",
    kind: Annotated[ActionKinds | None, Option(help="Only this kind of action.")] = None,
    outcome: Annotated[
        list[Outcomes] | None, Option(help="Only with this outcome; may be repeated.")
    ] = None,
    plan: Annotated[int | None, Option(help="Only of this plan.", metavar="NUMBER")] = None,
    on: Annotated[
        str, Option("--on", help="Only on this vCenter, by name.", metavar="VCENTER")
    ] = "",
    since: Annotated[
        str, Option(help="Not before: 2h, 3d, or 2026-11-23T08:00.", metavar="TIME")
    ] = "",
    until: Annotated[str, Option(help="Before: in the same words.", metavar="TIME")] = "",
    event: Annotated[
        list[str] | None,
        Option(help="For audit: only this event, or any; may be repeated.", metavar="EVENT"),
    ] = None,
    seal: Annotated[
        str,
        Option(help="For verify: a row's seal that was noted elsewhere.", metavar="NUMBER:SEAL"),
    ] = "",
    limit: Annotated[int, Option(help="At most so many, the newest.", min=1)] = 50,
) -> int:
    """Show what was decided, refused and done, newest first."""
    import time

    from vsphere_market.cli.render import say, show
    from vsphere_market.control import history as past
    from vsphere_market.journal import Filter
    from vsphere_market.port import ActionKind, OutcomeKind

    if what is What.VERIFY:
        return _verify(journal, seal, how)
    if what is What.AUDIT:
        return _audit(journal, tuple(event or ()), (since, until, limit), how)
    now_s = time.time()
    wanted = Filter(
        vm=vm,
        host=host,
        kind=ActionKind(kind.value) if kind else None,
        outcomes=tuple(OutcomeKind(item.value) for item in outcome or ()),
        since_s=words.instant(since, "--since", now_s) if since else None,
        until_s=words.instant(until, "--until", now_s) if until else None,
        plan=plan,
        source=on,
        limit=limit,
    )
    found = past.ask(past.Kind(what.value), wanted, journal)
    if found.where is None:
        say("there is no journal yet: `run`, `apply` or `plan` begin one")
    show(report(found), how)
    return ExitCode.OK


def _audit(
    journal: JournalPlace | None, events: tuple[str, ...], span: tuple[str, str, int], how: Format
) -> int:
    import time

    from vsphere_market.cli.render import say, show
    from vsphere_market.control.history import audit_trail
    from vsphere_market.journal import Filter

    since, until, limit = span
    now_s = time.time()
    wanted = Filter(
        since_s=words.instant(since, "--since", now_s) if since else None,
        until_s=words.instant(until, "--until", now_s) if until else None,
        limit=limit,
    )
    found = audit_trail(wanted, events, journal)
    if found is None:
        say("there is no journal yet: `run`, `apply` or `plan` begin one")
    columns = (
        Column("row", "row", right=True, minor=True),
        Column("at_s", _AT, words.moment),
        Column("event", "event"),
        Column("who", "who"),
        Column("from", "from"),
        Column("plan", "plan", right=True),
        Column("execution", "execution", right=True, minor=True),
        Column("steps", "steps", _listed),
        Column("sentence", "details", prose=True),
    )
    keys = [column.key for column in columns]
    rows = [
        (
            one.row,
            one.at_s,
            one.event,
            one.who,
            one.origin,
            one.plan,
            one.execution,
            one.steps,
            one.sentence,
        )
        for one in found or ()
    ]
    documents = [
        dict(zip(keys, row, strict=True)) | {"body": dict(one.body)}
        for row, one in zip(rows, found or (), strict=True)
    ]
    table = Table("", columns, rows, empty="Nothing of that kind is in the audit trail.")
    show(Report(documents, [table], table), how)
    return ExitCode.OK


def _listed(steps: Sequence[str]) -> str:
    shown = ", ".join(steps[:4])
    return f"{shown} … ({len(steps)})" if len(steps) > 4 else shown or "–"


def _verify(journal: JournalPlace | None, seal: str, how: Format) -> int:
    from vsphere_market.cli.render import show
    from vsphere_market.control.history import verify

    verdict = verify(journal, seal)
    columns = (
        Column("rows", "rows checked", right=True),
        Column("intact", "intact"),
        Column("broken_at", "broken at row", right=True),
        Column("seal", "last row and its seal"),
        Column("sentence", "details", prose=True),
    )
    last = f"{verdict.last}:{verdict.seal}"
    row = (verdict.rows, verdict.intact, verdict.broken_at, last, verdict.sentence)
    table = Table("Audit trail", columns, [row])
    document = dict(zip((column.key for column in columns), row, strict=True))
    show(Report(document, [table], table), how)
    return ExitCode.OK if verdict.intact else ExitCode.FAILED


def report(found: History) -> Report:
    """An answer of the journal as a report."""
    columns, row_of = _SHAPES[found.kind.value]
    rows = [row_of(record) for record in found.records]
    table = Table(
        "",
        columns,
        rows,
        empty=f"No {found.kind.value} were found.",
        note="There are more; --limit shows them." if found.more else "",
    )
    keys = [column.key for column in columns]
    return Report([dict(zip(keys, row, strict=True)) for row in rows], [table], table)


def _action(item: Any) -> Sequence[Any]:
    before, after = words.action_ends(item.action)
    outcome = item.outcome.value if item.outcome else item.state
    if item.dry_run and outcome not in ("would-do",):
        outcome = f"{outcome} (dry run)"
    return (
        item.ended_s,
        item.source,
        item.plan,
        item.execution,
        item.step,
        item.action.kind.value,
        item.action.subject.name,
        before,
        after,
        outcome,
        item.sentence,
    )


def _decision(item: Any) -> Sequence[Any]:
    before, after = _ends(item)
    return (
        item.created_s,
        item.source,
        item.plan,
        item.step,
        item.kind,
        item.vm,
        before,
        after,
        item.saving,
        item.disruption,
        item.mode,
        item.reason,
    )


def _ends(item: Any) -> tuple[str, str]:
    """What a decision changes from and to: hosts, numbers of shares, or amounts of memory."""
    if item.host_from or item.host_to:
        return item.host_from or "–", item.host_to or "–"
    ends = (item.from_mib, item.to_mib)
    if item.kind == "shares":
        return str(ends[0]), str(ends[1])
    absent = words.absent_word(item.kind)
    before, after = (absent if end is None else words.memory(end) for end in ends)
    return before, after


_AT = "at"
_SHAPES: dict[str, tuple[Sequence[Column], Callable[[Any], Sequence[Any]]]] = {
    "actions": (
        (
            Column("ended_s", _AT, words.moment),
            Column("source", "vCenter", minor=True),
            Column("plan", "plan", right=True, minor=True),
            Column("execution", "execution", right=True, minor=True),
            Column("step", "step"),
            Column("kind", "kind"),
            Column("vm", "subject"),
            Column("from", "from"),
            Column("to", "to"),
            Column("outcome", "outcome"),
            Column("sentence", "details", prose=True),
        ),
        _action,
    ),
    "decisions": (
        (
            Column("created_s", _AT, words.moment),
            Column("source", "vCenter", minor=True),
            Column("plan", "plan", right=True, minor=True),
            *words.STEP_COLUMNS,
        ),
        _decision,
    ),
    "refusals": (
        (
            Column("created_s", _AT, words.moment),
            Column("source", "vCenter", minor=True),
            Column("plan", "plan", right=True, minor=True),
            Column("vm", "VM"),
            Column("reason", "reason"),
            Column("sentence", "why not", prose=True),
        ),
        lambda item: (
            item.created_s,
            item.source,
            item.plan,
            item.subject,
            item.reason,
            item.sentence,
        ),
    ),
    "plans": (
        (
            Column("created_s", _AT, words.moment),
            Column("plan", "plan", right=True, minor=True),
            Column("source", "vCenter"),
            Column("steps", "steps", right=True),
            Column("refusals", "refusals", right=True),
            Column("potential_before", "potential", words.points, right=True),
            Column("potential_after", "→ after", words.points, right=True),
            Column("lower_bound", "bound", words.points, right=True),
        ),
        lambda item: (
            item.created_s,
            item.id,
            item.source,
            item.steps,
            item.refusals,
            item.potential_before,
            item.potential_after,
            item.lower_bound,
        ),
    ),
    "cycles": (
        (
            Column("started_s", _AT, words.moment),
            Column("kind", "kind"),
            Column("source", "vCenter", minor=True),
            Column("vms", "VMs", right=True, minor=True),
            Column("ballooned_mib", "ballooned", words.memory, right=True),
            Column("swapped_mib", "swapped", words.memory, right=True, minor=True),
            Column("swap_in_kibps", "swap-in", words.rate, right=True),
            Column("swap_out_kibps", "swap-out", words.rate, right=True),
            Column("status", "status"),
            Column("sentence", "details", prose=True),
        ),
        lambda item: (
            item.started_s,
            item.kind,
            item.source,
            item.vms,
            item.ballooned_mib,
            item.swapped_mib,
            item.swap_in_kibps,
            item.swap_out_kibps,
            item.status,
            item.sentence,
        ),
    ),
}
