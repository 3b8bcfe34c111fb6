"""The executor that all controllers share."""

from collections import Counter

from tests.proving import spec
from vsphere_market.plant import PlantVCenter
from vsphere_market.port import ActionKind, Entity, Migrate, SetMemory
from vsphere_market.proving.controller import Order
from vsphere_market.proving.hands import AT_ONCE, PER_HOST, Hands


def _plant(hosts: int = 2, vms: int = 6) -> PlantVCenter:
    return PlantVCenter(
        spec(
            clusters=[
                {
                    "name": "c",
                    "hosts": [{"name": "esx-{nn}", "count": hosts, "memory_gib": 64}],
                    "vms": [{"name": "vm-{nn}", "count": vms, "memory_gib": 8, "host": "esx-01"}],
                }
            ]
        )
    )


def _move(plant: PlantVCenter, vm: int, target: int, *after: int) -> Order:
    snapshot = plant.observe()
    hosts = snapshot.hosts
    source = int(snapshot.vms.host[vm])
    return Order(
        Migrate(
            Entity(snapshot.vms.moid[vm], snapshot.vms.name[vm]),
            Entity(hosts.moid[source], hosts.name[source]),
            Entity(hosts.moid[target], hosts.name[target]),
        ),
        after,
    )


def _run(plant: PlantVCenter, hands: Hands, seconds: int = 1200) -> list[Counter[str]]:
    """Hosts of the migrations under way, at each step."""
    seen = []
    for _ in range(seconds // 15):
        busy: Counter[str] = Counter()
        for handle in hands.under_way:
            action = handle.action
            if isinstance(action, Migrate):
                busy.update((action.source.moid, action.target.moid))
        seen.append(busy)
        plant.clock.sleep(15)
        hands.look()
        if not hands.busy:
            break
    return seen


def test_a_host_takes_part_in_two_migrations_at_most() -> None:
    plant = _plant()
    hands = Hands(plant)
    hands.take([_move(plant, vm, 1) for vm in range(6)])
    seen = _run(plant, hands)
    assert max(max(busy.values(), default=0) for busy in seen) == PER_HOST
    assert all(deed.good for deed in hands.deeds)
    assert plant.truth.moves == 6


def test_no_more_than_eight_at_once_in_all() -> None:
    plant = PlantVCenter(
        spec(
            clusters=[
                {
                    "name": "c",
                    "hosts": [{"name": "esx-{nn}", "count": 24, "memory_gib": 64}],
                    "vms": [{"name": "vm-{nn}", "count": 24, "memory_gib": 16, "host": ["esx-0*"]}],
                }
            ]
        )
    )
    hands = Hands(plant)
    hands.take([_move(plant, vm, 10 + vm % 14) for vm in range(24)])
    seen = _run(plant, hands)
    assert max(sum(busy.values()) / 2 for busy in seen) == AT_ONCE


def test_orders_wait_for_those_they_need() -> None:
    plant = _plant()
    hands = Hands(plant)
    hands.take([_move(plant, 0, 1), _move(plant, 1, 1, 0), _move(plant, 2, 1)])
    _run(plant, hands)
    begun = {deed.order.action.subject.name: deed.submitted_s for deed in hands.deeds}
    ended = {deed.order.action.subject.name: deed.ended_s for deed in hands.deeds}
    assert begun["vm-02"] >= ended["vm-01"]
    assert begun["vm-03"] < ended["vm-01"]


def test_what_needs_a_failed_order_is_not_tried() -> None:
    plant = _plant()
    hands = Hands(plant)
    right = _move(plant, 0, 1)
    wrong = Order(
        SetMemory(right.action.subject, ActionKind.HOT_ADD, 8192, 16384)  # hot-add is not enabled
    )
    hands.take([wrong, Order(right.action, (0,))])
    _run(plant, hands)
    assert [deed.good for deed in hands.deeds] == [False, False]
    assert hands.deeds[1].why == "predecessor"
    assert hands.deeds[0].why not in ("", "predecessor")
    assert plant.truth.moves == 0
    assert hands.moves() == []


def test_moves_are_told_newest_first() -> None:
    plant = _plant()
    hands = Hands(plant)
    hands.take([_move(plant, 0, 1)])
    _run(plant, hands)
    hands.take([_move(plant, 1, 1)])
    _run(plant, hands)
    first, second = hands.moves()
    assert first.ended_s > second.ended_s
    assert first.vm == plant.observe().vms.moid[1]
