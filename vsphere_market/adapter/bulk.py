"""The two bulk reads, behind a seam.

Everything large that is read from a vCenter comes through :class:`BulkReader`: properties of many
objects, and counters of many entities. pyVmomi answers here, and spends most of the time building
Python objects; a reader that parses the same XML by itself can take its place without anybody
noticing, since what it gives is plain: strings, numbers, booleans, lists of those, managed object
ids, and, for the few structured values, objects with vSphere's own attribute names.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from vsphere_market.adapter import soap
from vsphere_market.adapter.session import Session, SessionDead
from vsphere_market.adapter.soap import vim, vmodl

log = logging.getLogger(__name__)

#: The interval of realtime samples, seconds.
REALTIME_S = 20

#: Managed type name -> the property paths to read of it.
Paths = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read of one object.

    Attributes:
        kind: the managed type that it was asked for as, e.g. ``ResourcePool`` also for a vApp.
        moid: managed object id.
        values: path -> value; what vCenter left unset is not there.
        refused: path -> name of the fault that kept it back.
    """

    kind: str
    moid: str
    values: Mapping[str, Any]
    refused: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str, default: Any = None) -> Any:
        """The value of a path, or ``default`` when it was not given."""
        value = self.values.get(path)
        return default if value is None else value


@dataclass(frozen=True, slots=True)
class Series:
    """Counters of one entity as they come: comma-separated values.

    Attributes:
        moid: the entity.
        sample_info: ``interval,timestamp`` pairs in one string.
        values: counter id -> values in one string, in the order of ``sample_info``.
        parts: the same for each of its instances, e.g. each datastore that it uses.
    """

    moid: str
    sample_info: str
    values: Mapping[int, str]
    parts: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


class BulkReader(Protocol):
    """Reads much in few requests."""

    def inventory(self, paths: Paths) -> list[Facts]:
        """Properties of every object of the named types under the root folder."""

    def objects(self, kind: str, moids: Sequence[str], paths: Sequence[str]) -> list[Facts]:
        """Properties of the named objects; those that are gone are left out."""

    def counters(
        self,
        kind: str,
        moids: Sequence[str],
        counter_ids: Sequence[int],
        max_sample: int,
        each: Sequence[int] = (),
    ) -> list[Series]:
        """The last realtime samples (20 s) of the named entities that are still there.

        Args:
            kind: managed type.
            moids: the entities.
            counter_ids: ids of counters of the entity as a whole.
            max_sample: samples of each.
            each: ids of counters that are wanted of each instance.
        """


#: How often a walk is begun anew because something vanished under it.
_WALKS = 3


class PyVmomiReader:
    """The bulk reads by pyVmomi.

    Args:
        session: the login to read with.
        page_size: objects per page of properties.
    """

    def __init__(self, session: Session, page_size: int = 1000) -> None:
        self._session = session
        self._page_size = page_size
        #: Paths that this server's version does not have yet.
        self._unknown: set[str] = set()

    def inventory(self, paths: Paths) -> list[Facts]:
        """See :class:`BulkReader`. One view, one filter, as many pages as needed."""
        kinds = {name: getattr(vim, name) for name in paths}

        def walk(content: Any) -> list[Facts]:
            view = content.viewManager.CreateContainerView(
                content.rootFolder, list(kinds.values()), True
            )
            try:
                collector = vmodl.query.PropertyCollector
                steps = collector.TraversalSpec(
                    name="view", path="view", skip=False, type=vim.view.ContainerView
                )
                start = collector.ObjectSpec(obj=view, skip=True, selectSet=[steps])
                return self._pages(content, [start], kinds, paths)
            finally:
                self._forget(view)

        def ask(content: Any) -> list[Facts]:
            for _ in range(_WALKS - 1):
                try:
                    return walk(content)
                except soap.ManagedObjectNotFound as fault:
                    log.info("something vanished during the walk: %s", fault.obj)
            return walk(content)

        return [one for one in self._session.read(ask) if not _is_gone(one)]

    def objects(self, kind: str, moids: Sequence[str], paths: Sequence[str]) -> list[Facts]:
        """See :class:`BulkReader`. A vanished object makes vCenter refuse the whole request."""
        managed = getattr(vim, kind)
        left = list(dict.fromkeys(moids))

        def ask(content: Any) -> list[Facts]:
            while left:
                specs = [
                    vmodl.query.PropertyCollector.ObjectSpec(
                        obj=soap.reference(managed, object_id, self._session.stub), skip=False
                    )
                    for object_id in left
                ]
                try:
                    return self._pages(content, specs, {kind: managed}, {kind: paths})
                except soap.ManagedObjectNotFound as fault:
                    gone = "" if fault.obj is None else soap.moid(fault.obj)
                    if gone not in left:
                        raise
                    log.info("%s is gone", gone)
                    left.remove(gone)
            return []

        return [one for one in self._session.read(ask) if not _is_gone(one)]

    def counters(
        self,
        kind: str,
        moids: Sequence[str],
        counter_ids: Sequence[int],
        max_sample: int,
        each: Sequence[int] = (),
    ) -> list[Series]:
        """See :class:`BulkReader`. CSV, since the other format loses samples that are zero."""
        which = {"intervalId": REALTIME_S, "maxSample": max_sample}
        return self._series(kind, moids, counter_ids, each, **which)

    def past(
        self,
        kind: str,
        moids: Sequence[str],
        counter_ids: Sequence[int],
        interval_s: int,
        window: tuple[datetime, datetime],
        each: Sequence[int] = (),
    ) -> list[Series]:
        """Rolled-up samples of one of vCenter's historical intervals.

        Args:
            kind: managed type.
            moids: the entities.
            counter_ids: ids of counters that the interval keeps.
            interval_s: its period.
            window: after the first time, up to the second, which is included.
            each: ids of counters that are wanted of each instance.
        """
        start, end = window
        return self._series(
            kind, moids, counter_ids, each, intervalId=interval_s, startTime=start, endTime=end
        )

    def _series(
        self,
        kind: str,
        moids: Sequence[str],
        counter_ids: Sequence[int],
        each: Sequence[int],
        **which: Any,
    ) -> list[Series]:
        managed = getattr(vim, kind)
        manager = vim.PerformanceManager
        metrics = [manager.MetricId(counterId=key, instance="") for key in counter_ids]
        metrics += [manager.MetricId(counterId=key, instance="*") for key in each]

        def ask(content: Any) -> list[Series]:
            found: list[Series] = []
            waiting = [list(moids)]
            while waiting:
                batch = waiting.pop()
                if not batch:
                    continue
                specs = [
                    manager.QuerySpec(
                        entity=soap.reference(managed, object_id, self._session.stub),
                        metricId=metrics,
                        format="csv",
                        **which,
                    )
                    for object_id in batch
                ]
                try:
                    answer = content.perfManager.QueryPerf(specs)
                except soap.ManagedObjectNotFound as fault:
                    gone = "" if fault.obj is None else soap.moid(fault.obj)
                    if gone not in batch:
                        raise
                    waiting.append([object_id for object_id in batch if object_id != gone])
                except soap.RestrictedByAdministrator:
                    # The server takes fewer at once than its settings say.
                    if len(batch) == 1:
                        raise
                    half = len(batch) // 2
                    waiting += [batch[:half], batch[half:]]
                else:
                    found.extend(_series(entity) for entity in answer)
            return found

        return self._session.read(ask)

    def _pages(
        self, content: Any, objects: Sequence[Any], kinds: Mapping[str, Any], paths: Paths
    ) -> list[Facts]:
        """Read the paths of the objects, without those that this server's version lacks."""
        while True:
            try:
                return list(self._walk(content, objects, kinds, paths))
            except soap.InvalidProperty as fault:
                path = str(fault.name)
                if path in self._unknown or not any(path in some for some in paths.values()):
                    raise
                log.info("this vCenter has no property %s", path)
                self._unknown.add(path)

    def _walk(
        self, content: Any, objects: Sequence[Any], kinds: Mapping[str, Any], paths: Paths
    ) -> Iterator[Facts]:
        collector = content.propertyCollector
        types = vmodl.query.PropertyCollector
        wanted = [
            types.PropertySpec(
                type=kinds[name],
                pathSet=[path for path in paths[name] if path not in self._unknown],
                all=False,
            )
            for name in paths
        ]
        page = collector.RetrievePropertiesEx(
            [types.FilterSpec(objectSet=list(objects), propSet=wanted)],
            types.RetrieveOptions(maxObjects=self._page_size),
        )
        while page is not None:
            for item in page.objects:
                yield _facts(item, kinds)
            page = collector.ContinueRetrievePropertiesEx(page.token) if page.token else None

    @staticmethod
    def _forget(view: Any) -> None:
        """Views live as long as the session; a dead session has taken it along."""
        try:
            view.DestroyView()
        except soap.ANY_FAILURE as exc:
            log.debug("a view was left behind: %s", type(exc).__name__)


def _facts(item: Any, kinds: Mapping[str, Any]) -> Facts:
    """Plain facts from an ObjectContent. Raises SessionDead for the third symptom of one."""
    refused = {}
    for missing in item.missingSet or ():
        if isinstance(missing.fault, soap.NotAuthenticated):
            raise SessionDead
        refused[str(missing.path)] = soap.type_name(missing.fault)
    # Pages after the first carry unset properties as None.
    values = {
        str(prop.name): plain(prop.val) for prop in item.propSet or () if prop.val is not None
    }
    kind = next(
        (name for name, managed in kinds.items() if isinstance(item.obj, managed)),
        soap.type_name(item.obj),
    )
    return Facts(kind, soap.moid(item.obj), values, refused)


def _is_gone(one: Facts) -> bool:
    """It vanished between being found and being read."""
    return "ManagedObjectNotFound" in one.refused.values()


def plain(value: Any) -> Any:
    """Take pyVmomi out of a value: references become ids, lists become lists of such."""
    if isinstance(value, soap.ManagedObject):
        return soap.moid(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str):
        # Enumerations are strings of a class of their own.
        return str(value)
    return value


def _series(entity: Any) -> Series:
    values: dict[int, str] = {}
    parts: dict[str, dict[int, str]] = {}
    for series in entity.value or ():
        instance = str(series.id.instance or "")
        mine = parts.setdefault(instance, {}) if instance else values
        mine[int(series.id.counterId)] = str(series.value or "")
    return Series(soap.moid(entity.entity), str(entity.sampleInfoCSV or ""), values, parts)
