"""On 80 columns, tables once lost columns and cut numbers, and long texts stood a letter a line."""

from __future__ import annotations

import io
import re

import pytest

from vsphere_market.cli import render, words
from vsphere_market.cli.report import Column, Format, Report, Table

HOSTS = Table(
    "Hosts",
    (
        Column("host", "host"),
        Column("cluster", "cluster", minor=True),
        Column("price", "price", words.price, right=True),
        *(Column(f"n{at}", f"figure {at}", words.memory, right=True) for at in range(5)),
        Column("vms", "VMs", right=True, minor=True),
        Column("cause", "root cause", prose=True),
    ),
    [
        ("esx-01", "production", 3097.83, *(123_800.0,) * 5, 13, "over-committed: " + "word " * 30),
        ("esx-02", "production", 2.0, *(0.0,) * 5, 9, ""),
    ],
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(table: Table, width: int) -> list[str]:
    stream = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("COLUMNS", str(width)), ("TERM", "xterm"), ("NO_COLOR", "1")):
            patch.setenv(name, value)
        patch.setattr("sys.stdout", stream)
        render.show(Report(None, [table], table), Format.TABLE)
    return re.sub("\x1b\\[[0-9;]*m", "", stream.getvalue()).splitlines()


def test_no_number_is_cut_and_what_is_left_out_is_said() -> None:
    lines = drawn(HOSTS, 80)
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines)
    assert "esx-01" in text and "3,097.83" in text
    assert text.count("120.9 GiB") == 5
    assert text.count("word") == 30
    assert "Left out for want of width: cluster, VMs." in text
    assert sum(1 for line in lines if "root cause:" in line) == 1, "an empty text takes no line"


def test_prose_stays_in_words() -> None:
    for width in (60, 80, 100):
        text = " ".join(drawn(HOSTS, width))
        assert re.search(r"over-committed:\s+word\s+word", text), width


def test_a_wide_terminal_has_the_whole_table() -> None:
    lines = drawn(HOSTS, 200)
    assert "cluster" in lines[1] and "root cause" in lines[1]
    assert "Left out" not in "\n".join(lines)


def test_what_fits_nowhere_is_written_value_by_value() -> None:
    name = "a-virtual-machine-with-a-name-of-eighty-characters-as-vsphere-allows-it-to-be-000"
    table = Table("", (Column("vm", "VM"), Column("why", "why not", prose=True)), [(name, "full")])
    lines = drawn(table, 60)
    assert "".join(line.strip() for line in lines).replace("VM: ", "").startswith(name)
    assert lines[-1] == "why not: full"


def test_a_table_of_numbers_alone_is_not_cut_either() -> None:
    columns = tuple(Column(f"n{at}", f"figure {at}", words.points, right=True) for at in range(9))
    text = "\n".join(drawn(Table("", columns, [(1_234_567.0,) * 9]), 80))
    assert text.count("1,234,567") == 9
