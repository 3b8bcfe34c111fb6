"""Values to what a database holds, and back: actions as JSON, VM columns as a compressed blob."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vsphere_market.estate import Snapshot, Source
from vsphere_market.market.plan import Plan
from vsphere_market.port import Action
from vsphere_market.port.documents import action_from_json as action_of
from vsphere_market.port.documents import action_to_json
from vsphere_market.units import FloatArray

#: Columns of the VM table that are kept of every cycle.
VM_COLUMNS = (
    "size_mib",
    "reservation_mib",
    "limit_mib",
    "balloon_cap_mib",
    "granted_mib",
    "active_mib",
    "active_peak_mib",
    "consumed_mib",
    "shared_mib",
    "ballooned_mib",
    "swapped_mib",
    "compressed_mib",
    "swap_in_kibps",
    "swap_out_kibps",
    "decompress_kibps",
    "latency_pct",
    "cpu_demand_mhz",
    "cpu_ready_pct",
)
_PACK_VERSION = 1
#: Little-endian on every machine; 24 bits hold whole MiB up to 16 TiB, beyond the largest VM that
#: a counter's accuracy could matter for.
_PACK_TYPE = np.dtype("<f4")


def estate_key(source: Source) -> str:
    """The identity of the vCenter that rows are about."""
    return source.instance_uuid or f"{source.kind}:{source.name}"


def plan_estate(plan: Plan) -> str:
    """The identity of the vCenter that a plan was made from; equal to :func:`estate_key`."""
    origin = plan.made_from
    return origin.instance_uuid or f"{origin.source}:{origin.name}"


def action_json(action: Action) -> str:
    """An action as JSON with sorted keys, equal for equal actions."""
    return json_text(action_to_json(action))


def action_from_json(text: str) -> Action:
    """The action that :func:`action_json` wrote. Raises ValueError or KeyError for others."""
    document = json.loads(text)
    if "vm" in document:
        # As journals of version 0.1 have it.
        document = {**document, "subject": document["vm"]}
        for end in ("from", "to"):
            document.setdefault(end, document.get(f"{end}_mib"))
    return action_of(document)


def json_text(document: Any) -> str:
    """JSON in its one form: sorted keys, no blanks. What is hashed must not vary."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def real(value: float) -> float | None:
    """A number for a column: NaN, "not given", is NULL; infinities are kept."""
    return None if math.isnan(value) else float(value)


def number(value: Any) -> float:
    """A number from a column: NULL is NaN."""
    return math.nan if value is None else float(value)


# ---------------------------------------------------------------- VM columns


@dataclass(frozen=True, slots=True, eq=False)
class VmSample:
    """The VMs of one cycle. Arrays have one entry per VM.

    Attributes:
        moids: managed object ids.
        names: names.
        hosts: names of the hosts they were on, "" for none.
        columns: column name -> values, NaN where not given.
    """

    moids: tuple[str, ...]
    names: tuple[str, ...]
    hosts: tuple[str, ...]
    columns: Mapping[str, FloatArray]


def pack_vms(snapshot: Snapshot, extra: Mapping[str, FloatArray]) -> bytes:
    """The VMs of a snapshot as a compressed blob; about 50 bytes per VM and cycle.

    Args:
        snapshot: gives :data:`VM_COLUMNS`.
        extra: further columns of the same length, e.g. working sets.
    """
    vms, hosts = snapshot.vms, snapshot.hosts
    columns = {name: getattr(vms, name) for name in VM_COLUMNS} | dict(extra)
    # Columns without a single value are left out: sources differ in what they give.
    columns = {name: values for name, values in columns.items() if not np.isnan(values).all()}
    head = json_text(
        {
            "version": _PACK_VERSION,
            "moids": vms.moid,
            "names": vms.name,
            "hosts": [hosts.name[host] if host >= 0 else "" for host in vms.host],
            "columns": list(columns),
        }
    ).encode()
    body = b"".join(np.asarray(values, dtype=_PACK_TYPE).tobytes() for values in columns.values())
    return zlib.compress(len(head).to_bytes(4, "little") + head + body, 6)


def unpack_vms(blob: bytes) -> VmSample:
    """What :func:`pack_vms` packed. Raises ValueError when it is not that."""
    try:
        raw = zlib.decompress(blob)
    except zlib.error as exc:
        raise ValueError(f"VM columns are damaged ({exc})") from None
    size = int.from_bytes(raw[:4], "little")
    head = json.loads(raw[4 : 4 + size])
    if head["version"] != _PACK_VERSION:
        raise ValueError(f"VM columns have the unknown version {head['version']}")
    vms = len(head["moids"])
    body = np.frombuffer(raw, dtype=_PACK_TYPE, offset=4 + size).reshape(-1, vms or 1)
    columns = {
        name: body[at].astype(np.float64) if vms else np.zeros(0)
        for at, name in enumerate(head["columns"])
    }
    return VmSample(tuple(head["moids"]), tuple(head["names"]), tuple(head["hosts"]), columns)
