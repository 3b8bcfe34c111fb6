"""The doctor: each thing that is wrong is found, with its cure, and no other."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.vcsim import Simulator, StockVcsim
from tests.wire.adapter.small import connect, document
from tests.wire.conftest import StartSimulator
from vsphere_market.adapter import TlsMode
from vsphere_market.port import Finding, Severity

DOCS = Path(__file__).resolve().parents[3] / "docs"


def _findings(simulator: Simulator | StockVcsim, **how: Any) -> dict[str, Finding]:
    """The most severe finding of each code."""
    order = [Severity.OK, Severity.INFO, Severity.WARNING, Severity.ERROR]
    with connect(simulator, **how) as vcenter:
        found = sorted(vcenter.checkup(), key=lambda finding: order.index(finding.severity))
    return {finding.code: finding for finding in found}


def test_a_vcenter_in_good_order(start_simulator: StartSimulator) -> None:
    estate = document()
    del estate["vms"][2]["limit_mib"]
    simulator = start_simulator(estate)
    found = _findings(simulator, tls=TlsMode.PIN, pin=simulator.certificate_sha256)
    wrong = [finding for finding in found.values() if finding.severity is Severity.WARNING]
    assert wrong == []
    assert found["certificate"].severity is Severity.OK
    assert found["version"].severity is Severity.OK
    assert _vmotion_of(simulator, "gold").endswith("have vMotion, the slowest at 10000 Mb/s")
    assert "10 % of memory" in found["ha"].what


def _vmotion_of(simulator: Simulator, cluster: str) -> str:
    with connect(simulator) as vcenter:
        return next(
            finding.what
            for finding in vcenter.checkup()
            if finding.code == "vmotion" and finding.subject == cluster
        )


def test_no_trust_is_a_warning_with_the_pin_to_use(start_simulator: StartSimulator) -> None:
    simulator = start_simulator(document())
    finding = _findings(simulator)["certificate"]
    assert finding.severity is Severity.WARNING
    pin = re.sub("[^0-9a-f]", "", finding.cure.rpartition("--pin ")[2].lower())
    assert pin == simulator.certificate_sha256.lower().replace(":", "")


def test_limits_are_found(start_simulator: StartSimulator) -> None:
    finding = _findings(start_simulator(document()))["limits"]
    assert finding.severity is Severity.WARNING
    assert "1 running VM has a memory limit below the size: vm-3" in finding.what
    assert "templates" in finding.cure


@pytest.mark.parametrize(
    ("drs", "severity"),
    [
        ({"drs_enabled": True, "drs_behavior": "fullyAutomated"}, Severity.WARNING),
        (
            {"drs_enabled": True, "drs_behavior": "fullyAutomated", "drs_vmotion_rate": 5},
            Severity.INFO,
        ),
        ({"drs_enabled": True, "drs_behavior": "manual"}, Severity.OK),
        ({}, Severity.OK),
    ],
)
def test_living_with_drs(
    start_simulator: StartSimulator, drs: dict[str, Any], severity: Severity
) -> None:
    estate = document()
    estate["clusters"][0] = {"moid": "domain-c1", "name": "gold", "datacenter": "DC", **drs}
    assert _findings(start_simulator(estate))["drs"].severity is severity


def test_a_clock_that_is_off(start_simulator: StartSimulator) -> None:
    simulator = start_simulator(document(), hold_samples=True)
    simulator.set_clock(simulator.now() + timedelta(minutes=5))
    finding = _findings(simulator)["clock-skew"]
    assert finding.severity is Severity.WARNING
    assert "s ahead of this machine's" in finding.what
    assert "NTP" in finding.cure


def test_the_ports_clock_is_vcenters(start_simulator: StartSimulator) -> None:
    simulator = start_simulator(document())
    simulator.set_clock(simulator.now() + timedelta(hours=3))
    with connect(simulator) as vcenter:
        taken = vcenter.observe().taken_at_s
        assert abs(vcenter.clock.now_s() - simulator.now().timestamp()) < 2
        assert abs(taken - simulator.now().timestamp()) < 10


def test_hosts_that_are_away_or_rest(start_simulator: StartSimulator) -> None:
    simulator = start_simulator(document())
    simulator.set_host("host-1", connection="notResponding")
    simulator.set_host("host-2", maintenance=True)
    found = _findings(simulator)
    assert found["hosts-lost"].severity is Severity.WARNING
    assert "host-1.example.com" in found["hosts-lost"].what
    assert "host-2.example.com" in found["hosts-resting"].what


def test_a_host_without_vmotion(start_simulator: StartSimulator) -> None:
    simulator = start_simulator(document())
    simulator.set_host("host-3", vmotion=False)
    finding = _findings(simulator)["vmotion"]
    assert finding.severity is Severity.WARNING
    assert "1 of its 3 hosts have no vMotion adapter: host-3.example.com" in finding.what


def test_vms_without_counters(start_simulator: StartSimulator) -> None:
    simulator = start_simulator(document())
    simulator.forget_counters("vm-1")
    finding = _findings(simulator)["counters"]
    assert finding.severity is Severity.WARNING
    assert "1 of 6 running VMs give no realtime counters, such as web 50%/a" in finding.what


def test_a_counter_that_only_some_give(start_simulator: StartSimulator) -> None:
    estate = document()
    del estate["vms"][0]["latency_pct"]
    finding = _findings(start_simulator(estate))["counters-partial"]
    assert finding.what == "not all running VMs give latency_pct"


def test_privileges_that_the_server_does_not_tell(start_simulator: StartSimulator) -> None:
    simulator = start_simulator(document())
    simulator.add_fault(method="HasPrivilegeOnEntities", fault="NotSupported")
    assert _findings(simulator)["privileges-unknown"].severity is Severity.INFO


def test_levels_and_units_on_the_page_are_the_catalogues(stock_vcsim: StockVcsim) -> None:
    """Stock vcsim's catalogue was captured from a vCenter."""
    with connect(stock_vcsim) as vcenter:
        catalogue = vcenter._counters.catalogue()
    words = {
        "kiloBytes": "KiB",
        "megaBytes": "MiB",
        "kiloBytesPerSecond": "KiB/s",
        "megaHertz": "MHz",
        "percent": "1/100 %",
        "number": "number",
        "millisecond": "ms per 20 s",
    }
    page = (DOCS / "counters.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `\w+` \| `([\w.]+)`[^|]* \| ([^|]+) \| [^|]+ \| (\d) \|", page, re.MULTILINE
    )
    assert len(rows) == 33
    for counter, unit, level in rows:
        info = catalogue[counter]
        # A latency is no share of the sample's time.
        told = "ms" if counter == "datastore.totalReadLatency.average" else words[info.unit]
        assert (told, str(info.level)) == (unit, level), counter
