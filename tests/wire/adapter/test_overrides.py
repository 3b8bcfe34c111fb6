"""DRS automation levels of single VMs, as stock vcsim keeps them."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from pyVim.connect import Disconnect, SmartConnect

from tests.vcsim import StockVcsim
from tests.wire.adapter.small import connect
from vsphere_market.adapter.soap import vim


@pytest.mark.wire
def test_overrides_are_read() -> None:
    with StockVcsim.start("-vm", "4") as stock, connect(stock) as vcenter:
        before = vcenter.observe()
        assert set(before.vms.drs_override) == {""}
        _override(stock, before.vms.moid, before.clusters.moid[0])
        after = vcenter.observe()
    shown = dict(zip(after.vms.moid, after.vms.drs_override, strict=True))
    first, second, third = before.vms.moid[:3]
    assert shown[first] == "disabled"
    assert shown[second] == "manual"
    assert shown[third] == ""


def _override(stock: StockVcsim, vms: tuple[str, ...], cluster: str) -> None:
    service: Any = SmartConnect(  # type: ignore[no-untyped-call]
        host=stock.host,
        port=stock.port,
        user=stock.username,
        pwd=stock.password,
        disableSslCertValidation=True,
    )
    with contextlib.ExitStack() as stack:
        stack.callback(Disconnect, service)
        stub = service._stub
        levels = ((vms[0], False, "fullyAutomated"), (vms[1], True, "manual"))
        spec = vim.cluster.ConfigSpecEx(
            drsVmConfigSpec=[
                vim.cluster.DrsVmConfigSpec(
                    operation="add",
                    info=vim.cluster.DrsVmConfigInfo(
                        key=vim.VirtualMachine(moid, stub), enabled=enabled, behavior=behavior
                    ),
                )
                for moid, enabled, behavior in levels
            ]
        )
        vim.ClusterComputeResource(cluster, stub).ReconfigureComputeResource_Task(spec, True)
