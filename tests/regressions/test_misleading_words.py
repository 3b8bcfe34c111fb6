"""Words that once misled: 1970 for what never began, `Esx-01` for esx-01, a host that "is unknown",
and steps that nobody had asked for in the outcome of `apply --step`."""

from __future__ import annotations

from pathlib import Path

from tests.cli import vm
from vsphere_market.cli import words
from vsphere_market.cli.verbs import explainview


def test_what_never_began_has_no_time() -> None:
    assert words.moment(0.0) == "–"
    assert words.moment(1.0) == "1970-01-01 00:00:01"


def test_names_keep_their_case() -> None:
    assert explainview._sentence("esx-01 is full.", ("web", "esx-01")) == "esx-01 is full."
    assert explainview._sentence("its limit is low.", ("web", "esx-01")) == "Its limit is low."


def test_a_host_is_not_unknown_its_pressure_is() -> None:
    assert explainview._pressed("unknown") == "is under unknown pressure"
    assert explainview._pressed("calm") == "is calm"


def test_apply_tells_of_the_steps_that_were_asked_for(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    assert vm("plan", "--plant", "demo", "-o", plan).code == 0
    done = vm("apply", plan, "--plant", "demo", "--step", "s1", "--yes", "--format", "csv")
    assert done.code == 0, done.err
    assert [row.split(",")[0] for row in done.out.splitlines()] == ["step", "s1"]
