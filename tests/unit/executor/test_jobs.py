"""What steps of each kind hold while they run, and how long they may take."""

from __future__ import annotations

import pytest

from tests.fakes import change, entity, move, start, stop, vcenter
from vsphere_market.executor import Limits, Settings
from vsphere_market.executor.jobs import Capacity, Job, job_of_action
from vsphere_market.port import (
    Action,
    ActionKind,
    ApplyRecommendation,
    EnableHotAdd,
    MigrateStorage,
    PoolSetting,
    ProvisionHost,
    SetPool,
    SetShares,
    SuspendHost,
)

SETTINGS = Settings()
VM, POOL, CLUSTER = entity("vm-1"), entity("resgroup-1"), entity("domain-c1")
FAST, SLOW = entity("datastore-1"), entity("datastore-2")
MOVE = move("vm-1", "host-1", "host-2")
ACTIONS: list[Action] = [
    MOVE,
    change("vm-1", ActionKind.LIMIT, None, 4096),
    SetShares(VM, 1, 2),
    EnableHotAdd(VM),
    MigrateStorage(VM, FAST, SLOW),
    stop("vm-1"),
    start("vm-1"),
    SetPool(POOL, PoolSetting.LIMIT, None, 1),
    SuspendHost(entity("host-1")),
    ProvisionHost(entity("host-1")),
    ApplyRecommendation(CLUSTER, "1", (MOVE,)),
]


def job(action: Action) -> Job:
    return job_of_action("s1", action, vcenter(3, 4).observe(), SETTINGS)


def fits(*actions: Action, limits: Limits | None = None) -> bool:
    """Whether they may all run at once."""
    held: dict[str, int] = {}
    capacity = Capacity.of(limits or SETTINGS.limits)
    for action in actions:
        claims = job(action).claims
        if not capacity.allows(claims, held):
            return False
        for claim in claims:
            held[claim] = held.get(claim, 0) + 1
    return True


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: str(action.kind))
def test_every_kind_fits_alone_and_holds_its_subject(action: Action) -> None:
    assert fits(action)
    assert not fits(action, action)
    assert job(action).deadline_s > 0


def test_no_vm_comes_or_goes_while_a_host_goes_to_rest() -> None:
    suspend = SuspendHost(entity("host-1"))
    assert not fits(suspend, MOVE)
    assert not fits(MOVE, suspend)
    assert not fits(move("vm-2", "host-3", "host-1"), suspend)
    assert fits(suspend, move("vm-2", "host-2", "host-3"))


def test_one_host_of_a_cluster_rests_at_a_time() -> None:
    assert not fits(SuspendHost(entity("host-1")), ProvisionHost(entity("host-2")))


def test_datastores_take_two_moves_at_a_time() -> None:
    moves = [MigrateStorage(entity(f"vm-{n}"), FAST, SLOW) for n in (1, 2, 3)]
    assert fits(*moves[:2])
    assert not fits(*moves)
    elsewhere = MigrateStorage(entity("vm-3"), entity("datastore-3"), entity("datastore-4"))
    assert fits(*moves[:2], elsewhere)


def test_stops_and_starts_have_a_limit_of_their_own() -> None:
    limits = Limits(power_operations=1)
    assert not fits(stop("vm-1"), start("vm-2"), limits=limits)
    assert fits(stop("vm-1"), change("vm-2", ActionKind.LIMIT, None, 4096), limits=limits)


def test_a_recommendation_holds_what_its_moves_hold() -> None:
    both = ApplyRecommendation(CLUSTER, "1", (MOVE, move("vm-2", "host-2", "host-3")))
    assert not fits(both, change("vm-2", ActionKind.LIMIT, None, 4096))
    assert not fits(both, SuspendHost(entity("host-3")))
    assert job(both).hosts == ("host-1", "host-2", "host-3")
