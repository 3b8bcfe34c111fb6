"""Each root cause is found where it is, with the memory it affects, and nowhere else."""

from pathlib import Path

import pytest

from tests.assessments import assessed, snapshot_of_estate
from tests.rvtools_files import Cluster, Estate, Host, Vm
from vsphere_market.assess import Assessment, Finding, Level, Strain

GIB = 1024


def calm(name: str, number: int, host: str = "esx1", **more: object) -> Vm:
    """A VM that nothing is wrong with: 8 GiB, 3 of them active."""
    told: dict[str, object] = {"active": 3 * GIB, "consumed": 7 * GIB, "mhz": 500}
    return Vm(name, f"vm-{number}", host, 8 * GIB, **(told | more))  # type: ignore[arg-type]


def made_of(*vms: Vm, **cluster: object) -> Estate:
    """Three hosts of 128 GiB in one cluster."""
    return Estate(
        clusters=[Cluster("Prod", "domain-c8", **cluster)],  # type: ignore[arg-type]
        hosts=[Host(f"esx{n}", f"host-{n}", "Prod", 128 * GIB, own=3000) for n in (1, 2, 3)],
        vms=list(vms),
    )


def look(folder: Path, *vms: Vm, **cluster: object) -> Assessment:
    return assessed(snapshot_of_estate(folder, made_of(*vms, **cluster)))


def found(made: Assessment, code: str) -> Finding:
    finding = made.finding(code)
    assert finding is not None, [item.code for item in made.findings]
    return finding


def names(made: Assessment, finding: Finding) -> list[str]:
    return [made.snapshot.vms.name[row.row] for row in finding.rows]


def test_nothing_is_wrong_with_a_calm_estate(tmp_path: Path) -> None:
    made = look(tmp_path, calm("a", 1), calm("b", 2, "esx2"), calm("c", 3, "esx3"))
    assert made.findings == ()
    assert {statement.tone for statement in made.statements} == {"plain", "good"}
    assert made.plan.steps == ()


def test_limits_that_squeeze_come_before_those_that_do_not(tmp_path: Path) -> None:
    made = look(
        tmp_path,
        calm("free", 1, limit=8 * GIB),
        calm("tight", 2, limit=6 * GIB, consumed=6 * GIB, ballooned=900, swapped=124),
        calm("loose", 3, limit=7900, consumed=5 * GIB),
    )
    finding = found(made, "limit-below-size")
    assert names(made, finding) == ["tight", "loose"]
    assert finding.memory_mib == (8 - 6) * GIB + (8 * GIB - 7900)
    assert finding.level is Level.HURTS
    assert "1 of them holds" in finding.what
    assert "1 GiB" in finding.what


def test_a_limit_that_nobody_has_reached_is_a_risk(tmp_path: Path) -> None:
    made = look(tmp_path, calm("loose", 3, limit=7900, consumed=5 * GIB))
    assert found(made, "limit-below-size").level is Level.RISK


def test_full_guests_and_missing_hot_add(tmp_path: Path) -> None:
    made = look(
        tmp_path,
        calm("full", 1, active=7900, consumed=8 * GIB),
        calm("stuck", 2, active=7900, consumed=8 * GIB, hot_add=False),
        calm("easy", 3),
    )
    assert set(names(made, found(made, "guest-full"))) == {"full", "stuck"}
    stuck = found(made, "hot-add-missing")
    assert names(made, stuck) == ["stuck"]
    assert stuck.memory_mib == pytest.approx(7900 / 0.75 - 8 * GIB, abs=1)


def test_sensitive_vms_need_all_their_memory_reserved(tmp_path: Path) -> None:
    made = look(
        tmp_path,
        calm("half", 1, latency="high", reservation=4 * GIB),
        calm("whole", 2, latency="high", reservation=8 * GIB),
        calm("locked", 3, latency="high", locked=True, reservation=8 * GIB),
    )
    finding = found(made, "latency-unreserved")
    assert names(made, finding) == ["half"]
    assert finding.memory_mib == 4 * GIB


def test_hoarded_reservations(tmp_path: Path) -> None:
    made = look(
        tmp_path,
        calm("hoard", 1, reservation=8 * GIB, active=1 * GIB),
        calm("fair", 2, reservation=3 * GIB),
        calm("asked", 3, reservation=8 * GIB, active=1 * GIB, latency="high"),
    )
    finding = found(made, "reservation-hoarded")
    assert names(made, finding) == ["hoard"]
    assert finding.memory_mib == pytest.approx(8 * GIB - 1.1 * GIB, abs=1)


def test_oversized_and_idle_are_not_counted_twice(tmp_path: Path) -> None:
    big = Vm("big", "vm-1", "esx1", 64 * GIB, 2 * GIB, consumed=60 * GIB, mhz=900)
    lazy = Vm("lazy", "vm-2", "esx2", 16 * GIB, 50, consumed=12 * GIB, mhz=10)
    made = look(tmp_path, big, lazy, calm("fair", 3, "esx3"))
    assert names(made, found(made, "oversized")) == ["big"]
    assert found(made, "oversized").memory_mib == (64 - 8) * GIB
    assert names(made, found(made, "idle")) == ["lazy"]
    assert found(made, "idle").memory_mib == 12 * GIB


def test_reservations_of_vms_that_are_off(tmp_path: Path) -> None:
    made = look(tmp_path, calm("off", 1, on=False, reservation=4 * GIB), calm("on", 2))
    finding = found(made, "off-reserved")
    assert names(made, finding) == ["off"]
    assert finding.memory_mib == 4 * GIB


def test_old_swap_on_a_calm_host(tmp_path: Path) -> None:
    made = look(tmp_path, calm("slept", 1, swapped=800), calm("b", 2))
    finding = found(made, "old-swap")
    assert names(made, finding) == ["slept"]
    assert finding.memory_mib == 800


def test_vms_whose_balloon_cannot_work(tmp_path: Path) -> None:
    made = look(tmp_path, calm("bare", 1, tools="toolsNotInstalled"), calm("b", 2))
    assert names(made, found(made, "tools-not-running")) == ["bare"]


def crowd(host: str, count: int, first: int, size: int = 16 * GIB) -> list[Vm]:
    return [
        Vm(
            f"v{first + n}",
            f"vm-{first + n}",
            host,
            size,
            3000,
            consumed=size - 2000,
            ballooned=1500,
            swapped=400,
            mhz=300,
        )
        for n in range(count)
    ]


def test_a_crowded_host_is_over_committed_and_relieved(tmp_path: Path) -> None:
    made = look(tmp_path, *crowd("esx1", 9, 1), drs=False)
    finding = found(made, "host-overcommitted")
    (row,) = finding.rows
    host = made.hosts[row.row]
    assert host.strain in (Strain.SHORT, Strain.SWAPS)
    assert row.mib == pytest.approx(host.footprint_mib - host.usable_mib)
    assert host.footprint_mib == pytest.approx(9 * (16 * GIB - 100 + 40 + 128), rel=0.01)
    assert host.ballooned_mib == 9 * 1500
    assert made.effect.short_before == 1
    assert made.effect.short_after == 0
    assert made.effect.over_after_mib == 0
    assert made.effect.steps["migrate"] == len(made.plan.steps)
    assert host.strain_after in (Strain.CALM, Strain.TIGHT)
    odd = found(made, "drs-off")
    assert odd.rows[0].table == "clusters"
    assert made.finding("drs-at-odds") is None


def test_drs_that_leaves_hosts_uneven_is_at_odds(tmp_path: Path) -> None:
    made = look(tmp_path, *crowd("esx1", 9, 1), rate=5)
    assert made.finding("drs-off") is None
    finding = found(made, "drs-at-odds")
    assert "least aggressive" in finding.rows[0].note


def test_a_cluster_that_cannot_lose_a_host(tmp_path: Path) -> None:
    vms = crowd("esx1", 6, 1) + crowd("esx2", 6, 20) + crowd("esx3", 6, 40)
    made = look(tmp_path, *vms, admission=False)
    finding = found(made, "n-plus-1")
    (cluster,) = made.clusters
    loss = cluster.loss
    assert loss is not None
    left = 2 * made.hosts[0].usable_mib
    assert loss.spare_mib == pytest.approx(left - cluster.footprint_mib, rel=1e-6)
    assert finding.memory_mib == pytest.approx(max(-loss.spare_mib, loss.swap_mib))
    assert "admission control is off in 1" in finding.what
    assert loss.vms == 6


def test_a_cluster_that_can(tmp_path: Path) -> None:
    made = look(tmp_path, calm("a", 1), calm("b", 2, "esx2"))
    (cluster,) = made.clusters
    assert cluster.loss is not None
    assert cluster.loss.holds
    assert made.finding("n-plus-1") is None


def test_reservations_that_nobody_can_back_after_a_failure(tmp_path: Path) -> None:
    vms = [
        Vm(
            f"r{n}",
            f"vm-{n}",
            f"esx{n % 3 + 1}",
            60 * GIB,
            9 * GIB,
            consumed=59 * GIB,
            reservation=60 * GIB,
            mhz=500,
        )
        for n in range(6)
    ]
    made = look(tmp_path, *vms)
    loss = made.clusters[0].loss
    assert loss is not None
    assert loss.stranded == 2
    assert not loss.holds


def test_adding_usual_vms(tmp_path: Path) -> None:
    made = look(tmp_path, *(calm(f"c{n}", n, f"esx{n % 3 + 1}") for n in range(30)))
    growth = made.clusters[0].growth
    assert growth is not None
    assert growth.size_mib == 8 * GIB
    spare = made.clusters[0].usable_mib - made.clusters[0].footprint_mib
    each = made.clusters[0].footprint_mib / 30
    assert growth.footprint_mib == pytest.approx(each, rel=0.01)
    assert abs(growth.fit - min(20, spare / each)) <= 3
    assert growth.price_after >= growth.price


def test_a_small_pool_limit(tmp_path: Path) -> None:
    made = made_of(calm("a", 1, pool="/Gold"), calm("b", 2, pool="/Gold"))
    snapshot = snapshot_of_estate(tmp_path, made)
    assert assessed(snapshot).finding("pool-limit") is None  # a root pool's limit is the cluster


def test_findings_are_ranked_by_level_and_memory(tmp_path: Path) -> None:
    made = assessed(snapshot_of_estate(tmp_path, vms=300))
    order = [Level.HURTS, Level.RISK, Level.ROOM]
    ranks = [(order.index(item.level), -item.memory_mib) for item in made.findings]
    assert ranks == sorted(ranks)
    assert len({item.code for item in made.findings}) == len(made.findings)


def test_every_number_is_the_sum_of_its_rows(tmp_path: Path) -> None:
    made = assessed(snapshot_of_estate(tmp_path, vms=300))
    assert len(made.findings) > 8
    for finding in made.findings:
        assert finding.memory_mib == pytest.approx(sum(row.mib for row in finding.rows))
        assert all(row.mib >= 0 for row in finding.rows), finding.code
        table = made.snapshot.table(finding.rows[0].table)
        rows = [row.row for row in finding.rows]
        assert len(set(rows)) == len(rows)
        assert max(rows) < len(table)
    over = sum(host.over_mib for host in made.hosts)
    assert made.effect.over_before_mib == pytest.approx(over)
    for cluster in made.clusters:
        mine = [host for host in made.hosts if host.cluster == cluster.row]
        assert cluster.footprint_mib == pytest.approx(sum(host.footprint_mib for host in mine))


def test_an_export_without_hosts_still_tells_of_vms(tmp_path: Path) -> None:
    from tests.rvtools_files import estate, sheets_of, write_xlsx
    from vsphere_market.estate.rvtools import read_rvtools

    sheets = sheets_of(estate(120))
    del sheets["vHost"]
    made = assessed(read_rvtools(write_xlsx(tmp_path / "a.xlsx", sheets)))
    assert made.hosts == ()
    assert made.finding("limit-below-size") is not None
    assert any("cannot be told" in line.text for line in made.statements)
