"""What the simulated vCenter shows: counters, clock, findings; and what only judges see."""

from __future__ import annotations

import numpy as np
import pytest

from tests.plants import entity, finish, migrate, plant, row, setting, vm
from vsphere_market.errors import EstateError, OutcomeUnknown
from vsphere_market.estate import snapshot_to_json
from vsphere_market.plant.sampling import touched_pages
from vsphere_market.port import ActionKind, Severity, TaskHandle, VCenterPort


def test_it_is_a_vcenter_port() -> None:
    port: VCenterPort = plant([vm("a", 4, 0.2)])
    assert port.observe().source.kind == "plant"


def test_short_sleeps_add_up() -> None:
    port = plant([vm("a", 4, 0.2)])
    began, steps = port.clock.now_s(), port.world.model.steps
    for _ in range(100):
        port.clock.sleep(0.4)
    assert port.clock.now_s() == pytest.approx(began + 40)
    assert port.world.model.steps == steps + 2
    port.clock.sleep(5)
    assert port.world.model.steps == steps + 3
    port.step_to(began + 300)
    assert port.clock.now_s() == began + 300
    port.step_to(began)
    assert port.clock.now_s() == began + 300, "time does not go back"


def test_counters_are_means_over_five_minutes_and_count_their_samples() -> None:
    port = plant([vm("a", 8, 0.25)])
    assert np.isnan(port.observe().vms.active_mib[0]), "nothing has been sampled yet"
    assert port.observe().vms.samples[0] == 0
    port.clock.sleep(120)
    assert port.observe().vms.samples[0] == 6
    port.clock.sleep(3600)
    vms = port.observe().vms
    assert vms.samples[0] == 15
    assert 0 <= port.clock.now_s() - vms.sampled_at_s[0] < 20
    assert vms.active_mib[0] == pytest.approx(2048, rel=0.3)
    assert vms.active_peak_mib[0] >= vms.active_mib[0]


def test_the_estimate_of_active_memory_is_noisy_rises_at_once_and_falls_slowly() -> None:
    port = plant([vm("a", 8, 0.1, shapes=[{"kind": "boot-storm", "amplitude": 0.5, "hour": 10,
                                           "minutes": 60, "spread_minutes": 0}])])  # fmt: skip
    world, seen = port.world, []
    for _ in range(4 * 180):
        world.step()
        seen.append((float(world.fleet.working[0]), float(world.fleet.active[0])))
    true, shown = np.array(seen).T
    calm = slice(40, 200)
    assert shown[calm].std() > 0.01 * 8192
    assert abs(shown[calm].mean() - true[calm].mean()) < 0.04 * 8192
    up, down = (
        int(np.argmax(true > 0.55 * 8192)),
        len(true) - int(np.argmax(true[::-1] > 0.3 * 8192)),
    )
    assert shown[up + 8] > 0.45 * 8192, "a rise shows within two minutes"
    assert shown[down + 8] > 0.2 * 8192, "a fall does not"
    assert shown[down + 160] < 0.2 * 8192


def test_sampling_draws_like_a_binomial() -> None:
    rng = np.random.default_rng(3)
    for share in (0.0, 0.004, 0.05, 0.3, 0.97, 1.0):
        counts = touched_pages(np.full(40_000, share), rng)
        assert counts.mean() == pytest.approx(100 * share, abs=0.06)
        assert counts.std() == pytest.approx(10 * np.sqrt(share * (1 - share)), abs=0.12)
        assert counts.min() >= 0
        assert counts.max() <= 100


def test_hosts_show_sums_states_and_thresholds() -> None:
    hosts = [{"name": "hot", "memory_gib": 16}, {"name": "cold", "memory_gib": 64}]
    port = plant([vm("a-{n}", 8, 0.5, footprint=0.95, tools=False, host="hot", count=3)], hosts)
    port.clock.sleep(1800)
    snapshot = port.observe()
    shown, vms = snapshot.hosts, snapshot.vms
    assert shown.memory_state[0] >= 1
    assert shown.memory_state[1] == 0
    assert shown.swapped_mib[0] == vms.swapped_mib.sum()
    assert shown.consumed_mib[0] > 0.95 * shown.memory_mib[0]
    assert shown.low_free_threshold_mib[1] == pytest.approx(1270, abs=1)
    assert shown.reserved_mib[0] > shown.vmkernel_mib[0]


def test_what_is_not_reached_shows_no_counters() -> None:
    port = plant([vm("a", 4, 0.2, host="esx-1"), vm("b", 4, 0.2, host="esx-2"),
                  vm("off", 4, 0.2, power="poweredOff")])  # fmt: skip
    port.clock.sleep(600)
    port.set_connection("esx-1", "notResponding")
    snapshot = port.observe()
    rows = {name: at for at, name in enumerate(snapshot.vms.name)}
    for name in ("a", "off"):
        assert np.isnan(snapshot.vms.granted_mib[rows[name]])
        assert snapshot.vms.samples[rows[name]] == 0
    assert snapshot.vms.granted_mib[rows["b"]] > 0
    assert np.isnan(snapshot.hosts.consumed_mib[0])
    assert snapshot.vms.connection[rows["a"]] == "disconnected"
    assert "NaN" not in str(snapshot_to_json(snapshot))
    with pytest.raises(EstateError, match="no host"):
        port.set_connection("esx-9", "connected")


def test_guest_paging_is_seen_only_where_the_estate_says_so() -> None:
    def shown(guest_metrics: bool) -> float:
        port = plant([vm("small", 4, 1.1, footprint=1.0)], guest_metrics=guest_metrics)
        port.clock.sleep(900)
        return float(port.observe().vms.guest_swap_kibps[0])

    assert shown(True) > 100
    assert np.isnan(shown(False))


def test_latency_does_not_show_ballooning() -> None:
    port = plant([vm("java", 16, 0.3, footprint=0.95, cache=0.0, idle_touch_min=5, limit_gib=8)])
    port.clock.sleep(3600)
    assert port.observe().vms.latency_pct[0] < 1
    assert port.pressure().stall_worst_pct > 20


def test_the_truth_adds_up() -> None:
    squeezed = {"footprint": 0.9, "limit_gib": 8, "host": "esx-1"}
    port = plant([vm("a", 16, 0.2, **squeezed), vm("mute", 16, 0.2, tools=False, **squeezed)])
    port.clock.sleep(7200)
    truth = port.truth
    assert truth.seconds == 7200
    assert truth.balloon_gib_hours == pytest.approx(
        2 * float(port.world.fleet.ballooned.sum()) / 1024, rel=0.1
    )
    assert truth.swap_gib_hours > 0
    assert truth.swap_out_mib.sum() - truth.swap_in_mib.sum() > 0
    finish(port, port.submit(migrate(port, "a", "esx-2")))
    assert truth.moves == 1
    assert truth.moved_gib > 7


def test_pressure_of_a_calm_estate_is_nothing() -> None:
    port = plant([vm("a", 4, 0.2)])
    port.clock.sleep(600)
    pressure = port.pressure()
    assert pressure.stall_pct == pressure.ballooned_mib == pressure.swapin_kibps == 0


def test_findings_name_what_keeps_vms_from_moving() -> None:
    hosts = [{"name": "good", "memory_gib": 64},
             {"name": "mute", "memory_gib": 64, "vmotion_gbps": 0},
             {"name": "lost", "memory_gib": 64, "connection": "disconnected"}]  # fmt: skip
    found = {finding.code: finding for finding in plant([vm("a", 4, 0.2)], hosts).checkup()}
    assert found["vmotion-network"].subject == "mute"
    assert found["host-connection"].subject == "lost"
    assert found["hot-add-coverage"].severity is Severity.INFO


def test_a_task_that_was_never_given_out() -> None:
    port = plant([vm("a", 4, 0.2)])
    action = setting(port, "a", ActionKind.LIMIT, None, 4096)
    with pytest.raises(OutcomeUnknown):
        port.poll([TaskHandle("task-9", action, 0.0)])
    port.cancel(TaskHandle("task-9", action, 0.0))
    assert entity(port, "a").moid == port.observe().vms.moid[row(port.world, "a")]
