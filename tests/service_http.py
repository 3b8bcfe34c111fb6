"""The service over real HTTPS: uvicorn in this process, certificate and all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.roads import hot_plant
from tests.service_app import GENEROUS
from vsphere_market.control.sources import OpenSource, SourceKind
from vsphere_market.policy import NO_POLICIES, PolicySet
from vsphere_market.service.access import VCenterSessions
from vsphere_market.service.roles import Role
from vsphere_market.service.server import Server, open_socket
from vsphere_market.service.settings import Limits, ServeSettings
from vsphere_market.service.state import Service
from vsphere_market.service.tls import Identity, identity


@dataclass(frozen=True)
class Listening:
    """A server that listens, and how to talk to it."""

    service: Service
    server: Server
    shown: Identity
    clients: list[httpx.Client] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.address.url

    def secret(self, role: Role = Role.ADMIN) -> str:
        return self.service.tokens.lend(role.word, role)[1]

    def client(self, role: Role | None = Role.ADMIN, **headers: str) -> httpx.Client:
        """A client that trusts just this server's certificate."""
        given = dict(headers)
        if role is not None:
            given["authorization"] = f"Bearer {self.secret(role)}"
        made = httpx.Client(
            base_url=self.url, headers=given, verify=context(self.shown), timeout=30.0
        )
        self.clients.append(made)
        return made


def context(shown: Identity) -> Any:
    import ssl

    return ssl.create_default_context(cafile=str(shown.certificate))


@contextlib.contextmanager
def listening(
    folder: Path,
    *,
    source: OpenSource | None = None,
    policies: PolicySet = NO_POLICIES,
    limits: Limits = GENEROUS,
    vcenter: VCenterSessions | None = None,
    **settings: Any,
) -> Iterator[Listening]:
    """A server on a free port of loopback that has looked at its estate once."""
    opened = source or OpenSource(SourceKind.PLANT, "small", port=hot_plant())
    told = ServeSettings(
        port=0, folder=folder, limits=limits, **{"speed": 300.0, "interval_s": 1e9, **settings}
    )
    shown = identity(told)
    with (
        opened,
        open_socket(told) as bound,
        Service(opened, policies, None, told) as service,
        Server(service, bound, shown, vcenter) as server,
    ):
        assert service.wait_ready(60.0), service.last_error
        found = Listening(service, server, shown)
        try:
            yield found
        finally:
            for client in found.clients:
                client.close()
