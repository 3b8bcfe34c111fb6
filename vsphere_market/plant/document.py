"""Walking through a JSON document so that everything wrong with it is one clear sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from vsphere_market.errors import EstateError

_REQUIRED = object()


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document with the place it was found at.

    Attributes:
        value: parsed JSON.
        file: name of the document for errors.
        pointer: JSON pointer to the value.
    """

    value: Any
    file: str
    pointer: str = ""

    def error(self, what: str, cure: str = "", *, at: str = "") -> EstateError:
        """The error to raise about this place, or about the member ``at`` of it."""
        pointer = f"{self.pointer}/{at}" if at else self.pointer
        return EstateError(
            what, where=f"{self.file}#{pointer}" if pointer else self.file, cure=cure
        )

    def only(self, *known: str) -> None:
        """Check that this is an object with none but these members."""
        if not isinstance(self.value, dict):
            raise self.error("must be an object")
        for key in self.value:
            if key not in known and key not in ("$schema", "comment"):
                near = get_close_matches(key, known, 1)
                cure = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                raise self.error("is not a known property", cure, at=key)

    def has(self, key: str) -> bool:
        """Whether the object has that member."""
        return key in self.value

    def child(self, key: str) -> Node:
        """That member, which must be there."""
        if key not in self.value:
            raise self.error(f"has no {key}", f"add {key}")
        return Node(self.value[key], self.file, f"{self.pointer}/{_escaped(key)}")

    def items(self, key: str) -> Iterator[Node]:
        """The members of a list; an absent one is empty."""
        if key not in self.value:
            return
        node = self.child(key)
        if not isinstance(node.value, list):
            raise node.error("must be a list")
        for at, value in enumerate(node.value):
            yield Node(value, self.file, f"{node.pointer}/{at}")

    def members(self, key: str) -> Iterator[tuple[str, Node]]:
        """The members of an object by name; an absent one is empty."""
        if key not in self.value:
            return
        node = self.child(key)
        if not isinstance(node.value, dict):
            raise node.error("must be an object")
        for name in node.value:
            yield name, node.child(name)

    def text(self, key: str, default: Any = _REQUIRED, choices: Sequence[str] = ()) -> str:
        """A string, not empty unless that is the default."""
        if key not in self.value and default is not _REQUIRED:
            return str(default)
        node = self.child(key)
        if not isinstance(node.value, str) or not node.value.strip():
            raise node.error("must be a string that is not empty")
        if choices and node.value not in choices:
            near = get_close_matches(node.value, choices, 1)
            cure = f"did you mean {near[0]}?" if near else ""
            raise node.error(f"must be one of {', '.join(choices)}", cure)
        return node.value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        if key not in self.value:
            return default
        node = self.child(key)
        if not isinstance(node.value, bool):
            raise node.error("must be true or false")
        return node.value

    def number(
        self,
        key: str,
        default: Any = _REQUIRED,
        *,
        low: float = 0.0,
        high: float = math.inf,
        unit: str = "",
    ) -> float:
        """A finite number between bounds."""
        if key not in self.value and default is not _REQUIRED:
            return float(default)
        node = self.child(key)
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise node.error(f"must be a number{f' of {unit}' if unit else ''}")
        amount = float(value) if abs(value) < 1e300 else math.inf
        if not math.isfinite(amount):
            raise node.error("must be a finite number")
        if not low <= amount <= high:
            bounds = f"between {low:g} and {high:g}" if high < math.inf else f"{low:g} or more"
            raise node.error(f"is {value}, must be {bounds}{f' {unit}' if unit else ''}")
        return amount

    def whole(
        self, key: str, default: Any = _REQUIRED, *, low: int = 0, high: int = 1 << 40
    ) -> int:
        """A whole number between bounds."""
        amount = self.number(key, default, low=low, high=high)
        if amount != int(amount):
            raise self.child(key).error("must be a whole number")
        return int(amount)

    def words(self, key: str) -> tuple[str, ...]:
        """A list of strings, or one string; absent is none."""
        if key not in self.value:
            return ()
        node = self.child(key)
        value = [node.value] if isinstance(node.value, str) else node.value
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise node.error("must be a list of strings")
        return tuple(value)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
