"""What every implementation of the vCenter port owes the market, as one suite of tests.

Derive a class from :class:`PortContract` in a test module and give it a fixture ``world``::

    class TestPlant(PortContract):
        @pytest.fixture
        def world(self) -> Iterator[World]:
            yield World(port=PlantVCenter(...), close_host=...)

The estate behind the port is small and calm, and new for every test. It holds at least
* one cluster of two or more connected hosts with vMotion, none of them in maintenance mode, each
  with room for any of the cluster's VMs, and with two datastores that all of them see;
* one running VM in it with memory hot-add enabled and room to grow, one without; both without a
  limit, a balloon cap, a locked reservation, passthrough or fault tolerance, and with at least
  64 MiB that a reservation could still take; VMware Tools run in the first one;
* a resource pool below the root pool of that cluster;
* a host of another cluster that takes that VM, and sees its network and datastore.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, assert_never

import numpy as np
import pytest

from vsphere_market.errors import ActionError, FinalFault, MarketError, StaleFault
from vsphere_market.estate import (
    CONNECTED,
    POWERED_ON,
    TABLES,
    Snapshot,
    snapshot_from_json,
    snapshot_to_json,
)
from vsphere_market.estate.columns import Kind
from vsphere_market.port import (
    MEMORY_SETTINGS,
    Action,
    ActionKind,
    ApplyRecommendation,
    EnableHotAdd,
    Entity,
    Finding,
    MemorySetting,
    Migrate,
    MigrateStorage,
    PoolSetting,
    ProvisionHost,
    Rest,
    SetMemory,
    SetPool,
    SetShares,
    Severity,
    Standing,
    Start,
    Stop,
    SuspendHost,
    TaskHandle,
    TaskState,
    TaskStatus,
    VCenterPort,
)
from vsphere_market.port.opposites import opposites, why_none

#: Longer than any task of a small estate takes, by the port's own clock.
PATIENCE_S = 600.0
POLL_S = 0.2
SETTINGS = [kind for kind in MEMORY_SETTINGS if kind is not ActionKind.RESIZE]


@dataclass(frozen=True)
class World:
    """A port, and what an administrator can do behind the market's back.

    Attributes:
        port: what is tried.
        close_host: puts a host into maintenance mode.
        recommend: makes the cluster's DRS recommend a move, and gives the recommendation's key.
    """

    port: VCenterPort
    close_host: Callable[[Entity], None]
    recommend: Callable[[Entity, Migrate], str] | None = None


@dataclass(frozen=True)
class Cast:
    """Who plays in a test: a VM that can grow, one that cannot, hosts, a pool, datastores.

    Attributes:
        snapshot: where they were found.
        grower: a running VM with hot-add.
        fixed: a running VM without.
        source, target: the grower's host, and another one of its cluster.
        spare: the host of the cluster with the fewest running VMs.
        crowd: the VMs that run there.
        cluster: the grower's.
        abroad: a host of another cluster.
        pools: the grower's resource pool, and the root pool there.
        pool: a pool below the root pool.
        datastores: the one that holds the grower's files, and another one.
        hard: the grower's guest cannot be asked to shut down.
        rest: how hosts of this world rest.
        places: a start on another host is possible.
    """

    snapshot: Snapshot
    grower: Entity
    fixed: Entity
    source: Entity
    target: Entity
    spare: Entity
    crowd: tuple[Entity, ...]
    cluster: Entity
    abroad: Entity
    pools: tuple[Entity, Entity]
    pool: Entity
    datastores: tuple[Entity, Entity]
    hard: bool
    rest: Rest = Rest.STANDBY
    places: bool = True

    def before(self, kind: ActionKind) -> list[Action]:
        """What has to be done first, so that an action of that kind is possible."""
        if kind in (ActionKind.RESIZE, ActionKind.START):
            return [Stop(self.grower, self.hard)]
        if kind is ActionKind.ENABLE_HOT_ADD:
            return [Stop(self.fixed, hard=True)]
        if kind is ActionKind.SUSPEND_HOST:
            return [Stop(vm, hard=True) for vm in self.crowd]
        if kind is ActionKind.PROVISION_HOST:
            return [*self.before(ActionKind.SUSPEND_HOST), SuspendHost(self.spare, self.rest)]
        return []

    def action(self, kind: ActionKind, key: str = "") -> Action:
        """An action of that kind that the estate allows; ``key`` is of a recommendation."""
        vms, row = self.snapshot.vms, self.snapshot.vms.row(self.grower.moid)
        size, reservation = int(vms.size_mib[row]), int(vms.reservation_mib[row])
        step = vms.hot_add_increment_mib[row]
        pools, pool = self.snapshot.pools, self.snapshot.pools.row(self.pool.moid)
        match kind:
            case ActionKind.MIGRATE:
                return Migrate(self.grower, self.source, self.target)
            case ActionKind.LIMIT:
                return SetMemory(self.grower, kind, None, size)
            case ActionKind.RESERVATION:
                return SetMemory(self.grower, kind, reservation, reservation + 16)
            case ActionKind.HOT_ADD:
                more = max(4, int(step) if step > 0 else 4)
                return SetMemory(self.grower, kind, size, size + more)
            case ActionKind.RESIZE:
                return SetMemory(self.grower, kind, size, size - 16)
            case ActionKind.BALLOON_CAP:
                return SetMemory(self.grower, kind, None, size // 2)
            case ActionKind.SHARES:
                shares = int(vms.shares[row])
                return SetShares(self.grower, shares, shares + 1000)
            case ActionKind.ENABLE_HOT_ADD:
                return EnableHotAdd(self.fixed)
            case ActionKind.MIGRATE_STORAGE:
                return MigrateStorage(self.grower, *self.datastores)
            case ActionKind.STOP:
                return Stop(self.grower, self.hard)
            case ActionKind.START:
                return Start(self.grower, self.target if self.places else None)
            case ActionKind.POOL:
                now = int(pools.reservation_mib[pool])
                return SetPool(self.pool, PoolSetting.RESERVATION, now, now + 16)
            case ActionKind.SUSPEND_HOST:
                return SuspendHost(self.spare, self.rest)
            case ActionKind.PROVISION_HOST:
                return ProvisionHost(self.spare, self.rest)
            case ActionKind.DRS:
                move = Migrate(self.grower, self.source, self.target)
                return ApplyRecommendation(self.cluster, key, (move,))
            case _:
                assert_never(kind)


def cast_from(snapshot: Snapshot) -> Cast:
    """Find the roles in an estate."""
    vms, hosts = snapshot.vms, snapshot.hosts
    movable = [
        row
        for row in range(len(vms))
        if vms.power[row] == POWERED_ON
        and vms.connection[row] == CONNECTED
        and vms.cluster[row] >= 0
        and np.isinf(vms.limit_mib[row])
        and np.isnan(vms.balloon_cap_mib[row])
    ]
    growing = [row for row in movable if vms.hot_add_enabled[row]]
    grower = next((row for row in growing if vms.tools_running[row]), growing[0])
    fixed = next(row for row in movable if not vms.hot_add_enabled[row])
    source = int(vms.host[grower])
    target = next(
        row
        for row in range(len(hosts))
        if row != source
        and hosts.cluster[row] == vms.cluster[grower]
        and hosts.connection[row] == CONNECTED
        and not hosts.in_maintenance[row]
    )

    def vm(row: int) -> Entity:
        return Entity(vms.moid[row], vms.name[row])

    def host(row: int) -> Entity:
        return Entity(hosts.moid[row], hosts.name[row])

    running = [row for row in range(len(vms)) if vms.power[row] == POWERED_ON]
    cluster = int(vms.cluster[grower])
    inside = [row for row in range(len(hosts)) if hosts.cluster[row] == cluster]
    crowds = {row: [one for one in running if vms.host[one] == row] for row in inside}
    spare = min(inside, key=lambda row: len(crowds[row]))
    pools, datastores = snapshot.pools, snapshot.datastores
    pool = next(
        row for row in range(len(pools)) if pools.cluster[row] == cluster and pools.parent[row] >= 0
    )
    abroad = next(
        row
        for row in range(len(hosts))
        if hosts.cluster[row] not in (-1, cluster) and hosts.connection[row] == CONNECTED
    )
    root = next(
        row
        for row in range(len(pools))
        if pools.cluster[row] == hosts.cluster[abroad] and pools.parent[row] < 0
    )
    own = int(vms.pool[grower])
    (home, *_) = vms.datastores[grower]
    other = next(row for row in hosts.datastores[source] if row != home)
    return Cast(
        snapshot,
        grower=vm(grower),
        fixed=vm(fixed),
        source=host(source),
        target=host(target),
        spare=host(spare),
        crowd=tuple(vm(row) for row in crowds[spare]),
        cluster=Entity(snapshot.clusters.moid[cluster], snapshot.clusters.name[cluster]),
        abroad=host(abroad),
        pools=(
            Entity(pools.moid[own], pools.name[own]),
            Entity(pools.moid[root], pools.name[root]),
        ),
        pool=Entity(pools.moid[pool], pools.name[pool]),
        datastores=(
            Entity(datastores.moid[home], datastores.name[home]),
            Entity(datastores.moid[other], datastores.name[other]),
        ),
        hard=not vms.tools_running[grower],
    )


def wait(port: VCenterPort, handles: Sequence[TaskHandle]) -> list[TaskStatus]:
    """Poll until every task is final, by the port's own clock."""
    ends = port.clock.now_s() + PATIENCE_S
    while True:
        statuses = list(port.poll(handles))
        assert len(statuses) == len(handles)
        if all(status.final for status in statuses):
            return statuses
        assert port.clock.now_s() < ends, f"still not done: {statuses}"
        port.clock.sleep(POLL_S)


def do(port: VCenterPort, action: Action) -> None:
    """Do an action to its good end."""
    (status,) = wait(port, [port.submit(action)])
    assert status.state is TaskState.SUCCESS, status


def refusal(port: VCenterPort, action: Action) -> MarketError | None:
    """Why an action is not done: refused at the door, or by its task; None when it was done."""
    try:
        handle = port.submit(action)
    except MarketError as error:
        return error
    (status,) = wait(port, [handle])
    return status.error


#: Memory settings and their columns.
COLUMNS: Mapping[MemorySetting, str] = {
    ActionKind.LIMIT: "limit_mib",
    ActionKind.RESERVATION: "reservation_mib",
    ActionKind.HOT_ADD: "size_mib",
    ActionKind.RESIZE: "size_mib",
    ActionKind.BALLOON_CAP: "balloon_cap_mib",
}


def shown(snapshot: Snapshot, action: Action) -> object:
    """What a snapshot shows of what an action changes."""
    vms, hosts, pools = snapshot.vms, snapshot.hosts, snapshot.pools
    row = vms.row(action.subject.moid)
    match action:
        case Migrate():
            return hosts.moid[vms.host[row]]
        case SetMemory():
            return float(getattr(vms, COLUMNS[action.setting])[row])
        case SetShares():
            return int(vms.shares[row])
        case EnableHotAdd():
            return bool(vms.hot_add_enabled[row])
        case MigrateStorage():
            return [snapshot.datastores.moid[one] for one in vms.datastores[row]]
        case Stop():
            return vms.power[row]
        case Start():
            place = None if action.host is None else hosts.moid[vms.host[row]]
            return vms.power[row], place
        case SetPool():
            return float(pools.reservation_mib[pools.row(action.pool.moid)])
        case SuspendHost() | ProvisionHost():
            at = hosts.row(action.host.moid)
            resting = hosts.power[at] == "standBy", bool(hosts.in_maintenance[at])
            return resting[0 if action.rest is Rest.STANDBY else 1]
        case ApplyRecommendation():
            return [hosts.moid[vms.host[vms.row(move.vm.moid)]] for move in action.moves]
        case _:
            assert_never(action)


def wanted(action: Action) -> object:
    """The same as the action would leave it."""
    match action:
        case Migrate():
            return action.target.moid
        case SetMemory():
            assert action.to_mib is not None
            return float(action.to_mib)
        case SetShares():
            return action.to_shares
        case EnableHotAdd() | SuspendHost():
            return True
        case MigrateStorage():
            return [action.target.moid]
        case Stop():
            return "poweredOff"
        case Start():
            return POWERED_ON, None if action.host is None else action.host.moid
        case SetPool():
            assert action.after is not None
            return float(action.after)
        case ProvisionHost():
            return False
        case ApplyRecommendation():
            return [move.target.moid for move in action.moves]
        case _:
            assert_never(action)


def errors(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that say no."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def with_wrong_start(action: Action) -> Action:
    """The same wish with an expectation that does not hold."""
    match action:
        case Migrate():
            return action.back
        case SetMemory():
            assert action.to_mib is not None
            return SetMemory(action.vm, action.setting, action.to_mib + 4, action.to_mib + 8)
        case SetShares():
            return SetShares(action.vm, action.to_shares + 4, action.to_shares + 8)
        case EnableHotAdd() | Stop() | Start():
            # There is one way to expect it: who is there already comes too late.
            return action
        case MigrateStorage():
            return MigrateStorage(action.vm, action.target, action.source)
        case SetPool():
            assert action.after is not None
            return SetPool(action.pool, action.setting, action.after + 4, action.after + 8)
        case SuspendHost():
            return ProvisionHost(action.host, action.rest)
        case ProvisionHost():
            return SuspendHost(action.host, action.rest)
        case ApplyRecommendation():
            return ApplyRecommendation(action.cluster, f"{action.key}9", action.moves)
        case _:
            assert_never(action)


class PortContract:
    """The tests. Every one gets a new world.

    Attributes:
        kinds: what this implementation's world can do at all.
        rest: how its hosts rest.
        places: a VM can be started on another host than the one where it is registered.
        halts: what is called cancelled has ended; else its work goes on and is done.
    """

    #: DRS recommends something where a world has a way to make it.
    kinds: ClassVar[tuple[ActionKind, ...]] = tuple(
        kind for kind in ActionKind if kind is not ActionKind.DRS
    )
    rest: ClassVar[Rest] = Rest.STANDBY
    places: ClassVar[bool] = True
    halts: ClassVar[bool] = True

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Tests that ask for a ``kind`` or a ``setting`` are made for each that there is."""
        settings = [kind for kind in SETTINGS if kind in self.kinds]
        for name, values in (("kind", list(self.kinds)), ("setting", settings)):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values, ids=[str(value) for value in values])

    @pytest.fixture
    def port(self, world: World) -> VCenterPort:
        return world.port

    @pytest.fixture
    def cast(self, port: VCenterPort) -> Cast:
        return replace(cast_from(port.observe()), rest=self.rest, places=self.places)

    @pytest.fixture
    def action(self, world: World, cast: Cast, kind: ActionKind) -> Action:
        """A possible action of a kind, what has to be done first being done."""
        for first in cast.before(kind):
            do(world.port, first)
        key = ""
        if kind is ActionKind.DRS:
            assert world.recommend is not None
            key = world.recommend(cast.cluster, Migrate(cast.grower, cast.source, cast.target))
        return cast.action(kind, key)

    # ------------------------------------------------------------ seeing

    def test_every_reference_of_a_snapshot_points_to_a_row(self, port: VCenterPort) -> None:
        snapshot = port.observe()
        for name, cls in TABLES.items():
            table = snapshot.table(name)
            for column, declared in cls.columns().items():
                values = getattr(table, column)
                if declared.kind is Kind.REF:
                    rows = [int(value) for value in values if value != -1]
                elif declared.kind is Kind.REFS:
                    rows = [row for refs in values for row in refs]
                else:
                    continue
                size = len(snapshot.table(declared.table))
                assert all(0 <= row < size for row in rows), f"{name}.{column}"

    def test_running_vms_are_on_hosts_of_their_cluster(self, port: VCenterPort) -> None:
        snapshot = port.observe()
        vms, hosts = snapshot.vms, snapshot.hosts
        running = [row for row in range(len(vms)) if vms.power[row] == POWERED_ON]
        assert running
        for row in running:
            assert vms.host[row] >= 0, vms.name[row]
            assert vms.cluster[row] == hosts.cluster[vms.host[row]], vms.name[row]
        assert (vms.size_mib > 0).all()
        assert (hosts.memory_mib > 0).all()
        assert all(name for name in (*vms.name, *hosts.name))

    def test_counters_are_given_or_missing_but_never_negative(self, port: VCenterPort) -> None:
        snapshot = port.observe()
        for name, cls in TABLES.items():
            table = snapshot.table(name)
            for column, declared in cls.columns().items():
                if declared.kind is Kind.NUMBER:
                    values = getattr(table, column)
                    assert (np.isnan(values) | (values >= 0)).all(), f"{name}.{column}"
        vms = snapshot.vms
        spoken = vms.samples > 0
        assert not np.isnan(vms.sampled_at_s[spoken]).any()
        assert (vms.sampled_at_s[spoken] <= port.clock.now_s() + 60).all()

    def test_a_snapshot_survives_its_file(self, port: VCenterPort) -> None:
        document = snapshot_to_json(port.observe())
        again = snapshot_to_json(snapshot_from_json(document, where="test"))
        assert again == document

    def test_looking_twice_shows_the_same_estate(self, port: VCenterPort) -> None:
        first, second = port.observe(), port.observe()
        for name in ("moid", "name", "host", "size_mib", "limit_mib", "change_version"):
            assert np.array_equal(getattr(first.vms, name), getattr(second.vms, name)), name
        assert first.source == second.source
        assert first.taken_at_s <= second.taken_at_s <= port.clock.now_s()

    def test_the_clock_goes_on_while_one_sleeps(self, port: VCenterPort) -> None:
        before = port.clock.now_s()
        port.clock.sleep(0.05)
        assert port.clock.now_s() - before >= 0.04

    def test_a_checkup_says_something_and_nothing_that_cannot_work(self, port: VCenterPort) -> None:
        findings = port.checkup()
        assert findings
        assert not errors(findings)
        for finding in findings:
            assert finding.code
            assert finding.what
            assert finding.cure or finding.severity in (Severity.OK, Severity.INFO)

    # ------------------------------------------------------------ doing

    def test_an_action_leads_from_before_to_after(self, port: VCenterPort, action: Action) -> None:
        assert port.standing(action) is Standing.BEFORE
        assert not errors(port.precheck(action))
        assert port.standing(action) is Standing.BEFORE, "a precheck changes nothing"
        handle = port.submit(action)
        assert handle.action == action
        (status,) = wait(port, [handle])
        assert status.state is TaskState.SUCCESS
        assert status.error is None
        assert port.standing(action) is Standing.AFTER

    def test_the_next_snapshot_shows_what_was_done(
        self, port: VCenterPort, cast: Cast, action: Action
    ) -> None:
        was = port.observe()
        do(port, action)
        now = port.observe()
        assert shown(now, action) == wanted(action)
        assert shown(was, action) != wanted(action)

    def test_nothing_else_of_a_vm_is_touched(
        self, port: VCenterPort, cast: Cast, setting: MemorySetting
    ) -> None:
        action = cast.action(setting)
        do(port, action)
        vms, row = port.observe().vms, cast.snapshot.vms.row(cast.grower.moid)
        assert vms.change_version[row] != cast.snapshot.vms.change_version[row]
        # Shares of the usual kind go by the size.
        names = {*COLUMNS.values(), "shares"} - {COLUMNS[setting]}
        for name in names - {"shares"} if setting is ActionKind.HOT_ADD else names:
            old = getattr(cast.snapshot.vms, name)[row]
            assert np.array_equal(getattr(vms, name)[row], old, equal_nan=True), name

    def test_what_was_done_can_be_taken_back(
        self, port: VCenterPort, cast: Cast, action: Action, kind: ActionKind
    ) -> None:
        do(port, action)
        back = opposites(action)
        assert bool(back) is not bool(why_none(kind))
        for one in back:
            # A guest that was just started does not answer yet, and some never do.
            do(port, Stop(one.vm, hard=True) if isinstance(one, Stop) else one)
        if back and kind is not ActionKind.DRS:
            assert port.standing(action) is Standing.BEFORE

    def test_a_wrong_expectation_is_stale_and_changes_nothing(
        self, port: VCenterPort, action: Action
    ) -> None:
        wrong = with_wrong_start(action)
        if wrong == action:
            do(port, action)
        before = port.standing(action)
        with pytest.raises(StaleFault):
            port.submit(wrong)
        assert port.standing(action) is before

    def test_neither_before_nor_after_is_other(
        self, port: VCenterPort, cast: Cast, setting: MemorySetting
    ) -> None:
        good = cast.action(setting)
        assert isinstance(good, SetMemory)
        assert good.to_mib is not None
        wrong = SetMemory(good.vm, setting, good.to_mib + 4, good.to_mib + 8)
        assert port.standing(wrong) is Standing.OTHER

    def test_what_is_gone_stands_nowhere(self, port: VCenterPort, cast: Cast) -> None:
        host, pool = Entity("host-9999999", "ghost"), Entity("resgroup-9999999", "ghost")
        vm, cluster = Entity("vm-9999999", "ghost"), Entity("domain-c9999999", "ghost")
        for action in (
            SetShares(vm, 1, 2),
            Stop(vm),
            Start(vm),
            EnableHotAdd(vm),
            MigrateStorage(vm, *cast.datastores),
            SetPool(pool, PoolSetting.LIMIT, None, 64),
            SuspendHost(host),
            ProvisionHost(host),
            ApplyRecommendation(cluster, "1", (Migrate(vm, cast.source, cast.target),)),
        ):
            assert port.standing(action) is Standing.OTHER, action
            with pytest.raises(StaleFault):
                port.submit(action)

    def test_a_vm_that_is_gone_stands_nowhere(self, port: VCenterPort, cast: Cast) -> None:
        ghost = Entity("vm-9999999", "ghost")
        action = SetMemory(ghost, ActionKind.LIMIT, None, 64)
        assert port.standing(action) is Standing.OTHER
        assert port.standing(Migrate(ghost, cast.source, cast.target)) is Standing.OTHER
        with pytest.raises(StaleFault):
            port.submit(action)

    # ------------------------------------------------------------ refusing

    def _refused(
        self, port: VCenterPort, action: Action, kind: type[ActionError] = ActionError
    ) -> None:
        """It is refused beforehand and when submitted alike, and changes nothing."""
        before = port.standing(action)
        assert errors(port.precheck(action)), "refused by submit only"
        error = refusal(port, action)
        assert isinstance(error, kind), error
        assert error.fault
        assert action.subject.name in str(error)
        assert port.standing(action) is before

    def test_hot_add_without_its_switch(self, port: VCenterPort, cast: Cast) -> None:
        size = int(cast.snapshot.vms.size_mib[cast.snapshot.vms.row(cast.fixed.moid)])
        self._refused(
            port, SetMemory(cast.fixed, ActionKind.HOT_ADD, size, size + 1024), FinalFault
        )

    def test_a_running_vm_does_not_shrink(self, port: VCenterPort, cast: Cast) -> None:
        size = int(cast.snapshot.vms.size_mib[cast.snapshot.vms.row(cast.grower.moid)])
        self._refused(port, SetMemory(cast.grower, ActionKind.HOT_ADD, size, size - 4), FinalFault)

    def test_a_reservation_above_the_size(self, port: VCenterPort, cast: Cast) -> None:
        vms, row = cast.snapshot.vms, cast.snapshot.vms.row(cast.fixed.moid)
        now, size = int(vms.reservation_mib[row]), int(vms.size_mib[row])
        action = SetMemory(cast.fixed, ActionKind.RESERVATION, now, size + 4)
        self._refused(port, action, FinalFault)

    def test_a_limit_below_the_reservation(self, port: VCenterPort, cast: Cast) -> None:
        reserve = cast.action(ActionKind.RESERVATION)
        assert isinstance(reserve, SetMemory)
        assert reserve.to_mib is not None
        do(port, reserve)
        action = SetMemory(cast.grower, ActionKind.LIMIT, None, reserve.to_mib - 4)
        self._refused(port, action, FinalFault)

    def test_a_host_in_maintenance_takes_nobody(self, world: World, cast: Cast) -> None:
        world.close_host(cast.target)
        snapshot = world.port.observe()
        assert snapshot.hosts.in_maintenance[snapshot.hosts.row(cast.target.moid)]
        self._refused(world.port, Migrate(cast.grower, cast.source, cast.target), StaleFault)

    def test_a_host_that_is_gone_takes_nobody(self, port: VCenterPort, cast: Cast) -> None:
        ghost = Entity("host-9999999", "ghost")
        self._refused(port, Migrate(cast.grower, cast.source, ghost))

    def test_a_vm_goes_to_another_cluster_and_back(self, port: VCenterPort, cast: Cast) -> None:
        away = Migrate(cast.grower, cast.source, cast.abroad, cast.pools)
        for move in (away, away.back):
            assert move.pools is not None
            assert not errors(port.precheck(move))
            do(port, move)
            assert port.standing(move) is Standing.AFTER
            now = port.observe()
            row = now.vms.row(cast.grower.moid)
            assert now.hosts.moid[now.vms.host[row]] == move.target.moid
            assert now.pools.moid[now.vms.pool[row]] == move.pools[1].moid
            assert now.vms.cluster[row] == now.pools.cluster[now.vms.pool[row]]

    def test_another_cluster_takes_nobody_without_a_pool(
        self, port: VCenterPort, cast: Cast
    ) -> None:
        left, joined = cast.pools
        self._refused(port, Migrate(cast.grower, cast.source, cast.abroad), FinalFault)
        ghost = Entity("resgroup-9999999", "ghost")
        for pools, kind in (
            ((left, cast.pool), FinalFault),
            ((left, ghost), StaleFault),
            ((joined, joined), StaleFault),
        ):
            self._refused(port, Migrate(cast.grower, cast.source, cast.abroad, pools), kind)

    def test_a_running_vm_is_not_resized_and_gets_no_switch(
        self, port: VCenterPort, cast: Cast
    ) -> None:
        self._refused(port, cast.action(ActionKind.RESIZE), StaleFault)
        self._refused(port, cast.action(ActionKind.ENABLE_HOT_ADD), StaleFault)

    def test_a_size_that_is_no_multiple(self, port: VCenterPort, cast: Cast) -> None:
        do(port, Stop(cast.grower, cast.hard))
        size = int(cast.snapshot.vms.size_mib[cast.snapshot.vms.row(cast.grower.moid)])
        odd = SetMemory(cast.grower, ActionKind.RESIZE, size, size - 1)
        self._refused(port, odd, FinalFault)

    def test_no_shares_at_all(self, port: VCenterPort, cast: Cast) -> None:
        row = cast.snapshot.vms.row(cast.grower.moid)
        now = int(cast.snapshot.vms.shares[row])
        self._refused(port, SetShares(cast.grower, now, 0), FinalFault)

    def test_a_datastore_that_is_gone(self, port: VCenterPort, cast: Cast) -> None:
        ghost = Entity("datastore-9999999", "ghost")
        action = MigrateStorage(cast.grower, cast.datastores[0], ghost)
        self._refused(port, action, StaleFault)

    def test_a_host_with_running_vms_does_not_rest(self, port: VCenterPort, cast: Cast) -> None:
        self._refused(port, SuspendHost(cast.source, self.rest), StaleFault)

    def test_a_host_that_rests_starts_nobody(self, port: VCenterPort, cast: Cast) -> None:
        for first in cast.before(ActionKind.PROVISION_HOST):
            do(port, first)
        do(port, Stop(cast.fixed, hard=True)) if cast.fixed not in cast.crowd else None
        self._refused(port, Start(cast.fixed, cast.spare), StaleFault)

    def test_a_pool_below_what_it_has_promised(self, port: VCenterPort, cast: Cast) -> None:
        pools, row = cast.snapshot.pools, cast.snapshot.pools.row(cast.pool.moid)
        now = int(pools.reservation_mib[row])
        do(port, SetPool(cast.pool, PoolSetting.RESERVATION, now, now + 32))
        limit = pools.limit_mib[row]
        before = int(limit) if np.isfinite(limit) else None
        self._refused(port, SetPool(cast.pool, PoolSetting.LIMIT, before, now + 16), FinalFault)

    # ------------------------------------------------------------ tasks

    def test_several_tasks_in_one_look_in_their_order(self, port: VCenterPort, cast: Cast) -> None:
        vms = cast.snapshot.vms
        size = int(vms.size_mib[vms.row(cast.fixed.moid)])
        handles = [
            port.submit(cast.action(ActionKind.LIMIT)),
            port.submit(SetMemory(cast.fixed, ActionKind.LIMIT, None, size)),
        ]
        statuses = wait(port, handles)
        assert [status.state for status in statuses] == [TaskState.SUCCESS] * 2
        assert wait(port, handles[::-1]) == statuses[::-1]
        assert list(port.poll([])) == []

    def test_progress_is_a_share(self, port: VCenterPort, cast: Cast) -> None:
        handle = port.submit(cast.action(ActionKind.MIGRATE))
        seen = [port.poll([handle])[0]]
        seen += wait(port, [handle])
        assert all(0 <= status.progress_pct <= 100 for status in seen)

    def test_a_task_is_found_again_and_nothing_before_it_was_sent(
        self, port: VCenterPort, action: Action
    ) -> None:
        port.clock.sleep(1.0)
        since = port.clock.now_s()
        assert port.find_task(action, since) is None
        handle = port.submit(action)
        found = port.find_task(action, since)
        (status,) = wait(port, [handle])
        assert status.state is TaskState.SUCCESS
        # Without a task of its own, an action can be found by its effect alone.
        if found is None:
            assert handle.task.startswith("watch:")
        else:
            assert (found.task, found.action) == (handle.task, action)
        found = port.find_task(action, since)
        assert found is not None
        assert found.task == handle.task
        assert port.poll([found])[0].state is TaskState.SUCCESS

    def test_other_tasks_are_not_taken_for_it(self, port: VCenterPort, cast: Cast) -> None:
        since = port.clock.now_s()
        limit = cast.action(ActionKind.LIMIT)
        do(port, limit)
        assert port.find_task(cast.action(ActionKind.MIGRATE), since) is None
        assert port.find_task(cast.action(ActionKind.RESERVATION), since) is None
        elsewhere = SetMemory(cast.fixed, ActionKind.LIMIT, None, 4096)
        assert port.find_task(elsewhere, since) is None

    def test_older_tasks_are_not_taken_for_it(self, port: VCenterPort, cast: Cast) -> None:
        action = cast.action(ActionKind.LIMIT)
        do(port, action)
        port.clock.sleep(2.0)
        assert port.find_task(action, port.clock.now_s()) is None

    def test_cancelling_leaves_the_world_before_or_after(
        self, port: VCenterPort, cast: Cast
    ) -> None:
        action = cast.action(ActionKind.MIGRATE)
        handle = port.submit(action)
        port.cancel(handle)
        (status,) = wait(port, [handle])
        assert status.error is None
        assert status.state in (TaskState.CANCELLED, TaskState.SUCCESS)
        if not self.halts:
            until = port.clock.now_s() + PATIENCE_S
            while port.poll([handle])[0].state is not TaskState.SUCCESS:
                assert port.clock.now_s() < until
                port.clock.sleep(POLL_S)
            (status,) = port.poll([handle])
        expected = {
            TaskState.CANCELLED: Standing.BEFORE,
            TaskState.SUCCESS: Standing.AFTER,
        }
        assert port.standing(action) is expected[status.state]

    def test_cancelling_what_is_over_does_nothing(self, port: VCenterPort, cast: Cast) -> None:
        action = cast.action(ActionKind.LIMIT)
        handle = port.submit(action)
        (status,) = wait(port, [handle])
        port.cancel(handle)
        assert list(port.poll([handle])) == [status]
        assert port.standing(action) is Standing.AFTER

    # ------------------------------------------------------------ leaving

    def test_closing_twice(self, port: VCenterPort) -> None:
        port.observe()
        port.close()
        port.close()
