"""A page that plays the vSphere Client: frame and SDK of a plugin, session, theme and proxy.

The frame, the SDK and the proxy of a real Client are Broadcom's; this plays their part as the SDK's
documentation describes it: the plugin's pages come through vCenter's own address, below a path that
only it knows, and every request shows a session token. Here the proxy checks that token and then
lets the request pass with one of the service's own, as cloning the session would.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode, urlsplit

from tests.tls_server import CERTIFICATES

#: Where the proxy shows the plugin: nobody else knows the path.
PLACE = "/plugins/market~1.0/7f3a"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>vSphere Client</title>
<link rel="icon" href="data:,">
<style>
  body { margin: 0; font: 14px sans-serif; display: grid; height: 100vh;
         grid-template: "h h" 44px "t m" 1fr / 220px 1fr; }
  header { grid-area: h; background: #1b2a32; color: #fff; padding: 12px 16px; }
  nav { grid-area: t; border-right: 1px solid #ccc; padding: 12px; }
  iframe { grid-area: m; width: 100%; height: 100%; border: 0; }
  body.dark { background: #17242b; color: #dde; }
</style></head>
<body><header>vSphere Client (a double, for tests)</header>
<nav>Inventory<br><b id="object"></b></nav>
<iframe title="vSphere Market"></iframe>
<script>
  const asked = new URLSearchParams(location.search);
  let issued = 0;
  window.clientState = {
    theme: asked.get("theme") || "light",
    objects: asked.get("object") ? [{ id: `urn:vmomi:${asked.get("object")}:guid-1` }] : [],
    themed: [], refreshed: [],
    token: () => `session-${++issued}`,
  };
  window.setTheme = (name) => {
    clientState.theme = name;
    document.body.className = name;
    clientState.themed.forEach((told) => told({ name }));
  };
  window.refresh = () => clientState.refreshed.forEach((told) => told());
  document.getElementById("object").textContent = asked.get("object") || "";
  document.body.className = clientState.theme;
  document.querySelector("iframe").src = "@PLACE@/" + (asked.get("uri") || "plugin.html");
</script></body></html>
"""
_SDK = """(() => {
  const state = window.parent.clientState;
  let ready = false;
  const need = (value) => {
    if (!ready) throw new Error("the SDK is not initialized");
    return value;
  };
  window.htmlClientSdk = {
    initialize(done) { setTimeout(() => { ready = true; done(); }, 30); },
    isInitialized: () => ready,
    getProxiedPluginServerOrigin: () => need(location.origin + "@PLACE@"),
    app: {
      getContextObjects: () => need(state.objects),
      getSessionInfo: (done) => need(setTimeout(() => done({ sessionToken: state.token() }), 5)),
      getTheme: () => need({ name: state.theme }),
      getClientLocale: () => "de_DE",
    },
    event: {
      onThemeChanged: (told) => state.themed.push(told),
      onGlobalRefresh: (told) => state.refreshed.push(told),
    },
  };
})();
"""


@dataclass
class Client:
    """The running double.

    Attributes:
        url: its own address.
        service: where the plugin's server is; set before the first page.
        token: of the service, for whoever shows a session.
        sessions: session tokens that came with requests to the service.
        strangers: requests for data that showed none.
    """

    url: str
    service: str = ""
    token: str = ""
    sessions: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def page(self, *, kind: str = "", theme: str = "light", uri: str = "plugin.html") -> str:
        """Address of the Client with an object selected, e.g. ``VirtualMachine:vm-12``."""
        return f"{self.url}/ui/?{urlencode({'object': kind, 'theme': theme, 'uri': uri})}"


@contextlib.contextmanager
def client_double() -> Iterator[Client]:
    """Run the double on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/ui/":
                self._say(_PAGE.replace("@PLACE@", PLACE), "text/html; charset=utf-8")
            elif path == "/api/ui/htmlClientSdk.js":
                self._say(_SDK.replace("@PLACE@", PLACE), "text/javascript; charset=utf-8")
            else:
                self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def do_DELETE(self) -> None:
            self._pass_on()

        def _say(self, text: str, kind: str, status: int = 200) -> None:
            raw = text.encode()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def _pass_on(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length) if length else None
            if not self.path.startswith(PLACE + "/"):
                self._say("", "text/plain", 404)
                return
            path = self.path.removeprefix(PLACE)
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in ("host", "connection", "content-length")
            }
            if path.startswith("/v1/"):
                session = self.headers.get("vmware-api-session-id", "")
                if not session.startswith("session-"):
                    client.strangers.append(path)
                    self._say(json.dumps({"what": "no session"}), "application/json", 401)
                    return
                client.sessions.append(session)
                headers["authorization"] = f"Bearer {client.token}"
                headers.pop("vmware-api-session-id", None)
            trusting = ssl.create_default_context()
            trusting.check_hostname = False
            trusting.verify_mode = ssl.CERT_NONE
            place = urlsplit(client.service).netloc
            server = http.client.HTTPSConnection(place, timeout=60, context=trusting)
            begun = False
            try:
                server.request(self.command, path, body=body, headers=headers)
                answer = server.getresponse()
                begun = True
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection", "server", "date"):
                        self.send_header(name, value)
                self.send_header("connection", "close")
                self.end_headers()
                # Events come bit by bit, and are passed on as they come.
                while chunk := answer.read1(65536):
                    self.wfile.write(chunk)
                    self.wfile.flush()
            except (OSError, http.client.HTTPException) as error:
                if not begun:
                    # Closed without a word, the browser would ask again and say nothing of why.
                    self._say(f"{type(error).__name__}: {error}", "text/plain", 502)
            finally:
                self.close_connection = True
                server.close()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        # A browser opens more connections at once than the five that are usual here.
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """A frame that is closed breaks off its streams."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "signed.pem")
    server = Quiet(("127.0.0.1", 0), Handler)
    # Who shakes hands slowly must not keep others waiting: it is done in the connection's thread.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    client = Client(f"https://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield client
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
