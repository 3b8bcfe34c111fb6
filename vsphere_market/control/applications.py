"""Applications, named and explained: what becomes of all of an application's VMs at once."""

from __future__ import annotations

from dataclasses import dataclass

from vsphere_market.control.decide import Frame, decide
from vsphere_market.errors import UsageError
from vsphere_market.estate import Snapshot
from vsphere_market.market import Refusal, Step
from vsphere_market.market.applications import Application, applications, groups
from vsphere_market.policy.problems import did_you_mean


@dataclass(frozen=True, slots=True)
class ApplicationExplanation:
    """One application.

    Attributes:
        application: its VMs, bill and pressure.
        share: its part of all that hosts sell, by price; 0 to 1.
        steps: what the market would do now about its VMs.
        refusals: what it would not do about them, and why.
    """

    application: Application
    share: float
    steps: tuple[Step, ...]
    refusals: tuple[Refusal, ...]


def names_an_application(snapshot: Snapshot, asked: str) -> bool:
    """Whether an application is called so."""
    return _named(snapshot, asked) is not None


def explain_application(framed: Frame, asked: str) -> ApplicationExplanation:
    """Everything about the application of that name.

    Raises:
        UsageError: there is none.
    """
    name = _named(framed.snapshot, asked)
    ledger = framed.question.ledger()
    every = applications(ledger)
    found = next((one for one in every if one.name == name), None)
    if found is None:
        near = did_you_mean(asked, [one.name for one in every])
        raise UsageError(
            "is no application here",
            where=asked,
            cure=near or "`vsphere-market prices --by application` lists them",
        )
    moids = {framed.snapshot.vms.moid[tenant.row] for tenant in found.tenants}
    plan = decide(framed)
    total = float((ledger.supply.price(ledger.load) * ledger.load).sum())
    return ApplicationExplanation(
        application=found,
        share=found.bill / total if total > 0 else 0.0,
        steps=tuple(step for step in plan.steps if step.action.subject.moid in moids),
        refusals=tuple(item for item in plan.refusals if item.subject.moid in moids),
    )


def _named(snapshot: Snapshot, asked: str) -> str | None:
    """The application's own name: as asked, or the last part of a folder's path."""
    names = [name for _, name in groups(snapshot)]
    if asked in names:
        return asked
    folded = asked.casefold()
    fits = [n for n in names if folded in (n.casefold(), n.rsplit("/", 1)[-1].casefold())]
    return fits[0] if len(fits) == 1 else None
