"""Taking an execution back: a plan of the opposites of what it did, for a person to apply.

It is a plan like any other: bound to the vCenter, short-lived, shown before it is done, and checked
again before its first step. What somebody has changed since, or what nothing takes back, is left
out, and said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import vsphere_market
from vsphere_market.control.decide import Frame, frame
from vsphere_market.control.journals import known_journal
from vsphere_market.control.sources import OpenSource
from vsphere_market.errors import UsageError
from vsphere_market.executor import describe, drift
from vsphere_market.journal import Filter, Journal, Place, StepRecord
from vsphere_market.journal.codec import estate_key
from vsphere_market.market import Origin, Plan, Reason, Refusal, Step
from vsphere_market.market.certificate import lower_bound
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.engine import carry_out, move_worth
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.placement import marketplaces
from vsphere_market.market.plan import SENTENCES, Certificate
from vsphere_market.market.trades import Change, Move
from vsphere_market.policy import Mode, PolicySet
from vsphere_market.policy.subjects import mode_of
from vsphere_market.port import Action, ActionKind, Migrate, OutcomeKind, SetMemory
from vsphere_market.port.opposites import opposites, why_none

#: One execution has no more steps than this.
_MOST = 10_000
#: Settings that the market weighs; its ledger knows what another value of them costs.
_WEIGHED = (ActionKind.LIMIT, ActionKind.RESERVATION, ActionKind.BALLOON_CAP)


def undo_plan(
    source: OpenSource, policies: PolicySet, execution: int, journal: Place | None = None
) -> tuple[Frame, Plan]:
    """The plan that takes an execution's deeds back, the last one first.

    Args:
        source: where it was carried out.
        policies: what the business wants; it bounds this plan as it does any.
        execution: its number in the journal.
        journal: the journal that the user named, or None for the usual one.

    Raises:
        UsageError: the journal has no such execution of this source, or it did nothing.
        MarketError: the source cannot be read, or the journal not be used.
    """
    snapshot = source.observe()
    now_s = source.clock.now_s()
    with known_journal(source, journal) as known:
        deeds = _deeds(known, execution, estate_key(snapshot.source))
        framed = frame(snapshot, policies, now_s=now_s, journal=known)
    steps, refusals = _steps(deeds, framed)
    bare = _plan(framed, steps, refusals)
    stale = {found.step: found.sentence for found in drift(bare, framed.snapshot)}
    gone = _with_dependents(stale, steps)
    refusals += [
        Refusal(step.action.subject, Reason.CHANGED_SINCE, _changed(step, stale))
        for step in steps
        if step.id in gone
    ]
    return framed, _weighed(framed, [one for one in steps if one.id not in gone], refusals)


def _deeds(journal: Journal | None, execution: int, estate: str) -> list[StepRecord]:
    """What an execution on this vCenter has done, the last deed first."""
    wanted = Filter(execution=execution, estate=estate, limit=_MOST)
    found = [] if journal is None else list(journal.steps(wanted))
    cure = "see the executions in `vsphere-market history`"
    if not found:
        what = f"the journal has no execution {execution} on this vCenter"
        raise UsageError(what, cure=cure)
    done = [one for one in found if one.outcome is OutcomeKind.DONE and not one.dry_run]
    if not done:
        raise UsageError(f"execution {execution} has done nothing", cure=cure)
    return sorted(done, key=lambda one: one.ended_s or 0.0, reverse=True)


def _steps(deeds: Sequence[StepRecord], framed: Frame) -> tuple[list[Step], list[Refusal]]:
    """One step per opposite, each after those before it on the same subject."""
    steps: list[Step] = []
    refusals: list[Refusal] = []
    last: dict[str, str] = {}
    waves: dict[str, int] = {}
    for deed in deeds:
        if why := why_none(deed.action.kind):
            sentence = f"{SENTENCES[Reason.NO_OPPOSITE]} {_sentence(why)}"
            refusals.append(Refusal(deed.action.subject, Reason.NO_OPPOSITE, sentence))
            continue
        for action in opposites(deed.action):
            mode = mode_of(action, framed.rulebook, framed.snapshot)
            if mode is Mode.OFF:
                said = SENTENCES[Reason.MODE_OFF]
                refusals.append(Refusal(action.subject, Reason.MODE_OFF, said))
                continue
            ident, needed = f"s{len(steps) + 1}", last.get(action.subject.moid)
            wave = waves[needed] + 1 if needed else 1
            reason = f"it takes back step {deed.step} of execution {deed.execution}: "
            reason += f"{describe(deed.action)}."
            steps.append(
                Step(ident, action, wave, (needed,) if needed else (), 0.0, 0.0, mode, reason)
            )
            last[action.subject.moid], waves[ident] = ident, wave
    return sorted(_with_obligations(steps), key=lambda one: one.wave), refusals


def _with_obligations(steps: Sequence[Step]) -> list[Step]:
    """A start depends on the stop of its VM itself, so that it is owed once that was sent."""
    stops = {one.action.subject.moid: one.id for one in steps if one.action.kind is ActionKind.STOP}

    def needed(one: Step) -> tuple[str, ...]:
        stop = stops.get(one.action.subject.moid, "")
        if one.action.kind is not ActionKind.START or not stop or stop in one.depends_on:
            return one.depends_on
        return (*one.depends_on, stop)

    return [replace(one, depends_on=needed(one)) for one in steps]


def _with_dependents(stale: dict[str, str], steps: Sequence[Step]) -> set[str]:
    gone = set(stale)
    for one in steps:
        if gone & set(one.depends_on):
            gone.add(one.id)
    return gone


def _changed(step: Step, stale: dict[str, str]) -> str:
    said = stale.get(step.id, "a step that it needs is left out")
    return f"{SENTENCES[Reason.CHANGED_SINCE]} {_sentence(said)}"


def _sentence(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:].removesuffix('.')}."


# ---------------------------------------------------------------- what it is worth


def _weighed(framed: Frame, steps: Sequence[Step], refusals: Sequence[Refusal]) -> Plan:
    """The same steps with what each saves or costs, as far as the market weighs their kind."""
    ledger = framed.question.ledger()
    weighed = []
    for one in steps:
        what = _trade(ledger, one.action)
        saving = disruption = 0.0
        if what is not None:
            before = ledger.potential()
            if isinstance(what, Move):
                disruption = move_worth(ledger, what).disruption
            carry_out(ledger, what)
            saving = before - ledger.potential()
        weighed.append(replace(one, saving=saving, disruption=disruption))
    start, after = framed.question.ledger(), ledger.potential()
    bound = lower_bound(ledger, marketplaces(ledger, Eligibility(ledger, framed.question.cooling)))
    proof = Certificate(
        start.potential(), after, min(bound, after), start.breaches(), ledger.breaches()
    )
    return _plan(framed, weighed, refusals, proof)


def _trade(ledger: Ledger, action: Action) -> Move | Change | None:
    vms, hosts = ledger.snapshot.vms, ledger.snapshot.hosts
    if isinstance(action, Migrate):
        row = vms.row(action.vm.moid)
        return Move(row, hosts.row(action.source.moid), hosts.row(action.target.moid))
    if isinstance(action, SetMemory) and action.setting in _WEIGHED:
        absent = {ActionKind.LIMIT: math.inf, ActionKind.BALLOON_CAP: math.nan}
        before, after = (
            absent.get(action.setting, 0.0) if amount is None else float(amount)
            for amount in (action.from_mib, action.to_mib)
        )
        return Change(vms.row(action.vm.moid), action.setting, before, after)
    return None


def _plan(
    framed: Frame,
    steps: Sequence[Step],
    refusals: Sequence[Refusal],
    certificate: Certificate | None = None,
) -> Plan:
    source = framed.snapshot.source
    return Plan(
        created_at_s=framed.now_s,
        expires_at_s=framed.now_s + framed.question.settings.plan_life_s,
        made_from=Origin(
            source=source.kind,
            name=source.name,
            instance_uuid=source.instance_uuid,
            taken_at_s=framed.snapshot.taken_at_s,
            policies=framed.rulebook.digest,
            engine=vsphere_market.__version__,
        ),
        certificate=certificate or Certificate(0.0, 0.0, 0.0),
        steps=tuple(steps),
        refusals=tuple(refusals),
    )
