"""What VMs pay for limits: of their own, and of the pools they run in."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.market import Cause, MarketSettings, Question, diagnose
from vsphere_market.market.acts import worth_of
from vsphere_market.market.bills import bills_of, goods_paid, pool_bills
from vsphere_market.market.cures import cures_of
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.trades import PoolChange
from vsphere_market.policy import Mode, default_rulebook
from vsphere_market.port import ActionKind, PoolSetting

SQUEEZED = {"granted_mib": 6000, "ballooned_mib": 2000, "active_mib": 2000}


def question(**pool: Any) -> Question:
    """Two VMs of 8 GiB in a pool of 12 GiB, and one beside it."""
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 131072)],
        pools=[
            {"moid": "root", "name": "Resources", "cluster": "domain-c1"},
            {"moid": "dev", "name": "dev", "cluster": "domain-c1", "parent": "root"}
            | {"limit_mib": 12288}
            | pool,
        ],
        vms=[
            vm_row("vm-1", "host-1", 8192, pool="dev", **SQUEEZED),
            vm_row("vm-2", "host-1", 8192, pool="dev", **SQUEEZED),
            vm_row("vm-3", "host-1", 8192, pool="root", granted_mib=8192),
        ],
    )
    return Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=default_rulebook(snapshot),
        settings=MarketSettings(),
        cooling=np.zeros(3, dtype=np.bool_),
    )


def test_a_pool_bills_those_that_hold_memory_in_it_and_nobody_else() -> None:
    bills = bills_of(question().ledger())
    assert bills.pool[0] == bills.pool[1] > bills.goods[0] > 0.0
    assert bills.pool[2] == 0.0
    assert not bills_of(question(limit_mib=20000).ledger()).pool.any()


def test_a_pools_bill_is_that_of_its_vms_and_what_it_pays_for_in_all_adds_up() -> None:
    ledger = question().ledger()
    bills = bills_of(ledger)
    (dev,) = pool_bills(ledger, bills)
    assert (dev.pool, dev.rows) == (1, (0, 1))
    assert dev.bill == bills.of([0, 1])
    assert dev.bill.total == pytest.approx(float(bills.total[:2].sum()))
    paid = goods_paid(ledger, 0)
    assert sum(points for _, points in paid) == pytest.approx(bills.goods[0])
    assert [points for _, points in paid] == sorted((part[1] for part in paid), reverse=True)


def nested() -> Question:
    """The same, ``dev`` within a pool of its own that nobody else runs in."""
    flat = question().snapshot
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 131072)],
        pools=[
            {"moid": "root", "name": "Resources", "cluster": "domain-c1"},
            {"moid": "all", "name": "all", "cluster": "domain-c1", "parent": "root"},
            {"moid": "dev", "name": "dev", "cluster": "domain-c1", "parent": "all"},
        ],
        vms=[
            vm_row(name, "host-1", 8192, pool=pool, **SQUEEZED)
            for name, pool in zip(flat.vms.name, ("dev", "dev", "root"), strict=True)
        ],
    )
    return dataclasses.replace(
        question(),
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=default_rulebook(snapshot),
    )


def test_who_runs_in_a_pool_within_a_pool_pays_in_both() -> None:
    ledger = nested().ledger()
    found = pool_bills(ledger, bills_of(ledger))
    assert {(one.pool, one.rows) for one in found} == {(1, (0, 1)), (2, (0, 1))}


def test_pools_within_pools_and_pools_that_are_their_own_ancestors_end() -> None:
    asked = question()
    pools = asked.snapshot.pools
    for parents in ([-1, 0], [1, 0], [0, 1]):
        odd = dataclasses.replace(
            asked.snapshot, pools=pools.replace(parent=np.array(parents, dtype=np.int64))
        )
        ledger = dataclasses.replace(asked, snapshot=odd).ledger()
        assert all(0 < len(one.rows) <= 3 for one in pool_bills(ledger, bills_of(ledger)))


def test_the_bill_is_the_slope_of_what_the_limit_costs() -> None:
    ledger = question().ledger()
    every = np.arange(3)
    held = ledger.squeezable(every, ledger.terms)
    more = held.copy()
    more[0] += [1.0, 0.0]
    limit = float(ledger.pools[1])
    rise = ledger.charges.of_pool(1, limit, more) - ledger.charges.of_pool(1, limit, held)
    price = ledger.charges.pool_price(1, limit, held)
    assert rise == pytest.approx(price[0], rel=1e-2)


def test_the_diagnosis_shows_the_bill_and_both_cures_are_priced() -> None:
    asked = question()
    ledger = asked.ledger()
    found = {item.vm.name: item for item in diagnose(ledger)}["vm-1"]
    assert found.cause is Cause.POOL_LIMIT
    bills = bills_of(ledger)
    assert (found.bill, found.limit_bill) == (bills.total[0], bills.pool[0])
    told = f"{bills.pool[0]:,.0f} of the {bills.total[0]:,.0f} points that it pays"
    assert told in found.because
    lift, raise_ = cures_of(ledger, Eligibility(ledger, asked.cooling), found)
    assert (lift.kind, lift.refused, lift.words) == (
        ActionKind.POOL, None, "lift the limit of resource pool dev"
    )  # fmt: skip
    assert lift.saving > lift.disruption > 0.0
    lifted = PoolChange(1, PoolSetting.LIMIT, float(ledger.pools[1]), math.inf)
    assert lift.saving == pytest.approx(worth_of(ledger, lifted, 1.0).saving)
    assert raise_.kind is None and raise_.words.startswith("raise the limit of resource pool dev")
    assert 0.0 < raise_.saving <= lift.saving and math.isfinite(raise_.disruption)


def test_where_policy_keeps_pools_from_the_market_people_come_first() -> None:
    asked = question()
    rulebook = asked.rulebook
    modes = {**rulebook.modes, ActionKind.POOL: np.full(3, Mode.OFF)}
    ledger: Ledger = dataclasses.replace(
        asked, rulebook=dataclasses.replace(rulebook, modes=modes)
    ).ledger()
    found = diagnose(ledger)[0]
    first, second = cures_of(ledger, Eligibility(ledger, asked.cooling), found)
    assert first.kind is None and first.refused is None
    assert second.kind is ActionKind.POOL and second.refused is not None
