"""Since when a VM has been short, read back from the journal."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.control.decide import frame
from vsphere_market.control.remedies import remedies
from vsphere_market.control.since import Since, squeezed_since
from vsphere_market.estate import Snapshot
from vsphere_market.journal import Journal, open_journal
from vsphere_market.market import Cause, VmDiagnosis, diagnose
from vsphere_market.policy import NO_POLICIES

NOW = 1_795_000_000.0
SQUEEZED = {"granted_mib": 5000, "ballooned_mib": 3000, "limit_mib": 5000}
CALM = {"limit_mib": 5000, "granted_mib": 3000, "active_mib": 1000}
FULL = {"active_mib": 8000}


def at(time_s: float, **vm: float) -> Snapshot:
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 65536)],
        vms=[vm_row("vm-1", "host-1", 8192, **vm)],
    )
    return dataclasses.replace(snapshot, taken_at_s=time_s)


def lived(journal: Journal, *looks: Mapping[str, float]) -> Snapshot:
    """Looks five minutes apart, written down as cycles; the last is now and returned."""
    taken = [at(NOW - 300.0 * back, **vm) for back, vm in enumerate(reversed(looks))]
    for snapshot in reversed(taken):
        cycle = journal.begin_cycle(
            snapshot, kind="run", engine="test", started_s=snapshot.taken_at_s
        )
        journal.write_samples(cycle, snapshot)
    return taken[0]


def squeezed(snapshot: Snapshot) -> tuple[VmDiagnosis, ...]:
    return diagnose(frame(snapshot, NO_POLICIES, now_s=NOW).question.ledger())


@pytest.mark.parametrize(
    ("looks", "found"),
    [
        ([CALM, SQUEEZED, SQUEEZED, SQUEEZED], Since(NOW - 600.0, 3, at_least=False)),
        ([SQUEEZED, CALM, SQUEEZED], Since(NOW, 1, at_least=False)),
        ([SQUEEZED, SQUEEZED], Since(NOW - 300.0, 2, at_least=True)),
        ([CALM, FULL, FULL], Since(NOW - 300.0, 2, at_least=False)),
    ],
)
def test_looks_in_a_row_are_counted(
    tmp_path: Path, looks: list[Mapping[str, float]], found: Since
) -> None:
    with open_journal(tmp_path / "j.db") as journal:
        snapshot = lived(journal, *looks)
        assert squeezed_since(journal, snapshot, squeezed(snapshot)) == {"vm-1": found}


def test_what_nobody_wrote_down_is_not_known(tmp_path: Path) -> None:
    snapshot = at(NOW, **SQUEEZED)
    found = squeezed(snapshot)
    assert found[0].cause is Cause.LIMIT
    assert squeezed_since(None, snapshot, found) == {}
    with open_journal(tmp_path / "j.db") as journal:
        assert squeezed_since(journal, snapshot, found) == {}
        assert squeezed_since(journal, snapshot, ()) == {}


def test_a_remedy_has_the_cheapest_cure_and_since_when(tmp_path: Path) -> None:
    with open_journal(tmp_path / "j.db") as journal:
        snapshot = lived(journal, CALM, SQUEEZED, SQUEEZED)
        framed = frame(snapshot, NO_POLICIES, now_s=NOW, journal=journal)
        found = remedies(framed, diagnose(framed.question.ledger()), journal)
    remedy = found["vm-1"]
    assert remedy.since == Since(NOW - 300.0, 2, at_least=False)
    assert remedy.cheapest is not None
    assert remedy.cheapest.words == "lift the limit of vm-1"
    assert remedy.cheapest.saving > remedy.cheapest.disruption
    assert np.isfinite(remedy.cheapest.disruption)
