"""Assessing a source: from what was read to findings, with pseudonyms where they are asked for."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from vsphere_market.assess import Assessment, Changes, Names, anonymised, assess, compare
from vsphere_market.control.decide import Frame, frame
from vsphere_market.control.journals import known_journal
from vsphere_market.control.sources import OpenSource
from vsphere_market.errors import InputError
from vsphere_market.estate import Snapshot, read_snapshot
from vsphere_market.estate.rvtools import read_rvtools
from vsphere_market.journal import Place
from vsphere_market.market import Question, make_plan
from vsphere_market.policy import PolicySet

#: Bytes of a key that is made here.
_KEY_BYTES = 32
#: A key file is short; what is longer is some other file.
_MOST_BYTES = 4096
#: What snapshot files are called; anything else is an RVTools export.
_SNAPSHOT_ENDS = (".json", ".gz")


@dataclass(frozen=True, slots=True, eq=False)
class Assessed:
    """What came of an assessment.

    Attributes:
        framed: what it stands on, with real names.
        made: what was found.
        changes: what is different since the earlier file, or None.
    """

    framed: Frame
    made: Assessment
    changes: Changes | None


def assess_source(
    source: OpenSource,
    policies: PolicySet,
    *,
    journal: Place | None = None,
    since: Path | None = None,
    names: Names | None = None,
) -> Assessed:
    """Look at a source, plan, and find root causes. Nothing is written to any journal.

    Args:
        source: the estate.
        policies: what the business wants.
        journal: the journal that the user named, or None for the usual one.
        since: an earlier snapshot or RVTools export to compare with.
        names: gives pseudonyms; None for real names.

    Raises:
        MarketError: the source or the earlier file cannot be read, or the journal not be used.
    """
    earlier = None if since is None else read_file(since)
    snapshot = source.observe()
    now_s = source.clock.now_s()
    with known_journal(source, journal) as known:
        framed = frame(snapshot, policies, now_s=now_s, journal=known)
    made = _assessed(framed, names)
    changes = None
    if earlier is not None:
        then = frame(earlier, policies, now_s=earlier.taken_at_s)
        changes = compare(_assessed(then, names), made)
    return Assessed(framed, made, changes)


def read_file(path: Path) -> Snapshot:
    """Read a snapshot file or an RVTools export, by what the file is called.

    Raises:
        SnapshotError: it is neither, or broken.
    """
    if path.suffix.lower() in _SNAPSHOT_ENDS and not path.is_dir():
        return read_snapshot(path)
    return read_rvtools(path)


def names_with(key_file: Path | None) -> Names:
    """Pseudonyms by a key of the user's own: the named file, or one that is kept for next time.

    Raises:
        InputError: the file cannot be read or made, or holds no key.
    """
    named = key_file is not None
    path = key_file or platformdirs.user_data_path("vsphere-market", appauthor=False) / "names.key"
    try:
        if not named and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _make_key(path)
        with path.open("rb") as stream:
            key = stream.read(_MOST_BYTES + 1).strip()
    except OSError as exc:
        raise InputError(
            f"the key for pseudonyms cannot be read ({exc.strerror})",
            where=str(path),
            cure="name a file with at least 16 random characters with --key",
        ) from None
    if not 16 <= len(key) <= _MOST_BYTES:
        raise InputError(
            "is no key for pseudonyms: it must hold at least 16 random characters",
            where=str(path),
            cure="name a file with such a key, or leave --key out to have one made",
        )
    return Names(key)


def _make_key(path: Path) -> None:
    """Write a new key that only the user may read; one that another made meanwhile stays."""
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(_KEY_BYTES) + "\n")


def _assessed(framed: Frame, names: Names | None) -> Assessment:
    question = framed.question if names is None else _hidden(framed.question, names)
    return assess(question, make_plan(question, framed.now_s))


def _hidden(question: Question, names: Names) -> Question:
    """The same question about the same estate, without names."""
    snapshot, rulebook = anonymised(question.snapshot, question.rulebook, names)
    past = tuple(
        dataclasses.replace(
            move,
            vm=names.of("vm-id", move.vm),
            source=names.of("host-id", move.source),
            target=names.of("host-id", move.target),
        )
        for move in question.past
    )
    return dataclasses.replace(question, snapshot=snapshot, rulebook=rulebook, past=past)
