"""Where an estate file puts its VMs: on named hosts in turn, evenly spread, or host by host."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from vsphere_market.plant.document import Node
from vsphere_market.plant.spec import HostSpec


class Placer:
    """Places the VMs of one cluster, in the order of the file.

    ``"spread"`` (the default) takes the host with the least configured memory against its own;
    ``"fill"`` the first that still has room for the configured memory, or the emptiest when none
    has; a name, a pattern or a list of them takes those hosts in turn.
    """

    def __init__(self, hosts: Sequence[HostSpec]) -> None:
        self._hosts = [host for host in hosts if host.connection == "connected"]
        self._all = list(hosts)
        self._given = {host.name: 0.0 for host in hosts}
        self._turns: dict[tuple[str, ...], int] = {}

    def place(self, node: Node, memory_mib: float) -> str:
        """The host for one more VM of the entry ``node``."""
        wanted = node.words("host") or ("spread",)
        usable = [host for host in self._hosts if not host.maintenance] or self._all
        if wanted == ("spread",):
            name = self._emptiest(usable)
        elif wanted == ("fill",):
            room = [h for h in usable if self._given[h.name] + memory_mib <= h.memory_mib]
            name = room[0].name if room else self._emptiest(usable)
        else:
            names = [
                host.name
                for pattern in wanted
                for host in self._all
                if fnmatchcase(host.name, pattern)
            ]
            if not names:
                raise node.error(
                    f"{', '.join(wanted)} is no host of this cluster",
                    "name a host, a list of hosts, spread or fill", at="host",
                )  # fmt: skip
            turn = self._turns.get(wanted, 0)
            self._turns[wanted] = turn + 1
            name = names[turn % len(names)]
        self._given[name] += memory_mib
        return name

    def _emptiest(self, hosts: Sequence[HostSpec]) -> str:
        return min(hosts, key=lambda host: self._given[host.name] / host.memory_mib).name
