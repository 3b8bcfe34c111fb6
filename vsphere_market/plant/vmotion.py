"""vMotion: copying a running VM's memory while it goes on writing to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from vsphere_market.plant import laws
from vsphere_market.plant.fleet import Fleet, Hosts

#: Mb/s of a link that is 10 GbE or faster, and how many migrations a host takes part in at once
#: over it and over a slower one [docs 6.5].
_FAST_LINK_MBPS, _FAST_SLOTS, _SLOW_SLOTS = 10_000.0, 8, 4


class Phase(Enum):
    """Where a migration stands."""

    QUEUED = auto()
    RUNNING = auto()
    DONE = auto()
    FAILED = auto()
    CANCELLED = auto()


@dataclass(slots=True, eq=False)
class Migration:
    """One migration.

    Attributes:
        row: the VM.
        source, target: host rows.
        phase: where it stands.
        setup_s: seconds of preparation still to do.
        copied: memory that has arrived and fills the target host, MiB.
        sent: memory sent in all, pages that were written again among it, MiB.
        left: memory still to send, MiB; NaN before copying began.
        stuck_s: seconds without progress.
    """

    row: int
    source: int
    target: int
    phase: Phase = Phase.QUEUED
    setup_s: float = laws.VMOTION_SETUP_S
    copied: float = 0.0
    sent: float = 0.0
    left: float = float("nan")
    stuck_s: float = 0.0

    @property
    def progress_pct(self) -> float:
        """0 to 100."""
        if self.phase is Phase.DONE:
            return 100.0
        if np.isnan(self.left) or self.sent + self.left <= 0.0:
            return 0.0
        return min(99.0, 100.0 * self.sent / (self.sent + self.left))


class Migrations:
    """All migrations under way.

    A host takes part in at most 8 at once (4 below 10 GbE); what exceeds that waits its turn.
    Those that share a link share its bandwidth.
    """

    __slots__ = ("_fleet", "_hosts", "_slots", "under_way")

    def __init__(self, fleet: Fleet, hosts: Hosts, link_mbps: Sequence[float]) -> None:
        self._fleet, self._hosts = fleet, hosts
        self._slots = [
            _FAST_SLOTS if speed >= _FAST_LINK_MBPS else _SLOW_SLOTS for speed in link_mbps
        ]
        self.under_way: list[Migration] = []

    def begin(self, row: int, target: int) -> Migration:
        """Queue a migration of a VM."""
        job = Migration(row, int(self._fleet.host[row]), target)
        self.under_way.append(job)
        return job

    def cancel(self, job: Migration) -> None:
        """Give up a migration that is not over."""
        if job in self.under_way:
            self._end(job, Phase.CANCELLED)

    def of(self, row: int) -> Migration | None:
        """The migration of a VM that is under way."""
        return next((job for job in self.under_way if job.row == row), None)

    def step(self, seconds: float) -> list[Migration]:
        """Go on for that long; returns the migrations that ended."""
        if not self.under_way:
            return []
        busy = self._start_waiting()
        before = list(self.under_way)
        for job in before:
            if job.phase is Phase.RUNNING:
                self._advance(job, seconds, busy)
        return [job for job in before if job.phase in (Phase.DONE, Phase.FAILED)]

    def _start_waiting(self) -> dict[int, int]:
        """Start what finds a free slot on both hosts, first come first served."""
        busy: dict[int, int] = {}
        for job in self.under_way:
            if job.phase is Phase.RUNNING:
                for host in (job.source, job.target):
                    busy[host] = busy.get(host, 0) + 1
        for job in self.under_way:
            ends = (job.source, job.target)
            if job.phase is Phase.QUEUED and all(
                busy.get(host, 0) < self._slots[host] for host in ends
            ):
                job.phase = Phase.RUNNING
                for host in ends:
                    busy[host] = busy.get(host, 0) + 1
        return busy

    def _advance(self, job: Migration, seconds: float, busy: dict[int, int]) -> None:
        fleet, hosts, row = self._fleet, self._hosts, job.row
        if not fleet.on[row]:
            self._end(job, Phase.FAILED)
            return
        preparing = min(job.setup_s, seconds)
        job.setup_s -= preparing
        seconds -= preparing
        if seconds <= 0.0:
            return
        held = float(fleet.granted[row] + laws.ZIP_RATIO * fleet.compressed[row])
        overhead = float(fleet.overhead[row])
        if np.isnan(job.left):
            job.left = held
        rate = laws.LINK_EFFICIENCY * min(
            float(hosts.link_mibps[host]) / busy[host] for host in (job.source, job.target)
        )
        # Memory the VM touched for the first time since then has to go over as well.
        job.left = max(job.left, held - job.copied)
        dirty = min(float(fleet.write_mibps[row]), laws.DIRTY_CEILING * rate)
        slowed = 1.0 - dirty / max(float(fleet.write_mibps[row]), 1e-9)
        lost = 1.0 - (1.0 - laws.PRECOPY_STALL) * (1.0 - max(slowed, 0.0))

        room = max(float(hosts.free[job.target] - laws.LAST_SHARE * hosts.min_free[job.target]), 0)
        sent = min(rate * seconds, job.left + dirty * seconds)
        arrived = min(sent, max(held + overhead - job.copied, 0.0), room)
        blocked = arrived < min(sent, held + overhead - job.copied) - 1e-6
        if blocked:
            sent = min(sent, arrived)
        slow = blocked and arrived < laws.VMOTION_LEAST_MIBPS * seconds
        job.stuck_s = job.stuck_s + seconds if slow else 0.0
        job.copied += arrived
        job.sent += sent
        job.left = max(job.left + dirty * seconds - sent, 0.0)
        hosts.incoming[job.target] += arrived
        hosts.free[job.target] -= arrived
        fleet.moving[row] = lost * seconds / laws.STEP_S
        missing = held + overhead - job.copied
        if not blocked and job.left <= rate * laws.SWITCHOVER_S:
            # The rest of the room is taken at the switch-over itself.
            if missing <= room - arrived:
                fleet.moving[row] = min(fleet.moving[row] + laws.SWITCHOVER_S / laws.STEP_S, 1.0)
                self._end(job, Phase.DONE)
                return
            job.stuck_s += seconds
        if job.stuck_s >= laws.VMOTION_TIMEOUT_S:
            self._end(job, Phase.FAILED)

    def _end(self, job: Migration, phase: Phase) -> None:
        """Give back the target's room; on success the VM is there from now on."""
        self._hosts.incoming[job.target] = max(
            float(self._hosts.incoming[job.target]) - job.copied, 0.0
        )
        self._hosts.free[job.target] += job.copied
        job.phase = phase
        if phase is Phase.DONE:
            fleet = self._fleet
            amount = float(
                fleet.granted[job.row]
                + laws.ZIP_RATIO * fleet.compressed[job.row]
                + fleet.overhead[job.row]
            )
            fleet.host[job.row] = job.target
            self._hosts.free[job.source] += amount
            self._hosts.free[job.target] -= amount
        self.under_way.remove(job)
