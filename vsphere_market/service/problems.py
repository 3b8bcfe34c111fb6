"""Errors as problem documents (RFC 9457): the same what, where and cure as on the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vsphere_market.errors import (
    BusyError,
    InputError,
    JournalError,
    MarketError,
    NotPermittedError,
    StorageError,
    TryLaterError,
    UnreachableError,
)
from vsphere_market.policy import PolicyProblems

MEDIA_TYPE = "application/problem+json"
_TITLES: Mapping[int, str] = {
    400: "The request is wrong",
    401: "Nobody has logged in",
    403: "Not permitted",
    404: "Not there",
    405: "Not that way",
    406: "Not in that form",
    409: "Not as things stand",
    412: "It has changed",
    413: "Too large",
    415: "Not in that form",
    422: "The request is wrong",
    429: "Too often",
    500: "This should not happen",
    502: "vCenter cannot be used",
    503: "Not now",
}


class HttpProblem(MarketError):
    """A request that is refused.

    Args:
        status: HTTP status.
        code: stable short name, e.g. ``no-token``.
        what: what is wrong, without a full stop at its end.
        where: what it is about. May be empty.
        cure: what to do about it. May be empty.
        headers: to be sent with it.
    """

    def __init__(
        self,
        status: int,
        code: str,
        what: str,
        *,
        where: str = "",
        cure: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(what, where=where, cure=cure)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})


def missing(what: str, where: str, cure: str = "") -> HttpProblem:
    """Something that is not there."""
    return HttpProblem(404, "not-found", what, where=where, cure=cure)


def status_of(error: MarketError) -> tuple[int, str]:
    """HTTP status and code of an error."""
    match error:
        case HttpProblem():
            return error.status, error.code
        case JournalError() | StorageError():
            return 503, "journal"
        case BusyError():
            return 409, "busy"
        case TryLaterError():
            return 409, "stale"
        case InputError():
            return 400, "wrong-input"
        case UnreachableError():
            return 502, "vcenter-unreachable"
        case NotPermittedError():
            return 502, "vcenter-refuses"
        case _:
            return 500, "failed"


def problem_of(error: MarketError, instance: str = "") -> dict[str, Any]:
    """The problem document of an error."""
    status, code = status_of(error)
    document: dict[str, Any] = {
        "type": f"urn:vsphere-market:problem:{code}",
        "title": _TITLES.get(status, "Failed"),
        "status": status,
        "detail": error.sentence(),
        "what": error.what,
        "where": error.where,
        "cure": error.cure,
    }
    if isinstance(error, PolicyProblems):
        document["findings"] = [
            {
                "severity": item.severity.value,
                "code": item.code,
                "where": item.subject,
                "what": item.what,
                "cure": item.cure,
            }
            for item in error.findings
        ]
    if instance:
        document["instance"] = instance
    return document


def problem_bytes(document: Mapping[str, Any]) -> bytes:
    """A problem document as it is sent."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def unexpected(error: BaseException) -> HttpProblem:
    """An error that nobody raised on purpose; its text is left to the log."""
    return HttpProblem(
        500,
        "unexpected",
        f"this should not happen ({type(error).__name__})",
        cure="look into the service's log, and report it",
    )
