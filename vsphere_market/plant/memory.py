"""The memory scheduler of all hosts of an estate, one step of 15 seconds at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vsphere_market.plant import laws, reclaim, touch
from vsphere_market.plant.fleet import Fleet, Flows, Hosts
from vsphere_market.plant.sampling import ActiveSampler
from vsphere_market.units import FloatArray, IndexArray

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
    """

    __slots__ = ("_scratch", "fleet", "flows", "hosts", "sampler", "steps", "warmth")

    def __init__(self, fleet: Fleet, hosts: Hosts, rng: np.random.Generator) -> None:
        self.fleet = fleet
        self.hosts = hosts
        self.flows = Flows.still(len(fleet))
        self.sampler = ActiveSampler(len(fleet), rng)
        self.steps = 0
        self._scratch: FloatArray = np.zeros(len(fleet))
        self.warmth = touch.Warmth(len(fleet))

    def settle(self) -> None:
        """Begin: every guest holds what it has touched, or its target where that is less.

        Balloons stand where targets want them, as if it had been so for long. What a balloon
        cannot give is touched in the first minutes, so that an over-committed estate comes to swap
        the way it would in life. Follow it by a warm-up.
        """
        fleet, hosts = self.fleet, self.hosts
        fleet.cache[:] = np.clip(fleet.cache_want, 0.0, np.maximum(fleet.size - fleet.anon, 0.0))
        fleet.paged[:] = np.maximum(fleet.anon - fleet.size, 0.0)
        used = fleet.anon - fleet.paged + fleet.cache
        used *= fleet.on
        self.warmth.settle(fleet)
        self.sampler.settle(fleet)
        everyone = np.arange(len(fleet), dtype=np.int64)
        goal = reclaim.targets(fleet, hosts, everyone, used)
        short = used > goal + 1.0
        balloon = np.where(short & fleet.tools, fleet.size - goal, 0.0)
        np.minimum(balloon, fleet.balloon_cap, out=fleet.ballooned)
        fleet.balloon_target[:] = fleet.ballooned
        fleet.granted[:] = np.minimum(used, goal)
        touch.page_guests(fleet, everyone, False)
        room = fleet.size - fleet.ballooned - (fleet.anon - fleet.paged)
        np.minimum(fleet.cache, np.maximum(room, 0.0), out=fleet.cache)
        hosts.free = hosts.memory - fleet.used_by_host(hosts)

    def step(self, advance: Callable[[Fleet], object] | None = None) -> None:
        """Advance by :data:`laws.STEP_S`; ``advance`` sets the guests' demand for the new step."""
        fleet, hosts, flows = self.fleet, self.hosts, self.flows
        self.warmth.remember(fleet)
        if advance is not None:
            advance(fleet)
        self.warmth.move(fleet, self._scratch)
        flows.clear()
        fleet.stall.fill(0.0)
        fleet.latency.fill(0.0)

        wish = touch.growth(fleet, self._scratch)
        hosts.free = hosts.memory - fleet.used_by_host(hosts)
        out = np.flatnonzero(fleet.swapped + fleet.compressed > 0.0)
        if len(out):
            self.warmth.sort_out(fleet, out)
        if len(out) or wish.any():
            self._allocate(wish, out)
        if reclaim.enforce_limits(fleet, hosts, flows, fleet.held(), laws.STEP_S):
            hosts.free = hosts.memory - fleet.used_by_host(hosts)

        hosts.state = laws.next_states(hosts.state, hosts.free, hosts.min_free)
        hosts.worst = hosts.state
        pressed = (hosts.state >= laws.SOFT).astype(np.float64)
        if fleet.ballooned.any():
            pressed += laws.summed(fleet.ballooned, fleet.host, len(hosts))
        if pressed.any():
            reclaim.balance(fleet, hosts, flows, pressed, wish, laws.STEP_S)
            hosts.free = hosts.memory - fleet.used_by_host(hosts)

        touch.guest_paging(fleet, flows, self._scratch)
        if fleet.moving.any():
            fleet.stall[:] = 1.0 - (1.0 - fleet.stall) * (1.0 - fleet.moving)
        self.steps += 1
        if self.steps % _SAMPLE_STEPS == 0:
            self.sampler.sample(fleet)

    def _allocate(self, wish: FloatArray, out: IndexArray) -> None:
        """Hand out memory for new pages and refaults, as far as each host has it.

        ``wish`` is left holding what was denied.
        """
        fleet, hosts, flows = self.fleet, self.hosts, self.flows
        want = wish.copy()
        swap_in, unzip, hot_share, waiting = touch.refault(fleet, hosts, out)
        if len(out):
            fleet.latency[out] = waiting
            fleet.stall[out] = waiting
            want[out] += swap_in + (1.0 - laws.ZIP_RATIO) * unzip
        if (hosts.state == laws.LOW).any():
            # Low blocks whoever holds more than the scheduler granted it.
            over = (fleet.held() > fleet.target) & (hosts.state[fleet.host] == laws.LOW)
        else:
            over = np.zeros(len(fleet), dtype=np.bool_)
        asked = np.where(over, 0.0, want)
        total = laws.summed(asked, fleet.host, len(hosts))
        left = np.maximum(hosts.free - laws.LAST_SHARE * hosts.min_free, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(total > left, left / total, 1.0)[fleet.host]
        share[over] = 0.0

        fleet.granted += wish * share
        if len(out):
            part = share[out]
            fleet.swapped[out] = np.maximum(fleet.swapped[out] - swap_in * part, 0.0)
            fleet.compressed[out] = np.maximum(fleet.compressed[out] - unzip * part, 0.0)
            fleet.granted[out] += (swap_in + unzip) * part
            still = fleet.hot_out[out] - (swap_in + unzip) * part * hot_share
            fleet.hot_out[out] = np.maximum(still, 0.0)
            # Sweeps touch warm pages as they touch all others.
            cold = np.maximum(fleet.swapped[out] + fleet.compressed[out] - fleet.hot_out[out], 0.0)
            fleet.warm_out[out] = np.minimum(fleet.warm_out[out], cold)
            flows.swap_in[out] += swap_in * part
            flows.unzip[out] += unzip * part
        wish *= 1.0 - share
        denied = (share < 1.0) & (want > 1.0)
        if denied.any():
            # A virtual CPU whose page is refused waits for it.
            fleet.stall[denied] = 1.0 - (1.0 - fleet.stall[denied]) * share[denied]
        hosts.free = hosts.memory - fleet.used_by_host(hosts)

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
