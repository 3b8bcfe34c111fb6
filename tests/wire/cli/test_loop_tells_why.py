"""`run` once ended with 77 after "0 of 12 steps done, 12 not", and nobody learnt why."""

from __future__ import annotations

from pathlib import Path

from tests.cli import reaching, vm
from tests.roads import automatic, hot_plant, write_json
from tests.wire.conftest import StartSimulator
from vsphere_market.errors import ExitCode


def test_a_loop_without_rights_says_so(start_simulator: StartSimulator, tmp_path: Path) -> None:
    simulator = start_simulator(hot_plant().observe(), hold_samples=True)
    simulator.add_user("reader", "r3ader", ("System.Anonymous", "System.Read", "System.View"))
    env = {
        **reaching(simulator, tmp_path),
        "GOVC_USERNAME": "reader",
        "GOVC_PASSWORD": "r3ader",
    }
    policies = write_json(tmp_path / "policies.json", [automatic()])
    ended = vm("run", "--once", "-p", policies, env=env)
    assert ended.code == ExitCode.NOT_PERMITTED
    assert "reader lacks the privilege" in ended.err
    assert "did not succeed" in ended.err
