"""Random plans and random trouble for them, for the property tests of executor and journal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hypothesis import Phase
from hypothesis import strategies as st

from tests.fakes import (
    FakeVCenter,
    Fate,
    OnSubmit,
    OnTask,
    change,
    move,
    plan,
    start,
    step,
    stop,
    vcenter,
)
from vsphere_market.executor import Recorder, Settings
from vsphere_market.market.plan import Plan, Step
from vsphere_market.port import (
    Action,
    ActionKind,
    Cause,
    Outcome,
    OutcomeKind,
    Start,
    Stop,
    TaskHandle,
    Unsettled,
)

#: A life that goes wrong is not made shorter here: that took longer than a test may, so that its
#: process was ended without a word of what had gone wrong. `HYPOTHESIS_PROFILE=shrink` takes the
#: time, as long as it lasts.
PHASES = (
    tuple(Phase)
    if os.environ.get("HYPOTHESIS_PROFILE") == "shrink"
    else (Phase.explicit, Phase.reuse, Phase.generate)
)
#: No program starts faster, nor is a plan made or read faster: ``Settings.search_margin_s`` counts
#: on it, so that the task of an earlier execution is not taken for one of the next.
START_TAKES_S = 1.0


@st.composite
def plans(draw: st.DrawFn) -> tuple[FakeVCenter, Plan]:
    """A fake vCenter and a plan whose steps fit each other and it."""
    hosts, vms = draw(st.integers(2, 4)), draw(st.integers(1, 5))
    vc = vcenter(hosts, vms)
    where = {vm.moid: vm.host for vm in vc.vms.values()}
    limit: dict[str, int | None] = dict.fromkeys(vc.vms)
    size = dict.fromkeys(vc.vms, 8192)
    steps: list[Step] = []
    wave = 1

    def add(vm: str, action: Action, *needed: str) -> str:
        # Steps on one setting of one VM need each other, as the market's plans have it.
        mine = {old.id for old in steps if _chain(old.action) == _chain(action)}
        number = len(steps) + 1
        steps.append(step(number, action, wave=wave, after=sorted({*mine, *needed})))
        return f"s{number}"

    for _ in range(draw(st.integers(1, 6))):
        vm = draw(st.sampled_from(sorted(vc.vms)))
        wave += draw(st.integers(0, 1))
        others = draw(st.integers(0, 2 * len(steps)))
        needed = [f"s{others}"] if others in range(1, len(steps) + 1) else []
        match draw(st.sampled_from(_PLANNED)):
            case ActionKind.MIGRATE:
                target = draw(st.sampled_from([h for h in sorted(vc.hosts) if h != where[vm]]))
                add(vm, move(vm, where[vm], target), *needed)
                where[vm] = target
            case ActionKind.LIMIT:
                new = draw(st.sampled_from([v for v in (None, 4096, 6144) if v != limit[vm]]))
                add(vm, change(vm, ActionKind.LIMIT, limit[vm], new), *needed)
                limit[vm] = new
            case ActionKind.RESIZE:
                stopped = add(vm, stop(vm), *needed)
                resized = change(vm, ActionKind.RESIZE, size[vm], size[vm] - 1024)
                add(vm, resized, stopped)
                # A later wave is no reason to leave the VM off for longer.
                wave += draw(st.integers(0, 1))
                steps.append(step(len(steps) + 1, start(vm), wave=wave, after=[stopped]))
                size[vm] -= 1024
            case _:
                add(vm, change(vm, ActionKind.HOT_ADD, size[vm], size[vm] + 1024), *needed)
                size[vm] += 1024
    return vc, plan(*steps, lasts_s=1e6)


#: Kinds that random plans are made of; a resize comes with its stop and its start.
_PLANNED = (ActionKind.MIGRATE, ActionKind.LIMIT, ActionKind.HOT_ADD, ActionKind.RESIZE)


def _chain(action: Action) -> tuple[str, str]:
    """What an action changes: two that change the same follow each other."""
    kind = action.kind
    of_power, of_size = (ActionKind.STOP, ActionKind.START), (ActionKind.HOT_ADD, ActionKind.RESIZE)
    what = "power" if kind in of_power else "size" if kind in of_size else kind.value
    return action.subject.moid, what


#: What becomes of one submission: mostly well.
_FATES = st.builds(
    Fate,
    submit=st.one_of(st.just(OnSubmit.TAKEN), st.sampled_from(OnSubmit)),
    task=st.one_of(st.just(OnTask.WELL), st.sampled_from(OnTask)),
    takes_s=st.sampled_from((0.0, 3.0, 40.0, 2000.0)),
)
#: Number of a VM -> what becomes of the submissions for it, in order.
FATES = st.dictionaries(st.integers(1, 5), st.lists(_FATES, max_size=4), max_size=5)


def fates_by_vm(fates: dict[int, list[Fate]]) -> dict[str, list[Fate]]:
    """As :class:`FakeVCenter` takes them; the lists are copied, since it uses them up."""
    return {f"vm-{number}": list(queue) for number, queue in fates.items()}


#: How a step ended: its action, the kind and the cause.
End = tuple[Action, OutcomeKind, Cause]


def check_truth(vc: FakeVCenter, ends: Sequence[End]) -> None:
    """What the outcomes say is what happened at the other side: none lost, none done twice."""
    for action in {action for action, _, _ in ends}:
        mine = [(kind, cause) for other, kind, cause in ends if other == action]
        done = sum(1 for truth in vc.truth if truth.what == "done" and truth.action == action)
        said = sum(kind is OutcomeKind.DONE for kind, _ in mine)
        silent = sum(not promises(kind, cause) for kind, cause in mine)
        assert said <= done <= said + silent, f"{action}: {mine}, but done {done} times"


def check_owed(steps: Sequence[Step], ends: Mapping[str, tuple[OutcomeKind, Cause]]) -> None:
    """A VM that was stopped was started, or somebody was told why that could not be.

    Args:
        steps: the plan's.
        ends: step -> how it ended.
    """
    for one in steps:
        if not isinstance(one.action, Start):
            continue
        stopped, (kind, cause) = ends[one.depends_on[0]][0], ends[one.id]
        if stopped is OutcomeKind.DONE and cause is not Cause.OWED:
            assert kind not in (OutcomeKind.SKIPPED, OutcomeKind.CANCELLED), (one.id, kind, cause)
        if stopped in (OutcomeKind.SKIPPED, OutcomeKind.REFUSED, OutcomeKind.ALREADY_DONE):
            started = kind.good and kind is not OutcomeKind.ALREADY_DONE
            assert not started, f"{one.id} started a VM that nobody had stopped"


def awaiting(unsettled: Sequence[Unsettled]) -> list[Unsettled]:
    """Starts without an outcome that are not due yet: their guests may still shut down as asked.

    Such a VM runs, so there is nothing to start; and it must be started should it go off.
    """
    watched = {
        (item.execution, item.action.subject.moid)
        for item in unsettled
        if isinstance(item.action, Stop) and item.was_unknown
    }
    return [
        item
        for item in unsettled
        if isinstance(item.action, Start)
        and item.owed
        and not item.was_unknown
        and (item.execution, item.action.subject.moid) in watched
    ]


def check_left_open(unsettled: Sequence[Unsettled], settings: Settings, began_s: float) -> None:
    """What recovery may leave: unknown ends, and starts that wait for a watched shutdown.

    Args:
        unsettled: what the journal finds unsettled after it.
        settings: recovery's; a shutdown is watched for ``deadlines.lost_s`` and no longer.
        began_s: when it began.
    """
    excused = awaiting(unsettled)
    for item in unsettled:
        assert item.was_unknown or item in excused, f"{item} was left without an outcome"
        if isinstance(item.action, Stop) and not item.action.hard:
            assert item.intent_s is not None
            sent_s = item.intent_s if item.submitted_s is None else item.submitted_s
            assert began_s < sent_s + settings.deadlines.lost_s, f"{item} is watched for too long"


def promises(kind: OutcomeKind, cause: Cause) -> bool:
    """Whether an outcome says for certain that the step was done, or that it was not.

    When a task has ended and the VM is then found where nobody of us wanted it, somebody else was
    there; whether before or after the task cannot be seen.
    """
    if kind is OutcomeKind.FAILED:
        return cause not in (Cause.NOT_VERIFIED, Cause.STALE)
    return kind is not OutcomeKind.UNKNOWN


class Killed(BaseException):
    """The program ends here and now: no handler of the program's own errors may catch it."""


@dataclass
class Mortal:
    """Passes everything on to the journal, and dies at one of its writes.

    Attributes:
        recorder: the journal's.
        writes_left: writes that it survives.
        written: whether the deadly write still reached the disk.
    """

    recorder: Recorder
    writes_left: int
    written: bool

    def begin(self, steps: Sequence[tuple[str, Action]], at_s: float, *, dry_run: bool) -> str:
        with self._risk():
            return self.recorder.begin(steps, at_s, dry_run=dry_run)

    def intent(self, execution: str, step: str, attempt: int, at_s: float) -> None:
        with self._risk():
            self.recorder.intent(execution, step, attempt, at_s)

    def accepted(self, execution: str, step: str, task: TaskHandle) -> None:
        with self._risk():
            self.recorder.accepted(execution, step, task)

    def setback(self, execution: str, step: str, at_s: float, sentence: str) -> None:
        with self._risk():
            self.recorder.setback(execution, step, at_s, sentence)

    def outcome(self, execution: str, outcome: Outcome) -> None:
        with self._risk():
            self.recorder.outcome(execution, outcome)

    def end(self, execution: str, at_s: float, error: str) -> None:
        with self._risk():
            self.recorder.end(execution, at_s, error)

    @contextlib.contextmanager
    def _risk(self) -> Iterator[None]:
        self.writes_left -= 1
        if self.writes_left < 0 and not self.written:
            raise Killed
        yield
        if self.writes_left < 0:
            raise Killed
