"""Charts as SVG in the page: no library, no network, readable without colour and on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vsphere_market.report.html import Html, tag, text

#: Width of the drawing in its own units; it grows with the page.
_WIDTH = 960.0
_LEFT, _RIGHT, _ROW, _TOP = 190.0, 185.0, 30.0, 34.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart of shares.

    Attributes:
        label: what it is about.
        used: share in use, 1 is all there is.
        held: share held in all; at least ``used``.
        mark: share at which a mark stands, or None.
        note: what is written at its end.
        title: what a pointer and a screen reader are told.
    """

    label: str
    used: float
    held: float
    mark: float | None
    note: str
    title: str


def bars(chart: Sequence[Bar], *, caption: str) -> Html:
    """Bars of what is used and held against what there is, with a line at 100 %."""
    most = max([1.1, *(bar.held for bar in chart)])
    most = min(most, 3.0)
    plot = _WIDTH - _LEFT - _RIGHT
    height = _TOP + _ROW * len(chart) + 8

    def at(share: float) -> float:
        return round(_LEFT + plot * min(share, most) / most, 1)

    step = 0.25 if most <= 1.6 else 0.5
    ticks = [n * step for n in range(int(most / step) + 1)]
    parts: list[Html] = []
    for tick in ticks:
        whole = abs(tick - 1.0) < 1e-9
        parts.append(
            tag(
                "line",
                x1=at(tick),
                x2=at(tick),
                y1=_TOP - 6,
                y2=height - 4,
                class_="full" if whole else "tick",
            )
        )
        label = "all for sale" if whole else f"{100 * tick:.0f} %"
        parts.append(
            tag("text", label, x=at(tick), y=_TOP - 12, text_anchor="middle", class_="axis")
        )
    for n, bar in enumerate(chart):
        y = _TOP + _ROW * n
        label = bar.label if len(bar.label) <= 26 else bar.label[:25] + "…"
        over = max(bar.held - 1.0, 0.0)
        shapes = [
            tag("title", bar.title),
            tag("text", label, x=_LEFT - 10, y=y + 17, text_anchor="end", class_="label"),
            _rect(at(0), at(min(bar.held, 1.0)), y, "held"),
            _rect(at(0), at(min(bar.used, bar.held)), y, "used"),
        ]
        if over > 0:
            shapes.append(_rect(at(1.0), at(bar.held), y, "over"))
        if bar.mark is not None and bar.mark > 0:
            x = at(bar.mark)
            shapes.append(tag("path", d=f"M{x - 4} {y}h8l-4 6z", class_="mark"))
            shapes.append(tag("line", x1=x, x2=x, y1=y + 2, y2=y + 22, class_="mark"))
        shapes.append(tag("text", bar.note, x=_WIDTH - _RIGHT + 12, y=y + 17, class_="note"))
        parts.append(tag("g", shapes, role="listitem"))
    drawing = tag(
        "svg",
        parts,
        viewBox=f"0 0 {_WIDTH:.0f} {height:.0f}",
        class_="bars",
        role="list",
        aria_label=caption,
    )
    return tag("figure", drawing, class_="chart")


def scale(shares: Sequence[tuple[str, float, str, str]], *, caption: str) -> Html:
    """Amounts beside each other on one scale: name, share of the largest, kind, and its words."""
    height = 34.0 * len(shares) + 6
    parts = []
    for n, (name, share, kind, words) in enumerate(shares):
        y = 6 + 34.0 * n
        width = max(2.0, 560.0 * share)
        parts.append(
            text(
                tag("text", name, x=150, y=y + 16, text_anchor="end", class_="label"),
                tag("rect", x=160, y=y, width=round(width, 1), height=22, rx=2, class_=kind),
                tag("text", words, x=round(170 + width, 1), y=y + 16, class_="note"),
            )
        )
    drawing = tag(
        "svg", parts, viewBox=f"0 0 960 {height:.0f}", class_="bars", role="img", aria_label=caption
    )
    return tag("figure", drawing, class_="chart")


def legend(*entries: tuple[str, str]) -> Html:
    """Swatches and what they mean."""
    shown = [
        tag(
            "li",
            tag(
                "svg",
                tag("path", d="M8 1h8l-4 6z", class_="mark")
                if kind == "mark"
                else tag("rect", x=0, y=1, width=24, height=12, rx=2, class_=kind),
                viewBox="0 0 24 14",
                class_="swatch bars",
                aria_hidden="true",
            ),
            words,
        )
        for kind, words in entries
    ]
    return tag("ul", shown, class_="legend")


def _rect(left: float, right: float, y: float, kind: str) -> Html:
    return tag(
        "rect", x=left, y=y + 2, width=round(max(right - left, 0.0), 1), height=20, class_=kind
    )
