"""CPU features as keys."""

from __future__ import annotations

import pytest

from vsphere_market.market.evc import gives


@pytest.mark.parametrize(
    ("host", "vm", "able"),
    [
        ("intel-icelake", "intel-haswell", True),
        ("intel-haswell", "intel-haswell", True),
        ("intel-haswell", "intel-icelake", False),
        ("amd-zen4", "intel-merom", False),
        ("amd-zen2", "amd-zen", True),
        ("", "intel-icelake", True),
        ("intel-merom", "", True),
        ("intel-merom", "intel-of-tomorrow", True),
    ],
)
def test_newer_cpus_run_older_vms_of_their_vendor(host: str, vm: str, able: bool) -> None:
    assert gives(host, vm) is able
