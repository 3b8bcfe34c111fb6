"""Holds the journal against what really happened at the vCenter.

The simulator's list of tasks says what was done, its log of calls what was asked for, its state how
things are. The journal must tell the same story, and the estate must be one that the plan and the
rules allow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.troubles import Event, Scenario
from tests.faults.world import BYSTANDER, meddled_with, plan_of, vms_of
from tests.vcsim import Call, EndedTask, Simulator, State
from vsphere_market.journal import Filter, Journal, StepRecord, open_journal
from vsphere_market.port import (
    Action,
    ActionKind,
    ApplyRecommendation,
    Cause,
    EnableHotAdd,
    Migrate,
    MigrateStorage,
    OutcomeKind,
    ProvisionHost,
    SetMemory,
    SetPool,
    SetShares,
    Start,
    Stop,
    SuspendHost,
)

_CHANGE, _MOVE = ("ReconfigVM_Task", "reconfigure"), ("RelocateVM_Task", "relocate")
#: Kind of action -> the request that carries it out, and the simulator's kind of its task; "" where
#: the request is the deed.
REQUESTS: Mapping[ActionKind, tuple[str, str]] = {
    ActionKind.MIGRATE: _MOVE,
    ActionKind.MIGRATE_STORAGE: _MOVE,
    ActionKind.LIMIT: _CHANGE,
    ActionKind.RESERVATION: _CHANGE,
    ActionKind.SHARES: _CHANGE,
    ActionKind.HOT_ADD: _CHANGE,
    ActionKind.RESIZE: _CHANGE,
    ActionKind.ENABLE_HOT_ADD: _CHANGE,
    ActionKind.BALLOON_CAP: _CHANGE,
    ActionKind.STOP: ("ShutdownGuest", ""),
    ActionKind.START: ("PowerOnVM_Task", "power"),
    ActionKind.POOL: ("UpdateConfig", ""),
    ActionKind.SUSPEND_HOST: ("EnterMaintenanceMode_Task", "host"),
    ActionKind.PROVISION_HOST: ("ExitMaintenanceMode_Task", "host"),
    ActionKind.DRS: ("ApplyRecommendation", "relocate"),
}
METHODS = {method for method, _ in REQUESTS.values()}
#: What a plan may have to do again when it was interrupted in between: a VM that was stopped is
#: started, whatever came of the change.
POWER = {"ShutdownGuest", "PowerOnVM_Task"}
#: Outcomes of a call by which the request was taken, whatever the client got to hear.
TAKEN = ("ok", "dropped after", "hung after")


@dataclass(slots=True)
class Verdict:
    """What is wrong with a run; nothing if all lists are empty.

    Attributes:
        lost: the journal does not know what became of an action, or believes something else.
        repeated: an action was done, or asked for, once too often.
        unknown: an outcome was left open although the vCenter could tell.
        violations: anything else that must never be.
    """

    lost: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Nothing is wrong."""
        return not (self.lost or self.repeated or self.unknown or self.violations)

    def lines(self) -> list[str]:
        """One sentence per thing that is wrong."""
        return [
            f"{name}: {line}"
            for name in ("lost", "repeated", "unknown", "violations")
            for line in getattr(self, name)
        ]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known after the last life.

    Attributes:
        before, after: the estate.
        ended: tasks, in the order of ending.
        calls: requests seen.
        steps: the journal's, oldest execution first.
        stopped: numbers of the last calls before the program was told to stop and of that life,
            or None.
    """

    before: State
    after: State
    ended: Sequence[EndedTask]
    calls: Sequence[Call]
    steps: Sequence[StepRecord]
    stopped: tuple[int, int] | None


def judge(
    scenario: Scenario,
    simulator: Simulator,
    before: State,
    folder: Path,
    stopped: tuple[int, int] | None,
) -> Verdict:
    """The verdict on a run, after its last life and with nothing under way any more."""
    verdict = Verdict()
    with open_journal(folder / "journal.db") as journal:
        if not journal.verify().intact:
            verdict.violations.append("the audit trail is broken")
        steps = sorted(
            journal.steps(Filter(limit=100_000)), key=lambda one: (one.execution, _number(one.step))
        )
    seen = Evidence(
        before, simulator.state(), simulator.ended_tasks(), simulator.calls(), steps, stopped
    )
    _ends(seen, verdict)
    _truth(scenario, seen, verdict)
    if scenario.cases:
        _requests(seen, verdict)
        _plan_is_carried_out(scenario, seen, verdict)
    _estate(scenario, seen, verdict)
    _order(scenario, seen, verdict)
    _needless_stops(scenario, seen, verdict)
    _stop(seen, verdict)
    return verdict


def judge_settled(simulator: Simulator, journal: Journal) -> Verdict:
    """The verdict on a long life whose calls were not kept: outcomes, tasks and the audit trail."""
    verdict = Verdict()
    if not journal.verify().intact:
        verdict.violations.append("the audit trail is broken")
    state = simulator.state()
    steps = journal.steps(Filter(limit=1_000_000))
    seen = Evidence(state, state, simulator.ended_tasks(), (), steps, None)
    _ends(seen, verdict)
    # People change the same VMs all the time.
    _truth(Scenario((), events=(Event(0, "meddle"),)), seen, verdict)
    return verdict


def _number(step: str) -> int:
    return int(step.lstrip("s") or 0)


def _ends(seen: Evidence, verdict: Verdict) -> None:
    """Every step has one outcome, and it is a definite one."""
    for one in seen.steps:
        name = f"{one.step} of execution {one.execution}"
        if one.state != "ended" or one.outcome is None:
            verdict.lost.append(f"{name} has no outcome")
        elif one.outcome is OutcomeKind.UNKNOWN:
            verdict.unknown.append(f"{name}: {one.sentence}")
    for task in seen.after.tasks:
        verdict.lost.append(f"{task.task} on {task.entity} still runs")


def _truth(scenario: Scenario, seen: Evidence, verdict: Verdict) -> None:
    """As many tasks did their work as the journal calls done: none lost, none done twice."""
    kinds = {task for _, task in REQUESTS.values() if task}
    done = Counter(
        (task.entity, task.kind) for task in seen.ended if task.done and task.kind in kinds
    )
    said: Counter[tuple[str, str]] = Counter()
    silent: Counter[tuple[str, str]] = Counter()
    for one in seen.steps:
        for moid in vms_of(one.action):
            key = (moid, REQUESTS[one.action.kind][1])
            if not key[1]:
                continue
            if one.outcome is OutcomeKind.DONE:
                said[key] += 1
            elif one.cause in (Cause.NOT_VERIFIED, Cause.STALE) and scenario.meddled:
                # Somebody else was there, and whether before or after our task cannot be seen.
                silent[key] += 1
    for key in done.keys() | said.keys():
        if not said[key] <= done[key] <= said[key] + silent[key]:
            text = f"{key[1]} of {key[0]}: done {done[key]} times, the journal says {said[key]}"
            verdict.lost.append(text)
        once = scenario.cases and not scenario.meddled and key[1] != "power"
        if once and done[key] > 1:
            verdict.repeated.append(f"{key[1]} of {key[0]} was done {done[key]} times")


def _requests(seen: Evidence, verdict: Verdict) -> None:
    """None was sent while an earlier one for the same action was open, or had done its work."""
    ends = {task.task: task for task in seen.ended}
    taken: dict[tuple[str, str], list[Call]] = {}
    for call in seen.calls:
        if call.method not in METHODS - POWER:
            continue
        earlier = taken.setdefault((call.object, call.method), [])
        for other in earlier:
            end = ends.get(other.task)
            if end is None or end.done or end.after_call >= call.seq:
                verdict.repeated.append(
                    f"{call.method} for {call.object} was sent again (call {call.seq}) although "
                    f"{other.task or 'that'} of call {other.seq} was not over, or had done it"
                )
        if call.task or (call.outcome in TAKEN and not call.fault and "_Task" not in call.method):
            earlier.append(call)


def _plan_is_carried_out(scenario: Scenario, seen: Evidence, verdict: Verdict) -> None:
    """Recovery needed no human: after the calm lives the plan is carried out."""
    if scenario.meddled:
        return
    last = {one.step: one for one in seen.steps}
    steps = [step for step in plan_of(scenario.cases).steps if not _used_up(step.action, seen)]
    for step in steps:
        one = last.get(step.id)
        if one is None or one.outcome is None or not one.outcome.good:
            said = "it was never begun" if one is None else f"{one.outcome}: {one.sentence}"
            verdict.lost.append(f"{step.id} is not carried out in the end: {said}")
    final = {place: target for step in steps for place, target in _targets(step.action).items()}
    for (moid, part), target in final.items():
        if (now := _values(seen.after).get((moid, part))) != target:
            verdict.lost.append(f"{part} of {moid} is {now} in the end, not {target}")


def _used_up(action: Action, seen: Evidence) -> bool:
    """A recommendation can be applied once: when its moves fail, DRS has to recommend anew."""
    return isinstance(action, ApplyRecommendation) and any(
        not task.done and task.entity in vms_of(action) for task in seen.ended
    )


def _estate(scenario: Scenario, seen: Evidence, verdict: Verdict) -> None:
    """What has changed is what the journal's last word says, and no rule is broken."""
    meddled = _meddled(scenario)
    wanted = _values(seen.before)
    for one in seen.steps:
        if one.outcome in (OutcomeKind.DONE, OutcomeKind.ALREADY_DONE):
            wanted.update(_targets(one.action))
    now = _values(seen.after)
    for (moid, part), value in wanted.items():
        if now[moid, part] != value and moid not in meddled:
            verdict.lost.append(f"{part} of {moid} is {now[moid, part]}, the journal says {value}")
    vms = seen.after.vms
    if vms["vm-91"].host == vms["vm-92"].host:
        verdict.violations.append("vm-91 and vm-92 are not kept apart")
    if vms["vm-1"].host not in ("host-1", "host-2") and "vm-1" not in meddled:
        verdict.violations.append("vm-1 is where its rule forbids it to be")
    if any(one.action.subject.moid == BYSTANDER for one in seen.steps):
        verdict.violations.append(f"{BYSTANDER} was acted on against policy")
    for moid, vm in vms.items():
        if vm.reservation_mib > vm.size_mib or 0 <= vm.limit_mib < vm.reservation_mib:
            verdict.violations.append(f"{moid} has settings that contradict each other")
        if vm.power != "poweredOn":
            verdict.violations.append(f"{moid} was left switched off")


def _order(scenario: Scenario, seen: Evidence, verdict: Verdict) -> None:
    """Nothing was begun before what it needs had succeeded."""
    if not scenario.cases:
        return
    needs = {step.id: step.depends_on for step in plan_of(scenario.cases).steps}
    rows = {(one.execution, one.step): one for one in seen.steps}
    for (execution, step), one in rows.items():
        # A start is owed to the VM that was stopped, whatever came of what lies between.
        begun = one.started_s is not None and one.action.kind is not ActionKind.START
        for needed in needs[step] if begun else ():
            other = rows[execution, needed]
            if other.outcome is None or not other.outcome.good:
                verdict.violations.append(f"{step} was begun although {needed} did not succeed")


def _needless_stops(scenario: Scenario, seen: Evidence, verdict: Verdict) -> None:
    """No VM was stopped for a change that was made already."""
    needs = {step.id: step.depends_on for step in plan_of(scenario.cases).steps}
    rows = {(one.execution, one.step): one for one in seen.steps}
    for (execution, step), one in rows.items():
        made = one.action.kind in (ActionKind.RESIZE, ActionKind.ENABLE_HOT_ADD)
        if not made or one.outcome is not OutcomeKind.ALREADY_DONE:
            continue
        for needed in needs.get(step, ()):
            other = rows[execution, needed]
            if isinstance(other.action, Stop) and other.outcome is OutcomeKind.DONE:
                verdict.violations.append(f"{step} of {execution}: its VM was stopped for nothing")


def _stop(seen: Evidence, verdict: Verdict) -> None:
    """At most the request that was on its way was sent after the program was told to stop."""
    if seen.stopped is None:
        return
    told, ended = seen.stopped
    # What is owed, a stopped VM's start, is asked for all the same.
    later = [
        call
        for call in seen.calls
        if told < call.seq <= ended and call.method in METHODS - {"PowerOnVM_Task"}
    ]
    if len(later) > 1:
        verdict.violations.append(f"{len(later)} requests were sent after the stop")


def _meddled(scenario: Scenario) -> set[str]:
    return {
        meddled_with(int(event.amount), scenario.cases).subject.moid
        for event in scenario.events
        if event.what == "meddle"
    }


#: Kind of action -> what of its subject it changes, as :func:`_values` calls it.
_PARTS: Mapping[ActionKind, str] = {
    ActionKind.MIGRATE: "host",
    ActionKind.MIGRATE_STORAGE: "datastores",
    ActionKind.LIMIT: "limit_mib",
    ActionKind.RESERVATION: "reservation_mib",
    ActionKind.SHARES: "shares",
    ActionKind.HOT_ADD: "size_mib",
    ActionKind.RESIZE: "size_mib",
    ActionKind.ENABLE_HOT_ADD: "hot_add_enabled",
    ActionKind.BALLOON_CAP: "balloon_cap",
    ActionKind.STOP: "power",
    ActionKind.START: "power",
    ActionKind.POOL: "reservation_mib",
    ActionKind.SUSPEND_HOST: "maintenance",
    ActionKind.PROVISION_HOST: "maintenance",
}


def _targets(action: Action) -> dict[tuple[str, str], object]:
    """What an action leaves, as :func:`_values` calls it."""
    if isinstance(action, ApplyRecommendation):
        return {(move.vm.moid, "host"): move.target.moid for move in action.moves}
    return {(action.subject.moid, _PARTS[action.kind]): _target(action)}


def _values(state: State) -> dict[tuple[str, str], object]:
    """Everything that an action can change, by managed object id and name."""
    found: dict[tuple[str, str], object] = {}
    for moid, vm in state.vms.items():
        for part in ("host", "datastores", "size_mib", "reservation_mib", "limit_mib"):
            found[moid, part] = getattr(vm, part)
        for part in ("balloon_cap", "power", "hot_add_enabled"):
            found[moid, part] = getattr(vm, part)
        # Of a VM that grows, shares of a level grow along; only one case has shares of its own.
        if moid == "vm-6":
            found[moid, "shares"] = vm.shares
    for moid, pool in state.pools.items():
        found[moid, "reservation_mib"] = pool.reservation_mib
    for moid, host in state.hosts.items():
        found[moid, "maintenance"] = host.maintenance
    return found


def _target(action: Action) -> object:
    """What an action leaves, in the simulator's terms."""
    match action:
        case Migrate():
            return action.target.moid
        case MigrateStorage():
            return (action.target.moid,)
        case SetMemory(setting=ActionKind.LIMIT, to_mib=None):
            return -1
        case SetMemory(setting=ActionKind.BALLOON_CAP):
            return "" if action.to_mib is None else str(action.to_mib)
        case SetMemory():
            return action.to_mib
        case SetShares():
            return action.to_shares
        case SetPool():
            return action.after
        case Stop():
            return "poweredOff"
        case Start():
            return "poweredOn"
        case EnableHotAdd() | SuspendHost():
            return True
        case ProvisionHost():
            return False
    raise AssertionError(action)
