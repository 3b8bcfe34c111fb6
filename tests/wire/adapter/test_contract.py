"""The contract of the port, over the wire: against our simulator, and against stock vcsim."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.port_contract import PATIENCE_S, POLL_S, Cast, PortContract, World, wait
from tests.vcsim import StockVcsim
from tests.wire.adapter.small import as_administrator, connect, document
from tests.wire.conftest import StartSimulator
from vsphere_market.adapter.soap import vim
from vsphere_market.port import ActionKind, Entity, Rest, Standing, TaskState, VCenterPort


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

    def test_cancelling_leaves_the_world_before_or_after(
        self, port: VCenterPort, cast: Cast
    ) -> None:
        action = cast.action(ActionKind.MIGRATE)
        handle = port.submit(action)
        port.cancel(handle)
        (status,) = wait(port, [handle])
        assert status.state in (TaskState.CANCELLED, TaskState.SUCCESS)
        assert status.error is None
        # What was called cancelled may still be on its way: the comparison tells, not the task.
        until = port.clock.now_s() + PATIENCE_S
        while port.poll([handle])[0].state is not TaskState.SUCCESS:
            assert port.clock.now_s() < until
            port.clock.sleep(POLL_S)
        assert port.standing(action) is Standing.AFTER
