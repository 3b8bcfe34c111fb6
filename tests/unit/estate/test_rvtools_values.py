"""Numbers, dates and yes/no of exports in the ways that languages write them."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsphere_market.estate.rvtools.layout import normalised, read_header, sheet_called
from vsphere_market.estate.rvtools.values import (
    Cell,
    day_comes_first,
    flag_of,
    moment_of,
    number_of,
    text_of,
)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (16384.0, 16384),
        ("16384", 16384),
        ("16,384", 16384),
        ("16.384", 16384),
        ("16 384", 16384),
        ("16\u00a0384", 16384),
        ("16\u202f384", 16384),
        ("16’384", 16384),
        ("1,048,576", 1048576),
        ("1.048.576", 1048576),
        ("1,048,576.5", 1048576.5),
        ("1.048.576,5", 1048576.5),
        ("-1", -1),
        ("12,5", 12.5),
        ("12.5", 12.5),
        ("97 %", 97),
    ],
)
def test_whole_amounts_are_read_in_every_notation(cell: Cell, number: float) -> None:
    assert number_of(cell) == number


def test_a_share_keeps_three_decimals() -> None:
    assert number_of("1.234", whole=False) == 1.234
    assert number_of("1,234", whole=False) == 1.234


@pytest.mark.parametrize("cell", [None, "", "n/a", "1,2,3.4.5", "0x10", "1e5", "nan", math.inf])
def test_what_is_no_number_is_none(cell: Cell) -> None:
    assert math.isnan(number_of(cell))


@given(st.integers(0, 10**9), st.sampled_from([",", ".", " ", "\u00a0", "'"]))
def test_grouped_digits_are_the_number_they_were(number: int, mark: str) -> None:
    assert number_of(f"{number:,}".replace(",", mark)) == number


@given(st.text(max_size=30))
def test_no_text_breaks_the_readers(text: str) -> None:
    number_of(text)
    moment_of(text)
    flag_of(text)
    sheet_called(text)
    normalised(text, "vInfo")


def test_yes_in_other_languages() -> None:
    assert all(flag_of(word) for word in ("True", "WAHR", "Vrai", "1", 1.0, "Sant"))
    assert not any(flag_of(word) for word in ("False", "Falsch", "", None, "maybe", 0.0))


NOON = datetime(2026, 11, 23, 14, 5, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "cell",
    [
        "2026/11/23 14:05:00",
        "2026-11-23 14:05:00",
        "2026-11-23T14:05:00Z",
        "11/23/2026 2:05:00 PM",
        "23.11.2026 14:05:00",
        "23/11/2026 14:05",
        "23-11-2026 14:05:00",
        "23. 11. 2026 14:05",
    ],
)
def test_dates_in_every_order(cell: str) -> None:
    assert moment_of(cell) == NOON


def test_excels_count_of_days() -> None:
    assert moment_of(46349.586805555556) == pytest.approx(NOON, abs=1)


def test_an_ambiguous_date_follows_the_column() -> None:
    assert moment_of("03/04/2026") == datetime(2026, 3, 4, tzinfo=UTC).timestamp()
    assert moment_of("03/04/2026", day_first=True) == datetime(2026, 4, 3, tzinfo=UTC).timestamp()
    assert day_comes_first(["03/04/2026", "25/04/2026"]) is True
    assert day_comes_first(["03/04/2026", "04/25/2026"]) is False
    assert day_comes_first(["03/04/2026", None, 4.0]) is None


@pytest.mark.parametrize("cell", ["1969-12-31 16:00:00", "1/1/1601", "", "soon", 12.0, None])
def test_dates_that_mean_unknown(cell: Cell) -> None:
    assert math.isnan(moment_of(cell))


def test_whole_numbers_are_texts_without_a_point() -> None:
    assert text_of(6.0) == "6"
    assert text_of("  x ") == "x"
    assert text_of(None) == ""


@pytest.mark.parametrize(
    ("header", "name", "unit"),
    [
        ("Size MiB", "size", 1),
        ("Size MB", "size", 1),
        ("# Memory (MiB)", "nummemory", 1),
        ("vMemorySizeMiB", "size", 1),
        ("Capacity GB", "capacity", 1024),
        ("Memory usage %", "memoryusage", 1),
        ("Cluster rule name(s)", "clusterrulenames", 1),
    ],
)
def test_headers_lose_units_marks_and_prefixes(header: str, name: str, unit: float) -> None:
    assert normalised(header, "vMemory") == (name, unit)


def test_custom_attributes_do_not_hide_columns_of_the_same_name() -> None:
    titles: list[Cell] = ["VM", "Annotation", "Host", "Owner", "Datacenter", "Cluster", "Host"]
    header = read_header("vInfo", titles)
    assert header.at["host"] == 6
    assert header.extra == {2: "Host", 3: "Owner"}


def test_sheets_by_the_names_of_files() -> None:
    assert sheet_called("RVTools_tabvInfo") == "vInfo"
    assert sheet_called("VMEMORY") == "vMemory"
    assert sheet_called("tabvHost") == "vHost"
    assert sheet_called("vDisk") is None
