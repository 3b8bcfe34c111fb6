"""The contract of the port, over the wire: against our simulator, and against stock vcsim."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.port_contract import PortContract, World
from tests.vcsim import StockVcsim
from tests.wire.adapter.small import as_administrator, connect, document
from tests.wire.conftest import StartSimulator
from vsphere_market.adapter.soap import vim
from vsphere_market.port import ActionKind, Entity, Rest


class TestSimulator(PortContract):
    """Our simulator refuses what a vCenter refuses, and its tasks take their time."""

    kinds = tuple(ActionKind)

    @pytest.fixture
    def world(self, start_simulator: StartSimulator) -> Iterator[World]:
        simulator = start_simulator(document())
        simulator.task_seconds(relocate=0.3, reconfigure=0.1, check=0.1)
        with connect(simulator) as port:
            yield World(
                port,
                lambda host: simulator.set_host(host.moid, maintenance=True),
                lambda cluster, move: simulator.recommend(
                    cluster.moid, {move.vm.moid: move.target.moid}
                ),
            )


class TestStockVcsim(PortContract):
    """Stock vcsim takes everything, so our own objections have to do; its tasks are instant.

    It has no standby and no recommendations, starts VMs where they are, and calls a task cancelled
    at once, whose work goes on and then ends it as a success (govmomi, simulator/task.go).
    """

    rest = Rest.MAINTENANCE
    places = False
    halts = False

    @pytest.fixture
    def world(self) -> Iterator[World]:
        options = (
            "-standalone-host",
            "0",
            "-cluster",
            "2",
            "-host",
            "2",
            "-vm",
            "2",
            "-pool",
            "1",
            "-ds",
            "2",
        )
        with StockVcsim.start(*options) as stock, as_administrator(stock) as content:
            view = content.viewManager.CreateContainerView(
                content.rootFolder, [vim.VirtualMachine], True
            )
            for number, vm in enumerate(view.view):
                # Its VMs have 32 MiB, no hot-add and no shares: no room for any action.
                shares = vim.SharesInfo(level=vim.SharesInfo.Level.normal, shares=2560)
                spec = vim.vm.ConfigSpec(
                    memoryMB=256,
                    memoryHotAddEnabled=number == 0,
                    memoryAllocation=vim.ResourceAllocationInfo(
                        reservation=0, limit=-1, shares=shares
                    ),
                )
                vm.ReconfigVM_Task(spec)

            def close_host(host: Entity) -> None:
                vim.HostSystem(host.moid, content.rootFolder._stub).EnterMaintenanceMode_Task(0)

            with connect(stock) as port:
                yield World(port, close_host)
