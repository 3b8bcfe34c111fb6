"""What is written can be asked for: cycles, samples, plans, executions, moves, unsettled steps."""

from __future__ import annotations

import dataclasses
import math
import random

import numpy as np
import pytest

from tests.fakes import (
    START_S,
    UUID,
    FakeVCenter,
    Fate,
    OnTask,
    change,
    entity,
    move,
    plan,
    step,
    vcenter,
)
from vsphere_market.errors import JournalError
from vsphere_market.estate import Source
from vsphere_market.executor import ExecutionResult, execute
from vsphere_market.journal import (
    VM_COLUMNS,
    Filter,
    Journal,
    Retention,
    default_path,
    estate_key,
)
from vsphere_market.journal.codec import action_from_json, action_json, pack_vms, unpack_vms
from vsphere_market.market.plan import Plan, Reason, Refusal
from vsphere_market.port import Action, ActionKind, Cause, OutcomeKind, TaskHandle

MOVE = move("vm-1", "host-1", "host-2")
LIMIT = change("vm-2", ActionKind.LIMIT, None, 4096)
DAY_S = 86400.0


def a_plan() -> Plan:
    refusal = Refusal(entity("vm-4"), Reason.NO_ROOM, "The host has no room.")
    return dataclasses.replace(
        plan(step(1, MOVE), step(2, LIMIT, wave=2, after=("s1",))), refusals=(refusal,)
    )


def carry_out(vc: FakeVCenter, journal: Journal, todo: Plan, **options: bool) -> ExecutionResult:
    number = journal.write_plan(todo, '{"format": "x"}')
    recorder = journal.recorder(estate=UUID, plan=number, who="alice")
    return execute(todo, vc, recorder, rng=random.Random(1), dry_run=options.get("dry_run", False))


def test_actions_come_back_as_they_went() -> None:
    for action in (MOVE, LIMIT, change("vm-1", ActionKind.BALLOON_CAP, 5, None)):
        assert action_from_json(action_json(action)) == action


def test_a_vcenter_is_known_by_its_identity_or_else_by_its_name() -> None:
    assert estate_key(Source("vcenter", "vc.test", UUID)) == UUID
    assert estate_key(Source("plant", "demo")) == "plant:demo"


def test_the_default_place_is_the_users_own() -> None:
    assert default_path().name == "journal.db" and "vsphere-market" in str(default_path())


# ---------------------------------------------------------------- cycles and samples


def test_a_cycle_and_its_samples(journal: Journal) -> None:
    snapshot = vcenter().observe()
    cycle = journal.begin_cycle(snapshot, kind="run", engine="1.0", started_s=START_S)
    working = np.array([1000.0, 2000.0, math.nan, 4000.0])
    journal.write_samples(
        cycle,
        snapshot,
        prices={"host-1": 4.0, "host-2": 1.5},
        loads={"host-1": 0.5},
        vm_columns={"working_set_mib": working},
    )
    journal.end_cycle(cycle, ended_s=START_S + 9, status="done", sentence="Nothing to do.")
    (record,) = journal.cycles()
    assert (record.id, record.status, record.ended_s) == (cycle, "done", START_S + 9)
    assert (record.vms, record.hosts, record.ballooned_mib) == (4, 3, 512.0)
    assert math.isnan(record.swap_in_kibps), "what no VM has is not known, and not zero"
    samples = journal.host_samples()
    assert [sample.host for sample in samples] == ["esx-1", "esx-2", "esx-3"]
    assert samples[0].price == 4.0 and math.isnan(samples[2].price)
    assert samples[0].cluster == "cluster-1" and math.isnan(samples[0].consumed_mib)
    ((low, high, memory_mib),) = journal.database.rows(
        "SELECT price_low, price_high, memory_mib FROM cluster_samples"
    )
    assert (low, high, memory_mib) == (1.5, 4.0, 3 * 262144.0)
    sample = journal.vm_sample(cycle)
    assert sample is not None and sample.names == ("web-1", "web-2", "web-3", "web-4")
    np.testing.assert_array_equal(sample.columns["working_set_mib"], working)
    assert sample.hosts == ("esx-1", "esx-2", "esx-3", "esx-1")
    assert "active_mib" not in sample.columns, "a column without any value takes no room"
    history = journal.vm_history("web-2", "working_set_mib", since_s=0.0)
    assert history == ((snapshot.taken_at_s, 2000.0),)
    assert journal.vm_history("vm-2", "working_set_mib", since_s=START_S + 1) == ()
    assert journal.vm_history("nobody", "size_mib", since_s=0.0) == ()
    assert journal.vm_sample(99) is None


def test_limits_without_end_and_counters_that_are_missing_survive_packing() -> None:
    vc = vcenter()
    vc.vms["vm-1"].limit_mib = 4096
    sample = unpack_vms(pack_vms(vc.observe(), {}))
    assert list(sample.columns["limit_mib"]) == [4096.0, math.inf, math.inf, math.inf]
    assert set(sample.columns) <= set(VM_COLUMNS)


def test_samples_of_a_large_estate_are_small() -> None:
    snapshot = vcenter(10, 2000).observe()
    rng = np.random.default_rng(4)
    busy = {name: rng.gamma(2.0, 1500.0, 2000).round() for name in VM_COLUMNS}
    snapshot = dataclasses.replace(snapshot, vms=snapshot.vms.replace(**busy))
    more = {f"c{at}_mib": rng.gamma(2.0, 1500.0, 2000).round() for at in range(2)}
    assert len(pack_vms(snapshot, more)) < 2000 * 55


@pytest.mark.parametrize("blob", [b"", b"nonsense", b"x\x9c"])
def test_damaged_samples_are_told(journal: Journal, blob: bytes) -> None:
    cycle = journal.begin_cycle(vcenter().observe(), kind="run", engine="1", started_s=0.0)
    journal.database.run("INSERT INTO vm_samples VALUES (?, 0.0, 1, ?)", (cycle, blob))
    with pytest.raises(JournalError, match="damaged"):
        journal.vm_sample(cycle)


# ---------------------------------------------------------------- plans and executions


def test_a_plan_its_decisions_and_its_refusals(journal: Journal) -> None:
    cycle = journal.begin_cycle(vcenter().observe(), kind="plan", engine="1", started_s=0.0)
    number = journal.write_plan(a_plan(), '{"format": "ä"}', cycle=cycle)
    (record,) = journal.plans()
    assert (record.id, record.cycle, record.steps, record.refusals) == (number, cycle, 2, 1)
    assert (record.potential_before, record.lower_bound) == (10.0, 7.5)
    first, second = journal.decisions()
    assert (first.step, first.vm, first.host_from, first.host_to) == (
        "s1",
        "web-1",
        "esx-1",
        "esx-2",
    )
    assert (second.kind, second.from_mib, second.to_mib, second.mode) == (
        "limit",
        None,
        4096,
        "approve",
    )
    (refusal,) = journal.refusals()
    assert (refusal.subject, refusal.reason) == ("web-4", "no-room")
    assert journal.plan_document(number) == '{"format": "ä"}'
    assert journal.plan_document(99) is None


def test_an_execution_and_its_steps(journal: Journal) -> None:
    vc = vcenter()
    vc.fates["vm-2"] = [Fate(task=OnTask.FINAL)]
    result = carry_out(vc, journal, a_plan())
    (execution,) = journal.executions()
    assert str(execution.id) == result.execution
    assert (execution.who, execution.dry_run, execution.error) == ("alice", False, "")
    assert execution.ended_s == result.ended_s
    steps = {one.step: one for one in journal.steps()}
    assert steps["s1"].outcome is OutcomeKind.DONE and steps["s1"].action == MOVE
    assert steps["s2"].outcome is OutcomeKind.FAILED and steps["s2"].cause is Cause.FAULT
    assert (steps["s2"].fault, steps["s2"].task) == ("RuleViolation", "task-2")
    for one in result.outcomes:
        mine = steps[one.step]
        assert (mine.sentence, mine.attempts) == (one.sentence, one.attempts)
        assert (mine.started_s, mine.ended_s, mine.state) == (one.started_s, one.ended_s, "ended")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), {"s1", "s2"}),
        (Filter(vm="web-1"), {"s1"}),
        (Filter(vm="vm-2"), {"s2"}),
        (Filter(host="esx-2"), {"s1"}),
        (Filter(host="esx-1"), {"s1"}),
        (Filter(host="esx-3"), set()),
        (Filter(kind=ActionKind.LIMIT), {"s2"}),
        (Filter(estate=UUID), {"s1", "s2"}),
        (Filter(estate="another"), set()),
        (Filter(plan=1), {"s1", "s2"}),
        (Filter(plan=2), set()),
        (Filter(limit=1), {"s2"}),
    ],
)
def test_filters(journal: Journal, wanted: Filter, expected: set[str]) -> None:
    carry_out(vcenter(), journal, a_plan())
    assert {one.step for one in journal.steps(wanted)} == expected
    if wanted.limit > 1:
        assert {one.step for one in journal.decisions(wanted)} == expected


def test_filters_by_time_outcome_and_execution(journal: Journal) -> None:
    result = carry_out(vcenter(), journal, a_plan())
    first = result.outcome_of("s1").ended_s
    assert [one.step for one in journal.steps(Filter(since_s=first + 1))] == ["s2"]
    assert [one.step for one in journal.steps(Filter(until_s=first + 1))] == ["s1"]
    done = Filter(outcomes=(OutcomeKind.DONE,), execution=int(result.execution))
    assert len(journal.steps(done)) == 2
    assert journal.steps(Filter(outcomes=(OutcomeKind.FAILED,))) == ()
    assert journal.plans(Filter(since_s=START_S + 1)) == ()
    assert len(journal.executions(Filter(plan=1, execution=1))) == 1
    assert len(journal.refusals(Filter(vm="web-4"))) == 1
    assert journal.refusals(Filter(vm="web-1")) == ()


def test_the_newest_comes_first(journal: Journal) -> None:
    for at_s in (10.0, 30.0, 20.0):
        journal.begin_cycle(vcenter().observe(), kind="run", engine="1", started_s=at_s)
    assert [one.started_s for one in journal.cycles()] == [30.0, 20.0, 10.0]


def test_last_moves_are_the_cool_down(journal: Journal) -> None:
    vc = vcenter()
    there = plan(step(1, MOVE), step(2, LIMIT))
    back = plan(step(1, move("vm-1", "host-2", "host-1")))
    first = carry_out(vc, journal, there)
    second = carry_out(vc, journal, back)
    moves = journal.last_moves(UUID, START_S)
    assert set(moves) == {"vm-1"}, "a changed limit is no move"
    assert (moves["vm-1"].count, moves["vm-1"].last_s) == (2, second.outcomes[0].ended_s)
    assert journal.last_moves(UUID, first.outcomes[0].ended_s + 1)["vm-1"].count == 1
    assert journal.last_moves("another", START_S) == {}


def test_dry_runs_are_no_moves_and_leave_nothing_unsettled(journal: Journal) -> None:
    carry_out(vcenter(), journal, a_plan(), dry_run=True)
    recorder = journal.recorder(estate=UUID)
    recorder.begin([("s1", MOVE)], 1.0, dry_run=True)
    assert journal.last_moves(UUID, 0.0) == {} and journal.unsettled(UUID) == ()
    assert all(one.dry_run for one in journal.steps())


# ---------------------------------------------------------------- write-ahead


def test_unsettled_steps_say_how_far_they_came(journal: Journal) -> None:
    recorder = journal.recorder(estate=UUID)
    actions: list[tuple[str, Action]] = [("s1", MOVE), ("s2", LIMIT)]
    execution = recorder.begin(actions, 1.0, dry_run=False)
    assert [(one.step, one.intent_s) for one in journal.unsettled(UUID)] == [
        ("s1", None),
        ("s2", None),
    ]
    recorder.intent(execution, "s1", 1, 2.0)
    recorder.accepted(execution, "s1", TaskHandle("task-1", MOVE, 2.5))
    one = journal.unsettled(UUID)[0]
    assert (one.execution, one.attempts, one.intent_s) == (execution, 1, 2.0)
    assert (one.task, one.submitted_s, one.action) == ("task-1", 2.5, MOVE)
    recorder.setback(execution, "s1", 3.0, "It timed out.")
    recorder.intent(execution, "s1", 2, 9.0)
    one = journal.unsettled(UUID)[0]
    assert (one.attempts, one.intent_s, one.task) == (2, 9.0, ""), "task-1 was the first attempt's"
    assert journal.unsettled("another") == ()


def test_executions_that_only_lack_their_end_are_ended(journal: Journal) -> None:
    carry_out(vcenter(), journal, a_plan())
    journal.database.run("UPDATE executions SET ended_s = NULL")
    journal.recorder(estate=UUID).begin([("s1", MOVE)], 1.0, dry_run=False)
    assert journal.close_finished(50.0, UUID) == 1
    open_one, closed = sorted(journal.executions(), key=lambda one: one.started_s)
    assert (closed.ended_s, open_one.ended_s) == (50.0, None)
    assert journal.verify().intact


# ---------------------------------------------------------------- audit


def test_the_audit_trail_tells_the_whole_story(journal: Journal) -> None:
    number = journal.write_plan(a_plan(), "{}")
    journal.approve(number, who="alice", steps=["s1"], at_s=START_S)
    recorder = journal.recorder(estate=UUID, plan=number, who="alice")
    execute(a_plan(), vcenter(), recorder, rng=random.Random(1), chosen={"s1"})
    events = [row.event for row in journal.audit_trail()]
    assert events == [
        "plan",
        "approval",
        "begin",
        "outcome",
        "intent",
        "accepted",
        "outcome",
        "end",
    ]
    assert '"who":"alice"' in journal.audit_trail()[1].body
    assert len(journal.audit_trail(after=6, limit=10)) == 2


@pytest.mark.parametrize(
    ("tampering", "broken_at"),
    [
        ("UPDATE audit SET body = replace(body, 'alice', 'mallory') WHERE id = 2", 2),
        ("UPDATE audit SET at_s = at_s + 1 WHERE id = 2", 2),
        ("UPDATE audit SET event = 'nothing' WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 2", 2),
        ("DELETE FROM audit WHERE id = 1", 1),
        ("UPDATE audit SET chain = '0' WHERE id = 4", 4),
    ],
)
def test_tampering_breaks_the_seals(journal: Journal, tampering: str, broken_at: int) -> None:
    carry_out(vcenter(), journal, a_plan())
    good = journal.verify()
    assert good.intact and good.rows == len(journal.audit_trail())
    journal.database.run(tampering)
    assert journal.verify().broken_at == broken_at


# ---------------------------------------------------------------- retention


def test_old_things_go_and_open_ones_stay(journal: Journal) -> None:
    carry_out(vcenter(), journal, a_plan())
    recorder = journal.recorder(estate=UUID)
    recorder.begin([("s1", MOVE)], START_S, dry_run=False)
    assert journal.prune(START_S + 399 * DAY_S).executions == 0
    gone = journal.prune(START_S + 401 * DAY_S)
    assert (gone.executions, gone.plans) == (1, 1)
    assert gone.audit_rows > 5
    assert len(journal.unsettled(UUID)) == 1
    assert journal.decisions() == () and journal.refusals() == ()
    assert journal.verify().intact and journal.verify().rows == 0
    recorder.begin([("s1", MOVE)], START_S + 402 * DAY_S, dry_run=False)
    assert journal.verify().intact and journal.verify().rows == 1


def test_part_of_the_trail_goes_and_the_rest_is_still_sealed(journal: Journal) -> None:
    for day in range(10):
        journal.approve(1, who="alice", steps=[], at_s=day * DAY_S)
    keep = Retention(audit_s=4.5 * DAY_S)
    assert journal.prune(9 * DAY_S, keep).audit_rows == 5
    assert journal.prune(9 * DAY_S, keep).audit_rows == 0
    verdict = journal.verify()
    assert verdict.intact and verdict.rows == 5
    journal.database.run("DELETE FROM audit WHERE id = 6")
    assert journal.verify().broken_at == 6


def test_vm_samples_are_thinned_to_one_an_hour(journal: Journal) -> None:
    vc = vcenter(1, 2)
    for minute in range(0, 180, 10):
        vc.clock.at_s = START_S + minute * 60.0
        snapshot = vc.observe()
        cycle = journal.begin_cycle(snapshot, kind="run", engine="1", started_s=vc.clock.at_s)
        journal.write_samples(cycle, snapshot)
    assert journal.prune(START_S + 3600.0).vm_samples == 0
    assert journal.prune(START_S + 3 * DAY_S).vm_samples == 15
    assert len(journal.vm_history("web-1", "size_mib", since_s=0.0)) == 3
    assert len(journal.host_samples()) == 18
    gone = journal.prune(START_S + 91 * DAY_S)
    assert (gone.vm_samples, gone.cycles) == (3, 18)
    assert journal.host_samples() == ()


def test_thinning_leaves_each_vcenter_and_each_loop_its_own_samples(journal: Journal) -> None:
    """One journal of several: the sample that is kept of an hour was once the first of all."""
    vc = vcenter(1, 2)
    snapshot = vc.observe()
    others = dataclasses.replace(snapshot, source=Source("vcenter", "vc2.test", "another"))
    for shown, scope in ((snapshot, ""), (others, ""), (snapshot, "domain-c1")):
        for _ in range(3):
            cycle = journal.begin_cycle(
                shown, kind="run", engine="1", started_s=START_S, scope=scope
            )
            journal.write_samples(cycle, shown)
    assert journal.prune(START_S + 3 * DAY_S).vm_samples == 6
    assert len(journal.vm_history("web-1", "size_mib", since_s=0.0)) == 3
    mine = journal.vm_history("web-1", "size_mib", since_s=0.0, estate="another")
    assert len(mine) == 1
