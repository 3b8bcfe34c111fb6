"""Circuit breakers that outlive an execution: what failed again and again is given a rest.

Within an execution the machine counts failures itself. The loop begins a new execution at every
turn, so what went wrong in the turns before is counted anew from the journal: a host whose
migrations keep failing, and a vCenter where everything does. After a rest one attempt is let
through; it closes the breaker when it succeeds, and opens it again when it fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vsphere_market.executor.settings import Limits
from vsphere_market.port import Action, Cause, OutcomeKind, moves_of

#: Outcomes that say nothing about the health of hosts or of the vCenter.
HARMLESS = frozenset({Cause.STALE, Cause.STOPPED, Cause.NOT_PERMITTED, Cause.UNREACHABLE})
#: What fails again and again rests at most so many times as long as what failed once.
LONGEST_REST = 8
#: After these the subject is left alone for the rest of the execution.
PINNING = frozenset({OutcomeKind.FAILED, OutcomeKind.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Tried:
    """A step of an earlier execution: what was done, how that ended, and when (Unix time)."""

    action: Action
    kind: OutcomeKind
    cause: Cause
    ended_s: float


@dataclass(frozen=True, slots=True)
class Breakers:
    """Where an execution begins to count.

    Attributes:
        hosts: managed object id -> failed migrations with it since the last that succeeded.
        in_a_row: failed steps since the last that succeeded.
    """

    hosts: Mapping[str, int] = field(default_factory=dict)
    in_a_row: int = 0


def is_failure(kind: OutcomeKind, cause: Cause) -> bool:
    """Whether an outcome speaks against the hosts, or the vCenter, that were to do it."""
    return kind in PINNING and cause not in HARMLESS


def hosts_of(action: Action) -> tuple[str, ...]:
    """Managed object ids of the hosts between which an action moves VMs."""
    ends = (end.moid for move in moves_of(action) for end in (move.source, move.target))
    return tuple(dict.fromkeys(ends))


def breakers_of(past: Iterable[Tried], limits: Limits, now_s: float) -> Breakers:
    """Count what failed before.

    Args:
        past: steps of earlier executions, in any order.
        limits: how many failures are too many, and how long a rest is.
        now_s: Unix time at the source.

    Returns:
        Counts as high as their limit where a rest is not over; one below it where it just is;
        nothing for failures that are long past.
    """
    hosts: dict[str, _Row] = {}
    everything = _Row()
    for one in sorted(past, key=lambda one: one.ended_s):
        if one.kind is OutcomeKind.DONE:
            everything = _Row()
            for host in hosts_of(one.action):
                hosts.pop(host, None)
        elif is_failure(one.kind, one.cause):
            everything = everything.more(one.ended_s)
            for host in hosts_of(one.action):
                hosts[host] = hosts.get(host, _Row()).more(one.ended_s)
    counts = {host: row.now(limits.host_failures, limits, now_s) for host, row in hosts.items()}
    return Breakers(
        hosts={host: count for host, count in counts.items() if count},
        in_a_row=everything.now(limits.failures_in_a_row, limits, now_s),
    )


def pinned_of(past: Iterable[Tried], limits: Limits, now_s: float) -> frozenset[str]:
    """Managed object ids of subjects that are left alone now, because actions on them failed.

    Each failure in a row doubles the time, up to :data:`LONGEST_REST` rests; a success ends it.
    """
    rows: dict[str, _Row] = {}
    for one in sorted(past, key=lambda one: one.ended_s):
        subject = one.action.subject.moid
        if one.kind is OutcomeKind.DONE:
            rows.pop(subject, None)
        elif is_failure(one.kind, one.cause):
            rows[subject] = rows.get(subject, _Row()).more(one.ended_s)
    return frozenset(
        subject
        for subject, row in rows.items()
        if now_s < row.last_s + limits.rest_s * min(2 ** (row.count - 1), LONGEST_REST)
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """Failures in a row, and when the last was."""

    count: int = 0
    last_s: float = 0.0

    def more(self, at_s: float) -> _Row:
        return _Row(self.count + 1, at_s)

    def now(self, most: int, limits: Limits, now_s: float) -> int:
        if now_s < self.last_s + limits.rest_s:
            return min(self.count, most)
        return most - 1 if self.count >= most else 0
