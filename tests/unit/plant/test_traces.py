"""Trace files with every fault they have been seen to have."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from vsphere_market.errors import EstateError
from vsphere_market.plant.traces import COLUMNS, TraceSet, from_table, pack, read_traces

SHIPPED = Path(__file__).resolve().parents[3] / "vsphere_market" / "plant" / "traces"
T0 = 1_375_660_800
GIB = 1024 * 1024
Row = tuple[object, float, float, float]


def table(rows: list[Row]) -> dict[str, np.ndarray]:
    return {name: np.array([row[at] for row in rows]) for at, name in enumerate(COLUMNS)}


def steady(
    vm: int = 1, slots: int = 40, granted: float = 4 * GIB, active: float = GIB
) -> list[Row]:
    return [(vm, T0 + 300 * slot, granted, active) for slot in range(slots)]


def read(rows: list[Row]) -> TraceSet:
    return from_table(table(rows), where="t.csv")


def test_shares_are_of_the_most_that_was_granted() -> None:
    found = read([*steady(slots=20, granted=2 * GIB), *steady(slots=40)[20:]])
    series = found.series["1"]
    assert found.size_mib["1"] == 4096
    assert series.step_s == 300
    assert series.footprint[:20] == pytest.approx(0.5)
    assert series.footprint[20:] == pytest.approx(1.0)
    assert series.working == pytest.approx(0.25)


def test_unsorted_rows_are_sorted() -> None:
    rows = [*steady(1, active=GIB), *steady(2, active=2 * GIB)]
    shuffled = [rows[at] for at in np.random.default_rng(1).permutation(len(rows))]
    for label in ("1", "2"):
        assert np.array_equal(
            read(rows).series[label].working, read(shuffled).series[label].working
        )


def test_of_two_rows_for_one_instant_the_later_counts() -> None:
    found = read([*steady(), (1, T0 + 300, 4 * GIB, 3 * GIB)])
    assert found.series["1"].working[1] == pytest.approx(0.75)
    assert any("later one" in note for note in found.notes)


def test_rows_with_missing_numbers_are_left_out_and_told() -> None:
    found = read([*steady(), (1, T0 + 600, float("nan"), GIB), (1, float("nan"), GIB, GIB)])
    assert found.series["1"].working == pytest.approx(0.25)
    assert any(note.startswith("2 rows") for note in found.notes)


def test_active_above_granted_raises_granted() -> None:
    found = read([*steady(), (1, T0 + 300 * 40, 4 * GIB, 5 * GIB)])
    assert found.size_mib["1"] == 5 * 1024
    assert found.series["1"].footprint[40] == pytest.approx(1.0)


def test_a_short_hole_holds_the_last_value() -> None:
    found = read([row for row in steady() if row[1] not in (T0 + 300 * 5, T0 + 300 * 6)])
    assert not np.isnan(found.series["1"].working).any()
    assert any("hold the value" in note for note in found.notes)


def test_a_vm_that_is_missing_for_long_was_off() -> None:
    rows = [row for row in steady(1, 60) if not T0 + 3000 <= row[1] < T0 + 9000] + steady(2, 60)
    off = np.isnan(read(rows).series["1"].working)
    assert off[10:30].all()
    assert not off[:10].any()
    assert not off[30:].any()


def test_a_gap_of_all_vms_is_a_fault_of_the_recording() -> None:
    def without(vm: int) -> list[Row]:
        return [row for row in steady(vm, 100) if not T0 + 3000 <= row[1] < T0 + 27000]

    found = read(without(1) + without(2))
    assert not np.isnan(found.series["1"].working).any()


def test_vms_join_late_and_leave_early() -> None:
    off = np.isnan(read([*steady(1, 30)[10:20], *steady(2, 60)]).series["1"].working)
    assert off[:10].all()
    assert not off[10:20].any()
    assert off[20 + 12 :].all(), "off for good, an hour after its last sample at the latest"


def test_nothing_granted_is_powered_off() -> None:
    rows = [*steady(1, 20), *[(1, T0 + 300 * slot, 0, 0) for slot in range(20, 40)]]
    off = np.isnan(read(rows).series["1"].working)
    assert not off[:20].any()
    assert off[20:].all()


def test_vms_that_never_ran_are_left_out() -> None:
    found = read([*steady(1), *steady(2, granted=0, active=0)])
    assert list(found.series) == ["1"]
    assert any("never held" in note for note in found.notes)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no rows"),
        (steady(granted=0, active=0), "no VM that ever ran"),
        (steady(granted=-1.0), "negative"),
        (steady(granted=4 * GIB * 1024, active=GIB), "divide bytes by 1024"),
        (steady(granted=4096, active=1024), "multiply MiB by 1024"),
        ([(1, T0 * 1000.0, 4 * GIB, GIB)], "Divide milliseconds"),
    ],
)
def test_what_cannot_be_mended_is_refused(rows: list[Row], words: str) -> None:
    with pytest.raises(EstateError, match=words):
        from_table(table(rows) if rows else {name: np.zeros(0) for name in COLUMNS}, where="t")


def test_missing_columns_are_named() -> None:
    columns = table(steady())
    del columns["mem_active_kib"]
    with pytest.raises(EstateError, match="no column mem_active_kib"):
        from_table(columns, where="t")


def test_an_archive_keeps_what_it_is_given(tmp_path: Path) -> None:
    rows = [*steady(1, 60, active=0.05 * GIB), *steady(2, 60)[20:40]]
    before = read(rows)
    path = tmp_path / "t.npz"
    np.savez_compressed(path, allow_pickle=False, **pack(before))
    after = read_traces(path)
    assert after.size_mib == before.size_mib
    for label, item in before.series.items():
        assert np.allclose(item.working, after.series[label].working, atol=0.004, equal_nan=True)
        assert np.allclose(
            item.footprint, after.series[label].footprint, atol=0.003, equal_nan=True
        )


@pytest.mark.parametrize("packed", [False, True])
def test_csv_is_read_plain_and_packed(tmp_path: Path, packed: bool) -> None:
    lines = [",".join(COLUMNS), *(f"{a},{b:.0f},{c:.0f},{d:.0f}" for a, b, c, d in steady())]
    text = "\n".join(lines) + "\n"
    path = tmp_path / ("t.csv.gz" if packed else "t.csv")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert read_traces(path).series["1"].working == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.npz", b"nothing", "no trace file"),
        ("t.csv", b"vm,ts\n1,x\n", "no trace file"),
        ("t.csv", b"vm,ts\n1\n", "different numbers of fields"),
        ("t.csv.gz", b"not packed", "no trace file"),
        ("t.txt", b"", "must end in"),
    ],
)
def test_files_that_are_no_traces(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(EstateError, match=words):
        read_traces(path)


def test_a_missing_file() -> None:
    with pytest.raises(EstateError, match="no such file"):
        read_traces(Path("nowhere.csv"))


def test_the_sample_that_comes_along() -> None:
    path = SHIPPED / "bitbrains.npz"
    assert path.stat().st_size < 1 << 20
    found = read_traces(path)
    assert len(found.series) >= 60
    lengths = {len(item.working) * item.step_s for item in found.series.values()}
    assert lengths == {14 * 86400.0}
    means = np.array([np.nanmean(item.working) for item in found.series.values()])
    # The published quartiles of active memory over granted are 2, 5 and 10 %.
    assert np.percentile(means, [25, 50, 75]) == pytest.approx([0.02, 0.05, 0.10], abs=0.012)
    readme = (SHIPPED / "README.md").read_text(encoding="utf-8")
    assert "CCGrid" in readme
    assert "public audit and open-access use" in readme
