"""From trades to a plan that people can read: steps, reasons, certificate, refusals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import vsphere_market
from vsphere_market.market.acts import carry_out
from vsphere_market.market.certificate import lower_bound
from vsphere_market.market.diagnosis import diagnose, host_entity
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.engine import Question, clear
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.modes import mode_of
from vsphere_market.market.placement import marketplaces
from vsphere_market.market.plan import (
    Certificate,
    HostOutlook,
    Origin,
    Plan,
    Quote,
    Step,
)
from vsphere_market.market.quotes import quotes_for
from vsphere_market.market.reasons import evidence_of, sentence_of
from vsphere_market.market.refusals import refusals
from vsphere_market.market.steps import action_of, with_power_cycles
from vsphere_market.market.trades import Move, Trade
from vsphere_market.market.waves import schedule

#: Quotes kept with each migration: its own host and the best others.
QUOTES_KEPT = 5


def make_plan(question: Question, now_s: float) -> Plan:
    """Let the market trade, and write down what it did and why.

    Args:
        question: the estate, its demand and rules.
        now_s: Unix time at the source, for the plan's life.
    """
    answer = clear(question)
    ledger = question.ledger()
    trades = with_power_cycles(ledger, answer.trades)
    slots = schedule(question, trades)
    prices = ledger.host_price()
    loads = _loads(ledger)
    squeezed = {found.row: found for found in diagnose(ledger)}
    eligibility = Eligibility(ledger, question.cooling)
    partners = partners_of(trades)
    modes = [mode_of(ledger, trade.what) for trade in trades]
    steps = []
    for at, (trade, slot) in enumerate(zip(trades, slots, strict=True)):
        what = trade.what
        quotes: tuple[Quote, ...] = ()
        if isinstance(what, Move):
            quotes = quotes_for(ledger, eligibility, what.vm, most=QUOTES_KEPT)
        steps.append(
            Step(
                id=f"s{at + 1}",
                action=action_of(ledger, what),
                wave=slot.wave,
                depends_on=tuple(f"s{need + 1}" for need in slot.needs),
                saving=trade.saving,
                disruption=trade.disruption,
                # Half of what pays together only would do harm, so the most cautious decides.
                mode=min((modes[other] for other in partners[at]), default=modes[at]),
                reason=sentence_of(
                    ledger,
                    trade,
                    squeezed.get(what.vm),
                    [trades[other] for other in partners[at]],
                ),
                evidence=evidence_of(ledger, trade),
                quotes=quotes,
                together=tuple(f"s{other + 1}" for other in partners[at] if other != at),
                mends=trade.mends,
            )
        )
        carry_out(ledger, what)
    after = answer.ledger
    bound = lower_bound(after, marketplaces(after, Eligibility(after, question.cooling)))
    snapshot = question.snapshot
    return Plan(
        created_at_s=now_s,
        expires_at_s=now_s + question.settings.plan_life_s,
        made_from=Origin(
            source=snapshot.source.kind,
            name=snapshot.source.name,
            instance_uuid=snapshot.source.instance_uuid,
            taken_at_s=snapshot.taken_at_s,
            policies=question.rulebook.digest,
            engine=vsphere_market.__version__,
        ),
        certificate=Certificate(
            answer.before, answer.after, min(bound, answer.after), answer.broken, after.breaches()
        ),
        steps=tuple(steps),
        refusals=refusals(question, answer),
        hosts=_outlook(ledger, prices, loads),
    )


def partners_of(trades: Sequence[Trade]) -> list[list[int]]:
    """For each trade the positions of its group, itself among them; none for a trade by itself."""
    members: dict[int, list[int]] = {}
    for at, trade in enumerate(trades):
        if trade.group:
            members.setdefault(trade.group, []).append(at)
    return [members.get(trade.group, []) for trade in trades]


def _loads(ledger: Ledger) -> list[float]:
    now = ledger.supply.goods[0].columns.start
    return [float(value) for value in ledger.load[:, now] / ledger.supply.usable]


def _outlook(ledger: Ledger, prices: np.ndarray, loads: list[float]) -> tuple[HostOutlook, ...]:
    after, loads_after = ledger.host_price(), _loads(ledger)
    return tuple(
        HostOutlook(
            host_entity(ledger, host),
            float(prices[host]),
            float(after[host]),
            loads[host],
            loads_after[host],
        )
        for host in range(len(loads))
    )
