"""The whole road over real SOAP: the simulator answers, the plant decides what memory does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bridge import Bridge
from tests.cli import ROOT, Ended, process, reaching
from tests.roads import LIMITED, automatic, estate, write_json
from tests.wire.conftest import StartSimulator
from vsphere_market.plant import PlantVCenter, estate_from_json

#: Simulated seconds per second, and the beat of the loop in real time: three seconds are 5 minutes.
RATE = 100.0
BEAT = "3s"


def start(
    start_simulator: StartSimulator, plant: PlantVCenter, folder: Path
) -> tuple[Bridge, dict[str, str]]:
    simulator = start_simulator(plant.observe(), time="estate", rate=RATE)
    simulator.task_seconds(relocate=20.0, reconfigure=2.0)
    return Bridge(plant, simulator), reaching(simulator, folder)


def good(ended: Ended) -> Ended:
    assert ended.code == 0, ended.err
    return ended


def test_two_hot_hosts_cool_down_and_stay_cool(
    start_simulator: StartSimulator, tmp_path: Path
) -> None:
    plant = PlantVCenter.from_file(ROOT / "mocks" / "estates" / "two-hot-hosts.json")
    policies = write_json(tmp_path / "policies.json", [automatic()])
    hot = plant.pressure()
    bridge, env = start(start_simulator, plant, tmp_path)
    with bridge:
        doctor = good(process("doctor", "--format", "json", env=env))
        assert not [item for item in doctor.json["findings"] if item["severity"] == "error"]
        prices = good(process("prices", "--format", "json", env=env)).json
        assert {host["pressure"] for host in prices["hosts"][:2]} <= {"swapping", "ballooning"}
        planned = process("plan", "-p", policies, "--detailed-exitcode", env=env)
        assert planned.code == 2, planned.err
        ended = process(
            *("run", "--cycles", 6, "--interval", BEAT, "-p", policies, "--format", "json"), env=env
        )
        turns = good(ended).lines
        assert len(turns) == 6
        first, last = turns[0], turns[-1]
        assert first["ballooned_mib"] > 1000 and first["swapin_kibps"] > 0
        assert first["done"] == first["steps"] > 0
        assert last["swapin_kibps"] == last["swapout_kibps"] == 0
        assert last["ballooned_mib"] < 0.1 * first["ballooned_mib"]
        assert last["steps"] == 0
        assert all(turn["failed"] == 0 for turn in turns)
        again = process("plan", "-p", policies, "--detailed-exitcode", env=env)
        assert again.code == 0, again.out
        assert "The plan is empty" in again.out
        done = good(process("history", "--format", "json", "--limit", 100, env=env)).json
        assert {item["outcome"] for item in done} == {"done"}
        good(process("history", "verify", env=env))
    # What was done on the wire was done to the plant, and the plant is better for it.
    assert len(bridge.repeated) == len(done) == sum(turn["done"] for turn in turns)
    calm = plant.pressure()
    assert calm.ballooned_mib < 0.1 * hot.ballooned_mib
    assert calm.swapin_kibps == calm.swapout_kibps == 0
    assert calm.stall_pct < 0.1 * hot.stall_pct


@pytest.fixture
def squeezed() -> PlantVCenter:
    document: dict[str, Any] = estate(LIMITED, name="limited")
    return PlantVCenter(estate_from_json(document, where="test"))


def test_a_limit_is_lifted_by_plan_and_apply(
    start_simulator: StartSimulator, tmp_path: Path, squeezed: PlantVCenter
) -> None:
    bridge, env = start(start_simulator, squeezed, tmp_path)
    path = tmp_path / "plan.json"
    with bridge:
        why = good(process("explain", "squeezed", "--format", "json", env=env)).json
        assert why["cause"] == "limit"
        offers = {offer["kind"]: offer for offer in why["offers"]}
        assert offers["limit"]["chosen"] and offers["limit"]["saving"] > 0
        assert offers["migrate"]["refused"] and offers["hot-add"]["refused"]
        plan = good(process("plan", "-o", path, "--format", "json", env=env)).json
        assert [(step["kind"], step["to"]) for step in plan["steps"]] == [("limit", None)]
        dry = good(process("apply", path, "--dry-run", "--format", "json", env=env)).json
        assert [item["outcome"] for item in dry["outcomes"]] == ["would-do"]
        done = good(process("apply", path, "--yes", "--format", "json", env=env)).json
        assert [item["outcome"] for item in done["outcomes"]] == ["done"]
        turns = good(
            process("run", "--cycles", 4, "--interval", BEAT, "--format", "json", env=env)
        ).lines
        assert turns[-1]["ballooned_mib"] == 0
        assert [turn["steps"] for turn in turns] == [0, 0, 0, 0]
        past = good(process("explain", "squeezed", "--format", "json", env=env)).json
        assert past["actions"][0]["outcome"] == "done"
