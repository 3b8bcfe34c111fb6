"""Amounts, times, actions and findings in the words and columns that all verbs share."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from vsphere_market.cli.report import Column, plain
from vsphere_market.errors import UsageError

if TYPE_CHECKING:
    from vsphere_market.market import Evidence, Quote, Step
    from vsphere_market.policy import EffectiveSetting
    from vsphere_market.port import Action, Finding

_UNITS_S = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def memory(mib: float | None) -> str:
    """``12.5 GiB``; an en dash when not given."""
    from vsphere_market.units import gib_text

    return "–" if mib is None else gib_text(float(mib))


def rate(kibps: float) -> str:
    """``512 KiB/s``, ``3.6 MiB/s``."""
    if math.isnan(kibps):
        return "–"
    return f"{kibps:.0f} KiB/s" if kibps < 1024 else f"{kibps / 1024:.1f} MiB/s"


def points(value: float) -> str:
    """Points of the potential: whole, with separators; small ones with digits."""
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def price(value: float) -> str:
    """A price in points per MiB."""
    return "–" if math.isnan(value) else f"{value:,.2f}"


def share(value: float) -> str:
    """A share as per cent."""
    return "–" if math.isnan(value) else f"{100 * value:.0f} %"


def percent(value: float) -> str:
    """A number that is per cent already."""
    return "–" if math.isnan(value) else f"{value:.2f} %"


def moment(seconds: float | None) -> str:
    """Unix time as ``2026-11-23 08:00:00`` UTC; 0 is the time of what never began."""
    if seconds is None or math.isnan(seconds) or seconds == 0:
        return "–"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def counted(number: int, thing: str) -> str:
    """``1 VM``, ``3 VMs``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


#: ESXi's memory states, from ``mem.state`` 0.
_STATES = ("high", "clear", "soft", "hard", "low")


def amount(item: Evidence) -> str:
    """A number with its unit as people read it."""
    match item.unit:
        case "MiB":
            return memory(item.value)
        case "KiB/s":
            return rate(item.value)
        case "of usable":
            return share(item.value)
        case "points/MiB":
            return f"{price(item.value)} points/MiB"
        case "points":
            return points(item.value)
        case "0 high … 4 low":
            state = round(item.value)
            return _STATES[state] if 0 <= state < len(_STATES) else f"{state}"
        case "count" | "hours":
            return f"{item.value:.0f}"
        case _:
            return f"{plain(item.value)} {item.unit}".strip()


def seconds(text: str, where: str) -> float:
    """A span such as ``5m``, ``90s`` or ``2h`` in seconds; a bare number is seconds.

    Raises:
        UsageError: it is none.
    """
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(s|m|min|h|d|w)?\s*", text)
    span = float(match[1]) * _UNITS_S[match[2] or "s"] if match else 0.0
    if not 0 < span < 1e9:
        raise UsageError(
            f"{text!r} is no span of time", where=where, cure="write 90s, 5m, 2h or 3d"
        )
    return span


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def instant(text: str, where: str, now_s: float) -> float:
    """A time such as ``2026-11-23T08:00``, or so long ago as ``2h``, as Unix time.

    Raises:
        UsageError: it is neither.
    """
    from datetime import UTC, datetime

    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        try:
            return now_s - seconds(text, where)
        except UsageError:
            raise UsageError(
                f"{text!r} is no time", where=where, cure="write 2h, 3d or 2026-11-23T08:00"
            ) from None
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


# ---------------------------------------------------------------- actions


def absent_word(kind: str) -> str:
    """What an absent value of a setting means."""
    from vsphere_market.port import brief

    return brief.absent_word(kind)


def action_ends(action: Action) -> tuple[str, str]:
    """What an action changes from and to, in words."""
    from vsphere_market.port import brief

    return brief.action_ends(action)


def action_text(action: Action) -> str:
    """An action in a few words: ``move web-1: esx-1 → esx-2``."""
    from vsphere_market.port import brief

    return brief.action_text(action)


def mode_style(mode: str) -> str:
    """Colour of an automation mode."""
    return {"automatic": "green", "approve": "yellow", "recommend": "dim"}.get(mode, "")


STEP_COLUMNS = (
    Column("step", "step"),
    Column("kind", "kind"),
    Column("vm", "subject"),
    Column("from", "from"),
    Column("to", "to"),
    Column("saving", "saves", points, right=True),
    Column("disruption", "costs", points, right=True, minor=True),
    Column("mode", "mode", style=mode_style),
    Column("reason", "because", prose=True),
)


def step_row(step: Step) -> tuple[Any, ...]:
    """A step as a row of :data:`STEP_COLUMNS`."""
    before, after = action_ends(step.action)
    return (
        step.id,
        step.action.kind.value,
        step.action.subject.name,
        before,
        after,
        step.saving,
        step.disruption,
        step.mode.name.lower(),
        step.reason,
    )


QUOTE_COLUMNS = (
    Column("host", "host"),
    Column("price", "price", price, right=True),
    Column("quote", "quote", points, right=True),
    Column("refused", "verdict", prose=True),
)


def quote_rows(quotes: Sequence[Quote]) -> list[tuple[Any, ...]]:
    """Quotes as rows of :data:`QUOTE_COLUMNS`; the first is the VM's own host."""
    from vsphere_market.market import SENTENCES

    return [
        (
            quote.host.name,
            quote.price,
            quote.quote,
            "it is here" if at == 0 else SENTENCES[quote.refused] if quote.refused else "possible",
        )
        for at, quote in enumerate(quotes)
    ]


EVIDENCE_COLUMNS = (Column("name", "number"), Column("value", "value"))


def evidence_rows(numbers: Iterable[Evidence]) -> list[tuple[Any, ...]]:
    """Numbers with their units as rows of :data:`EVIDENCE_COLUMNS`."""
    return [(item.name, amount(item)) for item in numbers]


SETTING_COLUMNS = (
    Column("setting", "setting"),
    Column("value", "value"),
    Column("source", "decided by", lambda source: source or "default", prose=True),
    Column("note", "note", prose=True),
)


def setting_rows(settings: Iterable[EffectiveSetting]) -> list[tuple[Any, ...]]:
    """Effective settings as rows of :data:`SETTING_COLUMNS`."""
    return [(item.name, item.value, item.place or item.source, item.note) for item in settings]


def finding_style(severity: str) -> str:
    """Colour of a finding's severity."""
    return {"ok": "green", "warning": "yellow", "error": "bold red"}.get(severity, "")


FINDING_COLUMNS = (
    Column("severity", "", style=finding_style),
    Column("code", "check"),
    Column("subject", "subject"),
    Column("what", "finding", prose=True),
    Column("cure", "cure", prose=True),
)


def finding_rows(findings: Iterable[Finding]) -> list[tuple[Any, ...]]:
    """Findings as rows of :data:`FINDING_COLUMNS`."""
    return [
        (item.severity.value, item.code, item.subject, item.what, item.cure) for item in findings
    ]
