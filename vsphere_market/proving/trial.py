"""One trial: one controller on one estate with one seed, on the plant."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from vsphere_market.plant import EstateSpec, PlantVCenter
from vsphere_market.plant.laws import STEP_S
from vsphere_market.policy import NO_POLICIES, PolicySet
from vsphere_market.port import ActionKind
from vsphere_market.proving.controller import PERIOD_S, Circumstances, Controller, Watcher
from vsphere_market.proving.foresight import Foresight
from vsphere_market.proving.gauge import Gauge
from vsphere_market.proving.hands import Deed, Hands
from vsphere_market.proving.rivals.ours import allowed_rulebook
from vsphere_market.proving.roster import Named, make
from vsphere_market.proving.shift import shifted

MIGRATE_ONLY = frozenset({ActionKind.MIGRATE})
ALL_KINDS = frozenset(ActionKind)
#: The oracle's demand reaches beyond the trial by this, so that its last hour sees as far.
_BEYOND_S = 7200.0


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What a trial is made of.

    Attributes:
        spec: the estate.
        controller: who decides.
        seed: of noise, of the traces' offset, of everything random.
        hours: how long.
        kinds: kinds of action that are allowed.
        policies: what the business wants; they weigh the pain, too.
        dated: recordings begin when they were recorded, whatever the seed.
        watched_h: hours before them, in which controllers look and may not act; not measured.
    """

    spec: EstateSpec
    controller: Named
    seed: int
    hours: float
    kinds: frozenset[ActionKind] = MIGRATE_ONLY
    policies: PolicySet = NO_POLICIES
    dated: bool = False
    watched_h: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What came of it.

    Attributes:
        measures: see ``gauge``; the same for the same setup.
        series: for plots.
        deeds: everything that was ordered.
        timing: seconds of this machine, which differ from run to run.
    """

    measures: dict[str, Any]
    series: dict[str, Any]
    deeds: tuple[Deed, ...]
    timing: dict[str, float]


def run(setup: Setup, controller: Controller | None = None) -> Outcome:
    """Run a trial.

    Args:
        setup: what it is made of.
        controller: decides instead of the one that ``setup`` names; None for that one.
    """
    began = time.perf_counter()
    spec = setup.spec if setup.dated else shifted(setup.spec, setup.seed)
    plant = PlantVCenter(spec, np.random.default_rng(setup.seed))
    seconds = setup.hours * 3600.0
    before_s = round(setup.watched_h * 3600.0 / STEP_S) * STEP_S
    far = (
        Foresight.of(plant.world, before_s + seconds + _BEYOND_S)
        if "oracle" in setup.controller.name
        else None
    )
    circumstances = Circumstances(setup.kinds, setup.policies, far)
    if controller is None:
        controller = make(setup.controller, circumstances)
    watched(plant, controller, before_s)
    first = plant.observe()
    rulebook = allowed_rulebook(circumstances, first)
    gauge = Gauge(plant, rulebook.priority)
    gauge.look(first)
    hands = Hands(plant)
    thinking: list[float] = []
    start_s = plant.clock.now_s()
    due_s = start_s
    for _ in range(round(seconds / STEP_S)):
        now_s = plant.clock.now_s()
        if now_s >= due_s and not hands.busy:
            snapshot = plant.observe()
            gauge.look(snapshot)
            before = time.perf_counter()
            orders = controller.decide(snapshot, now_s, hands.moves())
            thinking.append(time.perf_counter() - before)
            hands.take(orders)
            due_s = start_s + controller.period_s * ((now_s - start_s) // controller.period_s + 1)
        plant.clock.sleep(STEP_S)
        hands.look()
        gauge.step()
    gauge.look(plant.observe())
    measures = gauge.results(hands.deeds, rulebook.cooldown_s)
    measures["decisions"] = len(thinking)
    return Outcome(
        measures=measures,
        series={
            **gauge.series,
            "hosts": [h.name for h in plant.world.inventory.hosts],
            "claimed": gauge.claimed,
        },
        deeds=tuple(hands.deeds),
        timing={
            "seconds": round(time.perf_counter() - began, 3),
            "decision_ms_mean": round(1000.0 * float(np.mean(thinking or [0.0])), 3),
            "decision_ms_max": round(1000.0 * float(np.max(thinking or [0.0])), 3),
        },
    )


def watched(plant: PlantVCenter, controller: Controller | None, seconds: float) -> None:
    """Let an estate live on while a controller looks and may not act; judging begins after it.

    Args:
        plant: the estate.
        controller: who looks, as often as it would decide; None for nobody.
        seconds: how long.
    """
    end_s = plant.clock.now_s() + seconds
    period_s = PERIOD_S if controller is None else controller.period_s
    looks: object = controller
    while (now_s := plant.clock.now_s()) < end_s:
        if isinstance(looks, Watcher):
            looks.watch(plant.observe(), now_s)
        plant.clock.sleep(min(period_s, end_s - now_s))
    plant.world.judge_anew()
