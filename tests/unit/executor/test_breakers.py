"""What failed again and again is given a rest, then one attempt."""

from __future__ import annotations

import random

from tests.fakes import Fate, OnTask, change, move, simple_plan, vcenter
from vsphere_market.executor import MemoryRecorder, execute
from vsphere_market.executor.breakers import Breakers, Tried, breakers_of, pinned_of
from vsphere_market.executor.settings import Limits, Settings
from vsphere_market.port import Action, ActionKind, Cause, OutcomeKind

LIMITS = Limits(host_failures=2, failures_in_a_row=3, rest_s=100.0)
MOVE = move("vm-1", "host-1", "host-2")
BACK = move("vm-2", "host-2", "host-3")
LIMIT = change("vm-3", ActionKind.LIMIT, None, 4096)


def bad(action: Action, at_s: float, cause: Cause = Cause.FAULT) -> Tried:
    return Tried(action, OutcomeKind.FAILED, cause, at_s)


def good(action: Action, at_s: float) -> Tried:
    return Tried(action, OutcomeKind.DONE, Cause.NONE, at_s)


def test_failures_in_a_row_are_counted_per_host_and_for_all() -> None:
    found = breakers_of([bad(MOVE, 1.0), bad(BACK, 2.0)], LIMITS, 10.0)
    assert found == Breakers({"host-1": 1, "host-2": 2, "host-3": 1}, 2)


def test_the_order_in_which_they_are_told_does_not_matter() -> None:
    past = [bad(MOVE, 3.0), good(MOVE, 2.0), bad(BACK, 1.0)]
    assert breakers_of(past, LIMITS, 10.0) == breakers_of(past[::-1], LIMITS, 10.0)
    assert breakers_of(past, LIMITS, 10.0).hosts == {"host-1": 1, "host-2": 1, "host-3": 1}


def test_a_success_closes_it() -> None:
    past = [bad(MOVE, 1.0), bad(MOVE, 2.0), good(BACK, 3.0)]
    assert breakers_of(past, LIMITS, 10.0) == Breakers({"host-1": 2}, 0)


def test_what_says_nothing_about_hosts_is_not_counted() -> None:
    harmless = (Cause.STALE, Cause.STOPPED, Cause.NOT_PERMITTED, Cause.UNREACHABLE)
    assert breakers_of([bad(MOVE, 1.0, cause) for cause in harmless], LIMITS, 2.0) == Breakers()


def test_after_the_rest_one_attempt_is_let_through() -> None:
    past = [bad(MOVE, 1.0), bad(MOVE, 2.0), bad(LIMIT, 3.0)]
    assert breakers_of(past, LIMITS, 50.0) == Breakers({"host-1": 2, "host-2": 2}, 3)
    assert breakers_of(past, LIMITS, 200.0) == Breakers({"host-1": 1, "host-2": 1}, 2)
    assert breakers_of(past[:1], LIMITS, 200.0) == Breakers()


def test_an_open_breaker_lets_nothing_through() -> None:
    vc = vcenter()
    settings = Settings(limits=LIMITS)
    result = execute(
        simple_plan(MOVE, LIMIT),
        vc,
        MemoryRecorder(),
        settings=settings,
        rng=random.Random(1),
        breakers=Breakers(in_a_row=3),
    )
    assert {one.cause for one in result.outcomes} == {Cause.PLAN_BREAKER}
    assert "submit" not in vc.calls
    result = execute(
        simple_plan(MOVE, LIMIT),
        vc,
        MemoryRecorder(),
        settings=settings,
        rng=random.Random(1),
        breakers=Breakers({"host-2": 2}),
    )
    assert [one.cause for one in result.outcomes] == [Cause.HOST_BREAKER, Cause.NONE]


def test_the_one_attempt_opens_it_again_or_closes_it() -> None:
    vc = vcenter()
    vc.fates = {"vm-1": [Fate(task=OnTask.FINAL)]}
    todo = simple_plan(MOVE, LIMIT)
    half_open = Breakers(in_a_row=2)
    settings = Settings(limits=Limits(failures_in_a_row=3, reconfigurations=1, migrations=1))
    first = execute(
        todo, vc, MemoryRecorder(), settings=settings, rng=random.Random(1), breakers=half_open
    )
    assert first.outcomes[0].kind is OutcomeKind.FAILED
    vc = vcenter()
    again = execute(
        todo, vc, MemoryRecorder(), settings=settings, rng=random.Random(1), breakers=half_open
    )
    assert all(one.kind is OutcomeKind.DONE for one in again.outcomes)


def test_a_success_within_an_execution_forgives_its_hosts() -> None:
    vc = vcenter(3, 4)
    result = execute(
        simple_plan(MOVE),
        vc,
        MemoryRecorder(),
        settings=Settings(limits=LIMITS),
        rng=random.Random(1),
        breakers=Breakers({"host-1": 1, "host-2": 1}),
    )
    assert result.outcomes[0].kind is OutcomeKind.DONE


def test_faults_have_pauses_that_suit_them() -> None:
    settings = Settings()
    assert settings.retry_of("SystemError").attempts == 2, "vMotion's own trouble: twice at most"
    assert settings.retry_of("HostNotConnected").first_s > settings.retry.first_s
    assert settings.retry_of("QuestionPending").first_s >= 60.0
    assert settings.retry_of("TaskInProgress") is settings.retry


def test_a_subject_that_fails_is_left_alone_longer_each_time() -> None:
    once, twice = [bad(MOVE, 1.0)], [bad(MOVE, 1.0), bad(MOVE, 102.0)]
    assert pinned_of(once, LIMITS, 100.0) == {"vm-1"}
    assert pinned_of(once, LIMITS, 101.0) == frozenset()
    assert pinned_of(twice, LIMITS, 301.0) == {"vm-1"}
    assert pinned_of(twice, LIMITS, 302.0) == frozenset()
    often = [bad(LIMIT, float(at)) for at in range(50)]
    assert pinned_of(often, LIMITS, 848.0) == {"vm-3"}
    assert pinned_of(often, LIMITS, 849.0) == frozenset()
    assert pinned_of([*twice, good(MOVE, 103.0)], LIMITS, 104.0) == frozenset()
    assert pinned_of([bad(MOVE, 1.0, Cause.STALE)], LIMITS, 2.0) == frozenset()
