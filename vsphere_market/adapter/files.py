"""VMs' files: what is in the home datastore, and of what is asked of storage, what is asked there.

A VM's files may be on several datastores: disks, images of CDs. What moves with its home is what is
in the home datastore, so that is what counts there; the rest stays where it is. How much is where
is read of those VMs alone, since most have everything in one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vsphere_market.adapter import soap
from vsphere_market.adapter.bulk import BulkReader, Facts
from vsphere_market.adapter.counters import Figures
from vsphere_market.adapter.places import NAN, Rows, scaled
from vsphere_market.adapter.storage import instance_of, io_of
from vsphere_market.units import BYTES_PER_MIB

PLACEMENT = "config.swapPlacement"
USAGE = "storage.perDatastoreUsage"
#: The host keeps the swap file; and as the cluster has it.
_HOST_LOCAL, _INHERIT = "hostLocal", "inherit"

#: Managed object id of a VM -> that of a datastore -> MiB of its files there.
Usage = Mapping[str, Mapping[str, float]]


def usage_of(reader: BulkReader, vms: Iterable[Facts]) -> Usage:
    """What VMs have on each datastore; of those only whose files are on several."""
    asked = [vm.moid for vm in vms if len(vm.get("datastore", ())) > 1]
    found = reader.objects("VirtualMachine", asked, [USAGE]) if asked else []
    return {
        one.moid: {
            soap.moid(part.datastore): float(part.committed // BYTES_PER_MIB)
            for part in one.get(USAGE, ())
        }
        for one in found
    }


def file_columns(
    vms: Sequence[Facts],
    rows: Rows,
    stores: Sequence[Facts],
    figures: Mapping[str, Figures],
    usage: Usage,
    swaps_with_host: Sequence[bool],
) -> dict[str, Any]:
    """The columns of ``VmTable`` that are about files.

    Args:
        vms: one per row.
        rows: rows of the other tables.
        stores: datastores, one per row.
        figures: what the counters came to, by managed object id.
        usage: what is where.
        swaps_with_host: (V,) whether its cluster lets hosts keep the swap files of those VMs that
            have no say of their own.
    """
    homes = [_home(vm, rows) for vm in vms]
    names = [instance_of(store) for store in stores]
    apart = [len(vm.get("datastore", ())) > 1 for vm in vms]
    home_io = [
        io_of([figures[vm.moid].parts.get(names[home], {})])
        if several and home >= 0 and vm.moid in figures
        else io_of(())
        for vm, home, several in zip(vms, homes, apart, strict=True)
    ]
    return {
        "home_datastore": homes,
        # A VM has files; none committed is nothing told.
        "storage_mib": [
            mib if mib > 0 else NAN
            for mib in scaled(vms, "summary.storage.committed", BYTES_PER_MIB)
        ],
        "home_storage_mib": [
            usage.get(vm.moid, {}).get(stores[home].moid, NAN) if home >= 0 else NAN
            for vm, home in zip(vms, homes, strict=True)
        ],
        "swap_with_host": [
            vm.get(PLACEMENT) == _HOST_LOCAL
            or (vm.get(PLACEMENT, _INHERIT) == _INHERIT and with_host)
            for vm, with_host in zip(vms, swaps_with_host, strict=True)
        ],
        "home_iops": [one.iops for one in home_io],
        "home_io_kibps": [one.kibps for one in home_io],
    }


def hosts_keep_swap(cluster: Facts) -> bool:
    """Whether a cluster lets hosts keep the swap files of their VMs."""
    placement = getattr(cluster.get("configurationEx"), "vmSwapPlacement", None)
    return bool(placement == _HOST_LOCAL)


def _home(vm: Facts, rows: Rows) -> int:
    """The datastore of the VM's home folder: ``[store-1] web-1/web-1.vmx``; -1 if unknown.

    Names are unique within a datacenter only, so it is looked for among the VM's own datastores.
    """
    path = str(vm.get("summary.config.vmPathName", ""))
    name = path[1:].partition("]")[0] if path.startswith("[") else ""
    own = (rows.datastores.get(moid, -1) for moid in vm.get("datastore", ()))
    return next((row for row in own if row >= 0 and rows.store_names[row] == name), -1)
