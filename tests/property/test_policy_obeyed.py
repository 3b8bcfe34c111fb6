"""No plan breaks what policies and vSphere say, over any estate and any valid set of policies.

Everything is read here anew from the rulebook and the snapshot, without the market's own counts.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from tests.estates import remembered, snapshots
from tests.policy_sets import binding_sets
from tests.searching import examples
from vsphere_market.demand import estimate_demand
from vsphere_market.estate import (
    KEEP_APART,
    KEEP_TOGETHER,
    RUN_ON,
    VSAN_APART,
    VSAN_WITNESS,
    RuleTable,
    Snapshot,
)
from vsphere_market.market import MarketSettings, PastMove, Plan, Question, Step, make_plan
from vsphere_market.market.engine import clear
from vsphere_market.market.participants import markets
from vsphere_market.market.trades import Move, Power
from vsphere_market.policy import (
    BudgetScope,
    DisruptionBudget,
    Kind,
    Mode,
    PolicyProblems,
    Rulebook,
    compile_rulebook,
    parse_policies,
)
from vsphere_market.port import (
    ActionKind,
    Migrate,
    MigrateStorage,
    PoolSetting,
    ProvisionHost,
    SetMemory,
    SetPool,
    SetShares,
    Start,
    Stop,
    SuspendHost,
)
from vsphere_market.units import FloatArray, IndexArray

CHEAP = dataclasses.replace(
    MarketSettings(),
    move_cost=0.01,
    move_fixed=1.0,
    minimum_saving=0.0,
    change_cost=1.0,
    discount=0.0,
    discount_now=0.0,
    comfort_price=0.0,
    comfort_now=0.0,
    restart_fixed=1.0,
    restart_cost=0.01,
    switch_cost=1.0,
    storage_cost=0.001,
    shrink_confidence=0.0,
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    joined = draw(st.booleans())
    snapshot = draw(snapshots(joined=joined))
    documents = draw(binding_sets(merged=joined and draw(st.booleans())))
    rulebook = harmonious(documents, snapshot)
    now_s = snapshot.taken_at_s
    past: tuple[PastMove, ...] = ()
    if len(snapshot.hosts) >= 2 and len(snapshot.vms):
        rows = draw(st.lists(st.integers(0, len(snapshot.vms) - 1), max_size=5))
        ages = draw(st.lists(st.sampled_from([60.0, 7200.0]), min_size=5, max_size=5))
        hosts = snapshot.hosts.moid
        past = tuple(
            PastMove(snapshot.vms.moid[row], hosts[0], hosts[-1], now_s - age)
            for row, age in zip(rows, ages, strict=False)
        )
    demand = estimate_demand(snapshot)
    if draw(st.booleans()):
        demand = remembered(demand, draw(st.integers(0, 2**32 - 1)))
    return Question(
        snapshot=snapshot,
        demand=demand,
        rulebook=rulebook,
        settings=draw(st.sampled_from([MarketSettings(), CHEAP, CHEAP])),
        cooling=np.zeros(len(snapshot.vms), dtype=np.bool_),
        past=past,
        now_s=now_s,
    )


def harmonious(documents: list[dict[str, Any]], snapshot: Snapshot) -> Rulebook:
    """The rulebook of as many of the documents, from the first on, as do not contradict."""
    while True:
        try:
            return compile_rulebook(parse_policies(documents, "x"), snapshot).rulebook
        except PolicyProblems:
            documents = documents[:-1]


def broken(question: Question, host_of: IndexArray) -> dict[str, float]:
    """How much each rule is broken when VMs are where ``host_of`` says; whatever its name."""
    found: dict[str, float] = {}
    for table in (question.snapshot.rules, question.rulebook.rules):
        found.update(_table_broken(table, host_of))
    for rule in question.rulebook.crowds:
        used = Counter(int(host_of[vm]) for vm in rule.vms if host_of[vm] >= 0)
        crowded = sum(max(0.0, count - rule.per_host) for count in used.values())
        found[rule.moid] = crowded + max(0.0, len(used) - rule.hosts_used)
    return found


def _table_broken(table: RuleTable, host_of: IndexArray) -> Iterator[tuple[str, float]]:
    for row in range(len(table)):
        if not table.enabled[row]:
            continue
        key = f"{table.moid[row]}{'!' if table.mandatory[row] else ''}"
        at = [int(host_of[vm]) for vm in dict.fromkeys(table.vms[row]) if host_of[vm] >= 0]
        pairs = [a == b for i, a in enumerate(at) for b in at[:i]]
        named = set(table.hosts[row])
        match table.kind[row]:
            case kind if kind == KEEP_APART:
                yield key, sum(pairs)
            case kind if kind == KEEP_TOGETHER:
                yield key, len(pairs) - sum(pairs)
            case kind if kind == RUN_ON:
                yield key, sum(host not in named for host in at)
            case _:
                yield key, sum(host in named for host in at)


def start(question: Question) -> IndexArray:
    running = question.demand.running
    return np.where(running, question.snapshot.vms.host, -1)


@pytest.mark.parametrize("kind", Kind)
def test_random_sets_hold_every_kind(kind: Kind) -> None:
    found = find(binding_sets(), lambda said: any(one["kind"] == kind for one in said))
    assert [one for one in found if one["kind"] == kind]


@given(questions())
@settings(max_examples=examples(150))
def test_no_plan_breaks_what_policies_and_vsphere_say(question: Question) -> None:
    snapshot, rulebook = question.snapshot, question.rulebook
    plan = make_plan(question, now_s=0.0)
    host_of, size = start(question), snapshot.vms.size_mib.copy()
    before = broken(question, host_of)
    ceiling = rulebook.host_overcommit * snapshot.hosts.memory_mib
    awake = np.array([power != "standBy" for power in snapshot.hosts.power])
    ever: list[Migrate] = []
    for step in plan.steps:
        action = step.action
        assert step.mode > Mode.OFF
        sold = sizes(snapshot, host_of, size)
        if isinstance(action, SetPool):
            check_pool(snapshot, rulebook, action, step.mode)
            continue
        if isinstance(action, SuspendHost | ProvisionHost):
            check_switch(snapshot, rulebook, action, host_of, step.mode)
            awake[snapshot.hosts.row(action.host.moid)] = isinstance(action, ProvisionHost)
            continue
        vm = snapshot.vms.row(action.subject.moid)
        assert rulebook.modes[action.kind][vm] >= step.mode
        assert not snapshot.vms.template[vm]
        assert not snapshot.vms.managed_by[vm]
        assert host_of[vm] < 0 or not rulebook.host_excluded[host_of[vm]]
        match action:
            case Migrate():
                ever.append(action)
                target = snapshot.hosts.row(action.target.moid)
                check_move(snapshot, rulebook, vm, int(host_of[vm]), target)
                check_pools(question, action, vm, target)
                assert awake[target]
                host_of[vm] = target
            case SetMemory():
                check_setting(snapshot, rulebook, vm, action)
                if action.setting in (ActionKind.HOT_ADD, ActionKind.RESIZE):
                    assert action.to_mib is not None
                    size[vm] = action.to_mib
            case Stop() | Start() if step.together and resized(plan, step, vm, snapshot):
                assert rulebook.reboot_allowed[vm]
            case Stop():
                assert rulebook.may_stop[vm]
                host_of[vm] = -1
            case Start():
                assert rulebook.may_start[vm] and not rulebook.may_stop[vm]
                assert action.host is not None
                host_of[vm] = snapshot.hosts.row(action.host.moid)
                check_target(snapshot, rulebook, int(host_of[vm]))
                assert snapshot.hosts.cluster[host_of[vm]] == snapshot.vms.cluster[vm]
                assert awake[host_of[vm]]
            case MigrateStorage():
                check_store(snapshot, action, int(host_of[vm]))
            case SetShares():
                assert action.to_shares > 0
        now = sizes(snapshot, host_of, size)
        assert ((now <= ceiling + 1e-3) | (now <= sold + 1e-3)).all()
        after = broken(question, host_of)
        check_rules(question, before, after)
        before = after
    check_budgets(question, ever)


def check_rules(question: Question, before: dict[str, float], after: dict[str, float]) -> None:
    """No rule is broken more; but a soft one may be, for less of mandatory ones."""
    hard = mandatory(question)
    assert all(after[rule] <= before[rule] for rule in hard)
    if sum(after[rule] for rule in hard) >= sum(before[rule] for rule in hard):
        assert all(after[rule] <= count for rule, count in before.items())


def resized(plan: Plan, step: Step, vm: int, snapshot: Snapshot) -> bool:
    """A stop or start is there only for a change of size."""
    return any(
        other.id in step.together
        and other.action.kind is ActionKind.RESIZE
        and snapshot.vms.row(other.action.subject.moid) == vm
        for other in plan.steps
    )


def check_pool(snapshot: Snapshot, rulebook: Rulebook, action: SetPool, mode: Mode) -> None:
    """A pool's setting concerns all VMs in it and below it; the most cautious of them counts."""
    assert action.setting in (PoolSetting.LIMIT, PoolSetting.RESERVATION)
    pools, inside = snapshot.pools, {snapshot.pools.row(action.pool.moid)}
    for _ in range(len(pools)):
        inside |= {row for row in range(len(pools)) if int(pools.parent[row]) in inside}
    modes = rulebook.modes[ActionKind.POOL]
    assert all(modes[vm] >= mode for vm, pool in enumerate(snapshot.vms.pool) if pool in inside)


def check_store(snapshot: Snapshot, action: MigrateStorage, host: int) -> None:
    stores = snapshot.datastores
    target = stores.row(action.target.moid)
    assert stores.accessible[target]
    # A host that lists none has not told.
    assert target in (snapshot.hosts.datastores[host] or (target,))


def check_pools(question: Question, action: Migrate, vm: int, target: int) -> None:
    """A VM leaves its cluster only if nothing ties it there, and joins a pool of the other."""
    snapshot, rulebook = question.snapshot, question.rulebook
    vms, hosts, pools = snapshot.vms, snapshot.hosts, snapshot.pools
    home = int(hosts.cluster[hosts.row(action.source.moid)])
    if action.pools is None:
        assert hosts.cluster[target] == home
        return
    assert hosts.cluster[target] != home
    left, joined = (pools.row(pool.moid) for pool in action.pools)
    assert pools.parent[left] < 0 and pools.parent[joined] < 0
    assert (pools.cluster[left], pools.cluster[joined]) == (home, hosts.cluster[target])
    assert pools.parent[vms.pool[vm]] < 0
    assert vms.reservation_mib[vm] == 0 and not vms.drs_override[vm]
    assert set(vms.networks[vm]) <= set(hosts.networks[target]) and hosts.networks[target]
    assert set(vms.datastores[vm]) <= set(hosts.datastores[target]) and hosts.datastores[target]
    ruled = {
        member
        for table in (snapshot.rules, rulebook.rules)
        for row in range(len(table))
        if table.enabled[row]
        for member in table.vms[row]
    }
    assert vm not in ruled.union(*(set(rule.vms) for rule in rulebook.crowds))


def check_target(snapshot: Snapshot, rulebook: Rulebook, target: int) -> None:
    """A host that may take VMs at all."""
    hosts = snapshot.hosts
    assert not rulebook.host_excluded[target]
    assert not (hosts.in_maintenance[target] or hosts.in_quarantine[target])
    assert not hosts.failover_host[target]
    assert hosts.connection[target] == "connected"
    assert hosts.vsan[target] not in (VSAN_WITNESS, VSAN_APART)


def check_switch(
    snapshot: Snapshot,
    rulebook: Rulebook,
    action: SuspendHost | ProvisionHost,
    host_of: IndexArray,
    mode: Mode,
) -> None:
    host = snapshot.hosts.row(action.host.moid)
    cluster = int(snapshot.hosts.cluster[host])
    inside = snapshot.vms.cluster == cluster if cluster >= 0 else snapshot.vms.host == host
    assert (rulebook.modes[action.kind][inside] >= mode).all()
    if isinstance(action, SuspendHost):
        assert rulebook.host_may_suspend[host]
        assert not snapshot.hosts.vsan[host]
        assert not (host_of == host).any()
    else:
        assert rulebook.host_may_provision[host]
        assert snapshot.hosts.power[host] == "standBy"


def check_move(snapshot: Snapshot, rulebook: Rulebook, vm: int, source: int, target: int) -> None:
    vms, hosts = snapshot.vms, snapshot.hosts
    assert not (vms.passthrough[vm] or vms.fault_tolerance[vm] or vms.latency_sensitivity_high[vm])
    market = markets(snapshot, rulebook)
    assert market[source] == market[target] >= 0
    check_target(snapshot, rulebook, target)
    assert hosts.vmotion_enabled[source] and hosts.vmotion_enabled[target]
    nets, stores = hosts.networks[target], hosts.datastores[target]
    assert not nets or set(vms.networks[vm]) <= set(nets)
    assert not stores or set(vms.datastores[vm]) <= set(stores)


def check_setting(snapshot: Snapshot, rulebook: Rulebook, vm: int, action: SetMemory) -> None:
    size = float(snapshot.vms.size_mib[vm])
    match action.setting:
        case ActionKind.HOT_ADD:
            assert action.from_mib is not None
            assert action.to_mib is not None
            assert action.from_mib < action.to_mib <= rulebook.max_size_mib[vm]
            assert not rulebook.never_grow[vm]
            assert not (snapshot.vms.fault_tolerance[vm] or snapshot.vms.passthrough[vm])
        case ActionKind.RESIZE:
            assert action.from_mib is not None
            assert action.to_mib is not None
            assert rulebook.reboot_allowed[vm]
            if action.to_mib > action.from_mib:
                assert action.to_mib <= rulebook.max_size_mib[vm]
                assert not rulebook.never_grow[vm]
            else:
                assert action.to_mib >= rulebook.min_size_mib[vm]
                assert not rulebook.never_shrink[vm]
        case ActionKind.BALLOON_CAP:
            largest = float(rulebook.balloon_cap_max[vm])
            if action.to_mib is None:
                assert largest >= 0.65
            else:
                # Hot-added memory of an earlier step widens what a share of the size is.
                grown = max(size, float(rulebook.max_size_mib[vm]))
                assert action.to_mib <= largest * grown
                assert action.to_mib >= rulebook.balloon_cap_min[vm] * size - 1


def sizes(snapshot: Snapshot, host_of: IndexArray, size: FloatArray) -> FloatArray:
    """(H,) configured memory of the running VMs on each host."""
    on = host_of >= 0
    sold: FloatArray = np.zeros(len(snapshot.hosts))
    np.add.at(sold, host_of[on], size[on])
    return sold


def check_budgets(question: Question, moves: list[Migrate]) -> None:
    assert question.now_s is not None
    for budget in question.rulebook.budgets:
        spent: Counter[Any] = Counter()
        for past in question.past:
            if past.ended_s > question.now_s - budget.window_s:
                spent.update(scopes(question.snapshot, budget, past.vm, past.source, past.target))
        old = Counter(spent)
        for move in moves:
            ends = (move.vm.moid, move.source.moid, move.target.moid)
            spent.update(scopes(question.snapshot, budget, *ends))
        for scope, count in spent.items():
            # What was spent by others before may be more already; then nothing is added.
            assert count <= max(budget.max_migrations, old[scope]), (budget.name, scope)


def scopes(
    snapshot: Snapshot, budget: DisruptionBudget, vm: str, source: str, target: str
) -> list[Any]:
    row = snapshot.vms.row(vm)
    if not budget.vms[row]:
        return []
    match budget.scope:
        case BudgetScope.VM:
            return [vm]
        case BudgetScope.HOST:
            return [source, target]
        case BudgetScope.CLUSTER:
            cluster = int(snapshot.vms.cluster[row])
            return [cluster] if cluster >= 0 else []
        case _:
            return ["estate"]


@given(questions())
@settings(max_examples=examples(80))
def test_what_is_broken_already_is_reduced_or_told(question: Question) -> None:
    answer = clear(question)
    host_of = start(question)
    before = broken(question, host_of)
    for trade in answer.trades:
        if isinstance(trade.what, Move | Power):
            host_of[trade.what.vm] = trade.what.target
    after = broken(question, host_of)
    told = [refusal.sentence for refusal in make_plan(question, now_s=0.0).refusals]
    names = {f"{rule.moid}": rule.name for rule in question.rulebook.crowds if rule.mandatory}
    for table in (question.snapshot.rules, question.rulebook.rules):
        names |= {f"{moid}!": name for moid, name in zip(table.moid, table.name, strict=True)}
    check_rules(question, before, after)
    for rule, count in after.items():
        if count > 0 and rule in names:
            assert any(f"rule {names[rule]} stays broken" in line for line in told), rule


def mandatory(question: Question) -> set[str]:
    """Keys, as :func:`broken` has them, of rules that must be kept."""
    keys = {
        f"{table.moid[row]}!"
        for table in (question.snapshot.rules, question.rulebook.rules)
        for row in range(len(table))
        if table.enabled[row] and table.mandatory[row]
    }
    return keys | {rule.moid for rule in question.rulebook.crowds if rule.mandatory}


def ruled_hard(question: Question) -> set[int]:
    """VMs in rules that must be kept."""
    vms = {
        vm
        for table in (question.snapshot.rules, question.rulebook.rules)
        for row in range(len(table))
        if table.enabled[row] and table.mandatory[row]
        for vm in table.vms[row]
    }
    return vms.union(*(rule.vms for rule in question.rulebook.crowds if rule.mandatory))


@given(questions())
@settings(max_examples=examples(60))
def test_a_plan_that_was_followed_spends_its_budget(question: Question) -> None:
    """Planned again with its moves in the journal, the budgets hold over both plans together."""
    first = make_plan(question, now_s=0.0)
    moves = [step.action for step in first.steps if isinstance(step.action, Migrate)]
    assert question.now_s is not None
    done = tuple(
        PastMove(move.vm.moid, move.source.moid, move.target.moid, question.now_s) for move in moves
    )
    host = question.snapshot.vms.host.copy()
    for move in moves:
        host[question.snapshot.vms.row(move.vm.moid)] = question.snapshot.hosts.row(
            move.target.moid
        )
    moved = dataclasses.replace(question.snapshot, vms=question.snapshot.vms.replace(host=host))
    again = dataclasses.replace(question, snapshot=moved, past=(*question.past, *done))
    more = make_plan(again, now_s=0.0)
    check_budgets(again, [s.action for s in more.steps if isinstance(s.action, Migrate)])
    assert math.isfinite(more.certificate.potential_after)


@given(questions())
@settings(max_examples=examples(80))
def test_what_a_step_depends_on_is_enough_to_keep_the_rules(question: Question) -> None:
    """Other steps may fail, or not be chosen: a step with all that it needs breaks nothing."""
    snapshot = question.snapshot
    plan = make_plan(question, now_s=0.0)
    needs: dict[str, set[str]] = {}
    for step in plan.steps:
        direct = set(step.depends_on)
        needs[step.id] = direct.union(*(needs[other] for other in direct))
    for step in plan.steps:
        if not isinstance(step.action, Migrate):
            continue
        host_of = start(question)
        for other in plan.steps:
            if other.id not in needs[step.id]:
                continue
            row = snapshot.vms.row(other.action.subject.moid)
            if isinstance(other.action, Migrate):
                host_of[row] = snapshot.hosts.row(other.action.target.moid)
            elif isinstance(other.action, Stop) and not other.together:
                host_of[row] = -1
            elif isinstance(other.action, Start) and other.action.host is not None:
                host_of[row] = snapshot.hosts.row(other.action.host.moid)
        before = broken(question, host_of)
        host_of[snapshot.vms.row(step.action.subject.moid)] = snapshot.hosts.row(
            step.action.target.moid
        )
        check_rules(question, before, broken(question, host_of))
