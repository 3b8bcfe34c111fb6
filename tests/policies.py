"""Policy documents and a small estate for the policy tests."""

from __future__ import annotations

from typing import Any

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.estate import Snapshot
from vsphere_market.policy import (
    Compiled,
    PolicyProblems,
    compile_rulebook,
    parse_policies,
)
from vsphere_market.port import Finding, Severity

FILE = "test.json"


def document(kind: str, name: str = "", /, **more: Any) -> dict[str, Any]:
    """A document; ``spec`` and the rest of the envelope are keywords."""
    return {"apiVersion": "vsphere-market/v1", "kind": kind, "name": name or kind, **more}


def compiled(snapshot: Snapshot, *documents: dict[str, Any]) -> Compiled:
    return compile_rulebook(parse_policies(list(documents), FILE), snapshot)


def problems_of(*documents: Any) -> list[str]:
    """Sentences of the errors of documents that must not pass their own checks."""
    try:
        parse_policies(list(documents), FILE)
    except PolicyProblems as exc:
        return str(exc).splitlines()
    return []


def contradictions_of(snapshot: Snapshot, *documents: dict[str, Any]) -> tuple[Finding, ...]:
    """Errors found while compiling; the documents by themselves must be right."""
    policies = parse_policies(list(documents), FILE)
    try:
        compile_rulebook(policies, snapshot)
    except PolicyProblems as exc:
        return tuple(item for item in exc.findings if item.severity is Severity.ERROR)
    return ()


def shop() -> Snapshot:
    """Two clusters, a standalone host, nested pools, tags, attributes, a template."""
    prod = {"cluster": "prod", "host": "esx-1", "pool": "pool-fin", "folder": "/DC/vm/prod"}
    return snapshot_of(
        clusters=[
            cluster_row("prod", name="Prod-A", datacenter="DC"),
            cluster_row("lab", name="Lab", datacenter="DC-2"),
        ],
        hosts=[
            host_row("esx-1", 65536, cluster="prod"),
            host_row("esx-2", 65536, cluster="prod"),
            host_row("esx-3", 32768, cluster="prod"),
            host_row("esx-4", 65536, cluster="lab"),
            host_row("esx-5", 65536, cluster="lab"),
            {"moid": "alone", "name": "alone", "memory_mib": 16384},
        ],
        pools=[
            {"moid": "root", "name": "Resources", "cluster": "prod"},
            {"moid": "pool-fin", "name": "Finance", "cluster": "prod", "parent": "root"},
        ],
        vms=[
            vm_row("db-1", size_mib=16384, tags=["tier:gold", "os:linux"], **prod),
            vm_row("db-2", size_mib=8192, tags=["Tier:Gold"], **prod),
            vm_row("web-1", size_mib=4096, guest_os="windows2022srv_64Guest", **prod),
            vm_row(
                "web-2",
                size_mib=2048,
                custom_attributes=["owner=Finance EU"],
                **{**prod, "host": "esx-2", "folder": "/DC/vm/prod/web"},
            ),
            vm_row("dev-1", "esx-4", 4096, cluster="lab", folder="/DC/vm/production-like"),
            vm_row("dev-2", "esx-5", 4096, cluster="lab", power="poweredOff"),
            {"moid": "solo", "name": "solo", "host": "alone", "size_mib": 1024},
            vm_row("golden", "esx-4", 4096, cluster="lab", template=True),
        ],
    )


def names(snapshot: Snapshot, rows: Any) -> list[str]:
    """Names of the VMs in a mask."""
    return [name for name, hit in zip(snapshot.vms.name, rows, strict=True) if hit]
