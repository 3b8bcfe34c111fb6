"""Least-privilege roles: made over SOAP, and a login that holds one can do exactly that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import reaching, vm
from tests.vcsim import Simulator
from tests.wire.adapter.small import connect, document
from vsphere_market.errors import ExitCode
from vsphere_market.port import Action, ActionKind, Entity, Migrate, SetMemory, Severity

SERVICE, WORD = "svc-market@vsphere.local", "pa55"
ACTIONS: dict[ActionKind, Action] = {
    ActionKind.MIGRATE: Migrate(
        Entity("vm-1", "web 50%/a"), Entity("host-1", "a"), Entity("host-2", "b")
    ),
    ActionKind.LIMIT: SetMemory(Entity("vm-3", "vm-3"), ActionKind.LIMIT, 2048, None),
    ActionKind.RESERVATION: SetMemory(Entity("vm-2", "vm-2"), ActionKind.RESERVATION, 1024, 2048),
    ActionKind.HOT_ADD: SetMemory(Entity("vm-1", "web 50%/a"), ActionKind.HOT_ADD, 4096, 4224),
    ActionKind.BALLOON_CAP: SetMemory(Entity("vm-4", "vm-4"), ActionKind.BALLOON_CAP, 512, None),
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator.start(document(), hold_samples=True) as started:
        started.add_user(SERVICE, WORD, [])
        yield started


@pytest.fixture
def env(simulator: Simulator, tmp_path: Path) -> dict[str, str]:
    return reaching(simulator, tmp_path)


def allowed(simulator: Simulator) -> set[ActionKind]:
    """The kinds of action that the service's login may do, by vCenter's word."""
    with connect(simulator, user=SERVICE, password=WORD) as port:
        return {
            kind
            for kind, action in ACTIONS.items()
            if not any(
                finding.code == "NoPermission" and finding.severity is Severity.ERROR
                for finding in port.precheck(action)
            )
        }


@pytest.mark.parametrize(
    ("kinds", "may"),
    [
        (("migrate",), {ActionKind.MIGRATE}),
        (("hot-add",), {ActionKind.HOT_ADD}),
        (("balloon-cap",), {ActionKind.BALLOON_CAP}),
        # One privilege allows both.
        (("limit",), {ActionKind.LIMIT, ActionKind.RESERVATION}),
        ((), set(ACTIONS)),
    ],
)
def test_a_login_with_the_role_can_do_exactly_what_it_is_for(
    simulator: Simulator, env: dict[str, str], kinds: tuple[str, ...], may: set[ActionKind]
) -> None:
    wanted = [part for kind in kinds for part in ("--kind", kind)]
    made = vm("role", "create", *wanted, "--principal", SERVICE, env=env)
    assert made.code == 0, made.err
    assert allowed(simulator) == may
    checked = vm("role", "check", *wanted, env=env)
    assert checked.code == 0, checked.out + checked.err
    with connect(simulator, user=SERVICE, password=WORD) as port:
        assert len(port.observe().vms) == 8, "every role can read"


def test_the_role_does_what_it_allows(simulator: Simulator, env: dict[str, str]) -> None:
    assert vm("role", "create", "--kind", "migrate", "--principal", SERVICE, env=env).code == 0
    with connect(simulator, user=SERVICE, password=WORD) as port:
        task = port.submit(ACTIONS[ActionKind.MIGRATE])
        while not port.poll([task])[0].final:
            port.clock.sleep(0.05)
    assert simulator.state().vms["vm-1"].host == "host-2"
    simulator.set_vm("vm-1", host="host-1")


@pytest.mark.parametrize(
    ("kind", "privilege"),
    [("migrate", "Resource.AssignVMToPool"), ("migrate-storage", "Datastore.AllocateSpace")],
)
def test_a_role_holds_what_is_needed_on_other_objects(
    env: dict[str, str], kind: str, privilege: str
) -> None:
    """On the pool of the cluster that a VM joins, on the datastore that its files go to."""
    named = ("--name", f"may-{kind}", "--kind", kind)
    made = json.loads(vm("role", "create", *named, "--format", "json", env=env).out)
    assert privilege in made["privileges"]
    # Made for another kind, it lacks that.
    other = ("--name", f"may-{kind}", "--kind", "limit")
    assert vm("role", "create", *other, env=env).code == 0
    found = vm("role", "check", *named, "--format", "json", env=env)
    assert found.code == ExitCode.FAILED
    assert privilege in json.loads(found.out)["missing"]


def test_a_role_that_has_drifted_is_found_and_mended(env: dict[str, str]) -> None:
    assert vm("role", "create", "--name", "drifts", "--kind", "migrate", env=env).code == 0
    check = ("role", "check", "--name", "drifts", "--kind", "hot-add", "--format", "json")
    drifted = vm(*check, env=env)
    assert drifted.code == ExitCode.FAILED
    found = json.loads(drifted.out)
    assert found["missing"] == ["VirtualMachine.Config.Memory"]
    assert found["superfluous"] == [
        "Resource.AssignVMToPool",
        "Resource.ColdMigrate",
        "Resource.HotMigrate",
    ]
    assert vm("role", "create", "--name", "drifts", "--kind", "hot-add", env=env).code == 0
    assert vm(*check, env=env).code == 0


def test_a_role_that_is_not_there(env: dict[str, str]) -> None:
    absent = vm("role", "check", "--name", "absent", env=env)
    assert absent.code == ExitCode.FAILED and "there is no role absent" in absent.err


def test_vcenters_own_roles_are_left_alone(env: dict[str, str]) -> None:
    vm("role", "create", "--name", "Admin", "--kind", "migrate", env=env).failed_with(
        ExitCode.USAGE, "vCenter's own"
    )


def test_a_dry_run_needs_no_vcenter_and_tells_the_commands(tmp_path: Path) -> None:
    told = vm(
        *("role", "create", "--dry-run", "--format", "json", "--kind", "migrate"),
        *("--principal", "D\\o'Neill"),
        env={"HOME": str(tmp_path)},
    )
    assert told.code == 0, told.err
    said = json.loads(told.out)
    assert said["govc"][0] == (
        "govc role.create vsphere-market Global.CancelTask Resource.AssignVMToPool "
        "Resource.ColdMigrate Resource.HotMigrate"
    )
    assert "-propagate=true /" in said["govc"][1] and "Neill" in said["govc"][1]
    assert said["powercli"][0].startswith("New-VIRole -Name 'vsphere-market' -Privilege")
    assert "-Principal 'D\\o''Neill'" in said["powercli"][1]


def test_a_login_without_rights_cannot_make_roles(
    simulator: Simulator, env: dict[str, str]
) -> None:
    simulator.add_user("reader", "pw", ["System.Anonymous", "System.Read", "System.View"])
    poor = {**env, "GOVC_USERNAME": "reader", "GOVC_PASSWORD": "pw"}
    vm("role", "create", "--name", "never", env=poor).failed_with(
        ExitCode.NOT_PERMITTED, "Authorization.ModifyRoles"
    )
