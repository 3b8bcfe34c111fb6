"""Reports as tables, JSON, CSV or Markdown; data to stdout, everything else to stderr."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from vsphere_market.cli.report import Format, Report, Table, Text

if TYPE_CHECKING:
    from rich.console import Console

#: Width for what is no terminal: wide enough that nothing is wrapped or cut.
_UNBOUNDED = 10_000


def show(report: Report, how: Format) -> None:
    """Write a report to stdout."""
    match how:
        case Format.TABLE:
            _show_table(report)
        case Format.JSON:
            write_json(report.document)
        case Format.CSV:
            sys.stdout.write(csv_text(report.main))
        case Format.MARKDOWN:
            sys.stdout.write(markdown_text(report.parts))


def write_json(document: Any, *, line: bool = False) -> None:
    """Write one JSON document to stdout: indented, or in one line for streams of them."""
    indent = None if line else 2
    text = json.dumps(jsonable(document), indent=indent, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def jsonable(value: Any) -> Any:
    """A document with null in place of what JSON has no number for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value


def csv_text(table: Table) -> str:
    """A table as CSV: raw values under machine names; what is not given stays empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(column.key for column in table.columns)
    for row in table.rows:
        writer.writerow("" if jsonable(value) is None else _flat(value) for value in row)
    return buffer.getvalue()


def markdown_text(parts: Sequence[Table | Text]) -> str:
    """Text and tables as GitHub-flavoured Markdown."""
    lines: list[str] = []
    for part in parts:
        if isinstance(part, Text):
            lines += [("# " if part.heading else "") + _escaped(part.text), ""]
            continue
        if not part.rows and not part.empty:
            continue
        if part.title:
            lines += [f"## {_escaped(part.title)}", ""]
        if not part.rows:
            lines += [_escaped(part.empty), ""]
            continue
        lines.append("| " + " | ".join(column.title for column in part.columns) + " |")
        lines.append("|" + "|".join("---:" if c.right else "---" for c in part.columns) + "|")
        for row in part.rows:
            cells = [_escaped(c.show(v)) for c, v in zip(part.columns, row, strict=True)]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
        if part.note:
            lines += [_escaped(part.note), ""]
    return "\n".join(lines).rstrip("\n") + "\n" if lines else ""


def say(text: str) -> None:
    """One line on stderr, for people."""
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()


def warn(text: str) -> None:
    """A warning on stderr."""
    say(f"warning: {text}")


def printable(text: str) -> str:
    """Text without what steers a terminal: a VM's name may hold anything."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
        for char in text
    )


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show on a terminal that something takes a while; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield
        return
    with _console(sys.stderr).status(printable(what)):
        yield


def is_terminal() -> bool:
    """A person is at the keyboard."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    class Ours(Console):
        def on_broken_pipe(self) -> None:
            # rich would end the program with 1. The frame knows that nothing is wrong with us.
            raise BrokenPipeError

    # rich itself honours NO_COLOR, FORCE_COLOR and TERM=dumb; COLUMNS is for terminals only.
    width = None if stream.isatty() else _UNBOUNDED
    return Ours(file=stream, width=width, highlight=False, emoji=False)


def _show_table(report: Report) -> None:
    from rich.text import Text as Styled

    console = _console(sys.stdout)
    before: Table | Text | None = None
    for part in report.parts:
        if isinstance(part, Table) and not part.rows and not part.empty:
            continue
        if before is not None and _apart(before, part):
            console.print()
        before = part
        if isinstance(part, Text):
            console.print(Styled(printable(part.text), style=part.style))
            continue
        if part.title:
            console.print(Styled(printable(part.title), style="bold"))
        if part.rows:
            _draw(console, part)
        else:
            console.print(Styled(printable(part.empty)))
        if part.note:
            console.print(Styled(printable(part.note), style="dim"))


def _apart(before: Table | Text, part: Table | Text) -> bool:
    """A blank line goes between them: only paragraphs of one chapter stand close together."""
    return not (isinstance(before, Text) and isinstance(part, Text)) or part.heading


def _draw(console: Console, table: Table) -> None:
    from vsphere_market.cli import narrow

    if narrow.fits(table, console.width, printable):
        console.print(_rich_table(table))
        return
    for line in narrow.lines(table, console.width, printable):
        console.print(line)


def _rich_table(table: Table) -> Any:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text as Styled

    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in table.columns:
        drawn.add_column(
            Styled(column.title),
            justify="right" if column.right else "left",
            no_wrap=column.right,
            overflow="fold",
        )
    for row in table.rows:
        cells = []
        for column, value in zip(table.columns, row, strict=True):
            style = column.style(value) if column.style else ""
            cells.append(Styled(printable(column.show(value)), style=style))
        drawn.add_row(*cells)
    return drawn


def _flat(value: Any) -> Any:
    """Lists as words with blanks between them, for a cell of CSV."""
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _escaped(text: str) -> str:
    clean = printable(text).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
    return clean.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_").replace("`", "\\`")
