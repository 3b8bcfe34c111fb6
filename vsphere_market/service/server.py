"""The server: uvicorn with TLS around the application, in this process, until told to stop."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import uvicorn

from vsphere_market.errors import UsageError
from vsphere_market.service.access import VCenterSessions
from vsphere_market.service.app import Application
from vsphere_market.service.settings import ServeSettings
from vsphere_market.service.state import Service
from vsphere_market.service.tls import Identity

#: Connections at once; beyond, uvicorn answers 503 by itself.
_CONNECTIONS = 2000
_LINGER_S = 5
#: So long a thread that computes may keep others waiting. Python's own 5 ms, several times in each
#: request, is what readers would feel while a turn goes on.
_SWITCH_S = 0.001


@dataclass(frozen=True, slots=True)
class Address:
    """Where the service listens.

    Attributes:
        host: address.
        port: likewise.
        url: for people.
    """

    host: str
    port: int

    @property
    def url(self) -> str:
        """For people, and their browsers."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{shown}:{self.port}"


def open_socket(settings: ServeSettings) -> socket.socket:
    """Take the address, before anything else is begun.

    Raises:
        UsageError: it cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((settings.host, settings.port))
        bound.listen(1024)
    except OSError as problem:
        bound.close()
        raise UsageError(
            f"cannot listen on {settings.host}:{settings.port} ({problem.strerror})",
            where="--listen",
            cure="choose another port, or stop what uses it",
        ) from None
    return bound


def known_hosts(settings: ServeSettings, port: int) -> frozenset[str]:
    """Values of the Host header that mean this service."""
    names = {"localhost", "127.0.0.1", "[::1]", *settings.names}
    if settings.host not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        names.add(f"[{settings.host}]" if ":" in settings.host else settings.host)
    found = {f"{name.lower()}:{port}" for name in names}
    return frozenset(found | {name.lower() for name in names} if port == 443 else found)


class Server:
    """A running server. Use it in a ``with``; it ends with it.

    Args:
        service: what it serves.
        bound: the socket, from :func:`open_socket`.
        shown: what it shows of itself.
        vcenter: sessions of vCenter; None where the source is none.
    """

    def __init__(
        self,
        service: Service,
        bound: socket.socket,
        shown: Identity,
        vcenter: VCenterSessions | None = None,
    ) -> None:
        host, port = bound.getsockname()[:2]
        self.address = Address(host, port)
        settings = service.settings
        self.application = Application(
            service,
            hosts=known_hosts(settings, port),
            origins=frozenset(settings.origins),
            vcenter=vcenter,
        )
        config = uvicorn.Config(
            self.application,
            ssl_certfile=shown.certificate,
            ssl_keyfile=shown.key,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_LINGER_S,
            ws="none",
        )
        self._server = _Quiet(config)
        self._bound = bound
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._hooks: list[Callable[[], None]] = [service.events.close]

    def _run(self) -> None:
        sys.setswitchinterval(_SWITCH_S)
        self._server.run(sockets=[self._bound])

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            self._thread.join(0.01)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for hook in self._hooks:
            hook()
        self._server.should_exit = True
        self._thread.join()
        self._bound.close()

    @property
    def alive(self) -> bool:
        """It serves."""
        return self._thread.is_alive()


class _Quiet(uvicorn.Server):
    """A server that leaves signals to the command line."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield
