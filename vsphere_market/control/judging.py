"""Whether policies still allow the steps of a plan, by the source's clock, before they are done."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsphere_market.errors import PlanError, TryLaterError
from vsphere_market.estate import Snapshot
from vsphere_market.market import Step
from vsphere_market.market.plan import restores
from vsphere_market.policy import Document, Mode, PolicySet, Rulebook, compile_rulebook
from vsphere_market.policy.effective import vm_setting
from vsphere_market.policy.law import LAWS
from vsphere_market.policy.problems import printable, quote
from vsphere_market.policy.subjects import concerned, mode_of
from vsphere_market.port import Stop


def require_no_hard_stop(steps: Sequence[Step]) -> None:
    """Raise if a step would power a VM off as if its plug was pulled.

    The `power` documents allow that guests are asked to shut down, and the market plans nothing
    else; so such a step was written into the file by hand.

    Raises:
        PlanError: naming the first such step.
    """
    for step in steps:
        if isinstance(step.action, Stop) and step.action.hard:
            raise PlanError(
                f"step {step.id} would power {printable(step.action.vm.name)} off without asking "
                "its guest, which no policy allows",
                where="the plan",
                cure='set "hard" to false, or make a new plan',
            )


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
        PlanError: a step is one that no policy allows.
        TryLaterError: naming the document and the first such step.
        PolicyProblems: the documents contradict each other or the estate.
    """
    require_no_hard_stop(steps)
    if not policies.documents or not steps:
        return
    rulebook = compile_rulebook(policies, snapshot, now_s).rulebook
    # Who may stop a VM has to start it again, whatever is said of starts.
    owed = restores(steps)
    barred = [
        step
        for step in steps
        if step.id not in owed and mode_of(step.action, rulebook, snapshot) < Mode.APPROVE
    ]
    if not barred:
        return
    first = barred[0]
    source = _source(first, rulebook, snapshot)
    name, _, pointer = source.partition("#")
    document = policies.named(name)
    others = f", nor {len(barred) - 1} more," if len(barred) > 1 else ""
    raise TryLaterError(
        f"step {first.id} ({first.action.kind.value} of {printable(first.action.subject.name)})"
        f"{others} may not be done now: {_why(document, pointer, now_s, source)}",
        where=document.place(pointer) if document else "",
        cure="nothing was changed; wait, or make a new plan",
    )


def _source(step: Step, rulebook: Rulebook, snapshot: Snapshot) -> str:
    """What says no: the source of the most cautious mode among the VMs that a step concerns."""
    kind = step.action.kind
    rows = np.flatnonzero(concerned(step.action, snapshot))
    if not len(rows):
        return ""
    row = int(rows[np.argmin(rulebook.modes[kind][rows])])
    return vm_setting(rulebook, row, kind.value).source


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
