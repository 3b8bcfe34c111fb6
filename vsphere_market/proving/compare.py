"""A comparison: controllers on one estate over some seeds, each rival tuned first if asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vsphere_market.proving.backtest import backtest
from vsphere_market.proving.jobs import Job, estate_of
from vsphere_market.proving.roster import Named
from vsphere_market.proving.tuning import FINALISTS, TUNING_SEEDS, Tried, candidates, judged, ranked


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
        dated: recordings begin when they were recorded, whatever the seed.
        watched_h: hours before them, in which controllers look and may not act.
    """

    estate: Path
    controllers: tuple[Named, ...]
    seeds: tuple[int, ...]
    hours: float
    actions: str
    traces: Path | None = None
    policies: tuple[Path, ...] = ()
    label: str = ""
    dated: bool = False
    watched_h: float = 0.0

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
                dated=self.dated,
                watched_h=self.watched_h,
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

    Every setting is tried on the first seed, and those that do best on the others as well.

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
    return tune_many(
        [(comparison, hours)], seeds=seeds, folder=folder, workers=workers, watch=watch
    )[0]


def tune_many(
    wanted: Sequence[tuple[Comparison, float]],
    *,
    seeds: Sequence[int] = TUNING_SEEDS,
    folder: Path | None = None,
    workers: int | None = None,
    watch: Callable[[int, int, Job], None] | None = None,
) -> list[dict[Named, list[Tried]]]:
    """:func:`tune` of many comparisons, each with its hours, without waiting between them."""
    grids = [
        {
            named: settings
            for named in comparison.controllers
            if not named.parameters and len(settings := candidates(named.name)) > 1
        }
        for comparison, _ in wanted
    ]
    trials: dict[tuple[int, Named], list[dict[str, Any]]] = {}

    def run(chosen: Sequence[Sequence[Named]], of: Sequence[int]) -> None:
        places, jobs = [], []
        for at, ((comparison, hours), settings) in enumerate(zip(wanted, chosen, strict=True)):
            more = comparison.jobs(settings, of, hours)
            places += [(at, job.controller) for job in more]
            jobs += more
        found = backtest(jobs, folder=folder, workers=workers, watch=watch)
        for place, result in zip(places, found, strict=True):
            trials.setdefault(place, []).append(result)

    run([[item for grid in of.values() for item in grid] for of in grids], seeds[:1])
    first = [
        {named: ranked([judged(item, trials[at, item]) for item in grid])
         for named, grid in of.items()}
        for at, of in enumerate(grids)
    ]  # fmt: skip
    if seeds[1:]:
        run(
            [[t.controller for items in of.values() for t in items[:FINALISTS]] for of in first],
            seeds[1:],
        )
    return [
        {
            named: [
                *ranked(
                    [judged(t.controller, trials[at, t.controller]) for t in items[:FINALISTS]]
                ),
                *items[FINALISTS:],
            ]
            for named, items in of.items()
        }
        for at, of in enumerate(first)
    ]


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
    return run_many([(comparison, tuned or {})], folder=folder, workers=workers, watch=watch)[0]


def run_many(
    wanted: Sequence[tuple[Comparison, dict[Named, list[Tried]]]],
    *,
    folder: Path | None = None,
    workers: int | None = None,
    watch: Callable[[int, int, Job], None] | None = None,
) -> list[list[dict[str, Any]]]:
    """:func:`run_all` of many comparisons, without waiting between them."""
    settings: list[list[Named]] = []
    jobs: list[Job] = []
    for comparison, tuned in wanted:
        settings.append(
            [
                tuned[named][0].controller if named in tuned else named
                for named in comparison.controllers
            ]
        )
        # The market thinks longest: begun first, it is not what everybody waits for at the end.
        jobs += comparison.jobs(
            sorted(dict.fromkeys(settings[-1]), key=lambda named: named.name != "market"),
            comparison.seeds,
            comparison.hours,
        )
    found = backtest(jobs, folder=folder, workers=workers, watch=watch)
    results = dict(zip(jobs, found, strict=True))
    return [
        [
            {**results[job], "controller": named.label, "setting": setting.label}
            for named, setting in zip(comparison.controllers, chosen, strict=True)
            for job in comparison.jobs([setting], comparison.seeds, comparison.hours)
        ]
        for (comparison, _), chosen in zip(wanted, settings, strict=True)
    ]
