"""What a journal recorded, lived through again: which estate follows, and what is said about it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli import vm
from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.postgres import Server
from vsphere_market.errors import UsageError
from vsphere_market.estate import Source
from vsphere_market.journal import HostSample, Place, VmSample, open_journal
from vsphere_market.plant import read_estate
from vsphere_market.port import ActionKind
from vsphere_market.proving.history import Record, read_record, write_recorded

T0 = 1_780_000_200.0


def sample(*rows: dict[str, Any]) -> VmSample:
    """One cycle; each VM holds 4 GiB of 8 and touches 1 unless its row says otherwise."""
    usual = {
        "size_mib": 8192.0, "granted_mib": 4096.0, "active_mib": 1024.0, "ballooned_mib": 0.0,
        "swapped_mib": 0.0, "compressed_mib": 0.0, "latency_pct": 0.0, "reservation_mib": 0.0,
        "limit_mib": np.inf,
    }  # fmt: skip
    return VmSample(
        tuple(row["moid"] for row in rows),
        tuple(row.get("name", row["moid"]) for row in rows),
        tuple(row.get("host", "h1") for row in rows),
        {name: np.array([row.get(name, value) for row in rows]) for name, value in usual.items()},
    )


def host(name: str = "h1", cluster: str = "c1") -> HostSample:
    nothing = [float("nan")] * 10
    return HostSample(1, T0, name, name, cluster, 1.0, 0.5, 65536.0, *nothing[:8])


def record(*samples: VmSample, step_s: float = 300.0, **more: Any) -> Record:
    times = more.pop("times", T0 + step_s * np.arange(len(samples)))
    return Record("vc", times, samples, more.pop("hosts", (host(),)))


def made(kept: Record, folder: Path, **more: Any) -> tuple[Any, tuple[str, ...]]:
    """The VMs of the estate by name, and the notes."""
    found = write_recorded(kept, folder, **more)
    spec = read_estate(found.estate)
    return {vm.name: vm for vm in spec.clusters[0].vms}, found.notes


def test_what_was_held_and_touched_is_what_is_wanted(tmp_path: Path) -> None:
    usual = [sample({"moid": "a"}) for _ in range(6)]
    squeezed = sample(
        {"moid": "a", "granted_mib": 3072.0, "ballooned_mib": 1024.0, "swapped_mib": 1024.0,
         "active_mib": 1024.0, "latency_pct": 50.0}
    )  # fmt: skip
    vms, notes = made(record(*usual, squeezed), tmp_path)
    trace = vms["a"].workload.shapes[0].trace
    assert trace.step_s == 300
    assert trace.footprint == pytest.approx([0.5] * 6 + [0.625])
    # Half of its time it waited: at full speed it would have touched twice as much.
    assert trace.working == pytest.approx([0.125] * 6 + [0.25])
    assert any("in 1 of 7 samples (14.3 %) a VM was ballooned" in note for note in notes)


def test_everybody_begins_as_the_record_begins(tmp_path: Path) -> None:
    samples = [
        sample(
            {"moid": "a", "host": "h1" if at < 2 else "h2", "size_mib": size,
             "limit_mib": 6144.0, "reservation_mib": 512.0}
        )
        for at, size in enumerate([8192.0] * 3 + [16384.0] * 3)
    ]  # fmt: skip
    vms, notes = made(record(*samples, hosts=(host("h1"), host("h2"))), tmp_path)
    assert (vms["a"].host, vms["a"].memory_mib) == ("h1", 8192)
    assert (vms["a"].limit_mib, vms["a"].reservation_mib) == (6144, 512)
    assert any("moved (1 VMs) or resized (1 VMs) since is not repeated" in note for note in notes)


def test_vms_come_and_go(tmp_path: Path) -> None:
    nan = float("nan")
    samples = [sample({"moid": "a"}, {"moid": "dead", "granted_mib": nan})] + [
        sample({"moid": "a", "granted_mib": nan if at == 3 else 4096.0}, {"moid": "late"})
        for at in range(1, 6)
    ]
    vms, notes = made(record(*samples), tmp_path)
    off = {name: np.isnan(vm.workload.shapes[0].trace.working).tolist() for name, vm in vms.items()}
    assert off == {
        "a": [False, False, False, True, False, False],
        "late": [True, False, False, False, False, False],
    }
    assert "1 VMs never had counters and were left out." in notes


def test_two_vms_of_one_name_are_told_apart(tmp_path: Path) -> None:
    twins = [{"moid": "vm-1", "name": "web"}, {"moid": "vm-2", "name": "web"}]
    vms, _ = made(record(*[sample(*twins) for _ in range(5)]), tmp_path)
    assert set(vms) == {"web", "web (vm-2)"}


def test_a_silence_is_told_and_held_across(tmp_path: Path) -> None:
    times = T0 + np.array([0.0, 300, 600, 900, 900 + 3 * 3600, 1200 + 3 * 3600])
    vms, notes = made(record(*[sample({"moid": "a"})] * 6, times=times), tmp_path)
    trace = vms["a"].workload.shapes[0].trace
    assert len(trace.working) == 1 + 12 * 3 + 4
    assert not np.isnan(trace.working).any()
    assert any("more than an hour 1 times, 3.0 hours in all" in note for note in notes)


def test_a_snapshot_gives_what_journals_do_not_keep(tmp_path: Path) -> None:
    known = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("h1", 65536), host_row("h[2]", 65536)],
        vms=[
            vm_row("vm-1", "h1", 8192, vcpus=8, tags=["gold"], hot_add_enabled=True,
                   hot_add_limit_mib=32768, hot_add_increment_mib=256),
            vm_row("vm-2", "h1", 8192, passthrough=True),
        ],
        rules=[
            {"moid": "r1", "name": "apart", "cluster": "domain-c1", "kind": "antiAffinity",
             "mandatory": True, "enabled": True, "vms": ["vm-1", "vm-2"]},
            {"moid": "r2", "name": "on", "cluster": "domain-c1", "kind": "vmHost",
             "mandatory": False, "enabled": True, "vms": ["vm-1"], "hosts": ["h[2]"]},
        ],
    )  # fmt: skip
    cycles = [sample({"moid": "vm-1"}, {"moid": "vm-2"}, {"moid": "vm-3"}) for _ in range(5)]
    kept = record(*cycles, hosts=(host("h1"), host("h[2]")))
    found = write_recorded(kept, tmp_path, known)
    cluster = read_estate(found.estate).clusters[0]
    first, second, third = cluster.vms
    assert (first.vcpus, first.tags, first.hot_add, first.hot_add_limit_mib) == (
        8, ("gold",), True, 32768,
    )  # fmt: skip
    assert second.reservation_mib == second.memory_mib
    assert (third.vcpus, third.hot_add) == (2, False)
    assert [(rule.name, rule.vms, rule.hosts) for rule in cluster.rules] == [
        ("apart", ("vm-1", "vm-2"), ()), ("on", ("vm-1",), ("h[2]",)),
    ]  # fmt: skip
    assert "which lacks 1 of the VMs" in found.notes[-1]


# ---------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a loop that watched the demo for an hour and did nothing."""
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    ended = vm("run", "--plant", "demo", "--shadow", "--cycles", "8", "--journal", path)
    assert ended.code == 0, ended.err
    return path


def test_a_recorded_journal_is_lived_through_again(watched: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    ended = vm(
        "backtest", "--history", "--journal", watched, "--seeds", "1", "--actions", "migrate",
        "--jobs", "1", "--html", page, "--format", "json",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    nothing, market = ended.json
    assert (nothing["controller"], market["controller"]) == ("none", "market")
    assert nothing["estate"] == "demo"
    assert 0.4 < nothing["hours"] < 0.7
    # The demo's hosts swap; whoever moves VMs at once spares them most of it.
    assert market["pain"] < 0.5 * nothing["pain"]
    assert "its demand there is a lower bound" in ended.err
    assert "its demand there is a lower bound" in page.read_text(encoding="utf-8")


def test_policies_decide_what_the_market_may_do(watched: Path, tmp_path: Path) -> None:
    policy = {
        "apiVersion": "vsphere-market/v1", "kind": "automation", "name": "look",
        "spec": {"modes": {str(kind): "off" for kind in ActionKind}},
    }  # fmt: skip
    (tmp_path / "off.json").write_text(json.dumps(policy), encoding="utf-8")
    ended = vm(
        "backtest", "--history", "--journal", watched, "--seeds", "1", "--jobs", "1",
        "--policies", tmp_path / "off.json", "--format", "json",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    nothing, market = ended.json
    assert market["moves"] == market["other_actions"] == 0
    assert market["pain"] == nothing["pain"]


def test_part_of_a_record_can_be_watched_only(watched: Path) -> None:
    ended = vm(
        "backtest", "--history", "--journal", watched, "--seeds", "1", "--jobs", "1",
        "--controllers", "none,drs", "--watched", "0.2",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "hours after 0.2 watched, medians over seeds" in ended.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--estate", "demo"), ("--estate and --history exclude each other",)),
        (("--source", "elsewhere"), ("knows nothing of elsewhere", "It knows demo")),
        (("--hours", "30"), ("the record lasts", "less than 30")),
        (("--hours", "0.5", "--watched", "0.4"), ("the record lasts", "less than 0.9")),
        (("--watched", "30"), ("30 of them are only watched", "Watch for less")),
        (("--days", "0.01"), ("cycles with counters in the last 0.01 days",)),
        (("--journal", "absent.db"), ("there is no journal",)),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    watched: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    place = () if "--journal" in arguments else ("--journal", watched)
    vm("backtest", "--history", *place, *arguments).failed_with(64, *words)


def test_a_journal_of_several_vcenters_is_asked_of_which(tmp_path: Path) -> None:
    place = tmp_path / "journal.db"
    for name in ("one", "two"):
        _keep(place, name)
    with pytest.raises(UsageError, match="knows 2 vCenters: one, two"):
        read_record(place, days=30.0)
    assert read_record(place, days=30.0, source="two").name == "two"


def test_a_journal_in_postgresql_serves_as_well(postgres: Server) -> None:
    place = postgres.place()
    _keep(place, "shared")
    kept = read_record(place, days=30.0)
    assert (kept.name, len(kept.samples)) == ("shared", 5)
    assert [host.memory_mib for host in kept.hosts] == [65536.0]


def _keep(place: Place, name: str) -> None:
    """Five cycles of one VM on one host."""
    with open_journal(place) as journal:
        for at in range(5):
            seen = dataclasses.replace(
                snapshot_of(
                    clusters=[cluster_row()],
                    hosts=[host_row("h1", 65536)],
                    vms=[vm_row("vm-1", "h1", 8192, granted_mib=4096, active_mib=1024)],
                ),
                taken_at_s=T0 + 300.0 * at,
                source=Source("vcenter", name, name),
            )
            cycle = journal.begin_cycle(
                seen, kind="run", engine="test", started_s=seen.taken_at_s, scope=""
            )
            journal.write_samples(cycle, seen, prices={}, loads={}, vm_columns={})
