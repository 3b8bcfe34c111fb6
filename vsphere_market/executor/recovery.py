"""Settling what an earlier run of the program left open, before anything new is begun.

The same machine does it, told to submit nothing: what has a task is waited for, what has an intent
and no task is looked for and compared with the world, and the rest is closed as interrupted. One
thing is begun all the same: a VM that was stopped for a change is started, because that is owed.

A step whose outcome was unknown is looked at again as well: once vCenter can be asked, or the task
that would not end has ended, the journal is told what became of it.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from vsphere_market.errors import MarketError
from vsphere_market.estate import Snapshot
from vsphere_market.executor.core import Machine
from vsphere_market.executor.driver import CancelToken, Driver, Progress
from vsphere_market.executor.jobs import Job, job_of_action
from vsphere_market.executor.recorder import Recorder
from vsphere_market.executor.result import ExecutionResult
from vsphere_market.executor.settings import Settings
from vsphere_market.executor.signals import Stop
from vsphere_market.executor.transitions import guest_stays_up, may_be_under_way, may_go_on
from vsphere_market.port import Cause, Start, TaskHandle, Unsettled, VCenterPort
from vsphere_market.port import Stop as StopVm

_WHY = "the program ended before it was this step's turn"
log = logging.getLogger(__name__)


def recover(
    unsettled: Sequence[Unsettled],
    port: VCenterPort,
    recorder: Recorder,
    *,
    settings: Settings | None = None,
    rng: random.Random | None = None,
    cancel: CancelToken | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> tuple[ExecutionResult, ...]:
    """Give every unsettled step its outcome. Submits nothing but starts of VMs that were stopped.

    Args:
        unsettled: what the journal found without an outcome; all of them were submitted, or
            meant to be, to the vCenter behind ``port``.
        port: where they were submitted.
        recorder: takes the outcomes, under the executions' own ids.
        settings: deadlines and pauses; None for the defaults.
        rng: jitter; None for one seeded by the operating system.
        cancel: somebody who may want us to stop.
        watch: told of progress.

    Returns:
        One result per execution, its outcomes those of the unsettled steps.

    Raises:
        UnreachableError: the estate cannot be read.
        NotPermittedError: nor may it be.
    """
    settings = settings or Settings()
    rng = rng or random.Random()  # noqa: S311 - jitter, not secrets
    unsettled = _told(unsettled, port, settings)
    if not unsettled:
        return ()
    snapshot = port.observe()
    results = []
    for execution in dict.fromkeys(item.execution for item in unsettled):
        items = [item for item in unsettled if item.execution == execution]
        jobs = _jobs(items, snapshot, settings)
        machine = Machine(jobs, settings, rng)
        now_s = port.clock.now_s()
        for item in items:
            if item.was_unknown and item.restarted:
                why = "found done: it was off when it was started again"
                machine.conclude(item.step, why, now_s)
            elif item.intent_s is not None:
                machine.adopt(
                    item.step,
                    item.attempts,
                    item.intent_s,
                    _task(item),
                    now_s,
                    late=item.was_unknown,
                )
        machine.handle(Stop(Cause.INTERRUPTED, _WHY), now_s)
        # A driver of its own: one execution's error must not be written into another's end.
        driver = Driver(port, recorder, settings, rng, cancel=cancel, watch=watch)
        results.append(driver.run(machine, execution))
    return tuple(results)


def _jobs(items: Sequence[Unsettled], snapshot: Snapshot, settings: Settings) -> list[Job]:
    """Jobs of one execution's open steps; a start goes with the stop before it, open or not."""
    jobs = []
    stops: dict[str, str] = {}
    for item in items:
        job = job_of_action(item.step, item.action, snapshot, settings)
        if isinstance(item.action, StopVm):
            stops[job.subject] = item.step
        elif isinstance(item.action, Start):
            job = replace(job, restores=stops.get(job.subject, ""), owed=item.owed)
        jobs.append(job)
    return jobs


def _task(item: Unsettled) -> TaskHandle | None:
    if not item.task or item.intent_s is None:
        return None
    submitted_s = item.intent_s if item.submitted_s is None else item.submitted_s
    return TaskHandle(item.task, item.action, submitted_s)


def _told(unsettled: Sequence[Unsettled], port: VCenterPort, settings: Settings) -> list[Unsettled]:
    """What there is something to learn about. A VM that may yet be stopped is not started."""
    open_ = [item for item in unsettled if _still_open(item, port, settings)]
    stops = {
        (item.execution, item.action.subject.moid)
        for item in open_
        if isinstance(item.action, StopVm)
    }
    return [
        item
        for item in unsettled
        if item not in open_
        and not (
            isinstance(item.action, Start) and (item.execution, item.action.subject.moid) in stops
        )
    ]


def _still_open(item: Unsettled, port: VCenterPort, settings: Settings) -> bool:
    """One look at the task of a step that was given up as unknown: is there still nothing to learn?

    It is not waited for, and no word is written, as long as it goes on.
    """
    task = _task(item)
    if not item.was_unknown or task is None or item.restarted:
        return False
    try:
        (status,) = port.poll([task])
        if not status.final:
            return not guest_stays_up(task, port.clock.now_s(), settings)
        if not may_go_on(status.error, task, port.clock.now_s(), settings):
            return False
        return may_be_under_way(item.action, port.standing(item.action))
    except MarketError as error:
        log.info("%s of execution %s stays unknown: %s", item.step, item.execution, error)
        return True
