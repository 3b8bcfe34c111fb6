"""Actions for VMware Orchestrator: they call the vSphere market's service, and nothing else.

Needs only Python's standard library; runs on Python 3.7 to 3.10, which Orchestrator offers, and
later. Every function takes Orchestrator's ``context`` and a dict of inputs, and answers a flat
dict (type Properties). An error is raised with one sentence, which Orchestrator shows.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import ssl
from typing import Any
from urllib.parse import quote, urlsplit

#: Seconds to wait for one answer. Long work is a job that is polled, so none takes long.
TIMEOUT_S = 30
#: Most bytes of an answer that are read: an action has 64 MB for everything.
MAX_BYTES = 16 * 1024 * 1024
#: Steps of a plan that are put into words for a person.
MOST_STEPS = 200
#: Beginnings of managed object ids, and what they stand for.
_KINDS = {"vm": "vms", "host": "hosts", "domain": "clusters"}


class MarketError(Exception):
    """What went wrong, in one sentence."""


# ------------------------------------------------------------------ actions


def plan(context: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Ask for a new plan, of the whole estate or of some objects; answers the job.

    Inputs: ``scope``, managed object ids such as vm-42 or domain-c8 with commas between, or empty
    for everything; ``note``, what it is for.
    """
    body = {"scope": _scope(_text(inputs, "scope")), "note": _text(inputs, "note")[:500]}
    headers, _ = _call(inputs, "POST", "/v1/plans", body)
    return {"job": _last(headers), "done": False, "retryAfter": _seconds(headers)}


def status(context: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Where a job stands. Inputs: ``job``, as plan answered it."""
    headers, document = _call(inputs, "GET", "/v1/jobs/" + _id(inputs, "job"))
    job = document.get("job") or document
    state = str(job.get("state", ""))
    problem = job.get("problem") or {}
    return {
        "job": str(job.get("id", "")),
        "state": state,
        "done": state in ("done", "failed"),
        "succeeded": state == "done",
        "sentence": str(problem.get("detail") or ""),
        "plan": str(job.get("location") or "").rpartition("/v1/plans/")[2],
        "retryAfter": _seconds(headers),
    }


def show(context: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """A plan in words. Inputs: ``plan``, its id."""
    path = "/v1/plans/" + _id(inputs, "plan")
    _, document = _call(inputs, "GET", path)
    _, page = _call(inputs, "GET", path + f"/steps?limit={MOST_STEPS}")
    certificate = document.get("certificate") or {}
    lines = [
        f"{step['id']}  {step['text']} ({step['approval']}): {step['reason']}"
        for step in page.get("items") or []
    ]
    count = int(document.get("steps") or 0)
    if count > len(lines):
        lines.append(f"and {count - len(lines)} more")
    return {
        "plan": str(document.get("id", "")),
        "state": str(document.get("state", "")),
        "steps": count,
        "approvable": int(document.get("pending") or 0) + int(document.get("approved") or 0),
        "expiresAt": str(document.get("expires_at", "")),
        "potentialBefore": certificate.get("potential_before"),
        "potentialAfter": certificate.get("potential_after"),
        "gapPct": certificate.get("gap_pct"),
        "text": "\n".join(lines),
    }


def approve(context: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Approve a plan. Inputs: ``plan``; ``steps``, ids with commas between, or empty for all."""
    steps = _listed(_text(inputs, "steps"))
    path = f"/v1/plans/{_id(inputs, 'plan')}/approve"
    _, document = _call(inputs, "POST", path, {"steps": steps or None})
    return {"plan": _id(inputs, "plan"), "approved": int(document.get("approved") or 0)}


def apply(context: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Carry out what is approved of a plan; answers the execution. Inputs: ``plan``."""
    headers, _ = _call(inputs, "POST", f"/v1/plans/{_id(inputs, 'plan')}/apply", {})
    return {"execution": _last(headers), "done": False, "retryAfter": _seconds(headers)}


def execution(context: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """How an execution goes, or what came of it. Inputs: ``execution``, its id."""
    headers, document = _call(inputs, "GET", "/v1/executions/" + _id(inputs, "execution"))
    state = str(document.get("state", ""))
    problem = document.get("problem") or {}
    lines = [
        f"{step['step']}  {step['text']}: {step.get('outcome') or 'not yet'}. "
        f"{step.get('sentence') or ''}".rstrip()
        for step in document.get("steps") or []
    ]
    return {
        "execution": str(document.get("id", "")),
        "state": state,
        "done": state in ("done", "failed", "cancelled"),
        "succeeded": state == "done",
        "sentence": str(problem.get("detail") or ""),
        "steps": int(document.get("total") or 0),
        "good": int(document.get("good") or 0),
        "text": "\n".join(lines),
        "retryAfter": _seconds(headers),
    }


def explain(context: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Why a VM or host is as it is. Inputs: ``object``, a managed object id such as vm-42."""
    _, document = _call(inputs, "GET", "/v1/explanations/" + _id(inputs, "object"))
    return {
        "object": _id(inputs, "object"),
        "headline": str(document.get("headline") or ""),
        "cause": str(document.get("cause") or ""),
        "document": json.dumps(document, sort_keys=True),
    }


# ------------------------------------------------------------------ speaking to the service


def _call(
    inputs: dict[str, Any], method: str, path: str, body: dict[str, Any] | None = None
) -> tuple[dict[str, str], dict[str, Any]]:
    """One request. Answers headers with lower-case names, and the JSON document."""
    base = _text(inputs, "serviceUrl").rstrip("/")
    parts = urlsplit(base)
    if parts.scheme != "https" or not parts.hostname:
        raise MarketError(f"serviceUrl must be like https://market.example.com:8443, not {base!r}.")
    headers = {
        "Accept": "application/json",
        "Authorization": "Bearer " + _token(inputs),
        "User-Agent": "vsphere-market-orchestrator",
    }
    sent = None
    if body is not None:
        sent = json.dumps(body).encode("utf-8")
        headers["Content-Type"] = "application/json"
    connection = _Connection(parts.hostname, parts.port or 443, _text(inputs, "fingerprint"))
    try:
        connection.request(method, parts.path + path, body=sent, headers=headers)
        response = connection.getresponse()
        raw = response.read(MAX_BYTES + 1)
    except ssl.SSLCertVerificationError as error:
        raise MarketError(
            f"The certificate of {base} is not trusted ({error.verify_message}): give its "
            "fingerprint, which serve prints when it starts."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise MarketError(
            f"{base} cannot be reached: {str(error) or type(error).__name__}."
        ) from error
    finally:
        connection.close()
    if len(raw) > MAX_BYTES:
        raise MarketError(f"The answer to {method} {path} is too large.")
    document = _document(raw)
    if response.status >= 400:
        raise MarketError(_sentence(response.status, document, f"{method} {path}"))
    found = {name.lower(): value for name, value in response.getheaders()}
    return found, document


class _Connection(http.client.HTTPSConnection):
    """TLS to the service: by the runtime's trusted roots, or to one certificate only."""

    def __init__(self, host: str, port: int, fingerprint: str) -> None:
        context = ssl.create_default_context()
        self._pin = re.sub(r"[^0-9a-f]", "", fingerprint.lower().replace("sha256", "", 1))
        if fingerprint and len(self._pin) != 64:
            raise MarketError("fingerprint must be a SHA-256 fingerprint: 64 hexadecimal digits.")
        if self._pin:
            # The one certificate stands for trust: it is compared before anything is sent.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        super().__init__(host, port, timeout=TIMEOUT_S, context=context)

    def connect(self) -> None:
        """Connect, and go no further with a certificate that is not the expected one."""
        super().connect()
        if not self._pin:
            return
        shown = self.sock.getpeercert(binary_form=True)
        if hashlib.sha256(shown or b"").hexdigest() != self._pin:
            self.close()
            raise MarketError(
                f"The service at {self.host} shows another certificate than the one with the given "
                "fingerprint: nothing was sent."
            )


def _token(inputs: dict[str, Any]) -> str:
    token = _text(inputs, "token")
    if not token or not all(33 <= ord(character) <= 126 for character in token):
        raise MarketError(
            "token is missing or is none: make one with vsphere-market tokens create."
        )
    return token


def _text(inputs: dict[str, Any], name: str) -> str:
    value = inputs.get(name)
    return "" if value is None else str(value).strip()


def _id(inputs: dict[str, Any], name: str) -> str:
    value = _text(inputs, name)
    if not value:
        raise MarketError(f"Input {name} is missing.")
    return quote(value, safe="")


def _document(raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw.decode("utf-8")) if raw else {}
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {"items": document}


def _sentence(status_: int, problem: dict[str, Any], request: str) -> str:
    """A problem document (RFC 9457) as one sentence."""
    what = problem.get("detail") or problem.get("title") or f"the service answered {status_}"
    return f"{str(what).rstrip('.')} ({request})"


def _last(headers: dict[str, str]) -> str:
    """The id at the end of where the service says that something is."""
    last = headers.get("location", "").rstrip("/").rsplit("/", 1)[-1]
    if not last:
        raise MarketError("The service took the request, but did not say where to look for it.")
    return last


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _scope(text: str) -> dict[str, list[str]]:
    """Managed object ids by kind, as the service takes them."""
    scope: dict[str, list[str]] = {kind: [] for kind in _KINDS.values()}
    for moid in _listed(text):
        kind = _KINDS.get(moid.partition("-")[0])
        if kind is None:
            raise MarketError(f"{moid!r} is no id of a VM, host or cluster, such as vm-42.")
        scope[kind].append(moid)
    return scope


def _seconds(headers: dict[str, str]) -> int:
    """How long to wait before asking again."""
    text = headers.get("retry-after", "")
    return max(1, min(int(text), 300)) if text.isdigit() else 5


__all__ = ["apply", "approve", "execution", "explain", "plan", "show", "status"]
