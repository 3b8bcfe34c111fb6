"""Reading ``.xlsx`` row by row: what RVTools writes, and nothing that could do harm.

An own reader, because all that is wanted is the values of some columns of some sheets: expat goes
once over each sheet and keeps nothing else, and everything is counted while it is unpacked. No
formula is evaluated, no macro, link, style or drawing is looked at.
"""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from xml.parsers import expat

from vsphere_market.errors import SnapshotError
from vsphere_market.estate.rvtools import bounds
from vsphere_market.estate.rvtools.layout import sheet_called
from vsphere_market.estate.rvtools.values import Cell, moment_of

#: The first bytes of an OLE container: an encrypted workbook, or Excel's format before 2007.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: Called with a row's number and its cells by position; gives the positions that are wanted of
#: later rows, so that the others need not be read.
RowTaker = Callable[[int, dict[int, Cell]], Collection[int]]


class Workbook:
    """An open ``.xlsx``. Use it in a ``with``.

    Args:
        path: the file.

    Raises:
        SnapshotError: it is no workbook, or one that must not be read.
    """

    def __init__(self, path: Path) -> None:
        self._where = str(path)
        try:
            with path.open("rb") as stream:
                head = stream.read(8)
            if head == _OLE:
                raise SnapshotError(
                    "is protected by a password, or in Excel's format before 2007",
                    where=self._where,
                    cure="save it as .xlsx without a password, or export again with RVTools",
                )
            if not head.startswith(b"PK"):
                raise SnapshotError(
                    "is no .xlsx workbook",
                    where=self._where,
                    cure="give the .xlsx that RVTools exported, or the folder of its CSV files",
                )
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise SnapshotError(
                "there is no such file", where=self._where, cure="check the path"
            ) from None
        except zipfile.BadZipFile:
            raise self._cut_short() from None
        except (OSError, NotImplementedError) as exc:
            raise SnapshotError(f"cannot be read ({exc})", where=self._where) from None
        try:
            self._look_over()
            self.sheets = self._find_sheets()
        except BaseException:
            self._zip.close()
            raise
        self._strings: list[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()

    def rows(self, sheet: str, take: RowTaker) -> None:
        """Hand every row of a sheet that holds something to ``take``.

        Args:
            sheet: key of :attr:`sheets`.
            take: called in order; positions count from 0.

        Raises:
            SnapshotError: the sheet is broken, holds formulas, or goes on without end.
        """
        if self._strings is None:
            self._strings = self._shared_strings()
        reader = _SheetReader(self._where, sheet, self._strings, take)
        self._parse(self.sheets[sheet], reader.prepare)

    def created_s(self) -> float:
        """Unix time at which the workbook was made, by its own properties, or NaN."""
        found: list[str] = []
        name = "docProps/core.xml"
        if name in self._zip.NameToInfo:
            inside: list[bool] = [False]

            def start(tag: str, _attributes: list[str]) -> None:
                inside[0] = tag.rpartition(":")[2] == "created"

            def data(text: str) -> None:
                if inside[0]:
                    found.append(text)

            def prepare(parser: Any) -> None:
                parser.StartElementHandler = start
                parser.CharacterDataHandler = data

            self._parse(name, prepare)
        return moment_of("".join(found))

    # -- inside ------------------------------------------------------------------------------

    def _cut_short(self) -> SnapshotError:
        return SnapshotError(
            "is cut short or damaged", where=self._where, cure="copy or export it again"
        )

    def _look_over(self) -> None:
        """Refuse what no export holds, from the list of members alone."""
        members = self._zip.infolist()
        if len(members) > bounds.MAX_MEMBERS:
            raise bounds.too_large(self._where, f"holds {len(members):,} parts")
        for member in members:
            if member.flag_bits & 0x1:
                raise SnapshotError(
                    "is protected by a password", where=self._where, cure="save it without one"
                )
            if member.filename.lower().endswith("vbaproject.bin"):
                raise SnapshotError(
                    "holds macros, which no RVTools export does; it is not opened",
                    where=self._where,
                    cure="export again with RVTools",
                )
        if "xl/workbook.xml" not in self._zip.NameToInfo:
            raise SnapshotError(
                "is a zip file, but no .xlsx workbook",
                where=self._where,
                cure="unpack it, and give the folder or the .xlsx inside",
            )

    def _find_sheets(self) -> dict[str, str]:
        """Sheets that are known -> member that holds them."""
        targets: dict[str, str] = {}
        named: list[tuple[str, str]] = []

        def relation(tag: str, attributes: list[str]) -> None:
            if tag.rpartition(":")[2] == "Relationship":
                told = dict(zip(attributes[::2], attributes[1::2], strict=True))
                targets[told.get("Id", "")] = told.get("Target", "")

        def sheet(tag: str, attributes: list[str]) -> None:
            if tag.rpartition(":")[2] == "sheet":
                told = dict(zip(attributes[::2], attributes[1::2], strict=True))
                link = next((v for k, v in told.items() if k.rpartition(":")[2] == "id"), "")
                named.append((told.get("name", ""), link))

        self._parse("xl/workbook.xml", lambda parser: _on_start(parser, sheet))
        links = "xl/_rels/workbook.xml.rels"
        if links in self._zip.NameToInfo:
            self._parse(links, lambda parser: _on_start(parser, relation))
        sheets: dict[str, str] = {}
        for name, link in named:
            known = sheet_called(name)
            member = posixpath.normpath(posixpath.join("/xl", targets.get(link, ""))).lstrip("/")
            if known is not None and known not in sheets and member in self._zip.NameToInfo:
                sheets[known] = member
        if not sheets.keys() & {"vInfo", "vMemory"}:
            shown = ", ".join(name for name, _ in named[:6]) or "none"
            raise SnapshotError(
                f"is no RVTools export: it has neither sheet vInfo nor vMemory, but {shown[:120]}",
                where=self._where,
                cure="use RVTools, Export all to xlsx",
            )
        return sheets

    def _shared_strings(self) -> list[str]:
        """The table that text cells point into."""
        name = "xl/sharedStrings.xml"
        if name not in self._zip.NameToInfo:
            return []
        strings: list[str] = []
        parts: list[str] = []
        state = {"text": False, "chars": 0}

        def start(tag: str, _attributes: list[str]) -> None:
            kind = tag.rpartition(":")[2]
            if kind == "si":
                parts.clear()
            elif kind == "t":
                state["text"] = True
            elif kind == "rPh":  # how to pronounce it, in Japanese workbooks
                state["text"] = False

        def end(tag: str) -> None:
            kind = tag.rpartition(":")[2]
            if kind == "t":
                state["text"] = False
            elif kind == "si":
                strings.append("".join(parts))

        def data(text: str) -> None:
            if state["text"]:
                state["chars"] += len(text)
                if state["chars"] > bounds.MAX_SHARED_CHARS:
                    raise bounds.too_large(self._where, "holds more text than fits in memory")
                parts.append(text)

        def prepare(parser: Any) -> None:
            _on_start(parser, start)
            parser.EndElementHandler = end
            parser.CharacterDataHandler = data

        self._parse(name, prepare)
        return strings

    def _parse(self, member: str, prepare: Callable[[Any], None]) -> None:
        """Run expat over one member."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.ordered_attributes = True
        # Entities are how XML bombs are made, and no workbook declares any.
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        prepare(parser)
        try:
            for chunk in self._unpacked(member):
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except expat.ExpatError:
            raise SnapshotError(
                f"is damaged: its part {member} is no XML",
                where=self._where,
                cure="copy or export it again",
            ) from None

    def _unpacked(self, member: str) -> Iterator[bytes]:
        """The bytes of a member, counted as they come; what the zip claims is not believed."""
        info = self._zip.NameToInfo[member]
        packed = max(info.compress_size, 1)
        total = 0
        try:
            with self._zip.open(info) as stream:
                while chunk := stream.read(bounds.CHUNK):
                    total += len(chunk)
                    if total > bounds.MAX_PART_BYTES or (
                        total > bounds.FREE_BYTES and total > bounds.MAX_RATIO * packed
                    ):
                        raise bounds.too_large(
                            self._where,
                            f"unpacks from {packed:,} bytes to more than {total:,} in {member}",
                        )
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
            raise self._cut_short() from None
        except OSError as exc:
            raise SnapshotError(f"cannot be read ({exc})", where=self._where) from None

    def _refuse_doctype(self, *_told: Any) -> None:
        raise bounds.too_large(self._where, "declares a document type in its XML")


def _on_start(parser: Any, handler: Callable[[str, list[str]], None]) -> None:
    parser.StartElementHandler = handler


class _SheetReader:
    """Expat's handlers for one sheet. Attributes are local to keep the calls short: they are many.

    Element names may bear a prefix (``x:c``), as the OpenXML SDK writes them.
    """

    def __init__(self, where: str, sheet: str, strings: list[str], take: RowTaker) -> None:
        self.where = where
        self.sheet = sheet
        self.strings = strings
        self.take = take
        self.kinds: dict[str, str] = {}
        self.letters: dict[str, int] = {}
        self.cells: dict[int, Cell] = {}
        self.parts: list[str] = []
        self.chars = 0
        self.listening = False
        self.kind = ""
        self.position = -1
        self.wanted: Collection[int] | None = None
        self.here = True
        self.row = 0
        self.empty = 0
        self.filled = 0

    def prepare(self, parser: Any) -> None:
        """Put the handlers on."""
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.data

    def start(self, tag: str, attributes: list[str]) -> None:
        kind = self.kinds.get(tag)
        if kind is None:
            kind = self.kinds[tag] = tag.rpartition(":")[2]
        if kind == "c":
            self.position += 1
            self.kind = "n"
            for at in range(0, len(attributes), 2):
                name = attributes[at]
                if name == "r":
                    self.position = self.column(attributes[at + 1])
                elif name == "t":
                    self.kind = attributes[at + 1]
            self.here = self.wanted is None or self.position in self.wanted
            if self.parts:
                self.parts.clear()
                self.chars = 0
        elif kind in ("v", "t"):
            self.listening = self.here
        elif kind == "row":
            self.row += 1
            self.position = -1
            self.cells = {}
        elif kind == "f":
            raise SnapshotError(
                f"row {self.row} of sheet {self.sheet} holds a formula, and an export holds only "
                "values",
                where=self.where,
                cure="give the file as RVTools exported it",
            )

    def end(self, tag: str) -> None:
        kind = self.kinds[tag]
        if kind in ("v", "t"):
            self.listening = False
        elif kind == "c":
            if self.parts:
                self.cells[self.position] = self.value()
        elif kind == "row":
            self.finish_row()

    def data(self, text: str) -> None:
        if self.listening:
            self.chars += len(text)
            if self.chars > bounds.MAX_CELL_CHARS:
                raise bounds.too_large(
                    self.where,
                    f"has a cell of more than {bounds.MAX_CELL_CHARS:,} characters in row "
                    f"{self.row} of sheet {self.sheet}",
                )
            self.parts.append(text)

    def column(self, reference: str) -> int:
        """Position of a cell named like ``AB12``."""
        letters = reference.rstrip("0123456789")
        known = self.letters.get(letters)
        if known is None:
            known = 0
            for letter in letters[:4]:
                known = known * 26 + ord(letter) - 64
            known = self.letters[letters] = known - 1
        if not 0 <= known < bounds.MAX_COLUMNS:
            raise bounds.too_large(self.where, f"has a cell {reference[:12]!r} in {self.sheet}")
        return known

    def value(self) -> Cell:
        """The cell that has just ended."""
        text = self.parts[0] if len(self.parts) == 1 else "".join(self.parts)
        if self.kind == "s":
            try:
                return self.strings[int(text)]
            except (ValueError, IndexError):
                raise SnapshotError(
                    f"is damaged: row {self.row} of sheet {self.sheet} points to a text that is "
                    "not there",
                    where=self.where,
                    cure="copy or export it again",
                ) from None
        if self.kind in ("n", "b"):
            try:
                return float(text)
            except ValueError:
                return text
        return None if self.kind == "e" else text

    def finish_row(self) -> None:
        """Hand the row on, or count it as empty."""
        if any(cell is not None and cell != "" for cell in self.cells.values()):
            self.empty = 0
            self.filled += 1
            if self.filled > bounds.MAX_ROWS:
                raise bounds.too_large(self.where, f"has too many rows in sheet {self.sheet}")
            self.wanted = self.take(self.row, self.cells)
            return
        self.empty += 1
        if self.empty > bounds.MAX_EMPTY_ROWS:
            raise bounds.too_many_empty(self.where, self.sheet)
