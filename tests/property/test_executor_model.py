"""Executor and journal over a long life: plans, deaths, outages, meddlers, in any order.

The model is the fake vCenter's own memory of what really happened. Whenever everything is settled,
the journal must tell the same story.
"""

from __future__ import annotations

import contextlib
import math
import random
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.executions import (
    FATES,
    PHASES,
    START_TAKES_S,
    Killed,
    Mortal,
    awaiting,
    check_left_open,
    check_truth,
    fates_by_vm,
)
from tests.fakes import UUID, Fate, change, entity, move, plan, start, step, stop, vcenter
from vsphere_market.errors import MarketError, StaleError, UnreachableError
from vsphere_market.estate import POWERED_ON
from vsphere_market.executor import Backoff, Deadlines, Settings, execute, recover
from vsphere_market.journal import Filter, open_journal
from vsphere_market.market.plan import Plan, Step
from vsphere_market.port import Action, ActionKind, OutcomeKind, Start, Stop

#: A file system in memory where there is one: every write of the journal waits for the disk.
MEMORY = next((str(p) for p in [Path("/dev/shm")] if p.is_dir()), None)  # noqa: S108
#: Kinds that a life's plans are made of; a resize comes with its stop and its start.
PLANNED = (
    ActionKind.MIGRATE,
    ActionKind.LIMIT,
    ActionKind.HOT_ADD,
    ActionKind.RESERVATION,
    ActionKind.BALLOON_CAP,
    ActionKind.RESIZE,
)
#: Where meddlers put things; no plan ever does, so that their deeds are not taken for ours.
ELSEWHERE, ODD_MIB = "host-4", 1111

QUICK = Settings(
    retry=Backoff(attempts=3, overall_s=600.0),
    outage=Backoff(attempts=1000, overall_s=120.0),
    deadlines=Deadlines(reconfigure_s=100.0, migrate_base_s=100.0, cancel_grace_s=20.0),
)


class Life(RuleBasedStateMachine):
    """One vCenter, one journal file, many lives of the program."""

    @initialize()
    def begin(self) -> None:
        self.vc = vcenter(hosts=4, vms=4)
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.path = Path(self.folder.name) / "journal.db"
        self.settled = True

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    # ------------------------------------------------------------ what can happen

    @rule(
        wanted=st.lists(
            st.tuples(st.integers(1, 4), st.sampled_from(PLANNED), st.integers(0, 2)),
            min_size=1,
            max_size=5,
            unique_by=lambda one: one[:2],
        ),
        fates=FATES,
        writes=st.one_of(st.just(10**9), st.integers(0, 25)),
        written=st.booleans(),
        outage=st.sampled_from((0, 0, 0, 3, 1000)),
        seed=st.integers(0, 99),
    )
    def live(
        self,
        wanted: list[tuple[int, ActionKind, int]],
        fates: dict[int, list[Fate]],
        writes: int,
        written: bool,
        outage: int,
        seed: int,
    ) -> None:
        """The program starts, settles what is open, applies a plan, and dies or ends."""
        self.vc.fates = fates_by_vm(fates)
        self.vc.broken = {}
        self.settled = False
        with open_journal(self.path) as journal, contextlib.suppress(Killed):
            recorder = Mortal(journal.recorder(estate=UUID), writes, written)
            rng = random.Random(seed)
            self.vc.clock.sleep(START_TAKES_S)
            sent, began_s = len(self.vc.sent), self.vc.clock.now_s()
            recover(journal.unsettled(UUID), self.vc, recorder, settings=QUICK, rng=rng)
            check_left_open(journal.unsettled(UUID), QUICK, began_s)
            assert all(isinstance(one, Start) for one in self.vc.sent[sent:])
            self.vc.clock.sleep(START_TAKES_S)
            self.vc.advance()
            todo = self.plan(wanted)
            away: list[MarketError] = [UnreachableError("no answer") for _ in range(outage)]
            self.vc.broken = {"poll": away}
            with contextlib.suppress(StaleError):
                execute(todo, self.vc, recorder, settings=QUICK, rng=rng)
            left = journal.unsettled(UUID)
            waiting = awaiting(left)
            self.settled = all(item.was_unknown or item in waiting for item in left)

    @rule(number=st.integers(1, 4), moves=st.booleans())
    def meddle(self, number: int, moves: bool) -> None:
        """Somebody else changes a VM on which no task is open."""
        vm = self.vc.vms[f"vm-{number}"]
        self.vc.advance()
        if any(
            task.ended_s is None and task.action.subject.moid == vm.moid for task in self.vc.tasks
        ):
            return
        if moves:
            vm.host = ELSEWHERE
        else:
            vm.limit_mib = ODD_MIB

    @rule(seconds=st.sampled_from((1.0, 30.0, 7200.0, QUICK.deadlines.lost_s)))
    def wait(self, seconds: float) -> None:
        self.vc.clock.sleep(seconds)
        self.vc.advance()

    @rule()
    def start_and_only_settle(self) -> None:
        self.vc.broken = {}
        with open_journal(self.path) as journal:
            left, began_s = journal.unsettled(UUID), self.vc.clock.now_s()
            recorder = journal.recorder(estate=UUID)
            recover(left, self.vc, recorder, settings=QUICK, rng=random.Random(1))
            journal.close_finished(self.vc.clock.now_s())
            # What is given up as unknown stays so for as long as its task goes on; a guest's
            # shutdown, and the start after it, for as long as it is waited for.
            check_left_open(journal.unsettled(UUID), QUICK, began_s)
        self.settled = True

    # ------------------------------------------------------------ what must hold

    @invariant()
    def the_journal_tells_the_truth(self) -> None:
        if not getattr(self, "settled", False) or not self.path.exists():
            return
        with open_journal(self.path, read_only=True) as journal:
            steps = journal.steps(Filter(limit=100_000))
            left = {(int(item.execution), item.step) for item in awaiting(journal.unsettled(UUID))}
            assert journal.verify().intact
        open_ = {(one.execution, one.step) for one in steps if one.state != "ended"}
        assert open_ == left
        assert all(one.outcome is not None for one in steps if one.state == "ended")
        unknown = [one for one in steps if one.outcome is OutcomeKind.UNKNOWN]
        for task in self.vc.tasks:
            # A request that was never answered may have become a task whose name nobody knows.
            told = any(
                task.id == one.task or (task.action, "") == (one.action, one.task)
                for one in unknown
            )
            # Nothing at vCenter says that a guest will not shut down any more: patience ends.
            patience_s = QUICK.deadlines.lost_s if isinstance(task.action, Stop) else math.inf
            over = self.vc.clock.now_s() >= task.began_s + patience_s
            assert told or over or task.ended_s is not None, (
                f"{task.id} runs, and the journal calls it over"
            )
        ends = [(one.action, one.outcome, one.cause) for one in steps if one.outcome and one.cause]
        check_truth(self.vc, ends)

    def plan(self, wanted: list[tuple[int, ActionKind, int]]) -> Plan:
        """A plan that fits the world as it is now."""
        steps: list[Step] = []
        for number, kind, choice in wanted:
            vm = self.vc.vms[f"vm-{number}"]
            action: Action
            match kind:
                case ActionKind.MIGRATE:
                    targets = [h for h in ("host-1", "host-2", "host-3") if h != vm.host]
                    action = move(vm.moid, vm.host, targets[choice % len(targets)])
                case ActionKind.LIMIT:
                    values = [v for v in (None, 4096, 6144) if v != vm.limit_mib]
                    action = change(vm.moid, kind, vm.limit_mib, values[choice % len(values)])
                case ActionKind.HOT_ADD:
                    assert vm.size_mib is not None
                    action = change(vm.moid, kind, vm.size_mib, vm.size_mib + 1024)
                case ActionKind.RESERVATION:
                    new = (vm.reservation_mib or 0) + 512
                    action = change(vm.moid, kind, vm.reservation_mib, new)
                case ActionKind.RESIZE:
                    if vm.power != POWERED_ON:
                        # Its start failed, or somebody was there: nobody plans for it.
                        continue
                    assert vm.size_mib is not None
                    first = len(steps) + 1
                    steps.append(step(first, stop(vm.moid), wave=1 + choice))
                    resized = change(vm.moid, kind, vm.size_mib, vm.size_mib - 512)
                    steps.append(step(first + 1, resized, wave=1 + choice, after=[f"s{first}"]))
                    action = start(vm.moid)
                    steps.append(step(first + 2, action, wave=1 + choice, after=[f"s{first}"]))
                    continue
                case _:
                    cap = vm.balloon_cap_mib
                    action = change(vm.moid, ActionKind.BALLOON_CAP, cap, (cap or 0) + 256)
            assert action.subject == entity(vm.moid)
            steps.append(step(len(steps) + 1, action, wave=1 + choice))
        return plan(*sorted(steps, key=lambda one: one.wave), lasts_s=1e9)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=20, phases=PHASES)
