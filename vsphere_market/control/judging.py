"""Whether policies still allow the steps of a plan, by the source's clock, before they are done."""

from __future__ import annotations

from collections.abc import Sequence

from vsphere_market.errors import TryLaterError
from vsphere_market.estate import Snapshot
from vsphere_market.market import Step
from vsphere_market.policy import Document, Mode, PolicySet, Rulebook, compile_rulebook
from vsphere_market.policy.effective import vm_setting
from vsphere_market.policy.law import LAWS
from vsphere_market.policy.problems import printable, quote


def require_allowed(
    steps: Sequence[Step], policies: PolicySet, snapshot: Snapshot, now_s: float
) -> None:
    """Raise if policies let a person approve one of the steps no longer; without any, all hold.

    Args:
        steps: what would be carried out.
        policies: the documents at hand.
        snapshot: the estate, in which the steps' VMs are.
        now_s: Unix time at the source.

    Raises:
        TryLaterError: naming the document and the first such step.
        PolicyProblems: the documents contradict each other or the estate.
    """
    if not policies.documents or not steps:
        return
    rulebook = compile_rulebook(policies, snapshot, now_s).rulebook
    barred = [step for step in steps if _mode(step, rulebook, snapshot) < Mode.APPROVE]
    if not barred:
        return
    first = barred[0]
    row = snapshot.vms.row(first.action.subject.moid)
    source = vm_setting(rulebook, row, first.action.kind.value).source
    name, _, pointer = source.partition("#")
    document = policies.named(name)
    others = f", nor {len(barred) - 1} more," if len(barred) > 1 else ""
    raise TryLaterError(
        f"step {first.id} ({first.action.kind.value} of {printable(first.action.subject.name)})"
        f"{others} may not be done now: {_why(document, pointer, now_s, source)}",
        where=document.place(pointer) if document else "",
        cure="nothing was changed; wait, or make a new plan",
    )


def _mode(step: Step, rulebook: Rulebook, snapshot: Snapshot) -> int:
    row = snapshot.vms.row(step.action.subject.moid)
    return int(rulebook.modes[step.action.kind][row]) if row >= 0 else Mode.OFF


def _why(document: Document | None, pointer: str, now_s: float, source: str) -> str:
    if document is None:
        return LAWS.get(source, "no document allows it")
    said = f"document {quote(document.name)}"
    timing = document.timing
    freeze = timing.frozen(now_s) if timing else None
    if timing is not None and freeze is not None and pointer.startswith("/spec/freezes/"):
        ends = f"{timing.freezes[freeze].end:%Y-%m-%d %H:%M}"
        return f"{said} freezes it until {ends} ({timing.zone})"
    if pointer in ("/spec/schedule", "/spec/outside"):
        return f"it is outside the schedule of {said}"
    return f"{said} does not allow it"
