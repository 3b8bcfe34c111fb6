"""What is measured while a controller works: pain, memory taken, migrations, rules broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.plant import PlantVCenter
from vsphere_market.plant.laws import STEP_S, summed
from vsphere_market.port import Migrate
from vsphere_market.proving.ground import Ground
from vsphere_market.proving.hands import Deed
from vsphere_market.units import FloatArray

#: Seconds between the points of the series that plots are drawn from, and of the heat map.
SERIES_S, HEAT_S = 300.0, 1800.0
_HOUR_S = 3600.0


@dataclass(slots=True, eq=False)
class Gauge:
    """Watches one trial. It may look at the truth; nothing of it reaches a controller.

    *Pain* is time lost waiting for memory, all causes (swap-in, decompression, refused pages,
    guests' own paging, migrations), each VM's multiplied by its priority, in hours.

    Args:
        plant: the estate.
        priority: (V,) weight of each VM's time.
    """

    plant: PlantVCenter
    priority: FloatArray
    pain_h: float = 0.0
    paging_h: float = 0.0
    moving_h: float = 0.0
    rules_broken: int = 0
    unbacked: int = 0
    series: dict[str, list[float]] = field(default_factory=dict)
    claimed: list[list[float]] = field(default_factory=list)
    _moving: FloatArray = field(init=False)
    _last: tuple[int, int] | None = None
    _since: float = 0.0
    _pain_before: float = 0.0

    def __post_init__(self) -> None:
        self._moving = self.plant.world.fleet.moving.copy()
        for name in ("hour", "pain", "balloon_gib", "swap_gib", "moves", "moved_gib"):
            self.series[name] = []

    def step(self) -> None:
        """Take in the step that the plant has just done."""
        fleet = self.plant.world.fleet
        stall = fleet.stall
        self.pain_h += float(self.priority @ stall) * (STEP_S / _HOUR_S)
        # The model multiplies the causes' shares of time left; what is left after the host's
        # own causes and the migration is guest paging and refused pages.
        others = (1.0 - fleet.latency) * (1.0 - self._moving)
        paging = np.maximum(1.0 - (1.0 - stall) / np.maximum(others, 1e-9), 0.0)
        self.paging_h += float(self.priority @ paging) * (STEP_S / _HOUR_S)
        self.moving_h += float(self.priority @ self._moving) * (STEP_S / _HOUR_S)
        np.copyto(self._moving, fleet.moving)
        self._since += STEP_S
        if self._since >= SERIES_S:
            self._point()

    def look(self, snapshot: Snapshot) -> None:
        """Compare rules and reservations with the last look; what got worse is a violation."""
        hosts = snapshot.hosts
        over = int((np.nan_to_num(hosts.reserved_mib) > hosts.memory_mib + 1.0).sum())
        now = (Ground(snapshot).broken_rules(), over)
        if self._last is not None:
            self.rules_broken += max(now[0] - self._last[0], 0)
            self.unbacked += max(now[1] - self._last[1], 0)
        self._last = now

    def _point(self) -> None:
        world, truth = self.plant.world, self.plant.truth
        self.series["hour"].append(round(truth.seconds / _HOUR_S, 4))
        # Mean number of VMs (weighted) that stood still during the interval.
        rate = (self.pain_h - self._pain_before) * _HOUR_S / self._since
        self.series["pain"].append(round(rate, 5))
        self.series["balloon_gib"].append(round(float(world.fleet.ballooned.sum()) / 1024.0, 3))
        self.series["swap_gib"].append(round(float(world.fleet.swapped.sum()) / 1024.0, 3))
        self.series["moves"].append(int(truth.moves))
        self.series["moved_gib"].append(round(truth.moved_gib, 3))
        if truth.seconds % HEAT_S < STEP_S:
            self.claimed.append([round(float(share), 3) for share in self._claims()])
        self._pain_before, self._since = self.pain_h, 0.0

    def _claims(self) -> FloatArray:
        """(H,) what each host's VMs would hold if nobody squeezed them, as a share of its memory.

        Memory in use says nothing here: every over-committed host is full.
        """
        world = self.plant.world
        fleet, hosts = world.fleet, world.hosts
        taken = fleet.ballooned + fleet.swapped + fleet.compressed
        claims = fleet.granted + taken + fleet.overhead
        return (hosts.vmkernel + summed(claims, fleet.host, len(hosts))) / hosts.memory

    def results(self, deeds: Sequence[Deed], cooldown_s: FloatArray) -> dict[str, Any]:
        """All measures of the trial."""
        truth, moids = self.plant.truth, self.plant.world.inventory.vm_moids
        rows = {moid: row for row, moid in enumerate(moids)}
        back, hot = repeats(deeds, {moid: float(cooldown_s[rows[moid]]) for moid in moids})
        failed = sum(1 for deed in deeds if not deed.good and deed.why != "predecessor")
        kinds = Counter(str(deed.order.action.kind) for deed in deeds if deed.good)
        violations = failed + self.rules_broken + self.unbacked
        return {
            "pain": round(self.pain_h, 4),
            "pain_guest_paging": round(self.paging_h, 4),
            "pain_moving": round(self.moving_h, 4),
            "swapin_gib": round(truth.swap_in_gib, 3),
            "balloon_gib_hours": round(truth.balloon_gib_hours, 3),
            "swap_gib_hours": round(truth.swap_gib_hours, 3),
            "moves": int(truth.moves),
            "moved_gib": round(truth.moved_gib, 3),
            "violations": violations,
            "rules_broken": self.rules_broken,
            "reservations_unbacked": self.unbacked,
            "failed": failed,
            "other_actions": sum(n for kind, n in kinds.items() if kind != "migrate"),
            "actions": dict(sorted(kinds.items())),
            "went_back": back,
            "within_cooldown": hot,
        }


def repeats(deeds: Sequence[Deed], cooldown_s: dict[str, float]) -> tuple[int, int]:
    """Moves A→B→A (the next move of a VM takes it back), and moves within the VM's cool-down."""
    last: dict[str, tuple[str, float]] = {}
    back = hot = 0
    for deed in sorted(deeds, key=lambda deed: deed.ended_s):
        action = deed.order.action
        if not deed.good or not isinstance(action, Migrate):
            continue
        before = last.get(action.subject.moid)
        if before is not None:
            back += before[0] == action.target.moid
            hot += deed.submitted_s - before[1] < cooldown_s[action.subject.moid]
        last[action.subject.moid] = (action.source.moid, deed.ended_s)
    return back, hot
