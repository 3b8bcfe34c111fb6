"""The laws of the market, over random estates and rulebooks of every awkward kind.

``docs/design/price.md``, ``potential.md`` and ``certificate.md`` name these tests as their proofs.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.estates import remembered, rulebooks, snapshots
from vsphere_market.demand import Demand, estimate_demand
from vsphere_market.estate import KEEP_APART, KEEP_TOGETHER, NOT_ON, RUN_ON, Snapshot
from vsphere_market.market import MarketSettings, Question, make_plan
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.engine import carry_out, clear, move_worth
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.netting import grouped
from vsphere_market.market.placement import marketplaces
from vsphere_market.market.reserves import unreserved
from vsphere_market.market.shifts import ShiftTrader
from vsphere_market.market.steps import with_power_cycles
from vsphere_market.market.switchboard import Switchboard
from vsphere_market.market.terms import TermsTrader
from vsphere_market.market.trades import Change, Move, Power, Switch, Trade, surplus
from vsphere_market.market.waves import schedule
from vsphere_market.policy.rulebook import no_rules
from vsphere_market.port import ActionKind
from vsphere_market.units import FloatArray

#: Kinds that change a VM's terms.
TERMS = (
    ActionKind.LIMIT,
    ActionKind.RESERVATION,
    ActionKind.SHARES,
    ActionKind.HOT_ADD,
    ActionKind.RESIZE,
    ActionKind.BALLOON_CAP,
)
#: Sums of thousands of points lose digits; a law holds to this share of the potential.
ROUNDING = 1e-9


@st.composite
def questions(draw: st.DrawFn, cheap: bool = False) -> Question:
    snapshot = draw(snapshots())
    rulebook = draw(rulebooks(snapshot))
    market = MarketSettings()
    if cheap or draw(st.booleans()):
        # Cheap trades make many of them, which is what tests the laws.
        market = dataclasses.replace(
            market,
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
    demand = estimate_demand(snapshot)
    if draw(st.booleans()):
        demand = remembered(demand, draw(st.integers(0, 2**32 - 1)))
    return Question(
        snapshot=snapshot,
        demand=demand,
        rulebook=rulebook,
        settings=market,
        cooling=np.zeros(len(snapshot.vms), dtype=np.bool_),
    )


def tolerance(*potentials: float) -> float:
    return ROUNDING * max(1.0, *(abs(value) for value in potentials))


def saves_what_the_potential_falls(question: Question, trade: Trade) -> None:
    """Assert it of a trade that is worth something in the question's first state."""
    trial = question.ledger()
    before = trial.potential()
    carry_out(trial, trade.what)
    after = trial.potential()
    assert trade.saving == pytest.approx(before - after, abs=10 * tolerance(before, after))


@given(questions(cheap=True))
def test_a_quote_is_the_difference_of_potentials(question: Question) -> None:
    ledger = question.ledger()
    eligibility = Eligibility(ledger, question.cooling)
    for place in marketplaces(ledger, eligibility):
        saving = place.savings()
        for row, vm in enumerate(place.vms):
            for slot, host in enumerate(place.hosts):
                trial = question.ledger()
                before = trial.potential()
                home = int(trial.host_of[vm])
                trial.move(int(vm), int(host))
                after = trial.potential()
                slack = tolerance(before, after) * 10
                assert saving[row, slot] == pytest.approx(before - after, abs=slack)
                if host != home:
                    alone = move_worth(ledger, Move(int(vm), home, int(host)))
                    assert alone.saving == pytest.approx(before - after, abs=slack)


@given(questions(cheap=True))
def test_a_change_of_terms_saves_what_the_potential_falls(question: Question) -> None:
    ledger = question.ledger()
    trader = TermsTrader(ledger, Eligibility(ledger, question.cooling))
    for vm in range(len(question.snapshot.vms)):
        for kind in TERMS:
            change = trader.offer(vm, kind)
            if not isinstance(change, Change):
                continue
            saves_what_the_potential_falls(question, trader.worth(change))


@given(questions(cheap=True), st.booleans(), st.booleans())
def test_a_start_or_a_stop_saves_what_the_potential_falls(
    question: Question, stops: bool, ruled: bool
) -> None:
    every = np.full(len(question.snapshot.vms), stops)
    rulebook = dataclasses.replace(question.rulebook, may_stop=every, may_start=~every)
    snapshot = question.snapshot
    if not ruled:
        snapshot = dataclasses.replace(snapshot, rules=no_rules())
        rulebook = dataclasses.replace(rulebook, rules=no_rules(), crowds=())
    question = dataclasses.replace(question, snapshot=snapshot, rulebook=rulebook)
    ledger = question.ledger()
    trader = ShiftTrader(ledger, Eligibility(ledger, question.cooling))
    for vm in range(len(snapshot.vms)):
        for power in (trader.stop_offer(vm), trader.start_offer(vm)):
            if not isinstance(power, Power):
                continue
            saves_what_the_potential_falls(question, trader.worth(power))


class Unbounded(Switchboard):
    """Tries to empty every host, however little there is to be saved."""

    def _most_saved(self, host: int) -> float:
        return np.inf


@given(questions(cheap=True), st.floats(0.0, 20.0))
def test_no_rest_saves_more_than_is_said_before_it_is_tried(
    question: Question, host_rent: float
) -> None:
    hosts = len(question.snapshot.hosts)
    rulebook = dataclasses.replace(
        question.rulebook, host_may_suspend=np.ones(hosts, dtype=np.bool_)
    )
    market = dataclasses.replace(question.settings, host_rent=host_rent)
    question = dataclasses.replace(question, rulebook=rulebook, settings=market)
    for host in range(hosts):
        ledger = question.ledger()
        if ledger.breaches():
            return
        eligibility = Eligibility(ledger, question.cooling)
        most = Switchboard(ledger, eligibility)._most_saved(host)
        done = Unbounded(ledger, eligibility).rest_one(host)[0]
        if done:
            slack = 10 * tolerance(question.ledger().potential())
            event("a host rests")
            assert surplus(done)[1] <= most + slack


@given(questions())
def test_the_mask_and_the_words_agree(question: Question) -> None:
    ledger = question.ledger()
    eligibility = Eligibility(ledger, question.cooling)
    movers = eligibility.movers()
    for vm in range(len(question.snapshot.vms)):
        reason = eligibility.why_not_trade(vm, ActionKind.MIGRATE)
        home = int(ledger.host_of[vm])
        if home >= 0:
            hosts = range(len(question.snapshot.hosts))
            good = [host for host in hosts if eligibility.why_not_move(vm, host) is None]
            assert eligibility.open_to(vm).tolist() == good
        alone = home >= 0 and question.snapshot.hosts.cluster[home] < 0
        assert bool(movers[vm]) == (reason is None and not alone)
        if not movers[vm]:
            continue
        for host in range(len(question.snapshot.hosts)):
            same = ledger.market[host] == ledger.market[home] >= 0
            mask = (
                same
                and eligibility.sees(vm)[host]
                and ledger.rules.allowed(vm, home)[host]
                and eligibility.roomy(np.array([vm]), np.array([host]))[0, 0]
            )
            assert bool(mask) == (eligibility.why_not_move(vm, host) is None)


@given(questions())
@settings(max_examples=150)
def test_a_plan_can_be_followed_step_by_step(question: Question) -> None:
    """Never more than a host has, never a rule broken that held; the potential rises only for a
    mandatory rule that is mended."""
    answer = clear(question)
    ledger = question.ledger()
    potential = ledger.potential()
    broken, hard = violations(ledger), mandatory(ledger)
    moved = [trade.what.vm for trade in answer.trades if isinstance(trade.what, Move)]
    assert len(set(moved)) == len(moved)
    for group in grouped(answer.trades):
        now = potential
        for trade in group:
            over_before = np.maximum(ledger.occupied - ledger.ceiling, 0.0)
            was = now
            carry_out(ledger, trade.what)
            if isinstance(trade.what, Switch):
                assert not (ledger.host_of == trade.what.host).any()
            over_after = np.maximum(ledger.occupied - ledger.ceiling, 0.0)
            assert (over_after <= over_before + 1e-3).all()
            now = ledger.potential()
            assert trade.saving == pytest.approx(was - now, abs=10 * tolerance(was, now))
            assert trade.hurdle >= trade.disruption >= 0.0
            still = violations(ledger)
            worse = {rule for rule, count in broken.items() if still[rule] > count}
            # A soft rule gives way to a mandatory one, and to nothing else.
            assert not worse & hard
            assert not worse or trade.mends > 0
            broken = still
        assert (len(group) > 1) == (group[0].group > 0)
        mended, points = surplus(group)
        assert mended > 0 or (mended == 0 and points > 0.0)
        assert mended > 0 or now <= potential + tolerance(potential)
        potential = now


@given(questions())
@settings(max_examples=120)
def test_whatever_order_a_wave_ends_in_no_host_is_overfull(question: Question) -> None:
    answer = clear(question)
    ledger = question.ledger()
    trades = with_power_cycles(ledger, answer.trades)
    slots = schedule(question, trades)
    waves = sorted({slot.wave for slot in slots})
    assert waves == list(range(1, len(waves) + 1))
    assert [slot.wave for slot in slots] == sorted(slot.wave for slot in slots)
    for wave in waves:
        members = [trade for trade, slot in zip(trades, slots, strict=True) if slot.wave == wave]
        # Everything has arrived and nothing has left yet.
        worst = ledger.occupied.copy()
        for trade in members:
            if isinstance(trade.what, Move):
                worst[trade.what.target] += ledger.needs[trade.what.vm]
        for trade in members:
            carry_out(ledger, trade.what)
        targets = {trade.what.target for trade in members if isinstance(trade.what, Move)}
        for host in targets:
            assert (worst[host] <= ledger.ceiling[host] + 1e-3).all()
    for at, slot in enumerate(slots):
        assert all(slots[need].wave < slot.wave and need < at for need in slot.needs)


def planned_again(question: Question, cool_down: bool) -> tuple[Trade, ...]:
    """What the market does after a plan: the same VMs, where and as the plan leaves them."""
    answer = clear(question)
    ledger = question.ledger()
    cooling = question.cooling.copy()
    for trade in answer.trades:
        carry_out(ledger, trade.what)
        if isinstance(trade.what, Move):
            cooling[trade.what.vm] |= cool_down
    again = dataclasses.replace(
        question,
        snapshot=with_ledger(question, ledger),
        demand=demand_after(question, ledger),
        cooling=cooling,
    )
    return clear(again).trades


@given(questions())
@settings(max_examples=120)
def test_planning_after_a_plan_gives_nothing(question: Question) -> None:
    assert planned_again(question, cool_down=True) == ()


@given(questions())
@settings(max_examples=120)
def test_the_bound_is_never_above_the_plan(question: Question) -> None:
    plan = make_plan(question, now_s=0.0)
    certificate = plan.certificate
    slack = tolerance(certificate.potential_before)
    assert certificate.lower_bound <= certificate.potential_after + slack
    assert certificate.breaches_after <= certificate.breaches_before
    if certificate.breaches_after == certificate.breaches_before:
        assert certificate.potential_after <= certificate.potential_before + slack
    assert 0.0 <= certificate.gap_pct <= 100.0
    assert np.isfinite(
        [certificate.potential_before, certificate.potential_after, certificate.lower_bound]
    ).all()


def mandatory(ledger: Ledger) -> set[str]:
    """Keys, as :func:`violations` has them, of rules that must be kept."""
    return {
        f"{number}/{rules.moid[row]}"
        for number, rules in enumerate((ledger.snapshot.rules, ledger.rulebook.rules))
        for row in range(len(rules))
        if rules.mandatory[row]
    }


def violations(ledger: Ledger) -> dict[str, int]:
    """Broken pairs and placements of each enabled rule, counted afresh from the tables."""
    counts = {}
    tables = (ledger.snapshot.rules, ledger.rulebook.rules)
    for number, rules in enumerate(tables):
        for row in range(len(rules)):
            if not rules.enabled[row]:
                continue
            where = [int(ledger.host_of[vm]) for vm in rules.vms[row]]
            where = [host for host in where if host >= 0]
            pairs = [(a, b) for at, a in enumerate(where) for b in where[at + 1 :]]
            match rules.kind[row]:
                case kind if kind == KEEP_APART:
                    bad = sum(a == b for a, b in pairs)
                case kind if kind == KEEP_TOGETHER:
                    bad = sum(a != b for a, b in pairs)
                case kind if kind == RUN_ON:
                    bad = sum(host not in rules.hosts[row] for host in where)
                case kind:
                    assert kind == NOT_ON
                    bad = sum(host in rules.hosts[row] for host in where)
            counts[f"{number}/{rules.moid[row]}"] = bad
    return counts


def demand_after(question: Question, ledger: Ledger) -> Demand:
    """Demand after a plan: as it was, of the VMs that run now; what started wants what it does."""
    demand = question.demand
    started = ledger.on & ~demand.running
    stopped = demand.running & ~ledger.on

    def kept(before: FloatArray, now: FloatArray) -> FloatArray:
        mask = started if before.ndim == 1 else started[:, None]
        changed: FloatArray = np.where(mask, now, before)
        changed[stopped] = 0.0
        return changed

    return dataclasses.replace(
        demand,
        footprint=kept(ledger.terms.footprint, ledger.terms.footprint),
        curve=kept(demand.curve, ledger.demand.curve),
        overhead=kept(demand.overhead, ledger.demand.overhead),
        wanted=kept(demand.wanted, ledger.demand.wanted),
        lacking=kept(demand.lacking, ledger.demand.lacking),
        taken=kept(demand.taken, ledger.demand.taken),
        cpu_mhz=kept(demand.cpu_mhz, ledger.demand.cpu_mhz),
        # What has just started has not given any counters yet.
        known=demand.known & ~stopped,
        running=ledger.on.copy(),
    )


def with_ledger(question: Question, ledger: Ledger) -> Snapshot:
    """The snapshot after a plan, with everything that was not traded as it was."""
    snapshot = question.snapshot
    vms, hosts, pools = snapshot.vms, snapshot.hosts, snapshot.pools
    moved = np.where(ledger.host_of >= 0, ledger.host_of, vms.host)
    cluster = np.where(ledger.host_of >= 0, np.append(hosts.cluster, -1)[moved], vms.cluster)
    power = [
        "poweredOn" if on else ("poweredOff" if before == "poweredOn" else before)
        for on, before in zip(ledger.on.tolist(), vms.power, strict=True)
    ]
    board, stores = ledger.charges.stores, snapshot.datastores
    told = np.isfinite(board.capacity)
    load = board.load(ledger.store)
    return dataclasses.replace(
        snapshot,
        datastores=stores.replace(
            iops=np.where(told, load, stores.iops),
            io_kibps=np.where(told, np.nan, stores.io_kibps),
            latency_ms=np.where(told, board.latency(load), stores.latency_ms),
        ),
        vms=vms.replace(
            host=moved,
            cluster=cluster,
            power=tuple(power),
            size_mib=ledger.terms.size,
            limit_mib=ledger.terms.limit,
            reservation_mib=ledger.terms.reservation,
            balloon_cap_mib=ledger.terms.cap,
            shares=ledger.terms.shares,
            home_datastore=ledger.store,
        ),
        hosts=hosts.replace(
            power=tuple(
                power if awake else "standBy"
                for power, awake in zip(
                    (p if p != "standBy" else "poweredOn" for p in hosts.power),
                    ledger.awake.tolist(),
                    strict=True,
                )
            )
        ),
        pools=pools.replace(
            limit_mib=ledger.pools,
            reservation_mib=pools.reservation_mib + ledger.lent,
            unreserved_mib=unreserved(ledger),
        ),
    )
