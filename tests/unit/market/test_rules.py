"""Rules of all kinds at once: what is said of one VM is what counting them anew would say."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vsphere_market.estate import KEEP_APART, KEEP_TOGETHER, NOT_ON, RUN_ON, RuleTable
from vsphere_market.market import MarketSettings
from vsphere_market.market.rules import RuleBoard
from vsphere_market.policy import CrowdRule
from vsphere_market.units import IndexArray

HOSTS = 4
VMS = 7

some_vms = st.lists(st.integers(0, VMS - 1), unique=True, max_size=VMS).map(tuple)
some_hosts = st.lists(st.integers(0, HOSTS - 1), unique=True, max_size=HOSTS).map(tuple)
homes = st.lists(st.integers(0, HOSTS - 1), min_size=VMS, max_size=VMS).map(np.array)
kinds = st.sampled_from([KEEP_APART, KEEP_TOGETHER, RUN_ON, NOT_ON])
named = st.lists(st.tuples(kinds, st.booleans(), some_vms, some_hosts), max_size=5)
bounds = st.sampled_from([1.0, 2.0, np.inf])
crowded = st.lists(st.tuples(some_vms, bounds, bounds, st.booleans()), max_size=4)


@st.composite
def rule_sets(draw: st.DrawFn) -> tuple[RuleTable, tuple[CrowdRule, ...]]:
    """Soft and mandatory rules of every kind, several about a VM."""
    rows, crowds = draw(named), draw(crowded)
    table = RuleTable(
        moid=tuple(f"rule-{at}" for at in range(len(rows))),
        name=tuple(f"rule-{at}" for at in range(len(rows))),
        cluster=np.full(len(rows), -1),
        kind=tuple(kind for kind, _, _, _ in rows),
        mandatory=np.array([must for _, must, _, _ in rows], dtype=np.bool_),
        enabled=np.ones(len(rows), dtype=np.bool_),
        vms=tuple(vms for _, _, vms, _ in rows),
        hosts=tuple(hosts for _, _, _, hosts in rows),
    )
    return table, tuple(
        CrowdRule(f"crowd-{at}", "at-most", 0, must, vms, per_host, hosts_used)
        for at, (vms, per_host, hosts_used, must) in enumerate(crowds)
    )


def board(rules: tuple[RuleTable, Iterable[CrowdRule]], host_of: IndexArray) -> RuleBoard:
    table, crowds = rules
    return RuleBoard((table,), host_of, HOSTS, MarketSettings(), crowds)


def moved(host_of: IndexArray, vm: int, host: int) -> IndexArray:
    there = host_of.copy()
    there[vm] = host
    return there


def each_rule(rules: tuple[RuleTable, tuple[CrowdRule, ...]], host_of: IndexArray) -> list[float]:
    """Violations of each rule by itself: points of soft ones, breaches of mandatory ones."""
    table, crowds = rules
    only = [table.replace(enabled=np.arange(len(table)) == at) for at in range(len(table) + 1)]
    none: tuple[CrowdRule, ...] = ()
    single = [((one, none), bool(must)) for one, must in zip(only, table.mandatory, strict=False)]
    single += [((only[-1], (crowd,)), crowd.mandatory) for crowd in crowds]
    counts = []
    for alone, must in single:
        count = board(alone, host_of)
        counts.append(float(count.breaches(host_of) if must else count.potential(host_of)))
    return counts


@given(rule_sets(), homes)
def test_a_verdict_is_what_counting_anew_would_say(
    rules: tuple[RuleTable, tuple[CrowdRule, ...]], host_of: IndexArray
) -> None:
    here = board(rules, host_of)
    must = [*rules[0].mandatory.tolist(), *(crowd.mandatory for crowd in rules[1])]
    now = each_rule(rules, host_of)
    for vm in range(VMS):
        home = int(host_of[vm])
        said = here.verdict(vm, home)
        for host in range(HOSTS):
            there = moved(host_of, vm, host)
            then = board(rules, there)
            fell = here.potential(host_of) - then.potential(there)
            mended = here.breaches(host_of) - then.breaches(there)
            assert said.points[home] - said.points[host] == fell
            assert said.breaches[home] - said.breaches[host] == mended
            more = [
                after > before for before, after in zip(now, each_rule(rules, there), strict=True)
            ]
            hard = any(rose for rose, hard in zip(more, must, strict=True) if hard)
            soft = any(rose for rose, hard in zip(more, must, strict=True) if not hard)
            assert bool(said.kept[host]) == (not hard and (not soft or mended > 0))


@given(rule_sets(), homes, st.lists(st.integers(0, VMS - 1), unique=True), some_hosts)
def test_several_are_told_what_each_is_told_alone(
    rules: tuple[RuleTable, tuple[CrowdRule, ...]],
    host_of: IndexArray,
    vms: list[int],
    more: tuple[int, ...],
) -> None:
    here = board(rules, host_of)
    hosts = np.array(sorted({*more, *host_of[vms].tolist()}), dtype=np.int64)
    all_at_once = here.verdicts(vms, hosts, np.searchsorted(hosts, host_of[vms]))
    for at, vm in enumerate(vms):
        alone = here.verdict(vm, int(host_of[vm]))
        assert all_at_once.points[:, at].tolist() == alone.points[hosts].tolist()
        assert all_at_once.breaches[:, at].tolist() == alone.breaches[hosts].tolist()
        assert all_at_once.kept[:, at].tolist() == alone.kept[hosts].tolist()


steps = st.lists(st.tuples(st.integers(0, VMS - 1), st.integers(0, HOSTS - 1)), max_size=6)


@given(rule_sets(), homes, steps, steps)
def test_who_has_to_ask_again_is_known(
    rules: tuple[RuleTable, tuple[CrowdRule, ...]],
    host_of: IndexArray,
    before: list[tuple[int, int]],
    after: list[tuple[int, int]],
) -> None:
    here, at = board(rules, host_of), host_of.copy()
    for vm, host in before:
        here.move(vm, int(at[vm]), host)
        at[vm] = host
    since, was = here.clock, at.copy()
    said = [here.verdict(vm, int(at[vm])) for vm in range(VMS)]
    for vm, host in after:
        here.move(vm, int(at[vm]), host)
        at[vm] = host
    changed = here.changed(range(VMS), since)
    fresh = board(rules, at)
    for vm in reversed(range(VMS)):
        now, anew = here.verdict(vm, int(at[vm])), fresh.verdict(vm, int(at[vm]))
        assert now.points.tolist() == anew.points.tolist()
        assert now.breaches.tolist() == anew.breaches.tolist()
        if vm not in changed and was[vm] == at[vm]:
            assert now.points.tolist() == said[vm].points.tolist()
            assert now.breaches.tolist() == said[vm].breaches.tolist()
            assert now.kept.tolist() == said[vm].kept.tolist()
    ruled = [vm for vm, _ in after if vm in here.ruled]
    assert ruled or not changed
