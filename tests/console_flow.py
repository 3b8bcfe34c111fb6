"""The first five clicks of a new user: from logging in to a trade that is carried out."""

from __future__ import annotations

from collections.abc import Callable

from tests.consoles import Watched
from tests.serving import Serving

#: Counts what a person clicks, whatever else happens on the page.
COUNT_CLICKS = """
    addEventListener("click", (event) => {
        if (event.isTrusted) sessionStorage.clicks = Number(sessionStorage.clicks ?? 0) + 1;
    }, { capture: true });
"""


def clicks(watched: Watched) -> int:
    """How often was clicked so far."""
    return int(watched.page.evaluate("() => Number(sessionStorage.clicks ?? 0)"))


def five_clicks(
    watched: Watched, service: Serving, shot: Callable[[str], None] = lambda _name: None
) -> str:
    """Go from the login to a trade carried out; gives the trade in words.

    Args:
        watched: a fresh page.
        service: with a plan that waits.
        shot: told when there is something to see, with a name for it.
    """
    page = watched.page
    page.add_init_script(COUNT_CLICKS)
    page.goto(service.url)
    page.wait_for_selector("input[name=token]")
    shot("login")
    page.keyboard.type(service.token)
    page.click("cds-button:has-text('Log in')")
    page.wait_for_selector("vsm-overview .tile")
    watched.settle()
    shot("overview")
    page.click("cds-button:has-text('Review the plan')")
    page.wait_for_selector("vsm-step .what")
    watched.settle()
    trade = page.locator("vsm-step .what").inner_text()
    shot("plan")
    page.click("vsm-step cds-button:has-text('Approve')")
    page.wait_for_selector("vsm-step .pill:has-text('approved')")
    assert clicks(watched) <= 5, "a trade is to be approved in five clicks"
    page.click("cds-button:has-text('Carry out')")
    page.wait_for_selector("dialog[open]")
    shot("sure")
    page.click("dialog cds-button:has-text('Carry out')")
    page.wait_for_selector("vsm-execution .title .pill:has-text('done')")
    watched.settle()
    shot("execution")
    return trade
