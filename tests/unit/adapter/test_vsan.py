"""vSAN's own law: witnesses, nodes that nobody sees, and witness appliances."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.adapter.test_inventory import cluster, host, snapshot, vm
from vsphere_market.adapter.soap import vim
from vsphere_market.adapter.vsan import VSAN_HOST_PATHS

UUID = "52aa-prod"


def config(enabled: bool = True) -> Any:
    info = vim.vsan.cluster.ConfigInfo(enabled=enabled)
    return vim.cluster.ConfigInfoEx(vsanConfigInfo=info)


def node(number: int, sees: tuple[int, ...], /, **values: Any) -> Any:
    members = [
        vim.vsan.host.MembershipInfo(nodeUuid=f"node-{other}", hostname="") for other in sees
    ]
    return host(
        f"host-{number}",
        **{
            "config.vsanHostConfig.enabled": True,
            "config.vsanHostConfig.clusterInfo.uuid": UUID,
            "config.vsanHostConfig.clusterInfo.nodeUuid": f"node-{number}",
            "runtime.vsanRuntimeInfo.membershipList": members,
            **values,
        },
    )


def parts(*facts: Any) -> tuple[str, ...]:
    return snapshot(*facts).hosts.vsan


def test_every_path_is_one_of_pyvmomis() -> None:
    for path in VSAN_HOST_PATHS:
        kind: Any = vim.HostSystem
        for name in path.split("."):
            (found,) = [item for item in _properties(kind) if item.name == name]
            kind = found.type


def _properties(kind: Any) -> list[Any]:
    return list(kind._GetPropertyList())


def test_members_of_a_cluster_and_hosts_without_vsan() -> None:
    plain = host("host-3", **{"config.vsanHostConfig.enabled": False})
    found = parts(cluster(config()), node(1, (1, 2)), node(2, (1, 2)), plain)
    assert found == ("member", "member", "")


@pytest.mark.parametrize("its_own", [vim.cluster.ConfigInfoEx(), config(enabled=False)])
def test_a_witness_runs_vsan_where_its_cluster_does_not(its_own: Any) -> None:
    witness = node(3, (1, 3), parent="domain-2")
    alone = node(4, (1, 4), parent="resource-9")
    clusters = cluster(config()), cluster(its_own, "domain-2")
    assert parts(*clusters, node(1, (1, 3)), witness, alone) == ("member", "witness", "witness")


def test_where_the_cluster_is_kept_back_nobody_is_taken_for_a_witness() -> None:
    assert parts(cluster(), node(1, (1,))) == ("member",)


def test_a_node_that_no_other_sees_is_apart() -> None:
    found = parts(cluster(config()), node(1, (1, 2)), node(2, (1, 2)), node(3, (3,)))
    assert found == ("member", "member", "apart")


def test_lists_that_leave_out_the_host_itself_do() -> None:
    assert parts(cluster(config()), node(1, (2,)), node(2, (1,))) == ("member", "member")


def test_who_is_away_or_sees_nobody_is_no_evidence() -> None:
    away = node(2, (2,), **{"runtime.connectionState": "notResponding"})
    assert parts(cluster(config()), node(1, (1,)), away, node(3, ())) == (
        "member",
        "apart",
        "apart",
    )
    assert parts(cluster(config()), node(1, ()), node(2, ())) == ("member", "member")


@pytest.mark.parametrize(
    "uuid", ["564D1122-3344-5566-7788-99aabbccddee", "22114d56-4433-6655-7788-99AABBCCDDEE"]
)
def test_a_witness_appliance_is_left_alone(uuid: str) -> None:
    witness = node(
        3,
        (1, 3),
        parent="resource-9",
        **{"summary.hardware.uuid": "564d1122-3344-5566-7788-99aabbccddee"},
    )
    view = snapshot(
        cluster(config()),
        node(1, (1, 3), **{"summary.hardware.uuid": "4c4c4544-0000-0000-0000-000000000001"}),
        witness,
        vm("vm-1", **{"config.uuid": uuid}),
        vm("vm-2", **{"config.uuid": "4c4c4544-0000-0000-0000-000000000001"}),
        vm("vm-3", **{"config.managedBy.extensionKey": "com.vmware.vim.eam"}),
        vm("vm-4"),
    ).vms
    assert view.managed_by == ("vSAN witness", "", "com.vmware.vim.eam", "")


def test_a_reader_may_give_any_structure() -> None:
    other = SimpleNamespace(nodeUuid="node-9")
    lone = node(1, (), **{"runtime.vsanRuntimeInfo.membershipList": [other]})
    assert parts(cluster(config()), lone) == ("member",)
