"""Every view, light and dark, wide and narrow: neither browser, policy nor axe-core complains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.consoles import Watched, browsing, enter
from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.serving import Serving, serving
from vsphere_market.estate import KEEP_APART, write_snapshot

# A service with a plant of its own starts beside the browser.
pytestmark = pytest.mark.timeout(400)

VIEWS = {
    "#/": "Overview",
    "#/clusters/production": "production",
    "#/hosts": "Hosts",
    "#/hosts/esx-01": "esx-01",
    "#/vms": "Virtual machines",
    "#/vms?squeezed=yes&sort=-taken_mib": "Virtual machines",
    "#/vms/test-05": "test-05",
    "#/plan": "Plan",
    "#/history": "History",
    "#/history?what=decided": "History",
    "#/history?what=refused": "History",
    "#/history?what=plans": "History",
    "#/policies?of=orders-db-01": "Policies",
    "#/whatif": "What if",
    "#/no/such/page": "There is no such page",
}
LOOKS = [("light", 1280), ("dark", 1024)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """`serve --plant demo`, whose time stands almost still."""
    folder = tmp_path_factory.mktemp("console")
    told = ("--speed", 0.1, "--interval", "24h", "--reads-per-s", 1000)
    with serving(folder, "--plant", "demo", options=told) as one:
        yield one


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: f"{look[0]}-{look[1]}")
def seen(request: pytest.FixtureRequest, browser: Browser, service: Serving) -> Iterator[Watched]:
    scheme, width = request.param
    with browsing(browser, scheme=scheme, width=width, height=900) as watched:
        enter(watched, service)
        yield watched


@pytest.mark.parametrize("address", VIEWS)
def test_a_view_is_whole(seen: Watched, address: str) -> None:
    seen.go(address)
    assert seen.heading.startswith(VIEWS[address])
    assert seen.page.locator("main [role=alert]").count() == 0
    assert seen.faults() == []
    sideways = "() => document.documentElement.scrollWidth > innerWidth"
    assert not seen.page.evaluate(sideways), "the page can be scrolled sideways"
    assert seen.trouble == []


def test_numbers_have_units_and_times_have_zones(seen: Watched) -> None:
    seen.go("#/vms/test-05")
    figures = seen.page.locator(".figures").inner_text()
    assert "GiB" in figures
    assert "KiB/s" in figures or "MiB/s" in figures
    assert "UTC" in seen.page.locator(".bar").inner_text()


def test_a_vm_shows_why_since_when_and_what_would_cure_it(seen: Watched) -> None:
    seen.go("#/vms/report-01", "h2:has-text('What would cure it')")
    said = seen.page.locator("main .callout").inner_text()
    assert "That is because" in said
    assert "It has been so since 2026-03-02" in said
    cures = seen.page.locator("section:has(h2:text-is('What would cure it')) tbody tr")
    assert "wholly" in cures.first.inner_text()
    flips = seen.page.locator("section:has(h2:text-is('What would change a refusal')) tbody tr")
    assert flips.count() > 0
    shows = seen.page.locator("section:has(h2:text-is('What shows it'))").inner_text()
    assert "wanted by its guest" in shows
    assert "its host has unsold" in shows
    bill = seen.page.locator("section:has(h2:text-is('What it pays'))").inner_text()
    assert "its own memory limit" in bill
    assert "in all" in bill
    assert seen.faults() == []


def test_the_chart_has_its_numbers_as_a_table(seen: Watched) -> None:
    seen.go("#/clusters/production", "vsm-chart canvas")
    assert seen.page.locator("vsm-chart canvas").count() >= 2
    details = seen.page.locator("vsm-chart .numbers").first
    details.locator("summary").click()
    assert details.locator("tbody tr").count() > 0
    details.locator("summary").click()


def test_the_theme_follows_a_choice_and_is_kept(seen: Watched) -> None:
    page = seen.page
    seen.go("#/")
    other = (
        "light"
        if page.evaluate("() => document.documentElement.dataset.theme") == "dark"
        else "dark"
    )
    page.select_option(".head select", other)
    page.reload()
    page.wait_for_selector(f"html[data-theme={other}]")
    page.wait_for_selector("vsm-overview .tile")
    page.select_option(".head select", "system")
    page.wait_for_function("was => document.documentElement.dataset.theme !== was", arg=other)


def test_filters_are_in_the_address_and_sorting_goes_both_ways(seen: Watched) -> None:
    page = seen.page
    seen.go("#/vms")
    page.fill("input[type=search]", "test-0")
    page.wait_for_function(
        "() => document.querySelectorAll('.grid-body .grid-row:not([hidden])').length === 6"
    )
    assert "find=test-0" in page.url
    heading = page.locator("[role=columnheader]:has-text('VM')").first
    heading.locator("button").click()
    page.wait_for_selector("[role=columnheader][aria-sort=descending]")
    page.wait_for_function(
        "() => document.querySelector('.grid-row[aria-rowindex=\"2\"] a')?.textContent"
        " === 'test-06'"
    )
    page.locator(".grid-row a:has-text('test-06')").click()
    page.wait_for_selector("h1:has-text('test-06')")


def test_an_empty_estate_says_so_on_every_view(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "empty.json"
    write_snapshot(file, snapshot_of())
    with (
        serving(tmp_path, "--snapshot", file, options=("--interval", "24h")) as service,
        browsing(browser, scheme="dark") as watched,
    ):
        enter(watched, service)
        for address, text in (
            ("#/", "Nothing to do"),
            ("#/hosts", "There is nothing here"),
            ("#/vms", "There is nothing here"),
            ("#/plan", "Nothing to do"),
            ("#/history", "Nothing was carried out yet"),
        ):
            watched.go(address)
            watched.page.wait_for_selector(f"main :text('{text}')")
            assert watched.faults() == []


def test_a_rule_that_must_be_mended_is_told_although_the_cost_rises(
    browser: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "apart.json"
    apart = {"moid": "r", "name": "dc apart", "kind": KEEP_APART, "vms": ["vm-1", "vm-2"]}
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 65_536), host_row("host-2", 5_000)],
        vms=[vm_row(name, "host-1", 4096, active_mib=4000) for name in ("vm-1", "vm-2")],
        rules=[{**apart, "mandatory": True, "enabled": True}],
    )
    write_snapshot(file, snapshot)
    with (
        serving(tmp_path, "--snapshot", file, options=("--interval", "24h")) as service,
        browsing(browser, scheme="dark") as watched,
    ):
        enter(watched, service)
        watched.go("#/plan")
        for text in ("1 → 0", "more, for mandatory rules", "Breaches of mandatory rules"):
            watched.page.wait_for_selector(f"main :text('{text}')")
        watched.go("#/vms/vm-1")
        offer = "main tr:has-text('in the plan'):has-text('host-2'):has-text('mends a mandatory')"
        watched.page.wait_for_selector(offer)
        assert watched.faults() == []


def test_a_service_that_is_gone_is_told_with_its_cure(browser: Browser, tmp_path: Path) -> None:
    def broken(text: str) -> bool:
        return "Failed to load resource" in text or "net::ERR" in text

    with browsing(browser, allowed=broken) as watched:
        with serving(tmp_path, "--plant", "demo", options=("--interval", "24h")) as service:
            enter(watched, service)
            # The other views' code comes soon after the first one.
            watched.page.wait_for_function(
                "() => performance.getEntriesByType('resource').some(e => e.name.includes('thing'))"
            )
            service.stop()
        watched.page.wait_for_selector(".bar:has-text('trying to reconnect')")
        watched.page.evaluate("() => { location.hash = '#/hosts/esx-02' }")
        watched.page.wait_for_selector("[role=alert]:has-text('The service does not answer')")
        watched.page.wait_for_selector("[role=alert]:has-text('vsphere-market serve')")
        assert watched.page.locator("cds-button:has-text('Try again')").count() == 1


def test_something_that_is_not_there_is_told(browser: Browser, service: Serving) -> None:
    with browsing(browser, allowed=lambda text: "404" in text) as watched:
        enter(watched, service)
        watched.page.evaluate("() => { location.hash = '#/vms/vm-none' }")
        watched.page.wait_for_selector("[role=alert]:has-text('neither a VM nor a host')")
        assert watched.faults() == []


def test_a_viewer_sees_everything_and_no_button(browser: Browser, service: Serving) -> None:
    token = service.token_of("viewer")
    with browsing(browser) as watched:
        enter(watched, replace(service, token=token))
        assert watched.page.locator(".bar cds-button").count() == 0
        watched.go("#/plan", "vsm-step .what")
        assert watched.page.locator("vsm-plan cds-button").count() == 0
