"""Evaluating selectors on a snapshot: masks over its VMs and hosts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.policy.patterns import TextColumnIndex, WordsColumnIndex, is_literal
from vsphere_market.policy.problems import did_you_mean, hint, listed, quote, warning
from vsphere_market.policy.selectors import (
    AllOf,
    AnyOf,
    Field,
    Match,
    Not,
    Selector,
    SizeRange,
    matches,
)
from vsphere_market.port import Finding
from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: Near misses are searched for so many conditions at most.
MAX_SEARCHES = 100

#: VMs come and go with their names, tags and attributes; clusters and the like stay.
_PASSING = frozenset({Field.NAME, Field.TAG, Field.ATTRIBUTE, Field.GUEST_OS})
_THINGS = {
    Field.NAME: "VM",
    Field.CLUSTER: "cluster",
    Field.DATACENTER: "datacenter",
    Field.HOST: "host",
    Field.FOLDER: "folder",
    Field.POOL: "resource pool",
    Field.TAG: "VM with the tag",
    Field.ATTRIBUTE: "VM with the custom attribute",
    Field.GUEST_OS: "VM with the guest OS",
}


class _Columns:
    """What selectors can ask of the rows of one table. Columns are indexed when first asked for."""

    def __init__(self, snapshot: Snapshot, rows: int) -> None:
        self._snapshot = snapshot
        self._rows = rows
        self._searches = 0
        self._indexes: dict[Field, TextColumnIndex | WordsColumnIndex] = {}

    def mask(self, selector: Selector) -> BoolArray:
        """(rows,) which of them the selector is about."""
        match selector:
            case Match():
                return self._index(selector.field).rows(_expanded(selector))
            case SizeRange():
                size = self._size_mib()
                return np.asarray((size >= selector.min_mib) & (size <= selector.max_mib))
            case AllOf():
                mask = np.ones(self._rows, dtype=np.bool_)
                for part in selector.parts:
                    mask &= self.mask(part)
                return mask
            case AnyOf():
                mask = np.zeros(self._rows, dtype=np.bool_)
                for part in selector.parts:
                    mask |= self.mask(part)
                return mask
            case Not():
                return ~self.mask(selector.part)

    def strangers(self, selector: Selector, where: str, *, some: bool) -> Iterator[Finding]:
        """Findings on names, written without wildcard, that the estate does not have.

        Args:
            selector: the conditions.
            where: place of the document.
            some: the selector matches something all the same; then a VM, tag or attribute that is
                not there (yet) is only worth a hint.
        """
        for condition in matches(selector):
            if condition.field is Field.POWER:
                continue
            index = self._index(condition.field)
            unknown = [
                pattern
                for pattern in condition.patterns
                if is_literal(pattern)
                and not any(index.known(p) for p in _expanded(condition, pattern))
            ]
            if not unknown:
                continue
            names = listed([quote(pattern) for pattern in unknown])
            # Thousands of names from another estate shall not cost a search each.
            self._searches += 1
            near = index.like(unknown[0]) if self._searches <= MAX_SEARCHES else ()
            say = hint if some and condition.field in _PASSING else warning
            yield say(
                f"unknown-{condition.field.lower()}",
                where + condition.where,
                f"the estate has no {_THINGS[condition.field]} {names}",
                did_you_mean(unknown[0], near),
            )

    def _index(self, field: Field) -> TextColumnIndex | WordsColumnIndex:
        index = self._indexes.get(field)
        if index is None:
            index = self._indexes[field] = self._read(field)
        return index

    def _read(self, field: Field) -> TextColumnIndex | WordsColumnIndex:
        raise NotImplementedError

    def _size_mib(self) -> FloatArray:
        raise NotImplementedError


class VmColumns(_Columns):
    """The VMs of a snapshot, templates and powered-off ones among them."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(snapshot, len(snapshot.vms))

    def _read(self, field: Field) -> TextColumnIndex | WordsColumnIndex:
        vms, clusters = self._snapshot.vms, self._snapshot.clusters
        match field:
            case Field.NAME:
                return TextColumnIndex(vms.name)
            case Field.CLUSTER:
                return TextColumnIndex(_followed(vms.cluster, clusters.name))
            case Field.DATACENTER:
                return TextColumnIndex(_followed(vms.cluster, clusters.datacenter))
            case Field.HOST:
                return TextColumnIndex(_followed(vms.host, self._snapshot.hosts.name))
            case Field.FOLDER:
                return TextColumnIndex([folder.rstrip("/") for folder in vms.folder])
            case Field.POOL:
                return WordsColumnIndex(_pool_paths(self._snapshot))
            case Field.TAG:
                return WordsColumnIndex(vms.tags)
            case Field.ATTRIBUTE:
                return WordsColumnIndex(vms.custom_attributes)
            case Field.GUEST_OS:
                return TextColumnIndex(vms.guest_os)
            case Field.POWER:
                return TextColumnIndex(vms.power)

    def _size_mib(self) -> FloatArray:
        return self._snapshot.vms.size_mib


class HostColumns(_Columns):
    """The hosts of a snapshot. The schema lets host selectors ask for these three fields only."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(snapshot, len(snapshot.hosts))

    def _read(self, field: Field) -> TextColumnIndex | WordsColumnIndex:
        hosts, clusters = self._snapshot.hosts, self._snapshot.clusters
        match field:
            case Field.HOST:
                return TextColumnIndex(hosts.name)
            case Field.CLUSTER:
                return TextColumnIndex(_followed(hosts.cluster, clusters.name))
            case Field.DATACENTER:
                return TextColumnIndex(_followed(hosts.cluster, clusters.datacenter))
            case _:
                raise AssertionError(f"hosts have no {field}")

    def _size_mib(self) -> FloatArray:
        return self._snapshot.hosts.memory_mib


def _expanded(condition: Match, *patterns: str) -> Sequence[str]:
    """The patterns to search for: a folder stands for what is within it, too."""
    asked = patterns or condition.patterns
    if condition.field is not Field.FOLDER:
        return asked
    stripped = [pattern.rstrip("/") for pattern in asked]
    return [*stripped, *(f"{pattern}/*" for pattern in stripped)]


def _followed(rows: IndexArray, names: Sequence[str]) -> list[str]:
    """The name that each row refers to; "" for none."""
    # Row -1, none, finds the text appended last.
    known = [*names, ""]
    return [known[row] for row in rows.tolist()]


def _pool_paths(snapshot: Snapshot) -> list[tuple[str, ...]]:
    """For each VM the names of its pool and of the pools around that one."""
    pools = snapshot.pools
    paths: list[tuple[str, ...]] = []
    for pool in range(len(pools)):
        names: list[str] = []
        seen: set[int] = set()
        row = pool
        # A snapshot file may be wrong and have pools in a circle.
        while row >= 0 and row not in seen:
            seen.add(row)
            names.append(pools.name[row])
            row = int(pools.parent[row])
        paths.append(tuple(names))
    paths.append(())
    return [paths[row] for row in snapshot.vms.pool.tolist()]
