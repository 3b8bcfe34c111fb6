"""What vSphere says outweighs any policy; and beside a DRS that moves, the loop does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.policies import compiled, document
from vsphere_market.policy import Mode, explain_host, explain_vm
from vsphere_market.port import GRAVE, ActionKind

AUTOMATIC = document("automation", spec={"mode": "automatic"})


def modes(override: str = "", **cluster: Any) -> tuple[Mode, str, str]:
    """The migration mode under a policy of full automation, with its source and note."""
    snapshot = snapshot_of(
        clusters=[cluster_row(**cluster)],
        hosts=[host_row("h", 65536)],
        vms=[vm_row("vm", "h", 4096, **({"drs_override": override} if override else {}))],
    )
    rulebook = compiled(snapshot, AUTOMATIC).rulebook
    for kind in ActionKind:
        if kind is not ActionKind.MIGRATE and kind not in GRAVE:
            assert rulebook.modes[kind][0] == Mode.AUTOMATIC
    said = {item.name: item for item in explain_vm(rulebook, snapshot, 0)}["modes.migrate"]
    return Mode(int(rulebook.modes[ActionKind.MIGRATE][0])), said.source, said.note


FULL: dict[str, Any] = {
    "drs_enabled": True,
    "drs_behavior": "fullyAutomated",
    "drs_vmotion_rate": 3,
}


def test_where_drs_moves_a_person_is_asked_first() -> None:
    mode, source, note = modes(**FULL)
    assert mode == Mode.APPROVE
    assert source == "vSphere#/drs"
    assert "doctor" in note


@pytest.mark.parametrize(
    "cluster",
    [
        {},
        {"drs_behavior": "fullyAutomated"},  # DRS itself is off
        {"drs_enabled": True, "drs_behavior": "manual"},
        {"drs_enabled": True, "drs_behavior": "partiallyAutomated"},
        {**FULL, "drs_vmotion_rate": 5},  # it keeps rules, and leaves balance to us
    ],
)
def test_where_it_does_not_the_loop_acts(cluster: dict[str, Any]) -> None:
    assert modes(**cluster)[0] == Mode.AUTOMATIC


def test_a_vm_taken_out_of_drss_hands_is_ours() -> None:
    assert modes("manual", **FULL)[0] == Mode.AUTOMATIC
    assert modes("partiallyAutomated", **FULL)[0] == Mode.AUTOMATIC


def test_a_vm_given_to_drs_is_not() -> None:
    partial = {**FULL, "drs_behavior": "partiallyAutomated"}
    assert modes("fullyAutomated", **partial)[:2] == (Mode.APPROVE, "vSphere#/drs")


def test_a_vm_nailed_down_is_only_shown() -> None:
    assert modes("disabled", **FULL)[:2] == (Mode.RECOMMEND, "vSphere#/drs-override")
    assert modes("disabled")[0] == Mode.AUTOMATIC  # means nothing while DRS is off


def test_no_host_that_runs_vsan_is_put_to_sleep() -> None:
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("plain", 65536), host_row("data", 65536, vsan="member")],
    )
    rulebook = compiled(snapshot, document("capacity", spec={"suspend": True})).rulebook
    assert rulebook.host_may_suspend.tolist() == [True, False]
    said = {item.name: item for item in explain_host(rulebook, 1)}["host_may_suspend"]
    assert (said.value, said.source) == ("no", "vSphere#/vsan")
    assert "vSAN" in said.note


# ---------------------------------------------------------------- stop


def all_modes(
    vm: dict[str, Any], cluster: dict[str, Any]
) -> tuple[set[Mode], list[tuple[str, str]]]:
    """Every mode of a VM under full automation, and what says so."""
    snapshot = snapshot_of(
        clusters=[cluster_row(**cluster)],
        hosts=[host_row("h", 65536)],
        vms=[vm_row("vm", "h", 4096, **vm)],
    )
    grave = {kind.value: "automatic" for kind in GRAVE}
    everything = document("automation", spec={"mode": "automatic", "modes": grave})
    rulebook = compiled(snapshot, everything).rulebook
    said = explain_vm(rulebook, snapshot, 0)
    notes = [(item.source, item.note) for item in said if item.name.startswith("modes.")]
    return {Mode(int(rulebook.modes[kind][0])) for kind in ActionKind}, notes


@pytest.mark.parametrize(
    ("vm", "cluster"),
    [
        ({"tags": ["vsphere-market:stop"]}, {}),
        ({"tags": ["tier:gold", "vSphere-Market:Stop"]}, {}),
        ({"custom_attributes": ["vsphere-market=stop"]}, {}),
        ({"custom_attributes": ["VSphere-Market = STOP"]}, {}),
        ({}, {"tags": ["vsphere-market:stop"]}),
        ({}, {"custom_attributes": ["vsphere-market=stop"]}),
    ],
)
def test_a_mark_in_vcenter_stops_everything(vm: dict[str, Any], cluster: dict[str, Any]) -> None:
    modes, notes = all_modes(vm, cluster)
    assert modes == {Mode.OFF}
    assert {source for source, _ in notes} == {"vSphere#/stop"}
    assert all("somebody stopped it in vCenter" in note for _, note in notes)


@pytest.mark.parametrize(
    ("vm", "cluster"),
    [
        ({}, {}),
        ({"tags": ["vsphere-market:go", "stop:vsphere-market"]}, {}),
        ({"custom_attributes": ["vsphere-market=", "note=vsphere-market=stop"]}, {}),
    ],
)
def test_other_marks_stop_nothing(vm: dict[str, Any], cluster: dict[str, Any]) -> None:
    assert all_modes(vm, cluster)[0] == {Mode.AUTOMATIC}


def test_hosts_of_a_stopped_cluster_are_not_put_to_sleep() -> None:
    snapshot = snapshot_of(
        clusters=[cluster_row(tags=["vsphere-market:stop"])],
        hosts=[host_row("h", 65536)],
        vms=[vm_row("vm", "h", 4096)],
    )
    rulebook = compiled(snapshot, document("capacity", spec={"suspend": True})).rulebook
    assert not rulebook.host_may_suspend.any()
    said = {item.name: item for item in explain_host(rulebook, 0)}["host_may_suspend"]
    assert (said.value, said.source) == ("no", "vSphere#/stop")
