"""``operations push`` as an administrator types it, against a double of Operations' API."""

from __future__ import annotations

import hashlib
import json
import ssl
from pathlib import Path

from tests.cli import vm
from tests.operations import Double, serving
from tests.tls_server import CERTIFICATES


def test_operations_is_told_of_a_snapshot(tmp_path: Path) -> None:
    taken = tmp_path / "snapshot.json"
    assert vm("snapshot", "--plant", "demo", "-o", taken).code == 0
    snapshot = json.loads(taken.read_text())
    resources = {
        kind: {row["moid"]: f"id-{row['moid']}" for row in snapshot[rows]}
        for kind, rows in (
            ("VirtualMachine", "vms"),
            ("HostSystem", "hosts"),
            ("ClusterComputeResource", "clusters"),
        )
    }
    left_out = next(iter(resources["VirtualMachine"]))
    del resources["VirtualMachine"][left_out]
    vcenter = snapshot["source"]["instance_uuid"]
    pem = (CERTIFICATES / "self-signed.pem").read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERTIFICATE") :].strip())
    with serving(Double(resources, vcenter=vcenter), "self-signed") as double:
        env = {
            "OPERATIONS_URL": f"127.0.0.1:{double.port}",
            "OPERATIONS_USERNAME": "admin",
            "OPERATIONS_PASSWORD": "secret",
            "OPERATIONS_PIN": hashlib.sha256(der).hexdigest(),
        }
        told = vm("operations", "push", "--snapshot", taken, env=env)
        assert told.code == 0, told.err
        assert "1 object it does not know" in told.err
        known = sum(len(objects) for objects in resources.values())
        assert len(double.stored) == known
        assert not double.refused
        squeezed = double.stored[resources["VirtualMachine"][_moid(snapshot, "report-01")]]
        assert squeezed["vSphere Market|cause"] == "limit"
        assert "memory limit" in squeezed["vSphere Market|recommendation"]
        wrong = vm(
            "operations", "push", "--snapshot", taken, env={**env, "OPERATIONS_PASSWORD": "no"}
        )
        double.guests = {
            resources["VirtualMachine"][_moid(snapshot, "mail-01")]: {
                "guest|mem.needed_latest": 30 * 1024.0 * 1024.0
            }
        }
        read = tmp_path / "with-guests.json"
        asked = vm("snapshot", "--snapshot", taken, "--guests", "operations", "-o", read, env=env)
        assert asked.code == 0, asked.err
    (mail,) = [row for row in json.loads(read.read_text())["vms"] if row["name"] == "mail-01"]
    assert mail["guest_needed_mib"] == 30 * 1024
    assert mail["guest_source"] == "guest, Operations"
    wrong.failed_with(77, "refuses the login of admin", "OPERATIONS_PASSWORD")
    gone = vm("operations", "push", "--snapshot", taken, env=env)
    gone.failed_with(69, "nothing listens")


def _moid(snapshot: dict[str, list[dict[str, str]]], name: str) -> str:
    return next(row["moid"] for row in snapshot["vms"] if row["name"] == name)
