"""Reading and writing JSON files safely: one clear sentence for every way they can be wrong."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import tempfile
import zlib
from pathlib import Path
from typing import Any

from vsphere_market.errors import InputError

#: Larger files are refused unread: 40,000 VMs make a snapshot of about 80 MB.
MAX_BYTES = 1 << 30


def read_json(path: Path, error: type[InputError]) -> Any:
    """Parse a JSON file, gzip-compressed when its name ends in ``.gz``.

    Duplicate keys, NaN and infinities are refused, since they hide mistakes.

    Raises:
        InputError: as the class ``error``, naming the file, line and column.
    """
    where = str(path)
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as stream:
                raw = stream.read(MAX_BYTES + 1)
        else:
            with path.open("rb") as stream:
                raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise error("there is no such file", where=where, cure="check the path") from None
    except IsADirectoryError:
        raise error("is a directory, not a file", where=where) from None
    except PermissionError:
        raise error("may not be read", where=where, cure="check its permissions") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise error("is cut short or no gzip file", where=where, cure="write it again") from None
    except OSError as exc:
        raise error(f"cannot be read ({exc.strerror})", where=where) from None
    if len(raw) > MAX_BYTES:
        raise error("is larger than 1 GiB", where=where, cure="this cannot be the right file")
    try:
        return json.loads(
            raw.decode("utf-8-sig"), object_pairs_hook=_no_twins, parse_constant=_no_constant
        )
    except UnicodeDecodeError as exc:
        raise error(f"is not UTF-8 text (byte {exc.start})", where=where) from None
    except json.JSONDecodeError as exc:
        at = f"line {exc.lineno}, column {exc.colno}"
        raise error(f"is not JSON: {exc.msg} at {at}", where=where) from None
    except RecursionError:
        raise error("is nested too deeply", where=where) from None
    except ValueError as exc:
        raise error(f"is not acceptable JSON: {exc}", where=where) from None


def write_json(path: Path, document: Any, *, indent: int | None = 1) -> None:
    """Write JSON whole or not at all: to a temporary file beside it, then renamed over it.

    Raises:
        InputError: when the place cannot be written.
    """
    text = json.dumps(document, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"
    raw = text.encode()
    if path.suffix == ".gz":
        raw = gzip.compress(raw, mtime=0)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(_mode_of(path))
        Path(temporary).replace(path)
    except OSError as exc:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise InputError(
            f"cannot be written ({exc.strerror})", where=str(path), cure="choose another place"
        ) from None


def _mode_of(path: Path) -> int:
    """Keep the mode of a file that is replaced; new ones get what the umask leaves."""
    with contextlib.suppress(OSError):
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f'the key "{key}" is there twice in one object')
            seen.add(key)
    return document


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON; leave the value out")
