"""Make the pictures of the assessment in docs/ anew: a made-up estate, in a real Chromium.

    python tools/report_pictures.py [FOLDER]

Writes light, dark and printed pages as small PNG files. The estate is invented, so anybody may
see it. Paper needs pdftoppm (poppler-utils).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.rvtools_files import estate, sheets_of, write_xlsx  # noqa: E402 - the path comes first
from tools.system_parts import ensure  # noqa: E402
from vsphere_market.cli.frame import run  # noqa: E402

VMS = 571


def take(page: Page, folder: Path, scheme: str) -> None:
    """Pictures of the parts in one colour scheme."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.evaluate("() => { document.querySelector('nav').style.position = 'static'; }")
    whole = page.viewport_size or {"width": 1180, "height": 900}
    page.screenshot(
        path=folder / f"assess-{scheme}.png",
        full_page=True,
        clip={"x": 0, "y": 0, "width": whole["width"], "height": 1560},
    )
    if scheme == "light":
        page.locator("#causes .cards").first.screenshot(path=folder / "assess-causes.png")
        page.locator("#vms").screenshot(path=folder / "assess-vms.png")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    told = list(sys.argv[1:] if arguments is None else arguments)
    if shutil.which("pdftoppm") is None:
        print("error: pdftoppm is not there: install poppler-utils", file=sys.stderr)
        return 1
    folder = Path(told[0]) if told else ROOT / "docs" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        export = write_xlsx(Path(temporary) / "export.xlsx", sheets_of(estate(VMS)))
        report = Path(temporary) / "report.html"
        if run(["assess", "--rvtools", str(export), "-o", str(report)]):
            return 1
        browser = playwright.chromium.launch(
            executable_path=str(ensure("chromium")["chromium"]), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1180, "height": 900})
        page.goto(report.as_uri())
        page.wait_for_selector("html[data-ready]")
        for scheme in ("light", "dark"):
            take(page, folder, scheme)
        paper = Path(temporary) / "paper.pdf"
        page.emulate_media(color_scheme="light")
        page.pdf(path=paper, prefer_css_page_size=True, print_background=True)
        browser.close()
        prefix = str(folder / "assess-print")
        command = ["pdftoppm", "-png", "-r", "60", "-f", "1", "-l", "1", "-singlefile"]
        return subprocess.run([*command, str(paper), prefix], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
