"""A plan as people read it: root causes, steps wave by wave, hosts before and after, refusals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from vsphere_market.cli import words
from vsphere_market.cli.report import Column, Report, Table, Text

if TYPE_CHECKING:
    from vsphere_market.market import MarketView, Plan, Refusal, Step

#: Lines of a list that are shown unless all are asked for.
_SHOWN = 12
#: Names listed per reason of refusal.
_NAMES = 4


def plan_report(plan: Plan, seen: MarketView | None, *, everything: bool) -> Report:
    """A plan as a report.

    Args:
        plan: the plan.
        seen: the market before it, for root causes; None when only the plan is at hand.
        everything: fold nothing away.
    """
    from vsphere_market.market.planfile import plan_to_json

    steps = step_table(plan.steps)
    parts: list[Table | Text] = []
    if seen is not None:
        parts.append(causes_table(seen, everything=everything))
    parts.append(headline(plan))
    parts += wave_tables(plan, everything=everything)
    if plan.steps:
        parts.append(outlook_table(plan, everything=everything))
    parts.append(certificate_text(plan))
    parts += refusal_parts(plan.refusals, everything=everything)
    return Report(plan_to_json(plan), parts, steps)


def causes_table(seen: MarketView, *, everything: bool) -> Table:
    """Who is short of memory and why, cause by cause, host by host."""
    from vsphere_market.market import CAUSE_WORDS

    groups: dict[tuple[str, str], list[Any]] = {}
    for item in seen.squeezed:
        groups.setdefault((item.cause.value, item.host.name), []).append(item)
    columns = (
        Column("cause", "root cause"),
        Column("host", "host"),
        Column("vms", "VMs", _names),
        Column("taken_mib", "taken away", words.memory, right=True),
        Column("swap_in_kibps", "comes back at", words.rate, right=True),
    )
    rows = [
        (
            CAUSE_WORDS[items[0].cause],
            host,
            [item.vm.name for item in items],
            sum(item.taken_mib for item in items),
            sum(item.swap_in_kibps for item in items),
        )
        for (_, host), items in groups.items()
    ]
    rows.sort(key=lambda row: (-row[4], -row[3]))
    shown = rows if everything else rows[:_SHOWN]
    return Table(
        "Who is short of memory, and why",
        columns,
        shown,
        empty="No VM is short of memory.",
        note=_more(len(rows) - len(shown)),
    )


def headline(plan: Plan) -> Text:
    """What the plan comes to, in one sentence."""
    from vsphere_market.market import Reason

    if not plan.steps:
        content = any(item.reason is Reason.CONTENT for item in plan.refusals)
        why = (
            "who would cost less elsewhere is content to stay"
            if content
            else "no trade is worth what it disturbs"
        )
        return Text(f"The plan is empty: {why}.", "bold")
    kinds: dict[str, int] = {}
    for step in plan.steps:
        kinds[step.action.kind.value] = kinds.get(step.action.kind.value, 0) + 1
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    return Text(f"Plan: {words.counted(len(plan.steps), 'step')} ({listed}).", "bold")


def step_table(steps: Iterable[Step], title: str = "") -> Table:
    """Steps in one table, with their waves."""
    columns = (Column("wave", "wave", right=True), *words.STEP_COLUMNS)
    rows = [(step.wave, *words.step_row(step)) for step in steps]
    return Table(title, columns, rows, empty="No steps.")


def wave_tables(plan: Plan, *, everything: bool) -> list[Table | Text]:
    """One table per wave; a long plan is folded."""
    parts: list[Table | Text] = []
    shown = 0
    waves = sorted({step.wave for step in plan.steps})
    for wave in waves:
        steps = [step for step in plan.steps if step.wave == wave]
        if not everything and shown >= 3 * _SHOWN:
            left = sum(1 for step in plan.steps if step.wave >= wave)
            parts.append(Text(f"… and {words.counted(left, 'step')} more; --all shows them."))
            break
        shown += len(steps)
        title = f"Wave {wave} of {waves[-1]}" if len(waves) > 1 else "Steps"
        parts.append(Table(title, words.STEP_COLUMNS, [words.step_row(step) for step in steps]))
    return parts


def outlook_table(plan: Plan, *, everything: bool) -> Table:
    """Hosts that the plan changes, before and after."""
    columns = (
        Column("host", "host"),
        Column("price_before", "price", words.price, right=True),
        Column("price_after", "→ after", words.price, right=True),
        Column("load_before", "load", words.share, right=True),
        Column("load_after", "→ after", words.share, right=True),
    )
    rows = [
        (item.host.name, item.price_before, item.price_after, item.load_before, item.load_after)
        for item in sorted(plan.hosts, key=lambda item: (-item.price_before, item.host.name))
    ]
    shown = rows if everything else rows[:_SHOWN]
    return Table("Hosts, before → after", columns, shown, note=_more(len(rows) - len(shown)))


def certificate_text(plan: Plan) -> Text:
    """The certificate in one line."""
    proof = plan.certificate
    broken = (
        f" Breaches of mandatory rules: {proof.breaches_before} → {proof.breaches_after}."
        if proof.breaches_before or proof.breaches_after
        else ""
    )
    return Text(
        f"Certificate: potential {words.points(proof.potential_before)} → "
        f"{words.points(proof.potential_after)} points; no placement can be below "
        f"{words.points(proof.lower_bound)} (gap {proof.gap_pct:.1f} %).{broken}"
    )


def refusal_parts(refusals: Sequence[Refusal], *, everything: bool) -> list[Table | Text]:
    """Refusals by reason; every single one when all are asked for."""
    if not refusals:
        return []
    title = "What is not done, and why"
    if everything:
        each = [(item.subject.name, item.reason.value, item.sentence) for item in refusals]
        single = (
            Column("vm", "VM"),
            Column("reason", "reason"),
            Column("sentence", "why not", prose=True),
        )
        return [Table(title, single, each)]
    groups: dict[str, list[Refusal]] = {}
    for item in refusals:
        groups.setdefault(item.reason.value, []).append(item)
    columns = (
        Column("reason", "reason"),
        Column("count", "how many", right=True),
        Column("vms", "VMs", _names, prose=True),
        Column("sentence", "why not, for example", prose=True),
    )
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    rows = [
        (reason, len(items), [item.subject.name for item in items], items[0].sentence)
        for reason, items in ordered
    ]
    note = "" if len(refusals) == len(groups) else "--all shows each of them."
    return [Table(title, columns, rows, note=note)]


def _names(names: Sequence[str]) -> str:
    more = len(names) - _NAMES
    text = ", ".join(names[:_NAMES])
    return f"{text} and {more} more" if more > 0 else text


def _more(count: int) -> str:
    return f"… and {count} more; --all shows them." if count > 0 else ""
