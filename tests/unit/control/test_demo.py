"""The demo tells the truth: it ends at rest because nothing is left to do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vsphere_market.control.demo import Demo, run_demo
from vsphere_market.market import Cause, make_plan
from vsphere_market.port import ActionKind


@pytest.fixture(scope="module")
def played() -> Demo:
    return run_demo()


def test_it_begins_hot_and_ends_calm(played: Demo) -> None:
    before, after = played.before, played.after
    assert before.ballooned_mib > 10_000
    assert before.swapin_kibps > 1000
    assert before.stall_pct > 1
    assert after.ballooned_mib < 0.1 * before.ballooned_mib
    assert after.swapin_kibps < 0.01 * before.swapin_kibps
    assert after.swapout_kibps == 0
    assert after.stall_pct < 0.1 * before.stall_pct


def test_it_ends_because_a_fresh_look_finds_nothing(played: Demo) -> None:
    assert played.replan_steps == 0
    last = played.moments[-1].report
    assert last.plan.steps == ()
    # A later look at the estate than the last action, not the same one again.
    acted = max(m.minute for m in played.moments if m.report.done)
    assert played.moments[-1].minute > acted
    assert played.steps_done == sum(m.report.done for m in played.moments) > 0


def test_nothing_fails(played: Demo) -> None:
    assert [m.report.failed for m in played.moments] == [0] * len(played.moments)


def test_it_is_not_the_cool_down_that_keeps_it_quiet(played: Demo) -> None:
    question = played.moments[-1].report.frame.question
    rested = dataclasses.replace(question, cooling=np.zeros_like(question.cooling), past=())
    assert make_plan(rested, played.moments[-1].report.started_s).steps == ()


def test_it_shows_several_root_causes_and_cures(played: Demo) -> None:
    causes = {item.cause for item in played.first.view.squeezed}
    assert {Cause.HOST_OVERCOMMIT, Cause.LIMIT} <= causes
    kinds = {step.action.kind for moment in played.moments for step in moment.report.plan.steps}
    assert {ActionKind.MIGRATE, ActionKind.LIMIT} <= kinds


def test_nobody_grows_beyond_reason(played: Demo) -> None:
    first = played.first.frame.snapshot.vms
    last = played.moments[-1].report.frame.snapshot.vms
    assert (last.size_mib <= 2 * first.size_mib).all()
