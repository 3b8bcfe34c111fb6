"""Selectors: which VMs or hosts a document is about, as a small tree of conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vsphere_market.policy.problems import pointer
from vsphere_market.units import MIB_PER_GIB


class Field(StrEnum):
    """What a condition looks at; the value is its key in documents."""

    NAME = "name"
    CLUSTER = "cluster"
    DATACENTER = "datacenter"
    HOST = "host"
    FOLDER = "folder"
    POOL = "pool"
    TAG = "tag"
    ATTRIBUTE = "attribute"
    GUEST_OS = "guestOs"
    POWER = "power"


@dataclass(frozen=True, slots=True)
class Match:
    """One of the patterns fits the field. ``where`` is its JSON pointer within the document."""

    field: Field
    patterns: tuple[str, ...]
    where: str


@dataclass(frozen=True, slots=True)
class SizeRange:
    """The configured size lies between the bounds, both included."""

    min_mib: float
    max_mib: float
    where: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple[Selector, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Selector, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Selector


Selector = Match | SizeRange | AllOf | AnyOf | Not

#: What a document without selector is about.
EVERYTHING = AllOf(())


def parse_selector(document: Any, where: str) -> Selector:
    """Build the tree from JSON that the schema has accepted.

    Args:
        document: the selector's object, or None for everything.
        where: its JSON pointer within the document.
    """
    if document is None:
        return EVERYTHING
    parts = tuple(_condition(key, value, where + pointer(key)) for key, value in document.items())
    return parts[0] if len(parts) == 1 else AllOf(parts)


def matches(selector: Selector) -> Iterator[Match]:
    """All pattern conditions of a tree, those under ``not`` too."""
    match selector:
        case Match():
            yield selector
        case AllOf() | AnyOf():
            for part in selector.parts:
                yield from matches(part)
        case Not():
            yield from matches(selector.part)
        case SizeRange():
            pass


def _condition(key: str, value: Any, where: str) -> Selector:
    match key:
        case "all":
            return AllOf(_parts(value, where))
        case "any":
            return AnyOf(_parts(value, where))
        case "not":
            return Not(parse_selector(value, where))
        case "sizeGiB":
            return SizeRange(
                min_mib=value.get("min", 0.0) * MIB_PER_GIB,
                max_mib=value.get("max", float("inf")) * MIB_PER_GIB,
                where=where,
            )
    patterns = (value,) if isinstance(value, str) else tuple(value)
    return Match(Field(key), patterns, where)


def _parts(value: Any, where: str) -> tuple[Selector, ...]:
    return tuple(parse_selector(item, where + pointer(at)) for at, item in enumerate(value))
