"""What-ifs as people read them: hosts before and after, who is squeezed, what still fits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vsphere_market.cli import words
from vsphere_market.cli.report import Column, Report, Table, Text
from vsphere_market.cli.verbs.planview import step_table

if TYPE_CHECKING:
    from vsphere_market.market.headroom import Advice, Headroom
    from vsphere_market.market.outlook import HostSide, Outlook, Redundancy, Side, Squeezed
    from vsphere_market.port import Entity

#: Rows of a list that are shown to people; machines get all of them.
_SHOWN = 15


def outlook_report(seen: Outlook) -> Report:
    """A change, foretold."""
    hosts = _hosts_table(seen)
    parts: list[Text | Table] = [Text(_headline(seen)), hosts]
    for title, missing in (
        ("VMs that could not be placed", seen.stranded),
        ("VMs that cannot leave", seen.stuck),
    ):
        if missing:
            parts.append(_names_table(title, missing))
    parts += [
        _squeezed_table(seen.then),
        _redundancy_table(seen),
        step_table(seen.plan.steps[:_SHOWN]),
    ]
    more = len(seen.plan.steps) - _SHOWN
    if more > 0:
        parts.append(Text(f"… and {more} more steps; --format json has them all."))
    return Report(_document(seen), parts, hosts)


def headroom_report(found: Sequence[Headroom]) -> Report:
    """How many more VMs fit."""
    columns = (
        Column("cluster", "cluster"),
        Column("comfortable", "fit well", right=True),
        Column("possible", "fit at all", right=True),
        Column("limited_by", "ended by", minor=True),
        Column("like", "VMs like"),
        Column("size_mib", "size", words.memory, right=True),
        Column("memory_mib", "in use", words.memory, right=True, minor=True),
        Column("growth_mib_per_day", "grows a day", _growth, right=True),
        Column("days", "lasts", _days, right=True),
        Column("days_early", "or", _days, right=True, minor=True),
        Column("days_late", "to", _days, right=True, minor=True),
        Column("basis", "known from", prose=True),
    )
    rows = [
        (
            item.cluster,
            item.comfortable,
            item.possible,
            item.limited_by.value if item.limited_by else "",
            item.profile.like.name if item.profile else "",
            item.profile.size_mib if item.profile else math.nan,
            item.profile.memory_mib if item.profile else math.nan,
            item.growth_mib_per_day,
            item.days,
            item.days_early,
            item.days_late,
            item.basis,
        )
        for item in found
    ]
    price = words.price(found[0].comfort_price) if found else "–"
    head = Text(
        "VMs placed one by one where they are cheapest. They fit well as long as one more MiB "
        f"costs at most {price} points where they go, and at all as long as a host has room for "
        "what no balloon can free."
    )
    table = Table("Headroom", columns, rows, empty="There is no cluster with hosts here.")
    names = [column.key for column in columns]
    document = {
        "headroom": [
            {name: _finite(value) for name, value in zip(names, row, strict=True)}
            | {"comfort_price": item.comfort_price}
            for row, item in zip(rows, found, strict=True)
        ]
    }
    return Report(document, [head, table], table)


def advice_report(found: Sequence[Advice], name: str) -> Report:
    """Where a new VM of that name should live."""
    columns = (
        Column("host", "host"),
        Column("cluster", "cluster", minor=True),
        Column("quote", "quote", words.points, right=True),
        Column("price", "price now", words.price, right=True),
        Column("price_after", "price then", words.price, right=True),
        Column("refused", "refused because"),
    )
    rows = [
        (
            item.host.name,
            item.cluster,
            item.quote,
            item.price,
            item.price_after,
            item.refused.value if item.refused else "",
        )
        for item in found
    ]
    best = next((item for item in found if item.refused is None), None)
    sentence = (
        f"{name} lives cheapest on {best.host.name}: the market's cost rises by "
        f"{words.points(best.quote)} points."
        if best
        else "No host can take it."
    )
    table = Table("Quotes for a new VM", columns, rows)
    names = [column.key for column in columns]
    document = {
        "vm": name,
        "best": best.host.name if best else None,
        "quotes": [dict(zip(names, row, strict=True)) for row in rows],
    }
    return Report(document, [Text(sentence), table], table)


def _headline(seen: Outlook) -> str:
    now, then, traded = (
        words.points(side.potential) for side in (seen.now, seen.then, seen.traded)
    )
    swap = sum(host.swap_mib for host in seen.then.hosts)
    after = sum(host.swap_mib for host in seen.traded.hosts)
    steps = words.counted(len(seen.plan.steps), "step")
    sentence = f"The market's cost goes from {now} to {then} points"
    sentence += f", and a plan of {steps} brings it to {traded}." if seen.plan.steps else "."
    if swap >= 1.0:
        sentence += f" Hosts would swap {words.memory(swap)}"
        sentence += f", after the plan {words.memory(after)}." if seen.plan.steps else "."
    return sentence


def _hosts_table(seen: Outlook) -> Table:
    columns = (
        Column("host", "host"),
        Column("cluster", "cluster", minor=True),
        Column("price", "price now", words.price, right=True),
        Column("price_then", "then", words.price, right=True),
        Column("price_traded", "traded", words.price, right=True),
        Column("load", "load now", words.share, right=True, minor=True),
        Column("load_then", "then", words.share, right=True),
        Column("vms", "VMs now", right=True, minor=True),
        Column("vms_then", "then", right=True),
        Column("balloon_mib", "balloons then", words.memory, right=True),
        Column("swap_mib", "swaps then", words.memory, right=True),
    )
    now = {item.host.moid: item for item in seen.now.hosts}
    traded = {item.host.moid: item for item in seen.traded.hosts}
    rows = []
    for item in seen.then.hosts:
        old = now.get(item.host.moid)
        rows.append(
            (
                item.host.name,
                item.cluster,
                old.price if old else math.nan,
                item.price,
                traded[item.host.moid].price,
                old.load if old else math.nan,
                item.load,
                old.vms if old else 0,
                item.vms,
                item.balloon_mib,
                item.swap_mib,
            )
        )
    return Table("Hosts", columns, rows, empty="There are no hosts in this inventory.")


def _squeezed_table(side: Side) -> Table:
    columns = (
        Column("vm", "VM"),
        Column("host", "host"),
        Column("balloon_mib", "ballooned", words.memory, right=True),
        Column("swap_mib", "swapped", words.memory, right=True),
    )
    shown = side.squeezed[:_SHOWN]
    more = len(side.squeezed) - len(shown)
    return Table(
        "Who would be squeezed before anybody reacts",
        columns,
        [(item.vm.name, item.host.name, item.balloon_mib, item.swap_mib) for item in shown],
        empty="Nobody would be short of memory.",
        note=f"… and {words.counted(more, 'more VM')}; --format json has them all." if more else "",
    )


def _redundancy_table(seen: Outlook) -> Table:
    columns = (
        Column("cluster", "cluster"),
        Column("holds", "could lose a host now"),
        Column("holds_traded", "after it all"),
        Column("host", "worst to lose"),
        Column("stranded", "VMs that would not start", right=True),
        Column("swap_mib", "swapped then", words.memory, right=True),
    )
    now = {item.cluster: item for item in seen.now.redundancy}
    rows = [
        (
            item.cluster,
            now[item.cluster].holds if item.cluster in now else None,
            item.holds,
            item.host.name,
            item.stranded,
            item.swap_mib,
        )
        for item in seen.traded.redundancy
    ]
    return Table("One host more lost", columns, rows)


def _names_table(title: str, missing: Sequence[Entity]) -> Table:
    more = len(missing) - _SHOWN
    note = f"… and {more} more" if more > 0 else ""
    return Table(title, (Column("vm", "VM"),), [(vm.name,) for vm in missing[:_SHOWN]], note=note)


def _growth(mib: float) -> str:
    return "not known" if math.isnan(mib) else words.memory(mib)


def _days(days: float) -> str:
    if math.isnan(days):
        return "not known"
    return "does not grow" if math.isinf(days) else words.counted(round(days), "day")


def _document(seen: Outlook) -> dict[str, Any]:
    from vsphere_market.market.planfile import plan_to_json

    return {
        "now": _side(seen.now),
        "then": _side(seen.then),
        "traded": _side(seen.traded),
        "stranded": [vm.name for vm in seen.stranded],
        "stuck": [vm.name for vm in seen.stuck],
        "plan": plan_to_json(seen.plan),
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "potential": side.potential,
        "lower_bound": side.lower_bound,
        "running": side.running,
        "hosts": [_host(item) for item in side.hosts],
        "squeezed": [_squeezed(item) for item in side.squeezed],
        "redundancy": [_redundancy(item) for item in side.redundancy],
    }


def _host(item: HostSide) -> dict[str, Any]:
    return {
        "moid": item.host.moid,
        "host": item.host.name,
        "cluster": item.cluster,
        "price": item.price,
        "load": item.load,
        "footprint": item.footprint,
        "vms": item.vms,
        "balloon_mib": item.balloon_mib,
        "swap_mib": item.swap_mib,
        "fit": item.fit,
    }


def _squeezed(item: Squeezed) -> dict[str, Any]:
    return {
        "moid": item.vm.moid,
        "vm": item.vm.name,
        "host": item.host.name,
        "balloon_mib": item.balloon_mib,
        "swap_mib": item.swap_mib,
    }


def _redundancy(item: Redundancy) -> dict[str, Any]:
    return {
        "cluster": item.cluster,
        "holds": item.holds,
        "host": item.host.name,
        "stranded": item.stranded,
        "balloon_mib": item.balloon_mib,
        "swap_mib": item.swap_mib,
    }


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
