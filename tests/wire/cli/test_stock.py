"""The same commands on stock vcsim, which is what users have in their CI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli import Ended, limit_vm, reaching, vm
from tests.roads import automatic, write_json
from tests.vcsim import StockVcsim


def good(ended: Ended) -> Ended:
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err
    return ended


def test_what_its_canned_counters_say_is_planned_applied_and_journalled(
    stock_vcsim: StockVcsim, tmp_path: Path
) -> None:
    env = reaching(stock_vcsim, tmp_path)
    # Its hosts have no vMotion and its VMs no hot-add; a limit below the size is something to do.
    limit_vm(env, "DC0_C0_RP0_VM0", 16)
    policies = write_json(tmp_path / "policies.json", automatic())
    snapshot, plan = tmp_path / "snapshot.json", tmp_path / "plan.json"
    assert good(vm("doctor", "--format", "json", env=env)).json["findings"]
    good(vm("snapshot", "-o", snapshot, env=env))
    assert len(good(vm("prices", "--format", "json", env=env)).json["hosts"]) == 4
    # Each look draws its canned counters anew; now and then they leave a host no room at all.
    made: dict[str, Any] = {"steps": []}
    for _ in range(20):
        made = good(vm("plan", "-p", policies, "-o", plan, "--format", "json", env=env)).json
        if made["steps"]:
            break
    assert [(step["kind"], step["from"], step["to"]) for step in made["steps"]] == [
        ("limit", 16, None)
    ]
    done = good(vm("apply", plan, "--yes", "--format", "json", env=env)).json
    assert [item["outcome"] for item in done["outcomes"]] == ["done"]
    limit_vm(env, "DC0_C0_RP0_VM1", 16)
    beat = ("run", "--cycles", 10, "--interval", "0.1s", "-p", policies, "--format", "json")
    turns = good(vm(*beat, env=env)).lines
    assert len(turns) == 10
    assert sum(turn["done"] for turn in turns) == 1
    assert sum(turn["failed"] for turn in turns) == 0
    told = good(vm("explain", "DC0_C0_RP0_VM1", "--format", "json", env=env)).json
    assert told["actions"][0]["kind"] == "limit"
    actions = good(vm("history", "--format", "json", env=env)).json
    assert [item["outcome"] for item in actions] == ["done", "done"]
    cycles = good(vm("history", "cycles", "--format", "json", env=env)).json
    assert {row["kind"] for row in cycles} == {"plan", "apply", "run"}
    assert {row["status"] for row in cycles} == {"done"}
    assert good(vm("history", "verify", "--format", "json", env=env)).json["intact"]
    good(vm("prices", "--snapshot", snapshot))
