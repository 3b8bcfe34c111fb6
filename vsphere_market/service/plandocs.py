"""Plans, steps and refusals as documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vsphere_market.journal import PlanRecord
from vsphere_market.market import Step
from vsphere_market.policy import Mode
from vsphere_market.service import words
from vsphere_market.service.listing import PageOf
from vsphere_market.service.plans import Kept, Mark
from vsphere_market.service.problems import HttpProblem
from vsphere_market.service.words import Document


def plan_document(kept: Kept, *, expired: bool, running: str | None) -> Document:
    """A plan without its steps and refusals, which have pages of their own.

    Args:
        kept: the plan.
        expired: nothing of it can be done any more.
        running: id of the execution that goes on, or None.
    """
    plan, origin = kept.plan, kept.plan.made_from
    marked = set(kept.approved) | set(kept.skipped)
    pending = [s for s in plan.steps if s.id not in marked and s.mode >= Mode.APPROVE]
    return {
        "id": str(kept.number),
        "state": _state(kept, expired, running),
        "created_at": words.moment(plan.created_at_s),
        "expires_at": words.moment(plan.expires_at_s),
        "origin": kept.made.origin.value,
        "who": kept.made.who or None,
        "note": kept.made.note or None,
        "scope": {
            "vms": list(kept.made.scope.vms),
            "hosts": list(kept.made.scope.hosts),
            "clusters": list(kept.made.scope.clusters),
        },
        "made_from": {
            "source": origin.source,
            "name": origin.name,
            "instance_uuid": origin.instance_uuid or None,
            "taken_at": words.moment(origin.taken_at_s),
            "policies": origin.policies or None,
            "engine": origin.engine,
        },
        "certificate": words.certificate(plan),
        "steps": len(plan.steps),
        "refusals": len(plan.refusals),
        "waves": max((step.wave for step in plan.steps), default=0),
        "kinds": dict(words.kinds(plan.steps)),
        "approved": len(kept.approved),
        "skipped": len(kept.skipped),
        "pending": len(pending),
        "recommended": sum(step.mode < Mode.APPROVE for step in plan.steps),
        "saving": words.number(sum(step.saving for step in plan.steps)),
        "disruption": words.number(sum(step.disruption for step in plan.steps)),
        "hosts": [
            {
                "host": words.entity(item.host),
                "price_before": words.number(item.price_before),
                "price_after": words.number(item.price_after),
                "load_before": words.number(item.load_before),
                "load_after": words.number(item.load_after),
            }
            for item in plan.hosts
        ],
        "executions": list(kept.executions),
    }


def record_document(record: PlanRecord, kept: Kept | None, *, expired: bool) -> Document:
    """A plan in a list.

    Args:
        record: what the journal knows of it.
        kept: the plan, if it is at hand.
        expired: nothing of it can be done any more.
    """
    above = record.potential_after - record.lower_bound
    gap = 100.0 * above / record.potential_after if record.potential_after > 0 else 0.0
    return {
        "id": str(record.id),
        "state": _state(kept, expired, None) if kept else "expired" if expired else "open",
        "created_at": words.moment(record.created_s),
        "expires_at": words.moment(record.expires_s),
        "origin": kept.made.origin.value if kept else "loop",
        "who": (kept.made.who or None) if kept else None,
        "certificate": {
            "potential_before": words.number(record.potential_before),
            "potential_after": words.number(record.potential_after),
            "lower_bound": words.number(record.lower_bound),
            "gap_pct": words.number(max(0.0, gap)),
            "breaches_before": kept.plan.certificate.breaches_before if kept else None,
            "breaches_after": kept.plan.certificate.breaches_after if kept else None,
        },
        "steps": record.steps,
        "refusals": record.refusals,
        "approved": len(kept.approved) if kept else 0,
        "skipped": len(kept.skipped) if kept else 0,
    }


def _state(kept: Kept, expired: bool, running: str | None) -> str:
    if running is not None:
        return "executing"
    if kept.executions:
        return "executed"
    if not kept.plan.steps:
        return "empty"
    return "expired" if expired else "open"


def step_document(kept: Kept, step: Step, *, full: bool) -> Document:
    """A step, with what was said about it.

    Args:
        kept: its plan.
        step: the step.
        full: with quotes and evidence.
    """
    said = kept.said.get(step.id)
    if said is None:
        approval = "pending" if step.mode >= Mode.APPROVE else "recommended"
    else:
        approval = "approved" if said.mark is Mark.APPROVED else "skipped"
    document: Document = {
        "id": step.id,
        **words.action_json(step.action),
        "wave": step.wave,
        "depends_on": list(step.depends_on),
        "saving": words.number(step.saving),
        "disruption": words.number(step.disruption),
        "mode": step.mode.name.lower(),
        "reason": step.reason,
        "approval": approval,
        "approval_by": said.who if said else None,
        "approval_at": words.moment(said.at_s) if said else None,
        "approval_why": (said.why or None) if said else None,
    }
    if full:
        document["evidence"] = words.evidence(step.evidence)
        document["quotes"] = words.quotes(step.quotes)
    return document


def step_page(kept: Kept, cursor: str, limit: int, *, full: bool) -> PageOf:
    """A page of steps, in the plan's order."""
    return _page(kept.plan.steps, cursor, limit, lambda step: step_document(kept, step, full=full))


def refusal_page(kept: Kept, reason: str, cursor: str, limit: int) -> PageOf:
    """A page of what is not done, and why; of one reason if it is named."""
    found = [item for item in kept.plan.refusals if not reason or item.reason.value == reason]
    return _page(
        found,
        cursor,
        limit,
        lambda item: {
            "subject": words.entity(item.subject),
            "reason": item.reason.value,
            "sentence": item.sentence,
        },
    )


def _page(items: Sequence[Any], cursor: str, limit: int, show: Any) -> PageOf:
    """A page of something that never changes: the cursor is a place."""
    at = place_of(cursor)
    rows = items[at : at + limit]
    following = str(at + limit) if at + limit < len(items) else None
    return PageOf([show(item) for item in rows], len(items), following)


def place_of(cursor: str) -> int:
    """The place that a cursor of such a page means.

    Raises:
        HttpProblem: it is none.
    """
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 10):
        raise HttpProblem(
            404,
            "wrong-cursor",
            "there is no such page of this list",
            where="cursor",
            cure="use what `next` of the page before says",
        )
    return int(cursor)
