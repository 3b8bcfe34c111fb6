"""The service on a small hot plant, asked within this process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.roads import hot_plant
from vsphere_market.control.sources import OpenSource, SourceKind
from vsphere_market.estate import Snapshot
from vsphere_market.policy import NO_POLICIES, PolicySet
from vsphere_market.service.app import Application
from vsphere_market.service.roles import Role
from vsphere_market.service.settings import Limits, ServeSettings
from vsphere_market.service.state import Service

HOST = "127.0.0.1:8443"
URL = f"https://{HOST}"
#: So much may be asked that no test but those about it meets a limit.
GENEROUS = Limits(reads_per_s=1e6, writes_per_s=1e6, failures_per_min=1e6)


class InProcess(httpx.BaseTransport):
    """Hands requests to an application in this process, whose event loop has a thread of its own.

    A loop that goes on between requests is what a server has, too.
    """

    def __init__(self, application: Application) -> None:
        self._inner = httpx.ASGITransport(application, raise_app_exceptions=False)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run_coroutine_threadsafe(self._ask(request), self._loop).result(60.0)

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        again = httpx.Request(
            request.method, request.url, headers=request.headers, content=request.read()
        )
        answer = await self._inner.handle_async_request(again)
        body = b"".join([part async for part in answer.aiter_raw()])
        return httpx.Response(
            answer.status_code, headers=answer.headers, stream=httpx.ByteStream(body)
        )

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass(frozen=True)
class Served:
    """A service with a client for each role."""

    service: Service
    application: Application
    transport: InProcess
    secrets: Mapping[Role, str]

    def client(self, role: Role | None = Role.ADMIN, **headers: str) -> httpx.Client:
        """A client with a token of that role, or with none."""
        given = {"host": HOST, **headers}
        if role is not None:
            given["authorization"] = f"Bearer {self.secrets[role]}"
        return httpx.Client(transport=self.transport, base_url=URL, headers=given)


@contextlib.contextmanager
def served(
    folder: Path,
    *,
    source: OpenSource | None = None,
    policies: PolicySet = NO_POLICIES,
    vms: list[dict[str, Any]] | None = None,
    limits: Limits = GENEROUS,
    **settings: Any,
) -> Iterator[Served]:
    """A service that has looked at its estate once."""
    opened = source or OpenSource(SourceKind.PLANT, "small", port=hot_plant(vms))
    told = ServeSettings(
        folder=folder, limits=limits, **{"speed": 300.0, "interval_s": 1e9, **settings}
    )
    with opened, Service(opened, policies, None, told) as service:
        assert service.wait_ready(60.0), service.last_error
        application = Application(service, hosts=frozenset({HOST}), origins=frozenset(told.origins))
        secrets = {role: service.tokens.lend(role.word, role)[1] for role in Role}
        transport = InProcess(application)
        try:
            yield Served(service, application, transport, secrets)
        finally:
            transport.close()


def file_source(snapshot: Snapshot) -> OpenSource:
    """A snapshot as a source that can only be looked at."""
    return OpenSource(SourceKind.FILE, "test.json", snapshot=snapshot)


def finished(client: httpx.Client, location: str, patience_s: float = 60.0) -> dict[str, Any]:
    """Ask for a job or an execution until it is over."""
    ends = time.monotonic() + patience_s
    while True:
        found: dict[str, Any] = client.get(location).json()
        if found["state"] not in ("queued", "starting", "running"):
            return found
        assert time.monotonic() < ends, found
        time.sleep(0.02)
