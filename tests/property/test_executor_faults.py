"""Whatever fails, in whatever order: nothing is done twice, and nothing is lost track of.

Random plans meet random faults on the fake vCenter, which keeps the truth.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.executions import FATES, check_owed, check_truth, fates_by_vm, plans
from tests.fakes import (
    FakeVCenter,
    Fate,
    error_finding,
    move,
    vcenter,
)
from vsphere_market.errors import MarketError, NotPermittedError, TransientFault, UnreachableError
from vsphere_market.executor import (
    Backoff,
    Deadlines,
    ExecutionResult,
    Limits,
    MemoryRecorder,
    Settings,
    execute,
)
from vsphere_market.market.plan import Plan
from vsphere_market.port import (
    Action,
    Cause,
    Migrate,
    Outcome,
    OutcomeKind,
    Start,
    TaskHandle,
    TaskState,
)

READS = ("standing", "precheck", "poll", "find_task", "cancel")
_BUSY = TransientFault("busy", fault="TaskInProgress")
_AWAY = UnreachableError("no answer", where="vc.test")
_FORBIDDEN = NotPermittedError("System.Read is missing")
HICCUPS = st.sampled_from((_BUSY, _BUSY, _BUSY, _AWAY, _AWAY, _AWAY, _FORBIDDEN))


@dataclass
class StopAfter:
    """A cancel token that is set after being looked at so many times."""

    looks: int

    def is_set(self) -> bool:
        self.looks -= 1
        return self.looks < 0


@dataclass
class Watched(FakeVCenter):
    """Notes submissions that a careful executor would never have sent."""

    blunders: list[str] = field(default_factory=list)

    def submit(self, action: Action) -> TaskHandle:
        self.advance()
        for task in self.tasks:
            if task.state is TaskState.RUNNING and task.action.subject.moid == action.subject.moid:
                self.blunders.append(f"{task.id} was still open on {action.subject.name}")
        if any(late.subject.moid == action.subject.moid for _, late, _ in self._late):
            self.blunders.append(f"a request for {action.subject.name} was still under way")
        return super().submit(action)


@given(
    made=plans(),
    fates=FATES,
    hiccups=st.dictionaries(st.sampled_from(READS), st.lists(HICCUPS, max_size=4), max_size=2),
    refused=st.sets(st.integers(1, 5), max_size=1),
    stop=st.one_of(st.just(10**9), st.just(10**9), st.integers(5, 60)),
    cancel_running=st.booleans(),
    limits=st.builds(
        Limits,
        migrations_per_host=st.integers(1, 2),
        migrations=st.integers(1, 3),
        reconfigurations=st.integers(1, 3),
        steps=st.sampled_from((100, 100, 100, 3)),
        host_failures=st.integers(2, 4),
        failures_in_a_row=st.integers(2, 8),
    ),
    seed=st.integers(0, 1000),
)
@settings(max_examples=300)
def test_no_fault_makes_it_lose_track_or_repeat_itself(
    made: tuple[FakeVCenter, Plan],
    fates: dict[int, list[Fate]],
    hiccups: dict[str, list[MarketError]],
    refused: set[int],
    stop: int,
    cancel_running: bool,
    limits: Limits,
    seed: int,
) -> None:
    given_vc, todo = made
    vc = Watched(
        vms=given_vc.vms,
        hosts=given_vc.hosts,
        fates=fates_by_vm(fates),
        broken={name: list(errors) for name, errors in hiccups.items()},
        findings={f"vm-{number}": [error_finding("no room")] for number in refused},
    )
    recorder = MemoryRecorder()
    result = execute(
        todo,
        vc,
        recorder,
        settings=Settings(
            limits=limits,
            retry=Backoff(attempts=3, overall_s=600.0),
            deadlines=Deadlines(reconfigure_s=100.0, migrate_base_s=100.0, cancel_grace_s=20.0),
            cancel_running=cancel_running,
        ),
        rng=random.Random(seed),
        cancel=StopAfter(stop),
    )
    # What is still under way at the other side gets its chance to contradict us.
    vc.clock.sleep(10_000.0)
    vc.advance()

    assert not vc.blunders
    assert [outcome.step for outcome in result.outcomes] == [one.id for one in todo.steps]
    check_records(recorder, vc, result)
    check_truth(vc, [(one.action, one.kind, one.cause) for one in result.outcomes])
    check_order(todo, result)
    ends = {one.step: (one.kind, one.cause) for one in result.outcomes}
    check_owed(todo.steps, ends)
    check_limits(vc, limits)


def check_records(recorder: MemoryRecorder, vc: FakeVCenter, result: ExecutionResult) -> None:
    """Every step has one outcome, its last record; every submission has its intent before it."""
    outcomes = [line[2] for line in recorder.lines if line[0] == "outcome"]
    assert all(isinstance(outcome, Outcome) for outcome in outcomes)
    assert Counter(outcome.step for outcome in outcomes) == Counter(  # type: ignore[attr-defined]
        # What is owed stays open in the journal.
        outcome.step
        for outcome in result.outcomes
        if outcome.cause is not Cause.OWED
    )
    ended: set[str] = set()
    for what, _, details in recorder.lines:
        if what == "outcome":
            assert isinstance(details, Outcome)
            ended.add(details.step)
        elif what in ("intent", "accepted", "setback"):
            assert isinstance(details, tuple)
            assert details[0] not in ended, "something was recorded after the outcome"
    whats = [line[0] for line in recorder.lines]
    assert whats.count("intent") == vc.calls.count("submit")
    assert whats[0] == "begin" and whats[-1] == "end"


def check_order(todo: Plan, result: ExecutionResult) -> None:
    """Nothing was submitted whose predecessor had not succeeded, or in the wrong wave."""
    for one in todo.steps:
        mine = result.outcome_of(one.id)
        if mine.started_s is None or isinstance(one.action, Start):
            # A start that is owed asks for nothing but that the VM was stopped.
            continue
        for other in todo.steps:
            theirs = result.outcome_of(other.id)
            if other.id in one.depends_on:
                assert theirs.kind.good
            if other.wave < one.wave or other.id in one.depends_on:
                assert theirs.ended_s <= mine.started_s
        subject = mine.action.subject
        earlier = [o for o in result.outcomes if o.action.subject == subject and o is not mine]
        for theirs in earlier:
            if theirs.cause is Cause.STALE or theirs.kind in (
                OutcomeKind.FAILED,
                OutcomeKind.UNKNOWN,
            ):
                assert theirs.ended_s >= mine.started_s, "a VM that failed was touched again"


def check_limits(vc: FakeVCenter, limits: Limits) -> None:
    """The fake counted what was open at once."""
    for key, units in vc.most.items():
        most = {
            "vm": 1,
            "host": limits.migrations_per_host,
            "migrations": limits.migrations,
            "reconfigurations": limits.reconfigurations,
            "power": limits.power_operations,
        }[key.partition(":")[0]]
        assert units <= most, f"{key} held {units} at once"
    taken = {truth.action for truth in vc.truth if truth.what == "taken"}
    started = {action for action in taken if not isinstance(action, Start)}
    assert len(started) <= limits.steps


def test_the_fake_counts_migrations_at_both_ends() -> None:
    vc = vcenter(3, 2)
    vc.submit(move("vm-1", "host-1", "host-2"))
    vc.submit(move("vm-2", "host-2", "host-3"))
    assert vc.most["host:host-2"] == 2
    assert isinstance(vc.tasks[0].action, Migrate)
