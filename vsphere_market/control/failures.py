"""What failed in earlier turns of the loop, and what is left alone for it.

The loop begins a new execution at every turn, and a VM whose move failed is as dear as before: it
would be moved into the same fault every minute. So a VM on which an action failed is pinned, each
time for longer, and the rest is planned without it. Hosts with which moves keep failing, and a
vCenter where everything does, have breakers. All of it comes from the journal, so that a restart
forgets nothing. A person who plans or applies is not held back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.executor import Limits, Settings
from vsphere_market.executor.breakers import LONGEST_REST, Breakers, Tried, breakers_of, pinned_of
from vsphere_market.journal import Filter, Journal
from vsphere_market.policy import Mode, Rulebook
from vsphere_market.port import OutcomeKind


@dataclass(frozen=True, slots=True)
class Lately:
    """What came of the steps of the last turns, asked of the journal once a turn.

    Attributes:
        tried: them.
        limits: how many failures are too many, and how long a rest is.
    """

    tried: tuple[Tried, ...]
    limits: Limits

    def breakers(self, now_s: float) -> Breakers:
        """Failures that are still to be counted, per host and for the vCenter."""
        since_s = now_s - 4 * self.limits.rest_s
        return breakers_of(
            (one for one in self.tried if one.ended_s >= since_s), self.limits, now_s
        )

    def pinned(self, now_s: float) -> frozenset[str]:
        """Managed object ids of what is left alone, because actions on it failed lately."""
        return pinned_of(self.tried, self.limits, now_s)


def lately(journal: Journal, estate: str, settings: Settings | None, now_s: float) -> Lately:
    """Ask what came of the steps that still matter.

    Raises:
        StorageError, BusyError: the journal cannot be read.
    """
    limits = (settings or Settings()).limits
    kinds = (OutcomeKind.DONE, OutcomeKind.FAILED, OutcomeKind.UNKNOWN)
    since_s = now_s - 2 * LONGEST_REST * limits.rest_s
    past = journal.steps(Filter(estate=estate, outcomes=kinds, since_s=since_s, limit=10_000))
    tried = tuple(
        Tried(one.action, one.outcome, one.cause, one.ended_s)
        for one in past
        if one.outcome and one.cause and one.ended_s is not None and not one.dry_run
    )
    return Lately(tried, limits)


def sparing(rulebook: Rulebook, snapshot: Snapshot, moids: Collection[str]) -> Rulebook:
    """The rulebook with every kind of action off for these VMs."""
    rows = frozenset(row for moid in moids if (row := snapshot.vms.row(moid)) >= 0)
    if not rows:
        return rulebook
    modes = {kind: np.array(mode) for kind, mode in rulebook.modes.items()}
    for mode in modes.values():
        mode[sorted(rows)] = Mode.OFF
    return replace(rulebook, modes=modes, failing=rows)
