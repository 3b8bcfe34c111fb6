"""What the hosts of one cluster ask for every VM, worked out for whole columns at a time.

A quote needs the cost of a host's load with the VM added. For the curves it does not matter which
good a column belongs to, only which kind of curve it has, so columns of one kind are kept side by
side, VMs along the last axis: one pass of numpy over contiguous memory per kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.market.curves import Curve, DelayCurve, HingeCurve, HingeCurves, PlateauCurve
from vsphere_market.market.goods import Supply
from vsphere_market.units import FloatArray, IndexArray

#: Columns are asked in blocks of about so many numbers, which fit a processor's nearer cache
#: together with what is worked out on the way: with four times as many it takes twice as long.
BLOCK = 1 << 14


@dataclass(frozen=True, slots=True, eq=False)
class _Shelf:
    """The columns of one kind of curve.

    Attributes:
        curve: their curve, or curves.
        columns: their numbers among the K columns of goods.
        per_unit: (hosts, k, 1) one over capacity.
        worth: (hosts, k) weight times capacity.
        taken: (k, vms + 1) what each VM takes; the last takes nothing, for the host as it is.
    """

    curve: DelayCurve | PlateauCurve | HingeCurves
    columns: IndexArray
    per_unit: FloatArray
    worth: FloatArray
    taken: FloatArray

    def cost(self, load: FloatArray, at: IndexArray) -> FloatArray:
        """Points (n, m) of loads (n, k, m), which are used up, on hosts ``at`` (n,)."""
        load *= self.per_unit[at]
        value = self.curve.integral(load)
        # Not a matrix product: those of this size are not worth the threads that BLAS wakes.
        points: FloatArray = np.einsum("nk,nkm->nm", self.worth[at], value)
        return points


class QuoteBook:
    """Costs and quotes on the hosts of one cluster, by position ("slot") in ``hosts``.

    Args:
        supply: what hosts sell.
        hosts: rows of the cluster's hosts.
        taken: (vms, K) what each VM of the market takes.
    """

    def __init__(self, supply: Supply, hosts: IndexArray, taken: FloatArray) -> None:
        self._shelves: list[_Shelf] = []
        kinds: dict[DelayCurve | PlateauCurve | None, list[tuple[int, float, Curve]]] = {}
        for good in supply.goods:
            kind = None if isinstance(good.curve, HingeCurve) else good.curve
            for number, weight in zip(
                range(good.columns.start, good.columns.stop), good.weight.tolist(), strict=True
            ):
                kinds.setdefault(kind, []).append((number, weight, good.curve))
        for kind, members in kinds.items():
            columns = np.array([number for number, _, _ in members], dtype=np.int64)
            hinges = [curve for _, _, curve in members if isinstance(curve, HingeCurve)]
            capacity = supply.capacity[np.ix_(hosts, columns)]
            self._shelves.append(
                _Shelf(
                    kind or _side_by_side(hinges),
                    columns,
                    1.0 / capacity[:, :, None],
                    capacity * np.array([weight for _, weight, _ in members]),
                    np.concatenate([taken[:, columns].T, np.zeros((len(columns), 1))], axis=1),
                )
            )
        self._vms = len(taken)
        self._block = max(1, BLOCK // max(taken.size, 1))

    def cost(self, load: FloatArray, at: IndexArray) -> FloatArray:
        """Points (n,) of loads (n, K) on hosts ``at`` (n,)."""
        total: FloatArray = np.zeros(len(at))
        for shelf in self._shelves:
            total += shelf.cost(load[:, shelf.columns, None], at)[:, 0]
        return total

    def enter(self, load: FloatArray, at: IndexArray) -> FloatArray:
        """Points (n, vms) that each VM's arrival costs hosts ``at`` (n,) with loads (n, K)."""
        nobody = np.zeros(0, dtype=np.int64)
        return self.rise(load, at, nobody, nobody)

    def rise(
        self, load: FloatArray, at: IndexArray, homes: IndexArray, rows: IndexArray
    ) -> FloatArray:
        """Points (n, vms) by which each VM changes hosts ``at`` (n,): it comes, or it leaves.

        Args:
            load: (n, K) of these hosts.
            at: their slots.
            homes: (m,) positions in ``at`` of the hosts that VMs are on: these leave.
            rows: (m,) which VMs these are.
        """
        rise = np.empty((len(at), self._vms))
        for start in range(0, len(at), self._block):
            part = slice(start, start + self._block)
            here, loads = at[part], load[part]
            home, row = homes, rows
            if len(at) > self._block:
                mine = (homes >= start) & (homes < start + self._block)
                home, row = homes[mine] - start, rows[mine]
            total = np.zeros((len(here), self._vms + 1))
            for shelf in self._shelves:
                amounts = loads[:, shelf.columns, None] + shelf.taken
                if len(row):
                    left = loads[:, shelf.columns][home] - shelf.taken[:, row].T
                    amounts[home, :, row] = np.maximum(left, 0.0)
                total += shelf.cost(amounts, here)
            np.subtract(total[:, :-1], total[:, -1:], out=rise[part])
        return rise

    def leave(self, load: FloatArray, at: IndexArray, rows: IndexArray) -> FloatArray:
        """Points (n,) that leaving hosts ``at`` with loads (n, K) frees, for VMs ``rows`` (n,)."""
        total: FloatArray = np.zeros(len(rows))
        for shelf in self._shelves:
            both = np.empty((len(rows), len(shelf.columns), 2))
            both[:, :, 0] = load[:, shelf.columns]
            np.maximum(both[:, :, 0] - shelf.taken[:, rows].T, 0.0, out=both[:, :, 1])
            points = shelf.cost(both, at)
            total += points[:, 0] - points[:, 1]
        return total


def _side_by_side(hinges: list[HingeCurve]) -> HingeCurves:
    return HingeCurves(
        np.array([[hinge.start] for hinge in hinges]), np.array([[hinge.slope] for hinge in hinges])
    )
