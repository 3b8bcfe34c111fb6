"""What `serve` was told."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from vsphere_market.errors import UsageError

DEFAULT_LISTEN = "127.0.0.1:8443"
#: A plant's time passes this much faster than ours, so that a newcomer sees something move.
DEFAULT_SPEED = 20.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one caller, or all of them, may ask.

    Attributes:
        reads_per_s: of one caller, over time.
        writes_per_s: likewise.
        burst_s: so many seconds' worth may come at once.
        failures_per_min: wrong logins from one address.
        streams: event streams in all.
        jobs: jobs that wait or run.
        body_bytes: of one request.
    """

    reads_per_s: float = 50.0
    writes_per_s: float = 5.0
    burst_s: float = 10.0
    failures_per_min: float = 20.0
    streams: int = 200
    jobs: int = 20
    body_bytes: int = 1 << 20


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """What `serve` was told.

    Attributes:
        host: address to listen on.
        port: likewise; 0 lets the system choose.
        certificate: PEM file with the certificate and its chain; None to make one.
        key: PEM file with its private key.
        names: further names by which callers may address the service.
        origins: further origins whose pages may call it, for example the vSphere Client's.
        frame_ancestors: origins that may embed the console; empty for none.
        interval_s: between two looks at the estate, by the source's clock.
        loop: carry out what policies make automatic.
        speed: a plant's time passes this much faster than ours.
        vm_series: squeezed VMs that get metrics of their own, at most.
        limits: how much may be asked.
        folder: where tokens and the self-made certificate are kept.
        tokens: the file of tokens; None for the one in ``folder``.
    """

    host: str = "127.0.0.1"
    port: int = 8443
    certificate: Path | None = None
    key: Path | None = None
    names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    interval_s: float = 300.0
    loop: bool = False
    speed: float = DEFAULT_SPEED
    vm_series: int = 100
    limits: Limits = Limits()
    folder: Path | None = None
    tokens: Path | None = None

    @property
    def place(self) -> Path:
        """Where tokens and the self-made certificate are kept."""
        return self.folder or default_folder()

    @property
    def token_file(self) -> Path:
        """The file of tokens."""
        return self.tokens or self.place / "tokens.json"

    @property
    def loopback(self) -> bool:
        """Nobody but this machine can reach it."""
        return is_loopback(self.host)


def default_folder() -> Path:
    """Where the service keeps what is its own."""
    return platformdirs.user_state_path("vsphere-market", appauthor=False) / "service"


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen_address(text: str) -> tuple[str, int]:
    """``127.0.0.1:8443``, ``[::1]:8443`` or ``:8443`` as host and port.

    Raises:
        UsageError: it is none.
    """
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]*)):([0-9]{1,5})", text.strip())
    if match is None or int(match[3]) > 65535:
        raise UsageError(
            f"{text!r} is no address to listen on",
            where="--listen",
            cure=f"write HOST:PORT, for example {DEFAULT_LISTEN}",
        )
    return match[1] or match[2] or "0.0.0.0", int(match[3])  # noqa: S104 - what was asked for
