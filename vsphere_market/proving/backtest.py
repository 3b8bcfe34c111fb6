"""Many trials: on all cores, begun again where they were broken off."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any, TypeVar

from vsphere_market import threads
from vsphere_market.proving.jobs import Job, done, perform

Found = TypeVar("Found")


class Missing(Exception):
    """A trial has not been run yet, and nothing was to be run."""


def backtest(
    jobs: Sequence[Job],
    *,
    folder: Path | None = None,
    workers: int | None = None,
    watch: Callable[[int, int, Job], None] | None = None,
) -> list[dict[str, Any]]:
    """Run all trials that have not been run before.

    Args:
        jobs: the trials.
        folder: where results are kept, one file each; what is there is not run again.
        workers: processes; None for one per core, 0 to run nothing.
        watch: told after each trial how many are over, of how many, and which it was.

    Returns:
        One result per job, in their order.

    Raises:
        MarketError: the first thing that went wrong; results until then are kept.
        Missing: a trial is not there, and nothing was to be run.
    """
    results: dict[int, dict[str, Any]] = {}
    open_: list[int] = []
    for at, job in enumerate(jobs):
        found = done(job, folder)
        if found is None:
            open_.append(at)
        else:
            results[at] = found
    over = len(results)
    if workers == 0 and open_:
        raise Missing(f"{len(open_)} of {len(jobs)} trials have not been run")

    def tell(at: int) -> None:
        nonlocal over
        over += 1
        if watch is not None:
            watch(over, len(jobs), jobs[at])

    count = min(workers or os.cpu_count() or 1, len(open_))
    if count <= 1:
        for at in open_:
            results[at] = perform(jobs[at], folder)
            tell(at)
    else:
        for at, result in spread(perform, {at: (jobs[at], folder) for at in open_}, count):
            results[at] = result
            tell(at)
    return [results[at] for at in range(len(jobs))]


def spread(
    function: Callable[..., Found], calls: Mapping[int, tuple[Any, ...]], count: int | None = None
) -> Iterator[tuple[int, Found]]:
    """Call a function in processes, and give what it returns as it comes.

    Args:
        function: of a module.
        calls: its arguments, by the number that each result comes with.
        count: processes; None for one per core.

    Raises:
        Exception: what a call raised first; no others are begun.
    """
    # A trial uses one core, or workers get in each other's way.
    before = {name: os.environ.get(name) for name in threads.NAMES}
    os.environ.update(dict.fromkeys(threads.NAMES, "1"))
    # Spawned, not forked: the same on every system, and nothing is inherited by accident.
    pool = ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))
    try:
        running = {pool.submit(function, *given): at for at, given in calls.items()}
        while running:
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                yield running.pop(future), future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
