"""Cursors: where the next page of a sorted list begins.

A cursor names the last row that was seen by its value and its id, not by its place. So it goes on
at the right row although turns pass between two pages, and whichever filter is on.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vsphere_market.service.problems import HttpProblem
from vsphere_market.units import BoolArray, FloatArray, IndexArray

Key = float | str


def by_number(keys: FloatArray, rank: IndexArray, mask: BoolArray, descending: bool) -> list[int]:
    """Rows in order of numbers; what is not given comes last, whichever way.

    Args:
        keys: (n,) what they are sorted by.
        rank: (n,) order of their ids, which settles ties.
        mask: (n,) rows that are wanted.
        descending: the largest first.
    """
    rows = np.flatnonzero(mask)
    values = keys[rows]
    away = np.isnan(values)
    signed = np.where(away, 0.0, -values if descending else values)
    order: list[int] = rows[np.lexsort((rank[rows], signed, away))].tolist()
    return order


def by_text(keys: Sequence[str], rank: IndexArray, mask: BoolArray, descending: bool) -> list[int]:
    """Rows in order of texts; arguments as in :func:`by_number`."""
    rows = sorted(np.flatnonzero(mask).tolist(), key=rank.__getitem__)
    rows.sort(key=keys.__getitem__, reverse=descending)
    return rows


def start(
    order: Sequence[int],
    key_of: Callable[[int], Key],
    ids: Sequence[str],
    descending: bool,
    cursor: str,
    offset: int = 0,
) -> int:
    """Place in ``order`` of the first row of a page.

    Args:
        order: rows as they are sorted.
        key_of: what a row is sorted by.
        ids: of all rows.
        descending: as they are sorted.
        cursor: names the last row that was seen; "" for none.
        offset: the place if there is no cursor.

    Raises:
        HttpProblem: the cursor is none.
    """
    if not cursor:
        return offset
    key, moid = _read_cursor(cursor, text=bool(order) and isinstance(key_of(order[0]), str))

    def comes_after(row: int) -> bool:
        return _compare(key_of(row), ids[row], key, moid, descending) > 0

    return bisect.bisect_left(order, True, key=comes_after)


def _compare(key: Key, moid: str, other: Key, than: str, descending: bool) -> int:
    """Whether a row comes after another in the order of the list: 1, 0 or -1."""
    if isinstance(key, float) and isinstance(other, float):
        away, their = math.isnan(key), math.isnan(other)
        if away != their:
            return 1 if away else -1
        if not away and key != other:
            return 1 if (key > other) != descending else -1
    elif isinstance(key, str) and isinstance(other, str) and key != other:
        return 1 if (key > other) != descending else -1
    if moid == than:
        return 0
    # Ties of descending texts keep the order of ids, as sorting backwards is stable.
    return 1 if moid > than else -1


def cursor_of(key: Key, moid: str) -> str:
    """The cursor of the page after a row."""
    value = None if isinstance(key, float) and math.isnan(key) else key
    text = json.dumps([_endless(value), moid], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def _endless(value: Key | None) -> Any:
    """Infinity has no form in JSON."""
    return {"end": value > 0} if isinstance(value, float) and math.isinf(value) else value


def _read_cursor(cursor: str, *, text: bool) -> tuple[Key, str]:
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        value, moid = json.loads(packed.decode("utf-8", "surrogatepass"))
        if isinstance(value, dict):
            value = math.inf if value["end"] else -math.inf
        key: Key = str(value) if text else (math.nan if value is None else float(value))
        if not isinstance(moid, str) or (text and not isinstance(value, str)):
            raise TypeError
    except (ValueError, TypeError, KeyError, binascii.Error, RecursionError):
        raise HttpProblem(
            404,
            "wrong-cursor",
            "there is no such page of this list",
            where="cursor",
            cure="begin with the first page, and do not change `sort` between pages",
        ) from None
    return key, moid
