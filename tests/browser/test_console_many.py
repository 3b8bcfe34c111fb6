"""The console's benchmark measures what it says, on an estate that is smaller than its own."""

from __future__ import annotations

import pytest

from benchmarks.console import measure
from tests.unit.tools.test_console_build import MOST_BYTES

# A service with a plant of its own starts beside the browser.
pytestmark = pytest.mark.timeout(400)


def test_of_thousands_of_vms_only_those_in_sight_are_in_the_page() -> None:
    found = measure(vms=2000, hosts=40, loads=1)
    assert found["rows_told"] == 2000
    assert 10 < found["rows_in_the_page"] < 80
    assert found["interactive_ms"] == [found["interactive_median_ms"]]
    assert found["wheel"]["frames"] == found["dragged"]["frames"] == 239
    assert found["bundle_gzip_bytes"] < MOST_BYTES
