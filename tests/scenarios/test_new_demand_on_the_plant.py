"""After a change of demand pain is over within three cycles, and then it is quiet."""

from __future__ import annotations

import pytest

from benchmarks.new_demand import CYCLES, ESTATE, change_h, changing, measure
from vsphere_market.proving.jobs import estate_of
from vsphere_market.proving.trial import MIGRATE_ONLY


@pytest.mark.parametrize("seed", [1, 2])
def test_new_demand_is_met_once_and_not_again(seed: int) -> None:
    spec = changing(estate_of(ESTATE, None)[0], 2.4)
    assert change_h(spec) == pytest.approx(2.0 + 2.4 / 60.0)
    found = measure(spec, MIGRATE_ONLY, seed, 6.0)
    # Nobody is helped by doing nothing: it hurts on, hour after hour.
    assert found["pain_of_nothing"] > 50.0
    assert found["pain"] < 0.05 * found["pain_of_nothing"]
    assert 1 <= found["cycles"] <= CYCLES
    assert found["first"] > 0
    assert found["later"] == []
