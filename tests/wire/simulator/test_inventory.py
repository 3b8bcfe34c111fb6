"""The estate over the wire: every object under its id, with what the file says and no more."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.request
from typing import Any

from tests.vcsim import Simulator
from tests.vcsim_estates import CLUSTER, GIB, ROOT_POOL, estate, host_row, vm_row
from tests.vcsim_soap import Soap, trust, vim

KINDS = {
    "VirtualMachine": vim.VirtualMachine,
    "HostSystem": vim.HostSystem,
    "ClusterComputeResource": vim.ClusterComputeResource,
    "ResourcePool": vim.ResourcePool,
    "Datastore": vim.Datastore,
    "Network": vim.Network,
    "Folder": vim.Folder,
    "Datacenter": vim.Datacenter,
}


def rich() -> dict[str, Any]:
    """One of everything that is not the default."""
    return estate(
        clusters=[
            {
                "moid": CLUSTER,
                "name": "prod",
                "datacenter": "Berlin",
                "drs_enabled": True,
                "drs_behavior": "partiallyAutomated",
                "drs_vmotion_rate": 2,
                "ha_enabled": True,
                "ha_admission_control": True,
                "ha_reserve_memory_pct": 25,
            }
        ],
        hosts=[
            host_row("host-11", networks=["network-20", "dvportgroup-21"], in_quarantine=True),
            host_row("host-12", vmotion_mbps=1000),
            {"moid": "host-90", "name": "alone", "memory_mib": 1024, "power": "standBy"},
        ],
        pools=[
            {"moid": ROOT_POOL, "name": "Resources", "cluster": CLUSTER, "unreserved_mib": 9000},
            {
                "moid": "resgroup-10",
                "name": "gold",
                "cluster": CLUSTER,
                "parent": ROOT_POOL,
                "reservation_mib": 4096,
                "limit_mib": 8192,
                "shares": 4000,
                "expandable": True,
            },
        ],
        vms=[
            vm_row(
                "vm-101",
                "host-11",
                pool="resgroup-10",
                folder="/Berlin/vm/prod/sql",
                tags=["tier:gold", "app:sql"],
                custom_attributes=["owner=dba=team"],
                networks=["dvportgroup-21"],
                size_mib=6 * GIB,
                reservation_mib=1024,
                limit_mib=4096,
                shares=777,
                balloon_cap_mib=2048,
                latency_sensitivity_high=True,
                passthrough=True,
                fault_tolerance=True,
                managed_by="com.example.srm",
            ),
            vm_row(
                "vm-102",
                "host-12",
                folder="/Berlin/vm",
                template=True,
                power="poweredOff",
                hot_add_enabled=False,
            ),
        ],
        rules=[
            {
                "moid": f"{CLUSTER}/4",
                "name": "away",
                "cluster": CLUSTER,
                "kind": "vmAntiHost",
                "mandatory": True,
                "enabled": True,
                "vms": ["vm-101"],
                "hosts": ["host-12"],
            }
        ],
    )


def everything(soap: Soap) -> dict[str, list[str]]:
    content = soap.content
    view = content.viewManager.CreateContainerView(content.rootFolder, list(KINDS.values()), True)
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for item in view.view:
        for kind, cls in KINDS.items():
            if isinstance(item, cls):
                found[kind].append(item._moId)
    view.DestroyView()
    return {kind: sorted(moids) for kind, moids in found.items()}


def test_every_object_is_there_under_its_id(start_simulator: Any) -> None:
    with Soap(start_simulator(rich())) as soap:
        found = everything(soap)
        assert found["VirtualMachine"] == ["vm-101", "vm-102"]
        assert found["HostSystem"] == ["host-11", "host-12", "host-90"]
        assert found["ClusterComputeResource"] == [CLUSTER]
        assert found["ResourcePool"][:2] == ["resgroup-10", ROOT_POOL]
        assert found["Datastore"] == ["datastore-30"]
        assert found["Network"] == ["dvportgroup-21", "network-20"]
        assert len(found["Datacenter"]) == 1


def test_whole_objects_parse(start_simulator: Any) -> None:
    """Empty enums and the like make pyVmomi fail on whole objects of some releases of vcsim."""
    with Soap(start_simulator(rich())) as soap:
        for vm in map(soap.vm, ("vm-101", "vm-102")):
            for name in ("runtime", "summary", "config", "guest", "resourceConfig", "capability"):
                assert getattr(vm, name) is not None
        for host in map(soap.host, ("host-11", "host-90")):
            for name in ("runtime", "summary", "config", "hardware", "capability"):
                assert getattr(host, name) is not None
        cluster, pool = soap.cluster(CLUSTER), soap.pool("resgroup-10")
        assert cluster.summary.totalMemory == 2 * 64 * GIB << 20
        assert cluster.summary.effectiveMemory == 2 * 64 * GIB
        assert pool.summary.config.memoryAllocation.limit == 8192


def test_a_vm_is_as_the_file_says(start_simulator: Any) -> None:
    with Soap(start_simulator(rich())) as soap:
        vm = soap.vm("vm-101")
        config = vm.config
        assert (vm.name, config.instanceUuid) == ("name of vm-101", "501000000101")
        assert (vm.runtime.host._moId, vm.resourcePool._moId) == ("host-11", "resgroup-10")
        memory = config.memoryAllocation
        assert (memory.reservation, memory.limit) == (1024, 4096)
        assert (memory.shares.shares, memory.shares.level) == (777, "custom")
        assert (config.memoryHotAddEnabled, config.hotPlugMemoryLimit) == (True, 128 * GIB)
        assert config.hotPlugMemoryIncrementSize == 128
        assert config.changeVersion == "vm-101-1"
        assert config.latencySensitivity.level == "high"
        assert [(o.key, o.value) for o in config.extraConfig] == [("sched.mem.maxmemctl", "2048")]
        assert config.managedBy.extensionKey == "com.example.srm"
        assert vm.runtime.faultToleranceState == "running"
        assert any(
            isinstance(d, vim.vm.device.VirtualPCIPassthrough) for d in config.hardware.device
        )
        assert [n._moId for n in vm.network] == ["dvportgroup-21"]
        names, item = [], vm.parent
        while item.parent is not None:
            names.append(item.name)
            item = item.parent
        assert names == ["sql", "prod", "vm", "Berlin"]
        [field] = soap.content.customFieldsManager.field
        assert [(field.name, v.key == field.key, v.value) for v in vm.customValue] == [
            ("owner", True, "dba=team")
        ]
        template = soap.vm("vm-102")
        assert (template.config.template, template.runtime.powerState) == (True, "poweredOff")
        paths = ["config.hotPlugMemoryLimit", "config.memoryHotAddEnabled"]
        assert soap.read([template], paths)["vm-102"]["config.memoryHotAddEnabled"] is False


def test_a_host_is_as_the_file_says(start_simulator: Any) -> None:
    with Soap(start_simulator(rich())) as soap:
        host = soap.host("host-12")
        assert host.hardware.memorySize == host.summary.hardware.memorySize == 64 * GIB << 20
        assert host.config.product.version == "8.0.3"
        assert host.config.network.pnic[0].linkSpeed.speedMb == 1000
        [vmotion] = [
            c for c in host.config.virtualNicManagerInfo.netConfig if c.nicType == "vmotion"
        ]
        assert vmotion.selectedVnic == ["vmotion.key-vim.host.VirtualNic-vmk1"]
        assert soap.host("host-11").runtime.inQuarantineMode is True
        alone = soap.host("host-90")
        assert (alone.runtime.powerState, alone.runtime.standbyMode) == ("standBy", "in")
        assert isinstance(alone.parent, vim.ComputeResource)
        assert not isinstance(alone.parent, vim.ClusterComputeResource)
        assert alone.summary.config.vmotionEnabled is False


def test_cluster_pools_and_rules_are_as_the_file_says(start_simulator: Any) -> None:
    with Soap(start_simulator(rich())) as soap:
        config = soap.cluster(CLUSTER).configurationEx
        assert (config.drsConfig.enabled, config.drsConfig.vmotionRate) == (True, 2)
        assert config.drsConfig.defaultVmBehavior == "partiallyAutomated"
        assert config.dasConfig.admissionControlEnabled is True
        assert config.dasConfig.admissionControlPolicy.memoryFailoverResourcesPercent == 25
        [rule] = config.rule
        assert (rule.key, rule.mandatory, rule.enabled) == (4, True, True)
        groups = {group.name: group for group in config.group}
        assert [v._moId for v in groups[rule.vmGroupName].vm] == ["vm-101"]
        assert [h._moId for h in groups[rule.antiAffineHostGroupName].host] == ["host-12"]
        pool = soap.pool("resgroup-10")
        memory = pool.config.memoryAllocation
        assert (memory.reservation, memory.limit, memory.expandableReservation) == (
            4096,
            8192,
            True,
        )
        assert pool.parent._moId == ROOT_POOL
        # The file's word on unreserved memory holds, although more could be computed.
        assert soap.pool(ROOT_POOL).runtime.memory.unreservedForVm == 9000 << 20


def test_what_the_file_leaves_out_is_absent(start_simulator: Any) -> None:
    bare = {"moid": "vm-101", "name": "bare", "host": "host-11", "size_mib": 1024}
    with Soap(start_simulator(estate(vms=[bare]))) as soap:
        paths = [
            "config.hotPlugMemoryLimit",
            "config.hotPlugMemoryIncrementSize",
            "runtime.memoryOverhead",
            "summary.quickStats.guestMemoryUsage",
            "config.managedBy",
        ]
        assert soap.read([soap.vm("vm-101")], paths) == {"vm-101": {}}
        assert soap.vm("vm-101").config.memoryAllocation.limit == -1
        assert soap.vm("vm-101").resourcePool._moId == ROOT_POOL


def test_pages_leave_unset_properties_out(start_simulator: Any) -> None:
    vms = [
        vm_row(f"vm-{n}", "host-11", managed_by="x" if n == 101 else "") for n in range(101, 107)
    ]
    with Soap(start_simulator(estate(vms=vms))) as soap:
        collector = soap.content.propertyCollector
        spec = vim.PropertyCollector.FilterSpec(
            objectSet=[vim.PropertyCollector.ObjectSpec(obj=soap.vm(row["moid"])) for row in vms],
            propSet=[
                vim.PropertyCollector.PropertySpec(
                    type=vim.VirtualMachine, pathSet=["name", "config.managedBy"]
                )
            ],
        )
        page = collector.RetrievePropertiesEx(
            [spec], vim.PropertyCollector.RetrieveOptions(maxObjects=2)
        )
        counts = [[len(o.propSet) for o in page.objects]]
        while page.token:
            page = collector.ContinueRetrievePropertiesEx(page.token)
            counts.append([len(o.propSet) for o in page.objects])
        assert counts == [[2, 1], [1, 1], [1, 1]]


def rest(simulator: Simulator, method: str, path: str, session: str = "", body: Any = None) -> Any:
    root = simulator.url.removesuffix("/sdk") + "/rest/com/vmware/cis"
    request = urllib.request.Request(  # noqa: S310 - an address on loopback
        root + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"vmware-api-session-id": session, "Content-Type": "application/json"},
    )
    if not session:
        login = f"{simulator.username}:{simulator.password}".encode()
        request.add_header("Authorization", "Basic " + base64.b64encode(login).decode())
    with urllib.request.urlopen(request, context=trust(simulator), timeout=10) as answer:  # noqa: S310
        return json.load(answer)["value"]


def test_tags_are_there_by_rest(start_simulator: Any) -> None:
    simulator = start_simulator(rich())
    assert isinstance(trust(simulator), ssl.SSLContext)
    session = rest(simulator, "POST", "/session")
    attached = rest(
        simulator,
        "POST",
        "/tagging/tag-association?~action=list-attached-tags-on-objects",
        session,
        {"object_ids": [{"id": "vm-101", "type": "VirtualMachine"}]},
    )
    [of_vm] = attached
    names = []
    for tag_id in of_vm["tag_ids"]:
        tag = rest(simulator, "GET", f"/tagging/tag/id:{tag_id}", session)
        category = rest(simulator, "GET", f"/tagging/category/id:{tag['category_id']}", session)
        names.append(f"{category['name']}:{tag['name']}")
    assert sorted(names) == ["app:sql", "tier:gold"]


def test_a_large_estate_starts_in_seconds(start_simulator: Any) -> None:
    hosts = [host_row(f"host-{n}") for n in range(1000, 1512)]
    vms = [vm_row(f"vm-{n}", f"host-{1000 + n % 512}") for n in range(20000, 30000)]
    simulator = start_simulator(estate(hosts=hosts, vms=vms))
    with Soap(simulator) as soap:
        assert len(everything(soap)["VirtualMachine"]) == 10_000
        assert soap.relocate("vm-20000", "host-1000").ok
