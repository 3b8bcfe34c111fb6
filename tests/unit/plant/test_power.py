"""What the plant does with stops, starts, sizes of VMs that are off, hosts' rest, pools, files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.plants import entity, finish, setting
from vsphere_market.errors import ActionError, FinalFault, StaleFault
from vsphere_market.plant import PlantVCenter, estate_from_json
from vsphere_market.port import (
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
    SetPool,
    SetShares,
    Standing,
    Start,
    Stop,
    SuspendHost,
    TaskState,
)


@pytest.fixture
def port() -> PlantVCenter:
    return plant()


def plant(**more: Any) -> PlantVCenter:
    cluster: dict[str, Any] = {
        "name": "main",
        "hosts": [{"name": "esx-{n}", "count": 2, "memory_gib": 32}],
        "pools": [{"name": "batch", "reservation_gib": 1, "limit_gib": 16}],
        "datastores": ["fast", "slow"],
        "vms": [
            {"name": "a", "memory_gib": 4, "host": "esx-1", "tools": True},
            {"name": "b", "memory_gib": 4, "host": "esx-1", "tools": False},
            {"name": "off", "memory_gib": 4, "host": "esx-2", "power": "poweredOff"},
        ],
        **more,
    }
    estate = {
        "format": "vsphere-market/estate/1",
        "name": "power",
        "warm_up_min": 5,
        "clusters": [cluster],
    }
    return PlantVCenter(estate_from_json(estate, where="power"))


def done(port: PlantVCenter, action: Action) -> None:
    assert port.standing(action) is Standing.BEFORE
    assert not port.precheck(action)
    (status,) = finish(port, port.submit(action))
    assert status.state is TaskState.SUCCESS, status
    assert port.standing(action) is Standing.AFTER


def refused(port: PlantVCenter, action: Action, kind: type[ActionError], fault: str) -> None:
    assert [finding.code for finding in port.precheck(action)] == [fault]
    with pytest.raises(kind) as caught:
        port.submit(action)
    assert caught.value.fault == fault


def row(port: PlantVCenter, name: str) -> int:
    return port.world.inventory.vm_rows[name]


def pool(port: PlantVCenter) -> Entity:
    return Entity(port.world.inventory.pool_moids[1], "batch")


def test_a_vm_that_is_stopped_holds_nothing_and_asks_for_nothing(port: PlantVCenter) -> None:
    done(port, Stop(entity(port, "a")))
    port.clock.sleep(300.0)
    vms, at = port.observe().vms, row(port, "a")
    assert vms.power[at] == "poweredOff"
    assert np.isnan(vms.granted_mib[at])
    assert port.world.fleet.working[at] == port.world.fleet.granted[at] == 0.0
    done(port, Start(entity(port, "a")))
    port.clock.sleep(600.0)
    vms = port.observe().vms
    assert vms.power[at] == "poweredOn" and vms.granted_mib[at] > 100.0


def test_a_guest_takes_its_time_and_a_plug_does_not(port: PlantVCenter) -> None:
    begun = port.clock.now_s()
    done(port, Stop(entity(port, "a")))
    asked = port.clock.now_s() - begun
    done(port, Start(entity(port, "a")))
    begun = port.clock.now_s()
    done(port, Stop(entity(port, "a"), hard=True))
    assert port.clock.now_s() - begun < asked


def test_a_guest_without_tools_hears_nothing(port: PlantVCenter) -> None:
    refused(port, Stop(entity(port, "b")), FinalFault, "ToolsUnavailable")
    done(port, Stop(entity(port, "b"), hard=True))


def test_a_vm_that_was_off_from_the_start_lives_once_it_is_started(port: PlantVCenter) -> None:
    done(port, Start(entity(port, "off"), entity(port, "esx-1")))
    port.clock.sleep(900.0)
    vms, at = port.observe().vms, row(port, "off")
    assert vms.host[at] == 0
    assert vms.active_mib[at] > 0.0


def test_a_size_is_changed_while_it_is_off(port: PlantVCenter) -> None:
    action = setting(port, "a", ActionKind.RESIZE, 4096, 2048)
    refused(port, action, StaleFault, "InvalidPowerState")
    done(port, Stop(entity(port, "a")))
    done(port, action)
    done(port, Start(entity(port, "a")))
    port.clock.sleep(600.0)
    vms, at = port.observe().vms, row(port, "a")
    assert vms.size_mib[at] == 2048
    assert vms.granted_mib[at] <= 2048
    # Shares of the usual level go by the size.
    assert vms.shares[at] == 20480


def test_a_size_is_a_multiple_and_not_below_the_reservation(port: PlantVCenter) -> None:
    (status,) = finish(port, port.submit(setting(port, "a", ActionKind.RESERVATION, 0, 2048)))
    assert status.state is TaskState.SUCCESS
    done(port, Stop(entity(port, "a")))
    odd = setting(port, "a", ActionKind.RESIZE, 4096, 2049)
    refused(port, odd, FinalFault, "MemorySizeNotSupported")
    low = setting(port, "a", ActionKind.RESIZE, 4096, 1024)
    refused(port, low, FinalFault, "InvalidArgument")


def test_hot_add_is_enabled_at_a_power_off(port: PlantVCenter) -> None:
    action = EnableHotAdd(entity(port, "a"))
    refused(port, action, StaleFault, "InvalidPowerState")
    done(port, Stop(entity(port, "a")))
    done(port, action)
    done(port, Start(entity(port, "a")))
    assert port.observe().vms.hot_add_enabled[row(port, "a")]
    done(port, setting(port, "a", ActionKind.HOT_ADD, 4096, 5120))


def test_shares(port: PlantVCenter) -> None:
    done(port, SetShares(entity(port, "a"), 40960, 81920))
    assert port.observe().vms.shares[row(port, "a")] == 81920
    refused(port, SetShares(entity(port, "a"), 81920, 0), FinalFault, "InvalidArgument")


def test_files_go_to_a_datastore_of_the_cluster(port: PlantVCenter) -> None:
    fast, slow = (Entity(f"datastore-{n}", name) for n, name in ((1, "fast"), (2, "slow")))
    done(port, MigrateStorage(entity(port, "a"), fast, slow))
    snapshot = port.observe()
    assert snapshot.vms.datastores[row(port, "a")] == (1,)
    assert snapshot.datastores.name == ("fast", "slow")
    ghost = Entity("datastore-99", "ghost")
    action = MigrateStorage(entity(port, "a"), slow, ghost)
    refused(port, action, StaleFault, "ManagedObjectNotFound")


def test_a_pools_allocation(port: PlantVCenter) -> None:
    done(port, SetPool(pool(port), PoolSetting.RESERVATION, 1024, 4096))
    done(port, SetPool(pool(port), PoolSetting.LIMIT, 16384, None))
    shares = int(port.world.inventory.pools[1].shares)
    done(port, SetPool(pool(port), PoolSetting.SHARES, shares, 8000))
    pools = port.observe().pools
    assert (pools.reservation_mib[1], pools.limit_mib[1], pools.shares[1]) == (4096, np.inf, 8000)
    low = SetPool(pool(port), PoolSetting.LIMIT, None, 2048)
    refused(port, low, FinalFault, "InvalidArgument")
    much = SetPool(pool(port), PoolSetting.RESERVATION, 4096, 1 << 20)
    refused(port, much, StaleFault, "InsufficientMemoryResourcesFault")
    root = Entity(port.world.inventory.pool_moids[0], "Resources")
    action = SetPool(root, PoolSetting.RESERVATION, 0, 1024)
    refused(port, action, FinalFault, "NotSupported")


@pytest.mark.parametrize("rest", list(Rest))
def test_an_empty_host_rests_and_comes_back(port: PlantVCenter, rest: Rest) -> None:
    host = entity(port, "esx-2")
    done(port, SuspendHost(host, rest))
    snapshot = port.observe()
    assert snapshot.hosts.power[1] == ("standBy" if rest is Rest.STANDBY else "poweredOn")
    assert bool(snapshot.hosts.in_maintenance[1]) is (rest is Rest.MAINTENANCE)
    move = Migrate(entity(port, "a"), entity(port, "esx-1"), host)
    assert port.precheck(move)
    start = Start(entity(port, "off"))
    refused(port, start, StaleFault, "InvalidHostState")
    done(port, ProvisionHost(host, rest))
    done(port, start)


def test_a_host_with_running_vms_does_not_rest(port: PlantVCenter) -> None:
    action = SuspendHost(entity(port, "esx-1"))
    refused(port, action, StaleFault, "InvalidState")
    wrong = ProvisionHost(entity(port, "esx-1"))
    refused(port, wrong, StaleFault, "ConcurrentAccess")


def test_ha_keeps_its_reserve() -> None:
    ha = {"enabled": True, "admission_control": True, "reserve_memory_pct": 50}
    vms = [{"name": "a", "memory_gib": 24, "reservation_gib": 20, "host": "esx-1"}]
    port = plant(ha=ha, vms=vms)
    action = SuspendHost(entity(port, "esx-2"))
    refused(port, action, StaleFault, "InsufficientFailoverResourcesFault")


def test_drs_places_a_start_elsewhere_when_its_host_rests() -> None:
    port = plant(drs={"behavior": "fullyAutomated"})
    done(port, SuspendHost(entity(port, "esx-2")))
    done(port, Start(entity(port, "off")))
    assert port.observe().vms.host[row(port, "off")] == 0


def test_the_plants_drs_recommends_nothing(port: PlantVCenter) -> None:
    cluster = Entity(port.world.inventory.cluster_moids[0], "main")
    move = Migrate(entity(port, "a"), entity(port, "esx-1"), entity(port, "esx-2"))
    action = ApplyRecommendation(cluster, "1", (move,))
    assert port.standing(action) is Standing.OTHER
    refused(port, action, StaleFault, "ConcurrentAccess")
