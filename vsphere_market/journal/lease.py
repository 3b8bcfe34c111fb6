"""Leases: who may act on which clusters, so that no two programs act on one at once.

There are two roles. ``loop`` is held by a loop for as long as it runs, so that no second one begins
on the same clusters. ``act`` is held by whoever submits something, while he does: the loop during a
turn, ``apply`` during a plan; so a person may apply a plan between two turns.

A lease ends in three ways: it is given back; its holder dies, which the sign of life shows at once;
or its holder does not renew it in time, as when its machine has stopped. A holder that was thought
dead and wakes up again is fenced off: each taking changes the lease's token, and everything that
the executor writes down is written in one transaction with a look at the token. What cannot be
written down is not submitted. See ``docs/design/journal.md``.
"""

# ruff: noqa: S608 - statements are put together from constants and question marks.

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from vsphere_market.errors import BusyError, MarketError, TakenOver
from vsphere_market.journal.database import Database, Held

log = logging.getLogger(__name__)

#: A lease that was not renewed for so long is anybody's. Long enough for a database's restart.
LEASE_S = 90.0
#: The whole estate, in place of a cluster.
ALL = ""
LOOP = "loop"
ACT = "act"
#: How often a waiting program looks again, seconds.
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Scope:
    """What a lease is about.

    Attributes:
        estate: identity of the vCenter.
        clusters: managed object ids of clusters; none for all of the estate.
        names: their names, for people.
    """

    estate: str
    clusters: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """What stands in the table: the clusters, or :data:`ALL`."""
        return tuple(sorted(self.clusters)) or (ALL,)

    @property
    def text(self) -> str:
        """The same as one text, "" for the whole estate."""
        return ",".join(sorted(self.clusters))

    def holds(self, cluster: str) -> bool:
        """A cluster, by its managed object id, is within the scope."""
        return not self.clusters or cluster in self.clusters


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease.

    Attributes:
        role: ``loop`` or ``act``.
        cluster: managed object id, "" for the whole estate.
        cluster_name: its name.
        who: on whose behalf.
        what: what the program does, e.g. ``run``.
        host: its machine.
        pid: its process.
        since_s: Unix time.
        expires_s: Unix time.
    """

    role: str
    cluster: str
    cluster_name: str
    who: str
    what: str
    host: str
    pid: int
    since_s: float
    expires_s: float

    @property
    def sentence(self) -> str:
        """Who it is, for errors: ``"run" of alice on host-7 (process 4711)``."""
        return f'"{self.what}" of {self.who or "nobody"} on {self.host} (process {self.pid})'


@dataclass(slots=True)
class Lease:
    """A lease that is held. Release it, or use it in a ``with``. Made by :func:`acquire`.

    Attributes:
        database: the journal's.
        scope: what it is about.
        role: ``loop`` or ``act``.
        tokens: key -> token; whoever takes it next has a higher one.
    """

    database: Database
    scope: Scope
    role: str
    tokens: dict[str, int]
    _signs: list[Held] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def require(self) -> None:
        """To be called within the transaction of what is written under it.

        Raises:
            TakenOver: somebody else acts now.
        """
        keys = list(self.tokens)
        marks = ", ".join("?" * len(keys))
        rows = self.database.rows(
            f"SELECT cluster, token FROM leases WHERE estate = ? AND role = ? "
            f"AND cluster IN ({marks})",
            (self.scope.estate, self.role, *keys),
        )
        if {str(cluster): token for cluster, token in rows} != self.tokens:
            raise TakenOver(
                "another vsphere-market has taken over, because this one was not heard of in time",
                where=self.database.where,
                cure="nothing more is submitted; start again when the other has finished",
            )

    @property
    def lost(self) -> bool:
        """Somebody else has taken over. Raises StorageError or BusyError when nobody can tell."""
        try:
            self.require()
        except TakenOver:
            return True
        return False

    def renew(self, lease_s: float = LEASE_S) -> None:
        """Say that we are alive. Raises TakenOver like :meth:`require`."""
        with self.database.transaction():
            self.require()
            now_s = self.database.now_s()
            for key in self.tokens:
                self.database.run(
                    "UPDATE leases SET expires_s = ? WHERE estate = ? AND role = ? AND cluster = ?",
                    (now_s + lease_s, self.scope.estate, self.role, key),
                )

    def release(self) -> None:
        """Let the next one in. May be called twice; never raises."""
        if self._ended.is_set():
            return
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=30.0)
        try:
            with self.database.transaction():
                for key, token in self.tokens.items():
                    self.database.run(
                        "UPDATE leases SET expires_s = 0 WHERE estate = ? AND role = ? "
                        "AND cluster = ? AND token = ?",
                        (self.scope.estate, self.role, key, token),
                    )
        except MarketError as error:
            log.info("the lease could not be given back and will expire: %s", error)
        for sign in self._signs:
            sign.release()

    def keep(self, lease_s: float) -> None:
        """Renew it by a thread of its own until it is released or lost."""

        def go_on() -> None:
            while not self._ended.wait(lease_s / 4):
                try:
                    self.renew(lease_s)
                except TakenOver as error:
                    log.warning("%s", error)
                    return
                except MarketError as error:
                    # If it goes on, the lease expires, and nothing more can be written down.
                    log.warning("the lease could not be renewed: %s", error)

        self._thread = threading.Thread(target=go_on, name="lease", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def acquire(  # noqa: PLR0913 - options are keywords
    database: Database,
    scope: Scope,
    role: str,
    *,
    who: str = "",
    what: str = "",
    wait_s: float = 0.0,
    lease_s: float = LEASE_S,
    stop: Callable[[], bool] = lambda: False,
    waiting: Callable[[Holder], None] = lambda _holder: None,
) -> Lease:
    """Take a lease, waiting for it if need be. It is renewed until it is released.

    Args:
        database: the journal's.
        scope: what it is about.
        role: ``loop`` or ``act``.
        who: on whose behalf.
        what: what the program does.
        wait_s: how long to wait for who holds it.
        lease_s: how long it lasts without being renewed.
        stop: tells that nobody wants it any more.
        waiting: told once who is waited for.

    Raises:
        BusyError: somebody else holds it, and is named.
    """
    until_s = time.monotonic() + wait_s
    told = False
    while True:
        taken = _try(database, scope, role, who, what, lease_s)
        if isinstance(taken, Lease):
            taken.keep(lease_s)
            return taken
        if time.monotonic() >= until_s or stop():
            raise _busy(database, taken)
        if not told:
            waiting(taken)
            told = True
        time.sleep(min(_LOOK_S, max(0.0, until_s - time.monotonic())))


def holders(database: Database, estate: str = "") -> tuple[Holder, ...]:
    """Everybody whose lease has not expired; of one vCenter, or of all."""
    rows = database.rows(
        f"SELECT {_COLUMNS} FROM leases WHERE expires_s > ? AND (estate = ? OR ? = '') "
        "ORDER BY role, cluster_name",
        (database.now_s(), estate, estate),
    )
    return tuple(_holder(row) for row in rows)


_COLUMNS = "role, cluster, cluster_name, who, what, host, pid, since_s, expires_s"


def _try(
    database: Database, scope: Scope, role: str, who: str, what: str, lease_s: float
) -> Lease | Holder:
    """Take it, or say who has it."""
    signs: list[Held] = []
    try:
        with database.transaction():
            now_s = database.now_s()
            held = database.rows(
                f"SELECT token, estate, {_COLUMNS} FROM leases WHERE estate = ? AND role = ? "
                "AND expires_s > ?",
                (scope.estate, role, now_s),
            )
            for row in held:
                key = str(row[3])
                if not _meet(key, scope.keys):
                    continue
                if _alive(database, _sign(scope.estate, role, key, row[0])):
                    return _holder(row[2:])
            tokens: dict[str, int] = {}
            # Everything that meets our scope gets a new token, so that a holder who wakes up again
            # finds that its lease is gone, whatever its own scope was.
            known = {
                str(key): int(token or 0)
                for key, token in database.rows(
                    "SELECT cluster, token FROM leases WHERE estate = ? AND role = ?",
                    (scope.estate, role),
                )
            }
            for key in known:
                if key not in scope.keys and _meet(key, scope.keys):
                    database.run(
                        "UPDATE leases SET token = token + 1, expires_s = 0 "
                        "WHERE estate = ? AND role = ? AND cluster = ?",
                        (scope.estate, role, key),
                    )
            names = dict(zip(scope.clusters, scope.names, strict=False))
            for key in scope.keys:
                tokens[key] = known.get(key, 0) + 1
                sign = database.take(_sign(scope.estate, role, key, tokens[key]))
                if sign is not None:
                    signs.append(sign)
                database.run(
                    "INSERT INTO leases (estate, role, cluster, cluster_name, token, who, what, "
                    "host, pid, since_s, expires_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT (estate, role, cluster) DO UPDATE SET "
                    "cluster_name = excluded.cluster_name, token = excluded.token, "
                    "who = excluded.who, what = excluded.what, host = excluded.host, "
                    "pid = excluded.pid, since_s = excluded.since_s, "
                    "expires_s = excluded.expires_s",
                    (
                        scope.estate,
                        role,
                        key,
                        names.get(key, ""),
                        tokens[key],
                        who,
                        what,
                        socket.gethostname(),
                        os.getpid(),
                        now_s,
                        now_s + lease_s,
                    ),
                )
    except BaseException:
        for sign in signs:
            sign.release()
        raise
    return Lease(database, scope, role, tokens, signs)


def _meet(key: str, keys: Iterable[str]) -> bool:
    """A key of the table and those of a scope cannot both be held."""
    return any(key == one or ALL in (key, one) for one in keys)


def _alive(database: Database, sign: str) -> bool:
    """Somebody gives this sign of life."""
    taken = database.take(sign)
    if taken is None:
        return True
    taken.release()
    return False


def _sign(estate: str, role: str, key: str, token: Any) -> str:
    return f"{estate}/{role}/{key}/{token}"


def _holder(row: Sequence[Any]) -> Holder:
    return Holder(*row)


def _busy(database: Database, holder: Holder) -> BusyError:
    about = f"cluster {holder.cluster_name or holder.cluster}" if holder.cluster else "this vCenter"
    if holder.role == LOOP:
        cure = "stop it, or give each loop its own clusters with --clusters"
        return BusyError(
            f"{about} has a loop already: {holder.sentence}", where=database.where, cure=cure
        )
    return BusyError(
        f"another vsphere-market is at work on {about}: {holder.sentence}",
        where=database.where,
        cure="wait until it has finished, or stop it",
    )
