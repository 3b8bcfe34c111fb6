"""One program acts on a cluster at a time, however the one before it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.fakes import UUID, FakeVCenter, change, move, plan, step, vcenter
from vsphere_market.errors import BusyError, ExitCode, JournalError, TakenOver
from vsphere_market.executor import execute
from vsphere_market.journal import ACT, LOOP, Journal, Place, Scope, open_journal
from vsphere_market.journal.lock import take_file
from vsphere_market.port import ActionKind, Cause, OutcomeKind

ROOT = Path(__file__).parents[3]
ALL = Scope(UUID)
A = Scope(UUID, ("domain-c1",), ("gold",))
B = Scope(UUID, ("domain-c2",), ("silver",))
BOTH = Scope(UUID, ("domain-c1", "domain-c2"), ("gold", "silver"))
MOVE = move("vm-1", "host-1", "host-2")

_HOLDS = """
import sys, time
from vsphere_market.journal import Scope, open_journal, place_from

journal = open_journal(place_from(sys.argv[1], option=True))
lease = journal.own(Scope(sys.argv[2]), who="child", what="run", lease_s=float(sys.argv[3]))
print("held", flush=True)
sys.stdin.readline()
recorder = journal.recorder(estate=sys.argv[2], lease=lease)
try:
    recorder.begin([], 1.0, dry_run=False)
    print("written", flush=True)
except Exception as error:
    print(type(error).__name__, flush=True)
"""


def holder(place: Place, lease_s: float) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(place), UUID, str(lease_s)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stdout.readline() == "held\n"
    return child


def test_the_second_is_refused_and_told_who_is_first(journal: Journal, place: Place) -> None:
    with open_journal(place) as other, journal.own(ALL, who="alice", what="apply"):
        with pytest.raises(BusyError, match='at work on this vCenter: "apply" of alice') as caught:
            other.own(ALL)
        assert caught.value.exit_code is ExitCode.TRY_LATER
        assert f"process {os.getpid()}" in caught.value.what
    with open_journal(place) as other, other.own(ALL, who="bob"):
        pass


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        (ALL, ALL, True),
        (ALL, A, True),
        (A, ALL, True),
        (A, A, True),
        (A, B, False),
        (BOTH, B, True),
        (B, BOTH, True),
        (ALL, Scope("another vCenter"), False),
    ],
)
def test_scopes_that_meet_exclude_each_other(
    journal: Journal, place: Place, first: Scope, second: Scope, meet: bool
) -> None:
    with open_journal(place) as other, journal.own(first):
        if meet:
            with pytest.raises(BusyError):
                other.own(second)
        else:
            with other.own(second):
                assert len(journal.holders()) == len(first.keys) + len(second.keys)
    assert journal.holders() == ()


def test_a_loop_leaves_room_for_who_acts_between_its_turns(journal: Journal, place: Place) -> None:
    with open_journal(place) as other, journal.own(A, LOOP, who="loop", what="run"):
        with other.own(ALL, ACT, who="alice", what="apply"):
            roles = [(one.role, one.cluster_name) for one in journal.holders(UUID)]
        assert roles == [("act", ""), ("loop", "gold")]
        with pytest.raises(BusyError, match='cluster gold has a loop already: "run" of loop on'):
            other.own(ALL, LOOP)


def test_waiting_ends_when_the_first_lets_go(journal: Journal, place: Place) -> None:
    first = journal.own(ALL, who="alice", what="apply")
    seen: list[str] = []

    def waiting(holder: object) -> None:
        seen.append(getattr(holder, "who", ""))
        threading.Thread(target=first.release).start()

    with open_journal(place) as other, other.own(ALL, wait_s=60.0, waiting=waiting):
        assert seen == ["alice"]


def test_who_is_told_to_stop_does_not_go_on_waiting(journal: Journal, place: Place) -> None:
    with open_journal(place) as other, journal.own(ALL), pytest.raises(BusyError):
        other.own(ALL, wait_s=3600.0, stop=lambda: True)


def test_a_lease_does_not_hinder_readers_and_writers(journal: Journal, place: Place) -> None:
    with journal.own(ALL), open_journal(place) as other:
        other.put_blob("x", b"", version=1, at_s=0.0)


def test_releasing_twice_is_allowed(journal: Journal) -> None:
    lease = journal.own(ALL)
    lease.release()
    lease.release()


def test_a_killed_holder_is_followed_at_once(journal: Journal, place: Place) -> None:
    child = holder(place, 3600.0)
    try:
        with pytest.raises(BusyError, match='"run" of child'):
            journal.own(ALL)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    # PostgreSQL notices the broken connection a moment later than the kernel.
    with journal.own(ALL, wait_s=30.0):
        assert [one.pid for one in journal.holders()] == [os.getpid()]


def test_a_holder_that_hangs_is_replaced_and_fenced_off(journal: Journal, place: Place) -> None:
    """It stops in the middle, is taken for dead, wakes up, and finds that it may not write."""
    child = holder(place, 0.5)
    try:
        os.kill(child.pid, signal.SIGSTOP)
        with journal.own(ALL, who="successor", wait_s=60.0):
            os.kill(child.pid, signal.SIGCONT)
            answer, _ = child.communicate("go on\n", timeout=60)
            assert answer == "TakenOver\n"
            assert journal.executions() == ()
    finally:
        child.kill()
        child.communicate()


def test_a_holder_in_time_keeps_its_lease(journal: Journal, place: Place) -> None:
    with open_journal(place) as other, journal.own(ALL, lease_s=0.4) as lease:
        until = time.monotonic() + 1.2
        while time.monotonic() < until:
            with pytest.raises(BusyError):
                other.own(ALL)
            time.sleep(0.05)
        lease.require()


def take_over(journal: Journal, scope: Scope) -> None:
    """What another program does that thinks us dead."""
    journal.database.run("UPDATE leases SET token = token + 1 WHERE estate = ?", (scope.estate,))


def test_whoever_takes_over_fences_off_every_scope_that_meets_his(
    journal: Journal, place: Place
) -> None:
    with open_journal(place) as other:
        mine = journal.own(BOTH, lease_s=3600.0)
        # As if the machine had stood still for an hour, its sign of life gone with it.
        journal.database.run("UPDATE leases SET expires_s = 0")
        for sign in mine._signs:
            sign.release()
        with other.own(ALL), pytest.raises(TakenOver):
            mine.require()
        with pytest.raises(TakenOver):
            mine.renew()
        mine.release()


def test_nothing_is_submitted_under_a_lost_lease(journal: Journal) -> None:
    vc = vcenter()
    todo = plan(step(1, MOVE), step(2, change("vm-2", ActionKind.LIMIT, None, 4096)))
    with journal.own(ALL) as lease:
        recorder = journal.recorder(estate=UUID, lease=lease)
        take_over(journal, ALL)
        with pytest.raises(TakenOver):
            execute(todo, vc, recorder)
    assert not vc.tasks


class LosesItInTheMiddle(FakeVCenter):
    """The lease is lost while the first step runs."""

    journal: Journal | None = None

    def submit(self, action):  # type: ignore[no-untyped-def]
        task = super().submit(action)
        if self.journal is not None:
            take_over(self.journal, ALL)
        return task


def test_what_was_begun_when_the_lease_was_lost_is_left_to_the_successor(journal: Journal) -> None:
    vc = vcenter()
    vc.__class__ = LosesItInTheMiddle
    assert isinstance(vc, LosesItInTheMiddle)
    vc.journal = journal
    todo = plan(step(1, MOVE), step(2, change("vm-2", ActionKind.LIMIT, None, 4096)))
    with journal.own(ALL) as lease:
        result = execute(todo, vc, journal.recorder(estate=UUID, lease=lease))
    assert isinstance(result.error, TakenOver) and not result.recorded
    assert result.outcome_of("s2").kind is not OutcomeKind.DONE
    assert result.outcome_of("s2").cause in (Cause.JOURNAL, Cause.STOPPED)
    left = {item.step: item for item in journal.unsettled(UUID)}
    assert left["s1"].intent_s is not None, "the successor looks for its task"
    assert all(step.outcome is None for step in journal.steps()), "he alone writes its end down"


def test_what_is_open_elsewhere_is_left_alone(journal: Journal) -> None:
    clusters = {"vm-1": "domain-c1", "vm-2": "domain-c2"}
    recorder = journal.recorder(estate=UUID, clusters=clusters)
    other = change("vm-2", ActionKind.LIMIT, None, 4096)
    recorder.begin([("s1", MOVE), ("s2", other)], 1.0, dry_run=False)
    assert [item.step for item in journal.unsettled(A)] == ["s1"]
    assert [item.step for item in journal.unsettled(B)] == ["s2"]
    assert [item.step for item in journal.unsettled(ALL)] == ["s1", "s2"]
    assert journal.unsettled(Scope("another")) == ()


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="lock cannot be made"):
        take_file(tmp_path / "file" / "journal.db-alive-1")


def test_a_lock_file_that_is_something_else(tmp_path: Path) -> None:
    path = tmp_path / "alive"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(JournalError, match="cannot be taken"):
        take_file(path)


def test_locks_leave_no_files_behind(path: Path) -> None:
    with open_journal(path) as journal:
        with journal.own(BOTH):
            assert len(list(path.parent.glob("*-alive-*"))) == 2
        assert list(path.parent.glob("*-alive-*")) == []
