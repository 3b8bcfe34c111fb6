"""Mandatory rules that a plan leaves broken: each is told, with what keeps it from being mended."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.plan import SENTENCES, Reason, Refusal
from vsphere_market.port import ActionKind, Entity
from vsphere_market.units import BoolArray


def broken_rules(ledger: Ledger, eligibility: Eligibility) -> list[Refusal]:
    """One refusal per mandatory rule that is broken: about its first VM in the wrong place."""
    found = []
    for name, wrong in _violations(ledger):
        vm, better = wrong[0]
        reason = _why_not(ledger, eligibility, vm, better)
        more = f" ({len(wrong)} VMs are in the wrong place)" if len(wrong) > 1 else ""
        vms = ledger.snapshot.vms
        found.append(
            Refusal(
                Entity(vms.moid[vm], vms.name[vm]),
                reason,
                f"The mandatory rule {name} stays broken{more}. {SENTENCES[reason]}",
            )
        )
    return found


def _violations(ledger: Ledger) -> Iterator[tuple[str, list[tuple[int, BoolArray]]]]:
    """Each broken mandatory rule: its name, and the VMs with the hosts (H,) that would mend it."""
    rules = ledger.rules
    places: list[tuple[str, list[tuple[int, BoolArray]]]] = []
    for at, pair in enumerate(rules.pairs):
        wrong = []
        for vm, home in _placed(ledger, pair.vms):
            others = rules.counts[at].copy()
            others[home] -= 1
            better = others < others[home] if pair.apart else others > others[home]
            broken = others[home] > 0 if pair.apart else others.sum() > others[home]
            if broken:
                wrong.append((vm, better))
        places.append((pair.name if pair.mandatory else "", wrong))
    for rule in rules.hosts:
        wrong = [
            (vm, rule.allowed) for vm, home in _placed(ledger, rule.vms) if not rule.allowed[home]
        ]
        places.append((rule.name if rule.mandatory else "", wrong))
    for at, (crowd, too_many) in enumerate(zip(rules.crowds, rules.too_many(), strict=True)):
        wrong = []
        if too_many > 0:
            for vm, home in _placed(ledger, crowd.vms):
                others = rules.heads[at].copy()
                others[home] -= 1
                excess = crowd.excess(others)
                if excess[home] > 0:
                    wrong.append((vm, excess < excess[home]))
            # Hosts too many, each with several members: no single move mends it.
            wrong = wrong or [(vm, rules.heads[at] > 0) for vm, _ in _placed(ledger, crowd.vms)]
        places.append((crowd.name if crowd.mandatory else "", wrong))
    for name, wrong in places:
        if name and wrong:
            # A VM that could be moved says more than one that could not.
            wrong.sort(key=lambda item: not item[1].any())
            yield name, wrong


def _placed(ledger: Ledger, vms: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(vm, int(ledger.host_of[vm])) for vm in vms if ledger.host_of[vm] >= 0]


def _why_not(ledger: Ledger, eligibility: Eligibility, vm: int, better: BoolArray) -> Reason:
    reason = eligibility.why_not_trade(vm, ActionKind.MIGRATE)
    if reason is not None:
        return reason
    same = ledger.market == ledger.market[ledger.host_of[vm]]
    targets = np.flatnonzero(better & same)
    reasons = {eligibility.why_not_move(vm, int(host)) for host in targets}
    if not reasons:
        return Reason.NO_CURE
    if None in reasons:
        # Whatever one move mends is mended, but of a VM that the plan moves already.
        moved = ledger.host_of[vm] != ledger.snapshot.vms.host[vm]
        return Reason.COOLING_DOWN if moved else Reason.TAKES_MANY
    for reason in (Reason.BUDGET_SPENT, Reason.NO_ROOM):
        if reason in reasons:
            return reason
    return min((item for item in reasons if item is not None), default=Reason.NO_CURE)
