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


class MarketError(Exception):
    """What went wrong, in one sentence."""


# ------------------------------------------------------------------ actions


def plan(context: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Ask for a new plan, of the whole estate or of one cluster, VM or host; answers the job.

    Inputs: ``scope``, a managed object id such as vm-42, or empty for everything.
    """
    scope = _text(inputs, "scope")
    body = {"scope": [scope]} if scope else {}
    status, headers, document = _call(inputs, "POST", "/v1/plans", body)
    job = _last(headers.get("location", "")) or str(document.get("id", ""))
    if status != 202 or not job:
        raise MarketError(f"The service did not start a plan: it answered {status}.")
    return {"job": job, "done": False, "retryAfter": _seconds(headers)}


def status(context: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Where a job stands. Inputs: ``job``, as plan and apply answered it."""
    _, headers, document = _call(inputs, "GET", "/v1/jobs/" + _id(inputs, "job"))
    state = str(document.get("state", ""))
    result = document.get("result") or {}
    problem = document.get("problem") or {}
    answer = {
        "job": str(document.get("id", "")),
        "state": state,
        "done": state in ("succeeded", "failed", "cancelled"),
        "succeeded": state == "succeeded",
        "sentence": str(problem.get("detail") or document.get("sentence") or ""),
        "retryAfter": _seconds(headers),
    }
    for key in ("plan", "execution"):
        answer[key] = str(result.get(key) or "")
    return answer


def show(context: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """A plan in words. Inputs: ``plan``, its id."""
    _, _, document = _call(inputs, "GET", "/v1/plans/" + _id(inputs, "plan"))
    steps = document.get("steps") or []
    certificate = document.get("certificate") or {}
    lines = [
        f"{step.get('id')}  {step.get('sentence')} ({step.get('mode')}). {step.get('reason') or ''}"
        for step in steps
    ]
    return {
        "plan": str(document.get("id", "")),
        "steps": len(steps),
        "approvable": sum(1 for step in steps if step.get("mode") in ("approve", "automatic")),
        "expiresAt": str(document.get("expires_at", "")),
        "potentialBefore": certificate.get("potential_before"),
        "potentialAfter": certificate.get("potential_after"),
        "gapPct": certificate.get("gap_pct"),
        "text": "\n".join(lines),
    }


def approve(context: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Approve a plan. Inputs: ``plan``; ``steps``, ids with commas between, or empty for all."""
    steps = [one.strip() for one in _text(inputs, "steps").split(",") if one.strip()]
    body = {"steps": steps} if steps else {}
    _, _, document = _call(inputs, "POST", f"/v1/plans/{_id(inputs, 'plan')}/approve", body)
    approved = document.get("approved") or []
    return {"plan": _id(inputs, "plan"), "approved": len(approved), "steps": ",".join(approved)}


def apply(context: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Carry out what is approved of a plan; answers the job. Inputs: ``plan``."""
    path = f"/v1/plans/{_id(inputs, 'plan')}/apply"
    status_, headers, document = _call(inputs, "POST", path, {})
    job = _last(headers.get("location", "")) or str(document.get("id", ""))
    if status_ != 202 or not job:
        raise MarketError(f"The service did not begin: it answered {status_}.")
    return {"job": job, "done": False, "retryAfter": _seconds(headers)}


def execution(context: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """What came of an execution. Inputs: ``execution``, its id."""
    _, _, document = _call(inputs, "GET", "/v1/executions/" + _id(inputs, "execution"))
    steps = document.get("steps") or []
    good = ("done", "already-done")
    failed = [step for step in steps if step.get("outcome") not in good]
    return {
        "execution": str(document.get("id", "")),
        "state": str(document.get("state", "")),
        "steps": len(steps),
        "done": len(steps) - len(failed),
        "text": "\n".join(
            f"{step.get('id')}  {step.get('sentence')}: {step.get('outcome')}. "
            f"{step.get('why') or ''}".rstrip()
            for step in steps
        ),
    }


def explain(context: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Why a VM or host is as it is. Inputs: ``object``, a managed object id such as vm-42."""
    path = "/v1/explanations/" + _id(inputs, "object")
    _, _, document = _call(inputs, "GET", path)
    return {"object": _id(inputs, "object"), "document": json.dumps(document, sort_keys=True)}


# ------------------------------------------------------------------ speaking to the service


def _call(
    inputs: dict[str, Any], method: str, path: str, body: dict[str, Any] | None = None
) -> tuple[int, dict[str, str], dict[str, Any]]:
    """One request. Answers the status, headers with lower-case names, and the JSON document."""
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
    return response.status, found, document


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


def _last(location: str) -> str:
    return location.rstrip("/").rsplit("/", 1)[-1]


def _seconds(headers: dict[str, str]) -> int:
    """How long to wait before asking again."""
    text = headers.get("retry-after", "")
    return max(1, min(int(text), 300)) if text.isdigit() else 5


__all__ = ["apply", "approve", "execution", "explain", "plan", "show", "status"]
