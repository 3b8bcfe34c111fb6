"""A real Chromium for the pages that people open."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.consoles import LAUNCH
from tools.system_parts import ensure


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless; it fails with what to install where there is none."""
    program = str(ensure("chromium")["chromium"])
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=LAUNCH)
        yield opened
        opened.close()
