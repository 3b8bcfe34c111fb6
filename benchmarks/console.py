"""How the console bears a large estate: time until a person can work, and scrolling's frames.

    python benchmarks/console.py [--vms 40000]

Serves the estate of benchmarks/service.py as a file, opens the console in the system's Chromium,
headless, and prints JSON. *Interactive* is when the overview shows its figures and the page
answers: a task put into its queue then runs at once. Frames are measured while the list of all VMs
is scrolled from its beginning to its end in steps as a person drags, and by the wheel.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.service import CLUSTERS, estate  # noqa: E402 - the path comes first
from tests.consoles import LAUNCH  # noqa: E402
from tests.serving import Serving, serving  # noqa: E402
from tools.console_build import built_files  # noqa: E402
from tools.system_parts import ensure  # noqa: E402
from vsphere_market.estate import snapshot_from_json, write_snapshot  # noqa: E402

#: A frame that takes longer than this is seen as a stutter.
STUTTER_MS = 50.0
_SCROLL = """(step) => new Promise((done) => {
    const box = document.querySelector("vsm-vms .grid");
    const frames = [];
    let last = performance.now(), n = 0;
    box.scrollTop = 0;
    const next = (now) => {
        frames.push(now - last);
        last = now;
        box.scrollTop += step;
        if ((n += 1) < 240) requestAnimationFrame(next);
        else done(frames.slice(1));
    };
    requestAnimationFrame(next);
})"""
_READY = """() => new Promise((done) => {
    const look = () => {
        if (!document.querySelector("vsm-overview .figures")) { setTimeout(look, 4); return; }
        setTimeout(() => done(performance.now()), 0);
    };
    look();
})"""


def frames(page: Page, step: float) -> dict[str, float]:
    """Durations of frames while scrolling by so many pixels a frame, milliseconds."""
    found: list[float] = page.evaluate(_SCROLL, step)
    found.sort()
    return {
        "median_ms": round(statistics.median(found), 1),
        "p95_ms": round(found[int(0.95 * len(found))], 1),
        "worst_ms": round(found[-1], 1),
        "stutters": sum(frame > STUTTER_MS for frame in found),
        "frames": len(found),
    }


def open_once(browser: Browser, service: Serving) -> tuple[Page, float]:
    """Open the console in a fresh profile; the page, and milliseconds until it is interactive."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(service.way_in, wait_until="commit")
    return page, float(page.evaluate(_READY))


def measure(vms: int, loads: int) -> dict[str, Any]:
    """Serve, look, scroll."""
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = Path(temporary)
        file = folder / "estate.json.gz"
        write_snapshot(file, snapshot_from_json(estate(vms), where="benchmark"))
        options = ("--interval", "24h", "--reads-per-s", 1000)
        begun = time.monotonic()
        with serving(folder, "--snapshot", file, options=options, patience_s=1800.0) as service:
            first_look_s = time.monotonic() - begun
            here = service.ask("/v1/estate")
            browser = playwright.chromium.launch(
                executable_path=str(ensure("chromium")["chromium"]), args=LAUNCH
            )
            # Each with a fresh profile: nothing is in the cache.
            opened = [open_once(browser, service) for _ in range(loads)]
            interactive = [took for _, took in opened]
            for page, _ in opened[:-1]:
                page.context.close()
            page = opened[-1][0]
            page.evaluate("() => { location.hash = '#/vms' }")
            page.wait_for_selector("vsm-vms .grid-row[aria-rowindex='2'] a")
            rows = page.locator("vsm-vms [role=grid]").get_attribute("aria-rowcount")
            # 40,000 rows of 32 pixels: by the wheel, and dragging from one end to the other.
            wheel, dragged = frames(page, 120.0), frames(page, vms * 32 / 240)
            inside = page.locator("vsm-vms .grid-body .grid-row").count()
            heap = page.evaluate("() => performance.memory?.usedJSHeapSize ?? 0")
            browser.close()
    files = built_files()
    return {
        "vms": vms,
        "hosts": here["hosts"],
        "clusters": CLUSTERS,
        "first_look_s": round(first_look_s, 1),
        "interactive_ms": [round(value) for value in interactive],
        "interactive_median_ms": round(statistics.median(interactive)),
        "rows_told": int(rows or 0) - 1,
        "rows_in_the_page": inside,
        "wheel": wheel,
        "dragged": dragged,
        "heap_mib": round(heap / 2**20, 1),
        "bundle_bytes": sum(path.stat().st_size for path in files),
        "bundle_gzip_bytes": sum(len(gzip.compress(path.read_bytes(), 6)) for path in files),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--vms", type=int, default=40_000)
    parser.add_argument("--loads", type=int, default=5, help="how often the page is opened")
    told = parser.parse_args(arguments)
    print(json.dumps(measure(told.vms, told.loads), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
