"""Deciding once, for somebody who looks at the plan before anything is done."""

from __future__ import annotations

from vsphere_market.control.backfill import backfill, backfill_storage
from vsphere_market.control.cycle import write_decision
from vsphere_market.control.decide import Frame, decide, frame
from vsphere_market.control.journals import known_journal, working_journal
from vsphere_market.control.sources import OpenSource, SourceKind
from vsphere_market.journal import Place
from vsphere_market.market import MarketSettings, Plan
from vsphere_market.policy import PolicySet


def plan_once(
    source: OpenSource,
    policies: PolicySet,
    journal: Place | None = None,
    settings: MarketSettings | None = None,
) -> tuple[Frame, Plan]:
    """Observe and decide. What a vCenter showed, and the plan, are written to the journal.

    Args:
        source: the estate.
        policies: what the business wants.
        journal: the journal that the user named, or None for the usual one.
        settings: the market's constants; None for the defaults.

    Raises:
        MarketError: the source cannot be read, or the journal not be used.
    """
    clock = source.clock
    started_s = clock.now_s()
    snapshot = source.observe()
    if source.kind is not SourceKind.VCENTER:
        # A file's past is no news, and a plant's time is not ours: neither is written down.
        with known_journal(source, journal) as known:
            framed = frame(
                snapshot, policies, now_s=clock.now_s(), journal=known, settings=settings
            )
        return framed, decide(framed)
    with working_journal(source, journal) as kept:
        backfill(source.port, kept, snapshot)
        backfill_storage(source.port, kept, snapshot)
        framed = frame(snapshot, policies, now_s=clock.now_s(), journal=kept, settings=settings)
        plan = decide(framed)
        cycle, _ = write_decision(kept, framed, plan, "plan", started_s)
        steps = len(plan.steps)
        sentence = (
            f"{steps} step{'s' if steps != 1 else ''} planned." if steps else "Nothing to do."
        )
        kept.end_cycle(cycle, ended_s=clock.now_s(), status="done", sentence=sentence)
    return framed, plan
