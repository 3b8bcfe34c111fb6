"""One host with all that an estate's hosts have."""

from __future__ import annotations

import json

import pytest

from benchmarks import mixed
from benchmarks.closed_loop import ROOT, ROWS
from vsphere_market.plant import estate_from_json
from vsphere_market.plant.spec import ClusterSpec

ESTATES = ROOT / "mocks" / "estates"


@pytest.mark.parametrize("name", [row.estate for row in ROWS])
def test_nothing_is_lost_or_won(name: str) -> None:
    document = json.loads((ESTATES / f"{name}.json").read_text(encoding="utf-8"))
    before, after = (
        estate_from_json(given, where=name, folder=ESTATES).clusters
        for given in (document, mixed.mixed(document))
    )
    for old, new in zip(before, after, strict=True):
        assert len(new.hosts) == 1
        # Whole MiB for each host.
        assert sums(new) == pytest.approx(sums(old), abs=len(old.hosts))
        assert [vm.name for vm in new.vms] == [vm.name for vm in old.vms]


def sums(cluster: ClusterSpec) -> list[float]:
    return [
        sum(getattr(host, name) for host in cluster.hosts)
        for name in ("memory_mib", "vmkernel_mib", "cores", "swap_mibps")
    ]


def test_hosts_that_are_one_leave_nothing_to_cure(capsys: pytest.CaptureFixture[str]) -> None:
    mixed.main(["skewed", "--hours", "1", "--seeds", "1"])
    found = json.loads(capsys.readouterr().out)["skewed"]
    assert found["mixed"] < 0.1 * found["none"]
