"""Plan files: JSON with a format string, written whole, read with suspicion.

``{"format": "vsphere-market/plan/1", "created_at": "…Z", "certificate": {…}, "steps": [{…}], …}``
How a step's action is written, says ``port.documents``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vsphere_market.errors import PlanError
from vsphere_market.estate import seconds_from_text, time_text
from vsphere_market.estate.files import read_json, write_json
from vsphere_market.estate.shapes import Misfit
from vsphere_market.market.plan import (
    PLAN_FORMAT,
    Certificate,
    Evidence,
    HostOutlook,
    Origin,
    Plan,
    Quote,
    Reason,
    Refusal,
    Step,
)
from vsphere_market.market.planschema import MODES, PLAN_SHAPE
from vsphere_market.port.documents import (
    action_from_json,
    action_to_json,
    entity_from_json,
    entity_to_json,
)


def read_plan(path: Path) -> Plan:
    """Read a plan file.

    Raises:
        PlanError: naming the file and the JSON pointer of what is wrong.
    """
    return plan_from_json(read_json(path, PlanError), where=str(path))


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan file, whole or not at all. Raises InputError if it cannot be written."""
    write_json(path, plan_to_json(plan))


def plan_from_json(document: Any, *, where: str) -> Plan:
    """Check a parsed document and build the plan. ``where`` names it in errors."""
    if isinstance(document, dict) and document.get("format") != PLAN_FORMAT:
        raise PlanError(
            f'is {document.get("format")!r}, expected "{PLAN_FORMAT}"',
            where=f"{where}#/format",
            cure="write the file with `vsphere-market plan -o`, in the version you run",
        )
    try:
        PLAN_SHAPE.check(document, "")
        _check_order(document["steps"])
        plan = Plan(
            created_at_s=_seconds(document, "/created_at"),
            expires_at_s=_seconds(document, "/expires_at"),
            made_from=_origin(document),
            certificate=_certificate(document["certificate"]),
            steps=tuple(_step(step) for step in document["steps"]),
            refusals=tuple(_refusal(item) for item in document["refusals"]),
            hosts=tuple(_outlook(item) for item in document.get("hosts", ())),
        )
        if plan.expires_at_s < plan.created_at_s:
            raise Misfit("/expires_at", "is before created_at")
    except Misfit as misfit:
        at = f"{where}#{misfit.pointer}" if misfit.pointer else where
        raise PlanError(str(misfit), where=at, cure="make the plan again") from None
    return plan


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The document that :func:`plan_from_json` reads back as the same plan."""
    origin, certificate = plan.made_from, plan.certificate
    return {
        "format": PLAN_FORMAT,
        "created_at": time_text(plan.created_at_s),
        "expires_at": time_text(plan.expires_at_s),
        "made_from": {
            "source": origin.source,
            "name": origin.name,
            "instance_uuid": origin.instance_uuid,
            "taken_at": time_text(origin.taken_at_s),
            "policies": origin.policies,
            "engine": origin.engine,
        },
        "certificate": {
            "potential_before": certificate.potential_before,
            "potential_after": certificate.potential_after,
            "lower_bound": certificate.lower_bound,
            "gap_pct": certificate.gap_pct,
            "breaches_before": certificate.breaches_before,
            "breaches_after": certificate.breaches_after,
        },
        "steps": [step_to_json(step) for step in plan.steps],
        "refusals": [
            {
                "subject": entity_to_json(refusal.subject),
                "reason": refusal.reason.value,
                "sentence": refusal.sentence,
            }
            for refusal in plan.refusals
        ],
        "hosts": [
            {
                "host": entity_to_json(outlook.host),
                "price_before": outlook.price_before,
                "price_after": outlook.price_after,
                "load_before": outlook.load_before,
                "load_after": outlook.load_after,
            }
            for outlook in plan.hosts
        ],
    }


def step_to_json(step: Step) -> dict[str, Any]:
    """One step as plan files hold it."""
    action = step.action
    document: dict[str, Any] = {
        "id": step.id,
        **action_to_json(action),
        "wave": step.wave,
        "depends_on": list(step.depends_on),
        "saving": step.saving,
        "disruption": step.disruption,
        "mode": step.mode.name.lower(),
        "reason": step.reason,
    }
    if step.mends:
        document["mends"] = step.mends
    if step.together:
        document["together"] = list(step.together)
    if step.evidence:
        document["evidence"] = [
            {"name": item.name, "value": item.value, "unit": item.unit} for item in step.evidence
        ]
    if step.quotes:
        document["quotes"] = [quote_to_json(quote) for quote in step.quotes]
    return document


def quote_to_json(quote: Quote) -> dict[str, Any]:
    """One quote as plan files hold it."""
    document: dict[str, Any] = {
        "host": entity_to_json(quote.host),
        "price": quote.price,
        "quote": quote.quote,
    }
    return document if quote.refused is None else {**document, "refused": quote.refused.value}


# ---------------------------------------------------------------- reading the parts


def _check_order(steps: list[dict[str, Any]]) -> None:
    """Ids are unique, and what a step depends on comes before it."""
    waves: dict[str, float] = {}
    for at, step in enumerate(steps):
        if step["id"] in waves:
            raise Misfit(f"/steps/{at}/id", f"{step['id']} is there twice")
        for nth, needed in enumerate(step["depends_on"]):
            if waves.get(needed, step["wave"] + 1) > step["wave"]:
                raise Misfit(
                    f"/steps/{at}/depends_on/{nth}", f"{needed} is no step that comes before"
                )
        waves[step["id"]] = step["wave"]


def _seconds(document: Mapping[str, Any], pointer: str) -> float:
    value: Any = document
    for key in pointer[1:].split("/"):
        value = value[key]
    try:
        return seconds_from_text(value)
    except ValueError:
        raise Misfit(pointer, f"{value!r} is no time that exists") from None


def _origin(document: Mapping[str, Any]) -> Origin:
    value = document["made_from"]
    return Origin(
        source=value["source"],
        name=value["name"],
        instance_uuid=value["instance_uuid"],
        taken_at_s=_seconds(document, "/made_from/taken_at"),
        policies=value["policies"],
        engine=value["engine"],
    )


def _certificate(value: Mapping[str, Any]) -> Certificate:
    # gap_pct follows from the others.
    return Certificate(
        float(value["potential_before"]),
        float(value["potential_after"]),
        float(value["lower_bound"]),
        int(value.get("breaches_before", 0)),
        int(value.get("breaches_after", 0)),
    )


def _step(value: Mapping[str, Any]) -> Step:
    return Step(
        id=value["id"],
        action=action_from_json(value),
        wave=int(value["wave"]),
        depends_on=tuple(value["depends_on"]),
        saving=float(value["saving"]),
        disruption=float(value["disruption"]),
        mode=MODES[value["mode"]],
        reason=value["reason"],
        evidence=tuple(
            Evidence(item["name"], float(item["value"]), item["unit"])
            for item in value.get("evidence", ())
        ),
        quotes=tuple(_quote(item) for item in value.get("quotes", ())),
        together=tuple(value.get("together", ())),
        mends=int(value.get("mends", 0)),
    )


def _quote(value: Mapping[str, Any]) -> Quote:
    return Quote(
        host=entity_from_json(value["host"]),
        price=float(value["price"]),
        quote=float(value["quote"]),
        refused=Reason(value["refused"]) if "refused" in value else None,
    )


def _refusal(value: Mapping[str, Any]) -> Refusal:
    return Refusal(entity_from_json(value["subject"]), Reason(value["reason"]), value["sentence"])


def _outlook(value: Mapping[str, Any]) -> HostOutlook:
    return HostOutlook(
        host=entity_from_json(value["host"]),
        price_before=float(value["price_before"]),
        price_after=float(value["price_after"]),
        load_before=float(value["load_before"]),
        load_after=float(value["load_after"]),
    )
