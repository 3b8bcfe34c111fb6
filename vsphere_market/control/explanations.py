"""What an explanation holds: numbers, quotes, offers, rules and history of a VM, host or step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vsphere_market.control.since import Since
from vsphere_market.journal import HostSample, StepRecord
from vsphere_market.market import (
    CAUSE_WORDS,
    SENTENCES,
    Cause,
    Evidence,
    HostView,
    Plan,
    Quote,
    Reason,
    Refusal,
    Step,
    VmDiagnosis,
)
from vsphere_market.market.applications import GroupedBy
from vsphere_market.market.bills import Bill
from vsphere_market.market.cures import Cure
from vsphere_market.market.flips import Flip
from vsphere_market.policy import EffectiveSetting
from vsphere_market.port import Action, ActionKind, Entity

#: Why there is nothing of a kind to put right.
_NOT_DUE: Mapping[ActionKind, str] = {
    ActionKind.LIMIT: "It has no limit below its size.",
    ActionKind.RESERVATION: "It reserves what policy guarantees it, and nothing in vain.",
    ActionKind.SHARES: "No sibling that matters less would be spared in its stead.",
    ActionKind.RESIZE: "It needs no size that would take a restart.",
    ActionKind.MIGRATE_STORAGE: "It waits for no datastore that is known to be slow or full.",
    ActionKind.START: "It runs, or no policy wants it on now.",
    ActionKind.HOT_ADD: "Its guest does not use all that it has.",
    ActionKind.BALLOON_CAP: "It has no balloon cap of its own, and its balloon does no harm.",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """One kind of trade, as it stands for one VM.

    Attributes:
        kind: of the action.
        action: what would be done, None when there is nothing to offer: the plan's step, where it
            has one of this kind; else what would be best for the VM alone.
        saving: fall of the potential, points; NaN without an action.
        disruption: what doing it costs, points; NaN without an action.
        refused: why it is not possible, or not worth it; None when it is worth it.
        step: of the plan that the market makes now; None where it has none of this kind.
    """

    kind: ActionKind
    action: Action | None
    saving: float
    disruption: float
    refused: Reason | None
    step: Step | None

    @property
    def chosen(self) -> bool:
        """It is in the plan."""
        return self.step is not None

    @property
    def sentence(self) -> str:
        """The verdict for people."""
        if self.refused is Reason.NOT_DUE:
            return _NOT_DUE.get(self.kind, SENTENCES[self.refused])
        if self.refused is not None:
            return SENTENCES[self.refused]
        if self.step is not None:
            if self.step.mends:
                return "It mends a mandatory rule, and is in the plan."
            if self.step.together:
                return "Worth it together with other steps, and in the plan."
            return "Worth it, and in the plan."
        return "Worth it by itself, but other trades of the plan make it needless."


@dataclass(frozen=True, slots=True)
class PaidBy:
    """What a VM pays, and of which application that is a part.

    Attributes:
        bill: its own.
        goods: for each good, the dearest first, points.
        application: the application's name, "" where it is in none.
        grouped_by: what that was told from; None for none.
        application_bill: what all of the application's VMs pay.
        application_vms: so many of them run.
    """

    bill: Bill
    goods: tuple[Evidence, ...]
    application: str = ""
    grouped_by: GroupedBy | None = None
    application_bill: Bill | None = None
    application_vms: int = 0


@dataclass(frozen=True, slots=True)
class VmExplanation:
    """One VM.

    Attributes:
        vm: the VM.
        host: where it is; empty names when it is nowhere.
        numbers: demand, settings and counters, known ones only.
        confidence: 0 to 1, how much stands behind the demand.
        cause: why it is short of memory, NONE when it is not.
        diagnosis: the details, or None.
        view: its host on the market, or None.
        paid: what it pays.
        quotes: of all hosts of its cluster, its own first.
        offers: one per kind of action.
        flips: what would have to change for refused offers to be worth it, and for those in the
            plan not to be.
        cures: of its shortage, the cheapest first.
        since: how long it has lasted; None when no earlier look showed it.
        steps: what the market would do now about it.
        refusals: what it would not do, and why.
        settings: effective policy with sources.
        actions: what was done, newest first.
    """

    vm: Entity
    host: Entity
    numbers: tuple[Evidence, ...]
    confidence: float
    cause: Cause
    diagnosis: VmDiagnosis | None
    view: HostView | None
    paid: PaidBy
    quotes: tuple[Quote, ...]
    offers: tuple[Offer, ...]
    flips: tuple[Flip, ...]
    cures: tuple[Cure, ...]
    since: Since | None
    steps: tuple[Step, ...]
    refusals: tuple[Refusal, ...]
    settings: tuple[EffectiveSetting, ...]
    actions: tuple[StepRecord, ...]

    @property
    def cause_words(self) -> str:
        """The cause for people."""
        return CAUSE_WORDS[self.cause]


@dataclass(frozen=True, slots=True)
class Tenant:
    """A VM as its host sees it; MiB."""

    vm: Entity
    working_set_mib: float
    footprint_mib: float
    taken_mib: float
    cause: Cause


@dataclass(frozen=True, slots=True)
class HostExplanation:
    """One host.

    Attributes:
        view: its price and pressure.
        numbers: capacity and counters, known ones only.
        price_parts: what its price is made of, points/MiB.
        tenants: its running VMs, the largest footprint first.
        arrivals: steps of the plan made now that bring VMs here.
        departures: steps that take VMs away.
        settings: effective policy with sources.
        samples: what the journal remembers of it, oldest first.
        actions: what was done, newest first.
    """

    view: HostView
    numbers: tuple[Evidence, ...]
    price_parts: tuple[Evidence, ...]
    tenants: tuple[Tenant, ...]
    arrivals: tuple[Step, ...]
    departures: tuple[Step, ...]
    settings: tuple[EffectiveSetting, ...]
    samples: tuple[HostSample, ...]
    actions: tuple[StepRecord, ...]


@dataclass(frozen=True, slots=True)
class StepExplanation:
    """One step of a plan, and what came of it as far as the journal knows."""

    step: Step
    plan: Plan
    actions: tuple[StepRecord, ...]
