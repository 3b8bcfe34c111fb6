"""What the journal remembers, as documents."""

from __future__ import annotations

from vsphere_market.journal import (
    CycleRecord,
    DecisionRecord,
    HostSample,
    RefusalRecord,
    StepRecord,
)
from vsphere_market.service import words
from vsphere_market.service.words import Document


def cycle_document(item: CycleRecord) -> Document:
    """A turn of the loop, or a command that read the estate."""
    return {
        "id": item.id,
        "kind": item.kind,
        "source": item.source,
        "started_at": words.moment(item.started_s),
        "ended_at": words.moment(item.ended_s),
        "status": item.status,
        "sentence": item.sentence,
        "vms": item.vms,
        "hosts": item.hosts,
        "ballooned_mib": words.number(item.ballooned_mib),
        "swapped_mib": words.number(item.swapped_mib),
        "swap_in_kibps": words.number(item.swap_in_kibps),
        "swap_out_kibps": words.number(item.swap_out_kibps),
    }


def action_document(item: StepRecord) -> Document:
    """What was done, or tried."""
    return {
        "execution": item.execution,
        "plan": str(item.plan) if item.plan is not None else None,
        "step": item.step,
        **words.action_json(item.action),
        "state": item.state,
        "outcome": item.outcome.value if item.outcome else None,
        "cause": item.cause.value if item.cause else None,
        "sentence": item.sentence,
        "dry_run": item.dry_run,
        "started_at": words.moment(item.started_s),
        "ended_at": words.moment(item.ended_s),
    }


def decision_document(item: DecisionRecord) -> Document:
    """What was decided, whether or not it was done."""
    moved = item.kind == "migrate"
    return {
        "plan": str(item.plan),
        "at": words.moment(item.created_s),
        "step": item.step,
        "kind": item.kind,
        "subject": {"moid": item.vm_moid, "name": item.vm},
        "from": item.host_from if moved else item.from_mib,
        "to": item.host_to if moved else item.to_mib,
        "wave": item.wave,
        "saving": words.number(item.saving),
        "disruption": words.number(item.disruption),
        "mode": item.mode,
        "reason": item.reason,
    }


def refusal_document(item: RefusalRecord) -> Document:
    """What was not done, and why."""
    return {
        "plan": str(item.plan),
        "at": words.moment(item.created_s),
        "subject": {"moid": item.subject_moid, "name": item.subject},
        "reason": item.reason,
        "sentence": item.sentence,
    }


def host_moment(item: HostSample) -> Document:
    """A host at one time."""
    return {
        "at": words.moment(item.at_s),
        "price": words.number(item.price),
        "load": words.number(item.load),
        "consumed_mib": words.number(item.consumed_mib),
        "ballooned_mib": words.number(item.ballooned_mib),
        "swapped_mib": words.number(item.swapped_mib),
        "swap_in_kibps": words.number(item.swap_in_kibps),
    }
