"""The sentence and the numbers behind each step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsphere_market.market.causes import CAUSE_WORDS
from vsphere_market.market.diagnosis import VmDiagnosis, host_entity
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.plan import Evidence
from vsphere_market.market.quotes import price_at
from vsphere_market.market.sentences import change_sentence, cycle_sentence, other_sentence
from vsphere_market.market.sizing import need_of
from vsphere_market.market.trades import Change, Cycle, Move, Switch, Trade
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
    match what:
        case Move():
            switch = next((one.what for one in group if isinstance(one.what, Switch)), None)
            if trade.mends:
                sentence = _mending_sentence(ledger, what, trade)
            elif switch is not None:
                sentence = _for_host(ledger, what, switch)
            elif group:
                sentence = _group_sentence(ledger, what, group)
            else:
                sentence = _move_sentence(ledger, what, trade, diagnosis)
            return f"{_abroad(ledger, what)}{sentence}"
        case Change():
            return change_sentence(ledger, what, trade)
        case Cycle():
            return cycle_sentence(what, group)
        case _:
            return other_sentence(ledger, what, trade, group)


def _abroad(ledger: Ledger, move: Move) -> str:
    """That a VM changes its cluster, and its resource pool with it."""
    clusters, of_host = ledger.snapshot.clusters, ledger.snapshot.hosts.cluster
    left, joined = int(of_host[move.source]), int(of_host[move.target])
    if left == joined:
        return ""
    return f"from cluster {clusters.name[left]} to the root pool of {clusters.name[joined]}; "


def _mending_sentence(ledger: Ledger, move: Move, trade: Trade) -> str:
    """Which mandatory rules a move mends, and that prices have no say in it."""
    names = ledger.rules.lessens(move.vm, move.source, move.target)
    rules = f"mandatory rule{'s' if len(names) > 1 else ''} {', '.join(names)}"
    source, target = host_entity(ledger, move.source).name, host_entity(ledger, move.target).name
    here, there = _prices(ledger, move)
    return (
        f"on {source} it breaks the {rules}, on {target} less or not at all; that comes before "
        f"all prices (a MiB costs {here} on {source} and {there} on {target})."
    )


def _prices(ledger: Ledger, move: Move) -> tuple[str, str]:
    """What a MiB costs on both ends of a move, in words."""
    return f"{price_at(ledger, move.source):.4g}", f"{price_at(ledger, move.target):.4g}"


def _for_host(ledger: Ledger, move: Move, switch: Switch) -> str:
    """Why a VM leaves a host that goes to rest, or goes to one that wakes."""
    host = host_entity(ledger, switch.host).name
    target, (here, there) = host_entity(ledger, move.target).name, _prices(ledger, move)
    if switch.on:
        return (
            f"{host} is woken for it and others: a MiB costs {here} where it is and {there} on "
            f"{target}."
        )
    return (
        f"{host} is emptied to rest; of the hosts that have room {target} asks least, {there} a "
        "MiB."
    )


def ratio_text(saving: float, disruption: float) -> str:
    """How often a saving pays for what it disturbs: three digits that count, and no exponent."""
    ratio = saving / max(disruption, 1e-9)
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def _group_sentence(ledger: Ledger, move: Move, group: Sequence[Trade]) -> str:
    """Why VMs change places, or one makes room for another, or moves in order to grow."""
    vms = ledger.snapshot.vms
    saving = sum(trade.saving for trade in group)
    disruption = sum(trade.disruption for trade in group)
    mended = sum(trade.mends for trade in group)
    source, target = host_entity(ledger, move.source).name, host_entity(ledger, move.target).name
    here, there = _prices(ledger, move)
    good = (
        "together they mend what breaks a mandatory rule"
        if mended
        else f"together they save {ratio_text(saving, disruption)} times what they disturb"
    )
    gain = f"{good} (a MiB costs {here} on {source} and {there} on {target} before this step)."
    if any(isinstance(other.what, Change) and other.what.vm == move.vm for other in group):
        return (
            f"its guest needs more memory than {source} can sell it: it moves to {target} and "
            f"grows there, and {gain}"
        )
    others = [vms.name[other.what.vm] for other in group if other.what.vm not in (move.vm, -1)]
    named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    return f"one trade with the moves of {named}, which none of them is worth alone: {gain}"


def _move_sentence(ledger: Ledger, move: Move, trade: Trade, diagnosis: VmDiagnosis | None) -> str:
    source, target = host_entity(ledger, move.source).name, host_entity(ledger, move.target).name
    here, there = _prices(ledger, move)
    footprint = ledger.supply.goods[1].columns.start
    over = ledger.load[move.source, footprint] - ledger.supply.usable[move.source]
    why = (
        f"{source} has sold {gib_text(over)} more than it has"
        if over > 0
        else f"memory is dear on {source}"
    )
    hurt = f" and {CAUSE_WORDS[diagnosis.cause]}" if diagnosis and over <= 0 else ""
    return (
        f"{why}{hurt}: a MiB costs {here} there and {there} on {target}; moving saves "
        f"{ratio_text(trade.saving, trade.disruption)} times what it disturbs."
    )


def evidence_of(ledger: Ledger, trade: Trade) -> tuple[Evidence, ...]:
    """The counters, prices and settings that the trade stands on, known ones only."""
    what = trade.what
    if what.vm < 0:
        return _host_evidence(ledger, what) if isinstance(what, Switch) else ()
    vms, demand, vm = ledger.snapshot.vms, ledger.demand, what.vm
    host = int(ledger.host_of[vm])
    usable = ledger.supply.usable
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
    ]
    if host >= 0:
        rows.append(Evidence("price here", price_at(ledger, host), "points/MiB"))
        sold = ledger.load[host, footprint] / usable[host]
        rows.append(Evidence("sold here", float(sold), "of usable"))
    if isinstance(what, Move):
        rows.append(Evidence("price there", price_at(ledger, what.target), "points/MiB"))
        sold = ledger.load[what.target, footprint] / usable[what.target]
        rows.append(Evidence("sold there", float(sold), "of usable"))
    if isinstance(what, Change) and what.kind is ActionKind.RESIZE and what.after < what.before:
        need, sizing = need_of(ledger, vm), demand.sizing.only(vm)
        rows += [
            Evidence("needed at most", need.least_mib, "MiB"),
            Evidence("largest want seen", float(sizing.peak()[0]), "MiB"),
            Evidence("95 % of hours below", float(sizing.percentile(95.0)[0]), "MiB"),
            Evidence("hours remembered", float(sizing.hours.sum()), "hours"),
            Evidence("confidence", need.confidence, "of 1"),
        ]
    return tuple(row for row in rows if np.isfinite(row.value))


def _host_evidence(ledger: Ledger, what: Switch) -> tuple[Evidence, ...]:
    memory = float(ledger.snapshot.hosts.memory_mib[what.host])
    mine = (ledger.market == ledger.market[what.host]) & ledger.supply.open
    column = ledger.supply.goods[0].columns.start
    load = float(ledger.load[mine, column].sum()) / max(
        float(ledger.supply.usable[mine].sum()), 1.0
    )
    return (
        Evidence("memory of the host", memory, "MiB"),
        Evidence("rent", float(ledger.charges.rents[what.host]), "points"),
        Evidence("load of all awake", load, "of usable"),
    )
