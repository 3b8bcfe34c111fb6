"""The kinds of placement rules, and what asking about them is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vsphere_market.units import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class PairRule:
    """VMs to keep together or apart.

    Attributes:
        name: for people.
        vms: rows of its members.
        apart: apart, else together.
        mandatory: each violating pair is a breach, and costs no points.
        penalty: points for each violating pair; 0 for a mandatory rule.
    """

    name: str
    vms: tuple[int, ...]
    apart: bool
    mandatory: bool
    penalty: float


@dataclass(frozen=True, slots=True)
class HostRule:
    """VMs that run on some hosts only.

    Attributes:
        name: for people.
        vms: rows of its members.
        allowed: (H,) where they may run.
        mandatory: each member elsewhere is a breach, and costs no points.
        penalty: points for each member elsewhere; 0 for a mandatory rule.
    """

    name: str
    vms: tuple[int, ...]
    allowed: BoolArray
    mandatory: bool
    penalty: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """VMs that shall not crowd a host, nor spread over many.

    Attributes:
        name: for people.
        vms: rows of its members.
        per_host: at most so many on one host; +inf for no such bound.
        hosts_used: at most so many hosts with any of them; +inf for no such bound.
        mandatory: each VM, and each host, too many is a breach, and costs no points.
        penalty: points for each VM, and each host, too many; 0 for a mandatory rule.
    """

    name: str
    vms: tuple[int, ...]
    per_host: float
    hosts_used: float
    mandatory: bool
    penalty: float

    def excess(self, others: FloatArray) -> FloatArray:
        """(H,) what one more member on each host would be too many, beside ``others`` (H,)."""
        over = (others >= self.per_host).astype(np.float64)
        if (others > 0).sum() >= self.hosts_used:
            over += others <= 0
        return over


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What each host, (H,), would mean to the rules of one VM; (H, n) for several.

    Attributes:
        points: what soft rules cost with it there.
        breaches: of mandatory rules that it would have a part in there.
        kept: no mandatory rule would be broken more than now, and no soft one either, unless
            there were fewer breaches.
    """

    points: FloatArray
    breaches: FloatArray
    kept: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class Stakes:
    """What n rules of a kind are about, as arrays; (n,) each.

    Attributes:
        rules: the rules.
        mandatory: violations are breaches.
        penalty: points for each violation.
    """

    rules: Sequence[PairRule | HostRule | Crowd]
    mandatory: BoolArray
    penalty: FloatArray

    @classmethod
    def of(cls, rules: Sequence[PairRule | HostRule | Crowd]) -> Stakes:
        """What some rules mean."""
        return cls(
            rules,
            np.array([rule.mandatory for rule in rules], dtype=np.bool_),
            np.array([rule.penalty for rule in rules]),
        )
