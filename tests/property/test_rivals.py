"""What every controller keeps on any estate, and what each rival promises of itself."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.estates import snapshots
from tests.proving import GIB, crowded, moves_of, spec
from vsphere_market.estate import Snapshot
from vsphere_market.plant import World
from vsphere_market.port import ActionKind, Migrate
from vsphere_market.proving.controller import Circumstances, Controller, Order
from vsphere_market.proving.foresight import Foresight
from vsphere_market.proving.ground import Ground, held
from vsphere_market.proving.rivals.drs import Drs, demand_of
from vsphere_market.proving.rivals.drs7 import Drs7
from vsphere_market.proving.rivals.threshold import Threshold
from vsphere_market.proving.roster import ROSTER, Named, make, parse
from vsphere_market.proving.trial import ALL_KINDS, MIGRATE_ONLY
from vsphere_market.proving.tuning import candidates

#: Settings that move most, of all who place.
EAGER = (
    "threshold:bound_pct=1", "threshold:bound_pct=1:metric=active", "drs:level=5",
    "drs:level=5:idle=1", "drs7:margin=0.5", "drs7:margin=0.5:metric=demand",
    "hbal:min_gain=0.0001",
)  # fmt: skip


@st.composite
def crowds(draw: st.DrawFn) -> Snapshot:
    """Clusters of two to four hosts, some VMs with reservations, some kept apart or to hosts."""
    hosts = draw(st.lists(st.sampled_from([32, 64, 128]), min_size=2, max_size=4))
    count = draw(st.integers(1, 10))
    vms = [
        (
            draw(st.integers(0, len(hosts) - 1)),
            consumed := draw(st.sampled_from([0.5, 2, 4, 8, 16, 24])),
            consumed * draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])),
        )
        for _ in range(count)
    ]
    names = [f"vm{at}" for at in range(count)]
    rule = {
        "moid": "r1", "name": "r1", "cluster": "domain-c1", "mandatory": True, "enabled": True,
        "vms": draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True)),
    }  # fmt: skip
    kind = draw(st.sampled_from(["", "antiAffinity", "vmHost", "vmAntiHost"]))
    if kind in ("vmHost", "vmAntiHost"):
        rule["hosts"] = ["h0"]
    rules = [rule | {"kind": kind}] if kind else []
    reserved = draw(st.sampled_from([0, 0, 1, 4])) * GIB
    return crowded(hosts=tuple(hosts), vms=tuple(vms), rules=rules, reservation_mib=reserved)


def played(snapshot: Snapshot, orders: Sequence[Order]) -> list[Ground]:
    """The estate before, and after each order; every order must be one that can be done then."""
    ground = Ground(snapshot)
    seen = [copy.deepcopy(ground)]
    for order in orders:
        action = order.action
        assert isinstance(action, Migrate)
        vm, target = snapshot.vms.row(action.subject.moid), snapshot.hosts.row(action.target.moid)
        assert snapshot.hosts.moid[ground.host_of[vm]] == action.source.moid
        # Connected, in the cluster, not in maintenance, reservations backed, rules kept.
        assert target in ground.targets(vm)
        ground.move(vm, target)
        seen.append(copy.deepcopy(ground))
    return seen


@pytest.mark.parametrize("name", EAGER)
@given(st.one_of(crowds(), snapshots()))
@settings(max_examples=15)
def test_every_order_of_a_placer_can_be_done_and_breaks_nothing(
    name: str, snapshot: Snapshot
) -> None:
    controller = make(parse(name), Circumstances(MIGRATE_ONLY))
    orders = controller.decide(snapshot, 1e9, ())
    # hbal may take a VM further in the same solution; the others move each once.
    vms = [vm for vm, _, _ in moves_of(orders)]
    assert name.startswith("hbal") or len(vms) == len(set(vms))
    states = played(snapshot, orders)
    assert states[-1].broken_rules() <= states[0].broken_rules() or _wishes(snapshot)


def _wishes(snapshot: Snapshot) -> bool:
    """Rules that rivals do not look at: those that are wishes."""
    return bool((~snapshot.rules.mandatory & snapshot.rules.enabled).any())


@given(crowds(), st.sampled_from([5.0, 10.0, 20.0]))
def test_threshold_ends_within_its_bound_or_because_nothing_fits(
    snapshot: Snapshot, bound: float
) -> None:
    ground = played(snapshot, Threshold(bound_pct=bound).decide(snapshot, 1e9, ()))[-1]
    shares = ground.total(held(snapshot)) / snapshot.hosts.memory_mib
    if np.ptp(shares) <= bound / 100.0:
        return
    # Whatever moved stays; of the rest nothing can leave the fullest for the emptiest and help.
    full, empty = int(shares.argmax()), int(shares.argmin())
    start = Ground(snapshot).host_of
    for vm in np.flatnonzero((ground.host_of == full) & (start == full)).tolist():
        after = shares[empty] + held(snapshot)[vm] / snapshot.hosts.memory_mib[empty]
        assert after >= shares[full] or empty not in ground.targets(vm)


@given(crowds())
def test_each_move_of_threshold_is_from_the_fullest_and_never_makes_a_fuller_one(
    snapshot: Snapshot,
) -> None:
    states = played(snapshot, Threshold(bound_pct=1.0).decide(snapshot, 1e9, ()))
    tops = [float((g.total(held(snapshot)) / snapshot.hosts.memory_mib).max()) for g in states]
    assert all(after <= before + 1e-9 for before, after in pairwise(tops))


@given(crowds())
def test_each_move_of_drs_lowers_the_deviation(snapshot: Snapshot) -> None:
    states = played(snapshot, Drs(level=5).decide(snapshot, 1e9, ()))
    demand = demand_of(snapshot)
    spread = [float((g.total(demand) / g.capacity).std()) for g in states]
    assert all(after < before for before, after in pairwise(spread))


@given(crowds())
def test_a_higher_level_of_drs_does_all_that_a_lower_one_does(snapshot: Snapshot) -> None:
    done: list[tuple[str, str, str]] = []
    for level in (1, 2, 3, 4, 5):
        more = moves_of(Drs(level=level).decide(snapshot, 1e9, ()))
        assert more[: len(done)] == done
        done = more


@given(crowds(), st.sampled_from([1.0, 5.0, 20.0]))
def test_drs7_moves_less_with_a_wider_margin(snapshot: Snapshot, margin: float) -> None:
    narrow = moves_of(Drs7(margin=margin).decide(snapshot, 1e9, ()))
    wide = moves_of(Drs7(margin=2.0 * margin).decide(snapshot, 1e9, ()))
    assert wide == narrow[: len(wide)]


# ---------------------------------------------------------------- the one interface


def circumstances(kinds: frozenset[ActionKind] = ALL_KINDS) -> Circumstances:
    return Circumstances(kinds, foresight=Foresight.of(World(spec()), 7200.0))


@pytest.mark.parametrize("name", ROSTER)
@pytest.mark.parametrize("kinds", [MIGRATE_ONLY, ALL_KINDS])
def test_a_controller_orders_what_it_may_and_the_same_each_time(
    name: str, kinds: frozenset[ActionKind]
) -> None:
    from vsphere_market.plant import PlantVCenter

    plant = PlantVCenter(spec(), np.random.default_rng(1))
    told = Circumstances(kinds, foresight=Foresight.of(plant.world, 7200.0))
    first, second = (make(Named(name), told) for _ in range(2))
    assert first.period_s > 0.0
    for _ in range(3):
        plant.clock.sleep(first.period_s)
        snapshot = plant.observe()
        orders = first.decide(snapshot, plant.clock.now_s(), ())
        assert list(orders) == list(second.decide(snapshot, plant.clock.now_s(), ()))
        for at, order in enumerate(orders):
            assert order.action.kind in kinds
            assert order.action.subject.moid in snapshot.vms.moid
            assert all(0 <= need < at for need in order.after)


# The oracle's future is one of the VMs that there are.
@pytest.mark.parametrize("name", sorted(set(ROSTER) - {"oracle"}))
def test_a_controller_leaves_an_empty_estate_alone(name: str) -> None:
    controller: Controller = make(Named(name), circumstances())
    assert list(controller.decide(crowded(vms=()), 1e9, ())) == []


@pytest.mark.parametrize("name", ROSTER)
def test_every_setting_that_tuning_tries_can_be_written_and_made(name: str) -> None:
    told = circumstances()
    for named in candidates(name):
        assert parse(named.label) == named
        assert make(named, told).period_s > 0.0
