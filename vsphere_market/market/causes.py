"""The mechanisms by which VMs are short of memory and hosts are pressed, each with its sentence.

The same symptom, ballooned or swapped memory, has causes with opposite cures: a limit is lifted,
an over-committed host is relieved, stale swap is left to time. So cause comes before trade.
``prices``, ``explain``, ``assess`` and plans all speak of these and of no others.
``docs/design/causes.md`` says how they are told apart.
"""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Why a VM is short of memory, or a host is pressed. :data:`CAUSE_WORDS` has the words."""

    NONE = "none"
    #: Its limit is below what it holds, whatever the host has free.
    LIMIT = "limit"
    #: The limit of its resource pool, or of one above, is below what the pool's VMs hold.
    POOL_LIMIT = "pool-limit"
    #: Its host has sold more than it has.
    HOST_OVERCOMMIT = "host-overcommit"
    #: … and reservations that nobody uses there would make up for it.
    RESERVATION_HOARDING = "reservation-hoarding"
    #: … and memory of far too large VMs there that they do not touch would make up for it.
    IDLE_NEIGHBOURS = "idle-neighbours"
    #: Its guest uses all the memory it was given.
    GUEST_FULL = "guest-full"
    #: Pages swapped or compressed in the past, not touched since; the host has room now.
    STALE_SWAP = "stale-swap"
    #: The balloon is filled although neither limit nor host explains it now.
    BALLOON_WITHOUT_PRESSURE = "balloon-without-pressure"


CAUSE_WORDS: dict[Cause, str] = {
    Cause.NONE: "not short of memory",
    Cause.LIMIT: "its memory limit is below what it holds",
    Cause.POOL_LIMIT: "the limit of its resource pool is below what the pool's VMs hold",
    Cause.HOST_OVERCOMMIT: "its host is over-committed",
    Cause.RESERVATION_HOARDING: "its host is over-committed while others reserve what they do "
    "not use",
    Cause.IDLE_NEIGHBOURS: "its host is over-committed by neighbours far larger than they need",
    Cause.GUEST_FULL: "its guest uses all the memory it has",
    Cause.STALE_SWAP: "swap left over from earlier pressure",
    Cause.BALLOON_WITHOUT_PRESSURE: "a balloon left over from earlier pressure",
}

#: The host has sold more than it has, whoever is behind it: others there are to make room.
OVERSOLD = frozenset({Cause.HOST_OVERCOMMIT, Cause.RESERVATION_HOARDING, Cause.IDLE_NEIGHBOURS})
#: Nothing is wrong any more; time cures it.
LEFTOVERS = frozenset({Cause.STALE_SWAP, Cause.BALLOON_WITHOUT_PRESSURE})


class Pressure(StrEnum):
    """How hard a host is pressed, by what is seen and by what is sold."""

    CALM = "calm"
    #: It has sold more than it has, but nothing has been taken yet.
    FULL = "full"
    BALLOONING = "ballooning"
    #: Compressing or swapping: this hurts.
    SWAPPING = "swapping"
    UNKNOWN = "unknown"
