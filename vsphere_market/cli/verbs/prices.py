"""``prices``: the market as it stands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
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
from vsphere_market.cli.report import Column, Format, Report, Table, Text

if TYPE_CHECKING:
    from vsphere_market.control.remedies import Remedy
    from vsphere_market.market import HostView, MarketView, StoreView, VmDiagnosis


class By(StrEnum):
    """What prices are listed by."""

    HOST = "host"
    APPLICATION = "application"


#: Squeezed VMs shown unless all are asked for.
SHOWN = 15


@with_options(
    source=source_options, policies=policy_options, journal=journal_options, how=format_options
)
def prices(
    source: SourceArgs,
    policies: tuple[Path, ...],
    journal: JournalPlace | None,
    how: Format,
    everything: Annotated[bool, Option("--all", help="Show every squeezed VM.")] = False,
    vms: Annotated[bool, Option("--vms", help="In CSV, list squeezed VMs, not hosts.")] = False,
    by: Annotated[
        By, Option("--by", help="List hosts, or applications by what they take and pay.")
    ] = By.HOST,
) -> None:
    """Show hosts by price with their pressure and its root cause, then the squeezed VMs."""
    from vsphere_market.cli.render import busy, show
    from vsphere_market.cli.verbs.shared import warn_of
    from vsphere_market.control.decide import frame, policies_from, view
    from vsphere_market.control.journals import known_journal
    from vsphere_market.control.remedies import remedies

    wanted = policies_from(policies)
    with source.open() as opened, known_journal(opened, journal) as known:
        with busy(f"reading {opened.label}"):
            taken = opened.observe()
        framed = frame(taken, wanted, now_s=opened.clock.now_s(), journal=known)
        if by is By.APPLICATION:
            from vsphere_market.cli.verbs.appview import applications_report
            from vsphere_market.market.applications import applications

            warn_of(framed)
            show(applications_report(applications(framed.question.ledger())), how)
            return
        seen = view(framed)
        listed = seen.squeezed if everything or vms else seen.squeezed[:SHOWN]
        ways = remedies(framed, listed, known)
    warn_of(framed)
    show(report(seen, framed.now_s, everything=everything, vms=vms, ways=ways), how)


def report(
    seen: MarketView,
    now_s: float,
    *,
    everything: bool,
    vms: bool = False,
    ways: Mapping[str, Remedy] | None = None,
) -> Report:
    """The market's view as a report; ``ways`` are cures by managed object id."""
    from vsphere_market.cli import words

    hosts = host_table(seen)
    ways = ways or {}
    squeezed = squeezed_table(seen, ways, everything=everything or vms)
    head = Text(
        f"Potential {words.points(seen.potential)} points, the cost of memory as it is placed "
        "now. Prices are points for one more MiB of working set."
    )
    stores = [store_table(seen)] if seen.stores else []
    blocks: list[Table | Text] = [head, hosts, *stores, squeezed]
    return Report(document(seen, now_s, ways), blocks, squeezed if vms else hosts)


def host_table(seen: MarketView) -> Table:
    """Hosts, the dearest first."""
    from vsphere_market.cli import words

    columns = (
        Column("host", "host"),
        Column("cluster", "cluster", minor=True),
        Column("price", "price", words.price, right=True),
        Column("pressure", "pressure", style=pressure_style),
        Column("load", "load", words.share, right=True),
        Column("footprint", "footprint", words.share, right=True, minor=True),
        Column("usable_mib", "for sale", words.memory, right=True, minor=True),
        Column("ballooned_mib", "ballooned", words.memory, right=True),
        Column("swapped_mib", "swapped", words.memory, right=True),
        Column("swap_kibps", "swapping", words.rate, right=True),
        Column("vms", "VMs", right=True, minor=True),
        Column("cause", "root cause", prose=True),
    )
    rows = [
        (
            host.host.name,
            host.cluster,
            host.price,
            host.pressure.value,
            host.load,
            host.footprint,
            host.usable_mib,
            host.ballooned_mib,
            host.swapped_mib,
            host.swap_kibps,
            host.vms,
            host.because if host.fit else f"{host.because} (takes no VMs)".strip(),
        )
        for host in seen.hosts
    ]
    return Table("Hosts by price", columns, rows, empty="There are no hosts in this inventory.")


def store_table(seen: MarketView) -> Table:
    """Datastores that are known by how they serve requests, the dearest first."""
    from vsphere_market.cli import words

    columns = (
        Column("datastore", "datastore"),
        Column("price", "price", words.price, right=True),
        Column("load", "load", words.share, right=True),
        Column("iops", "I/O/s", words.price, right=True),
        Column("latency_ms", "latency, ms", words.price, right=True),
        Column("free_mib", "free", words.memory, right=True, minor=True),
        Column("hours", "hours", right=True, minor=True),
    )
    rows = [
        (
            one.store.name, one.price, one.load, one.iops, one.latency_ms, one.free_mib,
            round(one.hours),
        )
        for one in seen.stores
    ]  # fmt: skip
    return Table("Datastores by price, points for one more request a second", columns, rows)


def squeezed_table(seen: MarketView, ways: Mapping[str, Remedy], *, everything: bool) -> Table:
    """VMs that are short of memory, the most hurt first."""
    from vsphere_market.cli import words
    from vsphere_market.market import CAUSE_WORDS

    columns = (
        Column("vm", "VM"),
        Column("host", "host"),
        Column("taken_mib", "taken away", words.memory, right=True),
        Column("swap_in_kibps", "comes back at", words.rate, right=True),
        Column("latency_pct", "waits", words.percent, right=True),
        Column("hurts", "hurts", style=lambda hurts: "red" if hurts else ""),
        Column("cause", "root cause", lambda cause: CAUSE_WORDS[cause], prose=True),
        Column("bill", "pays", words.points, right=True, minor=True),
        Column("limit_bill", "for a limit", words.points, right=True, minor=True),
        Column("since_s", "since", words.moment, minor=True),
        Column("cure", "cheapest cure", prose=True),
    )
    shown = seen.squeezed if everything else seen.squeezed[:SHOWN]
    more = len(seen.squeezed) - len(shown)
    return Table(
        "Squeezed VMs",
        columns,
        [
            (
                item.vm.name,
                item.host.name,
                item.taken_mib,
                item.swap_in_kibps,
                item.latency_pct,
                item.hurts,
                item.cause,
                item.bill,
                item.limit_bill,
                *_way(ways.get(item.vm.moid)),
            )
            for item in shown
        ],
        empty="No VM is short of memory.",
        note=f"… and {more} more; --all shows them." if more else "",
    )


def _way(way: Remedy | None) -> tuple[float | None, str]:
    """Since when, and the cheapest cure with its price."""
    from vsphere_market.cli import words

    if way is None:
        return None, ""
    since_s = way.since.at_s if way.since else None
    if way.cheapest is None:
        return since_s, ""
    cure = way.cheapest
    priced = not math.isnan(cure.disruption)
    cost = f" (costs {words.points(cure.disruption)} points)" if priced else ""
    return since_s, cure.words + cost


def pressure_style(pressure: str) -> str:
    """Colour of a host's pressure."""
    return {"swapping": "bold red", "ballooning": "red", "full": "yellow", "calm": "green"}.get(
        pressure, ""
    )


def document(
    seen: MarketView, now_s: float, ways: Mapping[str, Remedy] | None = None
) -> dict[str, Any]:
    """The market's view as JSON."""
    from vsphere_market.estate import time_text

    return {
        "at": time_text(now_s),
        "potential": seen.potential,
        "hosts": [_host(host) for host in seen.hosts],
        "datastores": [_store(one) for one in seen.stores],
        "squeezed": [_squeezed(item, (ways or {}).get(item.vm.moid)) for item in seen.squeezed],
    }


def _host(host: HostView) -> dict[str, Any]:
    return {
        "moid": host.host.moid,
        "host": host.host.name,
        "cluster": host.cluster,
        "price": host.price,
        "pressure": host.pressure.value,
        "cause": host.because,
        "causes": {cause.value: mib for cause, mib in host.causes},
        "load": host.load,
        "footprint": host.footprint,
        "usable_mib": host.usable_mib,
        "ballooned_mib": host.ballooned_mib,
        "swapped_mib": host.swapped_mib,
        "swap_kibps": host.swap_kibps,
        "vms": host.vms,
        "fit": host.fit,
    }


def _store(one: StoreView) -> dict[str, Any]:
    from vsphere_market.cli.verbs.explainview import plain_json

    return {
        "moid": one.store.moid,
        "datastore": one.store.name,
        "price": plain_json(one.price),
        "load": plain_json(one.load),
        "iops": plain_json(one.iops),
        "latency_ms": one.latency_ms,
        "free_mib": plain_json(one.free_mib),
        "hours": round(one.hours),
    }


def _squeezed(item: VmDiagnosis, way: Remedy | None) -> dict[str, Any]:
    from vsphere_market.cli.verbs.explainview import plain_json

    return {
        "moid": item.vm.moid,
        "vm": item.vm.name,
        "host": item.host.name,
        "cause": item.cause.value,
        "taken_mib": item.taken_mib,
        "swap_in_kibps": item.swap_in_kibps,
        "latency_pct": item.latency_pct,
        "hurts": item.hurts,
        "because": item.because,
        "bill": item.bill,
        "limit_bill": item.limit_bill,
        "inside": plain_json(item.inside),
        "outside": plain_json(item.outside),
        "since": plain_json(way.since) if way else None,
        "cure": plain_json(way.cheapest) if way else None,
    }
