"""What can be done to an estate. Every trade of the market becomes one of these.

An action names its subject by managed object id (what the machine uses) and by name (what people
read), and says both the value it expects to find and the value it will leave. The expectation is
what makes it safe: an implementation of the port refuses with ``StaleFault`` when it finds
something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ActionKind(StrEnum):
    """The kinds of action; policies give each its own automation mode."""

    #: Move a running VM to another host of its cluster (vMotion).
    MIGRATE = "migrate"
    #: Change or lift a VM's memory limit.
    LIMIT = "limit"
    #: Change a VM's memory reservation.
    RESERVATION = "reservation"
    #: Grow a running VM by memory hot-add.
    HOT_ADD = "hot-add"
    #: Change a VM's balloon cap, ``sched.mem.maxmemctl``.
    BALLOON_CAP = "balloon-cap"


@dataclass(frozen=True, slots=True)
class Entity:
    """A managed object as both machines and people know it."""

    moid: str
    name: str


@dataclass(frozen=True, slots=True)
class Migrate:
    """Move ``vm`` from ``source`` to ``target``, both hosts, while it runs."""

    vm: Entity
    source: Entity
    target: Entity

    @property
    def kind(self) -> ActionKind:
        """Always :attr:`ActionKind.MIGRATE`."""
        return ActionKind.MIGRATE

    @property
    def subject(self) -> Entity:
        """The VM."""
        return self.vm


@dataclass(frozen=True, slots=True)
class SetMemory:
    """Change one memory setting of a running VM.

    Attributes:
        vm: the subject.
        setting: any kind but MIGRATE.
        from_mib: the value expected now, MiB; None is "no limit" for a limit and "host's default"
            for a balloon cap.
        to_mib: the value to leave, in the same terms.
    """

    vm: Entity
    setting: ActionKind
    from_mib: int | None
    to_mib: int | None

    @property
    def kind(self) -> ActionKind:
        """The setting that it changes."""
        return self.setting

    @property
    def subject(self) -> Entity:
        """The VM."""
        return self.vm


Action = Migrate | SetMemory
