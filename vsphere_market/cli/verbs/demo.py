"""``demo``: the whole thing on an embedded plant, as a story for newcomers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from vsphere_market.cli.options import format_options, with_options
from vsphere_market.cli.report import Column, Format

if TYPE_CHECKING:
    from vsphere_market.cli.report import Report, Table
    from vsphere_market.cli.report import Text as Paragraph
    from vsphere_market.control.demo import Demo, Gauge, Moment


@with_options(how=format_options)
def demo(
    how: Format,
    estate: Annotated[
        str, Option(help="Another estate file, or the name of a shipped one.", metavar="ESTATE")
    ] = "demo",
    everything: Annotated[bool, Option("--all", help="Fold no long lists.")] = False,
) -> None:
    """Show a hot estate, its root causes, the trades, and pressure before and after.

    Needs no vCenter: the hosts are simulated, down to balloon, compression and swap.
    """
    from vsphere_market.cli.render import busy, show, write_json
    from vsphere_market.control.demo import run_demo

    with busy("simulating an hour of a hot estate, then letting the market at it"):
        played = run_demo(estate)
    if how is Format.JSON:
        # One line, so that whoever takes the last line of stdout has all of it.
        write_json(document(played), line=True)
        return
    show(story(played, everything=everything), how)


def document(played: Demo) -> dict[str, Any]:
    """The demo as one JSON object."""
    from vsphere_market.cli.verbs.prices import document as prices_document
    from vsphere_market.market.planfile import plan_to_json

    first = played.first
    return {
        "estate": played.estate,
        "about": played.about,
        "before": _gauge_json(played.before),
        "after": _gauge_json(played.after),
        "steps_done": played.steps_done,
        "replan_steps": played.replan_steps,
        "timeline": [
            {
                "minute": moment.minute,
                **_gauge_json(moment.gauge),
                "potential": moment.report.plan.certificate.potential_before,
                "steps": len(moment.report.plan.steps),
                "done": moment.report.done,
            }
            for moment in played.moments
        ],
        "prices": prices_document(first.view, first.started_s),
        "plan": plan_to_json(first.plan),
    }


def _gauge_json(gauge: Gauge) -> dict[str, float]:
    names = (
        "stall_pct",
        "stall_worst_pct",
        "ballooned_mib",
        "swapped_mib",
        "compressed_mib",
        "swapin_kibps",
        "swapout_kibps",
    )
    return {name: round(getattr(gauge, name), 4) for name in names}


def story(played: Demo, *, everything: bool) -> Report:
    """The demo as a story."""
    from vsphere_market.cli import words
    from vsphere_market.cli.report import Report, Text
    from vsphere_market.cli.verbs import planview, prices

    first = played.first
    snapshot = first.frame.snapshot
    estate = (
        f"{words.counted(len(snapshot.hosts), 'host')}, {words.counted(len(snapshot.vms), 'VM')}"
    )
    after = gauge_table(played)
    parts: list[Table | Paragraph] = [
        Text("1. The estate", "bold cyan", heading=True),
        Text(f"{played.about} ({estate}; everything is simulated, nothing is real.)"),
        Text("2. What memory costs where, and who is hot", "bold cyan", heading=True),
        Text(
            "Hosts sell memory and VMs buy it. A price is what one more MiB of working set would "
            "cost everybody on that host; it rises steeply as the host fills."
        ),
        prices.host_table(first.view),
        planview.causes_table(first.view, everything=everything),
        Text("3. What the market trades, and why", "bold cyan", heading=True),
        planview.headline(first.plan),
        *planview.wave_tables(first.plan, everything=everything),
        planview.outlook_table(first.plan, everything=everything),
        planview.certificate_text(first.plan),
        *planview.refusal_parts(first.plan.refusals, everything=everything),
        Text("4. Half an hour later", "bold cyan", heading=True),
        _timeline(played.moments),
        *_later_steps(played.moments[1:]),
        after,
        Text(_ending(played)),
        Text(
            "Look closer: vsphere-market explain report-01 --plant demo; vsphere-market plan "
            "--plant demo -o plan.json; vsphere-market --help"
            if played.estate == "demo"
            else "Look closer: vsphere-market plan --plant with the same estate."
        ),
    ]
    return Report(document(played), parts, after)


def gauge_table(played: Demo) -> Table:
    """Pressure before and after."""
    from vsphere_market.cli.report import Table

    before, after = played.before, played.after
    rows = [
        ("time spent waiting for memory, mean", before.stall_pct, after.stall_pct, "%"),
        ("the same, worst VM", before.stall_worst_pct, after.stall_worst_pct, "%"),
        ("ballooned", before.ballooned_mib, after.ballooned_mib, "MiB"),
        ("swap-in", before.swapin_kibps, after.swapin_kibps, "KiB/s"),
        ("swap-out", before.swapout_kibps, after.swapout_kibps, "KiB/s"),
        ("swapped", before.swapped_mib, after.swapped_mib, "MiB"),
        ("compressed", before.compressed_mib, after.compressed_mib, "MiB"),
    ]
    columns = (
        Column("measure", "pressure"),
        Column("before", "before", right=True, show=_figure),
        Column("after", "after", right=True, show=_figure),
        Column("unit", ""),
    )
    return Table("Before and after", columns, rows)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _timeline(moments: tuple[Moment, ...]) -> Table:
    from vsphere_market.cli.report import Table
    from vsphere_market.cli.words import memory, percent, points, rate

    columns = (
        Column("minute", "minute", lambda minute: f"{minute:.0f}", right=True),
        Column("stall_pct", "waiting", percent, right=True),
        Column("ballooned_mib", "ballooned", memory, right=True),
        Column("swapin_kibps", "swap-in", rate, right=True),
        Column("swapout_kibps", "swap-out", rate, right=True),
        Column("potential", "potential", points, right=True),
        Column("done", "steps done", right=True),
    )
    rows = [
        (
            moment.minute,
            moment.gauge.stall_pct,
            moment.gauge.ballooned_mib,
            moment.gauge.swapin_kibps,
            moment.gauge.swapout_kibps,
            moment.report.plan.certificate.potential_before,
            moment.report.done,
        )
        for moment in moments
    ]
    return Table("The loop looks every five minutes", columns, rows)


def _later_steps(moments: tuple[Moment, ...]) -> list[Table | Paragraph]:
    """What was still done after the first round."""
    from vsphere_market.cli import words
    from vsphere_market.cli.report import Table

    columns = (
        Column("minute", "minute", lambda minute: f"{minute:.0f}", right=True),
        *words.STEP_COLUMNS,
    )
    rows = [
        (moment.minute, *words.step_row(step))
        for moment in moments
        for step in moment.report.plan.steps
        if step.id in moment.report.chosen
    ]
    return [Table("Done later, as demand showed itself", columns, rows)]


def _ending(played: Demo) -> str:
    from vsphere_market.cli.words import counted, memory

    done = f"{counted(played.steps_done, 'step')} done"
    if played.replan_steps:
        left = f"a fresh look still finds {counted(played.replan_steps, 'step')} to do"
    else:
        left = "a fresh look at the estate finds nothing left to do: the market has come to rest"
    text = f"{done}; {left}."
    if played.after.swapped_mib >= 1:
        text += (
            f" {memory(played.after.swapped_mib)} stay in swap files: ESXi brings a swapped page "
            "back only when somebody touches it. Nobody does, so nobody waits for them."
        )
    return text
