"""Settling what an earlier life of the program left open."""

from __future__ import annotations

import dataclasses
import random

from tests.fakes import START_S, FakeVCenter, Fate, OnTask, change, move, vcenter
from vsphere_market.errors import UnreachableError
from vsphere_market.executor import MemoryRecorder, Settings, recover
from vsphere_market.executor.settings import Deadlines
from vsphere_market.port import Action, ActionKind, Cause, Outcome, OutcomeKind, Unsettled

MOVE = move("vm-1", "host-1", "host-2")
LIMIT = change("vm-2", ActionKind.LIMIT, None, 4096)


def left(
    action: Action, *, step: str = "s1", intent_s: float | None = START_S, task: str = ""
) -> Unsettled:
    attempts = 0 if intent_s is None else 1
    submitted_s = START_S if task else None
    return Unsettled("7", step, action, attempts, intent_s, task, submitted_s)


def settle(vc: FakeVCenter, *items: Unsettled) -> list[Outcome]:
    before = vc.calls.count("submit")
    recorder = MemoryRecorder()
    settings = Settings(deadlines=Deadlines(migrate_base_s=100.0))
    results = recover(items, vc, recorder, settings=settings, rng=random.Random(2))
    assert vc.calls.count("submit") == before, "recovery never submits"
    outcomes = [outcome for result in results for outcome in result.outcomes]
    written = [details for what, _, details in recorder.lines if what == "outcome"]
    assert len(written) == len(outcomes) == len(items)
    return outcomes


def test_nothing_left_is_nothing_to_do() -> None:
    vc = vcenter()
    assert recover([], vc, MemoryRecorder()) == ()
    assert not vc.calls


def test_a_task_that_still_runs_is_waited_for() -> None:
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(takes_s=40.0)]
    task = vc.submit(MOVE)
    (outcome,) = settle(vc, left(MOVE, task=task.task))
    assert outcome.kind is OutcomeKind.DONE and outcome.task == "task-1"
    assert vc.clock.now_s() >= START_S + 40.0


def test_a_task_that_has_failed_meanwhile_is_not_tried_again() -> None:
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(task=OnTask.TRANSIENT)]
    task = vc.submit(MOVE)
    vc.clock.sleep(60.0)
    (outcome,) = settle(vc, left(MOVE, task=task.task))
    assert (outcome.kind, outcome.cause) == (OutcomeKind.CANCELLED, Cause.INTERRUPTED)


def test_an_intent_whose_task_is_found_is_waited_for() -> None:
    vc = vcenter()
    vc.submit(MOVE)
    (outcome,) = settle(vc, left(MOVE))
    assert outcome.kind is OutcomeKind.DONE and outcome.task == "task-1"


def test_an_intent_that_left_no_task_but_is_done_is_done() -> None:
    vc = vcenter()
    vc.vms["vm-1"].host = "host-2"
    (outcome,) = settle(vc, left(MOVE))
    assert outcome.kind is OutcomeKind.DONE
    assert "found done" in outcome.sentence


def test_an_intent_that_never_left_is_closed() -> None:
    (outcome,) = settle(vcenter(), left(MOVE))
    assert (outcome.kind, outcome.cause) == (OutcomeKind.CANCELLED, Cause.INTERRUPTED)
    assert "never arrived" in outcome.sentence


def test_an_intent_that_never_left_on_a_vm_that_others_moved() -> None:
    vc = vcenter()
    vc.vms["vm-1"].host = "host-3"
    (outcome,) = settle(vc, left(MOVE))
    assert (outcome.kind, outcome.cause) == (OutcomeKind.SKIPPED, Cause.STALE)


def test_steps_whose_turn_never_came_are_closed() -> None:
    vc = vcenter()
    task = vc.submit(MOVE)
    outcomes = settle(
        vc,
        left(MOVE, task=task.task),
        left(LIMIT, step="s2", intent_s=None),
    )
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.DONE, OutcomeKind.CANCELLED]
    assert "before it was this step's turn" in outcomes[1].sentence


def test_a_vm_that_is_gone_meanwhile() -> None:
    vc = vcenter()
    del vc.vms["vm-1"]
    (outcome,) = settle(vc, left(MOVE))
    assert outcome.cause is Cause.STALE


def given_up(action: Action, task: str = "") -> Unsettled:
    """A step that has an outcome already, which is unknown."""
    return dataclasses.replace(left(action, task=task), was_unknown=True)


def test_a_step_given_up_as_unknown_is_settled_once_its_task_has_ended() -> None:
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(takes_s=5000.0)]
    task = vc.submit(MOVE)
    assert recover([given_up(MOVE, task.task)], vc, MemoryRecorder(), rng=random.Random(2)) == ()
    assert vc.clock.now_s() == START_S, "a task that was waited for once is not waited for again"
    vc.clock.sleep(5001.0)
    (outcome,) = settle(vc, given_up(MOVE, task.task))
    assert (outcome.kind, outcome.task) == (OutcomeKind.DONE, "task-1")


def test_a_step_given_up_as_unknown_without_a_task_is_looked_for_again() -> None:
    vc = vcenter()
    vc.submit(MOVE)
    (outcome,) = settle(vc, given_up(MOVE))
    assert outcome.kind is OutcomeKind.DONE
    (outcome,) = settle(vcenter(), given_up(MOVE))
    assert outcome.kind is OutcomeKind.CANCELLED


def test_a_step_given_up_as_unknown_stays_so_while_vcenter_does_not_answer() -> None:
    vc = vcenter()
    task = vc.submit(MOVE)
    vc.broken["poll"] = [UnreachableError("no answer", where="vc.test")]
    assert recover([given_up(MOVE, task.task)], vc, MemoryRecorder(), rng=random.Random(2)) == ()


def test_each_execution_is_ended_under_its_own_number() -> None:
    recorder = MemoryRecorder()
    items = [
        left(MOVE, intent_s=None),
        Unsettled("9", "s1", LIMIT, 0, None, "", None),
    ]
    results = recover(items, vcenter(), recorder, rng=random.Random(2))
    assert [result.execution for result in results] == ["7", "9"]
    assert [execution for what, execution, _ in recorder.lines if what == "end"] == ["7", "9"]
