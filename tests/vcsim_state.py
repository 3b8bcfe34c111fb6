"""What the simulator of `mocks/vcsim` tells about itself, as typed rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

#: Where a fault rule strikes; `mocks/README.md` says what each does.
Place = Literal[
    "call",
    "task",
    "task_after",
    "task_hang",
    "drop_before",
    "drop_after",
    "hang_before",
    "hang_after",
    "http",
    "delay_before",
    "delay_after",
]

TaskKind = Literal["reconfigure", "relocate", "check", "power", "shutdown", "host"]

#: Counter values by name, e.g. {"mem.active.average": 4096}, in the wire's units.
Sample = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class VmState:
    """What vCenter believes of a VM."""

    name: str
    host: str
    pool: str
    datastores: tuple[str, ...]
    power: str
    size_mib: int
    reservation_mib: int
    limit_mib: int
    shares: int
    reservation_locked_to_max: bool
    hot_add_enabled: bool
    balloon_cap: str
    change_version: str


@dataclass(frozen=True, slots=True)
class HostState:
    """What vCenter believes of a host."""

    name: str
    connection: str
    power: str
    maintenance: bool
    memory_mib: int
    unreserved_mib: int
    vms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PoolState:
    """What vCenter believes of a resource pool."""

    name: str
    reservation_mib: int
    limit_mib: int
    expandable: bool
    unreserved_mib: int
    vms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunningTask:
    """A task that has not ended."""

    task: str
    kind: str
    name: str
    entity: str
    user: str
    state: str


@dataclass(frozen=True, slots=True)
class EndedTask:
    """A task that has ended: what the client was told, and whether the work was done.

    `after_call` is the number of the last call that had begun by then.
    """

    task: str
    kind: str
    name: str
    entity: str
    user: str
    done: bool
    fault: str = ""
    after_call: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """Everything at one instant."""

    vms: Mapping[str, VmState]
    hosts: Mapping[str, HostState]
    pools: Mapping[str, PoolState]
    tasks: tuple[RunningTask, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A SOAP call that the simulator has seen. Arguments are not kept."""

    seq: int
    time: datetime
    method: str
    type: str
    object: str
    subject: str
    user: str
    outcome: str
    millis: int
    fault: str = ""
    task: str = ""


@dataclass(frozen=True, slots=True)
class FaultRule:
    """A fault rule in force. `seen` calls matched it, `struck` of them went wrong."""

    id: int
    where: Place
    method: str = ""
    object: str = ""
    type: str = ""
    user: str = ""
    fault: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    status: int = 0
    delay_s: float = 0.0
    probability: float | None = None
    skip: int = 0
    count: int = 0
    seen: int = 0
    struck: int = 0
