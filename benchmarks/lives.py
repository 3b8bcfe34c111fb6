"""The market's own sizes on guests with weekends, month-ends and leaks, in a closed loop.

    python -m benchmarks.lives [--days 21] [--copies 2] [--format json]

``benchmarks.sizes`` asks what would be proposed; here it is done. Guests live on the plant, on
hosts that cannot hold all that they have been given, and the market may do everything: move, grow
by hot-add, restart to grow or to shrink, reserve, cap. It knows five weeks of the guests that are
too large, as from a journal, and nothing of those that are too small.

Counted are shrinks that are regretted, for which the guest wants 88 % of its new size within a week
or has to page, and for each guest that outgrows its memory the episodes of paging inside it that
began before it was first grown: at most one is allowed, since nothing tells of the first. Also what
hosts swapped in, which placement and sizes bring down, not growth.

Prints one JSON object: by life what was done and what came of it, and the pain of a run in which
nothing is done.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from vsphere_market.demand import identities
from vsphere_market.market import MarketSettings
from vsphere_market.plant import PlantVCenter, estate_from_json
from vsphere_market.plant.laws import STEP_S
from vsphere_market.plant.shapes import Sum, grouped
from vsphere_market.policy import parse_policies
from vsphere_market.port import ActionKind, SetMemory
from vsphere_market.proving.controller import Circumstances
from vsphere_market.proving.hands import Hands
from vsphere_market.proving.rivals.ours import Market
from vsphere_market.units import FloatArray

DAY_S, HOUR_S = 86_400.0, 3600.0
SIZE_GIB = 16
#: A Tuesday; the plant lives through two weekends and a month's end from here on.
START = datetime(2026, 10, 20, tzinfo=UTC)
#: How much is remembered of guests that are too large: the end of a month among it.
KNOWN_DAYS = 35
#: Paging that begins within this time of other paging is the same episode.
EPISODE_S = HOUR_S
#: Counters are means over five minutes, so this misses nothing.
LOOK_S = 300.0
FULL = MarketSettings().guest_full
#: A guest that reads so much back has to page; less is what sweeps touch of memory that is idle.
PAGES_KIBPS = 1024.0

_NOISE = {"kind": "noise", "sigma": 0.03, "minutes": 30.0}
#: Life -> base of the working set and the shapes on top, shares of the size. Too large …
LARGE: Mapping[str, tuple[float, list[dict[str, Any]]]] = {
    "steady": (0.25, [_NOISE]),
    "office": (0.1, [{"kind": "diurnal", "amplitude": 0.15}, {"kind": "weekly", "amplitude": 0.1}]),
    # Works on Saturdays and Sundays, and hardly in between.
    "weekend": (0.7, [{"kind": "weekly", "amplitude": -0.55}, _NOISE]),
    "month-end": (0.2, [{"kind": "month-end", "amplitude": 0.6, "days": 1.0}, _NOISE]),
    "leak": (0.15, [{"kind": "leak", "per_day": 0.01, "restart_days": 90.0}]),
}
#: … and too small, and may grow.
SMALL: Mapping[str, tuple[float, list[dict[str, Any]]]] = {
    "grows-at-weekends": (1.1, [{"kind": "weekly", "amplitude": -0.5}]),
    "grows-at-month-end": (0.6, [{"kind": "month-end", "amplitude": 0.5, "days": 1.0}]),
    "grows-daily": (0.55, [{"kind": "diurnal", "amplitude": 0.6}]),
    "grows-by-a-leak": (0.6, [{"kind": "leak", "per_day": 0.05, "restart_days": 90.0}]),
}
POLICIES: list[dict[str, Any]] = [
    {
        "apiVersion": "vsphere-market/v1",
        "kind": "automation",
        "name": "all by itself",
        "spec": {
            "mode": "automatic",
            "modes": {kind.value: "automatic" for kind in ActionKind if kind is not ActionKind.DRS},
        },
    },
    {
        "apiVersion": "vsphere-market/v1",
        "kind": "sizing",
        "name": "may restart",
        "spec": {"rebootAllowed": True},
    },
]


@dataclass(slots=True)
class Guest:
    """What happened to one guest.

    Attributes:
        life: which it lives.
        grown_s: times at which it was grown.
        shrunk: times at which it was made smaller, with the new size, MiB.
        episodes_s: times at which its guest began to page.
        swapped_mib: what its host swapped in for it.
        paged_mib: what its guest read back from its own page file.
        regrets: shrinks after which it wanted more within a week.
        last_s: when it last paged.
    """

    life: str
    grown_s: list[float] = field(default_factory=list)
    shrunk: list[tuple[float, float]] = field(default_factory=list)
    episodes_s: list[float] = field(default_factory=list)
    regrets: list[float] = field(default_factory=list)
    swapped_mib: float = 0.0
    paged_mib: float = 0.0
    last_s: float = -np.inf

    @property
    def before_growth(self) -> int:
        """Episodes that began before it was first grown."""
        first = min(self.grown_s, default=np.inf)
        return sum(1 for at_s in self.episodes_s if at_s < first)


def estate(start: datetime, copies: int) -> dict[str, Any]:
    """Two hosts that hold about half of what their VMs have been given."""
    vms = []
    for at, (life, (base, shapes)) in enumerate({**LARGE, **SMALL}.items()):
        workload = {"working_set": base, "footprint": 0.9, "cache": 0.1, "shapes": shapes}
        vms.append(
            {
                "name": f"{life}-{{n}}",
                "count": copies,
                "memory_gib": SIZE_GIB,
                "hot_add": life in SMALL,
                "host": f"esx-{1 + at % 2}",
                "workload": workload,
            }
        )
    room = round(len(vms) * copies * SIZE_GIB * 0.42)
    hosts = [{"name": "esx-{n}", "count": 2, "memory_gib": room}]
    return {
        "format": "vsphere-market/estate/1",
        "name": "lives",
        "start": start.isoformat().replace("+00:00", "Z"),
        "guest_metrics": True,
        "warm_up_min": 30,
        "clusters": [{"name": "main", "hosts": hosts, "vms": vms}],
    }


def remember(market: Market, plant: PlantVCenter, start: datetime) -> None:
    """Let the market know five weeks of the guests that are too large, hour by hour."""
    vms = plant.observe().vms
    rows = [row for row, name in enumerate(vms.name) if _life(name) in LARGE]
    inventory = plant.world.inventory
    loads = [inventory.vms[row].workload for row in rows]
    begin_s = start.timestamp() - KNOWN_DAYS * DAY_S
    groups = grouped([load.shapes for load in loads], begin_s, np.random.default_rng(1))
    ids = [identities(vms)[row] for row in rows]
    base = np.array([load.working_set for load in loads])
    size = vms.size_mib[rows]
    for hour in range(KNOWN_DAYS * 24):
        at_s = begin_s + hour * HOUR_S
        total = Sum(
            working=base.copy(),
            leaked=np.zeros(len(rows)),
            footprint=np.ones(len(rows)),
            noise=np.ones(len(rows)),
            on=np.ones(len(rows), dtype=np.bool_),
        )
        for group in groups:
            group.add(at_s, total)
        wanted: FloatArray = (total.working * total.noise + total.leaked) * size
        market.memory.history.update(at_s, ids, wanted)
        market.memory.sizes.observe(at_s, ids, wanted)


def live(
    days: float, copies: int, period_s: float, start: datetime = START, *, idle: bool = False
) -> dict[str, Guest]:
    """Let guests live for some days; what happened to each by name.

    Args:
        days: how long.
        copies: guests of each life.
        period_s: between two decisions.
        start: when it begins.
        idle: nothing is decided.
    """
    plant = PlantVCenter(estate_from_json(estate(start, copies), where="lives"))
    policies = parse_policies(POLICIES, "lives")
    market = Market(Circumstances(frozenset(ActionKind), policies), {})
    remember(market, plant, start)
    hands = Hands(plant)
    names = plant.observe().vms.name
    guests = {name: Guest(_life(name)) for name in names}
    due_s = look_s = start_s = plant.clock.now_s()
    if idle:
        due_s = np.inf
    seen = 0
    while plant.clock.now_s() < start_s + days * DAY_S:
        now_s = plant.clock.now_s()
        if now_s >= look_s:
            _look(guests, names, plant, now_s)
            look_s += LOOK_S
        if now_s >= due_s and not hands.busy:
            hands.take(market.decide(plant.observe(), now_s, hands.moves()))
            due_s += period_s * (1 + (now_s - due_s) // period_s)
        plant.clock.sleep(STEP_S if hands.busy else max(min(look_s, due_s) - now_s, STEP_S))
        hands.look()
        for deed in hands.deeds[seen:]:
            action = deed.order.action
            if deed.good and isinstance(action, SetMemory):
                _note(guests[action.subject.name], action, deed.ended_s)
        seen = len(hands.deeds)
    return guests


def _life(name: str) -> str:
    return name.rpartition("-")[0]


def _note(guest: Guest, action: SetMemory, at_s: float) -> None:
    before, after = action.from_mib, action.to_mib
    if action.kind is ActionKind.HOT_ADD or (
        action.kind is ActionKind.RESIZE and (after or 0) > (before or 0)
    ):
        guest.grown_s.append(at_s)
    elif action.kind is ActionKind.RESIZE and after is not None:
        guest.shrunk.append((at_s, float(after)))


def _look(
    guests: Mapping[str, Guest], names: Sequence[str], plant: PlantVCenter, now_s: float
) -> None:
    """Episodes and regrets, by what the plant knows and no controller sees."""
    fleet, vms = plant.world.fleet, plant.observe().vms
    paging = np.nan_to_num(vms.guest_swap_kibps)
    for row, name in enumerate(names):
        guest = guests[name]
        guest.swapped_mib += float(np.nan_to_num(vms.swap_in_kibps[row])) * LOOK_S / 1024.0
        guest.paged_mib += float(paging[row]) * LOOK_S / 1024.0
        if paging[row] > 0:
            if now_s - guest.last_s > EPISODE_S:
                guest.episodes_s.append(now_s)
            guest.last_s = now_s
        for at_s, size in guest.shrunk:
            late = now_s - at_s
            # What a guest reads back right after a restart is no sign of want.
            pages = paging[row] >= PAGES_KIBPS and late > HOUR_S
            short = pages or fleet.working[row] >= FULL * size
            if 0.0 < late <= 7 * DAY_S and short and at_s not in guest.regrets:
                guest.regrets.append(at_s)


def summary(guests: Mapping[str, Guest]) -> dict[str, Any]:
    """By life: shrinks, regrets, growth, and episodes."""
    found: dict[str, Any] = {}
    for life in {guest.life: None for guest in guests.values()}:
        mine = [guest for guest in guests.values() if guest.life == life]
        found[life] = {
            "shrinks": sum(len(guest.shrunk) for guest in mine),
            "regrets": sum(len(guest.regrets) for guest in mine),
            "growths": sum(len(guest.grown_s) for guest in mine),
            "episodes": sum(len(guest.episodes_s) for guest in mine),
            "paged_in_gib": round(sum(guest.paged_mib for guest in mine) / 1024.0, 1),
            "swapped_in_gib": round(sum(guest.swapped_mib for guest in mine) / 1024.0, 1),
            "most_episodes_before_growth": max(guest.before_growth for guest in mine),
        }
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=21.0)
    parser.add_argument("--copies", type=int, default=2, help="guests of each life")
    parser.add_argument("--period", type=float, default=300.0, help="seconds between decisions")
    parser.add_argument("--format", choices=("json",), default="json")
    said = parser.parse_args(arguments)
    began = time.perf_counter()
    told = {
        "days": said.days,
        "market": summary(live(said.days, said.copies, said.period)),
        "nothing": summary(live(said.days, said.copies, said.period, idle=True)),
        "seconds": 0.0,
    }
    told["seconds"] = round(time.perf_counter() - began, 1)
    print(json.dumps(told, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
