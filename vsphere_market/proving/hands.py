"""The hands that every controller has: they carry out orders on a port, and keep count.

The same for all, so that controllers are compared and not their executors. Orders are submitted in
order, at most two migrations per host and eight in all at once (what vSphere advises for 10 GbE is
more, what it needs to stay unnoticed is less); one that waits for room lets later ones pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from vsphere_market.errors import ActionError
from vsphere_market.market.budgets import PastMove
from vsphere_market.port import ActionKind, Migrate, TaskHandle, TaskState, VCenterPort
from vsphere_market.proving.controller import Order

PER_HOST = 2
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Deed:
    """An order that is over.

    Attributes:
        order: what was to be done.
        submitted_s: Unix time; NaN when it was never sent.
        ended_s: Unix time.
        good: it was done.
        why: the fault, "" if it was done.
    """

    order: Order
    submitted_s: float
    ended_s: float
    good: bool
    why: str = ""


class Hands:
    """Carries out one decision at a time.

    Args:
        port: where.

    Attributes:
        deeds: everything that is over, in order of its end.
    """

    def __init__(self, port: VCenterPort) -> None:
        self._port = port
        self._orders: Sequence[Order] = ()
        self._waiting: list[int] = []
        self._open: dict[int, TaskHandle] = {}
        self._good: set[int] = set()
        self._bad: set[int] = set()
        self.deeds: list[Deed] = []

    @property
    def busy(self) -> bool:
        """Something is waiting or under way."""
        return bool(self._waiting or self._open)

    @property
    def under_way(self) -> tuple[TaskHandle, ...]:
        """What has been submitted and is not over."""
        return tuple(self._open.values())

    def take(self, orders: Sequence[Order]) -> None:
        """Take a decision on; only when not busy."""
        assert not self.busy, "one decision at a time"
        self._orders = orders
        self._waiting = list(range(len(orders)))
        self._good.clear()
        self._bad.clear()
        self._submit()

    def look(self) -> None:
        """See what has ended, and submit what can be submitted now."""
        if self._open:
            places = list(self._open)
            states = self._port.poll([self._open[place] for place in places])
            now_s = self._port.clock.now_s()
            for place, status in zip(places, states, strict=True):
                if not status.final:
                    continue
                handle = self._open.pop(place)
                good = status.state is TaskState.SUCCESS
                why = "" if good else _fault(status.error)
                self._end(place, handle.submitted_at_s, now_s, why)
        if self._waiting:
            self._submit()

    def moves(self) -> list[PastMove]:
        """Migrations that succeeded, newest first."""
        return [
            PastMove(action.subject.moid, action.source.moid, action.target.moid, deed.ended_s)
            for deed in reversed(self.deeds)
            if deed.good and isinstance(action := deed.order.action, Migrate)
        ]

    def _submit(self) -> None:
        busy: Counter[str] = Counter()
        for place in self._open:
            busy.update(_hosts(self._orders[place]))
        moving = sum(1 for place in self._open if _hosts(self._orders[place]))
        now_s = self._port.clock.now_s()
        for place in list(self._waiting):
            order = self._orders[place]
            if any(need in self._bad for need in order.after):
                self._waiting.remove(place)
                self._end(place, float("nan"), now_s, "predecessor")
                continue
            if any(need not in self._good for need in order.after):
                continue
            hosts = _hosts(order)
            if hosts and (moving >= AT_ONCE or any(busy[host] >= PER_HOST for host in hosts)):
                continue
            self._waiting.remove(place)
            try:
                self._open[place] = self._port.submit(order.action)
            except ActionError as fault:
                self._end(place, float("nan"), now_s, _fault(fault))
                continue
            busy.update(hosts)
            moving += bool(hosts)

    def _end(self, place: int, submitted_s: float, ended_s: float, why: str) -> None:
        (self._bad if why else self._good).add(place)
        self.deeds.append(Deed(self._orders[place], submitted_s, ended_s, not why, why))


def _hosts(order: Order) -> tuple[str, ...]:
    action = order.action
    if action.kind is not ActionKind.MIGRATE or not isinstance(action, Migrate):
        return ()
    return (action.source.moid, action.target.moid)


def _fault(error: ActionError | None) -> str:
    if error is None:
        return "cancelled"
    return error.fault or type(error).__name__
