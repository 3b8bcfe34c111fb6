"""An estate alive: its hosts, its guests' demand and its migrations, moved on step by step."""

from __future__ import annotations

import numpy as np

from vsphere_market.errors import EstateError
from vsphere_market.plant import laws
from vsphere_market.plant.fleet import Fleet, Hosts
from vsphere_market.plant.inventory import Inventory
from vsphere_market.plant.memory import MemoryModel
from vsphere_market.plant.pools import Pools
from vsphere_market.plant.recorder import Pressure, Recorder, Truth
from vsphere_market.plant.spec import EstateSpec
from vsphere_market.plant.vmotion import Migration, Migrations
from vsphere_market.plant.workload import Demand
from vsphere_market.units import BoolArray, FloatArray, IndexArray

_KIB = 1024.0


class World:
    """One estate under simulation. Everything that happens in it follows from its spec and seed.

    Args:
        spec: the estate.
        rng: takes the place of the generator that the estate's seed makes.

    Attributes:
        spec, inventory, model, demand, pools, migrations, recorder: its parts.
        truth: sums for judges, from the end of the warm-up, or from :meth:`judge_anew`.
        now_s: Unix time of the last step.
    """

    def __init__(self, spec: EstateSpec, rng: np.random.Generator | None = None) -> None:
        self.spec = spec
        root = np.random.default_rng(spec.seed) if rng is None else rng
        # Demand and sampling draw apart, so that an action never changes what guests want.
        demand_rng, sample_rng = root.spawn(2)
        self.inventory = Inventory(spec)
        vms = self.inventory.vms
        on = np.array([vm.on for vm in vms], dtype=np.bool_)
        self.demand = Demand(
            [vm.workload for vm in vms], self.inventory.settings.size, on, spec.start_s, demand_rng
        )
        fleet, hosts = self._fleet(), self._hosts()
        self.model = MemoryModel(fleet, hosts, sample_rng)
        self.pools = Pools(self.inventory)
        self.migrations = Migrations(fleet, hosts, [h.link_mbps for h in self.inventory.hosts])
        self.recorder = Recorder(len(vms))
        self.truth = Truth.nothing(len(vms))
        self.now_s = spec.start_s
        self._onlining: list[tuple[float, int, float]] = []
        self._waiting: IndexArray = np.zeros(0, dtype=np.int64)
        #: VMs that somebody stopped, and those that somebody started, whatever their churn says.
        self._stopped = np.zeros(len(vms), dtype=np.bool_)
        self._started = np.zeros(len(vms), dtype=np.bool_)
        self._check_reservations()
        self.demand.settle(fleet)
        self.reconfigured()
        self.model.settle(lambda wish: self.pools.divide(fleet, wish))
        self._switch(fleet)
        self.reconfigured()
        for _ in range(round(spec.warm_up_s / laws.STEP_S)):
            self.step()
        self.judge_anew()

    def judge_anew(self) -> None:
        """Forget the sums for judges: what is to be judged begins now."""
        self.truth = Truth.nothing(len(self.inventory.vms))

    @property
    def fleet(self) -> Fleet:
        """State of the VMs."""
        return self.model.fleet

    @property
    def hosts(self) -> Hosts:
        """State of the hosts."""
        return self.model.hosts

    def _fleet(self) -> Fleet:
        inventory, settings = self.inventory, self.inventory.settings
        hosts = np.array([inventory.host_rows[vm.host] for vm in inventory.vms], dtype=np.int64)
        return Fleet(
            host=hosts,
            # VMs that come and go are powered on like any other, where they fit.
            on=self.demand.on & ~self._churning(),
            size=settings.size.copy(),
            vcpus=np.array([float(vm.vcpus) for vm in inventory.vms]),
            reservation=settings.reservation.copy(),
            limit=settings.limit.copy(),
            shares=settings.shares.copy(),
            tools=np.array([vm.tools for vm in inventory.vms], dtype=np.bool_),
            balloon_cap=np.zeros(len(inventory.vms)),
        )

    def _churning(self) -> BoolArray:
        """(V,) VMs that are switched on and off in the course of time."""
        loads = (vm.workload for vm in self.inventory.vms)
        return np.array([any(s.kind == "churn" for s in load.shapes) for load in loads])

    def _hosts(self) -> Hosts:
        specs = self.inventory.hosts
        return Hosts(
            memory=np.array([host.memory_mib for host in specs]),
            vmkernel=np.array([host.vmkernel_mib for host in specs]),
            swap_mibps=np.array([host.swap_mibps for host in specs]),
            swap_latency_s=np.array([host.swap_latency_s for host in specs]),
            # Mb/s are decimal megabits.
            link_mibps=np.array([host.link_mbps * 1e6 / 8 / (1 << 20) for host in specs]),
            idle_cost=np.array([1.0 / (1.0 - host.idle_tax) for host in specs]),
            balloon_max=np.array([host.balloon_max for host in specs]),
            zip_max=np.array([host.zip_max for host in specs]),
        )

    def reconfigured(self) -> None:
        """Bring settings into force, after any of them changed."""
        self._cap_balloons()
        self.pools.share_out(self.fleet)
        self.pools.divide(self.fleet)
        self.model.limited = bool(np.isfinite(self.fleet.limit).any())

    def _cap_balloons(self) -> None:
        """Balloons' caps: the VM's own, or else the host's share of its size."""
        settings, fleet = self.inventory.settings, self.fleet
        fleet.balloon_cap[:] = np.where(
            np.isnan(settings.balloon_cap),
            self.hosts.balloon_max[fleet.host] * settings.size,
            np.minimum(settings.balloon_cap, settings.size),
        )

    def grow(self, row: int, size_mib: float, onlining_s: float) -> None:
        """Hot-add memory; the guest uses it after a while."""
        fleet, settings = self.fleet, self.inventory.settings
        settings.size[row] = size_mib
        fleet.size[row] = size_mib
        if fleet.on[row]:
            fleet.overhead[row] = float(laws.overhead_mib(size_mib, fleet.vcpus[row]))
            self.hosts.free = self.hosts.memory - fleet.used_by_host(self.hosts)
        self._onlining.append((self.now_s + onlining_s, row, size_mib))

    def resize(self, row: int, size_mib: float) -> None:
        """Another size for a VM that is off; what its guest wants does not change by it."""
        fleet = self.fleet
        self.inventory.settings.size[row] = size_mib
        fleet.size[row] = fleet.guest_size[row] = size_mib

    def stop(self, row: int) -> None:
        """Power a VM off; it stays off until it is started."""
        self._stopped[row], self._started[row] = True, False
        self.model.power(row, on=False)
        self.recorder.restart(row)
        self._silence()
        self.reconfigured()

    def start(self, row: int, host: int) -> None:
        """Power a VM on, on that host of its cluster."""
        settings = self.inventory.settings
        self._stopped[row], self._started[row] = False, True
        self.demand.allow(row)
        self.fleet.host[row] = host
        self.model.power(row, on=True)
        self.recorder.restart(row)
        settings.boot_size[row] = settings.size[row]
        self.reconfigured()

    def change_pool(self, row: int, pool: int) -> None:
        """Put a VM, which has come to another cluster, into a pool there."""
        inventory = self.inventory
        inventory.vm_pool[row] = pool
        inventory.vm_cluster[row] = inventory.pool_cluster[pool]
        self.pools.regroup()
        self.reconfigured()

    def _silence(self) -> None:
        """Nobody asks for memory in VMs that wait for room, or that somebody stopped."""
        fleet = self.fleet
        off = np.union1d(self._waiting, np.flatnonzero(self._stopped))
        for column in (fleet.working, fleet.anon, fleet.cache_want):
            column[off] = 0.0

    def step(self) -> list[Migration]:
        """Go on by one step; returns the migrations that ended in it."""
        fleet = self.fleet
        self.now_s += laws.STEP_S
        if self._onlining:
            due = [item for item in self._onlining if item[0] <= self.now_s]
            self._onlining = [item for item in self._onlining if item[0] > self.now_s]
            for _, row, size in due:
                fleet.guest_size[row] = max(float(fleet.guest_size[row]), size)
        self.model.step(self._advance)
        if self.model.moving:
            fleet.moving.fill(0.0)
        self.model.moving = bool(self.migrations.under_way)
        ended = self.migrations.step(laws.STEP_S)
        for job in ended:
            self.truth.moved_mib += job.sent
            self.truth.moves += fleet.host[job.row] == job.target
            self.truth.failed_moves += fleet.host[job.row] != job.target
        if ended:
            self._cap_balloons()
        self.recorder.record(self.model)
        self.truth.add(self.model)
        return ended

    def _check_reservations(self) -> None:
        """Refuse an estate that no vCenter would have powered on."""
        fleet, hosts = self.fleet, self.hosts
        need = laws.summed(
            (self.inventory.settings.reservation + fleet.overhead) * fleet.on,
            fleet.host,
            len(hosts),
        )
        for row in np.flatnonzero(need + hosts.vmkernel + hosts.min_free > hosts.memory).tolist():
            raise EstateError(
                f"host {self.inventory.hosts[row].name} cannot back the reservations of its VMs",
                where=self.spec.name,
                cure="place fewer VMs there, or lower reservation_gib",
            )

    def _advance(self, fleet: Fleet) -> None:
        if self.demand.advance(fleet):
            changed = self._switch(fleet)
            if changed:
                self.pools.share_out(fleet)
            if self.pools.divided or changed:
                self.pools.divide(fleet)
        if len(self._waiting) or np.count_nonzero(self._stopped):
            self._silence()

    def _switch(self, fleet: Fleet) -> bool:
        """Power VMs on and off as the demand has it; returns whether any changed.

        One that its host cannot back waits, and is tried again a minute later.
        """
        settings = self.inventory.settings
        waiting: list[int] = []
        wanted = (self.demand.on | self._started) & ~self._stopped
        changed = (wanted != fleet.on).nonzero()[0].tolist()
        for row in changed:
            on = bool(wanted[row])
            if on and not self._can_start(row):
                waiting.append(row)
                continue
            self.model.power(row, on)
            self.recorder.restart(row)
            if on:
                settings.boot_size[row] = settings.size[row]
        self._waiting = np.array(waiting, dtype=np.int64)
        return len(changed) > len(waiting)

    def _can_start(self, row: int) -> bool:
        """Whether a VM's host has room for its overhead, and unreserved memory for the rest."""
        fleet, hosts, settings = self.fleet, self.hosts, self.inventory.settings
        host = int(fleet.host[row])
        if self.inventory.standby[host]:
            return False
        overhead = float(laws.overhead_mib(settings.size[row], fleet.vcpus[row]))
        here = (fleet.host == host) & fleet.on
        reserved = float((settings.reservation + fleet.overhead)[here].sum())
        room = float(hosts.memory[host] - hosts.vmkernel[host] - hosts.min_free[host]) - reserved
        return overhead <= float(hosts.free[host]) and settings.reservation[row] + overhead <= room

    def pressure(self) -> Pressure:
        """How much the estate suffers now, and over the last five minutes."""
        fleet, recorder = self.fleet, self.recorder
        stall = recorder.mean("stall")[fleet.on]
        return Pressure(
            stall_pct=100.0 * float(stall.mean()) if len(stall) else 0.0,
            stall_worst_pct=100.0 * float(stall.max()) if len(stall) else 0.0,
            stalled_vms=int((stall > 0.01).sum()),
            ballooned_mib=float(fleet.ballooned.sum()),
            swapped_mib=float(fleet.swapped.sum()),
            compressed_mib=float(fleet.compressed.sum()),
            swapin_kibps=float(rate_kibps(recorder.mean("swap_in")).sum()),
            swapout_kibps=float(rate_kibps(recorder.mean("swap_out")).sum()),
            guest_paging_kibps=float(rate_kibps(recorder.mean("guest_paging")).sum()),
        )


def rate_kibps(mib_per_step: FloatArray) -> FloatArray:
    """MiB per step as the whole KiB/s that counters show."""
    return np.round(mib_per_step * (_KIB / laws.STEP_S))
