"""Pseudonyms for sharing: the same name always becomes the same pseudonym, for who has the key.

Names are replaced before anything is looked at, in the snapshot itself, so whatever is made from
it, page, JSON or CSV, cannot hold what is no longer there. A pseudonym is a keyed hash (HMAC with
SHA-256): without the key nobody can try names until one fits.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Any, TypeVar

from vsphere_market.estate import Snapshot, Source
from vsphere_market.estate.columns import Table
from vsphere_market.policy import Rulebook

T = TypeVar("T", bound=Table)
#: Characters of a pseudonym: 40 bits; more where two would be alike.
_LENGTH = 8
#: Tables and what their rows are called.
_KINDS = {
    "clusters": "cluster",
    "hosts": "host",
    "pools": "pool",
    "datastores": "store",
    "vms": "vm",
    "rules": "rule",
}
#: Versions and states that stay, because they name nobody. Everything else that is text goes.
_KEPT = frozenset(
    (
        "power",
        "connection",
        "guest_os",
        "version",
        "licence_features",
        "drs_behavior",
        "kind",
        "vsan",
    )
)
#: What a managing extension is taken for: only whether there is one matters.
_KEPT_OWNERS = ("rvtools/unlisted", "vCLS")


class Names:
    """Gives pseudonyms and remembers them, so that no two names share one.

    Args:
        key: secret; the same key gives the same pseudonyms.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:
            raise ValueError("the key has less than 16 bytes")
        self._key = key
        self._given: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()

    def of(self, kind: str, name: str) -> str:
        """The pseudonym of a name, ``vm-k3xw7a2q``; "" stays ""."""
        if not name:
            return ""
        known = self._given.get((kind, name))
        if known is not None:
            return known
        digest = hmac.digest(self._key, f"{kind}\0{name}".encode(), hashlib.sha256)
        letters = base64.b32encode(digest).decode().lower().rstrip("=")
        length = _LENGTH
        while (told := f"{kind}-{letters[:length]}") in self._taken:
            length += 1
        self._taken.add(told)
        self._given[kind, name] = told
        return told

    def scrub(self, sentence: str) -> str:
        """A sentence with every name that was given a pseudonym replaced, the longest first."""
        names = sorted(
            ((name, told) for (_, name), told in self._given.items() if name in sentence),
            key=lambda pair: -len(pair[0]),
        )
        for name, told in names:
            bounded = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
            sentence = re.sub(bounded, told, sentence)
        return sentence


def anonymised(snapshot: Snapshot, rulebook: Rulebook, names: Names) -> tuple[Snapshot, Rulebook]:
    """A snapshot and its rulebook without names, addresses, ids, tags and notes.

    Sizes, counters, settings, versions, guest systems and times stay. Rows keep their numbers.

    Args:
        snapshot: the estate.
        rulebook: what was compiled for it.
        names: gives the pseudonyms.
    """
    tables = {
        table: _table(getattr(snapshot, table), kind, names) for table, kind in _KINDS.items()
    }
    source = snapshot.source
    told = Source(
        kind=source.kind,
        name=names.of("vcenter", source.instance_uuid or source.name),
        version=source.version,
    )
    hidden = dataclasses.replace(
        snapshot,
        source=told,
        missing=tuple(names.scrub(line) for line in snapshot.missing),
        **tables,
    )
    return hidden, dataclasses.replace(
        rulebook,
        rules=_table(rulebook.rules, "rule", names),
        crowds=tuple(
            dataclasses.replace(crowd, name=names.of("rule", crowd.name))
            for crowd in rulebook.crowds
        ),
        budgets=tuple(
            dataclasses.replace(budget, name=names.of("budget", budget.name))
            for budget in rulebook.budgets
        ),
        sources={},
    )


def _table(table: T, kind: str, names: Names) -> T:
    columns: dict[str, Any] = {}
    for name, column in table.columns().items():
        values = getattr(table, name)
        if name in _KEPT:
            continue
        if column.kind.value == "words":
            columns[name] = [() for _ in values]
        elif column.kind.value != "text":
            continue
        elif name == "moid":
            columns[name] = [names.of(f"{kind}-id", value) for value in values]
        elif name == "name":
            columns[name] = _distinct(names, kind, values, table)
        elif name == "instance_uuid":
            columns[name] = [names.of("uuid", value) for value in values]
        elif name == "managed_by":
            columns[name] = [
                value if value in _KEPT_OWNERS or not value else "extension" for value in values
            ]
        elif name == "datacenter":
            columns[name] = [names.of("datacenter", value) for value in values]
        else:
            columns[name] = ["" for _ in values]
    return table.replace(**columns)


def _distinct(names: Names, kind: str, values: Iterable[str], table: Table) -> list[str]:
    """Names of rows; what stands in for VMs that are not listed says so, and names nobody."""
    owners = getattr(table, "managed_by", None)
    return [
        "(not in the export)"
        if owners is not None and owners[at] == _KEPT_OWNERS[0]
        else names.of(kind, value)
        for at, value in enumerate(values)
    ]
