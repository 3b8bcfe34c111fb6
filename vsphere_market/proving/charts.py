"""Small charts as SVG text: lines, scatter, heat map. Nothing is fetched, nothing is scripted.

Colours are CSS variables (``--s0`` …), so that one page serves light and dark; each series has a
dash pattern and a marker of its own as well, so that colour is never the only difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

#: Colours after Okabe and Ito, told apart by all common kinds of colour vision: light, dark.
COLOURS = (
    ("#5b6570", "#a8b3bf"),
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#ff8c42"),
    ("#009e73", "#2fd3a5"),
    ("#b0578d", "#e59ac6"),
    ("#a67c00", "#f0c54a"),
    ("#3d3d8f", "#a5a5f7"),
    ("#7a4a21", "#d3a67a"),
    ("#111418", "#f2f5f8"),
    ("#4a8a00", "#9ad14b"),
)
_DASHES = ("", "7 3", "2 3", "10 3 2 3", "5 2", "1 2", "12 4", "4 4 1 4", "", "8 2 2 2")
#: Heat from nothing to twice the memory; a ramp that gets darker evenly (after ColorBrewer YlGnBu).
_HEAT = ("#f7fcf0", "#d5eeb3", "#8fd3b6", "#41a5c4", "#2366ad", "#35297d", "#4d004b")
_WIDTH, _HEIGHT = 560, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 26, 40
#: A letter of a label, how far beside its point a label stands, how far above it may stand without
#: a line that leads to it, and half of what a point takes.
_LETTER, _ASIDE, _NEAR, _MARK = 6.9, 9.0, 14.0, 6.5


@dataclass(frozen=True, slots=True)
class Series:
    """One line. ``style`` picks colour, dashes and marker."""

    label: str
    values: Sequence[float]
    style: int


@dataclass(frozen=True, slots=True)
class Point:
    """One controller in a scatter plot."""

    label: str
    x: float
    y: float
    style: int


def number(value: float) -> str:
    """A number on an axis or in a cell, short."""
    if value == 0:
        return "0"
    if abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 1 else f"{value:.2g}"


def ticks(high: float, count: int = 5) -> list[float]:
    """Round numbers from 0 up to at least ``high``."""
    if not high > 0.0:
        return [0.0, 1.0]
    raw = high / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * unit for unit in (1.0, 2.0, 2.5, 5.0, 10.0) if power * unit >= raw * 0.999)
    return [step * at for at in range(math.ceil(high / step - 1e-9) + 1)]


def swatch(label: str, style: int) -> str:
    """An entry of a legend."""
    return (
        '<span class="key"><svg width="34" height="12" aria-hidden="true">'
        f'<line x1="1" y1="6" x2="33" y2="6" {_stroke(style)}/>{marker(17, 6, style)}</svg>'
        f"{escape(label)}</span>"
    )


def lines(title: str, unit: str, hours: Sequence[float], series: Sequence[Series]) -> str:
    """Lines over hours."""
    tops = [max(item.values, default=0.0) for item in series]
    marks_y, marks_x = ticks(max(tops, default=0.0)), ticks(max(hours, default=1.0), 6)
    frame = _Frame(title, marks_x, marks_y)
    parts = [frame.open(unit, "hours")]
    for item in series:
        spots = [(frame.x(hour), frame.y(value)) for hour, value in zip(hours, item.values)]  # noqa: B905
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{path}" fill="none" {_stroke(item.style)}>'
                     f"<title>{escape(item.label)}</title></polyline>")  # fmt: skip
        # Markers at a few places, shifted from line to line, or they would hide each other.
        every = max(len(spots) // 6, 1)
        parts += [
            marker(x, y, item.style) for x, y in spots[(item.style * every) // 8 :: every] if spots
        ]
    return "".join(parts) + "</svg>"


def scatter(title: str, labels: tuple[str, str], points: Sequence[Point]) -> str:
    """Points, with those joined that nothing else beats in both directions."""
    marks_x = ticks(max((point.x for point in points), default=0.0))
    marks_y = ticks(max((point.y for point in points), default=0.0))
    frame = _Frame(title, marks_x, marks_y)
    front = sorted(pareto(points), key=lambda point: point.x)
    parts = [frame.open(labels[1], labels[0])]
    if len(front) > 1:
        path = " ".join(f"{frame.x(p.x):.1f},{frame.y(p.y):.1f}" for p in front)
        parts.append(f'<polyline points="{path}" class="front"/>')
    spots = [(frame.x(point.x), frame.y(point.y)) for point in points]
    for point, (x, y), (left, base, anchor) in zip(
        points, spots, _label_places(spots, [point.label for point in points]), strict=True
    ):
        line = ""
        if not -_NEAR < base - y < 0.0:
            line = (f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{left:.1f}" y2="{base - 4:.1f}" '
                    'class="lead"/>')  # fmt: skip
        parts.append(
            f"<g><title>{escape(point.label)}: {labels[0]} {number(point.x)}, {labels[1]} "
            f"{number(point.y)}</title>{line}{marker(x, y, point.style, 5.5)}"
            f'<text x="{left:.1f}" y="{base:.1f}" text-anchor="{anchor}" '
            f'style="fill:var(--s{point.style % len(COLOURS)});font-weight:600">'
            f"{escape(point.label)}</text></g>"
        )
    return "".join(parts) + "</svg>"


def text_width(text: str) -> float:
    """About how wide a label is, in the picture's units; rather too much than too little."""
    return _LETTER * len(text)


def _label_places(
    spots: Sequence[tuple[float, float]], labels: Sequence[str]
) -> list[tuple[float, float, str]]:
    """Where the labels of points go: x, baseline and anchor, so that none covers anything.

    Beside its point if there is room, else as few lines above or below as it takes.
    """
    taken = [(x - _MARK, y - _MARK, x + _MARK, y + _MARK) for x, y in spots]
    found = []
    for (x, y), label in zip(spots, labels, strict=True):
        wide = text_width(label)
        options: list[tuple[float, float, str]] = [
            (x + side, y + down, "start" if side > 0 else "end")
            for down in sorted(range(-240, 241, 6), key=lambda down: abs(down + 5))
            for side in (_ASIDE, -_ASIDE)
        ]
        boxes = [
            (left - (wide if anchor == "end" else 0.0), base - 10.0,
             left + (wide if anchor == "start" else 0.0), base + 3.0)
            for left, base, anchor in options
        ]  # fmt: skip
        at = next(
            (
                at
                for at, box in enumerate(boxes)
                if box[0] >= 2.0
                and box[2] <= _WIDTH - 2.0
                and box[1] >= _TOP - 6.0
                and box[3] <= _HEIGHT - _BOTTOM
                and not any(_overlap(box, other) for other in taken)
            ),
            0,
        )
        taken.append(boxes[at])
        found.append(options[at])
    return found


def _overlap(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def pareto(points: Sequence[Point]) -> list[Point]:
    """Points that no other beats in one direction without losing in the other."""
    return [
        point
        for point in points
        if not any(
            (other.x <= point.x and other.y <= point.y) and (other.x < point.x or other.y < point.y)
            for other in points
        )
    ]


def heat(title: str, rows: Sequence[str], hours: float, matrix: Sequence[Sequence[float]]) -> str:
    """A heat map, hosts by time; ``matrix`` has one entry per time, each with one per host."""
    if not matrix or not rows:
        return ""
    cell = max(min(16.0, 480.0 / len(rows)), 3.0)
    height = _TOP + cell * len(rows) + 26
    width = (_WIDTH - _LEFT - _RIGHT) / len(matrix)
    parts = [_svg(title, height), f'<text x="{_LEFT}" y="16" class="title">{escape(title)}</text>']
    for at, values in enumerate(matrix):
        for row, value in enumerate(values):
            parts.append(
                f'<rect x="{_LEFT + at * width:.1f}" y="{_TOP + row * cell:.1f}" '
                f'width="{width + 0.3:.1f}" height="{cell + 0.3:.1f}" fill="{heat_colour(value)}">'
                f"<title>{escape(rows[row])}, hour {hours * (at + 1) / len(matrix):.1f}: "
                f"{100 * value:.0f} %</title></rect>"
            )
    every = max(math.ceil(11.0 / cell), 1)
    parts += [
        f'<text x="{_LEFT - 5}" y="{_TOP + row * cell + cell / 2 + 4:.1f}" text-anchor="end">'
        f"{escape(name[-8:])}</text>"
        for row, name in enumerate(rows)
        if row % every == 0
    ]
    for mark in ticks(hours, 6):
        if mark <= hours:
            x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * mark / hours
            parts.append(f'<text x="{x:.1f}" y="{height - 10:.1f}" text-anchor="middle">'
                         f"{number(mark)}</text>")  # fmt: skip
    return "".join(parts) + "</svg>"


def heat_colour(share: float) -> str:
    """Colour of a share of a host's memory, from 0.5 (lightest) to 2 (darkest)."""
    place = min(max((share - 0.5) / 1.5, 0.0), 1.0) * (len(_HEAT) - 1)
    low = min(int(place), len(_HEAT) - 2)
    part = place - low
    ends = [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in _HEAT[low : low + 2]]
    mixed = (round(a + part * (b - a)) for a, b in zip(*ends, strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def heat_legend() -> str:
    """What the heat map's colours mean."""
    steps = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
    boxes = "".join(
        f'<span class="heat" style="background:{heat_colour(step)}"></span>{100 * step:.0f} % '
        for step in steps
    )
    return f'<p class="legend">{boxes}</p>'


def marker(x: float, y: float, style: int, size: float = 3.5) -> str:
    """A small shape in a series' colour."""
    colour = f'fill="var(--s{style % len(COLOURS)})"'
    match style % 5:
        case 0:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" {colour}/>'
        case 1:
            side = 1.8 * size
            return (f'<rect x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:.1f}" '
                    f'height="{side:.1f}" {colour}/>')  # fmt: skip
        case 2:
            shape = ((0, -1.2), (1.1, 0.8), (-1.1, 0.8))
        case 3:
            shape = ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0))  # type: ignore[assignment]
        case _:
            shape = ((0, 1.2), (1.1, -0.8), (-1.1, -0.8))
    spots = " ".join(f"{x + size * dx:.1f},{y + size * dy:.1f}" for dx, dy in shape)
    return f'<polygon points="{spots}" {colour}/>'


def _stroke(style: int) -> str:
    dash = _DASHES[style % len(_DASHES)]
    extra = f' stroke-dasharray="{dash}"' if dash else ""
    return f'stroke="var(--s{style % len(COLOURS)})" stroke-width="2"{extra}'


def _svg(title: str, height: float) -> str:
    return (f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
            )  # fmt: skip


class _Frame:
    """Axes, and where values lie within them."""

    def __init__(self, title: str, marks_x: Sequence[float], marks_y: Sequence[float]) -> None:
        self._title, self._x, self._y = title, marks_x, marks_y

    def x(self, value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * value / self._x[-1]

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * value / self._y[-1]

    def open(self, label_y: str, label_x: str) -> str:
        parts = [
            _svg(self._title, _HEIGHT),
            f'<text x="{_LEFT}" y="15" class="title">{escape(self._title)}</text>',
        ]
        for mark in self._y:
            y = self.y(mark)
            parts.append(
                f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" '
                f'class="grid"/><text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                f"{number(mark)}</text>"
            )
        below = _HEIGHT - _BOTTOM + 16
        parts += [
            f'<text x="{self.x(mark):.1f}" y="{below}" text-anchor="middle">{number(mark)}</text>'
            for mark in self._x
        ]
        middle = (_TOP + _HEIGHT - _BOTTOM) / 2
        parts.append(
            f'<text x="{(_LEFT + _WIDTH) / 2:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">'
            f'{escape(label_x)}</text><text x="13" y="{middle:.0f}" text-anchor="middle" '
            f'transform="rotate(-90 13 {middle:.0f})">{escape(label_y)}</text>'
        )
        return "".join(parts)
