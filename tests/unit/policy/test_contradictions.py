import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.estates import snapshot_of
from tests.policies import compiled, contradictions_of, document, shop
from vsphere_market.estate import Snapshot

DB = {"name": "db-*"}


def sentences(snapshot: Snapshot, *documents: dict[str, Any]) -> list[str]:
    return [f"{item.subject}: {item.what}" for item in contradictions_of(snapshot, *documents)]


def placement(name: str, rule: str, selector: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return document("placement", name, selector=selector, spec={"rule": rule, **spec})


def test_a_tie_names_both_documents_and_a_vm() -> None:
    (finding,) = contradictions_of(
        shop(),
        document("tier", "gold", selector=DB, spec={"priority": 4}),
        document("tier", "everyone", spec={"priority": 2}),
    )
    assert finding.subject == "test.json#/0/spec/priority"
    assert finding.what == (
        'document "gold" and document "everyone" (test.json#/1/spec/priority) say different things '
        "about 2 VMs, db-1 among them, with the same precedence 0"
    )
    assert "higher" in finding.cure


def test_a_tie_about_hosts() -> None:
    (sentence,) = sentences(
        shop(),
        document("capacity", "a", spec={"reservePct": 10}),
        document("capacity", "b", selector={"cluster": "Lab"}, spec={"failoverHosts": 1}),
    )
    assert "say different things about 2 hosts, esx-4 among them" in sentence


def test_a_least_above_a_most_of_another_document() -> None:
    found = sentences(
        shop(),
        document("sizing", "least", selector=DB, spec={"minGiB": 32}),
        document("sizing", "most", spec={"maxGiB": 16}),
    )
    assert found == [
        "test.json#/0/spec/minGiB: for 2 VMs, db-1 among them, the least (32 GiB) is above the "
        "most (16 GiB) that test.json#/1/spec/maxGiB says"
    ]


def test_a_least_balloon_cap_above_the_default() -> None:
    (sentence,) = sentences(shop(), document("ballooning", selector=DB, spec={"minCapPct": 80}))
    assert sentence == (
        "test.json#/0/spec/minCapPct: for 2 VMs, db-1 among them, the least (80 % of the size) is "
        "above the most (65 % of the size) that the default says"
    )


def test_failover_that_leaves_no_host() -> None:
    (sentence,) = sentences(
        shop(), document("capacity", selector={"cluster": "*"}, spec={"failoverHosts": 2})
    )
    assert '2 of 2 hosts in cluster "Lab" may fail, which leaves no host' in sentence


def guarantee(active_mib: float, size_mib: float, pct: float) -> tuple[Snapshot, dict[str, Any]]:
    """Ten equal VMs on hosts with 160 GiB in all."""
    snapshot = shop()
    rows = [
        {"moid": f"v{at}", "name": f"v{at}", "host": "esx-1", "cluster": "prod"}
        | {"size_mib": size_mib, "active_mib": active_mib}
        for at in range(10)
    ]
    vms = snapshot_of(
        clusters=[{"moid": "prod", "name": "Prod-A"}],
        hosts=[{"moid": "esx-1", "name": "esx-1", "cluster": "prod", "memory_mib": 1}],
        vms=rows,
    ).vms
    return (
        dataclasses.replace(snapshot, vms=vms),
        document("tier", "gold", spec={"guaranteePct": pct}),
    )


def test_guarantees_that_are_broken_already() -> None:
    snapshot, gold = guarantee(active_mib=20480, size_mib=32768, pct=100)
    (sentence,) = sentences(snapshot, gold)
    assert sentence == (
        'test.json#/0/spec/guaranteePct: the guarantee of 10 VMs in cluster "Prod-A" asks for '
        "200 GiB now, and its hosts have 160 GiB for sale"
    )


def test_guarantees_that_may_become_too_large_are_a_warning() -> None:
    snapshot, gold = guarantee(active_mib=1024, size_mib=32768, pct=100)
    (finding,) = compiled(snapshot, gold).findings
    assert finding.code == "large-guarantee"
    assert "may grow to 320 GiB" in finding.what


def test_guarantees_that_fit_and_those_of_unknown_demand() -> None:
    snapshot, gold = guarantee(active_mib=1024, size_mib=16384, pct=100)
    assert compiled(snapshot, gold).findings == ()
    blind = snapshot.vms.replace(active_mib=np.full(10, np.nan))
    assert compiled(dataclasses.replace(snapshot, vms=blind), gold).findings == ()


def test_held_back_capacity_backs_no_guarantee() -> None:
    snapshot, gold = guarantee(active_mib=16384, size_mib=16384, pct=100)
    hold = document("capacity", spec={"reservePct": 10})
    (sentence,) = sentences(snapshot, gold, hold)
    assert "asks for 160 GiB now, and its hosts have 144 GiB for sale" in sentence


APART = {"name": ["db-*", "web-*"]}


@pytest.mark.parametrize("mandatory", [True, False])
def test_more_vms_to_be_kept_apart_than_hosts(mandatory: bool) -> None:
    rule = placement("apart", "keep-apart", APART, mandatory=mandatory)
    expected = '4 running VMs of cluster "Prod-A" cannot be kept apart on 3 hosts'
    if mandatory:
        assert sentences(shop(), rule) == [f"test.json#/0/spec/rule: {expected}"]
    else:
        (finding,) = compiled(shop(), rule).findings
        assert finding.what == expected


def test_hosts_that_are_excluded_or_forbidden_do_not_count() -> None:
    rules = [
        placement("apart", "keep-apart", DB, mandatory=True),
        placement("not there", "not-on", DB, hosts={"host": "esx-3"}, mandatory=True),
        document("capacity", selector={"host": "esx-1"}, spec={"exclude": True}),
    ]
    assert sentences(shop(), rules[0], rules[1]) == []
    (sentence,) = sentences(shop(), *rules)
    assert "2 running VMs" in sentence
    assert "on 1 host" in sentence


def test_together_and_apart_at_once() -> None:
    found = sentences(
        shop(),
        placement("apart", "keep-apart", DB, mandatory=True),
        placement("one", "keep-together", {"name": ["db-1", "web-1"]}, mandatory=True),
        placement("two", "keep-together", {"name": ["web-1", "db-2"]}, mandatory=True),
    )
    assert found == [
        'test.json#/0/spec/rule: db-1 and db-2 are to be kept apart by "apart" and together by '
        '"one", "two"'
    ]


def test_soft_rules_that_disagree_are_a_warning() -> None:
    (finding,) = compiled(
        shop(), placement("a", "keep-apart", DB), placement("t", "keep-together", DB)
    ).findings
    assert finding.code == "conflict"


def test_rules_that_leave_no_host() -> None:
    found = sentences(
        shop(),
        placement("on", "run-on", DB, hosts={"host": "esx-[12]"}, mandatory=True),
        placement("off", "not-on", {"name": "db-1"}, hosts={"host": "esx-1"}, mandatory=True),
        placement("off 2", "not-on", {"name": "db-1"}, hosts={"host": "esx-2"}, mandatory=True),
    )
    assert found == [
        'test.json#/1/spec/rule: "off", "off 2", "on" together leave no host for 1 VM, '
        "db-1 among them"
    ]


def test_vspheres_own_rules_count() -> None:
    rows = [
        {"moid": "prod/1", "name": "drs", "cluster": "prod", "kind": "vmAntiHost",
         "mandatory": True, "enabled": enabled, "vms": ["db-1"], "hosts": ["esx-1"]}
        for enabled in (True, False)
    ]  # fmt: skip
    on = placement("on", "run-on", {"name": "db-1"}, hosts={"host": "esx-1"}, mandatory=True)
    for row in rows:
        found = sentences(with_rules(row), on)
        assert bool(found) is row["enabled"]
    (sentence,) = sentences(with_rules(rows[0]), on)
    assert 'vSphere\'s rule "drs" together leave no host for 1 VM' in sentence


def test_rules_of_vsphere_that_contradict_each_other_are_not_the_policies_fault() -> None:
    pair = {"cluster": "prod", "mandatory": True, "enabled": True, "vms": ["db-1", "db-2"]}
    snapshot = with_rules(
        {"moid": "prod/1", "name": "a", "kind": "antiAffinity", **pair},
        {"moid": "prod/2", "name": "b", "kind": "affinity", **pair},
    )
    assert sentences(snapshot, placement("on", "run-on", DB, hosts={"host": "esx-*"})) == []


def with_rules(*rows: dict[str, Any]) -> Snapshot:
    """The shop with DRS rules."""
    snapshot = shop()
    tables = {
        name: [{"moid": moid, "name": moid, **more} for moid in getattr(snapshot, name).moid]
        for name, more in (("clusters", {}), ("hosts", {"memory_mib": 1}), ("vms", {"size_mib": 1}))
    }
    return dataclasses.replace(snapshot, rules=snapshot_of(**tables, rules=list(rows)).rules)


def test_run_on_without_hosts_in_the_cluster() -> None:
    rule = placement("on", "run-on", {"name": "d*"}, hosts={"cluster": "lab"}, mandatory=True)
    (sentence,) = sentences(shop(), rule)
    assert "2 VMs of cluster Prod-A" in sentence


def test_all_contradictions_are_found_at_once() -> None:
    found = sentences(
        shop(),
        placement("apart", "keep-apart", APART, mandatory=True),
        document("tier", "x", spec={"priority": 1}),
        document("tier", "y", spec={"priority": 2}),
        document("capacity", selector={"cluster": "lab"}, spec={"failoverHosts": 9}),
    )
    assert len(found) == 3
