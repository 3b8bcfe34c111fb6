"""What bounds an execution: concurrency limits, pauses, deadlines. All have safe defaults."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

#: Bits per MiB over bits per megabit: MiB * this / (Mb/s) is seconds.
_MEGABITS_PER_MIB = 8.388608


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be going on at once, and how much may go wrong.

    Attributes:
        migrations_per_host: vMotions that a host may be part of, in and out counted together.
            vCenter itself would allow 8 and queue the rest; VMs feel more than a few.
        migrations_per_cluster: vMotions within one cluster; None for no limit of its own.
        migrations: vMotions in all.
        storage_moves: moves of VMs between datastores in all.
        storage_moves_per_datastore: those that a datastore may be part of, in and out together.
        reconfigurations: setting changes in all.
        power_operations: VMs that are stopped or started at a time.
        steps: steps that one execution may try; the rest is skipped.
        host_failures: after so many failed migrations a host is left alone.
        failures_in_a_row: after so many failed steps without a success between them the
            execution ends, since the cause is then probably not the VMs.
        rest_s: the loop leaves such a host, or the vCenter, alone for so long, seconds. Then one
            attempt is let through.
    """

    migrations_per_host: int = 2
    migrations_per_cluster: int | None = None
    migrations: int = 8
    storage_moves: int = 4
    storage_moves_per_datastore: int = 2
    reconfigurations: int = 16
    power_operations: int = 8
    steps: int = 500
    host_failures: int = 3
    failures_in_a_row: int = 5
    rest_s: float = 1800.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"limit {name} is {value}, expected 1 or more")


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between attempts: exponential with jitter, bounded in number and in time.

    Attributes:
        first_s: upper end of the first pause, seconds; each pause may be twice the one before.
        longest_s: no pause is longer.
        attempts: tries in all, the first included.
        overall_s: no attempt begins later than this after the first one.
    """

    first_s: float = 2.0
    longest_s: float = 60.0
    attempts: int = 5
    overall_s: float = 900.0

    def pause_s(self, attempt: int, rng: random.Random) -> float:
        """The pause after attempt number ``attempt`` (from 1).

        Between half the bound and the bound: never zero, so that a busy object gets time, and
        never the same for two steps that failed together.
        """
        bound = min(self.longest_s, self.first_s * 2.0 ** min(attempt - 1, 30))
        return bound * rng.uniform(0.5, 1.0)

    def spent(self, attempt: int, elapsed_s: float) -> bool:
        """True when no further attempt may follow attempt ``attempt``."""
        return attempt >= self.attempts or elapsed_s >= self.overall_s


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long an accepted task may take before it is cancelled, seconds.

    Attributes:
        reconfigure_s: a setting change.
        power_s: a VM's start, or its stop: guests take their time to shut down.
        storage_s: a VM's move to another datastore; its size on disk is not known.
        host_power_s: a host's way into rest or out of it; servers boot for minutes.
        migrate_base_s: a vMotion, without the copying; time in vCenter's queue is part of it.
        slack: how many times longer than reckoned the copying may take.
        slowest_mbps: speed assumed for copying when the host's is not known, Mb/s. 250 is the
            least that VMware supports per concurrent migration.
        cancel_grace_s: how long to wait for a task to end after asking for its cancellation.
        execution_s: no step begins later than this after the beginning of the execution: a plan
            is a bargain about the world as it was then.
        lost_s: for so long after its submission hosts may be at work on a task that vCenter calls
            failed only because it was restarted meanwhile.
    """

    reconfigure_s: float = 300.0
    power_s: float = 900.0
    storage_s: float = 4 * 3600.0
    host_power_s: float = 1800.0
    migrate_base_s: float = 300.0
    slack: float = 3.0
    slowest_mbps: float = 250.0
    cancel_grace_s: float = 60.0
    execution_s: float = 7200.0
    lost_s: float = 21_600.0

    def migrate_s(self, size_mib: float, speed_mbps: float) -> float:
        """Deadline of a vMotion.

        Args:
            size_mib: the VM's configured memory; NaN counts as nothing.
            speed_mbps: speed of the slower end's vMotion network; NaN or 0 if not known.
        """
        speed = speed_mbps if speed_mbps > 0 else self.slowest_mbps
        copying = size_mib * _MEGABITS_PER_MIB / speed if size_mib > 0 else 0.0
        return self.migrate_base_s + self.slack * copying


@dataclass(frozen=True, slots=True)
class Polling:
    """How often open tasks are looked at, seconds.

    Attributes:
        shortest_s: the pause after something changed.
        longest_s: the pause that quiet times grow to.
        growth: factor from one quiet pause to the next.
    """

    shortest_s: float = 0.5
    longest_s: float = 10.0
    growth: float = 1.6


#: vMotion's own troubles, which vSphere reports as faults of configuration or system.
_VMOTION_TROUBLE = ("GenericVmConfigFault", "PlatformConfigFault", "SystemError")
#: A host, or the way to it, is away: it takes longer to come back than a busy VM.
_HOST_AWAY = ("HostCommunication", "HostNotConnected", "HostNotReachable")


def _by_fault() -> Mapping[str, Backoff]:
    twice = Backoff(first_s=30.0, longest_s=60.0, attempts=2)
    away = Backoff(first_s=15.0, longest_s=120.0, attempts=5)
    # Somebody has to answer it first.
    question = Backoff(first_s=60.0, longest_s=240.0, attempts=4)
    return MappingProxyType(
        {
            **dict.fromkeys(_VMOTION_TROUBLE, twice),
            **dict.fromkeys(_HOST_AWAY, away),
            "QuestionPending": question,
        }
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that bounds an execution.

    Attributes:
        limits: concurrency and failure limits.
        retry: pauses between submissions of one step after a transient fault.
        by_fault: the same for faults that need others, by vSphere's name of the fault.
        owed: pauses between tries of a start that is owed to a stopped VM; more patient, since a
            VM that stays off is worse than any other failure.
        outage: pauses between tries of a read while the other side does not answer. Its end is
            the end of the execution, so it outlasts a restart of vCenter.
        deadlines: how long a task may take.
        polling: how often tasks are looked at.
        search_grace_s: pause between the looks for a task whose submission was never answered.
        search_margin_s: tasks this much older than the intent are looked at too. Less than the
            shortest pause between two submissions of one step, and than a program takes to start.
        searches: how many looks without finding it prove that it never arrived.
        verify_tries: how often success is read back before it counts as not verified.
        verify_pause_s: pause between these.
        cancel_running: on a request to stop, cancel running tasks instead of letting them finish.
    """

    limits: Limits = field(default_factory=Limits)
    retry: Backoff = field(default_factory=Backoff)
    by_fault: Mapping[str, Backoff] = field(default_factory=_by_fault)
    owed: Backoff = field(
        default_factory=lambda: Backoff(first_s=5.0, longest_s=120.0, attempts=40, overall_s=3600.0)
    )
    outage: Backoff = field(
        default_factory=lambda: Backoff(first_s=2.0, longest_s=30.0, attempts=60, overall_s=900.0)
    )
    deadlines: Deadlines = field(default_factory=Deadlines)
    polling: Polling = field(default_factory=Polling)
    search_grace_s: float = 10.0
    search_margin_s: float = 0.9
    searches: int = 2
    verify_tries: int = 3
    verify_pause_s: float = 2.0
    cancel_running: bool = False

    def retry_of(self, fault: str) -> Backoff:
        """The pauses that suit a transient fault, by vSphere's name of it."""
        return self.by_fault.get(fault, self.retry)
