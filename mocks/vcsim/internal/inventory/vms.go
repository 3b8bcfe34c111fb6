package inventory

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"vsphere-market/mocks/vcsim/internal/estate"
)

// BalloonCapKey is the advanced setting that caps a VM's balloon, in MiB.
const BalloonCapKey = "sched.mem.maxmemctl"

func (b *Builder) buildVMs() error {
	for i := range b.e.VMs {
		if err := b.buildVM(&b.e.VMs[i]); err != nil {
			return err
		}
	}
	return nil
}

func (b *Builder) buildVM(row *estate.VM) error {
	vm := &simulator.VirtualMachine{}
	vm.Self = refTo("VirtualMachine", row.Moid)
	vm.Name = row.Name
	folder, err := b.folderOf(row)
	if err != nil {
		return fmt.Errorf("%s: %w", row.Moid, err)
	}
	b.fillVM(vm, row)
	if err := b.placeVM(vm, row); err != nil {
		return err
	}
	b.ctx.Map.PutEntity(folder, vm)
	folder.ChildEntity = append(folder.ChildEntity, vm.Self)
	return nil
}

func (b *Builder) folderOf(row *estate.VM) (*simulator.Folder, error) {
	if parts := pathParts(row.Folder); len(parts) > 0 {
		return b.folderAt(parts)
	}
	cluster := row.Cluster
	if host := b.hostRows[row.Host]; host != nil {
		cluster = host.Cluster
	}
	if c := b.clusterRows[cluster]; c != nil {
		return b.folders["/"+orDefault(c.Datacenter)+"/vm"], nil
	}
	return b.ctx.Map.Get(b.anyDatacenter().VmFolder).(*simulator.Folder), nil
}

// placeVM ties the VM to host, pool, datastores and networks, from both ends.
func (b *Builder) placeVM(vm *simulator.VirtualMachine, row *estate.VM) error {
	cluster := row.Cluster
	if h := b.hosts[row.Host]; h != nil {
		vm.Runtime.Host = &h.Self
		h.Vm = append(h.Vm, vm.Self)
		if own := b.hostRows[row.Host].Cluster; cluster != "" && cluster != own {
			return fmt.Errorf("%s is in the cluster %s, but its host %s is not", row.Moid, cluster, row.Host)
		}
		cluster = b.hostRows[row.Host].Cluster
	}
	pool := b.pools[row.Pool]
	if pool == nil && !row.Template {
		if c := b.clusters[cluster]; c != nil {
			pool = b.poolAt(b.rootPools[c.Self])
		} else if cr := b.standalone[row.Host]; cr != nil {
			pool = b.poolAt(b.rootPools[cr.Self])
		}
	}
	if pool != nil {
		vm.ResourcePool = &pool.Self
		pool.Vm = append(pool.Vm, vm.Self)
	}
	vm.Summary.Runtime = vm.Runtime
	for _, moid := range row.Datastores {
		ds := b.datastores[moid]
		vm.Datastore = append(vm.Datastore, ds.Self)
		ds.Vm = append(ds.Vm, vm.Self)
	}
	for _, moid := range row.Networks {
		network := b.networks[moid]
		vm.Network = append(vm.Network, network.Self)
		network.Vm = append(network.Vm, vm.Self)
	}
	return nil
}

func (b *Builder) poolAt(r ref) *simulator.ResourcePool {
	return b.ctx.Map.Get(r).(*simulator.ResourcePool)
}

func (b *Builder) fillVM(vm *simulator.VirtualMachine, row *estate.VM) {
	on := row.Power == string(types.VirtualMachinePowerStatePoweredOn)
	size, vcpus := int64(row.SizeMiB), max(whole32(row.VCPUs, 1), 1)
	memory := allocation(row.ReservationMiB, row.LimitMiB, false, MemoryShares(row.Shares, size))
	cpu := allocation(row.CPUReservationMHz, nil, false,
		types.SharesInfo{Shares: 1000 * vcpus, Level: types.SharesLevelNormal})
	path := "[" + b.homeDatastore(row) + "] " + row.Name + "/" + row.Name + ".vmx"
	instance := row.InstanceUUID
	if instance == "" {
		instance = stableUUID("instance", row.Moid)
	}
	version := row.ChangeVersion
	if version == "" {
		version = "1"
	}
	guestName := row.GuestOS
	vm.Config = &types.VirtualMachineConfigInfo{
		ChangeVersion: version, Modified: b.now, Name: row.Name, GuestFullName: guestName,
		Version: "vmx-21", Uuid: stableUUID("bios", row.Moid), InstanceUuid: instance,
		Template: row.Template, GuestId: row.GuestOS,
		Files:            types.VirtualMachineFileInfo{VmPathName: path},
		Tools:            &types.ToolsConfigInfo{},
		Hardware:         types.VirtualHardware{NumCPU: vcpus, NumCoresPerSocket: 1, MemoryMB: int32(size)},
		CpuAllocation:    &cpu,
		MemoryAllocation: &memory,
		LatencySensitivity: &types.LatencySensitivity{
			Level: types.LatencySensitivitySensitivityLevelNormal,
		},
		MemoryHotAddEnabled:          types.NewBool(row.HotAddEnabled),
		CpuHotAddEnabled:             types.NewBool(false),
		CpuHotRemoveEnabled:          types.NewBool(false),
		HotPlugMemoryLimit:           whole(row.HotAddLimitMiB, 0),
		HotPlugMemoryIncrementSize:   whole(row.HotAddIncrementMiB, 0),
		MemoryReservationLockedToMax: types.NewBool(row.ReservationLockedToMax),
		BootOptions:                  &types.VirtualMachineBootOptions{},
		Firmware:                     "efi",
		ExtraConfig:                  []types.BaseOptionValue{},
	}
	if row.LatencySensitivityHigh {
		vm.Config.LatencySensitivity.Level = types.LatencySensitivitySensitivityLevelHigh
	}
	vm.Config.SwapPlacement = string(types.VirtualMachineConfigInfoSwapPlacementTypeInherit)
	if row.SwapWithHost {
		vm.Config.SwapPlacement = string(types.VirtualMachineConfigInfoSwapPlacementTypeHostLocal)
	}
	if row.BalloonCapMiB != nil {
		vm.Config.ExtraConfig = append(vm.Config.ExtraConfig, &types.OptionValue{
			Key: BalloonCapKey, Value: strconv.FormatInt(whole(row.BalloonCapMiB, 0), 10),
		})
	}
	if row.ManagedBy != "" {
		vm.Config.ManagedBy = &types.ManagedByInfo{ExtensionKey: row.ManagedBy, Type: "managed"}
	}
	vm.Config.Hardware.Device = b.devices(row)
	vm.ResourceConfig = &types.ResourceConfigSpec{
		Entity: &vm.Self, CpuAllocation: cpu, MemoryAllocation: memory,
	}
	vm.Capability = types.VirtualMachineCapability{
		MemoryReservationLockSupported: types.NewBool(true),
		SettingVideoRamSizeSupported:   true,
	}
	vm.Layout = &types.VirtualMachineFileLayout{}
	vm.LayoutEx = &types.VirtualMachineFileLayoutEx{Timestamp: b.now}
	vm.Storage = &types.VirtualMachineStorageInfo{
		Timestamp: b.now, PerDatastoreUsage: b.usage(row),
	}
	b.fillRuntime(vm, row, on)
	b.fillGuest(vm, row, on)
	vm.Summary.Vm = &vm.Self
	vm.Summary.OverallStatus = types.ManagedEntityStatusGreen
	vm.Summary.Config = types.VirtualMachineConfigSummary{
		Name: row.Name, Template: row.Template, VmPathName: path, MemorySizeMB: int32(size),
		CpuReservation: int32(whole(row.CPUReservationMHz, 0)), MemoryReservation: int32(*memory.Reservation),
		NumCpu: vcpus, Uuid: vm.Config.Uuid, InstanceUuid: instance, GuestId: row.GuestOS,
		GuestFullName: guestName, ManagedBy: vm.Config.ManagedBy, HwVersion: "vmx-21",
	}
	vm.Summary.Storage = &types.VirtualMachineStorageSummary{
		Committed: whole(row.StorageMiB, 0) * mib, Timestamp: b.now,
	}
	vm.Summary.QuickStats.GuestHeartbeatStatus = vm.GuestHeartbeatStatus
}

func (b *Builder) fillRuntime(vm *simulator.VirtualMachine, row *estate.VM, on bool) {
	vm.Runtime = types.VirtualMachineRuntimeInfo{
		ConnectionState:     types.VirtualMachineConnectionState(row.Connection),
		PowerState:          types.VirtualMachinePowerState(row.Power),
		FaultToleranceState: types.VirtualMachineFaultToleranceStateNotConfigured,
		RecordReplayState:   types.VirtualMachineRecordReplayStateInactive,
		MaxMemoryUsage:      int32(row.SizeMiB),
		MemoryOverhead:      whole(row.OverheadMiB, 0) * mib,
		ConsolidationNeeded: types.NewBool(false),
	}
	if row.FaultTolerance {
		vm.Runtime.FaultToleranceState = types.VirtualMachineFaultToleranceStateRunning
	}
	if on {
		booted := b.now.Add(-24 * time.Hour)
		vm.Runtime.BootTime = &booted
	}
}

func (b *Builder) fillGuest(vm *simulator.VirtualMachine, row *estate.VM, on bool) {
	running, status, state := "guestToolsNotRunning", types.VirtualMachineToolsStatusToolsNotRunning, "notRunning"
	vm.GuestHeartbeatStatus = types.ManagedEntityStatusGray
	if on {
		state = "running"
	}
	if row.ToolsRunning {
		running, status = "guestToolsRunning", types.VirtualMachineToolsStatusToolsOk
		vm.GuestHeartbeatStatus = types.ManagedEntityStatusGreen
	}
	vm.Guest = &types.GuestInfo{
		ToolsStatus: status, ToolsRunningStatus: running, GuestId: row.GuestOS, GuestState: state,
		GuestFullName: row.GuestOS, HostName: row.Name,
	}
	vm.Summary.Guest = &types.VirtualMachineGuestSummary{
		GuestId: row.GuestOS, ToolsStatus: status, ToolsRunningStatus: running, HostName: row.Name,
	}
}

// usage is how much of the VM's files is on each datastore: nothing where the file does not tell.
// What is not at home is on the first of the others.
func (b *Builder) usage(row *estate.VM) (found []types.VirtualMachineUsageOnDatastore) {
	if row.StorageMiB == nil || len(row.Datastores) > 1 && row.HomeStorageMiB == nil {
		return nil
	}
	home, rest := whole(row.StorageMiB, 0), int64(0)
	if len(row.Datastores) > 1 {
		home, rest = whole(row.HomeStorageMiB, 0), max(home-whole(row.HomeStorageMiB, 0), 0)
	}
	name := b.homeDatastore(row)
	for _, moid := range row.Datastores {
		ds, committed := b.datastores[moid], rest
		if ds.Name == name {
			committed = home
		} else {
			rest = 0
		}
		found = append(found, types.VirtualMachineUsageOnDatastore{
			Datastore: ds.Self, Committed: committed * mib,
		})
	}
	return found
}

// homeDatastore is where the VM's folder lies: as the file says, else the first that holds its files.
func (b *Builder) homeDatastore(row *estate.VM) string {
	if home := b.datastores[row.HomeDatastore]; home != nil {
		return home.Name
	}
	if len(row.Datastores) == 0 {
		return "unknown"
	}
	return b.datastores[row.Datastores[0]].Name
}

// devices has a disk per datastore, a card per network and, where the file says so, a passthrough
// device: what migration checks look at, and no more, for there may be ten thousand VMs.
func (b *Builder) devices(row *estate.VM) []types.BaseVirtualDevice {
	devices := []types.BaseVirtualDevice{&types.ParaVirtualSCSIController{
		VirtualSCSIController: types.VirtualSCSIController{
			VirtualController: types.VirtualController{VirtualDevice: types.VirtualDevice{
				Key: 1000, DeviceInfo: &types.Description{Label: "SCSI controller 0", Summary: "VMware paravirtual SCSI"},
			}},
			SharedBus: types.VirtualSCSISharingNoSharing,
		},
	}}
	for i, moid := range row.Datastores {
		ds := b.datastores[moid]
		unit := int32(i)
		devices = append(devices, &types.VirtualDisk{
			VirtualDevice: types.VirtualDevice{
				Key: 2000 + unit, ControllerKey: 1000, UnitNumber: &unit,
				DeviceInfo: &types.Description{Label: fmt.Sprintf("Hard disk %d", i+1), Summary: "16 GiB"},
				Backing: &types.VirtualDiskFlatVer2BackingInfo{
					VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{
						FileName:  fmt.Sprintf("[%s] %s/%s_%d.vmdk", ds.Name, row.Name, row.Name, i),
						Datastore: &ds.Self,
					},
					DiskMode: string(types.VirtualDiskModePersistent), ThinProvisioned: types.NewBool(true),
				},
			},
			CapacityInKB: 16 << 20, CapacityInBytes: 16 << 30,
		})
	}
	for i, moid := range row.Networks {
		devices = append(devices, &types.VirtualVmxnet3{VirtualVmxnet: types.VirtualVmxnet{
			VirtualEthernetCard: types.VirtualEthernetCard{
				VirtualDevice: types.VirtualDevice{
					Key:         4000 + int32(i),
					DeviceInfo:  &types.Description{Label: fmt.Sprintf("Network adapter %d", i+1), Summary: moid},
					Backing:     networkBacking(b.networks[moid]),
					Connectable: &types.VirtualDeviceConnectInfo{StartConnected: true, Connected: true},
				},
				AddressType: "assigned",
			},
		}})
	}
	if row.Passthrough {
		devices = append(devices, &types.VirtualPCIPassthrough{VirtualDevice: types.VirtualDevice{
			Key: 13000, DeviceInfo: &types.Description{Label: "PCI device 0", Summary: "DirectPath I/O"},
			Backing: &types.VirtualPCIPassthroughDeviceBackingInfo{
				VirtualDeviceDeviceBackingInfo: types.VirtualDeviceDeviceBackingInfo{DeviceName: "Passthrough"},
				Id:                             "0000:3b:00.0", DeviceId: "1db6", SystemId: "BYPASS", VendorId: 0x10de,
			},
		}})
	}
	return devices
}

func networkBacking(network *mo.Network) types.BaseVirtualDeviceBackingInfo {
	if network.Self.Type == "DistributedVirtualPortgroup" {
		return &types.VirtualEthernetCardDistributedVirtualPortBackingInfo{
			Port: types.DistributedVirtualSwitchPortConnection{
				SwitchUuid: stableUUID("dvs"), PortgroupKey: network.Self.Value,
			},
		}
	}
	return &types.VirtualEthernetCardNetworkBackingInfo{
		VirtualDeviceDeviceBackingInfo: types.VirtualDeviceDeviceBackingInfo{DeviceName: network.Name},
		Network:                        &network.Self,
	}
}

// buildAttributes defines the custom attributes that VMs have and sets their values.
func (b *Builder) buildAttributes() error {
	content := b.ctx.Map.Get(refTo("ServiceInstance", "ServiceInstance")).(*simulator.ServiceInstance).Content
	manager := b.ctx.Map.Get(*content.CustomFieldsManager).(*simulator.CustomFieldsManager)
	keys := map[string]int32{}
	for i := range b.e.VMs {
		row := &b.e.VMs[i]
		vm := b.ctx.Map.Get(refTo("VirtualMachine", row.Moid)).(*simulator.VirtualMachine)
		for _, item := range row.CustomAttributes {
			name, value, ok := strings.Cut(item, "=")
			if !ok {
				return fmt.Errorf("%s: the custom attribute %q is not name=value", row.Moid, item)
			}
			if _, known := keys[name]; !known {
				res := manager.AddCustomFieldDef(b.ctx, &types.AddCustomFieldDef{
					This: manager.Self, Name: name, MoType: "VirtualMachine",
				})
				if res.Fault() != nil {
					return fmt.Errorf("cannot define the custom attribute %q: %s", name, res.Fault().String)
				}
				keys[name] = fieldKey(manager, name)
			}
			v := &types.CustomFieldStringValue{
				CustomFieldValue: types.CustomFieldValue{Key: keys[name]}, Value: value,
			}
			vm.Value = append(vm.Value, v)
			vm.CustomValue = append(vm.CustomValue, v)
			vm.Summary.CustomValue = append(vm.Summary.CustomValue, v)
		}
	}
	return nil
}

func fieldKey(manager *simulator.CustomFieldsManager, name string) int32 {
	for _, field := range manager.Field {
		if field.Name == name {
			return field.Key
		}
	}
	return -1
}
