"""A guest that outgrows its memory every day is grown before it pages for the second time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.plants import vm
from tests.roads import hot_plant, road
from vsphere_market.control.cycle import one_cycle
from vsphere_market.port import ActionKind

PERIOD_S = 900.0


def outgrowing(kind: str) -> dict[str, Any]:
    """A VM of 8 GiB that wants more at times."""
    shapes = {
        # 60 % at night, 120 % in the afternoon.
        "daily": [{"kind": "diurnal", "amplitude": 0.6, "peak_hour": 14}],
        # Half an hour of 140 % every morning.
        "storm": [{"kind": "boot-storm", "amplitude": 0.8, "hour": 8, "minutes": 60}],
    }
    return vm(
        "grows-01", 8, 0.6, footprint=0.8, cache=0.1, shapes=shapes[kind], hot_add=True,
        host="esx-1",
    )  # fmt: skip


def lived(folder: Path, kind: str, *, shadow: bool) -> tuple[list[float], list[float], float]:
    """Times at which paging began, times of growth, and the VM's size in the end, MiB."""
    plant = hot_plant([outgrowing(kind)], guest_metrics=True, start="2026-11-23T05:00:00Z")
    began: list[float] = []
    grown: list[float] = []
    paging = False
    with road(folder, plant, shadow=shadow) as way:
        start_s = plant.clock.now_s()
        for turn in range(int(34 * 3600 / PERIOD_S)):
            report = one_cycle(way, turn)
            pages = float(report.frame.snapshot.vms.guest_swap_kibps[0]) > 0
            if pages and not paging:
                began.append(report.started_s)
            paging = pages
            kinds = {step.action.kind for step in report.plan.steps if step.id in report.chosen}
            if ActionKind.HOT_ADD in kinds:
                grown.append(report.started_s)
            now_s = plant.clock.now_s()
            plant.clock.sleep(max(start_s + (turn + 1) * PERIOD_S - now_s, 0.0))
    return began, grown, float(plant.observe().vms.size_mib[0])


@pytest.mark.parametrize("kind", ["daily", "storm"])
def test_growth_comes_before_the_second_episode(tmp_path: Path, kind: str) -> None:
    left_alone = tmp_path / "alone"
    left_alone.mkdir()
    episodes, _, size = lived(left_alone, kind, shadow=True)
    assert len(episodes) >= 2 and size == 8 * 1024, "nothing would have to be done"
    episodes, grown, size = lived(tmp_path, kind, shadow=False)
    assert grown and size > 8 * 1024
    assert len(episodes) < 2 or grown[0] < episodes[1]
