"""What is remembered from one look to the next: demand, moves, and who still has to rest.

All of it is in the journal, so that a restart forgets nothing.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vsphere_market.control.remembered import (
    is_latest,
    is_latest_storage,
    recalled_history,
    recalled_sizes,
    recalled_storage,
    write_histories,
    write_storage,
)
from vsphere_market.demand import (
    DemandHistory,
    DemandSettings,
    SizeHistory,
    estimate_demand,
    held_back,
    identities,
    new_storage_history,
    remember_storage,
)
from vsphere_market.demand.history import HOUR_S, HOURS
from vsphere_market.estate import Snapshot
from vsphere_market.journal import Filter, Journal, estate_key
from vsphere_market.market import MarketSettings
from vsphere_market.market.budgets import PastMove
from vsphere_market.policy import Rulebook
from vsphere_market.port import ActionKind, Migrate, MigrateStorage, OutcomeKind
from vsphere_market.units import BoolArray

log = logging.getLogger(__name__)

#: Moves within this time count as repeats, each doubling the VM's cool-down …
REPEAT_WINDOW_S = 86_400.0
#: … up to this factor.
LONGEST_COOLDOWN = 8.0
#: So many steps are read at most; more than vCenter does in a day.
_MOST_STEPS = 50_000
#: Counters are averages over this time, when the snapshot does not tell the number of samples.
_WINDOW_S = 300.0
_SAMPLE_S = 20.0
#: A guest needs this long to take new memory into use.
_SETTLING_S = 60.0
#: Until this long after, what it touches says little about what it will go on using.
GROWN_REST_S = 900.0
#: Copying files slows the datastores at both ends, and for so long after it what counters tell of
#: them is not yet what they do without it.
STORE_REST_S = 3600.0
#: Actions that give a VM memory.
_GIVING = (ActionKind.HOT_ADD, ActionKind.LIMIT)


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What the journal tells of the past.

    Attributes:
        history: working sets of the last days; the present one is added by :func:`observed`.
        moves: our migrations, newest first.
        grown: managed object id -> Unix time at which we last hot-added memory to the VM.
        sizes: what VMs wanted in the last months; likewise.
        copied: managed object id of a datastore -> Unix time at which we last ended copying files
            from or to it, within the last week.
        storage: what datastores served and VMs asked of them in the last days; likewise.
    """

    history: DemandHistory = field(default_factory=DemandHistory)
    moves: tuple[PastMove, ...] = ()
    grown: Mapping[str, float] = field(default_factory=dict)
    sizes: SizeHistory = field(default_factory=SizeHistory)
    copied: Mapping[str, float] = field(default_factory=dict)
    storage: DemandHistory = field(default_factory=new_storage_history)


def recall(journal: Journal | None, snapshot: Snapshot, now_s: float, span_s: float) -> Memory:
    """Read what is remembered of an estate.

    Args:
        journal: where; None remembers nothing.
        snapshot: says which estate.
        now_s: Unix time at the source.
        span_s: how far back moves matter.

    Raises:
        StorageError, BusyError: the journal cannot be read.
    """
    if journal is None:
        return Memory()
    estate = estate_key(snapshot.source)
    return Memory(
        recalled_history(journal, estate),
        past_moves(journal, estate, now_s - span_s),
        _past_growth(journal, estate, now_s - REPEAT_WINDOW_S),
        recalled_sizes(journal, estate),
        _past_copies(journal, estate, now_s - HOURS * HOUR_S),
        recalled_storage(journal, estate),
    )


def past_moves(journal: Journal, estate: str, since_s: float) -> tuple[PastMove, ...]:
    """Our migrations on an estate that ended at or after ``since_s``, newest first.

    Those whose outcome is unknown are among them: they may have happened.
    """
    wanted = Filter(
        kind=ActionKind.MIGRATE,
        outcomes=(OutcomeKind.DONE, OutcomeKind.UNKNOWN),
        since_s=since_s,
        estate=estate,
        limit=_MOST_STEPS,
    )
    return tuple(
        PastMove(
            step.action.subject.moid, step.action.source.moid, step.action.target.moid, step.ended_s
        )
        for step in journal.steps(wanted)
        if isinstance(step.action, Migrate) and step.ended_s is not None and not step.dry_run
    )


def _past_growth(journal: Journal, estate: str, since_s: float) -> Mapping[str, float]:
    wanted = Filter(
        outcomes=(OutcomeKind.DONE, OutcomeKind.UNKNOWN),
        since_s=since_s,
        estate=estate,
        limit=_MOST_STEPS,
    )
    grown: dict[str, float] = {}
    for step in journal.steps(wanted):
        if step.ended_s is not None and not step.dry_run and step.action.kind in _GIVING:
            moid = step.action.subject.moid
            grown[moid] = max(step.ended_s, grown.get(moid, step.ended_s))
    return grown


def _past_copies(journal: Journal, estate: str, since_s: float) -> Mapping[str, float]:
    """Datastores at both ends of our storage migrations, done or perhaps done."""
    wanted = Filter(
        kind=ActionKind.MIGRATE_STORAGE, since_s=since_s, estate=estate, limit=_MOST_STEPS
    )
    copied: dict[str, float] = {}
    for step in journal.steps(wanted):
        action = step.action
        if step.ended_s is None or step.dry_run or not isinstance(action, MigrateStorage):
            continue
        for end in (action.source.moid, action.target.moid):
            copied[end] = max(step.ended_s, copied.get(end, step.ended_s))
    return copied


def resting_stores(snapshot: Snapshot, copied: Mapping[str, float], now_s: float) -> frozenset[int]:
    """Rows of datastores that files were copied from or to within the last hour."""
    stores = snapshot.datastores
    rows = {stores.row(moid) for moid, ended_s in copied.items() if now_s - ended_s < STORE_REST_S}
    return frozenset(rows - {-1})


def settling(snapshot: Snapshot, grown: Mapping[str, float], now_s: float) -> frozenset[int]:
    """Rows of VMs that were given memory so short a while ago that they are not grown yet."""
    rows = {
        snapshot.vms.row(moid) for moid, ended_s in grown.items() if now_s - ended_s < GROWN_REST_S
    }
    return frozenset(rows - {-1})


def without_echo(snapshot: Snapshot, grown: Mapping[str, float]) -> Snapshot:
    """The snapshot without what VMs show only because they have just been given memory.

    Counters are averages over minutes: the guest's paging is that from before. And a guest touches
    all new memory once as it takes it into use, which is no want. Taken at their word, both would
    have the VM grow again and again for a want that is met.
    """
    vms = snapshot.vms
    paging, peak = vms.guest_swap_kibps.copy(), vms.active_peak_mib.copy()
    for moid, ended_s in grown.items():
        row = vms.row(moid)
        if row < 0:
            continue
        window_s = vms.samples[row] * _SAMPLE_S or _WINDOW_S
        if ended_s + _SETTLING_S > snapshot.taken_at_s - window_s:
            paging[row] = peak[row] = np.nan
    fresh = vms.replace(guest_swap_kibps=paging, active_peak_mib=peak)
    return dataclasses.replace(snapshot, vms=fresh)


def observed(memory: Memory, snapshot: Snapshot, settings: DemandSettings | None = None) -> None:
    """Add a snapshot to what is remembered. VMs without counters leave no trace in it."""
    remember_storage(memory.storage, snapshot)
    demand = estimate_demand(snapshot, settings=settings)
    vms, ids = snapshot.vms, identities(snapshot.vms)
    there = demand.known & demand.running
    seen = np.where(there, demand.working_set, np.nan)
    memory.history.update(snapshot.taken_at_s, ids, seen)
    wanted = np.where(there, demand.wanted, np.nan)
    memory.sizes.observe(snapshot.taken_at_s, ids, wanted, hurt=held_back(vms))


def keep_history(
    journal: Journal, snapshot: Snapshot, memory: Memory, *, part: bool = False
) -> None:
    """Write what is remembered of demand down for the next run.

    Args:
        journal: where.
        snapshot: what was observed last.
        memory: knows it already.
        part: the snapshot is a part of the estate, and other loops write down what they see of the
            rest: what they have written since is kept.
    """
    estate = estate_key(snapshot.source)
    with journal.database.transaction():
        ours = is_latest(journal, estate, memory.history)
        if part or not (ours and is_latest_storage(journal, estate, memory.storage)):
            memory = Memory(
                recalled_history(journal, estate),
                sizes=recalled_sizes(journal, estate),
                storage=recalled_storage(journal, estate),
            )
            observed(memory, snapshot)
        write_histories(journal, estate, memory.history, memory.sizes, snapshot.taken_at_s)
        write_storage(journal, estate, memory.storage, snapshot.taken_at_s)


def longest_span_s(rulebook: Rulebook, settings: MarketSettings) -> float:
    """How far back moves can matter: cool-downs, repeats and budgets, and where VMs have been."""
    cooldown = float(rulebook.cooldown_s.max(initial=0.0)) * LONGEST_COOLDOWN
    windows = [budget.window_s for budget in rulebook.budgets]
    return max(REPEAT_WINDOW_S, cooldown, *windows, settings.no_return_s)


def cooling(
    snapshot: Snapshot, rulebook: Rulebook, moves: Sequence[PastMove], now_s: float
) -> BoolArray:
    """(V,) VMs that were moved too short a while ago.

    The cool-down doubles with every further move within a day, up to
    :data:`LONGEST_COOLDOWN` times: who is moved again and again is left alone longer each time.
    """
    resting = np.zeros(len(snapshot.vms), dtype=np.bool_)
    for moid, times in _by_vm(moves).items():
        row = snapshot.vms.row(moid)
        if row < 0:
            continue
        last_s = max(times)
        repeats = sum(1 for at_s in times if at_s > last_s - REPEAT_WINDOW_S)
        factor = min(2.0 ** (repeats - 1), LONGEST_COOLDOWN)
        resting[row] = now_s - last_s < rulebook.cooldown_s[row] * factor
    return resting


def _by_vm(moves: Sequence[PastMove]) -> Mapping[str, list[float]]:
    times: dict[str, list[float]] = {}
    for move in moves:
        times.setdefault(move.vm, []).append(move.ended_s)
    return times
