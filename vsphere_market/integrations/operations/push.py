"""Sending the figures to Operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vsphere_market.integrations.operations.client import Operations
from vsphere_market.integrations.operations.figures import Figure, Figures


@dataclass(frozen=True, slots=True)
class PushResult:
    """What was sent.

    Attributes:
        objects: objects that Operations knows, and was told of.
        unknown: objects that it does not know (yet): it collects every five minutes.
    """

    objects: int
    unknown: int


def push(operations: Operations, figures: Figures, vcenter: str) -> PushResult:
    """Tell Operations of every object that it knows.

    Args:
        operations: where to.
        figures: of one moment.
        vcenter: instance UUID of the vCenter, "" when it is not known.

    Raises:
        UnreachableError, NotPermittedError: as ``Operations`` says.
    """
    contents: list[Mapping[str, Any]] = []
    unknown = 0
    for kind, objects in figures.by_kind.items():
        if not objects:
            continue
        known = operations.resources(kind, vcenter)
        for moid, of_one in objects.items():
            if identifier := known.get(moid):
                contents.append(
                    {"id": identifier, "stat-contents": _contents(of_one, figures.at_s)}
                )
            else:
                unknown += 1
    operations.add_statistics(contents)
    return PushResult(len(contents), unknown)


def _contents(figures: Sequence[Figure], at_s: float) -> list[dict[str, Any]]:
    """Numbers as ``data``, texts as ``values``: the API takes one of them per key."""
    return [
        {
            "statKey": figure.stat_key,
            "timestamps": [round(at_s * 1000)],
            ("values" if isinstance(figure.value, str) else "data"): [figure.value],
        }
        for figure in figures
    ]
