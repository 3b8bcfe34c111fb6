"""The market's own sizes in a closed loop: a month's end and a weekend on hosts that are too small.

Six days of what ``python -m benchmarks.lives`` does for three weeks.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from benchmarks.lives import LARGE, SIZE_GIB, SMALL, Guest, live

#: A Wednesday; the month ends on Saturday.
START = datetime(2026, 10, 28, tzinfo=UTC)


@pytest.fixture(scope="module")
def guests() -> dict[str, Guest]:
    return {guest.life: guest for guest in live(6.0, 1, 1800.0, START).values()}


def test_no_shrink_is_regretted(guests: dict[str, Guest]) -> None:
    assert not [life for life, guest in guests.items() if guest.regrets]
    # Caution is no excuse: who is known to need little all the month is made smaller …
    for life in ("steady", "office"):
        (_, size), *_ = guests[life].shrunk
        assert size <= 0.5 * SIZE_GIB * 1024
    # … and who needs it on some days only keeps it, although it was calm until then.
    for life in ("weekend", "month-end"):
        assert life in LARGE and not guests[life].shrunk


def test_growth_comes_before_the_second_episode(guests: dict[str, Guest]) -> None:
    for life in ("grows-at-weekends", "grows-at-month-end", "grows-daily"):
        assert life in SMALL and guests[life].grown_s, life
        assert guests[life].before_growth <= 1, life
