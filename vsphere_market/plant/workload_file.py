"""Reading workloads out of estate files."""

from __future__ import annotations

import math
from pathlib import Path

from vsphere_market.plant.document import Node
from vsphere_market.plant.traces import TraceLibrary
from vsphere_market.plant.workload import PARAMETERS, Series, Shape, Workload

_FIELDS = (
    "working_set", "footprint", "cache", "idle_touch_min", "drift_pct_per_h", "write_share",
    "cpu", "shapes", "like",
)  # fmt: skip


class WorkloadReader:
    """The workloads of one estate: those it names at its top, and those written in place."""

    def __init__(self, estate: Node, folder: Path | None) -> None:
        self._named = dict(estate.members("workloads"))
        self._traces = TraceLibrary(folder)
        self._turns: dict[str, int] = {}

    def workload(self, vm: Node) -> Workload:
        """The workload of the next VM of an entry: a name, an object, or nothing."""
        if not vm.has("workload"):
            return Workload()
        node = vm.child("workload")
        return self._read(self._lookup(node) if isinstance(node.value, str) else node)

    def _lookup(self, node: Node) -> Node:
        found = self._named.get(node.value)
        if found is None:
            known = ", ".join(self._named) or "none"
            raise node.error(f"{node.value} is no workload", f"this estate names {known}")
        return found

    def _read(self, node: Node, depth: int = 0) -> Workload:
        node.only(*_FIELDS)
        base = Workload()
        if node.has("like"):
            if depth > 8:
                raise node.error("goes round in a circle", "name another workload", at="like")
            node.text("like")
            base = self._read(self._lookup(node.child("like")), depth + 1)
        idle_min = node.number("idle_touch_min", 0.0, unit="minutes")
        idle_s = 60.0 * idle_min if idle_min else math.inf
        return Workload(
            working_set=node.number("working_set", base.working_set, high=20.0),
            footprint=node.number("footprint", base.footprint, high=1.0),
            cache=node.number("cache", base.cache, high=1.0),
            idle_touch_s=idle_s if node.has("idle_touch_min") else base.idle_touch_s,
            drift_per_h=node.number("drift_pct_per_h", 100.0 * base.drift_per_h) / 100.0,
            write_share=node.number("write_share", base.write_share, high=10.0),
            cpu=node.number("cpu", base.cpu, high=1.0),
            shapes=base.shapes + tuple(self._shape(item) for item in node.items("shapes")),
        )

    def _shape(self, node: Node) -> Shape:
        kind = node.text("kind", choices=tuple(PARAMETERS))
        defaults = PARAMETERS[kind]
        extra = ("trace", "vm") if kind == "trace" else ()
        node.only("kind", *defaults, *extra)
        # Amplitudes may be negative (a working set that falls at night); times may not.
        numbers = {
            name: node.number(
                name,
                *(() if math.isnan(default) else (default,)),
                low=-20.0 if name in ("amplitude", "offset_hours") else 0.0,
            )
            for name, default in defaults.items()
        }
        for name in ("per_day", "minutes", "on_hours", "off_hours", "restart_days"):
            if numbers.get(name) == 0.0:
                raise node.error("must be more than 0", at=name)
        return Shape(kind, numbers, self._series(node) if kind == "trace" else None)

    def _series(self, node: Node) -> Series:
        """The series a shape names, or the next of its file for the next VM."""
        source = node.text("trace", "bitbrains")
        if node.has("vm"):
            label = node.value["vm"]
            return self._traces.series(node, source, str(label))
        turn = self._turns.get(source, 0)
        self._turns[source] = turn + 1
        return self._traces.nth(node, source, turn)
