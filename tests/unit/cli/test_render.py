"""One report, four formats, the same values in each."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import pytest

from vsphere_market.cli import render, words
from vsphere_market.cli.report import Column, Format, Report, Table, Text, plain
from vsphere_market.errors import UsageError
from vsphere_market.market import Evidence
from vsphere_market.port import ActionKind, Entity, Migrate, SetMemory

TABLE = Table(
    "Hosts",
    (Column("host", "host"), Column("size_mib", "size", words.memory, right=True)),
    [("esx|1", 2048.0), ("esx_2", math.nan)],
    note="… and more.",
)
REPORT = Report({"hosts": [1.5, math.nan, math.inf]}, [Text("A *word* first."), TABLE], TABLE)


def shown(how: Format, capsys: pytest.CaptureFixture[str], report: Report = REPORT) -> str:
    render.show(report, how)
    return capsys.readouterr().out


def test_json_has_null_for_what_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(shown(Format.JSON, capsys)) == {"hosts": [1.5, None, None]}


def test_csv_has_machine_names_raw_values_and_gaps(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(Format.CSV, capsys) == "host,size_mib\nesx|1,2048.0\nesx_2,\n"


def test_markdown_escapes_what_would_break_it(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(Format.MARKDOWN, capsys)
    assert "A \\*word\\* first." in text
    assert "| esx\\|1 | 2 GiB |" in text
    assert "|---|---:|" in text
    assert "… and more." in text


def test_a_table_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(Format.TABLE, capsys)
    assert "Hosts" in text and "2 GiB" in text and "–" in text
    assert "\x1b" not in text


def test_tables_are_not_cut_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    long = "because " * 60
    table = Table("", (Column("reason", "reason"),), [(long.strip(),)])
    assert long.strip() in shown(Format.TABLE, capsys, Report(None, [table], table))


def test_colours_only_where_they_are_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    coloured = Table("", (Column("a", "a", style=lambda _value: "red"),), [("x",)])
    report = Report(None, [coloured], coloured)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[31m" in shown(Format.TABLE, capsys, report)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in shown(Format.TABLE, capsys, report)


def test_an_empty_table_says_so_or_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = Table("Title", (Column("a", "a"),), [])
    said = Table("Title", (Column("a", "a"),), [], empty="There is none.")
    for how in (Format.TABLE, Format.MARKDOWN):
        assert shown(how, capsys, Report(None, [quiet], quiet)).strip() == ""
        assert "There is none." in shown(how, capsys, Report(None, [said], said))


def test_what_steers_a_terminal_is_shown_not_obeyed() -> None:
    assert render.printable("a\x1b[2Jb\u202ec") == "a\\x1b[2Jb\\u202ec"
    assert render.printable("ünï") == "ünï"


def test_progress_is_for_terminals_only(capsys: pytest.CaptureFixture[str]) -> None:
    with render.busy("reading"):
        pass
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with render.busy("reading vc"):
        pass
    assert "reading vc" in stream.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (math.nan, "–"), (True, "yes"), (1.23456, "1.235"), (3, "3"), ("x", "x")],
)
def test_plain_values(value: Any, text: str) -> None:
    assert plain(value) == text


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("5m", 300.0),
        ("5min", 300.0),
        ("1.5h", 5400.0),
        ("2d", 172_800.0),
    ],
)
def test_spans(text: str, span: float) -> None:
    assert words.seconds(text, "--interval") == span


@pytest.mark.parametrize("text", ["", "x", "-5m", "5 y", "0", "1e9h", "5m5"])
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(UsageError, match="no span of time"):
        words.seconds(text, "--interval")


def test_instants() -> None:
    assert words.instant("2h", "--since", 10_000.0) == 2800.0
    assert words.instant("1970-01-01T01:00", "--since", 0.0) == 3600.0
    assert words.instant("1970-01-01T01:00+01:00", "--since", 0.0) == 0.0
    with pytest.raises(UsageError, match="no time"):
        words.instant("yesterday", "--since", 0.0)


def test_actions_in_a_few_words() -> None:
    vm, one, two = Entity("vm-1", "db"), Entity("h-1", "esx-1"), Entity("h-2", "esx-2")
    assert words.action_text(Migrate(vm, one, two)) == "move db: esx-1 → esx-2"
    assert words.action_text(SetMemory(vm, ActionKind.LIMIT, 2048, None)) == (
        "limit of db: 2 GiB → none"
    )
    assert words.action_text(SetMemory(vm, ActionKind.BALLOON_CAP, None, 0)) == (
        "balloon cap of db: default → 0 MiB"
    )


@pytest.mark.parametrize(
    ("unit", "text"),
    [("MiB", "1.5 GiB"), ("KiB/s", "1.5 MiB/s"), ("count", "1536"), ("%", "1536 %")],
)
def test_amounts_with_their_units(unit: str, text: str) -> None:
    assert words.amount(Evidence("x", 1536.0, unit)) == text


def test_small_and_large_figures() -> None:
    assert (words.points(1234567.8), words.points(0.1234)) == ("1,234,568", "0.123")
    assert (words.rate(10), words.rate(math.nan), words.price(2)) == ("10 KiB/s", "–", "2.00")
    assert (words.share(0.5), words.percent(1.234), words.moment(None)) == ("50 %", "1.23 %", "–")
    assert words.counted(1, "step") == "1 step" and words.counted(2, "step") == "2 steps"
