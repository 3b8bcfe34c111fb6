"""Whatever holders do, hang, die and wake up: no two who may still write meet on a cluster.

Holders are taken, given back, die (their sign of life goes, their row stays), hang until their
lease has expired, and wake up and try to write, in any order. The law is looked at after each of
these: of all leases ever taken, those that may still write exclude each other.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from vsphere_market.errors import BusyError, TakenOver
from vsphere_market.journal import ACT, LOOP, Journal, Lease, Scope, open_journal

MEMORY = next((str(p) for p in [Path("/dev/shm")] if p.is_dir()), None)  # noqa: S108
PROGRAMS = 3
SCOPES = tuple(
    Scope(estate, clusters)
    for estate in ("vc-1", "vc-2")
    for clusters in ((), ("a",), ("b",), ("a", "b"))
)


def meet(one: Lease, other: Lease) -> bool:
    """Two leases that must not both be good."""
    mine, his = one.scope, other.scope
    if mine.estate != his.estate or one.role != other.role:
        return False
    return not mine.clusters or not his.clusters or bool({*mine.clusters} & {*his.clusters})


def good(lease: Lease) -> bool:
    """Its holder may still write."""
    try:
        with lease.database.transaction():
            lease.require()
    except TakenOver:
        return False
    return True


class Holders(RuleBasedStateMachine):
    """Some programs with one journal."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        path = Path(self.folder.name) / "journal.db"
        self.programs: list[Journal] = [open_journal(path) for _ in range(PROGRAMS)]
        self.leases: list[Lease] = []

    def teardown(self) -> None:
        if not hasattr(self, "programs"):
            return
        for lease in self.leases:
            lease.release()
        for program in self.programs:
            program.close()
        self.folder.cleanup()

    @rule(
        program=st.integers(0, PROGRAMS - 1),
        scope=st.sampled_from(SCOPES),
        role=st.sampled_from((ACT, LOOP)),
    )
    def take(self, program: int, scope: Scope, role: str) -> None:
        with contextlib.suppress(BusyError):
            self.leases.append(self.programs[program].own(scope, role, lease_s=3600.0))

    @rule(number=st.integers(0, 30))
    def give_back(self, number: int) -> None:
        if self.leases:
            self.leases.pop(number % len(self.leases)).release()

    @rule(number=st.integers(0, 30))
    def die(self, number: int) -> None:
        """The process is gone; its lease is not."""
        if self.leases:
            for sign in self.leases[number % len(self.leases)]._signs:
                sign.release()

    @rule()
    def stand_still(self) -> None:
        """All hang for longer than a lease lasts; they wake up whenever they next try to write."""
        self.programs[0].database.run("UPDATE leases SET expires_s = 0")

    @rule(number=st.integers(0, 30))
    def renew(self, number: int) -> None:
        if self.leases:
            with contextlib.suppress(TakenOver):
                self.leases[number % len(self.leases)].renew(3600.0)

    @invariant()
    def no_two_who_may_write_meet(self) -> None:
        if not hasattr(self, "leases"):
            return
        able = [lease for lease in self.leases if good(lease)]
        for one, other in itertools.combinations(able, 2):
            assert not meet(one, other), (one.scope, other.scope, one.role)

    @invariant()
    def whoever_is_refused_is_refused_by_somebody(self) -> None:
        """A free scope is never refused."""
        if not hasattr(self, "leases") or self.leases:
            return
        for scope in SCOPES:
            with self.programs[0].own(scope):
                pass


TestHolders = Holders.TestCase
TestHolders.settings = settings(max_examples=40, stateful_step_count=25)
