"""Actions of every kind: as JSON and back, in words, and what takes them back."""

from __future__ import annotations

import json

import pytest

from vsphere_market.executor import describe
from vsphere_market.journal.codec import action_from_json as from_journal
from vsphere_market.journal.codec import action_json
from vsphere_market.market.planschema import PLAN_SHAPE
from vsphere_market.port import (
    GRAVE,
    MEMORY_SETTINGS,
    Action,
    ActionKind,
    ApplyRecommendation,
    EnableHotAdd,
    Entity,
    Migrate,
    MigrateStorage,
    PoolSetting,
    ProvisionHost,
    Rest,
    SetMemory,
    SetPool,
    SetShares,
    Start,
    Stop,
    SuspendHost,
    memory_setting,
)
from vsphere_market.port.brief import action_ends, action_text
from vsphere_market.port.documents import action_from_json, action_to_json
from vsphere_market.port.kinds import KINDS
from vsphere_market.port.opposites import opposites, why_none

VM, H1, H2 = Entity("vm-1", "web-1"), Entity("host-1", "esx-1"), Entity("host-2", "esx-2")
MOVE = Migrate(VM, H1, H2)
ACTIONS: list[Action] = [
    MOVE,
    Migrate(VM, H1, H2, (Entity("resgroup-1", "Resources"), Entity("resgroup-2", "Resources"))),
    *(SetMemory(VM, setting, 4096, 8192) for setting in MEMORY_SETTINGS),
    SetMemory(VM, ActionKind.LIMIT, 4096, None),
    SetMemory(VM, ActionKind.BALLOON_CAP, None, 0),
    SetShares(VM, 40960, 1000),
    EnableHotAdd(VM),
    MigrateStorage(VM, Entity("datastore-1", "fast"), Entity("datastore-2", "slow")),
    Stop(VM),
    Stop(VM, hard=True),
    Start(VM),
    Start(VM, H2),
    *(SetPool(Entity("resgroup-1", "batch"), setting, 1024, 2048) for setting in PoolSetting),
    SetPool(Entity("resgroup-1", "batch"), PoolSetting.LIMIT, None, 2048),
    *(SuspendHost(H1, rest) for rest in Rest),
    *(ProvisionHost(H1, rest) for rest in Rest),
    ApplyRecommendation(Entity("domain-c1", "gold"), "7", (MOVE, Migrate(VM, H2, H1))),
]


def test_every_kind_is_here() -> None:
    assert {action.kind for action in ACTIONS} == set(ActionKind) == set(KINDS)


@pytest.mark.parametrize("action", ACTIONS, ids=str)
def test_as_json_and_back(action: Action) -> None:
    assert action_from_json(json.loads(json.dumps(action_to_json(action)))) == action
    assert from_journal(action_json(action)) == action


@pytest.mark.parametrize("action", ACTIONS, ids=str)
def test_plan_files_take_it(action: Action) -> None:
    document = {
        **action_to_json(action),
        "id": "s1",
        "wave": 1,
        "depends_on": [],
        "saving": 1.0,
        "disruption": 0.0,
        "mode": "approve",
        "reason": "Because.",
    }
    PLAN_SHAPE.fields["steps"].shape.check([document], "/steps")


@pytest.mark.parametrize("action", ACTIONS, ids=str)
def test_in_words(action: Action) -> None:
    assert action.subject.name in describe(action)
    assert action.subject.name in action_text(action)
    before, after = action_ends(action)
    assert before and after and before != after


def test_what_old_journals_hold_is_read() -> None:
    vm = '{"moid":"vm-1","name":"web-1"}'
    limit = f'{{"kind":"limit","vm":{vm},"from_mib":null,"to_mib":4096}}'
    assert from_journal(limit) == SetMemory(VM, ActionKind.LIMIT, None, 4096)
    ends = '"from":{"moid":"host-1","name":"esx-1"},"to":{"moid":"host-2","name":"esx-2"}'
    assert from_journal(f'{{"kind":"migrate","vm":{vm},{ends}}}') == MOVE


@pytest.mark.parametrize("action", ACTIONS, ids=str)
def test_the_opposite_of_the_opposite(action: Action) -> None:
    """Two opposites are the action itself, where there are any and it says all there is to say."""
    back = opposites(action)
    assert bool(back) is not bool(why_none(action.kind))
    if len(back) == 1 and not isinstance(action, Stop | Start):
        assert opposites(back[0]) == (action,)


def test_only_memory_settings_set_memory() -> None:
    for kind in ActionKind:
        if kind in MEMORY_SETTINGS:
            assert memory_setting(kind) is kind
        else:
            with pytest.raises(ValueError, match="amount of memory"):
                memory_setting(kind)
    assert ActionKind.STOP in GRAVE and ActionKind.MIGRATE not in GRAVE
