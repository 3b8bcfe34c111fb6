"""Answers that are made once and sent often: bytes, the same compressed, and their entity tag."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

#: Shorter answers are not worth compressing.
_WORTH_BYTES = 1024
_LEVEL = 5


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer as it is sent.

    Attributes:
        body: JSON.
        packed: the same with gzip, b"" where that is not worth it.
        etag: changes with the body.
    """

    body: bytes
    packed: bytes
    etag: str


def ready(document: Any) -> Ready:
    """Make an answer of a document."""
    body = json_bytes(document)
    packed = gzip.compress(body, _LEVEL, mtime=0) if len(body) >= _WORTH_BYTES else b""
    return Ready(body, packed, f'"{hashlib.sha256(body).hexdigest()[:24]}"')


def json_bytes(document: Any) -> bytes:
    """A document as JSON. What is not a number (not given, no limit) is null."""
    try:
        return json.dumps(
            document, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode("utf-8", "replace")
    except (ValueError, TypeError):
        return json.dumps(
            plain(document), ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode("utf-8", "replace")


def plain(value: Any) -> Any:
    """The same in JSON's own kinds of values: numpy's numbers, enums and tuples are translated."""
    match value:
        case bool() | None:
            return value
        case Enum():
            return plain(value.value)
        case str() | int():
            return value
        case float():
            return float(value) if math.isfinite(value) else None
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case np.ndarray():
            return [plain(item) for item in value.tolist()]
        case np.generic():
            return plain(value.item())
        case list() | tuple() | frozenset() | set():
            return [plain(item) for item in value]
        case _:
            raise TypeError(f"{type(value).__name__} has no form in JSON")


class Shelf:
    """Answers about one state of the world, made when first asked for.

    Args:
        most: so many are kept; the one unused longest makes way.
    """

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, Ready] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Any]) -> Ready:
        """The answer of that name; ``make`` gives its document if it is not there yet.

        Of many who ask at once only one makes it, and the others wait for it.
        """
        found = self.peek(key)
        if found is not None:
            return found
        with self._lock:
            turn = self._making.setdefault(key, threading.Lock())
        try:
            with turn:
                found = self.peek(key)
                if found is not None:
                    return found
                fresh = ready(make())
                with self._lock:
                    self._made[key] = fresh
                    if len(self._made) > self._most:
                        self._made.popitem(last=False)
                return fresh
        finally:
            with self._lock:
                self._making.pop(key, None)

    def peek(self, key: Hashable) -> Ready | None:
        """The answer of that name, if it is there."""
        with self._lock:
            found = self._made.get(key)
            if found is not None:
                self._made.move_to_end(key)
            return found
