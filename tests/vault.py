"""A server that follows HashiCorp Vault's HTTP protocol, as far as reading a secret goes.

Written from the API documentation of Vault (`/v1/auth/approle/login`, KV versions 1 and 2): paths,
headers, bodies and status codes. Vault itself is not among the parts that tests can install.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Vault:
    """What it holds, and who may read it.

    Attributes:
        url: its address.
        token: the token that may read.
        role, secret_id: the AppRole that is given that token.
        v1, v2: path with mount -> fields, by version of the engine.
        sealed: answers everything with 503.
        requests: method and path of every request, without bodies and headers.
    """

    token: str
    role: str = ""
    secret_id: str = ""
    v1: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    v2: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sealed: bool = False
    url: str = ""
    requests: list[str] = field(default_factory=list)

    def answer(
        self, method: str, path: str, token: str, body: Mapping[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        """Status and document for a request."""
        self.requests.append(f"{method} {path}")
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if (method, path) == ("POST", "/v1/auth/approle/login"):
            if (body.get("role_id"), body.get("secret_id")) != (self.role, self.secret_id):
                return 400, {"errors": [f"invalid role or secret ID {body.get('secret_id')}"]}
            return 200, {"auth": {"client_token": self.token, "renewable": True}}
        if token != self.token:
            return 403, {"errors": ["permission denied"]}
        mount, _, rest = path.removeprefix("/v1/").partition("/")
        if rest.startswith("data/") and f"{mount}/{rest.removeprefix('data/')}" in self.v2:
            fields = self.v2[f"{mount}/{rest.removeprefix('data/')}"]
            return 200, {"data": {"data": fields, "metadata": {"version": 3, "destroyed": False}}}
        if f"{mount}/{rest}" in self.v1:
            return 200, {"data": self.v1[f"{mount}/{rest}"], "lease_duration": 2764800}
        return 404, {"errors": []}


@contextmanager
def serving(vault: Vault) -> Iterator[Vault]:
    """Let it listen on a free port of loopback for as long as the ``with`` lasts."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            body = json.loads(raw) if raw else {}
            token = self.headers.get("X-Vault-Token", "")
            status, document = vault.answer(self.command, self.path, token, body)
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    vault.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield vault
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
