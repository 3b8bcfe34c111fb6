"""Shapes of JSON documents: one declaration both checks a document and publishes its schema.

Reader and JSON Schema cannot disagree, because both come from the same shape. What a schema cannot
say (a time that does not exist, a reference to nothing, an order) is checked by whoever reads.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

DIALECT = "https://json-schema.org/draft/2020-12/schema"

#: ISO 8601 with an offset, at most microseconds. ASCII digits only.
TIME_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"
)


class Misfit(ValueError):
    """A value that does not have its shape. ``pointer`` is the JSON pointer to it."""

    def __init__(self, pointer: str, what: str) -> None:
        self.pointer = pointer
        super().__init__(what)


class Shape(Protocol):
    """What a value must look like."""

    def check(self, value: Any, pointer: str) -> None:
        """Raise :class:`Misfit` unless ``value``, found at ``pointer``, has this shape."""

    def schema(self) -> dict[str, Any]:
        """The same as JSON Schema (2020-12)."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string: any, one of ``choices``, or at least ``least`` characters."""

    choices: tuple[str, ...] = ()
    least: int = 0

    def check(self, value: Any, pointer: str) -> None:
        """See :class:`Shape`."""
        if not isinstance(value, str):
            raise Misfit(pointer, "must be a string")
        if self.choices and value not in self.choices:
            listed = ", ".join(f'"{choice}"' for choice in self.choices)
            what = f"must be {listed}" if len(self.choices) == 1 else f"must be one of {listed}"
            raise Misfit(pointer, what)
        if len(value) < self.least:
            raise Misfit(pointer, "must not be empty")

    def schema(self) -> dict[str, Any]:
        """See :class:`Shape`."""
        if len(self.choices) == 1:
            return {"const": self.choices[0]}
        if self.choices:
            return {"enum": list(self.choices)}
        return {"type": "string", "minLength": self.least} if self.least else {"type": "string"}


@dataclass(frozen=True, slots=True)
class Time:
    """A time as ISO 8601 with an offset; whether it exists is for the reader to find out."""

    def check(self, value: Any, pointer: str) -> None:
        """See :class:`Shape`."""
        if not isinstance(value, str) or not re.search(TIME_PATTERN, value):
            raise Misfit(pointer, "must be a time such as 2026-11-23T08:00:00Z")

    def schema(self) -> dict[str, Any]:
        """See :class:`Shape`."""
        return {"type": "string", "format": "date-time", "pattern": TIME_PATTERN}


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number, ``low`` or more."""

    low: float | None = None

    def check(self, value: Any, pointer: str) -> None:
        """See :class:`Shape`."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Misfit(pointer, "must be a number")
        # An integer beyond float's range is as good as infinite.
        if not -sys.float_info.max <= value <= sys.float_info.max:
            raise Misfit(pointer, "must be a finite number")
        if self.low is not None and value < self.low:
            raise Misfit(pointer, f"is {value}, must be {self.low:g} or more")

    def schema(self) -> dict[str, Any]:
        """See :class:`Shape`."""
        return {"type": "number"} if self.low is None else {"type": "number", "minimum": self.low}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, ``low`` or more; null where ``nullable``. ``4.0`` is whole too."""

    low: int = 0
    nullable: bool = False

    def check(self, value: Any, pointer: str) -> None:
        """See :class:`Shape`."""
        if value is None and self.nullable:
            return
        wanted = "must be a whole number" + (" or null" if self.nullable else "")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Misfit(pointer, wanted)
        if isinstance(value, float) and not value.is_integer():
            raise Misfit(pointer, wanted)
        if value < self.low:
            raise Misfit(pointer, f"is {value}, must be {self.low} or more")

    def schema(self) -> dict[str, Any]:
        """See :class:`Shape`."""
        kind: Any = ["integer", "null"] if self.nullable else "integer"
        return {"type": kind, "minimum": self.low}


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def check(self, value: Any, pointer: str) -> None:
        """See :class:`Shape`."""
        if not isinstance(value, bool):
            raise Misfit(pointer, "must be true or false")

    def schema(self) -> dict[str, Any]:
        """See :class:`Shape`."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose items all have one shape."""

    item: Shape

    def check(self, value: Any, pointer: str) -> None:
        """See :class:`Shape`."""
        if not isinstance(value, list):
            raise Misfit(pointer, "must be a list")
        for at, item in enumerate(value):
            self.item.check(item, f"{pointer}/{at}")

    def schema(self) -> dict[str, Any]:
        """See :class:`Shape`."""
        return {"type": "array", "items": self.item.schema()}


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a record: its shape, one sentence on it, whether it must be there."""

    shape: Shape
    doc: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """An object with none but the declared members."""

    fields: Mapping[str, Field]
    doc: str = ""

    def check(self, value: Any, pointer: str) -> None:
        """See :class:`Shape`."""
        if not isinstance(value, dict):
            raise Misfit(pointer, "must be an object")
        for name in value:
            if name not in self.fields:
                raise Misfit(f"{pointer}/{_escaped(name)}", "is not a known property")
        for name, member in self.fields.items():
            if name in value:
                member.shape.check(value[name], f"{pointer}/{name}")
            elif member.required:
                raise Misfit(pointer, f"has no {name}")

    def schema(self) -> dict[str, Any]:
        """See :class:`Shape`."""
        properties = {}
        for name, member in self.fields.items():
            part = member.shape.schema()
            # What the member means here says more than what its shape means anywhere.
            properties[name] = {**part, "description": member.doc} if member.doc else part
        schema: dict[str, Any] = {
            "type": "object",
            "additionalProperties": False,
            "required": [name for name, member in self.fields.items() if member.required],
            "properties": properties,
        }
        return {**schema, "description": self.doc} if self.doc else schema


@dataclass(frozen=True, slots=True)
class Tagged:
    """An object whose member ``tag`` says which record it is."""

    tag: str
    records: Mapping[str, Record] = field(default_factory=dict)

    def check(self, value: Any, pointer: str) -> None:
        """See :class:`Shape`."""
        if not isinstance(value, dict):
            raise Misfit(pointer, "must be an object")
        if self.tag not in value:
            raise Misfit(pointer, f"has no {self.tag}")
        Text(tuple(self.records)).check(value[self.tag], f"{pointer}/{self.tag}")
        self.records[value[self.tag]].check(value, pointer)

    def schema(self) -> dict[str, Any]:
        """See :class:`Shape`. An if-then per record, so that errors name the one that is meant."""
        return {
            "type": "object",
            "required": [self.tag],
            "properties": {self.tag: {"enum": list(self.records)}},
            "allOf": [
                {
                    "if": {"properties": {self.tag: {"const": name}}, "required": [self.tag]},
                    "then": record.schema(),
                }
                for name, record in self.records.items()
            ],
        }


def published(shape: Shape, ident: str, title: str) -> dict[str, Any]:
    """A shape as a JSON Schema document of its own."""
    return {"$schema": DIALECT, "$id": ident, "title": title, **shape.schema()}


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
