"""How few moves anybody needs to come to a potential: a number that nobody can go below, by HiGHS.

A relaxation, so that what it says holds for every plan: VMs may be cut, but hosts may not be left
by, nor come to by, half a VM. Which share of a VM goes where is a number between 0 and 1; how many
leave a host and how many come to it are whole numbers; and what a host's load costs, which is
convex, is no less than its tangents. Of all that comes to the potential, the least number of moves
is asked for. Tangents are added where the solution has its loads until its true potential is near
enough, or time is up: what is known by then holds as well.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np

from vsphere_market.market.goods import Supply
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.placement import Marketplace
from vsphere_market.units import FloatArray, IndexArray

#: Loads, as shares of capacity, at which tangents are drawn to begin with.
DRAWN_AT = (0.0, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1)
#: Rounds of tangents before counts have to be whole numbers, and after.
ROUNDS, WHOLE_ROUNDS = 8, 3
#: A solution whose true potential is above what was asked for by this share is near enough.
NEAR = 3e-4
#: Points in the solver's unit, which likes numbers near one.
UNIT = 1e5
#: What the solver may be wrong by.
TOLERANCE = 1e-5
INF = highspy.kHighsInf


def least_moves(ledger: Ledger, place: Marketplace, potential: float, seconds: float = 60.0) -> int:
    """No plan of fewer moves than this comes down to a potential, each VM counted once.

    Rules and room are not looked at, so that a plan may need more.

    Args:
        ledger: the estate as it stands.
        place: its one cluster, the whole market.
        potential: points that are to be reached.
        seconds: to look for it; whatever was found by then is told.

    Raises:
        ValueError: no placement comes down to it.
    """
    cost = float(ledger.supply.cost(ledger.load[place.hosts], place.hosts).sum())
    if potential >= ledger.potential():
        return 0
    return _Counting(ledger, place, potential - (ledger.potential() - cost)).least(seconds)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Rows of the problem: entries (row, column, value), and bounds."""

    at: IndexArray
    columns: IndexArray
    values: FloatArray
    low: FloatArray
    high: FloatArray


class _Counting:
    """The problem of one cluster.

    Columns: the share of each VM on each other host that it may go to; loads (hosts, K), their
    costs (hosts, K), how many leave each host, and how many come.
    """

    def __init__(self, ledger: Ledger, place: Marketplace, target: float) -> None:
        self.supply: Supply = ledger.supply
        self.hosts, self.target = place.hosts, target
        self.start: FloatArray = ledger.load[place.hosts]
        self.taken: FloatArray = ledger.taken[place.vms]
        self.unit: FloatArray = np.maximum(self.taken.max(axis=0), 1.0)
        self.home: IndexArray = np.searchsorted(place.hosts, ledger.host_of[place.vms])
        allowed = place.possible()
        allowed[np.arange(len(self.home)), self.home] = False
        self.vm, self.to = np.nonzero(allowed)
        self.loads = len(self.vm) + np.arange(self.start.size).reshape(self.start.shape)
        self.costs = self.loads + self.start.size
        self.left = int(self.costs.max()) + 1 + np.arange(len(self.hosts))
        self.came = self.left + len(self.hosts)
        self.solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        self.solver.setOptionValue("output_flag", False)
        self.solver.setOptionValue("threads", 1)
        self.solver.passModel(self._model())

    def least(self, seconds: float) -> int:
        """The least number of moves; what is known of it after so long."""
        end = time.monotonic() + seconds
        for share in DRAWN_AT:
            self._draw(self.supply.capacity[self.hosts] * share)
        self._draw(self.start)
        known = 0.0
        for _ in range(ROUNDS):
            if not self._run(end):
                break
            known = max(known, self.solver.getInfo().objective_function_value)
            if not self._drawn_nearer():
                break
        counts = np.concatenate([self.left, self.came])
        whole = np.array([highspy.HighsVarType.kInteger] * len(counts))
        self.solver.changeColsIntegrality(len(counts), counts, whole)
        for _ in range(WHOLE_ROUNDS):
            solved = self._run(end)
            bound = self.solver.getInfo().mip_dual_bound
            known = max(known, bound if math.isfinite(bound) else 0.0)
            if not solved or not self._drawn_nearer():
                break
        return math.ceil(known - TOLERANCE)

    def _run(self, end: float) -> bool:
        """Solve until a time; whether it was solved."""
        # The solver counts the time of all its runs together.
        left = self.solver.getRunTime() + max(end - time.monotonic(), 0.1)
        self.solver.setOptionValue("time_limit", left)
        self.solver.run()
        status = self.solver.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            raise ValueError("no placement comes down to this potential")
        return bool(status == highspy.HighsModelStatus.kOptimal)

    def _drawn_nearer(self) -> bool:
        """Draw tangents at the solution's loads, unless it costs about what it says."""
        found = np.array(self.solver.getSolution().col_value)
        load = found[self.loads] * self.unit
        if float(self.supply.cost(load, self.hosts).sum()) <= self.target + NEAR * abs(self.target):
            return False
        self._draw(load)
        return True

    def _draw(self, load: FloatArray) -> None:
        """Costs are no less than their tangents at loads (hosts, K)."""
        price, cost = self.supply.price(load, self.hosts), self._by_column(load)
        floor = (cost - price * load) / UNIT
        slope = price * self.unit / UNIT
        for at in np.ndindex(load.shape):
            columns = np.array([self.costs[at], self.loads[at]])
            self.solver.addRow(float(floor[at]), INF, 2, columns, np.array([1.0, -slope[at]]))

    def _by_column(self, load: FloatArray) -> FloatArray:
        capacity = self.supply.capacity[self.hosts]
        cost = np.empty_like(load)
        for good in self.supply.goods:
            part = capacity[:, good.columns]
            value = good.curve.integral(load[:, good.columns] / part)
            cost[:, good.columns] = part * value * good.weight
        return cost

    def _model(self) -> Any:
        rows = [self._once(), *self._amounts(), *self._counts(), self._reached()]
        heights = np.cumsum([0, *(len(part.low) for part in rows)])
        at = np.concatenate(
            [part.at + height for part, height in zip(rows, heights[:-1], strict=True)]
        )
        order = np.argsort(at, kind="stable")
        model = highspy.HighsLp()
        columns = int(self.came.max()) + 1
        model.num_col_, model.num_row_ = columns, int(heights[-1])
        cost, most = np.zeros(columns), np.full(columns, INF)
        cost[: len(self.vm)] = most[: len(self.vm)] = 1.0
        model.col_cost_, model.col_lower_, model.col_upper_ = cost, np.zeros(columns), most
        model.row_lower_ = np.concatenate([part.low for part in rows])
        model.row_upper_ = np.concatenate([part.high for part in rows])
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.searchsorted(at[order], np.arange(int(heights[-1]) + 1))
        model.a_matrix_.index_ = np.concatenate([part.columns for part in rows])[order]
        model.a_matrix_.value_ = np.concatenate([part.values for part in rows])[order]
        return model

    def _once(self) -> _Rows:
        """No VM is in two places."""
        vms = len(self.home)
        shares = np.arange(len(self.vm))
        return _Rows(self.vm, shares, np.ones(len(shares)), np.full(vms, -INF), np.ones(vms))

    def _amounts(self) -> list[_Rows]:
        """Loads are what was there, less what leaves, and what comes; one good after the other."""
        hosts, shares, found = len(self.hosts), np.arange(len(self.vm)), []
        for good in range(self.start.shape[1]):
            amount = self.taken[self.vm, good] / self.unit[good]
            begin = self.start[:, good] / self.unit[good]
            found.append(
                _Rows(
                    np.concatenate([self.to, self.home[self.vm], np.arange(hosts)]),
                    np.concatenate([shares, shares, self.loads[:, good]]),
                    np.concatenate([-amount, amount, np.ones(hosts)]),
                    begin,
                    begin,
                )
            )
        return found

    def _counts(self) -> list[_Rows]:
        """How many leave each host, and how many come."""
        hosts, shares = len(self.hosts), np.arange(len(self.vm))
        ends = ((self.home[self.vm], self.left), (self.to, self.came))
        return [
            _Rows(
                np.concatenate([end, np.arange(hosts)]),
                np.concatenate([shares, counts]),
                np.concatenate([np.ones(len(shares)), -np.ones(hosts)]),
                np.zeros(hosts),
                np.zeros(hosts),
            )
            for end, counts in ends
        ]

    def _reached(self) -> _Rows:
        """All costs together come down to what is asked for."""
        every = self.costs.reshape(-1)
        return _Rows(
            np.zeros(len(every), dtype=np.int64),
            every,
            np.ones(len(every)),
            np.array([-INF]),
            np.array([self.target / UNIT]),
        )
