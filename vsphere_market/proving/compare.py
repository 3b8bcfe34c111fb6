"""A comparison: controllers on one estate over some seeds, each rival tuned first if asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vsphere_market.proving.backtest import backtest
from vsphere_market.proving.jobs import Job, estate_of
from vsphere_market.proving.roster import Named
from vsphere_market.proving.tuning import TUNING_SEEDS, Tried, best, candidates, judged


@dataclass(frozen=True, slots=True)
class Comparison:
    """What to compare.

    Attributes:
        estate: the estate file.
        controllers: who competes.
        seeds: of the comparison.
        hours: simulated, each.
        actions: ``migrate`` or ``all``.
        traces: a recording to put on the estate, or None.
        policies: policy files and folders.
        label: what to call the estate; "" for its own name.
    """

    estate: Path
    controllers: tuple[Named, ...]
    seeds: tuple[int, ...]
    hours: float
    actions: str
    traces: Path | None = None
    policies: tuple[Path, ...] = ()
    label: str = ""

    def jobs(self, controllers: Sequence[Named], seeds: Sequence[int], hours: float) -> list[Job]:
        """The trials of some controllers."""
        return [
            Job(
                estate=self.estate,
                controller=controller,
                seed=seed,
                hours=hours,
                actions=self.actions,
                traces=self.traces,
                policies=self.policies,
                label=self.label,
            )
            for controller in controllers
            for seed in seeds
        ]

    def notes(self) -> tuple[str, ...]:
        """Sentences on what was mended in the recording, or decided by rule.

        Raises:
            EstateError: estate or recording are wrong.
        """
        return estate_of(self.estate, self.traces)[1]


def tune(
    comparison: Comparison,
    *,
    hours: float,
    seeds: Sequence[int] = TUNING_SEEDS,
    folder: Path | None = None,
    workers: int | None = None,
    watch: Callable[[int, int, Job], None] | None = None,
) -> dict[Named, list[Tried]]:
    """Try the grid of each controller that was named without parameters.

    Args:
        comparison: estate and controllers.
        hours: how long each try is simulated.
        seeds: not those of the comparison.
        folder: where trials are kept.
        workers: processes.
        watch: told of each trial.

    Returns:
        All settings of each controller, best first; of one that has no grid, nothing.
    """
    grids = {
        named: settings
        for named in comparison.controllers
        if not named.parameters and len(settings := candidates(named.name)) > 1
    }
    jobs = comparison.jobs([item for grid in grids.values() for item in grid], seeds, hours)
    results = backtest(jobs, folder=folder, workers=workers, watch=watch)
    by_setting: dict[Named, list[dict[str, Any]]] = {}
    for job, result in zip(jobs, results, strict=True):
        by_setting.setdefault(job.controller, []).append(result)
    tried: dict[Named, list[Tried]] = {}
    for named, grid in grids.items():
        items = [judged(setting, by_setting[setting]) for setting in grid]
        winner = best(items)
        rest = sorted(
            (item for item in items if item is not winner),
            key=lambda item: (item.pain, item.moved_gib, item.controller.label),
        )
        tried[named] = [winner, *rest]
    return tried


def run_all(
    comparison: Comparison,
    tuned: dict[Named, list[Tried]] | None = None,
    *,
    folder: Path | None = None,
    workers: int | None = None,
    watch: Callable[[int, int, Job], None] | None = None,
) -> list[dict[str, Any]]:
    """Run the comparison; results in the order of the controllers, then of the seeds.

    A controller that was tuned runs with its best setting; its result has its plain name under
    ``controller`` and the setting under ``setting``.
    """
    tuned = tuned or {}
    chosen = [
        tuned[named][0].controller if named in tuned else named for named in comparison.controllers
    ]
    jobs = comparison.jobs(chosen, comparison.seeds, comparison.hours)
    results = backtest(jobs, folder=folder, workers=workers, watch=watch)
    per = len(comparison.seeds)
    return [
        {
            **result,
            "controller": comparison.controllers[at // per].label,
            "setting": chosen[at // per].label,
        }
        for at, result in enumerate(results)
    ]
