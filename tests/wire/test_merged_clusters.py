"""Clusters that a policy merges: planned, applied and undone over the wire, pool and all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli import Ended, reaching
from tests.cli import vm as vm_market
from tests.plants import document, vm
from tests.roads import automatic, policies, road, write_json
from tests.wire.adapter.small import connect
from tests.wire.conftest import StartSimulator
from vsphere_market.control.cycle import CycleReport
from vsphere_market.control.loop import Beat, run_loop
from vsphere_market.errors import MarketError
from vsphere_market.executor import ExecutionResult
from vsphere_market.plant import PlantVCenter, estate_from_json
from vsphere_market.port import Entity, Migrate, Severity

MERGED: dict[str, Any] = {
    "apiVersion": "vsphere-market/v1",
    "kind": "placement",
    "name": "one estate",
    "selector": {"name": "*"},
    "spec": {"rule": "merge-clusters"},
}


def two_clusters() -> PlantVCenter:
    """A cluster that swaps, and an empty one that sees the same network and datastore."""
    hot = [vm("hot-{nn}", 8, 0.35, footprint=0.95, count=12)]
    host = {"name": "old-{n}", "memory_gib": 64}
    whole = document(hot, [host], warm_up_min=30, name="two clusters")
    old = whole["clusters"][0] | {"name": "old", "datastores": ["san"], "network": "lan"}
    new = {
        "name": "new",
        "hosts": [{**host, "name": "new-{n}"}],
        "vms": [vm("calm-01", 4, 0.2, footprint=0.5)],
        "datastores": ["san"],
        "network": "lan",
    }
    return PlantVCenter(estate_from_json({**whole, "clusters": [old, new]}, where="test"))


class Listening:
    """Hears what the loop does."""

    def __init__(self) -> None:
        self.turns: list[CycleReport] = []

    def settled(self, results: tuple[ExecutionResult, ...]) -> None:
        assert not results

    def turn(self, report: CycleReport) -> None:
        self.turns.append(report)

    def trouble(self, number: int, error: MarketError) -> None:
        raise AssertionError((number, error))

    def missed(self, beats: int) -> None:
        """The plant's clock knows no haste."""


def good(ended: Ended) -> Ended:
    assert ended.code == 0, ended.err
    return ended


def test_vms_move_between_merged_clusters_and_back(
    start_simulator: StartSimulator, tmp_path: Path
) -> None:
    simulator = start_simulator(two_clusters().observe(), time="estate")
    env = reaching(simulator, tmp_path)
    apart = write_json(tmp_path / "apart.json", [automatic()])
    merged = write_json(tmp_path / "merged.json", [automatic(), MERGED])
    plan, back = tmp_path / "plan.json", tmp_path / "back.json"
    alone = good(vm_market("plan", "-p", apart, "--format", "json", env=env)).json
    assert not [step for step in alone["steps"] if step["kind"] == "migrate"]
    good(vm_market("plan", "-p", merged, "-o", plan, env=env))
    made = json.loads(plan.read_text())
    moves = [step for step in made["steps"] if step["kind"] == "migrate"]
    assert moves
    for step in moves:
        assert (step["from"]["name"], step["to"]["name"]) == ("old-1", "new-1")
        assert "from cluster old to the root pool of new" in step["reason"]
    before = simulator.state()
    good(vm_market("apply", plan, "--yes", env=env))
    moved = simulator.state()
    good(vm_market("undo", 1, "-o", back, env=env))
    good(vm_market("apply", back, "--yes", env=env))
    returned = simulator.state()
    for step in moves:
        moid, pools = step["subject"]["moid"], step["pools"]
        for state, host, pool in (
            (before, step["from"], pools["from"]),
            (moved, step["to"], pools["to"]),
            (returned, step["from"], pools["from"]),
        ):
            vm_now = state.vms[moid]
            assert (vm_now.host, vm_now.pool) == (host["moid"], pool["moid"])
            assert moid in state.hosts[host["moid"]].vms


def test_a_pool_that_the_login_may_not_use_is_said_beforehand_and_the_role_is_enough(
    start_simulator: StartSimulator, tmp_path: Path
) -> None:
    plant = two_clusters()
    simulator = start_simulator(plant.observe(), time="estate")
    snapshot = plant.observe()
    vms, hosts, pools = snapshot.vms, snapshot.hosts, snapshot.pools
    away = Migrate(
        Entity(vms.moid[0], vms.name[0]),
        Entity(hosts.moid[0], hosts.name[0]),
        Entity(hosts.moid[1], hosts.name[1]),
        (Entity(pools.moid[0], pools.name[0]), Entity(pools.moid[1], pools.name[1])),
    )
    rights = ["System.Anonymous", "System.View", "System.Read", "Resource.ColdMigrate"]
    simulator.add_user("mover", "x", [*rights, "Resource.HotMigrate"])
    with connect(simulator, user="mover", password="x") as port:
        (said,) = [f for f in port.precheck(away) if f.severity is Severity.ERROR]
    assert "mover lacks the privilege Resource.AssignVMToPool on Resources" in said.what
    simulator.add_user("svc@vsphere.local", "x", [])
    named = ("role", "create", "--kind", "migrate", "--principal", "svc@vsphere.local")
    assert vm_market(*named, env=reaching(simulator, tmp_path)).code == 0
    with connect(simulator, user="svc@vsphere.local", password="x") as port:
        assert not [f for f in port.precheck(away) if f.severity is Severity.ERROR]
        task = port.submit(away)
        while not (state := port.poll([task])[0]).final:
            port.clock.sleep(0.05)
        assert state.error is None
    moved = simulator.state().vms[vms.moid[0]]
    assert (moved.host, moved.pool) == (hosts.moid[1], pools.moid[1])


def test_the_loop_relieves_the_full_cluster_on_the_plant(tmp_path: Path) -> None:
    plant = two_clusters()
    hot = plant.pressure()
    with road(tmp_path, plant, policies(automatic(), MERGED)) as way:
        run_loop(way, Beat(3, 900.0), Listening())
        snapshot = plant.observe()
    away = [row for row in range(len(snapshot.vms)) if snapshot.vms.cluster[row] == 1]
    assert len(away) > 1
    for row in away:
        assert snapshot.pools.cluster[snapshot.vms.pool[row]] == 1
        assert snapshot.hosts.cluster[snapshot.vms.host[row]] == 1
    taken = plant.pressure().ballooned_mib + plant.pressure().swapped_mib
    assert taken < 0.5 * (hot.ballooned_mib + hot.swapped_mib)
