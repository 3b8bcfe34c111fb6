"""The console as a user has it: `serve` as a process of its own, and a browser that complains."""

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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.cli import ROOT, command
from vsphere_market.service.roles import Role
from vsphere_market.service.tokens import TokenStore

#: Others may be using the machine.
PATIENCE_MS = 90_000
AXE = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"


@dataclass(frozen=True)
class Serving:
    """A service that runs.

    Attributes:
        url: of the console.
        token: an administrator's.
        process: the program.
    """

    url: str
    token: str
    process: subprocess.Popen[str]

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
    _, token = TokenStore(file).create("browser tests", Role.ADMIN)
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
            if line.startswith("serving "):
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert ready.wait(100), "".join(said)
        found = re.search(r" at (https://\S+)", "".join(said))
        assert found is not None, "".join(said)
        made = Serving(found[1], token, process)
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


@dataclass
class Watched:
    """A page whose every complaint is written down.

    Attributes:
        page: the page.
        trouble: errors, warnings and breaches of the content security policy.
        asked: addresses of all requests.
    """

    page: Page
    trouble: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def go(self, address: str, wait_for: str = "main h1") -> None:
        """Open a view of the console by what stands after the #."""
        self.page.evaluate("address => { location.hash = address }", address)
        self.page.wait_for_selector(wait_for)
        self.settle()

    def settle(self) -> None:
        """Until nothing is loading any more."""
        self.page.wait_for_function(
            "() => document.querySelectorAll('main .loading').length === 0"
            " && document.querySelector('main h1')"
        )

    @property
    def heading(self) -> str:
        """The view's heading."""
        return self.page.locator("main h1").first.inner_text()

    def faults(self) -> list[str]:
        """What people with assistive technology could not use, as axe-core finds it."""
        # The policy keeps foreign scripts out of the page; the test tool's own way goes around it.
        self.page.evaluate(AXE.read_text("utf-8") + "; null")
        found: dict[str, Any] = self.page.evaluate(
            "() => axe.run(document, { resultTypes: ['violations'] })"
        )
        return [
            f"{item['id']}: {item['help']}: {node['html'][:160]}: {node['failureSummary'][:300]}"
            for item in found["violations"]
            for node in item["nodes"][:3]
        ]


@contextlib.contextmanager
def browsing(
    browser: Browser,
    *,
    width: int = 1280,
    height: int = 800,
    scheme: str = "light",
    allowed: Callable[[str], bool] = lambda _text: False,
) -> Iterator[Watched]:
    """A fresh browser profile with one page, about which nothing may be complained in the end.

    Args:
        browser: the browser.
        width: of the window.
        height: of the window.
        scheme: ``light`` or ``dark``.
        allowed: complaints that the test provokes.
    """
    context: BrowserContext = browser.new_context(
        ignore_https_errors=True,
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        timezone_id="UTC",
        locale="en-US",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    watched = Watched(page)
    page.on(
        "console",
        lambda message: (
            watched.trouble.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    page.on("pageerror", lambda error: watched.trouble.append(str(error)))
    page.on("request", lambda request: watched.asked.append(request.url))
    try:
        yield watched
        complaints = [text for text in watched.trouble if not allowed(text)]
        assert not complaints, complaints
    finally:
        context.close()


def enter(watched: Watched, service: Serving) -> None:
    """Log in by the address that `serve` prints, and wait for the overview."""
    watched.page.goto(service.way_in)
    watched.page.wait_for_selector("nav[aria-label=Views] .count")
    watched.settle()


def until(condition: Callable[[], bool], what: str, patience_s: float = 100.0) -> None:
    """Wait for something that no page tells."""
    ends = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < ends, what
        time.sleep(0.1)
