"""Limits, pauses and deadlines by their numbers."""

from __future__ import annotations

import math
import random

import pytest

from tests.fakes import FakeClock, move, simple_plan, vcenter
from vsphere_market.errors import (
    CertificateError,
    FinalFault,
    MarketError,
    TransientFault,
    UnreachableError,
)
from vsphere_market.executor import Backoff, Deadlines, Limits, Settings
from vsphere_market.executor.jobs import jobs_of
from vsphere_market.executor.retry import read_patiently


def test_belts_are_on_by_default() -> None:
    limits = Limits()
    assert (limits.migrations_per_host, limits.migrations, limits.reconfigurations) == (2, 8, 16)


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="migrations_per_host is 0"):
        Limits(migrations_per_host=0)


def test_pauses_grow_to_a_bound_and_are_never_zero() -> None:
    backoff, rng = Backoff(first_s=2.0, longest_s=60.0), random.Random(1)
    for attempt in range(1, 200):
        bound = min(60.0, 2.0 * 2.0 ** (attempt - 1))
        assert bound / 2 <= backoff.pause_s(attempt, rng) <= bound


def test_a_vmotion_may_take_longer_the_more_there_is_to_copy() -> None:
    deadlines = Deadlines()
    # 64 GiB at 10 Gb/s take 55 s; thrice that and five minutes are allowed.
    assert deadlines.migrate_s(65536.0, 10000.0) == pytest.approx(300 + 3 * 54.98, abs=0.1)
    # What is not known is taken for slow, or for small.
    assert deadlines.migrate_s(65536.0, math.nan) == pytest.approx(300 + 3 * 2199.0, abs=1.0)
    assert deadlines.migrate_s(math.nan, 10000.0) == 300.0


def test_the_slower_end_and_the_other_migrations_set_the_speed() -> None:
    vc = vcenter()
    (job,) = jobs_of(simple_plan(move("vm-1", "host-1", "host-2")), vc.observe(), Settings())
    # 8 GiB at half of 10 Gb/s.
    assert job.deadline_s == pytest.approx(300 + 3 * 8192 * 8.388608 / 5000.0)


def patiently(*errors: MarketError, settings: Settings | None = None) -> FakeClock:
    """Read something that fails with ``errors`` before it succeeds."""
    clock, queue = FakeClock(), list(errors)

    def read() -> str:
        if queue:
            raise queue.pop(0)
        return "read"

    rng = random.Random(5)
    told = read_patiently(read, settings or Settings(), clock, rng, clock.sleep)
    assert told == "read"
    return clock


def test_reads_are_repeated_in_the_ports_time() -> None:
    clock = patiently(TransientFault("busy"), TransientFault("busy"))
    assert len(clock.slept_s) == 2 and 1.0 <= clock.slept_s[0] <= 2.0 <= clock.slept_s[1] <= 4.0


def test_the_jitter_comes_from_the_given_generator() -> None:
    errors = (TransientFault("busy"),) * 3
    assert patiently(*errors).slept_s == patiently(*errors).slept_s


def test_a_busy_object_is_given_up_sooner_than_a_lost_vcenter() -> None:
    away = UnreachableError("no answer")
    assert len(patiently(*[away] * 20).slept_s) == 20
    with pytest.raises(TransientFault):
        patiently(*[TransientFault("busy")] * 5)


def test_the_overall_deadline_counts_in_the_ports_time() -> None:
    settings = Settings(outage=Backoff(attempts=10_000, longest_s=30.0, overall_s=120.0))
    with pytest.raises(UnreachableError):
        patiently(*[UnreachableError("no answer")] * 100, settings=settings)


@pytest.mark.parametrize("error", [FinalFault("no"), CertificateError("not trusted")])
def test_what_will_not_come_right_is_not_repeated(error: MarketError) -> None:
    with pytest.raises(type(error)):
        patiently(error)
