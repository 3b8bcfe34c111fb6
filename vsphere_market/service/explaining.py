"""Explanations as documents: one shape for VMs and hosts."""

from __future__ import annotations

from vsphere_market.control.explain import explain_host_row, explain_vm_row
from vsphere_market.control.explanations import HostExplanation, Offer, VmExplanation
from vsphere_market.control.names import Thing, find
from vsphere_market.control.since import Since
from vsphere_market.errors import UsageError
from vsphere_market.journal import Journal
from vsphere_market.market import Step
from vsphere_market.market.cures import Cure
from vsphere_market.market.flips import LEVER_WORDS, Flip
from vsphere_market.port.brief import action_text
from vsphere_market.service import words
from vsphere_market.service.billing import paid_document
from vsphere_market.service.marketdocs import host_document
from vsphere_market.service.pastdocs import action_document, host_moment
from vsphere_market.service.plandocs import step_document
from vsphere_market.service.plans import Kept
from vsphere_market.service.problems import missing
from vsphere_market.service.view import View
from vsphere_market.service.words import Document
from vsphere_market.units import gib_text

_LISTS = "look it up in the list of VMs or of hosts: /v1/vms and /v1/hosts take `search`"


def explanation_document(view: View, journal: Journal, kept: Kept, asked: str) -> Document:
    """Why a VM or host is as it is, and what the market would do about it.

    Args:
        view: the latest turn.
        journal: knows what was done.
        kept: the turn's plan, with what was said about it.
        asked: a name or managed object id.

    Raises:
        HttpProblem: there is none, or several of that name.
    """
    try:
        found = find(view.snapshot, asked)
    except UsageError as error:
        # What the command line advises is a command; here it is a list.
        cure = error.cure if "`" not in error.cure else _LISTS
        raise missing(error.what, error.where[:80], cure) from None
    with view.locked():
        if found.thing is Thing.VM:
            vm = explain_vm_row(view.frame, found.row, journal, plan=view.plan, ledger=view.ledger)
            return _vm(view, vm, kept)
        host = explain_host_row(view.frame, found.row, journal, plan=view.plan, ledger=view.ledger)
        return _host(view, host, kept)


def _vm(view: View, vm: VmExplanation, kept: Kept) -> Document:
    return {
        "turn": view.number,
        "thing": "vm",
        "subject": words.entity(vm.vm),
        "host": words.maybe(vm.host),
        "headline": _headline(vm),
        "cause": vm.cause.value,
        "cause_words": vm.cause_words,
        "because": vm.diagnosis.because if vm.diagnosis else None,
        "since": _since(vm.since) if vm.since else None,
        "diagnosis": words.diagnosis(vm.diagnosis) if vm.diagnosis else None,
        "inside": words.evidence(vm.diagnosis.inside if vm.diagnosis else ()),
        "outside": words.evidence(vm.diagnosis.outside if vm.diagnosis else ()),
        "confidence": words.number(vm.confidence),
        "market": host_document(view, vm.view) if vm.view else None,
        "paid": paid_document(vm.paid),
        "numbers": words.evidence(vm.numbers),
        "price_parts": [],
        "quotes": words.quotes(vm.quotes),
        "offers": [_offer(item) for item in vm.offers],
        "cures": [_cure(item) for item in vm.cures],
        "flips": [_flip(item) for item in vm.flips],
        "steps": _steps(kept, vm.steps),
        "refusals": [
            {
                "subject": words.entity(item.subject),
                "reason": item.reason.value,
                "sentence": item.sentence,
            }
            for item in vm.refusals
        ],
        "tenants": [],
        "settings": words.settings(vm.settings),
        "samples": [],
        "actions": [action_document(item) for item in vm.actions],
    }


def _host(view: View, host: HostExplanation, kept: Kept) -> Document:
    seller = host.view
    return {
        "turn": view.number,
        "thing": "host",
        "subject": words.entity(seller.host),
        "host": None,
        "headline": (
            f"{seller.host.name} is {seller.pressure.value}: a MiB costs {seller.price:,.2f} "
            f"points, and its VMs would hold {100 * seller.footprint:.0f} % of the "
            f"{gib_text(seller.usable_mib)} that it sells."
        ),
        "cause": None,
        "cause_words": None,
        "because": None,
        "since": None,
        "diagnosis": None,
        "inside": [],
        "outside": [],
        "confidence": None,
        "market": host_document(view, seller),
        "paid": None,
        "numbers": words.evidence(host.numbers),
        "price_parts": words.evidence(host.price_parts),
        "quotes": [],
        "offers": [],
        "cures": [],
        "flips": [],
        "steps": _steps(kept, (*host.arrivals, *host.departures)),
        "refusals": [],
        "tenants": [
            {
                "vm": words.entity(item.vm),
                "working_set_mib": words.number(item.working_set_mib),
                "footprint_mib": words.number(item.footprint_mib),
                "taken_mib": words.number(item.taken_mib),
                "cause": item.cause.value,
            }
            for item in host.tenants
        ],
        "settings": words.settings(host.settings),
        "samples": [host_moment(item) for item in host.samples],
        "actions": [action_document(item) for item in host.actions],
    }


def _headline(vm: VmExplanation) -> str:
    where = f" on {vm.host.name}" if vm.host.name else ""
    found = vm.diagnosis
    if found is None:
        return f"{vm.vm.name}{where} is not short of memory."
    details = []
    if found.taken_mib >= 1:
        details.append(f"{gib_text(found.taken_mib)} are taken from it")
    if found.swap_in_kibps > 0:
        details.append(f"{found.swap_in_kibps:,.0f} KiB/s come back")
    more = f" ({' and '.join(details)})" if details else ""
    return f"{vm.vm.name}{where} is short of memory: {vm.cause_words}{more}."


def _offer(item: Offer) -> Document:
    return {
        "kind": item.kind.value,
        "text": action_text(item.action) if item.action else None,
        "saving": words.number(item.saving),
        "disruption": words.number(item.disruption),
        "refused": item.refused.value if item.refused else None,
        "chosen": item.chosen,
        "sentence": item.sentence,
    }


def _since(item: Since) -> Document:
    return {"at": words.moment(item.at_s), "looks": item.looks, "at_least": item.at_least}


def _cure(item: Cure) -> Document:
    return {
        "subject": words.entity(item.subject),
        "kind": item.kind.value if item.kind else None,
        "text": item.words,
        "saving": words.number(item.saving),
        "disruption": words.number(item.disruption),
        "refused": item.refused.value if item.refused else None,
        "whole": item.whole,
        "sentence": item.verdict,
    }


def _flip(item: Flip) -> Document:
    return {
        "kind": item.kind.value,
        "lever": item.lever.value,
        "lever_words": LEVER_WORDS[item.lever],
        "now": words.number(item.now),
        "needed": words.number(item.needed),
        "unit": item.unit,
        "taken": item.taken,
    }


def _steps(kept: Kept, steps: tuple[Step, ...]) -> list[Document]:
    return [step_document(kept, step, full=False) for step in steps]
