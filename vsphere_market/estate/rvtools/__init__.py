"""RVTools exports as snapshots: ``.xlsx`` workbooks and folders of CSV files, versions 3.11 to 4.7.

Nothing is asked of any network. Files that are broken, hostile or something else end in one
sentence (``SnapshotError``), and memory stays bounded whatever they claim to hold.
"""

from __future__ import annotations

import math
from pathlib import Path

from vsphere_market.errors import SnapshotError
from vsphere_market.estate.rvtools.assemble import UNLISTED, snapshot_from
from vsphere_market.estate.rvtools.csvfolder import csv_files, csv_rows
from vsphere_market.estate.rvtools.layout import SHEETS
from vsphere_market.estate.rvtools.sheet import Sheet
from vsphere_market.estate.rvtools.workbook import Workbook
from vsphere_market.estate.snapshot import Snapshot

__all__ = ["UNLISTED", "read_rvtools"]


def read_rvtools(path: Path) -> Snapshot:
    """Read an RVTools export.

    Args:
        path: the ``.xlsx`` workbook, or the folder of CSV files (or one of these files).

    Raises:
        SnapshotError: it cannot be read, is no export, or must not be opened.
    """
    if path.suffix.lower() == ".csv":
        path = path.parent
    sheets: dict[str, Sheet] = {}
    if path.is_dir():
        files = csv_files(path)
        for name in SHEETS:
            if name in files:
                sheets[name] = Sheet(name)
                csv_rows(files[name], name, sheets[name].take)
        made_at_s, copied_at_s = math.nan, max(file.stat().st_mtime for file in files.values())
    else:
        with Workbook(path) as workbook:
            made_at_s = workbook.created_s()
            copied_at_s = path.stat().st_mtime
            for name in SHEETS:
                if name in workbook.sheets:
                    sheets[name] = Sheet(name)
                    workbook.rows(name, sheets[name].take)
    _check_columns(sheets, path)
    return snapshot_from(
        sheets,
        where=str(path),
        name=path.name,
        made_at_s=made_at_s,
        copied_at_s=copied_at_s,
    )


def _check_columns(sheets: dict[str, Sheet], path: Path) -> None:
    """A sheet of VMs must name VMs, or it is called like one of RVTools and is something else."""
    told = [sheets[name] for name in ("vInfo", "vMemory") if name in sheets]
    if any(sheet.has("name") for sheet in told):
        for sheet in told:
            if not sheet.has("name"):
                del sheets[sheet.name]
        return
    raise SnapshotError(
        f"is no RVTools export: its sheet {told[0].name} has no column VM in its first row",
        where=str(path),
        cure="use RVTools, Export all to xlsx, and leave the sheets as they are",
    )
