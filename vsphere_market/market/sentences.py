"""Why settings, power, files and hosts are changed, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsphere_market.demand import Usual
from vsphere_market.market.diagnosis import host_entity
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.quotes import price_at
from vsphere_market.market.sizing import need_of
from vsphere_market.market.trades import (
    Change,
    Cycle,
    PoolChange,
    Power,
    StorageMove,
    Switch,
    Trade,
    What,
)
from vsphere_market.port import ActionKind, PoolSetting
from vsphere_market.units import gib_text


def change_sentence(ledger: Ledger, change: Change, trade: Trade) -> str:
    """Why a setting of a VM is changed; the ledger stands just before it."""
    demand, terms, vm = ledger.demand, ledger.terms, change.vm
    host = int(ledger.host_of[vm])
    name = host_entity(ledger, host).name
    price = price_at(ledger, host)
    free = ledger.supply.usable[host] - ledger.load[host, ledger.supply.goods[1].columns.start]
    wanted = demand.wanted[vm]
    match change.kind:
        case ActionKind.LIMIT:
            return (
                f"its limit of {gib_text(change.before)} is below its size of "
                f"{gib_text(terms.size[vm])}, so ESXi takes {gib_text(demand.taken[vm])} from it "
                f"although {name} has {gib_text(max(free, 0.0))} unsold: moving or growing would "
                "not help, lifting the limit does."
            )
        case ActionKind.HOT_ADD:
            return (
                f"its guest wants {gib_text(wanted)} of its {gib_text(change.before)} "
                f"({wanted / change.before:.0%}); {gib_text(change.after - change.before)} more "
                f"costs {price:.4g} a MiB on {name}, less than going without."
            )
        case ActionKind.RESIZE if change.after > change.before:
            return (
                f"its guest wants {gib_text(wanted)} of its {gib_text(change.before)} "
                f"({wanted / change.before:.0%}) and cannot grow while it runs; "
                f"{gib_text(change.after - change.before)} more saves {trade.saving:.4g} points, "
                f"more than the {trade.disruption:.4g} that a restart and the memory cost."
            )
        case ActionKind.RESIZE:
            return _shrink_sentence(ledger, change, trade, name, float(price))
        case ActionKind.RESERVATION if change.after > change.before:
            share = ledger.rulebook.guarantee[vm]
            usual = ledger.guaranteed(np.array([vm]))[0] / share
            return (
                f"policy guarantees {share:.0%} of its usual working set of "
                f"{gib_text(usual)}, and only {gib_text(change.before)} is "
                "reserved."
            )
        case ActionKind.RESERVATION:
            return (
                f"it reserves {gib_text(change.before)} and has worked with "
                f"{gib_text(change.after)} at most: the rest is idle memory that {name} may not "
                f"take, at {price:.4g} a MiB."
            )
        case ActionKind.SHARES:
            return (
                f"policy values it {ledger.rulebook.priority[vm]:.4g}, more than a sibling in its "
                f"pool that has as many shares for each MiB: when {name} lacks memory, ESXi would "
                "take it from the wrong one."
            )
        case ActionKind.BALLOON_CAP if ledger.charges.paging[vm]:
            return (
                f"its guest pages while its balloon holds {gib_text(ledger.charges.ballooned[vm])}:"
                f" the balloon takes what it works with, while others on {name} hold idle memory."
            )
        case ActionKind.BALLOON_CAP:
            idle = max(terms.footprint[vm] - demand.working_set[vm], 0.0)
            return (
                f"it holds {gib_text(idle)} idle, but its balloon cap of {gib_text(change.before)} "
                f"keeps it from {name}, which has to swap others instead."
            )
        case _:
            raise ValueError(f"{change.kind} is no change of a VM's terms")


def _shrink_sentence(ledger: Ledger, change: Change, trade: Trade, host: str, price: float) -> str:
    need = need_of(ledger, change.vm)
    seen = float(ledger.demand.sizing.hours[change.vm].sum()) / 24.0
    what = (
        f"{need.percentile:.0%} of its daily peaks of {need.days:.0f} days are below"
        if np.isfinite(need.percentile)
        else f"in {seen:.0f} days it has never needed more than"
    )
    return (
        f"{what} {gib_text(need.least_mib)} of its {gib_text(change.before)}; "
        f"{gib_text(change.before - change.after)} less frees memory at {price:.4g} a MiB on "
        f"{host} and saves {trade.saving:.4g} points, more than the {trade.disruption:.4g} that a "
        "restart costs."
    )


def cycle_sentence(cycle: Cycle, group: Sequence[Trade]) -> str:
    """Why a VM is stopped, and started again, around a change of size."""
    more = any(
        isinstance(trade.what, Change)
        and trade.what.kind is ActionKind.RESIZE
        and trade.what.after > trade.what.before
        for trade in group
    )
    size = "larger" if more else "smaller"
    match cycle.kind:
        case ActionKind.STOP:
            return f"its memory can be made {size} only while it is off; it is started right after."
        case ActionKind.ENABLE_HOT_ADD:
            return "it is off anyway, and may grow without a restart from now on."
        case _:
            return f"it was stopped only to be made {size}."


def other_sentence(ledger: Ledger, what: What, trade: Trade, group: Sequence[Trade]) -> str:
    """Why power, files, pools and hosts are changed."""
    match what:
        case Power() if what.target < 0:
            host = host_entity(ledger, what.source).name
            return (
                f"policy lets it be stopped now, and what it holds on {host}, where a MiB costs "
                f"{price_at(ledger, what.source):.4g}, is worth {trade.saving:.4g} points to "
                f"others; a later start costs {trade.disruption:.4g}."
            )
        case Power():
            host = host_entity(ledger, what.target).name
            return (
                f"policy wants it running now; {host} asks least for it, "
                f"{price_at(ledger, what.target):.4g} a MiB."
            )
        case StorageMove():
            return _files_sentence(ledger, what)
        case PoolChange() if what.setting is PoolSetting.LIMIT:
            rows = ledger.charges.below[what.pool]
            held = ledger.squeezable(rows, ledger.terms)[:, 0].sum()
            return (
                f"its {len(rows)} running VMs hold {gib_text(held)} and its limit is "
                f"{gib_text(what.before)}: ESXi takes memory from them however much their hosts "
                "have."
            )
        case PoolChange():
            return (
                f"a guarantee in it needs {gib_text(what.after - what.before)} more than it has "
                "left to reserve, and its parent has."
            )
        case Switch():
            return _switch_sentence(ledger, what, group or [trade])
        case _:
            raise ValueError(f"{what.kind} has its sentence elsewhere")


def _files_sentence(ledger: Ledger, what: StorageMove) -> str:
    """What it asks of its datastore, and how long that takes here and, with its requests, there."""
    stores, board = ledger.snapshot.datastores, ledger.charges.stores
    after = ledger.store.copy()
    after[what.vm] = what.target
    now = board.latency(board.load(ledger.store))[what.source]
    then = board.latency(board.load(after))[what.target]
    swaps, asks = float(board.swap_mibps[what.vm]), float(board.asks[what.vm])
    does = f"swaps {swaps:.3g} MiB/s to and from" if swaps > 0 else f"asks {asks:,.0f} I/O/s of"
    stays = (
        "; its files on other datastores stay there"
        if len(ledger.snapshot.vms.datastores[what.vm]) > 1
        else ""
    )
    return (
        f"it {does} {stores.name[what.source]}, which takes {now:.3g} ms for each; "
        f"{stores.name[what.target]} will take {then:.3g} ms with it{stays}. "
        f"{_standing_on(board.usual, what.source)}"
    )


def _standing_on(usual: Usual, store: int) -> str:
    """What the figures of a datastore stand on, in a sentence of their own."""
    hours, told = round(float(usual.hours[store])), round(float(usual.told[store]))
    if usual.hurried[store]:
        return "So it was in the last minutes, which count where memory is swapped."
    if hours <= 1:
        return "So it was in the last minutes; no earlier hour is remembered."
    source = f", {told} of which vCenter's own history told" if told else ""
    return f"So it usually is, in the {hours} hours that are remembered{source}."


def _switch_sentence(ledger: Ledger, what: Switch, group: Sequence[Trade]) -> str:
    moved = sum(1 for trade in group if trade.what.vm >= 0)
    saving = sum(trade.saving for trade in group)
    cost = sum(trade.disruption for trade in group)
    memory = gib_text(ledger.snapshot.hosts.memory_mib[what.host])
    if what.on:
        return (
            f"memory is so dear that its {memory} are worth waking it: with the {moved} moves that "
            f"it makes possible it saves {saving:.4g} points, rent paid, and costs {cost:.4g}."
        )
    return (
        f"its {memory} are not needed: letting it rest saves {saving:.4g} points more than what "
        f"its {moved} VMs make dearer elsewhere, and costs {cost:.4g}; the others could still "
        "lose one of them."
    )
