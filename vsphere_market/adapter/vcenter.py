"""A vCenter behind the port, by pyVmomi."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from vsphere_market.adapter import actions, past, past_storage, soap, subjects, tasks
from vsphere_market.adapter.bulk import PyVmomiReader
from vsphere_market.adapter.checkup import checkup
from vsphere_market.adapter.counters import Counters, CounterSettings
from vsphere_market.adapter.credentials import Credentials
from vsphere_market.adapter.inventory import Read, read_estate, snapshot_from
from vsphere_market.adapter.licences import Licence, licences
from vsphere_market.adapter.marks import Marks
from vsphere_market.adapter.prechecks import precheck
from vsphere_market.adapter.session import Session, Timeouts, VCenterClock
from vsphere_market.adapter.showing import VCenterShowing
from vsphere_market.adapter.tags import TagReader, TagsUnread
from vsphere_market.adapter.target import Target
from vsphere_market.errors import NotPermittedError
from vsphere_market.estate import TAGS_UNREAD, Snapshot, Source
from vsphere_market.port import (
    Action,
    Clock,
    Finding,
    PastDemand,
    PastStorage,
    Showing,
    Standing,
    TaskHandle,
    TaskStatus,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AdapterSettings:
    """How the adapter reads.

    Attributes:
        timeouts: how long to wait for answers.
        counters: window and batch of counters.
        page_size: objects per page of properties.
        precheck_s: how long vCenter may take to check an action beforehand.
    """

    timeouts: Timeouts = field(default_factory=Timeouts)
    counters: CounterSettings = field(default_factory=CounterSettings)
    page_size: int = 1000
    precheck_s: float = 60.0


class PyVmomiVCenter:
    """The vCenter port over SOAP. Connects at the first question that is asked.

    Args:
        target: where, and how far to trust it.
        credentials: who logs in.
        settings: pages, windows and time-outs.
    """

    def __init__(
        self, target: Target, credentials: Credentials, settings: AdapterSettings | None = None
    ) -> None:
        self._settings = settings or AdapterSettings()
        self._session = Session(target, credentials, self._settings.timeouts)
        self._reader = PyVmomiReader(self._session, self._settings.page_size)
        self._counters = Counters(self._session, self._reader, self._settings.counters)
        self._clock = VCenterClock()
        self._tags = TagReader(target, credentials, self._settings.timeouts)
        self._marks = Marks()
        self._licences: Mapping[str, Licence] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def clock(self) -> Clock:
        """vCenter's time."""
        return self._clock

    def source(self) -> Source:
        """Which vCenter this is."""
        about = self._session.content.about
        return Source(
            kind="vcenter",
            name=self._session.target.address,
            instance_uuid=str(about.instanceUuid or ""),
            version=f"{about.version} build {about.build}" if about.build else str(about.version),
        )

    def observe(self) -> Snapshot:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        notes: list[str] = []
        try:
            taken_at_s = self._clock.measure(self._session)
        except NotPermittedError:
            taken_at_s = self._clock.now_s()
            notes.append("This account may not ask vCenter for its time; ours is taken for it.")
        fields = self._custom_fields()
        if fields is None:
            notes.append("The names of custom attributes cannot be read, so VMs show none.")
        if self._licences is None:
            # Licences change with contracts, not between two looks.
            self._licences = licences(self._session)
        read = read_estate(self._reader, self._counters, fields or {}, notes, self._licences)
        read = self._tagged(read)
        snapshot = snapshot_from(read, self.source(), taken_at_s)
        self._marks = Marks.of(snapshot, fields or {})
        log.info(
            "read %d VMs on %d hosts in %.1f s",
            len(snapshot.vms),
            len(snapshot.hosts),
            self._clock.now_s() - taken_at_s,
        )
        return snapshot

    def past_demand(self, snapshot: Snapshot, days: float) -> PastDemand:
        """See :class:`~vsphere_market.port.Remembers`."""
        return past.past_demand(self._session, self._reader, self._counters, snapshot, days)

    def past_storage(self, snapshot: Snapshot, days: float) -> PastStorage:
        """See :class:`~vsphere_market.port.Remembers`."""
        return past_storage.past_storage(
            self._session, self._reader, self._counters, snapshot, days
        )

    def checkup(self) -> Sequence[Finding]:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        snapshot = self.observe()
        return checkup(self._session, self._counters.catalogue(), snapshot, self._clock.skew_s)

    @property
    def showing(self) -> Showing:
        """See :class:`~vsphere_market.port.Shows`."""
        return VCenterShowing(self._session)

    def standing(self, action: Action) -> Standing:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        return subjects.standing(self._reader, action)

    def precheck(self, action: Action) -> Sequence[Finding]:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        if halted := self._marks.stopped(self._reader, self._tags, action):
            return [halted]
        return precheck(self._session, self._reader, action, self._settings.precheck_s)

    def submit(self, action: Action) -> TaskHandle:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        return actions.submit(self._session, self._reader, action, self._clock.now_s)

    def poll(self, tasks_to_see: Sequence[TaskHandle]) -> Sequence[TaskStatus]:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        return tasks.poll(self._session, self._reader, tasks_to_see)

    def find_task(self, action: Action, since_s: float) -> TaskHandle | None:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        return tasks.find_task(self._session, self._reader, action, since_s)

    def cancel(self, task: TaskHandle) -> None:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        tasks.cancel(self._session, task)

    def close(self) -> None:
        """See :class:`~vsphere_market.port.VCenterPort`."""
        self._tags.close()
        self._session.close()

    def _tagged(self, read: Read) -> Read:
        """What was read, with tags or with the sentence that says why there are none."""
        try:
            kinds = ("VirtualMachine", "ClusterComputeResource")
            tags = self._tags.tags([one.moid for kind in kinds for one in read.facts[kind]])
        except TagsUnread as exc:
            note = f"{TAGS_UNREAD}: {exc}. Policies that ask for tags are refused."
            return dataclasses.replace(read, notes=(*read.notes, note))
        return dataclasses.replace(read, tags=tags)

    def _custom_fields(self) -> Mapping[int, str] | None:
        """Names of the custom attributes by key, which begin at 0; None if they cannot be read."""

        def ask(content: Any) -> Any:
            manager = content.customFieldsManager
            try:
                return () if manager is None else manager.field or ()
            except soap.UnreadableAnswer as exc:
                # pyVmomi insists on the type of an attribute's values, which old ones lack.
                log.info("no custom attributes: %s", exc)
                return None

        try:
            found = self._session.read(ask)
        except NotPermittedError as exc:
            log.info("no custom attributes: %s", exc)
            return None
        return None if found is None else {int(one.key): str(one.name) for one in found}
