"""A plan that mends a mandatory rule may make memory dearer, and the report says so."""

import re

import pytest

from tests.assessments import assessed
from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.assess import Assessment
from vsphere_market.estate import KEEP_APART
from vsphere_market.report import page


def two_apart(*, mandatory: bool) -> Assessment:
    """Two VMs that must not meet do, and the only other host is full with one of them."""
    apart = {"moid": "r", "name": "dc apart", "kind": KEEP_APART, "vms": ["vm-1", "vm-2"]}
    return assessed(
        snapshot_of(
            clusters=[cluster_row()],
            hosts=[host_row("host-1", 65_536), host_row("host-2", 5_000)],
            vms=[vm_row(name, "host-1", 4096, active_mib=4000) for name in ("vm-1", "vm-2")],
            rules=[{**apart, "mandatory": mandatory, "enabled": True}],
        )
    )


def test_it_mends_a_rule_and_the_cost_rises() -> None:
    made = two_apart(mandatory=True)
    told = " ".join(statement.text for statement in made.statements)
    assert "It mends 1 breach of mandatory rules" in told
    assert "rises, for mandatory rules, by" in told
    assert "1 before the plan and 0 after it" in page(made)


def test_without_it_nothing_is_done() -> None:
    made = two_apart(mandatory=False)
    assert made.plan.steps == ()
    assert "none is broken" in page(made)


@pytest.mark.parametrize("mandatory", [True, False])
def test_no_bar_is_longer_than_the_whole(mandatory: bool) -> None:
    made = two_apart(mandatory=mandatory)
    certificate = made.plan.certificate
    assert (certificate.potential_after > certificate.potential_before) == mandatory
    widths = [
        float(width) for width in re.findall(r'<rect x="160"[^>]* width="([\d.]+)"', page(made))
    ]
    assert widths and max(widths) <= 560.0
