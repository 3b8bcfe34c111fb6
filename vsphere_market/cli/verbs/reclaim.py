"""``reclaim``: memory that is bound without being used, and what freeing it buys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from vsphere_market.cli.options import (
    SourceArgs,
    format_options,
    journal_options,
    policy_options,
    source_options,
    with_options,
)
from vsphere_market.cli.report import Column, Format, Report, Table, Text

if TYPE_CHECKING:
    from vsphere_market.control.reclaiming import Findings

#: VMs shown unless all are asked for.
_SHOWN = 20


@with_options(
    source=source_options, policies=policy_options, journal=journal_options, how=format_options
)
def reclaim(
    source: SourceArgs,
    policies: tuple[Path, ...],
    journal: Path | None,
    how: Format,
    everything: Annotated[bool, Option("--all", help="Show every VM.")] = False,
) -> None:
    """Show idle, oversized, over-reserved and forgotten VMs, and what freeing them buys today.

    Nothing is changed. The longer the journal has watched, the surer it is of sizes.
    """
    from vsphere_market.cli.render import busy, show
    from vsphere_market.cli.verbs.shared import warn_of
    from vsphere_market.control.decide import frame, policies_from
    from vsphere_market.control.journals import known_journal
    from vsphere_market.control.reclaiming import reclaimable

    wanted = policies_from(policies)
    with source.open() as opened, known_journal(opened, journal) as known:
        with busy(f"reading {opened.label}"):
            taken = opened.observe()
        framed = frame(taken, wanted, now_s=opened.clock.now_s(), journal=known)
    warn_of(framed)
    show(report(reclaimable(framed), everything=everything), how)


def report(found: Findings, *, everything: bool) -> Report:
    """What could be got back, as a report."""
    from vsphere_market.cli import words
    from vsphere_market.cli.verbs.explainview import plain_json
    from vsphere_market.market.underused import WASTE_WORDS

    items, sums, worth = found.vms, found.sums, found.worth
    freed = sum(item.freed_mib for item in items)
    head = Text(
        f"{words.counted(len(items), 'VM')} {'binds' if len(items) == 1 else 'bind'} memory "
        f"without need; hosts would have {words.memory(freed)} less to keep, which together is "
        f"worth {words.points(worth)} points at today's prices. Points tell where to "
        "begin: on an empty host, freeing buys little."
        if items
        else "No VM binds memory without need, as far as is known."
    )
    totals = Table(
        "By cluster",
        (
            Column("cluster", "cluster"),
            Column("waste", "what"),
            Column("vms", "VMs", right=True),
            Column("held_mib", "hold", words.memory, right=True),
            Column("freed_mib", "frees", words.memory, right=True),
            Column("reserved_mib", "unreserves", words.memory, right=True),
            Column("worth", "worth", words.points, right=True),
        ),
        [
            (
                one.cluster,
                one.waste.value,
                one.vms,
                one.held_mib,
                one.freed_mib,
                one.reserved_mib,
                one.worth,
            )
            for one in sums
        ],
    )
    shown = items if everything else items[:_SHOWN]
    more = len(items) - len(shown)
    table = Table(
        "VMs, what is worth most first",
        (
            Column("vm", "VM"),
            Column("host", "host", minor=True),
            Column("waste", "what"),
            Column("freed_mib", "frees", words.memory, right=True),
            Column("reserved_mib", "unreserves", words.memory, right=True, minor=True),
            Column("worth", "worth", words.points, right=True),
            Column("days", "days known", lambda days: f"{days:.0f}", right=True, minor=True),
            Column("note", "because", prose=True),
            Column("cure", "it", prose=True),
        ),
        [
            (
                item.vm.name,
                item.host.name,
                item.waste.value,
                item.freed_mib,
                item.reserved_mib,
                item.worth,
                item.days,
                item.note,
                WASTE_WORDS[item.waste],
            )
            for item in shown
        ],
        note=f"… and {more} more; --all shows them." if more else "",
    )
    document = {
        "freed_mib": freed,
        "worth": worth,
        "clusters": plain_json(sums),
        "vms": [plain_json(item) for item in items],
    }
    return Report(document, [head, totals, table], table)
