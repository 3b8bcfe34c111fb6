"""Reading the folder of CSV files that RVTools exports, one per sheet."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from vsphere_market.errors import SnapshotError
from vsphere_market.estate.rvtools import bounds
from vsphere_market.estate.rvtools.layout import sheet_called
from vsphere_market.estate.rvtools.workbook import RowTaker

#: What separates fields: Windows takes the list separator of its language.
_SEPARATORS = ",;\t|"


def csv_files(folder: Path) -> Mapping[str, Path]:
    """Sheets that are known -> their files.

    Raises:
        SnapshotError: it is no folder of an export.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv")
    except OSError as exc:
        raise SnapshotError(f"cannot be read ({exc.strerror})", where=str(folder)) from None
    found: dict[str, Path] = {}
    for path in files:
        known = sheet_called(path.stem)
        if known is not None:
            found.setdefault(known, path)
    if not found.keys() & {"vInfo", "vMemory"}:
        raise SnapshotError(
            "is no folder of RVTools CSV files: RVTools_tabvInfo.csv is not in it",
            where=str(folder),
            cure="give the folder that RVTools, Export all to csv, has written",
        )
    return found


def csv_rows(path: Path, sheet: str, take: RowTaker) -> None:
    """Hand every row of a CSV file that holds something to ``take``.

    Raises:
        SnapshotError: it cannot be read, is no text, or goes on without end.
    """
    where = str(path)
    try:
        if path.stat().st_size > bounds.MAX_PART_BYTES:
            raise bounds.too_large(where, f"is larger than {bounds.MAX_PART_BYTES:,} bytes")
        with path.open("rb") as raw:
            _read(raw, where, sheet, take)
    except OSError as exc:
        raise SnapshotError(f"cannot be read ({exc.strerror})", where=where) from None
    except csv.Error as exc:
        raise SnapshotError(f"is damaged ({exc})", where=where, cure="export it again") from None


def _read(raw: BinaryIO, where: str, sheet: str, take: RowTaker) -> None:
    stream = io.TextIOWrapper(raw, encoding=_encoding(raw), errors="replace", newline="")
    try:
        _read_text(stream, where, sheet, take)
    finally:
        stream.detach()  # who opened the file closes it


def _read_text(stream: io.TextIOWrapper, where: str, sheet: str, take: RowTaker) -> None:
    head = stream.readline(bounds.MAX_CELL_CHARS)
    if "\0" in head:
        raise SnapshotError("is no text file", where=where, cure="export it again")
    separator = max(_SEPARATORS, key=head.count)
    stream.seek(0)
    csv.field_size_limit(bounds.MAX_CELL_CHARS)
    empty = filled = 0
    for number, fields in enumerate(csv.reader(_lines(stream, where), delimiter=separator), 1):
        if len(fields) > bounds.MAX_COLUMNS:
            raise bounds.too_large(where, f"has a row of {len(fields):,} fields")
        if not any(fields):
            empty += 1
            if empty > bounds.MAX_EMPTY_ROWS:
                raise bounds.too_many_empty(where, sheet)
            continue
        empty = 0
        filled += 1
        if filled > bounds.MAX_ROWS:
            raise bounds.too_large(where, "has too many rows")
        take(number, {at: field for at, field in enumerate(fields) if field})


def _lines(stream: io.TextIOWrapper, where: str) -> Iterator[str]:
    """Lines of bounded length: a file without line ends must not fill the memory."""
    longest = 32 * bounds.MAX_CELL_CHARS
    while line := stream.readline(longest):
        if len(line) == longest:
            raise bounds.too_large(where, f"has a line of more than {longest:,} characters")
        yield line


def _encoding(raw: BinaryIO) -> str:
    """UTF-8 or UTF-16 by their marks, else UTF-8 if it is, else what Windows in the west writes."""
    head = raw.read(bounds.CHUNK)
    raw.seek(0)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if head.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in iter(lambda: raw.read(bounds.CHUNK), b""):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        raw.seek(0)
    return "utf-8"
