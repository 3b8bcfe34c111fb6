"""The stop switch's flag in the journal: everybody who works with the journal sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from vsphere_market.journal import audit
from vsphere_market.journal.codec import json_text
from vsphere_market.journal.database import Database

_STOP = "stop"


@dataclass(frozen=True, slots=True)
class Halt:
    """Somebody said stop.

    Attributes:
        who: his name.
        at_s: Unix time.
        reason: why, in his words; may be empty.
        where: what says so: ``journal``, or the path of a file.
    """

    who: str
    at_s: float
    reason: str
    where: str = "journal"

    @property
    def sentence(self) -> str:
        """For people: ``stopped by alice (storage maintenance)``."""
        said = f" ({self.reason})" if self.reason else ""
        by = f" by {self.who}" if self.who else ""
        return f"stopped{by}{said}"


def stop(db: Database, halt: Halt, origin: Mapping[str, str]) -> None:
    """Pull the switch. Pulling it again changes who, when and why."""
    document = {"who": halt.who, "at_s": halt.at_s, "reason": halt.reason}
    with db.transaction():
        db.run(
            "INSERT INTO meta (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (_STOP, json_text(document)),
        )
        audit.append(db, halt.at_s, "stop", document | {"from": dict(origin)})


def resume(db: Database, who: str, at_s: float, origin: Mapping[str, str]) -> Halt | None:
    """Release the switch; returns who had pulled it, or None when nobody had."""
    with db.transaction():
        was = stopped(db)
        if was is None:
            return None
        db.run("DELETE FROM meta WHERE key = ?", (_STOP,))
        body = {"who": who, "stopped_by": was.who, "from": dict(origin)}
        audit.append(db, at_s, "resume", body)
    return was


def stopped(db: Database) -> Halt | None:
    """Who pulled it, or None."""
    rows = db.rows("SELECT value FROM meta WHERE key = ?", (_STOP,))
    if not rows:
        return None
    try:
        said = json.loads(str(rows[0][0]))
        return Halt(str(said["who"]), float(said["at_s"]), str(said["reason"]))
    except (ValueError, KeyError, TypeError):
        # Whoever wrote it wanted a stop; that it cannot be read is no reason to go on.
        return Halt("", 0.0, "the flag in the journal cannot be read")
