package inventory

import (
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"vsphere-market/mocks/vcsim/internal/estate"
)

const (
	defaultCores      = 32
	defaultMHzPerCore = 2400
	defaultLinkMbps   = 10_000
	// maxVMMemoryMiB is what vSphere 8 supports per VM: 24 TiB.
	maxVMMemoryMiB = 24 << 20
)

func (b *Builder) buildHosts() error {
	for i := range b.e.Hosts {
		row := &b.e.Hosts[i]
		cr := b.compute(row)
		h := &simulator.HostSystem{}
		h.Self = refTo("HostSystem", row.Moid)
		h.Name = row.Name
		b.fillHost(h, row)
		b.ctx.Map.PutEntity(cr, h)
		cr.Host = append(cr.Host, h.Self)
		for _, moid := range row.Datastores {
			ds := b.datastores[moid]
			h.Datastore = append(h.Datastore, ds.Self)
			ds.Host = append(ds.Host, types.DatastoreHostMount{
				Key: h.Self,
				MountInfo: types.HostMountInfo{
					Path: ds.Summary.Url, AccessMode: "readWrite",
					Mounted: types.NewBool(true), Accessible: types.NewBool(ds.Summary.Accessible),
				},
			})
			cr.Datastore = appendOnce(cr.Datastore, ds.Self)
		}
		for _, moid := range row.Networks {
			network := b.networks[moid]
			h.Network = append(h.Network, network.Self)
			network.Host = append(network.Host, h.Self)
			cr.Network = appendOnce(cr.Network, network.Self)
		}
		b.hosts[row.Moid] = h
		addCapacity(cr, h)
	}
	return nil
}

func appendOnce(refs []ref, r ref) []ref {
	for _, have := range refs {
		if have == r {
			return refs
		}
	}
	return append(refs, r)
}

func (b *Builder) fillHost(h *simulator.HostSystem, row *estate.Host) {
	booted := b.now.Add(-30 * 24 * time.Hour)
	cores := max(whole(row.CPUCores, defaultCores), 1)
	mhz := int32(max(whole(row.CPUMHz, cores*defaultMHzPerCore)/cores, 1))
	packages := int16(2)
	if cores%2 == 1 {
		packages = 1
	}
	id := stableUUID("host", row.Moid)
	memory := int64(row.MemoryMiB * float64(mib))
	product := hostProduct(row.Version)

	h.Runtime = types.HostRuntimeInfo{
		ConnectionState:   types.HostSystemConnectionState(row.Connection),
		PowerState:        types.HostSystemPowerState(row.Power),
		StandbyMode:       standbyMode(row.Power),
		InMaintenanceMode: row.InMaintenance,
		InQuarantineMode:  types.NewBool(row.InQuarantine),
		BootTime:          &booted,
	}
	h.Hardware = &types.HostHardwareInfo{
		SystemInfo: types.HostSystemInfo{Vendor: "Example", Model: "Simulated", Uuid: id},
		CpuInfo: types.HostCpuInfo{
			NumCpuPackages: packages, NumCpuCores: int16(cores), NumCpuThreads: int16(2 * cores),
			Hz: int64(mhz) * 1_000_000,
		},
		MemorySize: memory,
	}
	h.Summary = types.HostListSummary{
		Host: &h.Self,
		Hardware: &types.HostHardwareSummary{
			Vendor: "Example", Model: "Simulated", Uuid: id, MemorySize: memory, CpuModel: "Simulated CPU",
			CpuMhz: mhz, NumCpuPkgs: packages, NumCpuCores: int16(cores),
			NumCpuThreads: int16(2 * cores), NumNics: 2, NumHBAs: 1,
		},
		// One object for both paths, so that summary.runtime can never disagree with runtime.
		Runtime: &h.Runtime,
		Config: types.HostConfigSummary{
			Name: row.Name, Port: 443, Product: &product, VmotionEnabled: row.VMotionEnabled,
			FaultToleranceEnabled: types.NewBool(false),
		},
		OverallStatus: types.ManagedEntityStatusGreen,
	}
	h.Capability = &types.HostCapability{
		VmotionSupported: true, MaintenanceModeSupported: true, HighGuestMemSupported: true,
		RebootSupported: true, ShutdownSupported: true, StandbySupported: true,
		MaxSupportedVcpus: 768, MaxSupportedVmMemory: maxVMMemoryMiB, MaxRunningVMs: 1024,
	}
	h.Config = &types.HostConfigInfo{
		Host: h.Self, Product: product,
		Network:               vmotionNetwork(row),
		VirtualNicManagerInfo: nicManagerInfo(row),
		StorageDevice:         storageDevice(row),
	}
}

// storageDevice has a local adapter, which tells no speed, and one of Fibre Channel where the file
// says how fast the host's adapters are.
func storageDevice(row *estate.Host) *types.HostStorageDeviceInfo {
	adapters := []types.BaseHostHostBusAdapter{
		&types.HostBlockHba{HostHostBusAdapter: types.HostHostBusAdapter{
			Key: "key-vim.host.BlockHba-vmhba0", Device: "vmhba0", Status: "unknown",
			Model: "Simulated SATA", Driver: "vmw_ahci",
		}},
	}
	if row.StorageMbps != nil {
		adapters = append(adapters, &types.HostFibreChannelHba{
			HostHostBusAdapter: types.HostHostBusAdapter{
				Key: "key-vim.host.FibreChannelHba-vmhba1", Device: "vmhba1", Status: "online",
				Model: "Simulated FC", Driver: "lpfc",
			},
			PortType: types.FibreChannelPortTypeFabric, Speed: whole(row.StorageMbps, 0) * 1_000_000,
		})
	}
	return &types.HostStorageDeviceInfo{HostBusAdapter: adapters}
}

func standbyMode(power string) string {
	if power == string(types.HostSystemPowerStateStandBy) {
		return string(types.HostStandbyModeIn)
	}
	return string(types.HostStandbyModeNone)
}

func hostProduct(version string) types.AboutInfo {
	if version == "" {
		version = "8.0.3"
	}
	return types.AboutInfo{
		Name: "VMware ESXi", FullName: "VMware ESXi " + version, Vendor: "VMware, Inc.",
		Version: version, Build: "1", OsType: "vmnix-x86", ProductLineId: "embeddedEsx",
		ApiType: "HostAgent", ApiVersion: version + ".0",
	}
}

// vmotionNetwork has one switch with one uplink whose speed is the vMotion speed of the file, and
// vmk1 for vMotion on it, so that the speed can be found the way it is found on a real host:
// virtualNicManagerInfo -> vnic -> portgroup -> vswitch -> pnic -> linkSpeed.
func vmotionNetwork(row *estate.Host) *types.HostNetworkInfo {
	network := &types.HostNetworkInfo{
		Vswitch: []types.HostVirtualSwitch{{
			Name: "vSwitch0", Key: "key-vim.host.VirtualSwitch-vSwitch0", NumPorts: 128,
			Pnic:      []string{"key-vim.host.PhysicalNic-vmnic0"},
			Portgroup: []string{"key-vim.host.PortGroup-Management", "key-vim.host.PortGroup-vMotion"},
			Spec: types.HostVirtualSwitchSpec{
				NumPorts: 128,
				Bridge:   &types.HostVirtualSwitchBondBridge{NicDevice: []string{"vmnic0"}},
			},
		}},
		Portgroup: []types.HostPortGroup{portGroup("Management"), portGroup("vMotion")},
		Vnic:      []types.HostVirtualNic{vnic("vmk0", "Management")},
	}
	pnic := types.PhysicalNic{
		Key: "key-vim.host.PhysicalNic-vmnic0", Device: "vmnic0", Pci: "0000:0b:00.0", Mac: "00:50:56:00:00:01",
		LinkSpeed: &types.PhysicalNicLinkInfo{
			SpeedMb: whole32(row.VMotionMbps, defaultLinkMbps), Duplex: true,
		},
	}
	network.Pnic = []types.PhysicalNic{pnic}
	if row.VMotionEnabled {
		network.Vnic = append(network.Vnic, vnic("vmk1", "vMotion"))
	}
	return network
}

func portGroup(name string) types.HostPortGroup {
	return types.HostPortGroup{
		Key: "key-vim.host.PortGroup-" + name, Vswitch: "key-vim.host.VirtualSwitch-vSwitch0",
		Spec: types.HostPortGroupSpec{Name: name, VswitchName: "vSwitch0"},
	}
}

func vnic(device, group string) types.HostVirtualNic {
	return types.HostVirtualNic{
		Device: device, Key: "key-vim.host.VirtualNic-" + device, Portgroup: group,
		Spec: types.HostVirtualNicSpec{Portgroup: group, Ip: &types.HostIpConfig{Dhcp: true}},
	}
}

func nicManagerInfo(row *estate.Host) *types.HostVirtualNicManagerInfo {
	management := types.VirtualNicManagerNetConfig{
		NicType: string(types.HostVirtualNicManagerNicTypeManagement), MultiSelectAllowed: true,
		CandidateVnic: []types.HostVirtualNic{vnic("vmk0", "Management")},
		SelectedVnic:  []string{"management.key-vim.host.VirtualNic-vmk0"},
	}
	vmotion := types.VirtualNicManagerNetConfig{
		NicType: string(types.HostVirtualNicManagerNicTypeVmotion), MultiSelectAllowed: true,
	}
	if row.VMotionEnabled {
		vmotion.CandidateVnic = []types.HostVirtualNic{vnic("vmk1", "vMotion")}
		vmotion.SelectedVnic = []string{"vmotion.key-vim.host.VirtualNic-vmk1"}
	}
	return &types.HostVirtualNicManagerInfo{NetConfig: []types.VirtualNicManagerNetConfig{management, vmotion}}
}

// addCapacity counts a host into its compute resource. Effective figures are of hosts that can run
// VMs; effectiveMemory is in MiB as vCenter has it, unlike every other memory figure there.
func addCapacity(cr *mo.ComputeResource, h *simulator.HostSystem) {
	s := cr.Summary.GetComputeResourceSummary()
	hw := h.Summary.Hardware
	mhz := hw.CpuMhz * int32(hw.NumCpuCores)
	s.TotalCpu += mhz
	s.TotalMemory += hw.MemorySize
	s.NumCpuCores += hw.NumCpuCores
	s.NumCpuThreads += hw.NumCpuThreads
	s.NumHosts++
	usable := h.Runtime.ConnectionState == types.HostSystemConnectionStateConnected &&
		h.Runtime.PowerState == types.HostSystemPowerStatePoweredOn && !h.Runtime.InMaintenanceMode
	if usable {
		s.EffectiveCpu += mhz
		s.EffectiveMemory += hw.MemorySize / mib
		s.NumEffectiveHosts++
	}
}
