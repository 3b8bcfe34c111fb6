"""What a new user does first, by mouse and by keyboard alone, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.console_flow import clicks, five_clicks
from tests.consoles import Watched, browsing, enter
from tests.serving import Serving, serving

# A service with a plant of its own starts beside the browser.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """`serve --plant demo`, in a hurry; the tests after the first find newer plans."""
    folder = tmp_path_factory.mktemp("flow")
    told = ("--speed", 20, "--interval", "24h", "--reads-per-s", 1000)
    with serving(folder, "--plant", "demo", options=told) as one:
        yield one


def test_a_trade_is_carried_out_in_five_clicks(browser: Browser, service: Serving) -> None:
    with browsing(browser) as watched:
        trade = five_clicks(watched, service)
        assert clicks(watched) <= 5
        (done,) = service.ask("/v1/outcomes?outcome=done")["items"]
        assert trade.startswith(done["subject"]["name"])
        watched.go("#/history", "vsm-history .pill, vsm-history .pilled")
        assert done["text"] in watched.page.locator("vsm-history").inner_text()
        # Only the service itself was asked for anything.
        assert all(url.startswith(service.url) for url in watched.asked)
        # The token is in no address that the page or the browser kept.
        assert service.token not in "".join(watched.asked) + watched.page.url


def test_the_address_that_serve_prints_logs_in_and_forgets_the_token(
    browser: Browser, service: Serving
) -> None:
    with browsing(browser) as watched:
        enter(watched, service)
        assert "token" not in watched.page.url
        watched.page.reload()
        watched.page.wait_for_selector("vsm-overview .tile")
        watched.page.click("button:has-text('Log out')")
        watched.page.wait_for_selector("input[name=token]")


def test_a_wrong_token_is_told_so(browser: Browser, service: Serving) -> None:
    with browsing(browser, allowed=lambda text: "401" in text) as watched:
        watched.page.goto(service.url)
        watched.page.fill("input[name=token]", "vsm_00000000_wrong")
        watched.page.keyboard.press("Enter")
        watched.page.wait_for_selector("text=The token is not valid")
        assert watched.faults() == []


def tab_to(watched: Watched, selector: str, most: int = 60) -> None:
    """Press Tab until something that matches has the focus."""
    for _ in range(most):
        watched.page.keyboard.press("Tab")
        if watched.page.evaluate("s => document.activeElement?.matches(s) ?? false", selector):
            return
    raise AssertionError(f"Tab never comes to {selector}")


def test_a_trade_is_approved_by_keyboard_alone(browser: Browser, service: Serving) -> None:
    with browsing(browser) as watched:
        page = watched.page
        page.goto(service.url)
        page.wait_for_selector("input[name=token]")
        page.keyboard.type(service.token)
        page.keyboard.press("Enter")
        page.wait_for_selector("vsm-overview .tile")
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.textContent") == "Skip to the content"
        tab_to(watched, "nav a[href='#/plan']")
        page.keyboard.press("Enter")
        page.wait_for_selector("vsm-step .what")
        watched.settle()
        assert page.evaluate("() => document.activeElement.tagName") == "MAIN"
        tab_to(watched, "[role=grid]")
        for key in ("ArrowDown", "ArrowDown", "End", "Home", "ArrowDown"):
            page.keyboard.press(key)
        row = page.evaluate(
            "() => document.getElementById(document.activeElement.getAttribute("
            "'aria-activedescendant')).innerText"
        )
        page.keyboard.press("Enter")
        step = row.split()[0]
        page.wait_for_selector(f"vsm-step h2:has-text('Step {step}:')")
        tab_to(watched, "vsm-step cds-button")
        page.keyboard.press("Enter")
        page.wait_for_selector("vsm-step .pill:has-text('approved')")
        tab_to(watched, "vsm-step cds-button")
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog[open]")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        plan = service.ask("/v1/plans")["items"][0]
        assert (plan["approved"] >= 1, plan["skipped"]) == (True, 0)


def test_stopping_everything_is_seen_by_all_and_released_again(
    browser: Browser, service: Serving
) -> None:
    with browsing(browser) as other, browsing(browser) as watched:
        enter(other, service)
        enter(watched, service)
        page = watched.page
        page.click("cds-button:has-text('Stop everything')")
        page.fill("dialog input", "backup window")
        page.click("dialog cds-button:has-text('Stop everything')")
        for seen in (watched, other):
            seen.page.wait_for_selector(".bar.stopped:has-text('backup window')")
        assert service.ask("/v1/stop")["reason"] == "backup window"
        assert watched.faults() == []
        page.click("cds-button:has-text('Release')")
        page.click("dialog cds-button:has-text('Release')")
        for seen in (watched, other):
            seen.page.wait_for_selector(".bar:not(.stopped) cds-button:has-text('Stop')")


def test_a_skipped_step_says_who_and_why(browser: Browser, service: Serving) -> None:
    with browsing(browser) as watched:
        enter(watched, service)
        watched.go("#/plan", "vsm-step .what")
        watched.page.click("vsm-step cds-button:has-text('Skip')")
        watched.page.fill("dialog input", "not on a Friday")
        watched.page.click("dialog cds-button:has-text('Skip')")
        watched.page.wait_for_selector("vsm-step .note:has-text('not on a Friday')")
        watched.page.wait_for_selector("vsm-step .pill:has-text('skipped')")


def test_a_what_if_is_answered(browser: Browser, service: Serving) -> None:
    with browsing(browser) as watched:
        enter(watched, service)
        watched.go("#/whatif")
        page = watched.page
        page.wait_for_selector("option[value=esx-05]", state="attached")
        page.select_option("select[name=lose]", "esx-05")
        page.click("cds-button:has-text('Suppose')")
        page.wait_for_selector("h2:has-text('If esx-05 fails')")
        assert watched.faults() == []
        page.click("cds-button:has-text('How many more VMs fit')")
        page.wait_for_selector("h2:has-text('How many more VMs fit')")
        page.click("cds-button:has-text('Where should a new VM live')")
        page.wait_for_selector("h2:has-text('Quotes for a new VM')")
