package inventory

import (
	"sort"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

func (b *Builder) buildDatastores() error {
	home := b.anyDatacenter()
	for _, row := range b.e.Datastores {
		ds := &simulator.Datastore{}
		ds.Self = refTo("Datastore", row.Moid)
		ds.Name = row.Name
		url := "ds:///vmfs/volumes/" + stableUUID("datastore", row.Moid) + "/"
		capacity, free := whole(row.CapacityMiB, 0)*mib, whole(row.FreeMiB, 0)*mib
		ds.Info = &types.VmfsDatastoreInfo{
			DatastoreInfo: types.DatastoreInfo{
				Name: row.Name, Url: url, FreeSpace: free, MaxFileSize: 64 << 40,
			},
		}
		ds.Summary = types.DatastoreSummary{
			Datastore: &ds.Self, Name: row.Name, Url: url, Capacity: capacity, FreeSpace: free,
			Accessible: row.Accessible, MultipleHostAccess: types.NewBool(true), Type: "VMFS",
			MaintenanceMode: string(types.DatastoreSummaryMaintenanceModeStateNormal),
		}
		ds.Capability.DirectoryHierarchySupported = true
		b.adopt(home.DatastoreFolder, ds)
		home.Datastore = append(home.Datastore, ds.Self)
		b.datastores[row.Moid] = ds
	}
	return nil
}

// buildNetworks creates every network that a host or a VM names. The file has no table of them, so
// the type follows from how vCenter names the ids of each type, and the name is the id.
func (b *Builder) buildNetworks() error {
	moids := map[string]bool{}
	for _, host := range b.e.Hosts {
		for _, moid := range host.Networks {
			moids[moid] = true
		}
	}
	for _, vm := range b.e.VMs {
		for _, moid := range vm.Networks {
			moids[moid] = true
		}
	}
	sorted := make([]string, 0, len(moids))
	for moid := range moids {
		sorted = append(sorted, moid)
	}
	sort.Strings(sorted)
	home := b.anyDatacenter()
	for _, moid := range sorted {
		var item mo.Entity
		var network *mo.Network
		switch networkType(moid) {
		case "DistributedVirtualPortgroup":
			pg := &simulator.DistributedVirtualPortgroup{}
			pg.Key = moid
			pg.Config = types.DVPortgroupConfigInfo{Key: moid, Name: moid, Type: "earlyBinding"}
			item, network = pg, &pg.Network
		case "OpaqueNetwork":
			opaque := &mo.OpaqueNetwork{}
			item, network = opaque, &opaque.Network
		default:
			network = &mo.Network{}
			item = network
		}
		network.Self = refTo(networkType(moid), moid)
		network.Name = moid
		network.Entity().Name = moid
		network.Summary = &types.NetworkSummary{Network: &network.Self, Name: moid, Accessible: true}
		b.adopt(home.NetworkFolder, item)
		home.Network = append(home.Network, network.Self)
		b.networks[moid] = network
	}
	return nil
}

func networkType(moid string) string {
	switch {
	case strings.HasPrefix(moid, "dvportgroup-"):
		return "DistributedVirtualPortgroup"
	case strings.HasPrefix(moid, "network-o"):
		return "OpaqueNetwork"
	default:
		return "Network"
	}
}
