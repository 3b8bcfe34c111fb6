"""What-ifs, backtests and policies: from a request to control's words, and back to documents."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

from vsphere_market.control.sources import SHIPPED
from vsphere_market.control.supposing import (
    Supposition,
    advice_of,
    changes_of,
    room_left,
    suppose,
)
from vsphere_market.errors import BusyError, UsageError
from vsphere_market.market.outlook import Outlook, Side
from vsphere_market.market.planfile import plan_to_json
from vsphere_market.policy import PolicyProblems, compile_rulebook, parse_policies
from vsphere_market.port import Finding
from vsphere_market.service import words
from vsphere_market.service.jobs import Result, Work
from vsphere_market.service.models_plans import Backtest, Whatif
from vsphere_market.service.ready import plain
from vsphere_market.service.state import Service
from vsphere_market.service.view import View
from vsphere_market.service.words import Document

#: What a backtest's answer does not show: a result has hundreds of such rows.
_BULKY = ("series", "deeds")


def whatif_work(view: View, wanted: Whatif) -> Work:
    """The work of a what-if.

    Raises:
        UsageError: a name that is none here, or nothing is supposed.
        PolicyProblems: the other policies are wrong.
    """
    supposed = Supposition(
        cluster=wanted.cluster,
        policies=None if wanted.policies is None else parse_policies(wanted.policies, "policies"),
        merge=tuple(wanted.merge),
        memory_factor=wanted.memory_factor,
        add_hosts=wanted.add_hosts,
        maintenance=tuple(wanted.maintenance),
        lose=tuple(wanted.lose),
        grow_pct=wanted.grow_pct,
        add_vms=wanted.add_vms,
        size_gib=math.nan if wanted.size_gib is None else wanted.size_gib,
    )
    framed = view.frame
    changes = changes_of(framed, supposed)
    if wanted.ask == "outlook" and not changes:
        raise UsageError(
            "nothing is supposed",
            where="whatif",
            cure="give `lose`, `add_vms`, `grow_pct` or another; or ask for headroom or place",
        )

    def work(progress: Callable[[float], None]) -> Result:
        progress(10.0)
        document: Document
        match wanted.ask:
            case "headroom":
                document = {"headroom": [_flat(item) for item in room_left(framed, supposed)]}
            case "place":
                document = {"quotes": [_flat(item) for item in advice_of(framed, supposed)]}
            case _:
                document = _outlook(suppose(framed, supposed))
        return Result(document=plain({"ask": wanted.ask, **document}))

    return work


def backtest_work(service: Service, wanted: Backtest) -> Work:
    """The work of a backtest, on an estate that is shipped.

    Raises:
        UsageError: there is no such estate or controller.
    """
    from vsphere_market.proving.compare import Comparison, run_all
    from vsphere_market.proving.roster import parse_all

    shipped = {path.stem: path for path in SHIPPED.glob("*.json")}
    if wanted.estate not in shipped:
        raise UsageError(
            "is no shipped estate",
            where=wanted.estate,
            cure=f"there are: {', '.join(sorted(shipped))}",
        )
    if any(not job.over for job in service.jobs.all("backtest")):
        raise BusyError("a backtest is under way already", cure="wait for its end")
    comparison = Comparison(
        estate=shipped[wanted.estate],
        controllers=parse_all(wanted.controllers),
        seeds=tuple(range(1, wanted.seeds + 1)),
        hours=wanted.hours,
        actions=wanted.actions,
    )

    def work(progress: Callable[[float], None]) -> Result:
        def watch(over: int, total: int, _job: Any) -> None:
            progress(100.0 * over / total)

        results = run_all(comparison, watch=watch)
        trials = [
            {key: value for key, value in result.items() if key not in _BULKY} for result in results
        ]
        return Result(document=plain({"trials": trials}))

    return work


def policies_document(service: Service) -> Document:
    """The policy documents in force."""
    latest = service.latest
    findings: Sequence[Finding] = (
        latest.frame.findings if latest is not None else service.policies.findings
    )
    return {
        "digest": service.policies.digest or None,
        "documents": [
            {
                "name": item.name,
                "kind": item.kind.value,
                "where": item.where,
                "description": item.description or item.reason,
            }
            for item in service.policies.documents
        ],
        "findings": [_finding(item) for item in findings],
    }


def validated(service: Service, documents: list[dict[str, Any]]) -> Document:
    """A check of policy documents, against the estate as well when it has been looked at."""
    try:
        policies = parse_policies(documents, "documents")
        findings = policies.findings
        if service.latest is not None:
            findings = compile_rulebook(policies, service.latest.snapshot).findings
    except PolicyProblems as problems:
        return {
            "documents": len(documents),
            "valid": False,
            "findings": [_finding(item) for item in problems.findings],
        }
    return {
        "documents": len(policies.documents),
        "valid": True,
        "findings": [_finding(item) for item in findings],
    }


# ---------------------------------------------------------------- the parts


def _finding(item: Finding) -> Document:
    return {
        "severity": item.severity.value,
        "code": item.code,
        "where": item.subject,
        "what": item.what,
        "cure": item.cure,
    }


def _outlook(seen: Outlook) -> Document:
    return {
        "now": _side(seen.now),
        "then": _side(seen.then),
        "traded": _side(seen.traded),
        "stranded": [words.entity(vm) for vm in seen.stranded],
        "stuck": [words.entity(vm) for vm in seen.stuck],
        "plan": plan_to_json(seen.plan),
    }


def _side(side: Side) -> Document:
    return {
        "potential": side.potential,
        "lower_bound": side.lower_bound,
        "running": side.running,
        "hosts": [_flat(item) for item in side.hosts],
        "squeezed": [_flat(item) for item in side.squeezed],
        "redundancy": [{**_flat(item), "holds": item.holds} for item in side.redundancy],
    }


def _flat(item: Any) -> Document:
    """A frozen dataclass as an object, its parts likewise."""
    return dataclasses.asdict(item)
