"""From what a person typed to the object that is meant: a name, or a managed object id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vsphere_market.errors import UsageError
from vsphere_market.estate import Snapshot
from vsphere_market.policy.problems import did_you_mean


class Thing(StrEnum):
    """What was found."""

    VM = "vm"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Found:
    """An object of a snapshot.

    Attributes:
        thing: which table.
        row: row in it.
    """

    thing: Thing
    row: int


def find(snapshot: Snapshot, asked: str) -> Found:
    """Find a VM or host by managed object id or name; a VM wins over a host of the same name.

    Raises:
        UsageError: there is none, or more than one VM of that name.
    """
    vms, hosts = snapshot.vms, snapshot.hosts
    if (row := vms.row(asked)) >= 0:
        return Found(Thing.VM, row)
    if (row := hosts.row(asked)) >= 0:
        return Found(Thing.HOST, row)
    if (row := _named(vms.name, vms.moid, asked)) >= 0:
        return Found(Thing.VM, row)
    if (row := _named(hosts.name, hosts.moid, asked)) >= 0:
        return Found(Thing.HOST, row)
    if not len(vms) and not len(hosts):
        raise UsageError("the inventory is empty", where=asked, cure="check the account's rights")
    near = did_you_mean(asked, [*vms.name, *hosts.name])
    raise UsageError(
        "is neither a VM nor a host here",
        where=asked,
        cure=near or "`vsphere-market prices` lists the hosts",
    )


def is_named(snapshot: Snapshot, asked: str) -> bool:
    """Whether any VM or host has this managed object id or name."""
    vms, hosts = snapshot.vms, snapshot.hosts
    if vms.row(asked) >= 0 or hosts.row(asked) >= 0:
        return True
    folded = asked.casefold()
    return any(name.casefold() == folded for name in (*vms.name, *hosts.name))


def _named(names: Sequence[str], moids: Sequence[str], asked: str) -> int:
    """The row of the only one with that name, -1 when there is none."""
    rows = [row for row, name in enumerate(names) if name == asked]
    if not rows:
        folded = asked.casefold()
        rows = [row for row, name in enumerate(names) if name.casefold() == folded]
    if len(rows) > 1:
        listed = ", ".join(moids[row] for row in rows[:5])
        raise UsageError(
            f"{len(rows)} objects have this name",
            where=asked,
            cure=f"use the managed object id instead: {listed}",
        )
    return rows[0] if rows else -1
