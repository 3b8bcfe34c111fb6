"""From properties to tables: paths, rules, fallbacks, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vsphere_market.adapter.bulk import Facts, Paths, Series
from vsphere_market.adapter.counters import Counters, CounterSettings, Figures
from vsphere_market.adapter.hosts import vmotion_mbps
from vsphere_market.adapter.inventory import (
    PATHS,
    Read,
    is_passthrough,
    read_estate,
    snapshot_from,
)
from vsphere_market.adapter.places import Tree, shown
from vsphere_market.adapter.soap import vim
from vsphere_market.adapter.vms import CAP_PATH, cap_mib
from vsphere_market.estate import KEEP_APART, NOT_ON, RUN_ON, Snapshot, Source

GIB = 1 << 30
QUICK = "summary.quickStats"


def vm(moid: str = "vm-1", /, **values: Any) -> Facts:
    return Facts(
        "VirtualMachine",
        moid,
        {
            "name": moid,
            "runtime.host": "host-1",
            "runtime.powerState": "poweredOn",
            "runtime.connectionState": "connected",
            "config.hardware.memoryMB": 4096,
            "config.hardware.numCPU": 2,
            **values,
        },
    )


def host(moid: str = "host-1", /, **values: Any) -> Facts:
    return Facts(
        "HostSystem",
        moid,
        {
            "name": moid,
            "parent": "domain-1",
            "runtime.connectionState": "connected",
            "runtime.powerState": "poweredOn",
            "summary.hardware.memorySize": 64 * GIB,
            **values,
        },
    )


def cluster(config: Any = None, moid: str = "domain-1") -> Facts:
    values = {"name": moid, "parent": "group-h"}
    return Facts(
        "ClusterComputeResource",
        moid,
        values if config is None else {**values, "configurationEx": config},
    )


def snapshot(*facts: Facts, **more: Any) -> Snapshot:
    by_kind: dict[str, list[Facts]] = {}
    for one in facts:
        by_kind.setdefault(one.kind, []).append(one)
    return snapshot_from(Read(by_kind, **more), Source("vcenter", "test"), 0.0)


def ref(kind: str, moid: str) -> Any:
    return getattr(vim, kind)(moid, None)


# ---------------------------------------------------------------- names and places


def test_folder_paths_begin_at_the_datacenter() -> None:
    tree = Tree(
        [
            Facts("Folder", "group-v", {"name": "vm", "parent": "dc-1"}),
            Facts("Folder", "group-p", {"name": "prod%2fweb", "parent": "group-v"}),
            Facts("Folder", "group-h", {"name": "host", "parent": "dc-1"}),
            Facts("Folder", "loop", {"name": "loop", "parent": "loop"}),
        ],
        [Facts("Datacenter", "dc-1", {"name": "DC%25 1", "parent": "group-d1"})],
    )
    assert tree.path("group-p") == "/DC%25 1/vm/prod%2fweb"
    assert tree.datacenter("group-h") == "DC% 1"
    assert tree.path("unseen") == ""
    assert tree.datacenter("unseen") == ""
    assert tree.path("loop") == "/loop"
    assert tree.datacenter("loop") == ""


def test_names_are_shown_as_they_were_typed() -> None:
    assert shown("a%2fb %25 %5c") == "a/b % \\"
    assert shown("plain + name") == "plain + name"


def test_only_leaves_are_read_of_vms() -> None:
    whole = {"config", "runtime", "summary", "guest", "summary.quickStats", "summary.runtime"}
    assert whole.isdisjoint(PATHS["VirtualMachine"])
    assert whole.isdisjoint(PATHS["HostSystem"])


# ---------------------------------------------------------------- VMs


def test_limits_reservations_and_switches() -> None:
    view = snapshot(
        host(),
        cluster(),
        vm(
            **{
                "config.memoryAllocation.reservation": 1024,
                "config.memoryAllocation.limit": 2048,
                "config.memoryAllocation.shares.shares": 40960,
                "config.memoryReservationLockedToMax": True,
                "config.memoryHotAddEnabled": True,
                "config.hotPlugMemoryLimit": 16384,
                "config.hotPlugMemoryIncrementSize": 128,
                "config.latencySensitivity.level": "high",
                "runtime.faultToleranceState": "running",
                "config.changeVersion": "7",
                CAP_PATH: SimpleNamespace(key="sched.mem.maxmemctl", value="512"),
            }
        ),
        vm("vm-2", **{"config.memoryAllocation.limit": -1, "config.hotPlugMemoryLimit": 0}),
    ).vms
    assert view.reservation_mib.tolist() == [1024, 0]
    assert view.limit_mib.tolist() == [2048, np.inf]
    assert view.shares[0] == 40960
    assert view.reservation_locked_to_max.tolist() == [True, False]
    assert view.hot_add_enabled.tolist() == [True, False]
    assert view.hot_add_limit_mib[0] == 16384
    assert np.isnan(view.hot_add_limit_mib[1])
    assert view.hot_add_increment_mib[0] == 128
    assert view.latency_sensitivity_high.tolist() == [True, False]
    assert view.fault_tolerance.tolist() == [True, False]
    assert view.balloon_cap_mib[0] == 512
    assert np.isnan(view.balloon_cap_mib[1])
    assert view.change_version == ("7", "")


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (None, None),
        (SimpleNamespace(value="1024"), 1024),
        ("1024", 1024),
        (" 1024 ", 1024),
        (0, 0),
        ("-1", None),
        ("", None),
        ("auto", None),
    ],
)
def test_balloon_caps(option: Any, expected: float | None) -> None:
    cap = cap_mib(option)
    assert np.isnan(cap) if expected is None else cap == expected


def test_placement_follows_the_vm_not_the_host() -> None:
    view = snapshot(
        host(), host("host-2", parent="lone"), cluster(), vm(**{"runtime.host": "host-2"})
    )
    assert view.vms.host.tolist() == [1]
    assert view.vms.cluster.tolist() == [-1]
    assert view.hosts.cluster.tolist() == [0, -1]


def test_custom_attributes_of_which_the_first_has_key_zero() -> None:
    values = [SimpleNamespace(key=0, value="gold"), SimpleNamespace(key=5, value="")]
    view = snapshot(
        host(), vm(customValue=values), custom_fields={0: "tier", 5: "owner", 9: "unused"}
    )
    assert view.vms.custom_attributes == (("tier=gold",),)


def test_counters_win_over_quick_figures_which_win_over_nothing() -> None:
    quick: dict[str, Any] = {
        f"{QUICK}.grantedMemory": 3000,
        f"{QUICK}.guestMemoryUsage": 500,
        f"{QUICK}.hostMemoryUsage": 2100,
        f"{QUICK}.consumedOverheadMemory": 100,
        f"{QUICK}.balloonedMemory": 0,
        f"{QUICK}.swappedMemory": 7,
        f"{QUICK}.compressedMemory": 2048,
    }
    figures = {"vm-1": Figures({"granted_mib": 3500, "cpu_ready_pct": 8}, 60.0, 15)}
    view = snapshot(host(), vm(**quick), vm("vm-2", **quick), vm("vm-3"), vm_figures=figures).vms
    assert view.granted_mib[:2].tolist() == [3500, 3000]
    assert np.isnan(view.granted_mib[2])
    assert view.active_mib[1] == view.active_peak_mib[1] == 500
    # Without the overhead, which is in the quick figure.
    assert view.consumed_mib[1] == 2000
    assert np.isnan(view.consumed_mib[2])
    # A zero is a figure.
    assert view.ballooned_mib[1] == 0
    # KiB, unlike the others.
    assert view.compressed_mib[1] == 2
    # Per vCPU.
    assert view.cpu_ready_pct[0] == 4
    assert view.samples.tolist() == [15, 0, 0]
    assert view.sampled_at_s[0] == 60
    # Nothing but the counter gives rates.
    assert np.isnan(view.swap_in_kibps[:3]).all()


def test_quick_figures_of_a_vm_that_is_off_are_old() -> None:
    off = vm(**{"runtime.powerState": "poweredOff", f"{QUICK}.hostMemoryUsage": 2000})
    view = snapshot(host(), off)
    assert np.isnan(view.vms.consumed_mib[0])
    assert view.vms.power == ("poweredOff",)
    assert not [line for line in view.missing if "VMs gave no" in line]


def test_a_state_that_nobody_knows_becomes_the_first_one_that_is() -> None:
    view = snapshot(host(), vm(**{"runtime.connectionState": "bewitched"}))
    assert view.vms.connection == ("connected",)


# ---------------------------------------------------------------- what is missing


def test_what_was_kept_back_is_told_once_per_reason() -> None:
    refused = {"config.changeVersion": "NoPermission"}
    view = snapshot(
        host(),
        Facts("VirtualMachine", "vm-1", vm().values, refused),
        Facts("VirtualMachine", "vm-2", vm("vm-2").values, refused),
    )
    assert "vCenter kept back config.changeVersion of 2 VMs (NoPermission)." in view.missing


def test_a_vm_without_a_size_and_a_host_without_memory_are_left_out() -> None:
    lost = Facts("VirtualMachine", "vm-9", {"name": "lost", "runtime.host": "host-9"})
    never = Facts("HostSystem", "host-9", {"name": "never", "parent": "domain-1"})
    view = snapshot(host(), vm(), lost, never, cluster())
    assert view.vms.moid == ("vm-1",)
    assert view.hosts.moid == ("host-1",)
    assert len([line for line in view.missing if "left out" in line]) == 2


def test_the_summary_has_a_size_when_the_configuration_is_not_readable() -> None:
    one = Facts("VirtualMachine", "vm-1", {"name": "a", "summary.config.memorySizeMB": 512})
    assert snapshot(one).vms.size_mib.tolist() == [512]


def test_an_empty_vcenter() -> None:
    view = snapshot()
    assert len(view.vms) == len(view.hosts) == len(view.rules) == 0
    assert view.missing == ()


def test_silence_is_told() -> None:
    view = snapshot(host(), vm(), vm("vm-2"), vm_figures={"vm-1": Figures({}, 1.0, 1)})
    assert any(line.startswith("1 running VMs gave no realtime") for line in view.missing)


# ---------------------------------------------------------------- hosts


def _nic(device: str, portgroup: str = "", switch: str | None = None) -> Any:
    port = None if switch is None else SimpleNamespace(switchUuid=switch)
    spec = SimpleNamespace(distributedVirtualPort=port)
    return SimpleNamespace(
        key=f"key-vim.host.VirtualNic-{device}", device=device, portgroup=portgroup, spec=spec
    )


def _network(adapters: list[Any], selected: list[str], kind: str = "vmotion") -> dict[str, Any]:
    speed = SimpleNamespace
    return {
        "config.virtualNicManagerInfo.netConfig": [
            SimpleNamespace(nicType="management", selectedVnic=["vmk9"], candidateVnic=[]),
            SimpleNamespace(
                nicType=kind,
                selectedVnic=[f"{kind}.key-vim.host.VirtualNic-{name}" for name in selected],
                candidateVnic=adapters,
            ),
        ],
        "config.network.portgroup": [
            SimpleNamespace(spec=SimpleNamespace(name="vMotion"), vswitch="sw-0")
        ],
        "config.network.vswitch": [SimpleNamespace(key="sw-0", pnic=["nic-0", "nic-1"])],
        "config.network.proxySwitch": [SimpleNamespace(dvsUuid="dvs-7", pnic=["nic-2", "gone"])],
        "config.network.pnic": [
            SimpleNamespace(key="nic-0", linkSpeed=speed(speedMb=1000)),
            SimpleNamespace(key="nic-1", linkSpeed=None),
            SimpleNamespace(key="nic-2", linkSpeed=speed(speedMb=25000)),
        ],
    }


def test_vmotion_speed_over_both_kinds_of_switch() -> None:
    standard, distributed = _nic("vmk1", "vMotion"), _nic("vmk2", switch="dvs-7")
    adapters = [standard, distributed]
    assert vmotion_mbps(host(**_network(adapters, ["vmk1"]))) == 1000
    assert vmotion_mbps(host(**_network(adapters, ["vmk2"]))) == 25000
    # One stream takes one link, so the fastest counts and they do not add up.
    assert vmotion_mbps(host(**_network(adapters, ["vmk1", "vmk2"]))) == 25000


def test_vmotion_speed_that_cannot_be_told() -> None:
    assert np.isnan(vmotion_mbps(host()))
    assert np.isnan(vmotion_mbps(host(**_network([_nic("vmk1", "elsewhere")], ["vmk1"]))))
    assert np.isnan(vmotion_mbps(host(**_network([_nic("vmk1", "vMotion")], []))))
    assert np.isnan(vmotion_mbps(host(**_network([_nic("vmk1", "vMotion")], ["vmk1"], "fault"))))


def test_a_host_falls_back_on_its_quick_figures() -> None:
    values: dict[str, Any] = {f"{QUICK}.overallMemoryUsage": 9000, f"{QUICK}.overallCpuUsage": 1200}
    figures = {"host-1": Figures({"consumed_mib": 9100}, 5.0, 15)}
    view = snapshot(host(**values), host("host-2", **values), host_figures=figures).hosts
    assert view.consumed_mib.tolist() == [9100, 9000]
    assert view.cpu_used_mhz.tolist() == [1200, 1200]
    assert np.isnan(view.memory_state).all()
    assert view.memory_mib.tolist() == [65536, 65536]


# ---------------------------------------------------------------- clusters and rules


def test_drs_ha_and_rules() -> None:
    vms = [ref("VirtualMachine", "vm-1"), ref("VirtualMachine", "vm-2")]
    config = vim.cluster.ConfigInfoEx(
        drsConfig=vim.cluster.DrsConfigInfo(
            enabled=True, defaultVmBehavior="partiallyAutomated", vmotionRate=3
        ),
        dasConfig=vim.cluster.DasConfigInfo(
            enabled=True,
            admissionControlEnabled=True,
            admissionControlPolicy=vim.cluster.FailoverHostAdmissionControlPolicy(
                failoverHosts=[ref("HostSystem", "host-2")], failoverLevel=1
            ),
        ),
        group=[
            vim.cluster.VmGroup(name="licensed", vm=vms[:1]),
            vim.cluster.HostGroup(name="blades", host=[ref("HostSystem", "host-1")]),
        ],
        rule=[
            vim.cluster.AntiAffinityRuleSpec(key=1, name="apart", enabled=True, vm=vms),
            vim.cluster.VmHostRuleInfo(
                key=2,
                name="on blades",
                enabled=False,
                mandatory=True,
                vmGroupName="licensed",
                affineHostGroupName="blades",
            ),
            vim.cluster.VmHostRuleInfo(
                key=3,
                name="off blades",
                enabled=True,
                mandatory=False,
                vmGroupName="licensed",
                antiAffineHostGroupName="blades",
            ),
            vim.cluster.DependencyRuleInfo(key=4, name="boot order", enabled=True),
        ],
    )
    view = snapshot(host(), host("host-2"), vm(), vm("vm-2"), cluster(config))
    clusters, rules = view.clusters, view.rules
    assert clusters.drs_enabled.tolist() == [True]
    assert clusters.drs_behavior == ("partiallyAutomated",)
    assert clusters.drs_vmotion_rate.tolist() == [3]
    assert clusters.ha_admission_control.tolist() == [True]
    assert clusters.ha_failover_level.tolist() == [1]
    assert view.hosts.failover_host.tolist() == [False, True]
    assert rules.moid == ("domain-1/1", "domain-1/2", "domain-1/3")
    assert rules.kind == (KEEP_APART, RUN_ON, NOT_ON)
    assert rules.mandatory.tolist() == [True, True, False]
    assert rules.enabled.tolist() == [True, False, True]
    assert rules.vms == ((0, 1), (0,), (0,))
    assert rules.hosts == ((), (0,), (0,))


def test_memory_that_ha_holds_back() -> None:
    policy = vim.cluster.FailoverResourcesAdmissionControlPolicy(
        memoryFailoverResourcesPercent=25, failoverLevel=1
    )
    config = vim.cluster.ConfigInfoEx(
        dasConfig=vim.cluster.DasConfigInfo(enabled=True, admissionControlPolicy=policy)
    )
    clusters = snapshot(cluster(config)).clusters
    assert clusters.ha_reserve_memory_pct.tolist() == [25]
    assert clusters.ha_enabled.tolist() == [True]
    # The policy is there, but switched off.
    assert clusters.ha_admission_control.tolist() == [False]


def test_a_cluster_whose_configuration_is_kept_back() -> None:
    clusters = snapshot(cluster()).clusters
    assert clusters.drs_enabled.tolist() == [False]
    assert np.isnan(clusters.drs_vmotion_rate).all()


# ---------------------------------------------------------------- what is asked for


class FakeReader:
    """Gives what it is told to, and remembers what it was asked."""

    def __init__(self, facts: Sequence[Facts], apart: Sequence[Facts] = ()) -> None:
        self._facts = list(facts)
        self._apart = list(apart)
        self.asked: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []

    def inventory(self, paths: Paths) -> list[Facts]:
        return self._facts

    def objects(self, kind: str, moids: Sequence[str], paths: Sequence[str]) -> list[Facts]:
        self.asked.append((kind, tuple(moids), tuple(paths)))
        return [one for one in self._apart if one.moid in moids]

    def counters(
        self,
        kind: str,
        moids: Sequence[str],
        counter_ids: Sequence[int],
        max_sample: int,
        each: Sequence[int] = (),
    ) -> list[Series]:
        self.asked.append((kind, tuple(moids), ("counters",)))
        return []


class OneCounter:
    """A session whose server knows one counter."""

    def read(self, ask: Any, where: str = "") -> Any:
        entry = SimpleNamespace(
            key=1,
            groupInfo=SimpleNamespace(key="mem"),
            nameInfo=SimpleNamespace(key="consumed"),
            rollupType="average",
            unitInfo=SimpleNamespace(key="kiloBytes"),
            level=1,
        )
        setting = SimpleNamespace(QueryOptions=lambda name: [])
        manager = SimpleNamespace(perfCounter=[entry])
        return ask(SimpleNamespace(perfManager=manager, setting=setting))


def _read(reader: FakeReader) -> Read:
    session: Any = OneCounter()
    return read_estate(reader, Counters(session, reader, CounterSettings()), {})


def test_counters_are_asked_of_what_runs_on_connected_hosts_only() -> None:
    reader = FakeReader(
        [
            host(),
            host("host-2", **{"runtime.connectionState": "notResponding"}),
            host("host-3", **{"runtime.powerState": "standBy"}),
            vm(),
            vm("vm-2", **{"runtime.host": "host-2"}),
            vm("vm-3", **{"runtime.powerState": "poweredOff"}),
            vm("vm-4", **{"runtime.connectionState": "inaccessible"}),
        ]
    )
    _read(reader)
    assert reader.asked == [
        ("VirtualMachine", ("vm-1",), ("counters",)),
        ("HostSystem", ("host-1",), ("counters",)),
    ]


def test_devices_are_read_of_fully_reserved_vms_only() -> None:
    card = vim.vm.device.VirtualPCIPassthrough(key=1)
    disk = vim.vm.device.VirtualDisk(key=2)
    reserved = {"config.memoryAllocation.reservation": 4096}
    reader = FakeReader(
        [
            vm("vm-1"),
            vm("vm-2", **reserved),
            vm("vm-3", **{"config.memoryReservationLockedToMax": True}),
        ],
        [
            Facts("VirtualMachine", "vm-2", {"config.hardware.device": [disk, card]}),
            Facts("VirtualMachine", "vm-3", {"config.hardware.device": [disk]}),
        ],
    )
    read = _read(reader)
    assert ("VirtualMachine", ("vm-2", "vm-3"), ("config.hardware.device",)) in reader.asked
    assert read.passthrough == {"vm-2"}


def test_devices_of_the_host() -> None:
    assert is_passthrough(vim.vm.device.VirtualSriovEthernetCard(key=1))
    assert not is_passthrough(vim.vm.device.VirtualVmxnet3(key=1))


def test_a_server_that_knows_no_path_with_a_key_is_asked_for_all_options() -> None:
    refused = Facts("VirtualMachine", "vm-1", vm().values, {CAP_PATH: "InvalidProperty"})
    options = [
        SimpleNamespace(key="other", value="1"),
        SimpleNamespace(key="sched.mem.maxmemctl", value="256"),
    ]
    apart = [Facts("VirtualMachine", "vm-1", {"config.extraConfig": options})]
    read = _read(FakeReader([host(), refused, vm("vm-2")], apart))
    view = snapshot_from(read, Source("vcenter", "test"), 0.0)
    assert view.vms.balloon_cap_mib[0] == 256
    assert not [line for line in view.missing if "extraConfig" in line]


def test_vms_that_drs_leaves_to_others() -> None:
    levels: list[tuple[str, dict[str, Any]]] = [
        ("vm-1", {"enabled": False}),
        ("vm-2", {"enabled": True, "behavior": "manual"}),
    ]
    config = vim.cluster.ConfigInfoEx(
        drsVmConfig=[
            vim.cluster.DrsVmConfigInfo(key=ref("VirtualMachine", moid), **level)
            for moid, level in levels
        ]
    )
    view = snapshot(host(), vm(), vm("vm-2"), vm("vm-3"), cluster(config)).vms
    assert view.drs_override == ("disabled", "manual", "")
