"""One estate in two bodies: the simulator answers the wire, the plant says what memory does.

While a client works on the simulator, the bridge moves the plant on by the simulator's clock, sends
the plant's counters to the simulator as hosts would, and repeats on the plant whatever the client
has moved or reconfigured.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, assert_never

import numpy as np

from tests.vcsim import Simulator, State
from tests.vcsim_state import VmState
from vsphere_market.errors import TransientFault
from vsphere_market.plant import PlantVCenter
from vsphere_market.plant.laws import STEP_S
from vsphere_market.port import (
    Action,
    ActionKind,
    Entity,
    MemorySetting,
    Migrate,
    SetMemory,
    Standing,
)
from vsphere_market.units import FloatArray

#: Hosts publish counters this often, seconds.
SAMPLE_S = 20.0
_KIB = 1024.0


class Bridge:
    """Runs in a thread for as long as a ``with`` lasts; its errors come out at the end.

    Args:
        plant: the truth.
        simulator: serves a snapshot that was taken of the plant just now.
    """

    def __init__(self, plant: PlantVCenter, simulator: Simulator) -> None:
        self._plant, self._simulator = plant, simulator
        self._seen = simulator.state()
        self._sampled_s = plant.clock.now_s()
        self._waiting: deque[Action] = deque()
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="bridge", daemon=True)
        #: Everything that the client did, in the order in which it was seen.
        self.repeated: list[Action] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=30)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._turn()
                time.sleep(0.05)
        except BaseException as error:  # noqa: BLE001, RUF100 - raised again by __exit__
            self._error = error

    def _turn(self) -> None:
        """Repeat what was changed, then let time pass and publish counters."""
        state = self._simulator.state()
        self._waiting.extend(self._changes(state))
        self._seen = state
        now_s = self._simulator.now().timestamp()
        while self._sampled_s + SAMPLE_S <= now_s:
            self._repeat()
            self._sampled_s += SAMPLE_S
            self._plant.step_to(self._sampled_s)
            self._publish()

    # ------------------------------------------------------------ simulator -> plant

    def _changes(self, state: State) -> list[Action]:
        changes: list[Action] = []
        for moid, now in state.vms.items():
            before = self._seen.vms[moid]
            vm = Entity(moid, now.name)
            if now.host != before.host:
                changes.append(Migrate(vm, self._host(before.host), self._host(now.host)))
            for kind in (
                ActionKind.LIMIT,
                ActionKind.HOT_ADD,
                ActionKind.RESERVATION,
                ActionKind.BALLOON_CAP,
            ):
                old, new = _setting(before, kind), _setting(now, kind)
                if old != new:
                    changes.append(SetMemory(vm, kind, old, new))
        return changes

    def _repeat(self) -> None:
        """Submit what waits; a VM that is still busy on the plant keeps its turn."""
        for _ in range(len(self._waiting)):
            action = self._waiting.popleft()
            try:
                if self._plant.standing(action) is not Standing.AFTER:
                    self._plant.submit(action)
                self.repeated.append(action)
            except TransientFault:
                self._waiting.append(action)

    def _host_names(self) -> list[tuple[str, Entity]]:
        inventory = self._plant.world.inventory
        return [
            (moid, Entity(moid, host.name))
            for moid, host in zip(inventory.host_moids, inventory.hosts, strict=True)
        ]

    def _host(self, moid: str) -> Entity:
        return dict(self._host_names())[moid]

    # ------------------------------------------------------------ plant -> simulator

    def _publish(self) -> None:
        world = self._plant.world
        fleet, hosts, flows = world.fleet, world.hosts, world.model.flows
        inventory = world.inventory
        rate = _KIB / STEP_S
        vm_values = {
            "mem.granted.average": fleet.granted * _KIB,
            "mem.active.average": fleet.active * _KIB,
            "mem.consumed.average": fleet.held() * _KIB,
            "mem.shared.average": np.zeros(len(fleet)),
            "mem.overhead.average": fleet.overhead * _KIB,
            "mem.vmmemctl.average": fleet.ballooned * _KIB,
            "mem.vmmemctltarget.average": fleet.balloon_target * _KIB,
            "mem.swapped.average": fleet.swapped * _KIB,
            "mem.compressed.average": fleet.compressed * _KIB,
            "mem.swapinRate.average": flows.swap_in * rate,
            "mem.swapoutRate.average": flows.swap_out * rate,
            "mem.decompressionRate.average": flows.unzip * rate,
            # Percent counters are hundredths of a percent.
            "mem.latency.average": fleet.latency * 10_000.0,
        }

        def summed(per_vm: FloatArray) -> FloatArray:
            return np.bincount(fleet.host, per_vm, len(hosts)).astype(np.float64)

        host_values = {
            "mem.consumed.average": (hosts.memory - hosts.free) * _KIB,
            "mem.sysUsage.average": hosts.vmkernel * _KIB,
            "mem.lowfreethreshold.average": hosts.min_free * _KIB,
            "mem.state.latest": hosts.state.astype(np.float64),
            "mem.vmmemctl.average": summed(fleet.ballooned) * _KIB,
            "mem.swapused.average": summed(fleet.swapped) * _KIB,
            "mem.compressed.average": summed(fleet.compressed) * _KIB,
            "mem.swapinRate.average": summed(flows.swap_in) * rate,
            "mem.swapoutRate.average": summed(flows.swap_out) * rate,
        }
        self._simulator.counters(
            vms={
                moid: {name: round(float(values[row])) for name, values in vm_values.items()}
                for row, moid in enumerate(inventory.vm_moids)
                if fleet.on[row]
            },
            hosts={
                moid: {name: round(float(values[row])) for name, values in host_values.items()}
                for row, moid in enumerate(inventory.host_moids)
            },
            time=datetime.fromtimestamp(self._sampled_s, tz=UTC),
        )


def _setting(vm: VmState, kind: MemorySetting) -> int | None:
    """A setting in the terms of actions: None is no limit, and the host's default cap."""
    match kind:
        case ActionKind.LIMIT:
            return vm.limit_mib if vm.limit_mib >= 0 else None
        case ActionKind.HOT_ADD | ActionKind.RESIZE:
            return vm.size_mib
        case ActionKind.RESERVATION:
            return vm.reservation_mib
        case ActionKind.BALLOON_CAP:
            return int(vm.balloon_cap) if vm.balloon_cap else None
        case _:
            assert_never(kind)
