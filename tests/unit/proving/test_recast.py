"""Recordings put on estates, and everything that can be wrong with them."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli import vm
from tests.proving import estate, recorded, spec, write_csv
from vsphere_market.errors import EstateError
from vsphere_market.plant import EstateSpec
from vsphere_market.plant.traces import TraceSet, read_traces
from vsphere_market.plant.workload import Series
from vsphere_market.proving.recast import recast


def _traces(*labels: str) -> TraceSet:
    series = {
        label: Series(300.0, np.full(600, 0.1 * (at + 1)), np.full(600, 0.9))
        for at, label in enumerate(labels)
    }
    return TraceSet(series, dict.fromkeys(labels, 4096.0))


def _shapes(plan: EstateSpec) -> dict[str, Any]:
    return {vm.name: vm.workload.shapes for cluster in plan.clusters for vm in cluster.vms}


def test_names_that_are_known_get_their_own_series() -> None:
    traces = _traces("busy-1", "calm", "stranger")
    plan, notes = recast(spec(), traces, "file")
    shapes = _shapes(plan)
    assert shapes["busy-1"][0].trace is traces.series["busy-1"]
    assert shapes["calm"][0].trace is traces.series["calm"]
    assert shapes["busy-2"] == _shapes(spec())["busy-2"]
    assert notes == (
        "1 recorded VMs are not in the estate and were left out.",
        "4 VMs were not recorded and keep their workload.",
    )


def test_unknown_names_are_dealt_out_in_order() -> None:
    traces = _traces("17", "4")
    plan, notes = recast(spec(), traces, "file")
    dealt = [shapes[0].trace for shapes in _shapes(plan).values()]
    assert dealt == [traces.series["17"], traces.series["4"]] * 3
    assert len(notes) == 1
    assert "dealt out" in notes[0]


def test_vms_that_replay_a_recording_already_come_first() -> None:
    document = estate()
    vms = document["clusters"][0]["vms"]
    vms[1]["workload"] = {
        "shapes": [{"kind": "trace", "scale": 2, "offset_hours": 5}, {"kind": "noise", "sigma": 1}]
    }
    plan, _ = recast(spec(**document), _traces("x"), "file")
    shapes = _shapes(plan)
    assert len(shapes["calm"]) == 1
    assert shapes["calm"][0].numbers == {"scale": 2.0, "offset_hours": 5.0}
    assert shapes["busy-1"] == _shapes(spec())["busy-1"]


def test_the_packaged_sample_can_be_put_on_any_estate() -> None:
    path = Path(str(__import__("vsphere_market").__file__)).parent / "plant/traces/bitbrains.npz"
    plan, _ = recast(spec(), read_traces(path), "file")
    assert all(shapes[0].trace is not None for shapes in _shapes(plan).values())


def test_an_estate_without_vms_is_an_error() -> None:
    empty = {"name": "c", "hosts": [{"name": "h", "memory_gib": 8}], "vms": []}
    with pytest.raises(EstateError, match="no VMs"):
        recast(spec(clusters=[empty]), _traces("a"), "file")


# ---------------------------------------------------------------- the command, with files

_RUN = ("--controllers", "none", "--seeds", "1", "--hours", "0.25", "--format", "json")


def _estate_file(folder: Path) -> Path:
    path = folder / "estate.json"
    path.write_text(json.dumps(estate()), encoding="utf-8")
    return path


def _backtest(folder: Path, traces: Path) -> Any:
    return vm("backtest", "--estate", _estate_file(folder), "--traces", traces, *_RUN)


def test_a_parquet_file_with_the_samples_columns_works(tmp_path: Path) -> None:
    pa = importlib.import_module("pyarrow")
    pq = importlib.import_module("pyarrow.parquet")
    rows = recorded(("1", "2"))
    names = ("vm", "ts", "mem_granted_kib", "mem_active_kib")
    columns = {
        name: [int(row[at]) for row in rows] for at, name in enumerate(names)
    }  # fmt: skip
    columns |= {"cores": [2] * len(rows), "cpu_cap_mhz": [5000] * len(rows)}
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(columns), path)
    ended = _backtest(tmp_path, path)
    assert ended.code == 0, ended.err
    assert ended.json[0]["controller"] == "none"
    assert "dealt out" in ended.err


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        # Gaps of a sample, unsorted rows, twins and missing numbers are mended by rule.
        ([row for row in recorded() if row[1] % 3300], "missing samples hold the value"),
        (list(reversed(recorded())), ""),
        (recorded() + recorded(("a",), 2), "had a later one for the same VM and instant"),
        ([*recorded(), ("a", 1_375_400_000, "nan", 5)], "rows with a missing number"),
    ],
)
def test_what_can_be_mended_is_mended(
    tmp_path: Path, rows: list[tuple[Any, ...]], sentence: str
) -> None:
    ended = _backtest(tmp_path, write_csv(tmp_path / "t.csv", rows))
    assert ended.code == 0, ended.err
    assert sentence in ended.err


@pytest.mark.parametrize(
    ("rows", "header", "words"),
    [
        ([("a", at, 4096, 100) for at in range(0, 9000, 300)], "", ("KiB", "MiB")),
        ([("a", 1000 * at, 4 << 20, 100) for at in range(1_375_000_000, 1_375_009_000, 300)], "",
         ("Unix seconds",)),
        ([("a", at, 4 << 46, 100) for at in range(0, 9000, 300)], "", ("KiB",)),
        ([("a", at, -5, 100) for at in range(0, 9000, 300)], "", ("negative",)),
        ([], "", ("no rows",)),
        (recorded(), "vm,ts,granted,active", ("has no column mem_granted_kib",)),
        ([("a", 1, 4 << 20, "many")], "", ("is no trace file",)),
        ([("a", 1, 4 << 20)], "", ("fields",)),
    ],
)  # fmt: skip
def test_what_cannot_be_mended_is_one_sentence(
    tmp_path: Path, rows: list[tuple[Any, ...]], header: str, words: tuple[str, ...]
) -> None:
    ended = _backtest(tmp_path, write_csv(tmp_path / "t.csv", rows, header))
    ended.failed_with(64, "t.csv", *words)


@pytest.mark.parametrize("name", ["t.parquet", "t.npz", "t.csv.gz", "t.txt", "absent.csv"])
def test_files_that_are_something_else_are_one_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if not name.startswith("absent"):
        path.write_bytes(b"this is no trace")
    _backtest(tmp_path, path).failed_with(64, name)


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1")
    _backtest(tmp_path, path).failed_with(64, "pyarrow")
