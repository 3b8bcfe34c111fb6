"""Where an estate is read from: one vCenter, snapshot file, RVTools export or plant."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from vsphere_market.control.guests import GuestFile, WithGuests
from vsphere_market.demand import GuestSource, with_guests
from vsphere_market.errors import EstateError, UsageError
from vsphere_market.estate import Snapshot, read_snapshot
from vsphere_market.port import Clock, Finding, VCenterPort

if TYPE_CHECKING:
    from vsphere_market.adapter import Credentials, Target
    from vsphere_market.adapter.cloning import SessionCloner

#: Estates that come with the package, for ``--plant NAME``.
SHIPPED = Path(__file__).parent.parent / "plant" / "estates"


class SourceKind(StrEnum):
    """What kind of source it is."""

    VCENTER = "vcenter"
    FILE = "file"
    RVTOOLS = "rvtools"
    PLANT = "plant"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What a user said about the source; the names are those of the options.

    Attributes:
        vcenter: address, "" to take GOVC_URL from the environment.
        user: login name.
        ca_file: PEM file of the authority to trust.
        pin: SHA-256 fingerprint of the server's certificate.
        insecure: do not verify the certificate.
        snapshot: a snapshot file.
        plant: an estate file, or the name of one that is shipped.
        rvtools: an RVTools export: a workbook, or a folder of CSV files.
        guests: guests' own figures, to be laid over any of these: a CSV file, or who knows them.
    """

    vcenter: str = ""
    user: str = ""
    ca_file: Path | None = None
    pin: str = ""
    insecure: bool = False
    snapshot: Path | None = None
    plant: str = ""
    rvtools: Path | None = None
    guests: Path | GuestSource | None = None


class FrozenClock:
    """The time of a snapshot file: it stands still."""

    __slots__ = ("_now_s",)

    def __init__(self, now_s: float) -> None:
        self._now_s = now_s

    def now_s(self) -> float:
        """The time at which the snapshot was taken."""
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Nothing passes."""


class OpenSource:
    """A source that is open. Use it in a ``with``.

    Args:
        kind: what it is.
        label: what to call it in messages.
        port: how to reach it; None for a file, which can only be looked at.
        snapshot: of a file.
        guests: who knows its guests from the inside; None for nobody.
    """

    def __init__(
        self,
        kind: SourceKind,
        label: str,
        *,
        port: VCenterPort | None = None,
        snapshot: Snapshot | None = None,
        guests: GuestSource | None = None,
    ) -> None:
        assert (port is None) != (snapshot is None)
        self.kind = kind
        self.label = label
        self._port = port if port is None or guests is None else WithGuests(port, guests)
        self._snapshot = snapshot
        self._guests = guests

    @property
    def live(self) -> bool:
        """It can be acted on, and changes."""
        return self._port is not None

    @property
    def clock(self) -> Clock:
        """The source's time."""
        if self._port is not None:
            return self._port.clock
        assert self._snapshot is not None
        return FrozenClock(self._snapshot.taken_at_s)

    @property
    def port(self) -> VCenterPort:
        """What can be acted on.

        Raises:
            UsageError: it is a file.
        """
        if self._port is None:
            raise UsageError(
                f"{self.label} is a file, which cannot be acted on",
                where="--rvtools" if self.kind is SourceKind.RVTOOLS else "--snapshot",
                cure="name a vCenter with --vcenter, or a simulated one with --plant",
            )
        return self._port

    def observe(self) -> Snapshot:
        """Read the estate.

        Raises:
            UnreachableError, NotPermittedError, ActionError: it cannot be read.
        """
        if self._port is not None:
            return self._port.observe()
        assert self._snapshot is not None
        if self._guests is None:
            return self._snapshot
        return with_guests(self._snapshot, self._guests.guests(self._snapshot))

    def checkup(self) -> Sequence[Finding]:
        """Look for what would keep the product from working.

        Raises:
            UsageError: it is a file.
        """
        return self.port.checkup()

    def close(self) -> None:
        """Log out and let go. May be called twice."""
        if self._port is not None:
            self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def source_kind(options: SourceOptions, environ: Mapping[str, str] = os.environ) -> SourceKind:
    """Which source is meant; an option beats the environment.

    Raises:
        UsageError: none is, or more than one.
    """
    given = [
        (name, kind)
        for name, kind, is_given in (
            ("--vcenter", SourceKind.VCENTER, bool(options.vcenter)),
            ("--snapshot", SourceKind.FILE, options.snapshot is not None),
            ("--rvtools", SourceKind.RVTOOLS, options.rvtools is not None),
            ("--plant", SourceKind.PLANT, bool(options.plant)),
        )
        if is_given
    ]
    if len(given) > 1:
        names = " and ".join(name for name, _ in given)
        raise UsageError(f"{names} name different sources", cure="give one of them")
    if given:
        return given[0][1]
    if environ.get("GOVC_URL"):
        return SourceKind.VCENTER
    raise UsageError(
        "no source was named",
        cure="give --vcenter HOST (or set GOVC_URL), --rvtools FILE, --snapshot FILE, or "
        "--plant ESTATE; "
        "`vsphere-market demo` needs none",
    )


def open_source(
    options: SourceOptions,
    *,
    environ: Mapping[str, str] = os.environ,
    prompt: Callable[[str], str] | None = None,
) -> OpenSource:
    """Open the source that the options name. A vCenter is connected to when it is first asked.

    Args:
        options: what the user said.
        environ: the process environment.
        prompt: asks a person for a password; None when nobody is there.

    Raises:
        UsageError: no source, more than one, or options that contradict each other.
        SnapshotError, EstateError: the file is wrong.
        NotPermittedError: no password was found.
    """
    guests = GuestFile(options.guests) if isinstance(options.guests, Path) else options.guests
    match source_kind(options, environ):
        case SourceKind.VCENTER:
            return _open_vcenter(options, environ, prompt, guests)
        case SourceKind.FILE:
            assert options.snapshot is not None
            snapshot = read_snapshot(options.snapshot)
            where = str(options.snapshot)
            return OpenSource(SourceKind.FILE, where, snapshot=snapshot, guests=guests)
        case SourceKind.RVTOOLS:
            assert options.rvtools is not None
            return _open_export(options.rvtools, guests)
        case SourceKind.PLANT:
            return _open_plant(options.plant, guests)


def session_cloner(
    options: SourceOptions, *, environ: Mapping[str, str] = os.environ
) -> SessionCloner:
    """What asks the vCenter that the options name who has a session of the vSphere Client.

    Raises:
        UsageError: no vCenter is named, or the options contradict each other.
    """
    from vsphere_market.adapter.cloning import SessionCloner

    return SessionCloner(_target(options, environ))


def estate_path(name: str) -> Path:
    """The estate file of ``--plant NAME``: a path, or the name of one that is shipped.

    Raises:
        EstateError: there is none of that name.
    """
    path = Path(name)
    if path.suffix == ".json" or path.exists() or len(path.parts) > 1:
        return path
    shipped = {file.stem: file for file in sorted(SHIPPED.glob("*.json"))}
    if name in shipped:
        return shipped[name]
    near = get_close_matches(name, shipped, 1)
    cure = f"did you mean {near[0]}?" if near else f"shipped are {', '.join(shipped)}"
    raise EstateError("there is no such estate file", where=name, cure=cure)


def _open_vcenter(
    options: SourceOptions,
    environ: Mapping[str, str],
    prompt: Callable[[str], str] | None,
    guests: GuestSource | None,
) -> OpenSource:
    # pyVmomi takes a while to import, so only those pay who need it.
    from vsphere_market.adapter import PyVmomiVCenter

    target, credentials = vcenter_login(options, environ=environ, prompt=prompt)
    port = PyVmomiVCenter(target, credentials)
    return OpenSource(SourceKind.VCENTER, target.address, port=port, guests=guests)


def vcenter_login(
    options: SourceOptions,
    *,
    environ: Mapping[str, str] = os.environ,
    prompt: Callable[[str], str] | None = None,
) -> tuple[Target, Credentials]:
    """Where the vCenter is, and who logs in.

    Raises:
        UsageError: options contradict each other.
        NotPermittedError: no password was found.
    """
    from vsphere_market.adapter import credentials_for

    target = _target(options, environ)
    return target, credentials_for(target, environ=environ, prompt=prompt)


def _target(options: SourceOptions, environ: Mapping[str, str]) -> Target:
    from vsphere_market.adapter import target_from

    return target_from(
        options.vcenter,
        user=options.user,
        ca_file=options.ca_file,
        pin=options.pin,
        insecure=True if options.insecure else None,
        environ=environ,
    )


def _open_export(path: Path, guests: GuestSource | None) -> OpenSource:
    from vsphere_market.estate.rvtools import read_rvtools

    snapshot = read_rvtools(path)
    return OpenSource(SourceKind.RVTOOLS, str(path), snapshot=snapshot, guests=guests)


def _open_plant(name: str, guests: GuestSource | None) -> OpenSource:
    from vsphere_market.plant.vcenter import PlantVCenter

    path = estate_path(name)
    port = PlantVCenter.from_file(path)
    return OpenSource(SourceKind.PLANT, path.stem, port=port, guests=guests)
