"""``vsphere-market serve`` as a process of its own, as an administrator starts it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli import ROOT, command
from vsphere_market.service.roles import ROLES, Role
from vsphere_market.service.tokens import TokenStore


@dataclass(frozen=True)
class Serving:
    """A service that runs.

    Attributes:
        url: its address.
        token: an administrator's.
        process: the program.
        fingerprint: SHA-256 of its certificate, as it printed it.
        folder: what it keeps: ``tokens.json``, its journal and its certificate.
    """

    url: str
    token: str
    process: subprocess.Popen[str]
    fingerprint: str
    folder: Path

    @property
    def certificate(self) -> Path:
        """The certificate that it made for itself."""
        return self.folder / "vsphere-market" / "service" / "certificate.pem"

    def token_of(self, role: str, name: str = "") -> str:
        """A new token."""
        return self.tokens.create(name or f"a-{role}", ROLES[role])[1]

    @property
    def tokens(self) -> TokenStore:
        """Its tokens."""
        return TokenStore(self.folder / "tokens.json")

    @property
    def way_in(self) -> str:
        """The address that logs in by itself, as `serve` prints it."""
        return f"{self.url}/#token={self.token}"

    def ask(self, path: str, body: object = None) -> Any:
        """What the service itself says; with a body it is told something."""
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        request = urllib.request.Request(  # noqa: S310 - https on loopback
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "authorization": f"Bearer {self.token}",
                "content-type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=60, context=trusting) as answer:  # noqa: S310
            return json.loads(answer.read())

    def looked(self) -> bool:
        """Whether it has looked at its estate."""
        try:
            return bool(self.ask("/readyz")["turn"])
        except urllib.error.HTTPError as answer:
            answer.close()
            return False

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(timeout=60)


@contextlib.contextmanager
def serving(
    folder: Path, *source: object, options: Sequence[object] = (), patience_s: float = 100.0
) -> Iterator[Serving]:
    """Run `serve`; gives where it is once it has looked at its estate.

    Args:
        folder: for its journal, tokens and certificate.
        source: its source, e.g. ``"--plant", "demo"``.
        options: more of its options.
        patience_s: how long its first look may take.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "tokens.json"
    _, token = TokenStore(file).create("tests", Role.ADMIN)
    told = [*source, "--listen", "127.0.0.1:0", "--tokens", file, *options]
    process = subprocess.Popen(
        command("serve", *told),
        cwd=ROOT,
        env={
            **os.environ,
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder),
            "VSPHERE_MARKET_JOURNAL": str(folder / "journal.db"),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    ready = threading.Event()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            # The line after it has the fingerprint.
            if "SHA-256" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert ready.wait(100), "".join(said)
        text = "".join(said)
        found = re.search(r" at (https://\S+)", text)
        pin = re.search(r"SHA-256 ([0-9A-F:]{95})", text)
        assert found is not None and pin is not None, text
        made = Serving(found[1], token, process, pin[1], folder)
        until(made.looked, "the service has not looked at its estate", patience_s)
        yield made
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(timeout=10)
        assert process.stderr is not None
        process.stderr.close()


def until(condition: Callable[[], bool], what: str, patience_s: float = 100.0) -> None:
    """Wait for something that no page tells."""
    ends = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < ends, what
        time.sleep(0.1)
