"""``backtest``: controllers side by side on the plant."""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from vsphere_market.cli.options import (
    JournalPlace,
    format_options,
    journal_options,
    policy_options,
    with_options,
)
from vsphere_market.cli.report import Column, Format, Report, Table, Text

if TYPE_CHECKING:
    from vsphere_market.proving.compare import Comparison
    from vsphere_market.proving.jobs import Job
    from vsphere_market.proving.roster import Named
    from vsphere_market.proving.tuning import Tried

#: What stdout does not show of a result; files under --out have it.
_BULKY = ("series", "deeds")
_FIRST = (
    "controller", "estate", "seed", "pain", "swapin_gib", "balloon_gib_hours", "swap_gib_hours",
    "moves", "moved_gib", "violations",
)  # fmt: skip


#: Who competes by default: on estates, and on history.
_USUAL = {False: "none,threshold,drs,drs7,market", True: "none,market"}


class Actions(StrEnum):
    """What controllers may do."""

    MIGRATE = "migrate"
    ALL = "all"


@with_options(policies=policy_options, journal=journal_options, how=format_options)
def backtest(  # noqa: PLR0913, PLR0917 - one parameter per option
    policies: tuple[Path, ...],
    journal: JournalPlace | None,
    how: Format,
    estate: Annotated[
        str,
        Option(
            help="Estate file, or the name of one that is shipped; demo if none is named.",
            metavar="ESTATE",
        ),
    ] = "",
    history: Annotated[
        bool,
        Option(
            "--history",
            help="Let controllers live through what the journal recorded of a vCenter, instead of "
            "an estate file.",
        ),
    ] = False,
    days: Annotated[
        float, Option(help="With --history: how far back.", min=0.01, max=1000.0)
    ] = 30.0,
    source: Annotated[
        str,
        Option(
            help="With --history: of which vCenter, where the journal knows several.",
            metavar="NAME",
        ),
    ] = "",
    snapshot: Annotated[
        Path | None,
        Option(
            help="With --history: take what the journal does not keep from this snapshot: vCPUs, "
            "shares, hot-add, rules, tags.",
            metavar="FILE",
        ),
    ] = None,
    traces: Annotated[
        Path | None,
        Option(
            help="Recorded workloads to put on the estate: .parquet, .csv, .csv.gz or .npz with "
            "the columns vm, ts, mem_granted_kib and mem_active_kib.",
            metavar="FILE",
        ),
    ] = None,
    controllers: Annotated[
        str,
        Option(
            help="Who competes, with commas between: none, threshold, drs, drs7, hbal, "
            "rightsizing, oracle, market; parameters behind colons, as in drs:level=4. By default "
            "none,threshold,drs,drs7,market; with --history none,market.",
            metavar="NAMES",
        ),
    ] = "",
    seeds: Annotated[int, Option(help="How many seeds: 1 to N.", min=1, max=1000)] = 3,
    hours: Annotated[
        float | None,
        Option(
            help="Hours to simulate; 24, or with --history all that was recorded.",
            min=0.1,
            max=24000.0,
        ),
    ] = None,
    watched: Annotated[
        float,
        Option(
            help="Hours before those, in which controllers look and may not act, as when one has "
            "only been told to recommend; they are not counted.",
            min=0.0,
            max=24000.0,
        ),
    ] = 0.0,
    actions: Annotated[
        Actions, Option(help="What controllers may do: only migrate, or everything they can.")
    ] = Actions.ALL,
    tune: Annotated[
        bool,
        Option("--tune", help="First look for each rival's best parameters, on other seeds."),
    ] = False,
    out: Annotated[
        Path | None,
        Option(
            help="Keep one file per trial in this folder; what is there is not run again.",
            metavar="DIR",
        ),
    ] = None,
    html: Annotated[
        Path | None, Option(help="Write one page with plots to this file.", metavar="FILE")
    ] = None,
    jobs: Annotated[int, Option(help="Processes; 0 for one per core.", min=0, max=256)] = 0,
) -> None:
    """Let controllers compete on simulated hosts, with the same demand for each.

    The hosts balloon, compress and swap as ESXi does. Pain is the time that VMs lost waiting for
    memory, in VM-hours, each VM's weighted by its priority.

    With --history the question is: what would these policies have done to my last month? The VMs
    begin where the journal begins to know them, and want what they were seen to touch since.
    """
    from vsphere_market.cli.render import say, show
    from vsphere_market.proving.compare import run_all
    from vsphere_market.proving.compare import tune as try_all

    with tempfile.TemporaryDirectory(prefix="vsphere-market-") as folder:
        asked = _Asked(
            policies,
            estate,
            traces,
            controllers or _USUAL[history],
            seeds,
            hours,
            actions.value,
            watched,
        )
        if history:
            comparison, notes = _recorded(
                asked, journal, (days, source, snapshot), out or Path(folder)
            )
        else:
            comparison, notes = _estate(asked), ()
        for note in (*notes, *comparison.notes()):
            say(f"note: {note}")
        tried: dict[Named, list[Tried]] = {}
        if tune:
            with _progress("tuning") as watch:
                tried = try_all(
                    comparison,
                    hours=min(comparison.hours, 12.0),
                    folder=out,
                    workers=jobs or None,
                    watch=watch,
                )
        with _progress("simulating") as watch:
            results = run_all(comparison, tried, folder=out, workers=jobs or None, watch=watch)
    if html is not None:
        _write_page(html, results, notes)
        say(f"wrote {html}")
    show(_report(results, tried), how)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was said on the command line."""

    policies: tuple[Path, ...]
    estate: str
    traces: Path | None
    controllers: str
    seeds: int
    hours: float | None
    actions: str
    watched: float


def _estate(asked: _Asked) -> Comparison:
    """A comparison on an estate file."""
    from vsphere_market.control.sources import estate_path
    from vsphere_market.proving.compare import Comparison
    from vsphere_market.proving.roster import parse_all

    return Comparison(
        estate=estate_path(asked.estate or "demo"),
        controllers=parse_all(asked.controllers),
        seeds=tuple(range(1, asked.seeds + 1)),
        hours=24.0 if asked.hours is None else asked.hours,
        actions=asked.actions,
        traces=asked.traces,
        policies=asked.policies,
        watched_h=asked.watched,
    )


def _recorded(
    asked: _Asked,
    journal: JournalPlace | None,
    which: tuple[float, str, Path | None],
    folder: Path,
) -> tuple[Comparison, tuple[str, ...]]:
    """A comparison on what a journal recorded, and what has to be said about it."""
    from vsphere_market.errors import UsageError
    from vsphere_market.estate import read_snapshot
    from vsphere_market.journal import default_path
    from vsphere_market.proving.compare import Comparison
    from vsphere_market.proving.history import read_record, write_recorded
    from vsphere_market.proving.roster import parse_all

    for given, option in ((asked.estate, "--estate"), (asked.traces, "--traces")):
        if given:
            raise UsageError(
                f"{option} and --history exclude each other", where="--history",
                cure="leave one of them out",
            )  # fmt: skip
    named = parse_all(asked.controllers)
    days, source, known = which
    record = read_record(journal or default_path(), days=days, source=source)
    made = write_recorded(record, folder, None if known is None else read_snapshot(known))
    left = made.hours - asked.watched
    if left <= 0.0:
        raise UsageError(
            f"the record lasts {made.hours:.1f} hours, and {asked.watched:g} of them are only "
            "watched", where="--watched", cure="watch for less",
        )  # fmt: skip
    if asked.hours is not None and asked.hours > left:
        raise UsageError(
            f"the record lasts {made.hours:.1f} hours, less than {asked.watched + asked.hours:g}",
            where="--hours", cure="leave --hours out",
        )  # fmt: skip
    return (
        Comparison(
            estate=made.estate,
            controllers=named,
            seeds=tuple(range(1, asked.seeds + 1)),
            hours=left if asked.hours is None else asked.hours,
            actions=asked.actions,
            policies=asked.policies,
            dated=True,
            watched_h=asked.watched,
        ),
        made.notes,
    )


def _write_page(path: Path, results: Sequence[dict[str, Any]], notes: Sequence[str]) -> None:
    from vsphere_market.errors import StorageError
    from vsphere_market.proving.page import page

    text = page(
        results,
        title=f"Backtest: {results[0]['estate']}",
        about=" ".join(
            (
                "Controllers side by side on simulated ESXi hosts, with the same demand for each.",
                *notes,
            )
        ),
        command=shlex.join(["vsphere-market", *sys.argv[1:]]),
    )
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise StorageError(
            f"the page cannot be written ({problem.strerror})", where=str(path)
        ) from None


def document(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results as JSON shows them: one object per trial."""
    return [
        {key: result[key] for key in _FIRST}
        | {key: value for key, value in result.items() if key not in (*_FIRST, *_BULKY)}
        for result in results
    ]


def _report(results: Sequence[dict[str, Any]], tried: dict[Named, list[Tried]]) -> Report:
    from vsphere_market.proving.page import COLUMNS, by_controller, median

    groups = by_controller(results)
    columns = (
        Column("controller", "controller"),
        Column("setting", "setting") if tried else Column("seeds", "seeds", right=True),
        *(Column(key, title, _figure, right=True) for key, title, _ in COLUMNS),
    )
    rows = [
        (
            label,
            group[0]["setting"].partition(":")[2] or "–" if tried else len(group),
            *(median(group, key) for key, _, _ in COLUMNS),
        )
        for label, group in groups.items()
    ]
    first = results[0]
    watched = f" after {first['watched_hours']:g} watched" if first["watched_hours"] else ""
    title = f"{first['estate']}, {first['hours']:g} hours{watched}, medians over seeds"
    table = Table(title, columns, rows)
    meaning = Text("; ".join(f"{title}: {what}" for _, title, what in COLUMNS) + ".", "dim")
    return Report(document(results), [table, meaning], table)


def _figure(value: float) -> str:
    from vsphere_market.proving.charts import number

    return number(float(value))


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int, Job], None] | None]:
    """A bar on stderr when that is a terminal; otherwise nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def watch(over: int, total: int, job: Job) -> None:
            bar.update(
                task, completed=over, total=total,
                description=f"{what}: {job.controller.label}, seed {job.seed}",
            )  # fmt: skip

        yield watch
