"""RVTools exports that are made up, written as workbooks and as CSV files of several languages.

`estate` invents an estate, `sheets_of` lays it out as a version of RVTools would, `write_xlsx` and
`write_csv` write the files. Nothing is copied from a real estate.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from tests.rvtools_estates import Cluster, Estate, Host, Licence, Vm, estate
from tests.rvtools_layout import Sheets, sheets_of

__all__ = [
    "Cluster",
    "Estate",
    "Host",
    "Licence",
    "Sheets",
    "Vm",
    "estate",
    "sheets_of",
    "write_csv",
    "write_xlsx",
]

CREATED = "2026-11-23T08:15:00Z"


def write_xlsx(
    path: Path, sheets: Sheets, *, prefix: str = "", shared: bool = True, created: str = CREATED
) -> Path:
    """Write a workbook: with a table of shared strings or inline ones, with or without a prefix."""
    p = f"{prefix}:" if prefix else ""
    xmlns = f"xmlns{':' + prefix if prefix else ''}"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    head = '<?xml version="1.0" encoding="utf-8"?>'
    strings: dict[str, int] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        named = "".join(
            f'<{p}sheet name={quoteattr(name)} sheetId="{at}" r:id="rId{at}"/>'
            for at, name in enumerate(sheets, 1)
        )
        out.writestr(
            "xl/workbook.xml",
            f'{head}<{p}workbook {xmlns}="{main}" xmlns:r="{rel}"><{p}sheets>{named}</{p}sheets>'
            f"</{p}workbook>",
        )
        out.writestr("[Content_Types].xml", f"{head}{_content_types(len(sheets), shared)}")
        out.writestr(
            "_rels/.rels",
            f'{head}<Relationships xmlns="{package}"><Relationship Id="rId1" '
            f'Type="{rel}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        links = "".join(
            f'<Relationship Id="rId{at}" Type="{rel}/worksheet" '
            f'Target="{"/xl/" if at % 2 else ""}worksheets/sheet{at}.xml"/>'
            for at, _ in enumerate(sheets, 1)
        )
        strings_link = (
            f'<Relationship Id="rIdS" Type="{rel}/sharedStrings" Target="sharedStrings.xml"/>'
            if shared
            else ""
        )
        out.writestr(
            "xl/_rels/workbook.xml.rels",
            f'{head}<Relationships xmlns="{package}">{links}{strings_link}</Relationships>',
        )
        for at, (header, rows) in enumerate(sheets.values(), 1):
            with out.open(f"xl/worksheets/sheet{at}.xml", "w") as stream:
                stream.write(f'{head}<{p}worksheet {xmlns}="{main}"><{p}sheetData>'.encode())
                for number, row in enumerate([header, *rows], 1):
                    cells = _cells(row, number, p, strings if shared else None)
                    stream.write(f'<{p}row r="{number}">{cells}</{p}row>'.encode())
                stream.write(f"</{p}sheetData></{p}worksheet>".encode())
        if shared:
            with out.open("xl/sharedStrings.xml", "w") as stream:
                stream.write(f'{head}<{p}sst {xmlns}="{main}">'.encode())
                for text in strings:
                    stream.write(f"<{p}si><{p}t>{escape(text)}</{p}t></{p}si>".encode())
                stream.write(f"</{p}sst>".encode())
        if created:
            out.writestr(
                "docProps/core.xml",
                f'{head}<cp:coreProperties xmlns:cp="urn:cp" xmlns:dcterms="urn:dc">'
                f"<dcterms:created>{created}</dcterms:created></cp:coreProperties>",
            )
    return path


def _content_types(sheets: int, shared: bool) -> str:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {"/xl/workbook.xml": "sheet.main"}
    parts |= {f"/xl/worksheets/sheet{at}.xml": "worksheet" for at in range(1, sheets + 1)}
    if shared:
        parts["/xl/sharedStrings.xml"] = "sharedStrings"
    told = "".join(
        f'<Override PartName="{name}" ContentType="{kind}.{what}+xml"/>'
        for name, what in parts.items()
    )
    return (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{told}</Types>'
    )


def _cells(row: Iterable[Any], number: int, p: str, strings: dict[str, int] | None) -> str:
    parts = []
    for at, value in enumerate(row):
        if value == "":
            continue
        text = str(value)
        place = f'r="{letters(at)}{number}"'
        if isinstance(value, int | float) and not isinstance(value, bool):
            parts.append(f"<{p}c {place}><{p}v>{value}</{p}v></{p}c>")
        elif strings is None:
            inline = f"<{p}is><{p}t>{escape(text)}</{p}t></{p}is>"
            parts.append(f'<{p}c {place} t="inlineStr">{inline}</{p}c>')
        else:
            index = strings.setdefault(text, len(strings))
            parts.append(f'<{p}c {place} t="s"><{p}v>{index}</{p}v></{p}c>')
    return "".join(parts)


def letters(at: int) -> str:
    """Column ``AB`` of position 27."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(65 + rest) + name
    return name


@dataclass(frozen=True)
class Locale:
    """How a language's Windows writes CSV files."""

    separator: str = ","
    thousands: str = ","
    decimal: str = "."
    yes: str = "True"
    no: str = "False"
    date: str = "{m}/{d}/{y} {H}:{M:02d}:00 AM"
    encoding: str = "utf-8-sig"


LOCALES = {
    "en": Locale(),
    "de": Locale(
        ";", ".", ",", "Wahr", "Falsch", "{d:02d}.{m:02d}.{y} {H:02d}:{M:02d}:00", "cp1252"
    ),
    "fr": Locale(
        ";", "\u202f", ",", "Vrai", "Faux", "{d:02d}/{m:02d}/{y} {H:02d}:{M:02d}:00", "utf-16"
    ),
    "sv": Locale(
        "\t", "\u00a0", ",", "Sant", "Falskt", "{y}-{m:02d}-{d:02d} {H:02d}:{M:02d}:00", "utf-8"
    ),
}


def write_csv(folder: Path, sheets: Sheets, locale: str = "en") -> Path:
    """Write the folder of CSV files with numbers grouped and dates written as there."""
    how = LOCALES[locale]
    folder.mkdir(parents=True, exist_ok=True)
    for name, (header, rows) in sheets.items():
        lines = [how.separator.join(_field(title, how) for title in header)]
        lines += [how.separator.join(_field(value, how) for value in row) for row in rows]
        text = "\r\n".join(lines) + "\r\n"
        (folder / f"RVTools_tab{name}.csv").write_bytes(text.encode(how.encoding))
    return folder


def _field(value: Any, how: Locale) -> str:
    if isinstance(value, bool):
        return how.yes if value else how.no
    if isinstance(value, int | float):
        text = f"{value:,}".replace(",", "\0").replace(".", how.decimal)
        text = text.replace("\0", how.thousands)
    else:
        text = _date(str(value), how)
    if how.separator in text or '"' in text:
        text = '"' + text.replace('"', '""') + '"'
    return text


def _date(text: str, how: Locale) -> str:
    """Dates of ``sheets_of`` in a language's own order."""
    if len(text) == 19 and text[4] == text[7] == "/":
        y, m, d, hour, minute = (
            int(text[a:b]) for a, b in ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16))
        )
        return how.date.format(y=y, m=m, d=d, H=hour, M=minute)
    return text
