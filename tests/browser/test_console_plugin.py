"""The console inside a page that plays the vSphere Client: objects, theme, session, cards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FrameLocator

from tests.client_double import PLACE, Client, client_double
from tests.consoles import Watched, browsing
from tests.serving import serving

# A service with a plant of its own starts beside the browser.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A Client with the plugin of a service."""
    with client_double() as double:
        told = (
            *("--speed", 0.1, "--interval", "24h", "--reads-per-s", 1000),
            *("--allow-origin", double.url, "--frame-ancestor", double.url),
        )
        folder = tmp_path_factory.mktemp("plugin")
        with serving(folder, "--plant", "demo", options=told) as service:
            double.service, double.token = service.url, service.token
            yield double


@pytest.fixture
def seen(browser: Browser, client: Client) -> Iterator[Watched]:
    client.sessions.clear()
    client.strangers.clear()
    with browsing(browser, width=1440, height=900) as watched:
        yield watched
    assert client.strangers == []
    # Only the Client's own address is ever asked: everything goes through its proxy.
    assert all(url.startswith(client.url) for url in watched.asked)


def frame(watched: Watched) -> FrameLocator:
    return watched.page.frame_locator("iframe")


@pytest.mark.parametrize(
    ("kind", "heading"),
    [
        ("VirtualMachine:vm-1025", "test-05"),
        ("HostSystem:host-11", "esx-01"),
        ("ClusterComputeResource:domain-c1", "production"),
    ],
)
def test_the_selected_object_has_its_view(
    seen: Watched, client: Client, kind: str, heading: str
) -> None:
    seen.page.goto(client.page(kind=kind))
    frame(seen).locator("main h1, main .empty-title").first.wait_for()
    if heading:
        assert frame(seen).locator("main h1").inner_text() == heading
    # The Client has its own head and inventory: ours are not shown besides.
    assert frame(seen).locator(".head").count() == 0
    assert frame(seen).locator("nav.tabs a[aria-current=page]").inner_text() == "Market"
    assert f"{client.url}{PLACE}/plugin.html" in seen.asked


def test_every_request_shows_a_fresh_session_token(seen: Watched, client: Client) -> None:
    seen.page.goto(client.page(kind="HostSystem:host-11"))
    frame(seen).locator("main h1").wait_for()
    assert len(client.sessions) >= 3
    assert len(set(client.sessions)) == len(client.sessions)


def test_the_theme_is_the_clients_and_changes_with_it(seen: Watched, client: Client) -> None:
    seen.page.goto(client.page(kind="HostSystem:host-11", theme="dark"))
    frame(seen).locator("html[data-theme=dark]").wait_for()
    frame(seen).locator("main h1").wait_for()
    seen.page.evaluate("() => setTheme('light')")
    frame(seen).locator("html[data-theme=light]").wait_for()
    # Nobody chooses a theme of their own inside the Client.
    assert frame(seen).locator("select").count() == 0


def test_numbers_are_written_as_the_client_writes_them(seen: Watched, client: Client) -> None:
    seen.page.goto(client.page(kind="VirtualMachine:vm-1025"))
    frame(seen).locator(".figures").wait_for()
    text = frame(seen).locator(".figures").inner_text()
    assert "," in text
    assert not any(f".{digit} " in text for digit in range(10))


@pytest.mark.parametrize("kind", ["VirtualMachine:vm-1025", "HostSystem:host-11"])
def test_the_summary_has_a_card(seen: Watched, client: Client, kind: str) -> None:
    seen.page.goto(client.page(kind=kind, uri="plugin.html#/card"))
    frame(seen).locator(".card-view .facts-list").wait_for()
    assert frame(seen).locator(".bar, .nav, .head").count() == 0
    text = frame(seen).locator(".card-view").inner_text()
    assert "points/MiB" in text


def test_a_trade_is_approved_inside_the_client(seen: Watched, client: Client) -> None:
    seen.page.goto(client.page(kind="ClusterComputeResource:domain-c8", uri="plugin.html#/plan"))
    inside = frame(seen)
    inside.locator("vsm-step .what").wait_for()
    inside.locator("vsm-step cds-button:has-text('Approve')").click()
    inside.locator("vsm-step .pill:has-text('approved')").wait_for()


def test_the_clients_refresh_reads_everything_anew(seen: Watched, client: Client) -> None:
    seen.page.goto(client.page(kind="HostSystem:host-11"))
    frame(seen).locator("main h1").wait_for()
    seen.page.wait_for_timeout(1000)
    before = len(client.sessions)
    seen.page.evaluate("() => refresh()")
    seen.page.wait_for_timeout(1500)
    assert len(client.sessions) > before


def test_nobody_else_may_embed_the_pages(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without --frame-ancestor no page may show ours in a frame."""

    def refused(text: str) -> bool:
        return "frame" in text.lower()

    with (
        client_double() as double,
        serving(
            tmp_path_factory.mktemp("alone"), "--plant", "demo", options=("--interval", "24h")
        ) as service,
        browsing(browser, allowed=refused) as watched,
    ):
        double.service, double.token = service.url, service.token
        watched.page.goto(double.page(kind="HostSystem:host-11"))
        watched.page.wait_for_timeout(1500)
        assert any(refused(text) for text in watched.trouble)
        assert frame(watched).locator("main").count() == 0


def test_the_page_by_itself_says_where_it_belongs(browser: Browser, client: Client) -> None:
    def missing(text: str) -> bool:
        return "404" in text or "MIME" in text

    with browsing(browser, allowed=missing) as watched:
        watched.page.goto(f"{client.service}/plugin.html")
        watched.page.wait_for_selector("[role=alert]:has-text('belongs into the vSphere Client')")
