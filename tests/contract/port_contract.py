"""What every implementation of the vCenter port owes the market, as one suite of tests.

Derive a class from :class:`PortContract` in a test module and give it a fixture ``world``::

    class TestPlant(PortContract):
        @pytest.fixture
        def world(self) -> Iterator[World]:
            yield World(port=PlantVCenter(...), close_host=...)

The estate behind the port is small and calm, and new for every test. It holds at least
* one cluster of two or more connected hosts with vMotion, none of them in maintenance mode, each
  with room for any of the cluster's VMs;
* one running VM in it with memory hot-add enabled and room to grow, one without; both without a
  limit, a balloon cap, a locked reservation, passthrough or fault tolerance, and with at least
  64 MiB that a reservation could still take.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
    Entity,
    Finding,
    Migrate,
    SetMemory,
    Severity,
    Standing,
    TaskHandle,
    TaskState,
    TaskStatus,
    VCenterPort,
    memory_setting,
)

#: Longer than any task of a small estate takes, by the port's own clock.
PATIENCE_S = 600.0
POLL_S = 0.2
SETTINGS = [kind for kind in MEMORY_SETTINGS if kind is not ActionKind.RESIZE]
KINDS: list[ActionKind] = [ActionKind.MIGRATE, *SETTINGS]


@dataclass(frozen=True)
class World:
    """A port, and what an administrator can do behind the market's back.

    Attributes:
        port: what is tried.
        close_host: puts a host into maintenance mode.
    """

    port: VCenterPort
    close_host: Callable[[Entity], None]


@dataclass(frozen=True)
class Cast:
    """Who plays in a test: a VM that can grow, one that cannot, and two hosts."""

    snapshot: Snapshot
    grower: Entity
    fixed: Entity
    source: Entity
    target: Entity

    def action(self, kind: ActionKind) -> Action:
        """An action of that kind that the estate allows."""
        if kind is ActionKind.MIGRATE:
            return Migrate(self.grower, self.source, self.target)
        vms, row = self.snapshot.vms, self.snapshot.vms.row(self.grower.moid)
        size = int(vms.size_mib[row])
        reservation = int(vms.reservation_mib[row])
        step = vms.hot_add_increment_mib[row]
        before, after = {
            ActionKind.LIMIT: (None, size),
            ActionKind.RESERVATION: (reservation, reservation + 16),
            ActionKind.HOT_ADD: (size, size + max(4, int(step) if step > 0 else 4)),
            ActionKind.BALLOON_CAP: (None, size // 2),
        }[kind]
        return SetMemory(self.grower, memory_setting(kind), before, after)


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
    grower = next(row for row in movable if vms.hot_add_enabled[row])
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
    return Cast(
        snapshot,
        grower=Entity(vms.moid[grower], vms.name[grower]),
        fixed=Entity(vms.moid[fixed], vms.name[fixed]),
        source=Entity(hosts.moid[source], hosts.name[source]),
        target=Entity(hosts.moid[target], hosts.name[target]),
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


def errors(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that say no."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def reverse(action: Action) -> Action:
    """The action that takes another one back."""
    if isinstance(action, Migrate):
        return Migrate(action.subject, action.target, action.source)
    assert isinstance(action, SetMemory)
    return SetMemory(action.subject, action.setting, action.to_mib, action.from_mib)


def with_wrong_start(action: Action, cast: Cast) -> Action:
    """The same wish with an expectation that does not hold."""
    if isinstance(action, Migrate):
        return Migrate(action.subject, action.target, action.source)
    assert isinstance(action, SetMemory)
    assert action.to_mib is not None
    return SetMemory(action.subject, action.setting, action.to_mib + 4, action.to_mib + 8)


class PortContract:
    """The tests. Every one gets a new world."""

    @pytest.fixture
    def port(self, world: World) -> VCenterPort:
        return world.port

    @pytest.fixture
    def cast(self, port: VCenterPort) -> Cast:
        return cast_from(port.observe())

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

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_action_leads_from_before_to_after(
        self, port: VCenterPort, cast: Cast, kind: ActionKind
    ) -> None:
        action = cast.action(kind)
        assert port.standing(action) is Standing.BEFORE
        assert not errors(port.precheck(action))
        assert port.standing(action) is Standing.BEFORE, "a precheck changes nothing"
        handle = port.submit(action)
        assert handle.action == action
        (status,) = wait(port, [handle])
        assert status.state is TaskState.SUCCESS
        assert status.error is None
        assert port.standing(action) is Standing.AFTER

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_next_snapshot_shows_what_was_done(
        self, port: VCenterPort, cast: Cast, kind: ActionKind
    ) -> None:
        action = cast.action(kind)
        do(port, action)
        after = port.observe()
        vms, row = after.vms, after.vms.row(action.subject.moid)
        if isinstance(action, Migrate):
            assert after.hosts.moid[vms.host[row]] == action.target.moid
            return
        assert isinstance(action, SetMemory)
        column = {
            ActionKind.LIMIT: vms.limit_mib,
            ActionKind.RESERVATION: vms.reservation_mib,
            ActionKind.HOT_ADD: vms.size_mib,
            ActionKind.BALLOON_CAP: vms.balloon_cap_mib,
        }[kind]
        assert column[row] == action.to_mib
        assert vms.change_version[row] != cast.snapshot.vms.change_version[row]
        # Nothing else of it was touched. Shares of the usual kind go by the size.
        was = cast.snapshot.vms.row(action.subject.moid)
        names = ["limit_mib", "reservation_mib", "size_mib", "balloon_cap_mib"]
        for name in names if kind is ActionKind.HOT_ADD else [*names, "shares"]:
            values = getattr(vms, name)
            if values is not column:
                old = getattr(cast.snapshot.vms, name)[was]
                assert np.array_equal(values[row], old, equal_nan=True), name

    @pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not ActionKind.HOT_ADD])
    def test_what_was_done_can_be_taken_back(
        self, port: VCenterPort, cast: Cast, kind: ActionKind
    ) -> None:
        action = cast.action(kind)
        do(port, action)
        do(port, reverse(action))
        assert port.standing(action) is Standing.BEFORE

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_wrong_expectation_is_stale_and_changes_nothing(
        self, port: VCenterPort, cast: Cast, kind: ActionKind
    ) -> None:
        good = cast.action(kind)
        action = with_wrong_start(good, cast)
        with pytest.raises(StaleFault):
            port.submit(action)
        assert port.standing(good) is Standing.BEFORE

    @pytest.mark.parametrize("kind", SETTINGS)
    def test_neither_before_nor_after_is_other(
        self, port: VCenterPort, cast: Cast, kind: ActionKind
    ) -> None:
        good = cast.action(kind)
        assert isinstance(good, SetMemory)
        assert good.to_mib is not None
        wrong = SetMemory(good.vm, good.setting, good.to_mib + 4, good.to_mib + 8)
        assert port.standing(wrong) is Standing.OTHER

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

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_task_is_found_again_and_nothing_before_it_was_sent(
        self, port: VCenterPort, cast: Cast, kind: ActionKind
    ) -> None:
        action = cast.action(kind)
        since = port.clock.now_s()
        assert port.find_task(action, since) is None
        handle = port.submit(action)
        found = port.find_task(action, since)
        assert found is not None
        assert (found.task, found.action) == (handle.task, action)
        (status,) = wait(port, [handle])
        assert status.state is TaskState.SUCCESS
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
        expected = {
            TaskState.CANCELLED: Standing.BEFORE,
            TaskState.SUCCESS: Standing.AFTER,
        }
        assert port.standing(action) is expected[status.state]
        assert status.error is None

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
