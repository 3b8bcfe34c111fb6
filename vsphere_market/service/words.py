"""The parts that many documents share: times, objects, actions, quotes, settings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from vsphere_market.estate import time_text
from vsphere_market.market import CAUSE_WORDS, SENTENCES, Evidence, Plan, Quote, Step, VmDiagnosis
from vsphere_market.policy import EffectiveSetting
from vsphere_market.port import Action, Entity
from vsphere_market.port.brief import action_text
from vsphere_market.port.documents import action_to_json

Document = dict[str, Any]


def number(value: float | None) -> float | None:
    """A number; None where it is not given or has no end."""
    return value if value is not None and math.isfinite(value) else None


def moment(seconds: float | None) -> str | None:
    """Unix time as RFC 3339 in UTC, None where there is none."""
    return None if seconds is None or not math.isfinite(seconds) else time_text(seconds)


def entity(item: Entity) -> Document:
    """A managed object."""
    return {"moid": item.moid, "name": item.name}


def maybe(item: Entity) -> Document | None:
    """A managed object, None for nowhere."""
    return entity(item) if item.moid else None


def subject(action: Action) -> Entity:
    """What an action is about."""
    return action.subject


def action_json(action: Action) -> Document:
    """An action as plan files hold it, and in words."""
    return {**action_to_json(action), "text": action_text(action)}


def evidence(items: Iterable[Evidence]) -> list[Document]:
    """Numbers with their units."""
    return [{"name": item.name, "value": number(item.value), "unit": item.unit} for item in items]


def quote(item: Quote, *, home: bool) -> Document:
    """What it would cost the market to have a VM on a host."""
    return {
        "host": entity(item.host),
        "price": number(item.price),
        "quote": number(item.quote),
        "home": home,
        "refused": item.refused.value if item.refused else None,
        "sentence": SENTENCES[item.refused] if item.refused else None,
    }


def quotes(items: Iterable[Quote]) -> list[Document]:
    """Quotes; the first is that of the VM's own host."""
    return [quote(item, home=at == 0) for at, item in enumerate(items)]


def settings(items: Iterable[EffectiveSetting]) -> list[Document]:
    """Effective settings with their sources."""
    return [
        {
            "name": item.name,
            "value": item.value,
            "source": item.source,
            "place": item.place,
            "note": item.note,
        }
        for item in items
    ]


def certificate(plan: Plan) -> Document:
    """What a plan is worth."""
    proof = plan.certificate
    return {
        "potential_before": number(proof.potential_before),
        "potential_after": number(proof.potential_after),
        "lower_bound": number(proof.lower_bound),
        "gap_pct": number(proof.gap_pct),
        "breaches_before": proof.breaches_before,
        "breaches_after": proof.breaches_after,
    }


def kinds(steps: Iterable[Step]) -> Mapping[str, int]:
    """How many steps there are of each kind."""
    found: dict[str, int] = {}
    for step in steps:
        found[step.action.kind.value] = found.get(step.action.kind.value, 0) + 1
    return found


def diagnosis(item: VmDiagnosis) -> Document:
    """A VM that is short of memory."""
    return {
        "vm": entity(item.vm),
        "host": maybe(item.host),
        "cause": item.cause.value,
        "cause_words": CAUSE_WORDS[item.cause],
        "taken_mib": number(item.taken_mib),
        "swap_in_kibps": number(item.swap_in_kibps),
        "latency_pct": number(item.latency_pct),
        "hurts": item.hurts,
        "bill": number(item.bill),
        "limit_bill": number(item.limit_bill),
    }
