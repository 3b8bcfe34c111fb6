"""Hearing, before a step, whether somebody stopped its VM or cluster in vCenter meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from vsphere_market.adapter.bulk import BulkReader
from vsphere_market.adapter.tags import TagReader, TagsUnread
from vsphere_market.adapter.vms import attributes
from vsphere_market.errors import ActionError, NotPermittedError
from vsphere_market.estate import TAGS_UNREAD, Snapshot
from vsphere_market.estate.marks import MARK, says_stop
from vsphere_market.port import Action, Finding, Severity

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Marks:
    """What has to be known for it: read with the estate, since it changes rarely.

    Attributes:
        cluster_of: id of a VM, host or pool -> id of its cluster.
        fields: custom attributes of our name by key; there are none unless somebody made one.
        tags: tags can be read here.
    """

    cluster_of: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[int, str] = field(default_factory=dict)
    tags: bool = False

    @classmethod
    def of(cls, snapshot: Snapshot, fields: Mapping[int, str]) -> Self:
        """Remember what is needed of an estate that was read just now."""
        clusters = snapshot.clusters.moid
        return cls(
            {
                moid: clusters[row]
                for table in (snapshot.vms, snapshot.hosts, snapshot.pools)
                for moid, row in zip(table.moid, table.cluster, strict=True)
                if row >= 0
            },
            {key: name for key, name in fields.items() if name.strip().casefold() == MARK},
            not any(line.startswith(TAGS_UNREAD) for line in snapshot.missing),
        )

    def stopped(self, reader: BulkReader, tags: TagReader, action: Action) -> Finding | None:
        """A finding if the action's subject or its cluster says stop now; None if not."""
        subject = action.subject.moid
        cluster = self.cluster_of.get(subject, "")
        # Hosts and pools bear no mark that counts; their cluster does.
        marked = [
            (kind, moid)
            for kind, moid in (
                ("VirtualMachine", subject if subject.startswith("vm-") else ""),
                ("ClusterComputeResource", cluster),
            )
            if moid
        ]
        if not marked:
            return None
        told: list[str] = []
        if self.fields:
            for kind, moid in marked:
                try:
                    found = reader.objects(kind, [moid], ("customValue",))
                except (ActionError, NotPermittedError) as exc:
                    log.info("custom attributes of %s are not to be seen: %s", moid, exc)
                    continue
                told += [text for one in found for text in attributes(one, self.fields)]
        borne: list[str] = []
        if self.tags:
            try:
                read = tags.tags([moid for _, moid in marked])
            except TagsUnread as exc:
                log.info("tags could not be read before a step: %s", exc)
            else:
                borne = [tag for one in read.values() for tag in one]
        if not says_stop(borne, told):
            return None
        return Finding(
            "stopped",
            Severity.ERROR,
            action.subject.name,
            "somebody stopped it in vCenter, by a tag or custom attribute of it or its cluster",
            "take the mark away to let things go on",
        )
