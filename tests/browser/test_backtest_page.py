"""The page of a backtest in a real Chromium: it complains of nothing, asks nobody, and fits."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from tests.cli import vm


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real page: four controllers on the demo for half an hour."""
    path = tmp_path_factory.mktemp("backtest") / "page.html"
    ended = vm(
        "backtest", "--hours", "0.5", "--seeds", "1", "--jobs", "1", "--actions", "migrate",
        "--controllers", "none,threshold,drs,drs7", "--html", path,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_a_complaint_and_fits(
    browser: Browser, report: Path, scheme: Literal["light", "dark"], tmp_path: Path
) -> None:
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, offline=True, color_scheme=scheme
    )
    opened = context.new_page()
    trouble: list[str] = []
    opened.on("console", lambda message: trouble.append(message.text))
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(report.as_uri())
    assert opened.locator("figure svg").count() == 6 + 4
    assert opened.locator("tbody tr").count() == 4
    # Nothing runs out of its picture, and no label of the plot of costs lies on another one.
    outside, covered = opened.evaluate(
        """() => {
          const outside = [], covered = [];
          for (const svg of document.querySelectorAll("figure svg")) {
            const frame = svg.getBoundingClientRect();
            for (const text of svg.querySelectorAll("text")) {
              const box = text.getBoundingClientRect();
              if (box.left < frame.left - 1 || box.right > frame.right + 1
                  || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
                outside.push(text.textContent);
            }
            const labels = [...svg.querySelectorAll("g > text")];
            labels.forEach((one, at) => labels.slice(at + 1).forEach((other) => {
              const a = one.getBoundingClientRect(), b = other.getBoundingClientRect();
              if (a.left < b.right - 1 && b.left < a.right - 1
                  && a.top < b.bottom - 1 && b.top < a.bottom - 1)
                covered.push([one.textContent, other.textContent]);
            }));
          }
          return [outside, covered];
        }"""
    )
    assert outside == []
    assert covered == []
    opened.screenshot(path=tmp_path / f"{scheme}.png", full_page=True)
    # A narrow window scrolls the table, not the page.
    opened.set_viewport_size({"width": 420, "height": 800})
    assert opened.evaluate("document.documentElement.scrollWidth") <= 420
    assert trouble == []
    assert asked == [report.as_uri()]
    context.close()
