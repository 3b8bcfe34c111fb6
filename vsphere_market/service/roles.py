"""Who calls, and how far they may go."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Role(IntEnum):
    """What a caller may do; each role may do all that the ones before it may."""

    #: Look at everything, and suppose.
    VIEWER = 1
    #: Also make plans, approve and skip steps, and pull the stop switch.
    APPROVER = 2
    #: Also carry out what is approved, run backtests, and release the stop switch.
    OPERATOR = 3
    #: Also make and revoke tokens, and read the audit trail.
    ADMIN = 4

    @property
    def word(self) -> str:
        """As users write it."""
        return self.name.lower()


#: Role by the word for it.
ROLES: dict[str, Role] = {role.word: role for role in Role}


class Way(StrEnum):
    """How a caller has shown who they are."""

    TOKEN = "token"  # noqa: S105 - a word for a kind of login
    COOKIE = "cookie"
    VCENTER = "vcenter"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who has shown who they are.

    Attributes:
        name: for people and the audit trail.
        role: how far they may go.
        way: how they showed it.
        key: identifies them for limits; no secret.
        csrf: what a cookie's changes have to be accompanied by, "" for the other ways.
        session: key of the cookie's session, "" for the other ways.
    """

    name: str
    role: Role
    way: Way
    key: str
    csrf: str = ""
    session: str = ""
