"""A small SMTP server on loopback that keeps the mail it is given."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path

CERTIFICATES = Path(__file__).parent / "data" / "tls"


@dataclass
class MailServer:
    """What a server was told.

    Attributes:
        port: where it listens.
        mails: what came, oldest first.
        logins: ``user:password`` of each login.
        encrypted: whether each mail came over TLS.
        answers: codes to answer DATA with, used up one by one; then 250.
    """

    port: int = 0
    mails: list[Message] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    come: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, count: int) -> None:
        """Until so many mails have come."""
        with self.come:
            assert self.come.wait_for(lambda: len(self.mails) >= count, timeout=30)


class _Conversation(socketserver.StreamRequestHandler):
    """RFC 5321 as far as a client needs it, with STARTTLS and AUTH PLAIN."""

    kept: MailServer
    context: ssl.SSLContext | None
    secret: str

    def handle(self) -> None:
        self._secure = False
        self._say(220, "hello")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    self._greet()
                case "STARTTLS" if self.context is not None:
                    self._say(220, "go on")
                    self._to_tls(self.context)
                case "AUTH":
                    self._login(rest)
                case "DATA":
                    self._mail()
                case "QUIT":
                    self._say(221, "bye")
                    return
                case "MAIL" | "RCPT" | "RSET" | "NOOP":
                    self._say(250, "good")
                case _:
                    self._say(502, "not here")

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _greet(self) -> None:
        offers = ["vsphere-market.test"]
        if self.context is not None and not self._secure:
            offers.append("STARTTLS")
        if self.secret:
            offers.append("AUTH PLAIN")
        lines = [
            f"250{'-' if at < len(offers) - 1 else ' '}{offer}\r\n"
            for at, offer in enumerate(offers)
        ]
        self.wfile.write("".join(lines).encode())

    def _to_tls(self, context: ssl.SSLContext) -> None:
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = socketserver._SocketWriter(self.connection)  # type: ignore[attr-defined]
        self._secure = True

    def _login(self, rest: str) -> None:
        _, _, coded = rest.partition(" ")
        said = base64.b64decode(coded).decode().strip("\0").replace("\0", ":")
        self.kept.logins.append(said)
        self._say(*(235, "welcome") if said == self.secret else (535, "no"))

    def _mail(self) -> None:
        self._say(354, "go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        code = self.kept.answers.pop(0) if self.kept.answers else 250
        if code == 250:
            with self.kept.come:
                self.kept.mails.append(message_from_bytes(b"".join(lines), policy=default))
                self.kept.encrypted.append(self._secure)
                self.kept.come.notify_all()
        self._say(code, "so be it")

    def _say(self, code: int, text: str) -> None:
        self.wfile.write(f"{code} {text}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that breaks off, as one that does not trust us, is what tests are about."""


@contextlib.contextmanager
def mail_server(certificate: str = "", secret: str = "") -> Iterator[MailServer]:
    """Serve.

    Args:
        certificate: name of a file in tests/data/tls without its ending; "" offers no TLS.
        secret: ``user:password`` that is let in; "" asks for none.
    """
    kept = MailServer()
    context: ssl.SSLContext | None = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / f"{certificate}.pem")
    talk = type("Talk", (_Conversation,), {"kept": kept, "context": context, "secret": secret})
    server = _Server(("127.0.0.1", 0), talk)
    kept.port = int(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
