"""Charts and the page of a backtest: what is drawn is what was measured."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsphere_market.proving import charts
from vsphere_market.proving.charts import Point, Series
from vsphere_market.proving.page import COLUMNS, page

LABELS = (
    "none",
    "threshold",
    "drs",
    "drs7",
    "hbal",
    "rightsizing",
    "oracle",
    "market, all actions",
)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def scale(svg: ElementTree.Element, *, across: bool) -> Any:
    """From places in the picture back to values, by the labels of the axis."""
    places, values = [], []
    for text in svg.iter("text"):
        if text.get("class") or text.get("transform"):
            continue
        try:
            value = float((text.text or "").replace(",", ""))
        except ValueError:
            continue
        if (text.get("text-anchor") == "middle") is across:
            places.append(float(text.attrib["x"]) if across else float(text.attrib["y"]) - 4.0)
            values.append(value)
    slope, zero = np.polyfit(places, values, 1)
    return lambda place: slope * place + zero


@pytest.mark.parametrize("top", [0.003, 0.9, 17.0, 4321.0, 1e6])
def test_lines_go_through_their_values(top: float) -> None:
    hours = [0.5 * at for at in range(1, 25)]
    values = {
        name: (top * np.random.default_rng(at).random(24)).tolist() for at, name in enumerate("ab")
    }
    svg = parsed(
        charts.lines(
            "Pain", "VMs", hours, [Series(n, v, at) for at, (n, v) in enumerate(values.items())]
        )
    )
    x_of, y_of = scale(svg, across=True), scale(svg, across=False)
    drawn = list(svg.iter("polyline"))
    assert [line.findtext("title") for line in drawn] == ["a", "b"]
    for line, wanted in zip(drawn, values.values(), strict=True):
        spots = [tuple(map(float, spot.split(","))) for spot in line.attrib["points"].split()]
        assert [x_of(x) for x, _ in spots] == pytest.approx(hours, abs=0.02)
        # Places are whole tenths of the 194 that the plot is high.
        assert [y_of(y) for _, y in spots] == pytest.approx(wanted, abs=top / 900)


def test_points_are_where_their_values_are_and_say_them() -> None:
    points = [Point("drs", 120.0, 3.5, 0), Point("market", 60.0, 1.25, 1), Point("none", 0, 30, 2)]
    svg = parsed(charts.scatter("Cost", ("moved GiB", "pain"), points))
    titles = [title.text for title in svg.iter("title")]
    assert titles == [
        "drs: moved GiB 120, pain 3.5", "market: moved GiB 60, pain 1.25",
        "none: moved GiB 0, pain 30",
    ]  # fmt: skip
    x_of, y_of = scale(svg, across=True), scale(svg, across=False)
    circle = svg.find(".//circle")
    assert circle is not None
    assert x_of(float(circle.attrib["cx"])) == pytest.approx(120.0, abs=0.1)
    assert y_of(float(circle.attrib["cy"])) == pytest.approx(3.5, abs=0.1)


def test_the_front_joins_what_nothing_beats() -> None:
    points = [Point("a", 0, 9, 0), Point("b", 5, 2, 1), Point("c", 6, 2, 2), Point("d", 9, 1, 3)]
    assert [point.label for point in charts.pareto(points)] == ["a", "b", "d"]


def boxes(svg: ElementTree.Element) -> Iterator[tuple[float, float, float, float]]:
    """Left, top, right, bottom of each label of a scatter plot."""
    for group in svg.iter("g"):
        text = group.find("text")
        assert text is not None
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        wide = charts.text_width(text.text or "")
        left = x - wide if text.attrib["text-anchor"] == "end" else x
        yield left, y - 9.0, left + wide, y + 2.0


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 1.0, 1.02, 5.0, 9.0, 10.0]),
                  st.sampled_from([0.0, 0.01, 0.02, 1.0, 9.9, 10.0])),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_labels_of_points_never_overlap(spots: list[tuple[float, float]]) -> None:
    points = [Point(LABELS[at], x, y, at) for at, (x, y) in enumerate(spots)]
    found = list(boxes(parsed(charts.scatter("t", ("x", "y"), points))))
    for at, one in enumerate(found):
        assert one[0] >= 0.0
        assert one[2] <= 560.0
        for other in found[at + 1 :]:
            apart = (
                one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            )
            assert apart, (one, other)


def test_a_heat_map_says_every_value() -> None:
    matrix = [[0.5, 1.25], [2.0, 0.75]]
    svg = parsed(charts.heat("drs", ["h1", "h2"], 1.0, matrix))
    cells = [(rect.findtext("title"), rect.attrib["fill"]) for rect in svg.iter("rect")]
    assert cells == [
        ("h1, hour 0.5: 50 %", charts.heat_colour(0.5)),
        ("h2, hour 0.5: 125 %", charts.heat_colour(1.25)),
        ("h1, hour 1.0: 200 %", charts.heat_colour(2.0)),
        ("h2, hour 1.0: 75 %", charts.heat_colour(0.75)),
    ]
    assert charts.heat("drs", [], 1.0, []) == ""


@given(st.floats(1e-6, 1e9))
def test_ticks_are_few_and_reach_the_top(high: float) -> None:
    marks = charts.ticks(high)
    assert marks[0] == 0.0
    assert marks[-1] >= high * (1 - 1e-9)
    assert 2 <= len(marks) <= 7


def result(controller: str, seed: int, pain: float, moved: float) -> dict[str, Any]:
    hours = [at / 12 for at in range(1, 13)]
    return {
        "controller": controller, "estate": "two & more", "seed": seed, "hours": 1.0,
        "watched_hours": 0.0, "action_kinds": "migrate", "pain": pain,
        "pain_guest_paging": 0.1, "swapin_gib": 2.0,
        "balloon_gib_hours": 3.0, "swap_gib_hours": 4.0, "moves": 5, "moved_gib": moved,
        "other_actions": 0, "violations": 0, "went_back": 0,
        "series": {
            "hour": hours, "hosts": ["h1", "h2"], "claimed": [[0.9, 1.1], [1.0, 1.0]],
            **{key: [pain * hour for hour in hours] for key in
               ("pain", "balloon_gib", "swap_gib", "moves", "moved_gib")},
        },
    }  # fmt: skip


def test_the_page_shows_medians_of_the_results() -> None:
    results = [
        result(name, seed, pain + seed, moved)
        for name, pain, moved in (("none", 40.0, 0.0), ("market", 1.0, 60.5))
        for seed in (1, 2, 3)
    ]
    text = page(results, title="Backtest: <x>", about="About.", command="vsphere-market backtest")
    assert "<h1>Backtest: &lt;x&gt;</h1>" in text
    assert "1 simulated hours; medians over 3 seeds" in text
    watched = [result | {"watched_hours": 48.0} for result in results]
    assert "1 simulated hours after 48 in which controllers only looked; medians" in page(
        watched, title="x", about="y", command="z"
    )
    rows = re.findall(r"<tr><td>(.*?)</td>(.*?)</tr>", text)
    for name, cells in rows:
        group = [r for r in results if r["controller"] == name]
        shown = re.findall(r">([^<]*)</span>", cells)
        assert shown == [
            charts.number(statistics.median(float(r[key]) for r in group)) for key, _, _ in COLUMNS
        ]
    assert [name for name, _ in rows] == ["none", "market"]
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        parsed(svg)
    # Each plot's line of the market goes through the medians over seeds.
    pain = next(
        svg for svg in re.findall(r"<svg viewBox.*?</svg>", text) if "standing still" in svg
    )
    drawn = parsed(pain)
    y_of = scale(drawn, across=False)
    last = list(drawn.iter("polyline"))[1].attrib["points"].split()[-1]
    assert y_of(float(last.split(",")[1])) == pytest.approx(3.0, abs=0.1)
