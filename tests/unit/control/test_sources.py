"""Exactly one source, and a clear word for none, many or a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.roads import estate, hot_plant, write_json
from vsphere_market.control.sources import (
    SourceKind,
    SourceOptions,
    estate_path,
    open_source,
    source_kind,
)
from vsphere_market.errors import (
    EstateError,
    InputError,
    NotPermittedError,
    SnapshotError,
    UsageError,
)
from vsphere_market.estate import write_snapshot


def test_nothing_named_is_told_with_all_three_ways() -> None:
    with pytest.raises(UsageError, match=r"--vcenter.*--snapshot.*--plant"):
        source_kind(SourceOptions(), {})


def test_the_environment_names_a_vcenter() -> None:
    assert source_kind(SourceOptions(), {"GOVC_URL": "vc"}) is SourceKind.VCENTER


def test_an_option_beats_the_environment() -> None:
    options = SourceOptions(plant="demo")
    assert source_kind(options, {"GOVC_URL": "vc"}) is SourceKind.PLANT


def test_two_options_contradict_each_other() -> None:
    with pytest.raises(UsageError, match="--snapshot and --plant"):
        source_kind(SourceOptions(snapshot=Path("x"), plant="demo"), {})


def test_a_shipped_estate_goes_by_its_name() -> None:
    assert estate_path("demo").is_file()


def test_a_misspelt_estate_is_put_right() -> None:
    with pytest.raises(EstateError, match="Did you mean demo"):
        estate_path("dmeo")


def test_a_plant_acts_on_its_own_clock(tmp_path: Path) -> None:
    path = write_json(tmp_path / "lab.json", estate())
    with open_source(SourceOptions(plant=str(path)), environ={}) as source:
        assert source.live
        assert source.label == "lab"
        before = source.clock.now_s()
        source.clock.sleep(60)
        assert source.clock.now_s() == before + 60
        assert len(source.observe().vms) == 13
        assert source.checkup()


def test_a_file_can_be_looked_at_only(tmp_path: Path) -> None:
    taken = hot_plant().observe()
    write_snapshot(tmp_path / "s.json", taken)
    with open_source(SourceOptions(snapshot=tmp_path / "s.json"), environ={}) as source:
        assert not source.live
        assert source.clock.now_s() == taken.taken_at_s
        source.clock.sleep(60)
        assert source.clock.now_s() == taken.taken_at_s
        assert source.observe().vms.name == taken.vms.name
        with pytest.raises(UsageError, match="cannot be acted on"):
            _ = source.port


def test_a_wrong_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text("{")
    with pytest.raises(SnapshotError, match="not JSON"):
        open_source(SourceOptions(snapshot=path), environ={})
    with pytest.raises(EstateError, match="not JSON"):
        open_source(SourceOptions(plant=str(path)), environ={})


def test_a_vcenter_needs_a_user_and_a_password() -> None:
    with pytest.raises(InputError, match="no user"):
        open_source(SourceOptions(vcenter="vc.example.com"), environ={})
    with pytest.raises(NotPermittedError, match="no password"):
        open_source(
            SourceOptions(vcenter="vc.example.com", user="me"),
            environ={"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"},
        )


def test_a_vcenter_is_not_connected_to_before_it_is_asked() -> None:
    asked: list[str] = []

    def prompt(question: str) -> str:
        asked.append(question)
        return "secret"

    options = SourceOptions(vcenter="vc.invalid", user="me")
    with open_source(options, environ={"GOVC_PASSWORD": "x"}, prompt=prompt) as source:
        assert source.kind is SourceKind.VCENTER
        assert source.label == "vc.invalid"
    assert asked == []
