"""A trade: one change of the ledger with what it saves and what it costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vsphere_market.port import ActionKind, PoolSetting

#: Kinds of action that the market may offer to a VM by themselves.
TRADED = (
    ActionKind.MIGRATE,
    ActionKind.LIMIT,
    ActionKind.RESERVATION,
    ActionKind.SHARES,
    ActionKind.HOT_ADD,
    ActionKind.RESIZE,
    ActionKind.BALLOON_CAP,
    ActionKind.MIGRATE_STORAGE,
    ActionKind.STOP,
    ActionKind.START,
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
class Power:
    """A VM is stopped, or started on a host. ``source``, ``target``: rows of hosts, -1 for off."""

    vm: int
    source: int
    target: int

    @property
    def kind(self) -> ActionKind:
        """STOP or START."""
        return ActionKind.START if self.target >= 0 else ActionKind.STOP


@dataclass(frozen=True, slots=True)
class StorageMove:
    """A VM's files change datastore. ``source``, ``target``: rows of datastores."""

    vm: int
    source: int
    target: int

    @property
    def kind(self) -> ActionKind:
        """Always MIGRATE_STORAGE."""
        return ActionKind.MIGRATE_STORAGE


@dataclass(frozen=True, slots=True)
class Switch:
    """A host is put to rest, or woken. ``host``: its row."""

    host: int
    on: bool

    @property
    def vm(self) -> int:
        """No VM."""
        return -1

    @property
    def kind(self) -> ActionKind:
        """SUSPEND_HOST or PROVISION_HOST."""
        return ActionKind.PROVISION_HOST if self.on else ActionKind.SUSPEND_HOST


@dataclass(frozen=True, slots=True)
class PoolChange:
    """One memory setting of a resource pool changes. ``pool``: its row; MiB, +inf no limit."""

    pool: int
    setting: PoolSetting
    before: float
    after: float

    @property
    def vm(self) -> int:
        """No VM."""
        return -1

    @property
    def kind(self) -> ActionKind:
        """Always POOL."""
        return ActionKind.POOL


@dataclass(frozen=True, slots=True)
class Cycle:
    """A part of the power cycle that a change of size takes: the VM ends as it was, running.

    Attributes:
        vm: its row.
        kind: STOP, START or ENABLE_HOT_ADD.
    """

    vm: int
    kind: ActionKind


What = Move | Change | Power | StorageMove | Switch | PoolChange | Cycle


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade, offered or done.

    Attributes:
        what: what is changed.
        saving: fall of the potential, points.
        disruption: price of doing it, points.
        hurdle: what the saving has to exceed: the disruption, or for a move the discount on what
            staying costs if that is more.
        group: 0 for a trade that pays for itself. Trades of one group stand side by side in a
            sequence and pay together only: their savings, some of which may be negative, exceed
            the sum of their hurdles, or together they mend a mandatory rule.
        mends: by how many breaches of mandatory rules there are fewer after it. What mends any is
            worth it whatever it saves; what adds any is never offered.
        content: a move whose VM costs little at home (``hurdle``): it is done with others only,
            that are not.
    """

    what: What
    saving: float
    disruption: float
    hurdle: float
    group: int = 0
    mends: int = 0
    content: bool = False

    @property
    def worth_it(self) -> bool:
        """It saves enough to be done, or mends what must be mended."""
        return worth_it([self])


def surplus(trades: Iterable[Trade]) -> tuple[int, float]:
    """What trades mend, and what they save beyond what each has to; the first counts first."""
    found = list(trades)
    return (
        sum(trade.mends for trade in found),
        sum(trade.saving - trade.hurdle for trade in found),
    )


def profit(trades: Iterable[Trade]) -> tuple[int, float]:
    """What trades mend, and what they save beyond what they disturb: to compare two ways."""
    found = list(trades)
    return (
        sum(trade.mends for trade in found),
        sum(trade.saving - trade.disruption for trade in found),
    )


def worth_it(trades: Iterable[Trade], least: float = 0.0) -> bool:
    """Done together, trades mend something, or save more than ``least`` beyond what they have to.

    It is the order of pairs (breaches, points): the fall of the first decides, then the second.
    """
    found = list(trades)
    mends, points = surplus(found)
    content = all(trade.content for trade in found)
    return mends > 0 or (mends == 0 and points > least and not content)
