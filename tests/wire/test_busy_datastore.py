"""A datastore that serves all it can, over the wire: read, priced, left, and let settle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli import reaching
from tests.cli import vm as vm_market
from tests.roads import automatic, write_json
from tests.vcsim_estates import estate, host_row, vm_row
from tests.wire.conftest import StartSimulator

BUSY, FLASH = "datastore-30", "datastore-31"
COUNTERS = {
    "granted_mib": 4096, "active_mib": 1000, "active_peak_mib": 1100, "overhead_mib": 60,
    "ballooned_mib": 0, "swapped_mib": 0, "compressed_mib": 0, "swap_in_kibps": 0, "samples": 15,
}  # fmt: skip


def crowded() -> dict[str, Any]:
    """Three VMs on a datastore that serves 2,300 requests a second in 158 ms, and an idle flash."""
    seen = {"datastores": [BUSY, FLASH], "vmkernel_mib": 1500, "low_free_threshold_mib": 700}
    talks = {"moid": BUSY, "name": "nearline", "iops": 2300, "io_kibps": 60_000, "latency_ms": 158}
    quiet = {"moid": FLASH, "name": "flash", "iops": 9000, "io_kibps": 90_000, "latency_ms": 1}
    room = {"capacity_mib": 4_096_000, "free_mib": 2_048_000, "accessible": True}
    here = {"datastores": [BUSY], "storage_mib": 40_960, **COUNTERS}
    return estate(
        hosts=[host_row("host-11", **seen), host_row("host-12", **seen)],
        datastores=[talks | room, quiet | room],
        vms=[
            vm_row("vm-101", "host-11", iops=1300, io_kibps=30_000, io_latency_ms=158, **here),
            vm_row("vm-102", "host-11", iops=500, io_kibps=8_000, io_latency_ms=158, **here),
            vm_row("vm-103", "host-12", iops=200, io_kibps=3_000, io_latency_ms=158, **here),
        ],
    )


def test_files_leave_a_busy_datastore_and_their_ends_rest(
    start_simulator: StartSimulator, tmp_path: Path
) -> None:
    simulator = start_simulator(crowded(), hold_samples=True)
    env = reaching(simulator, tmp_path)
    go = write_json(tmp_path / "go.json", [automatic(modes={"migrate-storage": "automatic"})])
    plan = tmp_path / "plan.json"

    priced = vm_market("prices", "--format", "json", env=env).json["datastores"]
    assert [one["datastore"] for one in priced] == ["nearline", "flash"]
    assert priced[0]["latency_ms"] == pytest.approx(158)
    assert priced[0]["load"] > 0.9
    assert priced[1]["load"] < 0.3
    assert "nearline" in vm_market("prices", env=env).out
    told = vm_market("explain", "name of vm-101", env=env).out
    assert "price of nearline" in told

    assert vm_market("plan", "-p", go, "-o", plan, env=env).code == 0
    steps = json.loads(plan.read_text())["steps"]
    assert {(step["kind"], step["subject"]["moid"]) for step in steps} == {
        ("migrate-storage", "vm-101")
    }
    assert "asks 1,300 I/O/s of nearline, which takes 158 ms" in steps[0]["reason"]
    ended = vm_market("apply", plan, "--yes", env=env)
    assert ended.code == 0, ended.err
    assert simulator.state().vms["vm-101"].datastores == (FLASH,)

    # The counters still tell of the time before: nothing follows it for an hour.
    again = vm_market("plan", "-p", go, "--format", "json", env=env).json
    assert again["steps"] == []
    assert {
        item["subject"]["moid"] for item in again["refusals"] if item["reason"] == "store-settling"
    } == {"vm-102", "vm-103"}
    simulator.advance(3700)
    assert vm_market("plan", "-p", go, "--format", "json", env=env).json["steps"] != []
