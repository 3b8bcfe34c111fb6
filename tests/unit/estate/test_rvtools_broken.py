"""Files that are broken, hostile or something else: one clear sentence, bounded memory and time."""

import random
import resource
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rvtools_files import estate, sheets_of, write_csv, write_xlsx
from vsphere_market.errors import SnapshotError
from vsphere_market.estate.rvtools import read_rvtools

SHEET = "xl/worksheets/sheet1.xml"
HEAD = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
FOOT = "</sheetData></worksheet>"


def export(path: Path) -> Path:
    return write_xlsx(path / "export.xlsx", sheets_of(estate(12)))


def with_part(path: Path, name: str, content: bytes | Callable[[bytes], bytes]) -> Path:
    """A copy of an export with one part exchanged or added."""
    source, target = export(path), path / "changed.xlsx"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.namelist():
            if item != name:
                new.writestr(item, old.read(item))
        before = old.read(name) if name in old.namelist() else b""
        new.writestr(name, content(before) if callable(content) else content)
    return target


def refusal(path: Path) -> str:
    """The sentence that a file is refused with."""
    with pytest.raises(SnapshotError) as caught:
        read_rvtools(path)
    assert int(caught.value.exit_code) == 64
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def test_nothing_there(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.xlsx")


def test_something_else(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_text("VM;Powerstate\n")
    assert "no .xlsx workbook" in refusal(path)
    path.write_bytes(b"")
    assert "no .xlsx workbook" in refusal(path)


def test_protected_by_a_password(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096))
    assert "password" in refusal(path)


def test_members_protected_by_a_password(tmp_path: Path) -> None:
    path = export(tmp_path)
    raw = bytearray(path.read_bytes())
    at = raw.find(b"PK\x01\x02")
    raw[at + 8] |= 1
    path.write_bytes(raw)
    assert "password" in refusal(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_cut_short(tmp_path: Path, share: float) -> None:
    path = export(tmp_path)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    assert "cut short or damaged" in refusal(path)


def test_damaged_inside(tmp_path: Path) -> None:
    path = export(tmp_path)
    with zipfile.ZipFile(path) as book:
        info = book.getinfo(SHEET)
    raw = bytearray(path.read_bytes())
    for at in range(info.header_offset + 200, info.header_offset + 400):
        raw[at] ^= 0xFF
    path.write_bytes(raw)
    assert "damaged" in refusal(path)


def test_a_zip_that_is_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("RVTools_tabvInfo.csv", "VM\n")
    assert "zip file, but no .xlsx" in refusal(path)


def test_macros(tmp_path: Path) -> None:
    assert "macros" in refusal(with_part(tmp_path, "xl/vbaProject.bin", b"anything"))


def test_formulas(tmp_path: Path) -> None:
    def formula(sheet: bytes) -> bytes:
        return sheet.replace(b"</row>", b'<c r="ZZ1"><f>1+1</f><v>2</v></c></row>', 1)

    sentence = refusal(with_part(tmp_path, SHEET, formula))
    assert "row 1 of sheet vInfo holds a formula" in sentence


def test_wrong_sheets(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"Sales": (["Month"], [["May"]])})
    assert "neither sheet vInfo nor vMemory, but Sales" in refusal(path)


def test_a_sheet_that_is_only_called_so(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"vInfo": (["Month"], [["May"]])})
    assert "no column VM" in refusal(path)


def test_no_vm_in_it(tmp_path: Path) -> None:
    sheets = sheets_of(estate(12))
    for name in ("vInfo", "vMemory"):
        sheets[name] = (sheets[name][0], [])
    assert "no VM" in refusal(write_xlsx(tmp_path / "a.xlsx", sheets))


def test_an_empty_sheet(tmp_path: Path) -> None:
    assert refusal(write_xlsx(tmp_path / "a.xlsx", {"vInfo": ([], [])}))


def test_no_xml(tmp_path: Path) -> None:
    assert "is no XML" in refusal(with_part(tmp_path, SHEET, b"<worksheet><sheetData>"))


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">'
        + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 9))
        + b"]><worksheet><sheetData><row><c><v>&a8;</v></c></row></sheetData></worksheet>"
    )
    assert "document type" in refusal(with_part(tmp_path, SHEET, bomb))


def test_a_text_that_is_not_there(tmp_path: Path) -> None:
    body = f'{HEAD}<row><c t="s"><v>99999999</v></c></row>{FOOT}'
    assert "not there" in refusal(with_part(tmp_path, SHEET, body.encode()))


def test_a_column_beyond_all_columns(tmp_path: Path) -> None:
    body = f'{HEAD}<row><c r="ZZZZ1"><v>1</v></c></row>{FOOT}'
    assert "ZZZZ1" in refusal(with_part(tmp_path, SHEET, body.encode()))


def grown_mib(action: Callable[[], object]) -> float:
    """By how much the largest memory of this process grew, MiB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    action()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def test_a_zip_bomb_is_stopped_early(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    source = export(tmp_path)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.namelist():
            if item != SHEET:
                new.writestr(item, old.read(item))
        with new.open(SHEET, "w") as stream:
            stream.write(HEAD.encode())
            for _ in range(400):
                stream.write(b" " * (1 << 20))
            stream.write(FOOT.encode())
    assert path.stat().st_size < 1 << 20
    started = time.monotonic()
    grown = grown_mib(lambda: refusal(path))
    assert "unpacks" in refusal(path)
    assert grown < 64
    assert time.monotonic() - started < 10


def test_one_endless_cell_is_stopped(tmp_path: Path) -> None:
    letters = random.Random(1).randbytes(1 << 20).hex()
    body = f'{HEAD}<row><c t="str"><v>{letters}</v></c></row>{FOOT}'
    assert "characters" in refusal(with_part(tmp_path, SHEET, body.encode()))


def test_a_million_empty_rows(tmp_path: Path) -> None:
    rows = "".join(f'<row r="{n}"/>' for n in range(20, 1_000_000))

    def add(sheet: bytes) -> bytes:
        return sheet.replace(b"</sheetData>", rows.encode() + b"</sheetData>")

    path = with_part(tmp_path, SHEET, add)
    assert grown_mib(lambda: refusal(path)) < 96
    assert "empty rows" in refusal(path)


def test_a_million_empty_lines(tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "csv", sheets_of(estate(12)))
    info = folder / "RVTools_tabvInfo.csv"
    info.write_bytes(info.read_bytes() + b",,,\r\n" * 1_000_000)
    with pytest.raises(SnapshotError, match="empty rows"):
        read_rvtools(folder)


def test_few_empty_rows_are_nothing(tmp_path: Path) -> None:
    rows = '<row r="13"/>' * 1000

    def add(sheet: bytes) -> bytes:
        return sheet.replace(b"</sheetData>", rows.encode() + b"</sheetData>")

    assert len(read_rvtools(with_part(tmp_path, SHEET, add)).vms) == 12


def test_a_csv_file_without_line_ends(tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "csv", sheets_of(estate(12)))
    (folder / "RVTools_tabvInfo.csv").write_bytes(b"VM," + b"x" * (8 << 20))
    with pytest.raises(SnapshotError):
        read_rvtools(folder)


def test_binary_called_csv(tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "csv", sheets_of(estate(12)))
    (folder / "RVTools_tabvInfo.csv").write_bytes(bytes(range(256)) * 64)
    with pytest.raises(SnapshotError):
        read_rvtools(folder)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("a,b\n")
    assert "no folder of RVTools CSV files" in refusal(tmp_path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_ends_otherwise_than_in_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    """Bytes changed anywhere: it is read, or refused in one sentence; nothing else happens."""
    whole = tmp_path / "whole.xlsx"
    if not whole.exists():
        write_xlsx(whole, sheets_of(estate(6)))
    raw = bytearray(whole.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=20)):
        raw[at] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.xlsx"
    path.write_bytes(raw)
    try:
        read_rvtools(path)
    except SnapshotError as error:
        assert "\n" not in str(error)
