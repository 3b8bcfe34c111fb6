"""Explanations as text and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from vsphere_market.cli import words
from vsphere_market.cli.report import Column, Report, Table, Text

if TYPE_CHECKING:
    from vsphere_market.control.explanations import (
        HostExplanation,
        Offer,
        StepExplanation,
        VmExplanation,
    )
    from vsphere_market.journal import StepRecord
    from vsphere_market.market import Evidence, Quote, Step
    from vsphere_market.market.cures import Cure
    from vsphere_market.market.flips import Flip


def vm_report(vm: VmExplanation) -> Report:
    """A VM's explanation."""
    quotes = Table(
        "What living on each host would cost the market",
        words.QUOTE_COLUMNS,
        words.quote_rows(vm.quotes),
        empty="It takes no part in the market, so nobody quotes for it.",
    )
    parts: list[Table | Text] = [Text(_vm_headline(vm), "bold")]
    parts += [Text(f"{words.action_text(step.action)}: {step.reason}") for step in vm.steps]
    parts += [Text(f"Not done: {item.sentence}") for item in vm.refusals]
    if vm.diagnosis is not None:
        parts.append(Text(_why(vm)))
        parts.append(_numbers("What its guest shows", vm.diagnosis.inside))
        parts.append(_numbers("What its host shows", vm.diagnosis.outside))
        parts.append(cures_table(vm.cures))
    parts += [
        offers_table(vm.offers),
        flips_table([flip for flip in vm.flips if not flip.taken]),
        *_kept(vm),
        quotes,
        Text(_bill(vm)),
        _numbers("Demand and counters", vm.numbers),
        Text(f"Confidence in the demand: {words.share(vm.confidence)}."),
        Table("Policy", words.SETTING_COLUMNS, words.setting_rows(vm.settings)),
        actions_table(vm.actions),
    ]
    document = {
        "vm": plain_json(vm.vm),
        "host": plain_json(vm.host),
        "cause": vm.cause.value,
        "cause_words": vm.cause_words,
        "confidence": vm.confidence,
        "paid": plain_json(vm.paid),
        "numbers": plain_json(vm.numbers),
        "quotes": [_quote_json(quote) for quote in vm.quotes],
        "offers": [_offer_json(offer) for offer in vm.offers],
        "because": vm.diagnosis.because if vm.diagnosis else None,
        "inside": plain_json(vm.diagnosis.inside if vm.diagnosis else ()),
        "outside": plain_json(vm.diagnosis.outside if vm.diagnosis else ()),
        "since": plain_json(vm.since),
        "cures": plain_json(vm.cures),
        "flips": plain_json(vm.flips),
        "steps": _steps_json(vm.steps),
        "refusals": plain_json(vm.refusals),
        "settings": plain_json(vm.settings),
        "actions": [_action_json(item) for item in vm.actions],
    }
    return Report(document, parts, quotes)


def _vm_headline(vm: VmExplanation) -> str:
    where = f" on {vm.host.name}" if vm.host.name else ""
    if vm.diagnosis is None:
        return f"{vm.vm.name}{where} is not short of memory."
    found = vm.diagnosis
    taken = f"{words.memory(found.taken_mib)} are taken from it" if found.taken_mib >= 1 else ""
    back = f"{words.rate(found.swap_in_kibps)} come back" if found.swap_in_kibps > 0 else ""
    details = " and ".join(part for part in (taken, back) if part)
    return f"{vm.vm.name}{where} is short of memory: {vm.cause_words}" + (
        f" ({details})." if details else "."
    )


def _bill(vm: VmExplanation) -> str:
    """What it pays, for what, and of which application that is a part."""
    paid = vm.paid
    parts = [f"{words.points(item.value)} for {item.name}" for item in paid.goods[:3] if item.value]
    parts += [
        f"{words.points(points)} for {what}"
        for points, what in (
            (paid.bill.limit, "its own memory limit"),
            (paid.bill.pool, "limits of resource pools"),
        )
        if points
    ]
    text = f"It pays {words.points(paid.bill.total)} points"
    text += f": {', '.join(parts)}." if parts else "."
    if paid.application_bill is not None:
        text += (
            f" Its application, {paid.application}, pays "
            f"{words.points(paid.application_bill.total)} for "
            f"{words.counted(paid.application_vms, 'running VM')}."
        )
    return text


def _why(vm: VmExplanation) -> str:
    """The cause with its numbers, and since when."""
    assert vm.diagnosis is not None
    text = f"That is because {vm.diagnosis.because}."
    if vm.since is not None:
        looks = words.counted(vm.since.looks, "look")
        known = ", as long as it is remembered" if vm.since.at_least else ""
        text += f" It has been so since {words.moment(vm.since.at_s)} ({looks} in a row{known})."
    return text


def cures_table(cures: Sequence[Cure]) -> Table:
    """What would cure a VM, the cheapest first."""
    columns = (
        Column("words", "cure", prose=True),
        Column("saving", "saves", words.points, right=True),
        Column("disruption", "costs", words.points, right=True),
        Column("whole", "cures", lambda whole: "wholly" if whole else "in part"),
        Column("verdict", "verdict", prose=True),
    )
    rows = [(cure.words, cure.saving, cure.disruption, cure.whole, cure.verdict) for cure in cures]
    return Table("Cures, the cheapest first", columns, rows, empty="Nothing here would cure it.")


def _kept(vm: VmExplanation) -> list[Table]:
    """What would change a decision that is taken; nothing where none is, or nothing would."""
    taken = [flip for flip in vm.flips if flip.taken]
    return [flips_table(taken, taken=True)] if taken else []


def flips_table(flips: Sequence[Flip], *, taken: bool = False) -> Table:
    """What would have to change for refused decisions to be worth it, or taken ones not to be."""
    from vsphere_market.market.flips import LEVER_WORDS

    verdict = "it would not be done if" if taken else "it would be done if"
    columns = (
        Column("kind", "kind"),
        Column("lever", verdict, lambda lever: LEVER_WORDS[lever], prose=True),
        Column("now", "is now", right=True),
        Column("needed", "would be", right=True),
    )
    rows = [
        (flip.kind.value, flip.lever, _figure(flip, "now"), _figure(flip, "needed"))
        for flip in flips
    ]
    what = "what is in the plan" if taken else "a refusal"
    return Table(f"What would change {what}, by the least that does", columns, rows)


def _figure(flip: Flip, name: str) -> str:
    value = getattr(flip, name)
    if flip.unit == "MiB":
        return words.memory(value)
    return words.points(value) if flip.unit == "points" else f"{words.price(value)} a MiB"


def offers_table(offers: tuple[Offer, ...]) -> Table:
    """Every kind of action, what it would bring, and the verdict."""
    columns = (
        Column("kind", "kind"),
        Column("action", "would"),
        Column("saving", "save", words.points, right=True),
        Column("disruption", "cost", words.points, right=True),
        Column("verdict", "verdict", prose=True),
    )
    rows = [
        (
            offer.kind.value,
            words.action_text(offer.action) if offer.action else "",
            offer.saving,
            offer.disruption,
            offer.sentence,
        )
        for offer in offers
    ]
    return Table("What could be done about it, at the prices of now", columns, rows)


def actions_table(actions: tuple[StepRecord, ...]) -> Table:
    """Past actions, newest first."""
    columns = (
        Column("ended_s", "at", words.moment),
        Column("action", "action"),
        Column("outcome", "outcome"),
        Column("sentence", "details", prose=True),
    )
    rows = [
        (
            item.ended_s,
            words.action_text(item.action),
            item.outcome.value if item.outcome else item.state,
            item.sentence,
        )
        for item in actions
    ]
    return Table("Done before", columns, rows)


def host_report(host: HostExplanation) -> Report:
    """A host's explanation."""
    from vsphere_market.market import CAUSE_WORDS

    view = host.view
    tenants = Table(
        "Its VMs, the largest first",
        (
            Column("vm", "VM"),
            Column("working_set_mib", "working set", words.memory, right=True),
            Column("footprint_mib", "footprint", words.memory, right=True),
            Column("taken_mib", "taken away", words.memory, right=True),
            Column("cause", "root cause", lambda cause: CAUSE_WORDS[cause]),
        ),
        [
            (item.vm.name, item.working_set_mib, item.footprint_mib, item.taken_mib, item.cause)
            for item in host.tenants
        ],
        empty="No VM runs on it.",
    )
    head = (
        f"{view.host.name} {_pressed(view.pressure.value)}: "
        f"a MiB costs {words.price(view.price)} points, "
        f"working sets take {words.share(view.load)} and footprints "
        f"{words.share(view.footprint)} of the {words.memory(view.usable_mib)} that it sells."
    )
    parts: list[Table | Text] = [Text(head, "bold")]
    if not view.fit:
        parts.append(
            Text("It takes no VMs: not connected, resting, excluded, or closed by HA or vSAN.")
        )
    parts += [
        _numbers("What its price is made of", host.price_parts),
        tenants,
        _steps("VMs that would come", host.arrivals),
        _steps("VMs that would go", host.departures),
        _numbers("Capacity and counters", host.numbers),
        Table("Policy", words.SETTING_COLUMNS, words.setting_rows(host.settings)),
        _samples_table(host),
        actions_table(host.actions),
    ]
    document = {
        "host": plain_json(view.host),
        "view": plain_json(view),
        "numbers": plain_json(host.numbers),
        "price_parts": plain_json(host.price_parts),
        "vms": plain_json(host.tenants),
        "arrivals": _steps_json(host.arrivals),
        "departures": _steps_json(host.departures),
        "settings": plain_json(host.settings),
        "samples": plain_json(host.samples),
        "actions": [_action_json(item) for item in host.actions],
    }
    return Report(document, parts, tenants)


def _pressed(pressure: str) -> str:
    return "is under unknown pressure" if pressure == "unknown" else f"is {pressure}"


def _sentence(reason: str, names: Sequence[str]) -> str:
    """A reason as a sentence of its own; names keep their case."""
    return reason if reason.startswith(tuple(names)) else reason[:1].upper() + reason[1:]


def _numbers(title: str, numbers: Sequence[Evidence]) -> Table:
    return Table(title, words.EVIDENCE_COLUMNS, words.evidence_rows(numbers))


def _steps(title: str, steps: Sequence[Step]) -> Table:
    return Table(title, words.STEP_COLUMNS, [words.step_row(step) for step in steps])


def _samples_table(host: HostExplanation) -> Table:
    columns = (
        Column("at_s", "at", words.moment),
        Column("price", "price", words.price, right=True),
        Column("load", "load", words.share, right=True),
        Column("consumed_mib", "consumed", words.memory, right=True),
        Column("ballooned_mib", "ballooned", words.memory, right=True),
        Column("swap_in_kibps", "swap-in", words.rate, right=True),
    )
    rows = [[getattr(item, column.key) for column in columns] for item in host.samples]
    return Table("Remembered", columns, rows)


def step_report(found: StepExplanation) -> Report:
    """A step's explanation."""
    from vsphere_market.estate import time_text
    from vsphere_market.market.planfile import step_to_json

    step = found.step
    evidence = Table(
        "What it stands on", words.EVIDENCE_COLUMNS, words.evidence_rows(step.evidence)
    )
    head = f"{step.id}: {words.action_text(step.action)}"
    names = (step.action.subject.name, *(quote.host.name for quote in step.quotes))
    because = (
        f"{_sentence(step.reason, names)} It saves {words.points(step.saving)} points "
        f"and costs {words.points(step.disruption)}."
    )
    order = f"Wave {step.wave}; mode {step.mode.name.lower()}"
    if step.depends_on:
        order += f"; only after {', '.join(step.depends_on)}"
    made = found.plan.made_from
    origin = f"Planned at {time_text(found.plan.created_at_s)} from {made.source} {made.name}."
    quotes = Table("Quotes, its own host first", words.QUOTE_COLUMNS, words.quote_rows(step.quotes))
    parts: list[Table | Text] = [
        Text(head, "bold"),
        Text(because),
        Text(f"{order}. {origin}"),
        evidence,
        quotes,
        actions_table(found.actions),
    ]
    document = {
        "step": step_to_json(step),
        "plan": {"created_at": time_text(found.plan.created_at_s), "source": made.name},
        "actions": [_action_json(item) for item in found.actions],
    }
    return Report(document, parts, quotes if step.quotes else evidence)


# ---------------------------------------------------------------- JSON


def plain_json(value: Any) -> Any:
    """Frozen dataclasses as objects, enums as their values, tuples as lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            item.name: plain_json(getattr(value, item.name)) for item in dataclasses.fields(value)
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    return value


def _quote_json(quote: Quote) -> dict[str, Any]:
    from vsphere_market.market.planfile import quote_to_json

    return quote_to_json(quote)


def _steps_json(steps: Sequence[Step]) -> list[dict[str, Any]]:
    from vsphere_market.market.planfile import step_to_json

    return [step_to_json(step) for step in steps]


def _offer_json(offer: Offer) -> dict[str, Any]:
    from vsphere_market.port.documents import change_to_json

    return {
        "kind": offer.kind.value,
        **(change_to_json(offer.action) if offer.action else {}),
        "saving": offer.saving,
        "disruption": offer.disruption,
        "refused": offer.refused.value if offer.refused else None,
        "chosen": offer.chosen,
        "sentence": offer.sentence,
    }


def _action_json(item: StepRecord) -> dict[str, Any]:
    from vsphere_market.port.documents import change_to_json, entity_to_json

    return {
        "execution": item.execution,
        "step": item.step,
        "kind": item.action.kind.value,
        "subject": entity_to_json(item.action.subject),
        **change_to_json(item.action),
        "outcome": item.outcome.value if item.outcome else None,
        "sentence": item.sentence,
        "ended_s": item.ended_s,
    }
