"""Reports for people: one HTML page that needs nothing else, with CSV and JSON beside it."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

from vsphere_market.assess import Assessment, Changes
from vsphere_market.errors import InputError
from vsphere_market.report.documents import document, findings_csv, vms_csv
from vsphere_market.report.page import page

__all__ = ["document", "page", "write_report"]


def write_report(path: Path, made: Assessment, changes: Changes | None = None) -> tuple[Path, ...]:
    """Write the page, and beside it the findings and VMs as CSV and everything as JSON.

    Args:
        path: the page; the other files are called like it.
        made: what was found.
        changes: what is different since an earlier assessment.

    Returns:
        The files written, the page first.

    Raises:
        InputError: a file cannot be written.
    """
    base = path.with_suffix("") if path.suffix.lower() in (".html", ".htm") else path
    files = {
        path: page(made, changes),
        base.with_name(f"{base.name}.json"): json.dumps(
            document(made, changes), ensure_ascii=False, separators=(",", ":"), allow_nan=False
        )
        + "\n",
        # The mark tells Excel that it is UTF-8.
        base.with_name(f"{base.name}.vms.csv"): "\ufeff" + vms_csv(made),
        base.with_name(f"{base.name}.findings.csv"): "\ufeff" + findings_csv(made),
    }
    for place, content in files.items():
        _write(place, content)
    return tuple(files)


def _write(path: Path, content: str) -> None:
    """Whole or not at all."""
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode())
        # Readable as other new files are; mkstemp is for secrets.
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except OSError as exc:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise InputError(
            f"cannot be written ({exc.strerror})", where=str(path), cure="choose another place"
        ) from None
