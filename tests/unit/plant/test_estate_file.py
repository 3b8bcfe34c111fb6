"""Estate files: what may be written, and one clear sentence for each way they can be wrong."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.plants import Json, document, vm
from vsphere_market.errors import EstateError, ExitCode
from vsphere_market.plant import DEMO_ESTATE, PlantVCenter, estate_from_json, read_estate
from vsphere_market.plant.estate_file import SHARE_LEVELS

ROOT = Path(__file__).resolve().parents[3]
ESTATES = sorted((ROOT / "mocks" / "estates").glob("*.json"))
BASE = document([vm("a-{nn}", 8, 0.3, count=3)])


def test_the_estates_are_all_there() -> None:
    assert {path.stem for path in ESTATES} >= {
        "balanced", "skewed", "heterogeneous", "overcommitted-1.2", "overcommitted-1.6",
        "databases", "databases-full",
        "overcommitted-2.0", "n-plus-1", "affinity-laden", "two-tier", "tiny", "two-hot-hosts",
        "traces", "large", "new-demand",
    }  # fmt: skip


@pytest.mark.parametrize("path", [DEMO_ESTATE, *ESTATES], ids=lambda path: path.stem)
def test_each_estate_loads_runs_and_says_what_it_is(path: Path) -> None:
    spec = read_estate(path)
    assert spec.name == path.stem
    assert spec.about
    port = PlantVCenter(spec)
    port.clock.sleep(300)
    snapshot = port.observe()
    assert len(snapshot.vms) > 0
    assert (snapshot.vms.samples > 0).any()


def test_the_large_estate_is_large() -> None:
    spec = read_estate(ROOT / "mocks" / "estates" / "large.json")
    assert sum(len(cluster.hosts) for cluster in spec.clusters) == 96
    assert sum(len(cluster.vms) for cluster in spec.clusters) == 1500


@pytest.mark.parametrize(
    ("stem", "ratio"),
    [("overcommitted-1.2", 1.2), ("overcommitted-1.6", 1.6), ("overcommitted-2.0", 2.0)],
)
def test_over_commitment_is_as_named(stem: str, ratio: float) -> None:
    (cluster,) = read_estate(ROOT / "mocks" / "estates" / f"{stem}.json").clusters
    configured = sum(vm.memory_mib for vm in cluster.vms)
    assert configured / sum(host.memory_mib for host in cluster.hosts) == pytest.approx(ratio, 0.02)


def test_patterns_unfold() -> None:
    (cluster,) = estate_from_json(BASE, where="x").clusters
    assert [vm.name for vm in cluster.vms] == ["a-01", "a-02", "a-03"]
    assert [host.name for host in cluster.hosts] == ["esx-1", "esx-2"]


def test_patterns_may_start_anywhere() -> None:
    estate = document([vm("a-{nnn}", 8, 0.3, count=2, first=99)])
    assert [vm.name for vm in estate_from_json(estate, where="x").clusters[0].vms] == [
        "a-099",
        "a-100",
    ]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("spread", ["esx-1", "esx-2", "esx-1", "esx-2"]),
        ("fill", ["esx-1", "esx-1", "esx-1", "esx-2"]),
        ("esx-2", ["esx-2"] * 4),
        (["esx-2", "esx-1"], ["esx-2", "esx-1", "esx-2", "esx-1"]),
        ("esx-*", ["esx-1", "esx-2", "esx-1", "esx-2"]),
    ],
)
def test_placement(host: Any, expected: list[str]) -> None:
    estate = document([vm("a-{n}", 20, 0.1, count=4, host=host)])
    assert [vm.host for vm in estate_from_json(estate, where="x").clusters[0].vms] == expected


def test_spread_goes_by_size_and_avoids_closed_hosts() -> None:
    hosts = [{"name": "big", "memory_gib": 300}, {"name": "small", "memory_gib": 100},
             {"name": "closed", "memory_gib": 900, "maintenance": True}]  # fmt: skip
    estate = document([vm("a-{n}", 10, 0.1, count=4)], hosts)
    placed = [vm.host for vm in estate_from_json(estate, where="x").clusters[0].vms]
    assert sorted(placed) == ["big", "big", "big", "small"]


def test_defaults_are_vspheres() -> None:
    (cluster,) = estate_from_json(BASE, where="x").clusters
    machine = cluster.vms[0]
    assert machine.shares == SHARE_LEVELS["normal"] * 8192
    assert machine.limit_mib == float("inf")
    assert machine.balloon_cap_mib is None
    assert machine.tools
    assert machine.on
    assert not machine.hot_add
    assert cluster.hosts[0].balloon_max == 0.65
    assert cluster.hosts[0].idle_tax == 0.75


def test_a_passthrough_vm_reserves_all_its_memory() -> None:
    estate = document([vm("gpu", 16, 0.3, passthrough=True)])
    assert estate_from_json(estate, where="x").clusters[0].vms[0].reservation_mib == 16384


def test_workloads_can_be_named_and_derived() -> None:
    estate = document(
        [{"name": "a", "memory_gib": 8, "workload": "night"}],
        workloads={
            "base": {"working_set": 0.3, "footprint": 0.5,
                     "shapes": [{"kind": "noise", "sigma": 0}]},
            "night": {"like": "base", "working_set": 0.6,
                      "shapes": [{"kind": "diurnal", "amplitude": 0.1, "peak_hour": 2}]},
        },
    )  # fmt: skip
    load = estate_from_json(estate, where="x").clusters[0].vms[0].workload
    assert (load.working_set, load.footprint) == (0.6, 0.5)
    assert [shape.kind for shape in load.shapes] == ["noise", "diurnal"]


def changed(path: str, value: Any) -> Json:
    """The base estate with one value set; ``path`` as a JSON pointer."""
    estate = copy.deepcopy(BASE)
    *way, last = path.strip("/").split("/")
    at: Any = estate
    for key in way:
        at = at[int(key)] if isinstance(at, list) else at[key]
    if isinstance(at, list):
        at[int(last)] = value
    else:
        at[last] = value
    return estate


VM, HOST = "/clusters/0/vms/0", "/clusters/0/hosts/0"


@pytest.mark.parametrize(
    ("path", "value", "pointer", "words"),
    [
        ("/format", "vsphere-market/estate/9", "/format", "Expected"),
        ("/clusters", [], "", "no clusters"),
        ("/clusters", {}, "/clusters", "list"),
        ("/colour", "red", "/colour", "not a known property"),
        ("/start", "yesterday", "/start", "no time"),
        ("/start", "2026-03-02T09:00:00", "/start", "no time"),
        ("/seed", 1.5, "/seed", "whole number"),
        ("/warm_up_min", -1, "/warm_up_min", "0 and"),
        ("/guest_metrics", "yes", "/guest_metrics", "true or false"),
        ("/clusters/0/hosts", [], "/clusters/0", "no hosts"),
        (f"{HOST}/memory_gib", "64", f"{HOST}/memory_gib", "number of GiB"),
        (f"{HOST}/memory_gib", 0, f"{HOST}/memory_gib", "between"),
        (f"{HOST}/vmkernel_gib", 60, f"{HOST}/vmkernel_gib", "less than half"),
        (f"{HOST}/memmory_gib", 64, f"{HOST}/memmory_gib", "Did you mean memory_gib?"),
        (f"{HOST}/connection", "lost", f"{HOST}/connection", "one of connected"),
        (f"{HOST}/advanced", {"Mem.IdleTax": 120}, f"{HOST}/advanced/Mem.IdleTax", "0 and 99"),
        (f"{HOST}/name", "esx", f"{HOST}/name", "no number in its name"),
        (f"{VM}/name", "", f"{VM}/name", "not empty"),
        (f"{VM}/count", -1, f"{VM}/count", "0 and"),
        (f"{VM}/host", "esx-9", f"{VM}/host", "no host of this cluster"),
        (f"{VM}/pool", "gold", f"{VM}/pool", "no pool"),
        (f"{VM}/reservation_gib", 9, f"{VM}/reservation_gib", "more than the VM's memory"),
        (f"{VM}/limit_gib", -1, f"{VM}/limit_gib", "between"),
        (f"{VM}/shares", "most", f"{VM}/shares", "one of low, normal, high"),
        (f"{VM}/hot_add", {"limit_gib": 4}, f"{VM}/hot_add/limit_gib", "between"),
        (f"{VM}/tags", [1], f"{VM}/tags", "list of strings"),
        (f"{VM}/workload", "none", f"{VM}/workload", "no workload"),
        (f"{VM}/workload", {"working_set": None}, f"{VM}/workload/working_set", "number"),
        (f"{VM}/workload", {"shapes": [{"kind": "tide"}]}, f"{VM}/workload/shapes/0/kind",
         "one of"),
        (f"{VM}/workload", {"shapes": [{"kind": "diurnal"}]}, f"{VM}/workload/shapes/0",
         "no amplitude"),
        (f"{VM}/workload", {"shapes": [{"kind": "spikes", "amplitude": 1, "minutes": 0}]},
         f"{VM}/workload/shapes/0/minutes", "more than 0"),
        (f"{VM}/workload", {"shapes": [{"kind": "trace", "trace": "mine.npz"}]},
         f"{VM}/workload/shapes/0/trace", "no trace"),
        (f"{VM}/workload", {"shapes": [{"kind": "trace", "vm": "999999"}]},
         f"{VM}/workload/shapes/0/vm", "has no VM 999999"),
        ("/workloads", {"a": {"like": "a"}}, "", ""),
        ("/clusters/0/rules", [{"name": "r", "kind": "vmHost", "vms": ["a-01"]}],
         "/clusters/0/rules/0", "names no hosts"),
        ("/clusters/0/rules", [{"name": "r", "kind": "affinity", "vms": ["b-*"]}],
         "/clusters/0/rules/0/vms", "matches nothing"),
        ("/clusters/0/pools", [{"name": "p", "parent": "q"}], "/clusters/0/pools/0/parent",
         "is no pool"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_place(
    path: str, value: Any, pointer: str, words: str
) -> None:
    estate = changed(path, value)
    if path == "/workloads":
        estate["clusters"][0]["vms"][0]["workload"] = "a"
        pointer, words = "/workloads/a/like", "circle"
    with pytest.raises(EstateError) as caught:
        estate_from_json(estate, where="file.json")
    sentence = str(caught.value)
    assert caught.value.exit_code is ExitCode.USAGE
    assert sentence.startswith(f"file.json#{pointer}: " if pointer else "file.json: "), sentence
    assert words in sentence
    assert sentence.endswith((".", "?"))


def test_twins_are_refused() -> None:
    estate = document([vm("a", 8, 0.1), vm("a", 8, 0.1)])
    with pytest.raises(EstateError, match="two VMs called a"):
        estate_from_json(estate, where="x")


def test_what_nobody_could_power_on_is_refused() -> None:
    estate = document([vm("a-{n}", 40, 0.1, reservation_gib=40, count=2, host="esx-1")])
    with pytest.raises(EstateError, match="esx-1 cannot back"):
        PlantVCenter(estate_from_json(estate, where="x"))


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "not JSON"), ("[]", "no object"), ('{"format": 1, "format": 2}', "twice"),
     ('{"format": NaN}', "NaN")],
)  # fmt: skip
def test_files_that_are_no_estates(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "estate.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EstateError, match=words):
        read_estate(path)
    with pytest.raises(EstateError, match="no such file"):
        read_estate(tmp_path / "missing.json")


def test_a_trace_file_beside_the_estate_is_found(tmp_path: Path) -> None:
    rows = ["vm,ts,mem_granted_kib,mem_active_kib"]
    rows += [f"7,{1_370_000_000 + 300 * n},8388608,{1_000_000 + n}" for n in range(20)]
    (tmp_path / "mine.csv").write_text("\n".join(rows), encoding="utf-8")
    estate = document([vm("a", 8, 0, shapes=[{"kind": "trace", "trace": "mine.csv", "vm": 7}])])
    path = tmp_path / "estate.json"
    path.write_text(json.dumps(estate), encoding="utf-8")
    port = PlantVCenter.from_file(path)
    assert port.world.fleet.working[0] == pytest.approx(1_000_000 / 1024, rel=0.01)
