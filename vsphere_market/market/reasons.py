"""The sentence and the numbers behind each step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsphere_market.market.causes import CAUSE_WORDS
from vsphere_market.market.diagnosis import VmDiagnosis, host_entity
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.plan import Evidence
from vsphere_market.market.trades import Change, Move, Trade
from vsphere_market.port import ActionKind
from vsphere_market.units import gib_text


def sentence_of(
    ledger: Ledger, trade: Trade, diagnosis: VmDiagnosis | None, group: Sequence[Trade] = ()
) -> str:
    """Why a trade is done, in one sentence; the ledger stands just before it.

    Args:
        ledger: the market's state.
        trade: the trade.
        diagnosis: of its VM, if that is short of memory.
        group: what it is done together with, itself among them.
    """
    what = trade.what
    if group and isinstance(what, Move):
        return _group_sentence(ledger, what, group)
    if isinstance(what, Move):
        return _move_sentence(ledger, what, trade, diagnosis)
    return _change_sentence(ledger, what)


def _group_sentence(ledger: Ledger, move: Move, group: Sequence[Trade]) -> str:
    """Why VMs change places, or one makes room for another."""
    vms = ledger.snapshot.vms
    others = [vms.name[other.what.vm] for other in group if other.what.vm != move.vm]
    saving = sum(trade.saving for trade in group)
    disruption = sum(trade.disruption for trade in group)
    named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    price = ledger.host_price()
    source, target = host_entity(ledger, move.source).name, host_entity(ledger, move.target).name
    return (
        f"one trade with the moves of {named}, which none of them is worth alone: together they "
        f"save {saving / max(disruption, 1e-9):.3g} times what they disturb (a MiB costs "
        f"{price[move.source]:.4g} on {source} and {price[move.target]:.4g} on {target} before "
        "this step)."
    )


def _move_sentence(ledger: Ledger, move: Move, trade: Trade, diagnosis: VmDiagnosis | None) -> str:
    price = ledger.host_price()
    source, target = host_entity(ledger, move.source).name, host_entity(ledger, move.target).name
    footprint = ledger.supply.goods[1].columns.start
    over = ledger.load[move.source, footprint] - ledger.supply.usable[move.source]
    why = (
        f"{source} has sold {gib_text(over)} more than it has"
        if over > 0
        else f"memory is dear on {source}"
    )
    hurt = f" and {CAUSE_WORDS[diagnosis.cause]}" if diagnosis and over <= 0 else ""
    return (
        f"{why}{hurt}: a MiB costs {price[move.source]:.4g} there and {price[move.target]:.4g} on "
        f"{target}; moving saves {trade.saving / max(trade.disruption, 1e-9):.3g} times what it "
        "disturbs."
    )


def _change_sentence(ledger: Ledger, change: Change) -> str:
    demand, terms, vm = ledger.demand, ledger.terms, change.vm
    host = int(ledger.host_of[vm])
    name = host_entity(ledger, host).name
    free = ledger.supply.usable[host] - ledger.load[host, ledger.supply.goods[1].columns.start]
    match change.kind:
        case ActionKind.LIMIT:
            return (
                f"its limit of {gib_text(change.before)} is below its size of "
                f"{gib_text(terms.size[vm])}, so ESXi takes {gib_text(demand.taken[vm])} from it "
                f"although {name} has {gib_text(max(free, 0.0))} unsold: moving or growing would "
                "not help, lifting the limit does."
            )
        case ActionKind.HOT_ADD:
            wanted = demand.wanted[vm]
            return (
                f"its guest wants {gib_text(wanted)} of its {gib_text(change.before)} "
                f"({wanted / change.before:.0%}); {gib_text(change.after - change.before)} more "
                f"costs {ledger.host_price()[host]:.4g} a MiB on {name}, less than going without."
            )
        case ActionKind.RESERVATION:
            share = ledger.rulebook.guarantee[vm]
            usual = ledger.guaranteed(np.array([vm]))[0] / share
            return (
                f"policy guarantees {share:.0%} of its usual working set of "
                f"{gib_text(usual)}, and only {gib_text(change.before)} is "
                "reserved."
            )
        case ActionKind.BALLOON_CAP:
            idle = max(terms.footprint[vm] - demand.working_set[vm], 0.0)
            return (
                f"it holds {gib_text(idle)} idle, but its balloon cap of {gib_text(change.before)} "
                f"keeps it from {name}, which has to swap others instead."
            )
        case _:
            raise ValueError(f"the market makes no trade of the kind {change.kind}")


def evidence_of(ledger: Ledger, trade: Trade) -> tuple[Evidence, ...]:
    """The counters, prices and settings that the trade stands on, known ones only."""
    what = trade.what
    vms, demand, vm = ledger.snapshot.vms, ledger.demand, what.vm
    host = int(ledger.host_of[vm])
    price, usable = ledger.host_price(), ledger.supply.usable
    footprint = ledger.supply.goods[1].columns.start
    rows = [
        Evidence("working set", float(demand.working_set[vm]), "MiB"),
        Evidence("footprint", float(ledger.terms.footprint[vm]), "MiB"),
        Evidence("ballooned", float(vms.ballooned_mib[vm]), "MiB"),
        Evidence("swapped", float(vms.swapped_mib[vm]), "MiB"),
        Evidence("swap-in", float(vms.swap_in_kibps[vm]), "KiB/s"),
        Evidence("memory latency", float(vms.latency_pct[vm]), "%"),
        Evidence("size", float(ledger.terms.size[vm]), "MiB"),
        Evidence("limit", float(ledger.terms.limit[vm]), "MiB"),
        Evidence("reservation", float(ledger.terms.reservation[vm]), "MiB"),
        Evidence("price here", float(price[host]), "points/MiB"),
        Evidence("sold here", float(ledger.load[host, footprint] / usable[host]), "of usable"),
    ]
    if isinstance(what, Move):
        rows.append(Evidence("price there", float(price[what.target]), "points/MiB"))
        sold = ledger.load[what.target, footprint] / usable[what.target]
        rows.append(Evidence("sold there", float(sold), "of usable"))
    return tuple(row for row in rows if np.isfinite(row.value))
