"""Laws of changing an estate in thought, over random estates and rulebooks."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.property.test_market_laws import questions, tolerance
from vsphere_market.market.changes import (
    AddHosts,
    AddVms,
    Change,
    Grow,
    LoseHost,
    Maintain,
    Merge,
    NewRules,
    RemoveVms,
    ScaleMemory,
)
from vsphere_market.market.engine import Question, clear
from vsphere_market.market.headroom import advise, headroom
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.outlook import foretell
from vsphere_market.market.whatif import transform, typical

HOSTS = st.integers(0, 5)


def same(left: Ledger, right: Ledger) -> bool:
    """The market sees the same loads, prices and room."""
    return (
        np.array_equal(left.load, right.load)
        and np.array_equal(left.occupied, right.occupied)
        and np.array_equal(left.supply.capacity, right.supply.capacity)
        and np.array_equal(left.supply.fit, right.supply.fit)
        # Sums over more rows, though of zeros, are rounded in another order.
        and abs(left.potential() - right.potential()) <= tolerance(left.potential())
    )


def some_host(question: Question, pick: int) -> int:
    hosts = len(question.snapshot.hosts)
    assume(hosts > 0)
    return pick % hosts


def peopled_cluster(question: Question) -> int:
    """A cluster in which a VM runs that can be taken as an example."""
    for cluster in range(len(question.snapshot.clusters)):
        try:
            typical(question, cluster)
        except ValueError:
            continue
        return cluster
    assume(False)
    raise AssertionError


@given(questions(), HOSTS)
@settings(max_examples=150)
def test_losing_a_host_never_lowers_what_the_others_cost(question: Question, pick: int) -> None:
    host = some_host(question, pick)
    before = question.ledger()
    changed = transform(question, [LoseHost(host)])
    after = changed.question.ledger()
    others = np.arange(len(question.snapshot.hosts)) != host
    cost, then = before.host_cost()[others], after.host_cost()[others]
    assert (then >= cost - tolerance(before.potential())).all()
    assert not (after.host_of == host).any()
    assert not after.supply.fit[host] and not after.supply.open[host]
    # Nobody is lost without a word, and nobody moves between the others.
    running = (before.host_of >= 0).sum()
    assert (after.host_of >= 0).sum() == running - len(changed.stranded)
    stayed = before.host_of != host
    assert np.array_equal(after.host_of[stayed], before.host_of[stayed])


@given(questions(), HOSTS)
@settings(max_examples=150)
def test_maintenance_leaves_only_those_that_cannot_leave(question: Question, pick: int) -> None:
    host = some_host(question, pick)
    before = question.ledger()
    changed = transform(question, [Maintain(host)])
    after = changed.question.ledger()
    assert (after.host_of == host).sum() == len(changed.stuck)
    assert (after.host_of >= 0).sum() == (before.host_of >= 0).sum()
    assert not after.supply.fit[host]
    # Reservations of those who came are backed.
    arrived = np.flatnonzero((after.host_of != before.host_of) & (after.host_of >= 0))
    for target in set(after.host_of[arrived].tolist()):
        assert after.occupied[target, 1] <= after.supply.space[target, 1] + 1e-3


@given(questions(), st.integers(0, 3))
@settings(max_examples=100)
def test_adding_nothing_changes_nothing(question: Question, which: int) -> None:
    assume(len(question.snapshot.clusters) > 0 and len(question.snapshot.hosts) > 0)
    hosts = question.snapshot.hosts.cluster
    cluster = int(hosts.max())
    assume(cluster >= 0)
    nothing: list[Change] = [
        AddVms(cluster, 0),
        AddHosts(cluster, 0),
        Grow(0.0),
        ScaleMemory(1.0),
    ]
    changed = transform(question, [nothing[which]])
    assert changed.stranded == () and changed.stuck == ()
    assert same(question.ledger(), changed.question.ledger())
    # By their texts: a cap that is not set is NaN, which equals nothing.
    assert repr(clear(changed.question).trades) == repr(clear(question).trades)


@given(questions(), st.integers(1, 4))
@settings(max_examples=150)
def test_adding_then_removing_is_as_if_nothing_had_been(question: Question, count: int) -> None:
    cluster = peopled_cluster(question)
    more = transform(question, [AddVms(cluster, count)])
    first = len(question.snapshot.vms)
    added = tuple(range(first, first + count))
    assert len(more.question.snapshot.vms) == first + count
    running = int((more.question.ledger().host_of[first:] >= 0).sum())
    assert running + len(more.stranded) == count
    again = transform(more.question, [RemoveVms(added)])
    assert same(question.ledger(), again.question.ledger())


@given(questions(), st.integers(1, 3))
@settings(max_examples=100)
def test_added_hosts_are_empty_and_never_make_things_dearer(question: Question, more: int) -> None:
    clusters = question.snapshot.hosts.cluster
    assume(len(clusters) > 0 and clusters.max() >= 0)
    cluster = int(clusters.max())
    changed = transform(question, [AddHosts(cluster, more)]).question
    before, after = question.ledger(), changed.ledger()
    old = len(clusters)
    assert len(changed.snapshot.hosts) == old + more
    assert not after.load[old:].any()
    # What CPU is worth in memory is the estate's mean, so only memory's cost is the same.
    cpu = before.supply.goods[-1].columns.start
    assert np.array_equal(before.load[:, :cpu], after.load[:old, :cpu])
    assert after.supply.fit[old:].all() or changed.rulebook.host_excluded[old:].any()


@given(questions(), st.floats(0.0, 300.0))
@settings(max_examples=100)
def test_growth_never_lowers_the_potential(question: Question, pct: float) -> None:
    before = question.ledger().potential()
    after = transform(question, [Grow(pct)]).question.ledger().potential()
    assert after >= before - tolerance(before, after)


@given(questions(), st.floats(1.0, 8.0))
@settings(max_examples=100)
def test_more_memory_never_makes_memory_dearer(question: Question, factor: float) -> None:
    # The threshold of a host that tells it is its own; scaled hosts have the usual one.
    hosts = question.snapshot.hosts
    plain = hosts.replace(low_free_threshold_mib=np.full(len(hosts), np.nan))
    question = dataclasses.replace(
        question, snapshot=dataclasses.replace(question.snapshot, hosts=plain)
    )
    before = question.ledger().host_price()
    after = transform(question, [ScaleMemory(factor)]).question.ledger().host_price()
    assert (after <= before * (1 + 1e-9)).all()


@given(questions())
@settings(max_examples=100)
def test_merged_clusters_trade_as_one_and_cost_the_same_at_first(question: Question) -> None:
    assume(len(question.snapshot.clusters) == 2)
    # Where one host of each cluster may fail, the merged one has to hold back less.
    assume(not question.rulebook.host_failover.any())
    merged = transform(question, [Merge(1, into=0)]).question
    assert not (merged.snapshot.hosts.cluster == 1).any()
    assert merged.ledger().potential() == question.ledger().potential()


@given(questions())
@settings(max_examples=60)
def test_other_rules_are_the_rulebook_given(question: Question) -> None:
    other = dataclasses.replace(question.rulebook, priority=question.rulebook.priority * 2.0)
    assert transform(question, [NewRules(other)]).question.rulebook is other


@given(questions(), HOSTS)
@settings(max_examples=60)
def test_an_outlook_holds_together(question: Question, pick: int) -> None:
    host = some_host(question, pick)
    seen = foretell(question, [LoseHost(host), Grow(10.0)], now_s=0.0)
    slack = tolerance(seen.now.potential, seen.then.potential)
    for side in (seen.now, seen.then, seen.traded):
        assert side.lower_bound <= side.potential + slack
        assert len(side.hosts) == len(question.snapshot.hosts)
        lost = sum(item.balloon_mib + item.swap_mib for item in side.squeezed)
        short = sum(item.balloon_mib + item.swap_mib for item in side.hosts)
        # What hosts lack is taken from their VMs, but for what is not worth a word.
        assert lost <= short + 1e-6 * max(short, 1.0)
    proof = seen.plan.certificate
    assert proof.breaches_after <= proof.breaches_before
    if proof.breaches_after == proof.breaches_before:
        # Only a mandatory rule that is mended may make it dearer.
        assert seen.traded.potential <= seen.then.potential + slack
        assert len(seen.plan.steps) == 0 or seen.traded.potential < seen.then.potential


@given(questions())
@settings(max_examples=80)
def test_what_headroom_counts_fits(question: Question) -> None:
    cluster = peopled_cluster(question)
    found = headroom(question, cluster)
    assert found.profile is not None
    assert 0 <= found.comfortable <= found.possible
    some = min(found.possible, 12)
    assert transform(question, [AddVms(cluster, some)]).stranded == ()
    if found.possible == some:
        ledger = transform(question, [AddVms(cluster, some)]).question.ledger()
        over = (ledger.occupied - ledger.supply.space).max(axis=1)
        before = question.ledger()
        was = (before.occupied - before.supply.space).max(axis=1)
        assert (over <= np.maximum(was, 0.0) + 1e-3).all()
    advice = advise(question, AddVms(cluster, 1))
    open_ = [item for item in advice if item.refused is None]
    assert [item.quote for item in open_] == sorted(item.quote for item in open_)
    assert bool(open_) == (found.possible > 0)
    assert all(item.quote >= 0.0 and item.price_after >= item.price for item in advice)
