"""Plays Operations' part: the published ``suite-api``, strict about what it is sent.

Paths, fields and types follow the bindings of vcf-operations 9.1 (``ResourcesStatContents``,
``LatestStatQuery``, ``AuthToken``, ``Resource``). A body with a field that those do not have is
refused, as is a statistic with numbers and texts at once.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jsonschema import Draft202012Validator

from tests.tls_server import CERTIFICATES

_STAT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["statKey", "timestamps"],
    "properties": {
        "statKey": {"type": "string", "minLength": 1},
        "timestamps": {"type": "array", "items": {"type": "integer", "minimum": 10**12}},
        "data": {"type": "array", "items": {"type": "number"}, "minItems": 1},
        "values": {"type": "array", "items": {"type": "string"}, "minItems": 1},
    },
    "oneOf": [{"required": ["data"]}, {"required": ["values"]}],
}
ADD = Draft202012Validator(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["resource-stat-content"],
        "properties": {
            "resource-stat-content": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["id", "stat-contents"],
                    "properties": {
                        "id": {"type": "string", "minLength": 1},
                        "stat-contents": {"type": "array", "items": _STAT},
                    },
                },
            }
        },
    }
)
LATEST = Draft202012Validator(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["resourceId", "statKey"],
        "properties": {
            "resourceId": {"type": "array", "items": {"type": "string"}},
            "statKey": {"type": "array", "items": {"type": "string"}},
            "currentOnly": {"type": "boolean"},
            "maxSamples": {"type": "integer"},
            "metrics": {"type": "boolean"},
            "wrapStatValues": {"type": "boolean"},
        },
    }
)
LOGIN = Draft202012Validator(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["username", "password"],
        "properties": {
            "username": {"type": "string"},
            "password": {"type": "string"},
            "authSource": {"type": "string"},
        },
    }
)


@dataclass
class Double:
    """An Operations that knows some objects.

    Attributes:
        resources: kind -> managed object id -> identifier.
        vcenter: instance UUID that its objects bear.
        scheme: the word before a token that it understands.
        password: of everybody.
        guests: identifier -> key -> value, for questions.
        stored: what was pushed: identifier -> statKey -> newest number or text.
        refused: bodies that broke the schema, and why.
        logins: bodies of logins.
        tokens_left: requests after which a token has run out; None for never.
        broken: answer this status to everything but logins.
    """

    resources: dict[str, dict[str, str]]
    vcenter: str = ""
    scheme: str = "OpsToken"
    password: str = "secret"
    guests: dict[str, dict[str, float]] = field(default_factory=dict)
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    logins: list[dict[str, Any]] = field(default_factory=list)
    tokens_left: int | None = None
    broken: int | None = None
    port: int = 0
    requests: int = 0

    def answer(
        self, method: str, path: str, authorization: str, body: Any
    ) -> tuple[int, dict[str, Any] | None]:
        """Status and document for one request."""
        self.requests += 1
        url = urlsplit(path)
        if url.path == "/suite-api/api/auth/token/acquire":
            if not self._fits(LOGIN, body):
                return 400, None
            self.logins.append(body)
            if body["password"] != self.password:
                return 401, {"message": "The provided username/password is not valid."}
            return 200, {"token": f"token-{len(self.logins)}", "validity": 1, "roles": []}
        if self.broken is not None:
            return self.broken, None
        if authorization != f"{self.scheme} token-{len(self.logins)}":
            return 401, None
        if self.tokens_left is not None:
            self.tokens_left -= 1
            if self.tokens_left < 0:
                self.tokens_left = None
                # As if time had passed: this token is no good any more.
                self.logins.append({})
                return 401, None
        match method, url.path:
            case "GET", "/suite-api/api/resources":
                return 200, self._page(parse_qs(url.query))
            case "POST", "/suite-api/api/resources/stats":
                if not self._fits(ADD, body):
                    return 400, None
                for one in body["resource-stat-content"]:
                    kept = self.stored.setdefault(one["id"], {})
                    for stat in one["stat-contents"]:
                        kept[stat["statKey"]] = (stat.get("data") or stat.get("values"))[-1]
                return 200, None
            case "POST", "/suite-api/api/resources/stats/latest/query":
                return (200, self._latest(body)) if self._fits(LATEST, body) else (400, None)
        return 404, None

    def _page(self, query: dict[str, list[str]]) -> dict[str, Any]:
        assert query["adapterKind"] == ["VMWARE"]
        (kind,) = query["resourceKind"]
        page, size = int(query["page"][0]), int(query["pageSize"][0])
        known = list(self.resources.get(kind, {}).items())
        shown = known[page * size : (page + 1) * size]
        return {
            "pageInfo": {"totalCount": len(known), "page": page, "pageSize": size},
            "resourceList": [
                {
                    "identifier": identifier,
                    "resourceKey": {
                        "name": moid,
                        "adapterKindKey": "VMWARE",
                        "resourceKindKey": kind,
                        "resourceIdentifiers": [
                            _identifier("VMEntityObjectID", moid),
                            _identifier("VMEntityVCID", self.vcenter),
                        ],
                    },
                }
                for moid, identifier in shown
            ],
        }

    def _latest(self, query: dict[str, Any]) -> dict[str, Any]:
        return {
            "values": [
                {
                    "resourceId": identifier,
                    "stat-list": {
                        "stat": [
                            {"timestamps": [1], "statKey": {"key": key}, "data": [value]}
                            for key, value in self.guests.get(identifier, {}).items()
                            if key in query["statKey"]
                        ]
                    },
                }
                for identifier in query["resourceId"]
                if identifier in self.guests
            ]
        }

    def _fits(self, schema: Draft202012Validator, body: Any) -> bool:
        errors = [error.message for error in schema.iter_errors(body)]
        self.refused += errors
        return not errors


def _identifier(name: str, value: str) -> dict[str, Any]:
    return {
        "identifierType": {"name": name, "dataType": "STRING", "isPartOfUniqueness": True},
        "value": value,
    }


@contextlib.contextmanager
def serving(double: Double, certificate: str) -> Iterator[Double]:
    """Serve a double over TLS on loopback, and say at which port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(raw) if raw else None
            status, document = double.answer(
                self.command, self.path, self.headers.get("Authorization", ""), body
            )
            text = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST  # noqa: N815 - the base class looks for this name

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{certificate}.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    double.port = server.server_port
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
