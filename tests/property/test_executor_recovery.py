"""The program dies at any write of its journal, and the next start settles everything.

Recovery submits nothing but starts of VMs that were stopped. After it the journal says of every
step what really happened, and applying the same plan again does what is missing, once. A guest that
was asked to shut down may follow hours later: until that is over, and no longer, the start after it
has no outcome.
"""

from __future__ import annotations

import contextlib
import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
    plans,
)
from tests.fakes import UUID, FakeVCenter, Fate
from tests.postgres import Server
from vsphere_market.errors import StaleError
from vsphere_market.executor import Backoff, Deadlines, Recorder, Settings, execute, recover
from vsphere_market.journal import Filter, Journal, open_journal
from vsphere_market.market.plan import Plan
from vsphere_market.port import OutcomeKind, Start

#: A file system in memory where there is one: every write of the journal waits for the disk.
MEMORY = next((str(p) for p in [Path("/dev/shm")] if p.is_dir()), None)  # noqa: S108

QUICK = Settings(
    retry=Backoff(attempts=3, overall_s=600.0),
    deadlines=Deadlines(reconfigure_s=100.0, migrate_base_s=100.0, cancel_grace_s=20.0),
)


@given(
    made=plans(),
    fates=FATES,
    deaths=st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=3),
    away_s=st.sampled_from((0.0, 5.0, 3600.0)),
    seed=st.integers(0, 1000),
)
@settings(max_examples=120, phases=PHASES)
def test_death_at_any_write_loses_nothing_and_repeats_nothing(
    made: tuple[FakeVCenter, Plan],
    fates: dict[int, list[Fate]],
    deaths: list[tuple[int, bool]],
    away_s: float,
    seed: int,
) -> None:
    vc, todo = made
    vc.fates = fates_by_vm(fates)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        path = Path(folder) / "journal.db"
        for writes, written in deaths:
            with open_journal(path) as journal, contextlib.suppress(StaleError):
                live(vc, todo, journal, seed, writes, written)
            vc.clock.sleep(away_s)
        with open_journal(path) as journal:
            live(vc, todo, journal, seed)
            check_end(vc, journal, seed)


@given(
    made=plans(),
    fates=FATES,
    deaths=st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=2),
    seed=st.integers(0, 1000),
)
@settings(
    max_examples=8,
    phases=PHASES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_nor_does_it_with_a_journal_in_postgresql(
    postgres: Server,
    made: tuple[FakeVCenter, Plan],
    fates: dict[int, list[Fate]],
    deaths: list[tuple[int, bool]],
    seed: int,
) -> None:
    vc, todo = made
    vc.fates = fates_by_vm(fates)
    place = postgres.place()
    for writes, written in deaths:
        with open_journal(place) as journal, contextlib.suppress(StaleError):
            live(vc, todo, journal, seed, writes, written)
    with open_journal(place) as journal:
        live(vc, todo, journal, seed)
        check_end(vc, journal, seed)


def live(  # one life of the program: settle what is open, then apply the plan
    vc: FakeVCenter,
    todo: Plan,
    journal: Journal,
    seed: int,
    writes: int = 10**9,
    written: bool = True,
) -> None:
    recorder = Mortal(journal.recorder(estate=UUID, who="test"), writes, written)
    try:
        vc.clock.sleep(START_TAKES_S)
        settle(vc, journal, recorder, seed)
        check_journal(vc, journal, settled=False)
        vc.clock.sleep(START_TAKES_S)
        with contextlib.suppress(StaleError):
            execute(todo, vc, recorder, settings=QUICK, rng=random.Random(seed))
    except Killed:
        return


def settle(vc: FakeVCenter, journal: Journal, recorder: Recorder, seed: int) -> None:
    """Settle what is open, as every start of the program does."""
    sent, began_s = len(vc.sent), vc.clock.now_s()
    recover(journal.unsettled(UUID), vc, recorder, settings=QUICK, rng=random.Random(seed))
    assert all(isinstance(one, Start) for one in vc.sent[sent:]), "recovery did a thing"
    check_left_open(journal.unsettled(UUID), QUICK, began_s)
    journal.close_finished(vc.clock.now_s())


def check_end(vc: FakeVCenter, journal: Journal, seed: int) -> None:
    """The journal tells the truth when the tasks have ended, and all of it when patience has."""
    vc.clock.sleep(10_000.0)
    vc.advance()
    check_journal(vc, journal)
    vc.clock.sleep(QUICK.deadlines.lost_s)
    settle(vc, journal, journal.recorder(estate=UUID, who="test"), seed)
    # The plan's last life may have been long, but no shutdown is younger than this sleep.
    assert not awaiting(journal.unsettled(UUID))
    check_journal(vc, journal)


def check_journal(vc: FakeVCenter, journal: Journal, *, settled: bool = True) -> None:
    """The journal says what happened at the other side."""
    steps = journal.steps(Filter(limit=10_000))
    outcomes = [(one.action, one.outcome, one.cause) for one in steps if one.outcome and one.cause]
    left = {(int(item.execution), item.step) for item in awaiting(journal.unsettled(UUID))}
    open_ = {(one.execution, one.step) for one in steps if one.state != "ended"}
    assert open_ == left
    assert len(outcomes) == len(steps) - len(left)
    # An execution that died before it could say that it is over is closed with its last step.
    waiting = {execution for execution, _ in left}
    assert all(one.ended_s is not None or one.id in waiting for one in journal.executions())
    assert journal.verify().intact
    if settled or not any(kind is OutcomeKind.UNKNOWN for _, kind, _ in outcomes):
        check_truth(vc, outcomes)
    # Every task that the other side took on is named by an audit row, or by a step that says
    # that it does not know.
    named = {
        row.body.partition('"task":"')[2].partition('"')[0]
        for row in journal.audit_trail(limit=100_000)
        if row.event in ("accepted", "outcome")
    }
    taken = {truth.task for truth in vc.truth if truth.what == "taken"}
    nameless = [one for one in steps if one.outcome is OutcomeKind.UNKNOWN or not one.task]
    assert named - {""} <= taken
    assert len(taken - named) <= len(nameless)
