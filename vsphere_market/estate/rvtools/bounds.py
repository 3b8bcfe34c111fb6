"""How much a file may be before it is refused: a reader that is handed mail attachments needs to.

Real exports are far below all of these: 40,000 VMs make a vInfo sheet of about 150 MB of XML, and
packed it is a tenth of that.
"""

from __future__ import annotations

from vsphere_market.errors import SnapshotError

#: Members of a workbook.
MAX_MEMBERS = 4096
#: Unpacked bytes of one member, and of one CSV file.
MAX_PART_BYTES = 512 << 20
#: Unpacked bytes per packed byte, beyond the first 16 MiB; sheets of XML come to 10 to 40.
MAX_RATIO = 250
FREE_BYTES = 16 << 20
#: Characters of one cell (Excel itself stops at 32,767), and of the table of shared strings.
MAX_CELL_CHARS = 1 << 17
MAX_SHARED_CHARS = 200_000_000
#: Rows of a sheet with something in them; Excel's own limit.
MAX_ROWS = 1_048_576
#: Empty rows one after the other before the sheet is taken for broken.
MAX_EMPTY_ROWS = 100_000
#: Columns of a sheet; Excel's own limit.
MAX_COLUMNS = 16_384
#: Bytes asked for at a time.
CHUNK = 1 << 16


def too_large(where: str, what: str) -> SnapshotError:
    """The error for what is beyond these bounds."""
    return SnapshotError(
        f"{what}, which no RVTools export does", where=where, cure="export again with RVTools"
    )


def too_many_empty(where: str, sheet: str) -> SnapshotError:
    """The error for a sheet that goes on and on without saying anything."""
    return SnapshotError(
        f"sheet {sheet} has more than {MAX_EMPTY_ROWS:,} empty rows one after the other",
        where=where,
        cure="delete the empty rows and save it, or export again with RVTools",
    )
