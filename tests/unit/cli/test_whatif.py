"""``whatif`` on a plant: every question, every format, and mistakes in names and numbers."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.cli import vm


@pytest.mark.parametrize("how", ["table", "json", "csv", "markdown"])
@pytest.mark.parametrize(
    "question",
    [
        ("--lose", "esx-1"),
        ("--maintenance", "esx-1"),
        ("--add-vms", "2", "--size", "4"),
        ("--add-hosts", "1", "--grow", "20"),
        ("--memory-factor", "1.5"),
        ("--headroom",),
        ("--place", "new"),
        ("--place", "new:8"),
        ("--refresh", "96"),
        ("--refresh", "1x512"),
    ],
    ids="-".join,
)
def test_every_question_in_every_format(hot: Path, question: tuple[str, ...], how: str) -> None:
    ended = vm("whatif", *question, "--plant", hot, "--format", how)
    assert ended.code == 0, ended.err
    assert "error" not in ended.err
    if how == "json":
        assert ended.json
    if how == "csv":
        rows = list(csv.reader(io.StringIO(ended.out)))
        assert len(rows) > 1 and all(len(row) == len(rows[0]) for row in rows)


def test_a_lost_host_is_empty_and_the_others_are_dearer(hot: Path) -> None:
    seen = vm("whatif", "--lose", "esx-1", "--plant", hot, "--format", "json").json
    now = {host["host"]: host for host in seen["now"]["hosts"]}
    then = {host["host"]: host for host in seen["then"]["hosts"]}
    assert now["esx-1"]["vms"] > 0 and then["esx-1"]["vms"] == 0
    assert seen["then"]["running"] + len(seen["stranded"]) == seen["now"]["running"]
    assert all(then[name]["price"] >= now[name]["price"] for name in now if name != "esx-1")
    assert seen["traded"]["potential"] <= seen["then"]["potential"]
    assert seen["plan"]["certificate"]["potential_after"] == pytest.approx(
        seen["traded"]["potential"]
    )


def test_headroom_says_when_it_does_not_know_how_long(hot: Path) -> None:
    (found,) = vm("whatif", "--headroom", "--plant", hot, "--format", "json").json["headroom"]
    assert 0 <= found["comfortable"] <= found["possible"]
    assert found["days"] is None
    assert "not known" in vm("whatif", "--headroom", "--plant", hot).out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("nothing is supposed",)),
        (("--lose", "esx-9"), ("esx-9", "neither a VM nor a host")),
        (("--lose", "hot-01"), ("hot-01", "is a VM, not a host")),
        (("--merge", "nowhere,neither"), ("nowhere", "no cluster")),
        (("--merge", "nowhere"), ("--merge", "two clusters")),
        (("--cluster", "nowhere", "--headroom"), ("nowhere", "no cluster")),
        (("--memory-factor", "0"), ("--memory-factor", "makes no sense")),
        (("--grow", "-200"), ("--grow", "makes no sense")),
        (("--add-vms", "-1"), ("--add-vms", "makes no sense")),
        (("--add-vms", "1", "--size", "0"), ("--size", "makes no sense")),
        (("--add-hosts", "-1"), ("--add-hosts", "makes no sense")),
        (("--refresh", "big"), ("--refresh", "makes no sense")),
        (("--refresh", "2x0"), ("--refresh", "makes no sense")),
        (("--place", "web:big"), ("--place", "makes no sense")),
    ],
)
def test_what_makes_no_sense_is_said(
    hot: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    vm("whatif", *arguments, "--plant", hot).failed_with(64, *words)
