"""A trade: one change of the ledger with what it saves and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

from vsphere_market.port import ActionKind

#: Kinds of action that the market trades in.
TRADED = (
    ActionKind.MIGRATE,
    ActionKind.LIMIT,
    ActionKind.RESERVATION,
    ActionKind.HOT_ADD,
    ActionKind.BALLOON_CAP,
)


@dataclass(frozen=True, slots=True)
class Move:
    """A VM changes host. Rows are those of the snapshot."""

    vm: int
    source: int
    target: int

    @property
    def kind(self) -> ActionKind:
        """Always MIGRATE."""
        return ActionKind.MIGRATE


@dataclass(frozen=True, slots=True)
class Change:
    """One memory setting of a VM changes; amounts in MiB, +inf no limit, NaN default cap."""

    vm: int
    kind: ActionKind
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade, offered or done.

    Attributes:
        what: the move or change.
        saving: fall of the potential, points.
        disruption: price of doing it, points.
        hurdle: what the saving has to exceed: the disruption, or for a move the discount on what
            staying costs if that is more.
        group: 0 for a trade that pays for itself. Trades of one group stand side by side in a
            sequence and pay together only: their savings, some of which may be negative, exceed
            the sum of their hurdles.
    """

    what: Move | Change
    saving: float
    disruption: float
    hurdle: float
    group: int = 0

    @property
    def worth_it(self) -> bool:
        """It saves enough to be done."""
        return self.saving > self.hurdle
