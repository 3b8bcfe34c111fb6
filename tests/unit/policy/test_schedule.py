"""Windows and freezes on a wall clock, summer time included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.policies import FILE, document, problems_of, shop
from vsphere_market.policy import Mode, Rulebook, compile_rulebook, explain_vm, parse_policies
from vsphere_market.policy.schedule import DAYS, known_zones, parse_timing
from vsphere_market.port import GRAVE, ActionKind

BERLIN = "Europe/Berlin"
NIGHT = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "22:00", "to": "05:00"}


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def is_open(at: str, *windows: dict[str, Any], zone: str = BERLIN) -> bool:
    timing = parse_timing({"timeZone": zone, "schedule": list(windows)})
    assert timing is not None
    return timing.is_open(utc(at))


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    # 2026-11-20 is a Friday; Berlin is an hour ahead of UTC.
    assert not is_open("2026-11-20T20:59", NIGHT)
    assert is_open("2026-11-20T21:00", NIGHT)
    assert is_open("2026-11-21T03:59", NIGHT)  # Saturday morning is Friday's night
    assert not is_open("2026-11-21T04:00", NIGHT)
    assert not is_open("2026-11-21T21:00", NIGHT)  # Saturday has none
    assert not is_open("2026-11-23T03:00", NIGHT)  # nor has Sunday, of which this is the night


def test_a_whole_day() -> None:
    sunday = {"days": ["sun"], "from": "00:00", "to": "24:00"}
    assert is_open("2026-11-21T23:00", sunday)
    assert is_open("2026-11-22T22:59", sunday)
    assert not is_open("2026-11-22T23:00", sunday)


def test_summer_time_moves_the_window_with_the_wall_clock() -> None:
    morning = {"from": "06:00", "to": "07:00"}
    assert is_open("2026-01-15T05:30", morning)
    assert not is_open("2026-07-15T05:30", morning)
    assert is_open("2026-07-15T04:30", morning)


def test_an_hour_that_the_clocks_skip_is_never_met() -> None:
    # On 2026-03-29 Berlin's clocks go from 02:00 to 03:00, at 01:00 UTC.
    skipped = {"from": "02:00", "to": "03:00"}
    assert not any(is_open(f"2026-03-29T0{hour}:{minute}", skipped)
                   for hour in range(3) for minute in ("00", "30", "59"))  # fmt: skip
    across = {"from": "01:30", "to": "03:30"}
    opened = [m for m in range(12 * 60) if is_open(_minute("2026-03-29", m), across)]
    assert len(opened) == 60  # two hours on the wall, one by the sun


def test_an_hour_that_comes_twice_is_met_twice() -> None:
    # On 2026-10-25 they go back from 03:00 to 02:00, at 01:00 UTC.
    twice = {"from": "02:00", "to": "03:00"}
    opened = [m for m in range(24 * 60) if is_open(_minute("2026-10-25", m), twice)]
    assert len(opened) == 120


def _minute(day: str, minute: int) -> str:
    return (datetime.fromisoformat(day) + timedelta(minutes=minute)).isoformat()


@given(
    st.integers(int(utc("2026-01-01")), int(utc("2027-12-31"))),
    st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
    st.integers(0, 1439),
    st.integers(0, 1440),
)
def test_any_instant_against_a_plain_reading(
    at_s: int, zone: str, days: list[str], start: int, end: int
) -> None:
    def text(minute: int) -> str:
        return f"{minute // 60:02d}:{minute % 60:02d}"

    window = {"days": days, "from": text(start), "to": text(end)}
    timing = parse_timing({"timeZone": zone, "schedule": [window]})
    assert timing is not None
    local = datetime.fromtimestamp(at_s, ZoneInfo(zone)).replace(tzinfo=None)
    plain = False
    for back in (0, 1):
        day = (local - timedelta(days=back)).replace(hour=0, minute=0, second=0, microsecond=0)
        opens = day + timedelta(minutes=start)
        closes = day + timedelta(minutes=end, days=1 if end <= start else 0)
        plain |= DAYS[day.weekday()] in days and opens <= local < closes
    assert timing.is_open(at_s) == plain


# ---------------------------------------------------------------- what documents make of it


def rulebook(at: str, *documents: dict[str, Any]) -> Rulebook:
    return compile_rulebook(parse_policies(list(documents), FILE), shop(), utc(at)).rulebook


def migrate(book: Rulebook) -> Mode:
    return Mode(int(book.modes[ActionKind.MIGRATE][0]))


NIGHTLY = document(
    "automation",
    "nightly",
    spec={
        "modes": {"migrate": "automatic"},
        "timeZone": BERLIN,
        "schedule": [NIGHT],
        "outside": "approve",
        "freezes": [{"from": "2026-12-19", "to": "2027-01-06"}],
    },
)
INSIDE, OUTSIDE, FROZEN = "2026-11-20T22:00", "2026-11-20T12:00", "2026-12-21T22:00"


def test_modes_follow_the_schedule() -> None:
    assert migrate(rulebook(INSIDE, NIGHTLY)) == Mode.AUTOMATIC
    assert migrate(rulebook(OUTSIDE, NIGHTLY)) == Mode.APPROVE
    assert migrate(rulebook(FROZEN, NIGHTLY)) == Mode.RECOMMEND


def test_a_freeze_is_about_every_kind_and_the_schedule_only_about_its_own() -> None:
    kinds = set(ActionKind) - {ActionKind.MIGRATE} - GRAVE
    assert {rulebook(INSIDE, NIGHTLY).modes[kind][0] for kind in kinds} == {Mode.APPROVE}
    assert {rulebook(FROZEN, NIGHTLY).modes[kind][0] for kind in kinds} == {Mode.RECOMMEND}


def test_outside_is_recommend_unless_said_and_never_more_than_inside() -> None:
    spec = {"mode": "automatic", "schedule": [NIGHT], "timeZone": BERLIN}
    assert migrate(rulebook(OUTSIDE, document("automation", spec=spec))) == Mode.RECOMMEND
    more = document("automation", spec={**spec, "mode": "off", "outside": "automatic"})
    assert migrate(rulebook(OUTSIDE, more)) == Mode.OFF


def test_a_date_alone_belongs_to_the_freeze_as_a_whole() -> None:
    freeze = document(
        "automation",
        spec={"freezes": [{"from": "2026-12-24", "to": "2026-12-24"}], "timeZone": BERLIN},
    )
    auto = document("automation", "auto", spec={"mode": "automatic"})
    frozen = [
        migrate(rulebook(at, freeze, auto)) == Mode.RECOMMEND
        for at in ("2026-12-23T22:59", "2026-12-23T23:00", "2026-12-24T22:59", "2026-12-24T23:00")
    ]
    assert frozen == [False, True, True, False]


@pytest.mark.parametrize(
    ("at", "pointer"),
    [
        (INSIDE, "/spec/modes/migrate"),
        (OUTSIDE, "/spec/outside"),
        (FROZEN, "/spec/freezes/0"),
    ],
)
def test_explanations_name_what_holds_now(at: str, pointer: str) -> None:
    book, snapshot = rulebook(at, NIGHTLY), shop()
    settings = {item.name: item.source for item in explain_vm(book, snapshot, 0)}
    assert settings["modes.migrate"] == f"nightly#{pointer}"


def test_the_snapshots_time_counts_unless_another_is_given() -> None:
    # It was taken on a Monday at 08:00 UTC.
    policies = parse_policies([NIGHTLY], FILE)
    assert migrate(compile_rulebook(policies, shop()).rulebook) == Mode.APPROVE
    assert compile_rulebook(policies, shop()).rulebook.at_s == shop().taken_at_s


def test_power_is_forbidden_unless_said_and_outside_its_hours() -> None:
    sleep = document(
        "power",
        selector={"name": "db-*"},
        spec={"stop": True, "start": True, "schedule": [NIGHT], "timeZone": BERLIN},
    )
    assert rulebook(INSIDE, sleep).may_stop.tolist()[:3] == [True, True, False]
    assert not rulebook(INSIDE, sleep).may_start.any()
    assert not rulebook(OUTSIDE, sleep).may_stop.any()
    # What sleeps at night is started again by day.
    assert rulebook(OUTSIDE, sleep).may_start.tolist()[:3] == [True, True, False]
    wake = document("power", "wake", selector={"name": "db-*"}, spec={"start": True})
    assert rulebook(INSIDE, wake).may_start.tolist()[:2] == [True, True]
    never = document("power", "never", selector={"name": "db-1"}, spec={"stop": False})
    book = rulebook(INSIDE, sleep, never)
    assert book.may_stop.tolist()[:2] == [False, True]
    assert book.sources["may_stop"][0] == "never#/spec/stop"


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"mode": "off", "schedule": [NIGHT], "timeZone": "Europe/Berln"},
         '#/0/spec/timeZone: there is no time zone "Europe/Berln". Did you mean "Europe/Berlin"?'),
        ({"mode": "off", "schedule": [NIGHT], "timeZone": "../../etc/passwd"},
         "is not a time zone such as"),
        ({"mode": "off", "schedule": [{"from": "25:00", "to": "05:00"}]}, "time of day"),
        ({"mode": "off", "schedule": [{"from": "05:00", "to": "05:00"}]}, "never opens"),
        ({"mode": "off", "schedule": [{"from": "24:00", "to": "05:00"}]}, "never opens"),
        ({"mode": "off", "outside": "off"}, "there is no schedule beside it"),
        ({"schedule": [NIGHT]}, "says nothing that would hold then"),
        ({"freezes": [{"from": "2026-02-30", "to": "2026-03-01"}]}, "no such date"),
        ({"freezes": [{"from": "9999-12-31", "to": "9999-12-31"}]}, "no such date"),
        ({"freezes": [{"from": "2026-03-02", "to": "2026-03-01"}]}, "ends before it begins"),
    ],
)  # fmt: skip
def test_what_is_wrong_gets_a_sentence(spec: dict[str, Any], sentence: str) -> None:
    assert sentence in problems_of(document("automation", spec=spec))[0]


def test_a_power_document_that_says_nothing() -> None:
    spec = {"schedule": [NIGHT]}
    (said,) = problems_of(document("power", selector={"name": "x"}, spec=spec))
    assert "neither allows nor forbids anything" in said


def test_zones_are_those_of_the_database_only() -> None:
    assert {"UTC", BERLIN, "America/New_York"} <= known_zones()
    for zone in known_zones():
        assert ZoneInfo(zone).key == zone
