"""Estates with more rows: hosts and VMs like ones that are there, and rules for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vsphere_market.estate import VSAN_MEMBER
from vsphere_market.market.engine import Question
from vsphere_market.policy import Rulebook, default_rulebook
from vsphere_market.port import ActionKind
from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: Counters of what has been taken from a VM, which a restart gives back.
TAKEN = (
    "ballooned_mib",
    "swapped_mib",
    "compressed_mib",
    "swap_in_kibps",
    "swap_out_kibps",
    "decompress_kibps",
    "latency_pct",
)


def with_more_hosts(question: Question, like: int, count: int) -> Question:
    """So many hosts like one of the estate, healthy and empty."""
    hosts = question.snapshot.hosts
    names = _fresh("added-host", hosts.moid, count)
    nothing = [0.0] * count
    more = _appended(
        hosts,
        like,
        count,
        moid=names,
        name=names,
        connection=["connected"] * count,
        power=["poweredOn"] * count,
        in_maintenance=[False] * count,
        in_quarantine=[False] * count,
        failover_host=[False] * count,
        vsan=[VSAN_MEMBER if hosts.vsan[like] == VSAN_MEMBER else ""] * count,
        **{f"{name}_mib": nothing for name in ("ballooned", "swapped", "compressed", "reserved")},
        swap_in_kibps=nothing,
        swap_out_kibps=nothing,
        consumed_mib=[float("nan")] * count,
    )
    snapshot = dataclasses.replace(question.snapshot, hosts=more)
    defaults = default_rulebook(snapshot)
    old = question.rulebook
    grown: dict[str, Any] = {
        name: np.concatenate([getattr(old, name), getattr(defaults, name)[len(hosts) :]])
        for name in _array_fields(old)
        if name.startswith("host_")
    }
    rulebook = dataclasses.replace(old, **grown)
    # What is held back of the cluster's hosts is held back of the new ones, too.
    rulebook.host_reserve[len(hosts) :] = old.host_reserve[like]
    rulebook.host_overcommit[len(hosts) :] = old.host_overcommit[like]
    return dataclasses.replace(question, snapshot=snapshot, rulebook=rulebook)


def with_more_vms(
    question: Question, like: int, count: int, size_mib: float
) -> tuple[Question, IndexArray]:
    """VMs like one of the estate, of another size if it is given, on no host yet; their rows."""
    vms, demand = question.snapshot.vms, question.demand
    size = float(vms.size_mib[like])
    factor = 1.0 if np.isnan(size_mib) else size_mib / max(size, 1.0)
    names = _fresh("added-vm", vms.moid, count)
    amounts = {
        name: [float(getattr(vms, name)[like]) * factor] * count
        for name in ("size_mib", "granted_mib", "active_mib", "active_peak_mib", "consumed_mib")
    }
    more = _appended(
        vms,
        like,
        count,
        moid=names,
        name=names,
        instance_uuid=names,
        host=[-1] * count,
        reservation_mib=[0.0] * count,
        limit_mib=[float("inf")] * count,
        tags=[()] * count,
        **amounts,
        **{name: [0.0] * count for name in TAKEN},
    )
    rows = np.arange(len(vms), len(vms) + count)

    def grown(column: FloatArray | BoolArray, by: float = 1.0) -> Any:
        row = column[like : like + 1]
        added = np.repeat(row * by if column.dtype != np.bool_ else row, count, axis=0)
        return np.concatenate([column, added])

    demand = dataclasses.replace(
        demand,
        footprint=grown(demand.footprint, factor),
        wanted=grown(demand.wanted, factor),
        lacking=grown(demand.lacking, factor),
        curve=grown(demand.curve, factor),
        cpu_mhz=grown(demand.cpu_mhz, factor),
        taken=np.concatenate([demand.taken, np.zeros(count)]),
        overhead=grown(demand.overhead),
        known=grown(demand.known),
        running=grown(demand.running),
        confidence=grown(demand.confidence),
        sizing=demand.sizing.with_more_like(like, count),
    )
    snapshot = dataclasses.replace(question.snapshot, vms=more)
    cooling = np.concatenate([question.cooling, np.zeros(count, dtype=np.bool_)])
    rulebook = _rules_for_more(question.rulebook, default_rulebook(snapshot), len(vms))
    return (
        dataclasses.replace(
            question, snapshot=snapshot, demand=demand, rulebook=rulebook, cooling=cooling
        ),
        rows,
    )


def _rules_for_more(old: Rulebook, defaults: Rulebook, count: int) -> Rulebook:
    """A rulebook whose further VMs have no policy of their own."""
    grown: dict[str, Any] = {
        name: np.concatenate([getattr(old, name), getattr(defaults, name)[count:]])
        for name in _array_fields(old)
        if not name.startswith("host_")
    }
    grown["modes"] = {
        kind: np.concatenate([mode, defaults.modes[ActionKind(kind)][count:]])
        for kind, mode in old.modes.items()
    }
    more = len(defaults.priority) - count
    grown["budgets"] = tuple(
        dataclasses.replace(
            budget, vms=np.concatenate([budget.vms, np.zeros(more, dtype=np.bool_)])
        )
        for budget in old.budgets
    )
    return dataclasses.replace(old, **grown)


def _appended(table: Any, like: int, count: int, **columns: Sequence[Any]) -> Any:
    """A table with ``count`` more rows, like one of its own but for the given columns."""
    whole = {}
    for name in table.columns():
        column = getattr(table, name)
        added = columns.get(name, [column[like]] * count)
        join: Callable[..., Any] = np.append if isinstance(column, np.ndarray) else _joined
        whole[name] = join(column, added)
    return table.replace(**whole)


def _joined(column: tuple[Any, ...], added: Sequence[Any]) -> tuple[Any, ...]:
    return (*column, *added)


def _fresh(stem: str, taken: Sequence[str], count: int) -> list[str]:
    """Names that no row has yet."""
    used = set(taken)
    names: list[str] = []
    number = 0
    while len(names) < count:
        number += 1
        if f"{stem}-{number}" not in used:
            names.append(f"{stem}-{number}")
    return names


def _array_fields(rulebook: Rulebook) -> list[str]:
    return [
        field.name
        for field in dataclasses.fields(rulebook)
        if isinstance(getattr(rulebook, field.name), np.ndarray)
    ]
