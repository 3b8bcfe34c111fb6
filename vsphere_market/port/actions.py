"""What can be done to an estate. Every trade of the market becomes one of these.

An action names its subject by managed object id (what the machine uses) and by name (what people
read), and says both the value it expects to find and the value it will leave. The expectation is
what makes it safe: an implementation of the port refuses with ``StaleFault`` when it finds
something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal


class ActionKind(StrEnum):
    """The kinds of action; policies give each its own automation mode."""

    #: Move a running VM to another host (vMotion).
    MIGRATE = "migrate"
    #: Change or lift a VM's memory limit.
    LIMIT = "limit"
    #: Change a VM's memory reservation.
    RESERVATION = "reservation"
    #: Change a VM's memory shares.
    SHARES = "shares"
    #: Grow a running VM by memory hot-add.
    HOT_ADD = "hot-add"
    #: Change the memory size of a VM that is powered off, between a stop and a start.
    RESIZE = "resize"
    #: Let a VM that is powered off grow by memory hot-add from its next start on.
    ENABLE_HOT_ADD = "enable-hot-add"
    #: Change a VM's balloon cap, ``sched.mem.maxmemctl``.
    BALLOON_CAP = "balloon-cap"
    #: Move a VM's files to another datastore (Storage vMotion when it runs).
    MIGRATE_STORAGE = "migrate-storage"
    #: Shut a VM's guest down through VMware Tools, or power it off where that is allowed.
    STOP = "stop"
    #: Power a VM on.
    START = "start"
    #: Change a resource pool's memory reservation, limit or shares.
    POOL = "pool-allocation"
    #: Put an empty host into standby, or into maintenance mode where there is no standby.
    SUSPEND_HOST = "suspend-host"
    #: Bring a host back from there.
    PROVISION_HOST = "provision-host"
    #: Apply one of the recommendations that DRS makes in manual or partly automated mode.
    DRS = "drs-recommendation"


#: Kinds that set one amount of memory of a VM: what :class:`SetMemory` does.
MemorySetting = Literal[
    ActionKind.LIMIT,
    ActionKind.RESERVATION,
    ActionKind.HOT_ADD,
    ActionKind.RESIZE,
    ActionKind.BALLOON_CAP,
]
MEMORY_SETTINGS: Final[tuple[MemorySetting, ...]] = (
    ActionKind.LIMIT,
    ActionKind.RESERVATION,
    ActionKind.HOT_ADD,
    ActionKind.RESIZE,
    ActionKind.BALLOON_CAP,
)
#: Kinds that interrupt a service, move much data or concern more than one VM. Without a policy
#: that names them they are shown and not done.
GRAVE: Final = frozenset(
    {
        ActionKind.RESIZE,
        ActionKind.ENABLE_HOT_ADD,
        ActionKind.MIGRATE_STORAGE,
        ActionKind.STOP,
        ActionKind.START,
        ActionKind.POOL,
        ActionKind.SUSPEND_HOST,
        ActionKind.PROVISION_HOST,
        ActionKind.DRS,
    }
)


def memory_setting(kind: ActionKind) -> MemorySetting:
    """The same kind, known to be one that sets an amount of memory. Raises ValueError if not."""
    for setting in MEMORY_SETTINGS:
        if kind is setting:
            return setting
    raise ValueError(f"{kind} does not set an amount of memory")


@dataclass(frozen=True, slots=True)
class Entity:
    """A managed object as both machines and people know it."""

    moid: str
    name: str


@dataclass(frozen=True, slots=True)
class Migrate:
    """Move ``vm`` from ``source`` to ``target``, both hosts, while it runs.

    Attributes:
        vm: the subject.
        source: the host that it leaves.
        target: the host that it goes to.
        pools: the resource pools that it leaves and joins, for a move into another cluster, where
            its own pool cannot go with it; None within one cluster, where it stays in its pool.
    """

    vm: Entity
    source: Entity
    target: Entity
    pools: tuple[Entity, Entity] | None = None

    @property
    def back(self) -> Migrate:
        """The same move the other way."""
        pools = None if self.pools is None else (self.pools[1], self.pools[0])
        return Migrate(self.vm, self.target, self.source, pools)

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
    """Change one memory setting of a VM.

    Attributes:
        vm: the subject.
        setting: which one. ``RESIZE`` needs the VM powered off, ``HOT_ADD`` needs it running.
        from_mib: the value expected now, MiB; None is "no limit" for a limit and "host's default"
            for a balloon cap.
        to_mib: the value to leave, in the same terms.
    """

    vm: Entity
    setting: MemorySetting
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


@dataclass(frozen=True, slots=True)
class SetShares:
    """Change the memory shares of ``vm``, as a number of its own (level ``custom``)."""

    vm: Entity
    from_shares: int
    to_shares: int

    @property
    def kind(self) -> ActionKind:
        """Always :attr:`ActionKind.SHARES`."""
        return ActionKind.SHARES

    @property
    def subject(self) -> Entity:
        """The VM."""
        return self.vm


@dataclass(frozen=True, slots=True)
class EnableHotAdd:
    """Enable memory hot-add of ``vm``, which must be powered off."""

    vm: Entity

    @property
    def kind(self) -> ActionKind:
        """Always :attr:`ActionKind.ENABLE_HOT_ADD`."""
        return ActionKind.ENABLE_HOT_ADD

    @property
    def subject(self) -> Entity:
        """The VM."""
        return self.vm


@dataclass(frozen=True, slots=True)
class MigrateStorage:
    """Move all files of ``vm`` from datastore ``source`` to ``target``; its host stays."""

    vm: Entity
    source: Entity
    target: Entity

    @property
    def kind(self) -> ActionKind:
        """Always :attr:`ActionKind.MIGRATE_STORAGE`."""
        return ActionKind.MIGRATE_STORAGE

    @property
    def subject(self) -> Entity:
        """The VM."""
        return self.vm


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop ``vm``: its guest is asked, through VMware Tools, to shut down.

    Attributes:
        vm: the subject.
        hard: power it off instead, as if its plug was pulled; no policy allows that of a plan.
    """

    vm: Entity
    hard: bool = False

    @property
    def kind(self) -> ActionKind:
        """Always :attr:`ActionKind.STOP`."""
        return ActionKind.STOP

    @property
    def subject(self) -> Entity:
        """The VM."""
        return self.vm


@dataclass(frozen=True, slots=True)
class Start:
    """Power ``vm`` on.

    A start that depends on a stop of the same VM is an obligation: once the VM was stopped, it is
    started again whatever becomes of the rest of the plan.

    Attributes:
        vm: the subject.
        host: where it shall run; None where it is registered, or as DRS places it.
    """

    vm: Entity
    host: Entity | None = None

    @property
    def kind(self) -> ActionKind:
        """Always :attr:`ActionKind.START`."""
        return ActionKind.START

    @property
    def subject(self) -> Entity:
        """The VM."""
        return self.vm


class PoolSetting(StrEnum):
    """What of a resource pool's memory allocation is changed."""

    #: MiB.
    RESERVATION = "reservation"
    #: MiB, None for no limit.
    LIMIT = "limit"
    #: A number of shares among its siblings.
    SHARES = "shares"


@dataclass(frozen=True, slots=True)
class SetPool:
    """Change one setting of a resource pool's memory allocation.

    Attributes:
        pool: the subject.
        setting: which one.
        before: the value expected now, MiB or shares; None is "no limit".
        after: the value to leave, in the same terms.
    """

    pool: Entity
    setting: PoolSetting
    before: int | None
    after: int | None

    @property
    def kind(self) -> ActionKind:
        """Always :attr:`ActionKind.POOL`."""
        return ActionKind.POOL

    @property
    def subject(self) -> Entity:
        """The pool."""
        return self.pool


class Rest(StrEnum):
    """How a host that is not needed rests."""

    #: Powered down, to be woken over the network (IPMI, iLO or Wake-on-LAN).
    STANDBY = "standby"
    #: Powered on and closed to VMs: for hosts that cannot be woken.
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class SuspendHost:
    """Let ``host`` rest. Its running VMs have been moved away by earlier steps."""

    host: Entity
    rest: Rest = Rest.STANDBY

    @property
    def kind(self) -> ActionKind:
        """Always :attr:`ActionKind.SUSPEND_HOST`."""
        return ActionKind.SUSPEND_HOST

    @property
    def subject(self) -> Entity:
        """The host."""
        return self.host


@dataclass(frozen=True, slots=True)
class ProvisionHost:
    """Bring ``host`` back to work from the way in which it rests."""

    host: Entity
    rest: Rest = Rest.STANDBY

    @property
    def kind(self) -> ActionKind:
        """Always :attr:`ActionKind.PROVISION_HOST`."""
        return ActionKind.PROVISION_HOST

    @property
    def subject(self) -> Entity:
        """The host."""
        return self.host


@dataclass(frozen=True, slots=True)
class ApplyRecommendation:
    """Let DRS do what it recommends.

    Attributes:
        cluster: the subject.
        key: the recommendation's key in the cluster.
        moves: the migrations that it consists of. One that has come to mean others is stale.
    """

    cluster: Entity
    key: str
    moves: tuple[Migrate, ...]

    @property
    def kind(self) -> ActionKind:
        """Always :attr:`ActionKind.DRS`."""
        return ActionKind.DRS

    @property
    def subject(self) -> Entity:
        """The cluster."""
        return self.cluster


#: Actions on one VM.
VmAction = Migrate | SetMemory | SetShares | EnableHotAdd | MigrateStorage | Stop | Start
Action = VmAction | SetPool | SuspendHost | ProvisionHost | ApplyRecommendation


def hosts_named(action: Action) -> tuple[Entity | None, Entity | None]:
    """The host that an action takes work from, and the one that it gives work to; None for none."""
    match action:
        case Migrate():
            return action.source, action.target
        case Start():
            return None, action.host
        case SuspendHost():
            return action.host, None
        case ProvisionHost():
            return None, action.host
        case _:
            return None, None


def amounts_of(action: Action) -> tuple[int | None, int | None]:
    """The amounts that an action finds and leaves, MiB or shares; None where it has none."""
    match action:
        case SetMemory():
            return action.from_mib, action.to_mib
        case SetShares():
            return action.from_shares, action.to_shares
        case SetPool():
            return action.before, action.after
        case _:
            return None, None


def moves_of(action: Action) -> tuple[Migrate, ...]:
    """The migrations between hosts that an action consists of; () for most kinds."""
    match action:
        case Migrate():
            return (action,)
        case ApplyRecommendation():
            return action.moves
        case _:
            return ()
