"""The memory scheduler of all hosts of an estate, one step of 15 seconds at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vsphere_market.plant import laws, reclaim, touch
from vsphere_market.plant.fleet import Fleet, Flows, Hosts
from vsphere_market.plant.sampling import ActiveSampler
from vsphere_market.units import BoolArray, FloatArray, IndexArray

_ZERO = laws.constant(0.0)
_SOFT, _LOW = np.array(laws.SOFT), np.array(laws.LOW)
_SAMPLE_STEPS = round(laws.SAMPLE_PERIOD_S / laws.STEP_S)


class MemoryModel:
    """Hosts, VMs and the laws between them.

    Args:
        fleet: the VMs; the model owns it from now on.
        hosts: the hosts; likewise.
        rng: for the sampling of active memory, the only chance in the model.

    Attributes:
        fleet, hosts: the state.
        flows: what moved in the last step.
        steps: steps done.
        limited: whether any VM has a limit; whoever sets limits says so.
        moving: whether any VM lost time to a migration in the last step; likewise.
    """

    __slots__ = (
        "_any_sweeping",
        "_paging",
        "_scratch",
        "_sweeping",
        "fleet",
        "flows",
        "hosts",
        "limited",
        "moving",
        "sampler",
        "steps",
        "warmth",
    )

    def __init__(self, fleet: Fleet, hosts: Hosts, rng: np.random.Generator) -> None:
        self.fleet = fleet
        self.hosts = hosts
        self.flows = Flows(len(fleet))
        self.sampler = ActiveSampler(len(fleet), rng)
        self.steps = 0
        self.limited = True
        self.moving = False
        self._scratch: FloatArray = np.zeros(len(fleet))
        self._sweeping: BoolArray = np.zeros(len(fleet), dtype=np.bool_)
        self._any_sweeping = False
        self._paging = touch.GuestPaging(self.flows)
        self.warmth = touch.Warmth(len(fleet))

    def settle(self, divide: Callable[[FloatArray], object] | None = None) -> None:
        """Begin: every guest holds what it has touched, or its target where that is less.

        Balloons stand where targets want them, as if it had been so for long. What a balloon
        cannot give is touched in the first minutes, so that an over-committed estate comes to swap
        the way it would in life. Follow it by a warm-up. ``divide`` is told what VMs would hold
        if nobody squeezed them, to set reservations and limits by.
        """
        fleet, hosts = self.fleet, self.hosts
        room = np.maximum(fleet.size - fleet.anon, 0.0)
        fleet.cache[:] = np.minimum(fleet.cache_want, room) * fleet.on
        fleet.paged[:] = np.maximum(fleet.anon - fleet.size, 0.0)
        used = fleet.anon - fleet.paged + fleet.cache
        used *= fleet.on
        if divide is not None:
            divide(used)
        self._sweeping = fleet.idle_touch > 0.0
        self._any_sweeping = bool(self._sweeping.any())
        self.warmth.settle(fleet)
        self.sampler.settle(fleet)
        hosts.free = hosts.memory - fleet.used_by_host(hosts)
        goal = reclaim.targets(fleet, hosts, used)
        short = used > goal + 1.0
        balloon = np.where(short & fleet.tools, fleet.size - goal, 0.0)
        np.minimum(balloon, fleet.balloon_cap, out=fleet.ballooned)
        fleet.balloon_target[:] = fleet.ballooned
        fleet.granted[:] = np.minimum(used, goal)
        room = fleet.guest_size - fleet.ballooned
        fleet.paged[:] = touch.fitting(fleet.anon, fleet.paged, room)
        room = fleet.size - fleet.ballooned - (fleet.anon - fleet.paged)
        np.minimum(fleet.cache, np.maximum(room, 0.0), out=fleet.cache)
        hosts.free = hosts.memory - fleet.used_by_host(hosts)

    def _rows_out(self) -> IndexArray:
        """VMs some of whose pages are swapped or compressed."""
        np.add(self.fleet.swapped, self.fleet.compressed, out=self._scratch)
        rows: IndexArray = self._scratch.nonzero()[0]
        return rows

    def _faulting(self) -> IndexArray:
        """VMs that touch pages that are out: of their working sets, or by sweeps."""
        fleet = self.fleet
        touched = fleet.hot_out > _ZERO
        if self._any_sweeping:
            touched |= self._sweeping & (fleet.swapped + fleet.compressed > _ZERO)
        rows: IndexArray = touched.nonzero()[0]
        return rows

    def step(self, advance: Callable[[Fleet], object] | None = None) -> None:
        """Advance by :data:`laws.STEP_S`; ``advance`` sets the guests' demand for the new step."""
        fleet, hosts, flows = self.fleet, self.hosts, self.flows
        if advance is not None:
            advance(fleet)
        minute = self.steps % touch.WARM_STEPS == 0
        if minute:
            self.warmth.move(fleet, self._rows_out(), self._scratch)
        flows.by_host.fill(0.0)
        fleet.waits.fill(0.0)

        wish = touch.growth(fleet, minute, self._scratch)
        if minute:
            # Kept up to date by small differences in between, which would add up.
            hosts.free = hosts.memory - fleet.used_by_host(hosts)
        faulting = self._faulting()
        if len(faulting) or np.count_nonzero(wish):
            self._allocate(wish, faulting)
        if self.limited:
            reclaim.enforce_limits(fleet, hosts, flows)

        hosts.state = laws.next_states(hosts.state, hosts.free, hosts.min_free)
        hosts.worst = hosts.state
        pressed = hosts.state >= _SOFT
        if minute and np.count_nonzero(fleet.ballooned):
            # Targets follow the estimates of active memory, and those come once a minute; where
            # nothing is to be taken, that is often enough.
            pressed |= laws.summed(fleet.ballooned, fleet.host, len(hosts)) > _ZERO
        if np.count_nonzero(pressed):
            reclaim.balance(fleet, hosts, flows, pressed, wish)

        if minute:
            self._paging.look(fleet)
        self._paging.add(fleet.stall)
        if self.moving:
            fleet.stall[:] = 1.0 - (1.0 - fleet.stall) * (1.0 - fleet.moving)
        self.steps += 1
        if self.steps % _SAMPLE_STEPS == 0:
            self.sampler.sample(fleet)

    def _allocate(self, wish: FloatArray, rows: IndexArray) -> None:
        """Hand out memory for new pages and for the refaults of ``rows``, as far as hosts have it.

        ``wish`` is left holding what was denied.
        """
        fleet, hosts = self.fleet, self.hosts
        want, pages, faults = wish, None, None
        if len(rows):
            pages = fleet.pages(rows)
            faults = touch.refault(pages, fleet.host[rows], hosts, self._any_sweeping)
            fleet.latency[rows] = faults.waiting
            fleet.stall[rows] = faults.waiting
            want = wish.copy()
            want[rows] += faults.want
        total = laws.summed(want, fleet.host, len(hosts))
        left = hosts.free - hosts.last
        np.maximum(left, _ZERO, out=left)
        share = None
        if np.count_nonzero(total > left) or np.count_nonzero(hosts.state == _LOW):
            shares = self._shares(want, left)
            total = laws.summed(want * shares, fleet.host, len(hosts))
            share = shares[rows]
            fleet.granted += wish * shares
            wish *= 1.0 - shares
        else:
            fleet.granted += wish
            wish.fill(0.0)
        if pages is not None and faults is not None:
            swap_in, unzip = faults.swap_in, faults.unzip
            if share is not None:
                swap_in, unzip = swap_in * share, unzip * share
            pages[2] = fleet.granted[rows]
            touch.bring_back(pages, swap_in, unzip, faults.hot_share)
            fleet.put_pages(rows, pages)
            self.flows.swap_in[rows] = swap_in
            self.flows.unzip[rows] = unzip
        hosts.free = hosts.free - total

    def _shares(self, want: FloatArray, left: FloatArray) -> FloatArray:
        """(V,) the shares of what VMs want that hosts hand out; who is refused waits for it."""
        fleet, hosts = self.fleet, self.hosts
        # Low blocks whoever holds more than the scheduler granted it.
        over = (fleet.held() > fleet.target) & (hosts.state[fleet.host] == laws.LOW)
        total = laws.summed(np.where(over, 0.0, want), fleet.host, len(hosts))
        share = np.minimum(left / np.maximum(total, 1e-9), 1.0)[fleet.host]
        share[over] = 0.0
        denied = (share < 1.0) & (want > 1.0)
        fleet.stall[denied] = 1.0 - (1.0 - fleet.stall[denied]) * share[denied]
        return share

    def power(self, row: int, on: bool) -> None:
        """Switch a VM on or off. Off, it holds nothing; on, it starts with nothing touched."""
        fleet = self.fleet
        if fleet.on[row] == on:
            return
        fleet.on[row] = on
        for column in (
            fleet.granted,
            fleet.ballooned,
            fleet.swapped,
            fleet.compressed,
            fleet.warm,
            fleet.hot_out,
            fleet.warm_out,
            fleet.cache,
            fleet.paged,
            fleet.active,
            fleet.balloon_target,
            fleet.stall,
            fleet.latency,
            fleet.moving,
        ):
            column[row] = 0.0
        fleet.target[row] = np.inf
        fleet.guest_size[row] = fleet.size[row]
        fleet.overhead[row] = (
            float(laws.overhead_mib(fleet.size[row], fleet.vcpus[row])) if on else 0.0
        )
        self.sampler.forget(row)
        self._paging.forget(row)
        self.hosts.free = self.hosts.memory - fleet.used_by_host(self.hosts)
