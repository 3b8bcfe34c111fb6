"""Starting and ending: clear errors, no orphans, and stock vcsim beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests import vcsim_process
from tests.vcsim import Simulator, SimulatorError, StockVcsim
from tests.vcsim_estates import CLUSTER, estate, vm_row
from tests.vcsim_soap import Soap, vim
from vsphere_market.estate import snapshot_from_json
from vsphere_market.estate.columns import Table
from vsphere_market.estate.tables import (
    ClusterTable,
    DatastoreTable,
    HostTable,
    PoolTable,
    RuleTable,
    VmTable,
)


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone(pid: int, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while running(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_snapshot_a_file_and_a_document_are_served_alike(tmp_path: Path) -> None:
    document = estate()
    file = tmp_path / "estate.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    states = []
    for source in (document, file, snapshot_from_json(document, where="test")):
        with Simulator.start(source) as simulator:
            states.append(simulator.state())
    assert states[0] == states[1] == states[2]


def test_every_column_of_a_snapshot_is_known() -> None:
    """Any snapshot that the program writes can be served, as the first hour promises."""
    rows = estate(
        rules=[
            {
                "moid": f"{CLUSTER}/1",
                "name": "apart",
                "cluster": CLUSTER,
                "kind": "antiAffinity",
                "vms": ["vm-101", "vm-103"],
            }
        ]
    )
    tables: dict[str, type[Table]] = {
        "clusters": ClusterTable,
        "datastores": DatastoreTable,
        "hosts": HostTable,
        "pools": PoolTable,
        "rules": RuleTable,
        "vms": VmTable,
    }
    full = {
        name: [dict.fromkeys(table.columns()) | row for row in rows[name]]
        for name, table in tables.items()
    }
    with Simulator.start(rows | full) as simulator, Simulator.start(rows) as plain:
        assert simulator.state() == plain.state()


def test_the_missing_program_is_named_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(vcsim_process, "BUILD", tmp_path)
    with pytest.raises(SimulatorError, match="is missing: run `make sim`"):
        Simulator.start(estate())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "x"}, 'has the format "x", expected "vsphere-market/snapshot/1"'),
        ({"nonsense": 1}, "nonsense"),
        ({"vms": [vm_row("vm-1", "host-99")]}, "vm-1 refers to host-99, which is not among"),
        ({"vms": [vm_row("vm-1", "host-11"), vm_row("vm-1", "host-11")]}, "vm-1 twice"),
        ({"vms": [vm_row("vm-1", "host-11", folder="/DC/prod")]}, "not below /<datacenter>/vm"),
        ({"vms": [vm_row("vm-1", "host-11", tags=["gold"])]}, "is not category:tag"),
        ({"pools": [{"moid": "resgroup-5", "name": "x"}], "vms": []}, "belongs to no cluster"),
    ],
)
def test_a_bad_estate_is_told_in_one_sentence(change: dict[str, Any], says: str) -> None:
    with pytest.raises(SimulatorError) as caught:
        Simulator.start(estate() | change)
    first, *words = str(caught.value).splitlines()
    assert first == "the simulator ended with exit code 1:"
    assert len(words) == 1
    assert says in words[0]


def test_a_taken_port_is_told() -> None:
    with Simulator.start(estate()) as first, pytest.raises(SimulatorError, match="cannot listen"):
        Simulator.start(estate(), listen=f"127.0.0.1:{first.port}")


def kill(simulator: Simulator) -> None:
    os.kill(simulator.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            simulator.check_alive()
        except SimulatorError:
            return
        time.sleep(0.01)


def test_a_crash_is_told_with_its_exit_code() -> None:
    with pytest.raises(SimulatorError, match="exit code -9"), Simulator.start(estate()) as one:
        kill(one)
    with Simulator.start(estate()) as two:
        kill(two)
        with pytest.raises(SimulatorError, match="exit code -9"):
            two.state()
        two.stop()


def test_it_ends_with_the_process_that_started_it() -> None:
    code = (
        "import os, sys\n"
        "from tests.vcsim import Simulator\n"
        "from tests.vcsim_estates import estate\n"
        "print(Simulator.start(estate()).pid, flush=True)\n"
        "os._exit(0)\n"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert gone(int(done.stdout))


def test_stopping_twice_does_nothing() -> None:
    simulator = Simulator.start(estate())
    simulator.stop()
    assert gone(simulator.pid)
    simulator.stop()


def test_the_control_endpoint_stays_on_loopback(tmp_path: Path) -> None:
    file = tmp_path / "estate.json"
    file.write_text(json.dumps(estate()), encoding="utf-8")
    command = [str(vcsim_process.binary("vcsim")), "-estate", str(file), "-control", "0.0.0.0:0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, done.stdout) == (1, "")
    assert "loopback only" in done.stderr


def test_stock_vcsim_is_stock(stock_vcsim: StockVcsim) -> None:
    with Soap(stock_vcsim) as soap:
        assert soap.content.about.apiVersion == "8.0.3.0"
        view = soap.content.viewManager.CreateContainerView(soap.content.rootFolder, [], True)
        [vm] = [v for v in view.view if getattr(v, "name", "") == "DC0_C0_RP0_VM0"]
        # The unmodified model: 32 MB, and it takes what no vCenter would.
        assert vm.config.hardware.memoryMB == 32
        assert soap.wait(
            vm.ReconfigVM_Task(vim.vm.ConfigSpec(memoryMB=1027, changeVersion="stale"))
        ).ok
        assert vm.config.hardware.memoryMB == 1027
