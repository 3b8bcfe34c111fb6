"""A part of an estate is an estate: nothing in it points outside, and nothing else is changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.wire.adapter.small import document
from vsphere_market.estate import Snapshot, snapshot_from_json, snapshot_to_json
from vsphere_market.estate.columns import Kind
from vsphere_market.estate.parts import within_clusters
from vsphere_market.estate.snapshot import TABLES


def whole() -> Snapshot:
    estate = document()
    estate["rules"].append(
        {
            "moid": "domain-c2/9",
            "name": "alone",
            "cluster": "domain-c2",
            "kind": "affinity",
            "enabled": True,
            "vms": ["vm-6"],
        }
    )
    return snapshot_from_json(estate, where="test")


@given(clusters=st.sets(st.sampled_from(("domain-c1", "domain-c2", "domain-c9"))))
def test_nothing_points_outside(clusters: set[str]) -> None:
    part = within_clusters(whole(), clusters)
    assert set(part.clusters.moid) == clusters & {"domain-c1", "domain-c2"}
    for name in TABLES:
        table = part.table(name)
        for column, declared in table.columns().items():
            values = getattr(table, column)
            if declared.kind is Kind.REF:
                assert all(-1 <= row < len(part.table(declared.table)) for row in values)
            if declared.kind is Kind.REFS:
                size = len(part.table(declared.table))
                assert all(0 <= row < size for rows in values for row in rows)
    assert all(row >= 0 for row in part.vms.cluster) and all(row >= 0 for row in part.hosts.cluster)


def test_a_part_is_what_a_file_with_nothing_else_would_be() -> None:
    estate = document()
    part = within_clusters(whole(), {"domain-c1"})
    keep = {"domain-c1"}
    estate["clusters"] = estate["clusters"][:1]
    for table in ("hosts", "pools", "vms", "rules"):
        estate[table] = [row for row in estate[table] if row.get("cluster") in keep]
    assert snapshot_to_json(part) == snapshot_to_json(snapshot_from_json(estate, where="test"))


def test_the_other_part_keeps_its_rule_and_its_vm() -> None:
    part = within_clusters(whole(), {"domain-c2"})
    assert part.vms.moid == ("vm-6",) and part.hosts.moid == ("host-4",)
    assert part.rules.name == ("alone",) and part.rules.vms == ((0,),)
    assert part.pools.parent.tolist() == [-1]
    assert len(part.datastores) == len(whole().datastores)
