"""The console as a user has it: in a browser whose every complaint is written down."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.cli import ROOT
from tests.serving import Serving

#: As root in a container Chromium has no sandbox; it opens nothing but our own pages. Services here
#: have certificates of their own. The browser as a whole is told to take them as they are: where a
#: page was (``ignore_https_errors``), requests ended as ``ERR_TOO_MANY_RETRIES`` now and then.
LAUNCH = ("--no-sandbox", "--ignore-certificate-errors")
#: Others may be using the machine.
PATIENCE_MS = 90_000
AXE = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"


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
