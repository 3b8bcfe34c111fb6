"""What a controller is: it looks at an estate from time to time and says what should be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from vsphere_market.estate import Snapshot
from vsphere_market.market.budgets import PastMove
from vsphere_market.policy import NO_POLICIES, PolicySet
from vsphere_market.port import Action, ActionKind
from vsphere_market.proving.foresight import Foresight

#: Seconds between decisions, unless a controller's authors say otherwise.
PERIOD_S = 300.0


@dataclass(frozen=True, slots=True)
class Order:
    """One thing to do.

    Attributes:
        action: what.
        after: places, in the same decision, of orders that must have succeeded before.
    """

    action: Action
    after: tuple[int, ...] = ()


class Controller(Protocol):
    """Decides what to do with an estate.

    Attributes:
        period_s: seconds between two decisions.
    """

    period_s: float

    def decide(
        self, snapshot: Snapshot, now_s: float, moves: Sequence[PastMove]
    ) -> Sequence[Order]:
        """Say what to do now, in order.

        Args:
            snapshot: what the port shows; a controller knows nothing else.
            now_s: Unix time.
            moves: migrations that this controller ordered and that succeeded, newest first.
        """


@runtime_checkable
class Watcher(Protocol):
    """A controller that learns from what it sees before it may act."""

    def watch(self, snapshot: Snapshot, now_s: float) -> None:
        """Look, and do nothing yet.

        Args:
            snapshot: what the port shows.
            now_s: Unix time.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Circumstances:
    """What a controller is made for.

    Attributes:
        kinds: the kinds of action that it may order.
        policies: what the business wants; only our own controller understands them.
        foresight: the demand to come, which only an oracle may look at.
    """

    kinds: frozenset[ActionKind]
    policies: PolicySet = NO_POLICIES
    foresight: Foresight | None = None


#: Parameters of a controller as a user writes them.
Parameters = Mapping[str, float | str]
