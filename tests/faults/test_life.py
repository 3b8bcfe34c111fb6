"""Lives in the campaign's process: the program must keep nothing in memory between them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from tests.faults.campaign import PATIENCE_S, folder_of_run, simulator_of
from tests.faults.life import at_risk, live_here
from tests.faults.troubles import Event, Scenario, Strike, Write
from tests.faults.world import ALL

#: What is remembered of types of the API, which no life changes.
_OF_TYPES = ("vsphere_market.adapter.answers",)


def test_nothing_that_a_life_knew_is_left_in_memory() -> None:
    lived: dict[str, str] = {}
    for cases in (ALL, ()):
        scenario = Scenario(cases, strikes=(Strike(4, "call", "NotAuthenticated"),))
        # The first life loads what is loaded when it is needed.
        for _ in range(2):
            lived = _containers()
            with folder_of_run() as folder, simulator_of(cases) as simulator:
                report = live_here(simulator, scenario, folder, 0, PATIENCE_S)
            assert report["end"] == "done" and report["calls"], report
        assert _containers() == lived


def test_only_lives_that_nobody_ends_share_a_process() -> None:
    calm = Scenario(("migrate",), strikes=(Strike(0, "drop_after"),))
    spoiled = Scenario(("migrate",), events=(Event(0, "die"),), second=(Write(3, "die"),))
    full = Scenario((), writes=(Write(0, "full"),))
    assert not any(at_risk(calm, life) for life in range(4))
    assert [at_risk(spoiled, life) for life in range(4)] == [True, True, False, False]
    assert [at_risk(full, life) for life in range(4)] == [True, False, False, False]


def _containers() -> dict[str, str]:
    """What the lists, dicts and sets of the program's modules and classes hold."""
    return {name: repr(value) for name, value in _mutable() if not name.startswith(_OF_TYPES)}


def _mutable() -> Iterator[tuple[str, Any]]:
    for name, module in sorted(sys.modules.items()):
        if not name.startswith("vsphere_market"):
            continue
        homes: list[tuple[str, Any]] = [(name, module)]
        homes += [
            (f"{name}.{key}", one)
            for key, one in vars(module).items()
            if isinstance(one, type) and one.__module__ == name
        ]
        for home, one in homes:
            for key, value in list(vars(one).items()):
                if isinstance(value, (list, dict, set)) and not key.startswith("__"):
                    yield f"{home}.{key}", value
