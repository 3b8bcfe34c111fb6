"""Make the pictures of the console in docs/ anew: the five clicks, the views, inside the Client.

    python tools/console_pictures.py [FOLDER]

Everything is `serve --plant demo` in a real Chromium; nothing is drawn by hand.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.client_double import client_double  # noqa: E402 - the path comes first
from tests.console_flow import five_clicks  # noqa: E402
from tests.consoles import LAUNCH, browsing, enter  # noqa: E402
from tests.serving import serving  # noqa: E402
from tools.system_parts import ensure  # noqa: E402

#: File name -> address, width, height, colour scheme.
VIEWS = {
    "console-cluster": ("#/clusters/production", 1280, 1500, "light"),
    "console-cluster-dark": ("#/clusters/production", 1280, 1500, "dark"),
    "console-vm": ("#/vms/test-05", 1280, 1500, "light"),
    "console-vms": ("#/vms?squeezed=yes&sort=-taken_mib", 1024, 640, "dark"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    told = list(sys.argv[1:] if arguments is None else arguments)
    folder = Path(told[0]) if told else ROOT / "docs" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as temporary:
        browser = playwright.chromium.launch(
            executable_path=str(ensure("chromium")["chromium"]), args=LAUNCH
        )
        place = Path(temporary)
        slow = ("--speed", 20, "--interval", "5m")
        with serving(place / "a", "--plant", "demo", options=slow) as service:
            for name, (address, width, height, scheme) in VIEWS.items():
                with browsing(browser, width=width, height=height, scheme=scheme) as watched:
                    enter(watched, service)
                    if "cluster" in name:
                        # Until some looks have made lines of the dots.
                        watched.page.wait_for_timeout(45_000 if name == "console-cluster" else 0)
                    watched.go(address)
                    watched.page.wait_for_timeout(800)
                    watched.page.screenshot(path=folder / f"{name}.png")
            with browsing(browser) as watched:

                def shot(name: str, page: Page = watched.page) -> None:
                    page.screenshot(path=folder / f"console-{name}.png")

                five_clicks(watched, service, shot)
                watched.go("#/history", "vsm-history .pilled")
                watched.page.screenshot(path=folder / "console-history.png")
        with client_double() as client:
            told_it = ("--allow-origin", client.url, "--frame-ancestor", client.url)
            with serving(place / "b", "--plant", "demo", options=(*slow, *told_it)) as service:
                client.service, client.token = service.url, service.token
                with browsing(browser, width=1440, height=860) as watched:
                    watched.page.goto(client.page(kind="VirtualMachine:vm-1025", theme="dark"))
                    watched.page.frame_locator("iframe").locator("main h1").wait_for()
                    watched.page.wait_for_timeout(800)
                    watched.page.screenshot(path=folder / "client-vm-dark.png")
        browser.close()
    print(f"wrote {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
