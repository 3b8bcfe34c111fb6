"""A source with guests' own figures laid over it: what ``--guests FILE`` does."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vsphere_market.demand import GuestSource, with_guests
from vsphere_market.errors import UsageError
from vsphere_market.estate import Snapshot
from vsphere_market.port import (
    Action,
    Clock,
    Finding,
    PastDemand,
    PastStorage,
    Remembers,
    Showing,
    Shows,
    Standing,
    TaskHandle,
    TaskStatus,
    VCenterPort,
)
from vsphere_market.units import FloatArray

_COLUMNS = ("vm", "needed_mib", "page_in_kibps")


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """Guests' figures by the rows of a snapshot; see ``demand.GuestFigures``."""

    needed_mib: FloatArray
    page_in_kibps: FloatArray
    source: str


class GuestFile:
    """Guests' figures from a CSV file that an exporter or an agent writes; read at every look.

    Its first line is ``vm,needed_mib,page_in_kibps``; a VM is named by its name, managed object id
    or instance UUID, and what is not known is left empty.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def guests(self, snapshot: Snapshot) -> Figures:
        """See :class:`~vsphere_market.demand.GuestSource`.

        Raises:
            UsageError: the file cannot be read, or is none of its kind.
        """
        rows = self._rows()
        count = len(snapshot.vms)
        needed, paged = np.full(count, np.nan), np.full(count, np.nan)
        vms = snapshot.vms
        for row, names in enumerate(zip(vms.moid, vms.instance_uuid, vms.name, strict=True)):
            found = next((rows[name] for name in names if name in rows), None)
            if found is not None:
                needed[row], paged[row] = found
        return Figures(needed, paged, f"guests ({self._path.name})")

    def _rows(self) -> Mapping[str, tuple[float, float]]:
        try:
            with self._path.open(newline="", encoding="utf-8-sig") as lines:
                reader = csv.DictReader(lines)
                missing = set(_COLUMNS) - set(reader.fieldnames or ())
                if missing:
                    raise self._wrong(f"has no column {sorted(missing)[0]}", 1)
                return {
                    row["vm"]: (
                        self._number(row["needed_mib"], reader.line_num),
                        self._number(row["page_in_kibps"], reader.line_num),
                    )
                    for row in reader
                }
        except (OSError, UnicodeDecodeError, csv.Error) as exc:
            what = exc.strerror if isinstance(exc, OSError) else "is no CSV file"
            raise UsageError(
                f"cannot be read: {what}", where=str(self._path), cure="check --guests"
            ) from exc

    def _number(self, text: str | None, line: int) -> float:
        if not text or not text.strip():
            return math.nan
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0.0 <= value < math.inf:
            raise self._wrong(f"has {text!r} where an amount of 0 or more is due", line)
        return value

    def _wrong(self, what: str, line: int) -> UsageError:
        cure = f"its first line is to be {','.join(_COLUMNS)}"
        return UsageError(what, where=f"{self._path}, line {line}", cure=cure)


class WithGuests:
    """A vCenter port whose snapshots have guests' own figures; everything else is the port's.

    Args:
        port: the vCenter, or the plant.
        source: who knows the guests.
    """

    def __init__(self, port: VCenterPort, source: GuestSource) -> None:
        self._port, self._source = port, source

    @property
    def clock(self) -> Clock:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        return self._port.clock

    def observe(self) -> Snapshot:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        snapshot = self._port.observe()
        return with_guests(snapshot, self._source.guests(snapshot))

    def past_demand(self, snapshot: Snapshot, days: float) -> PastDemand:
        """See :class:`~vsphere_market.port.Remembers`; nothing where the port remembers nothing."""
        if isinstance(self._port, Remembers):
            return self._port.past_demand(snapshot, days)
        return PastDemand(np.empty(0, dtype=np.int64), np.empty((len(snapshot.vms), 0)), ())

    def past_storage(self, snapshot: Snapshot, days: float) -> PastStorage:
        """See :class:`~vsphere_market.port.Remembers`; likewise."""
        if isinstance(self._port, Remembers):
            return self._port.past_storage(snapshot, days)
        return PastStorage.nothing(snapshot)

    @property
    def showing(self) -> Showing:
        """See :class:`~vsphere_market.port.Shows`.

        Raises:
            AttributeError: the port shows nothing.
        """
        if isinstance(self._port, Shows):
            return self._port.showing
        raise AttributeError("showing")

    def checkup(self) -> Sequence[Finding]:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        return self._port.checkup()

    def standing(self, action: Action) -> Standing:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        return self._port.standing(action)

    def precheck(self, action: Action) -> Sequence[Finding]:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        return self._port.precheck(action)

    def submit(self, action: Action) -> TaskHandle:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        return self._port.submit(action)

    def poll(self, tasks: Sequence[TaskHandle]) -> Sequence[TaskStatus]:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        return self._port.poll(tasks)

    def find_task(self, action: Action, since_s: float) -> TaskHandle | None:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        return self._port.find_task(action, since_s)

    def cancel(self, task: TaskHandle) -> None:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        self._port.cancel(task)

    def close(self) -> None:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        self._port.close()
