"""Where the journal is: a file of the user's own, or a PostgreSQL database that a team shares.

A password never comes from the command line, where everybody on the machine can read it. libpq's
own ways are open instead: ``PGPASSWORD``, ``~/.pgpass``, a service file; and an URL with a password
in it may stand in the environment, as govc's does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import platformdirs

from vsphere_market.errors import UsageError

#: What the command line and the environment call the journal.
OPTION = "--journal"
VARIABLE = "VSPHERE_MARKET_JOURNAL"

_SCHEMES = ("postgresql", "postgres")
#: Words of an URL whose values are secrets.
_SECRET_WORDS = ("password", "sslpassword")


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """A PostgreSQL database.

    Attributes:
        url: its URL as libpq reads it, without any password.
        secrets: connection words that must not be shown, e.g. ``password``.
    """

    url: str
    secrets: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return self.url


#: Where a journal can be.
Place = Path | PostgresPlace


def default_path() -> Path:
    """The user's journal, in the folder that the operating system keeps for programs' state."""
    return platformdirs.user_state_path("vsphere-market", appauthor=False) / "journal.db"


def place_from(text: str, *, option: bool) -> Place:
    """The place that a user named.

    Args:
        text: a file, or an URL such as ``postgresql://market@db.example.com/market``.
        option: it stands on the command line, where no password may.

    Raises:
        UsageError: for a password on the command line, or an URL of something else.
    """
    where = OPTION if option else VARIABLE
    if "://" not in text:
        if re.search(r"(^|\s)(host|dbname|password|service)\s*=", text):
            raise UsageError(
                "is neither a file nor an URL",
                where=where,
                cure="write postgresql://USER@HOST/DATABASE, or postgresql:///?service=NAME",
            )
        return Path(text)
    parts = urlsplit(text)
    if parts.scheme not in _SCHEMES:
        raise UsageError(
            f"names a {parts.scheme} database, which cannot hold a journal",
            where=where,
            cure="name a file, or postgresql://USER@HOST/DATABASE",
        )
    # Not urlsplit's own parts: libpq allows several hosts, "a:1,b:2", which have no single port.
    login, at, hosts = parts.netloc.rpartition("@")
    user, colon, password = login.partition(":")
    words = parse_qsl(parts.query, keep_blank_values=True)
    secrets = [(word, value) for word, value in words if word in _SECRET_WORDS]
    if colon:
        secrets.append(("password", unquote(password)))
    if secrets and option:
        raise UsageError(
            "holds a password, which others on this machine can read",
            where=where,
            cure="leave it out and set PGPASSWORD, or write it into ~/.pgpass or a service file",
        )
    rest = urlencode([item for item in words if item[0] not in _SECRET_WORDS], quote_via=quote)
    # By hand: urlunsplit would drop the slashes of an URL without a host.
    url = f"{parts.scheme}://{user}{at}{hosts}{parts.path}{'?' if rest else ''}{rest}"
    return PostgresPlace(url, tuple(secrets))
