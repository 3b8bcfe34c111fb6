package vcenter

import (
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// post puts an event into vCenter's history, at the simulator's time. The world is held alone.
func (v *VCenter) post(event types.BaseEvent) {
	v.library.Lock()
	defer v.library.Unlock()
	ctx := v.internalContext(v.actor)
	manager := v.reg.Get(*v.content.EventManager).(*simulator.EventManager)
	v.reg.WithLock(ctx, manager, func() {
		manager.PostEvent(ctx, &types.PostEvent{EventToPost: event})
		event.GetEvent().CreatedTime = v.Clock.Now()
	})
}

func (v *VCenter) vmEvent(vm vmFacts, host ref) types.VmEvent {
	e := types.VmEvent{}
	e.Vm = &types.VmEventArgument{EntityEventArgument: types.EntityEventArgument{Name: vm.name}, Vm: vm.self}
	if h := v.hostArgumentOf(host); h.Host.Value != "" {
		e.Host = &h
		if f, ok := v.hostFacts(host); ok {
			e.ComputeResource = &types.ComputeResourceEventArgument{ComputeResource: f.compute}
			e.ComputeResource.Name = v.computeName(f.compute)
		}
	}
	e.Datacenter = v.datacenterOf(vm.self)
	// The library's message templates name a datastore and cannot do without one.
	e.Ds = &types.DatastoreEventArgument{}
	if ds := v.datastoreArgument(vm); ds != nil {
		e.Ds = ds
	}
	return e
}

func (v *VCenter) computeName(r ref) (name string) {
	if c := v.compute(r); c != nil {
		v.read(r, func() { name = c.Name })
	}
	return name
}

func hostArgument(f hostFacts) types.HostEventArgument {
	return types.HostEventArgument{EntityEventArgument: types.EntityEventArgument{Name: f.name}, Host: f.self}
}

func (v *VCenter) hostArgumentOf(r ref) types.HostEventArgument {
	f, _ := v.hostFacts(r)
	return hostArgument(f)
}

// datacenterOf walks up to the datacenter of an entity; parents do not change while the world is
// held or shared, so names are read without locks.
func (v *VCenter) datacenterOf(r ref) *types.DatacenterEventArgument {
	item, _ := v.reg.Get(r).(mo.Entity)
	for item != nil {
		e := item.Entity()
		if dc, is := item.(*simulator.Datacenter); is {
			return &types.DatacenterEventArgument{
				EntityEventArgument: types.EntityEventArgument{Name: dc.Name}, Datacenter: dc.Self,
			}
		}
		if e.Parent == nil {
			return nil
		}
		item, _ = v.reg.Get(*e.Parent).(mo.Entity)
	}
	return nil
}

func (v *VCenter) datastoreArgument(vm vmFacts) *types.DatastoreEventArgument {
	if len(vm.datastores) == 0 {
		return nil
	}
	return &types.DatastoreEventArgument{
		EntityEventArgument: types.EntityEventArgument{Name: v.nameOf(vm.datastores[0])},
		Datastore:           vm.datastores[0],
	}
}

// swap adds r to a list property of obj or takes it out, and tells property filters.
func (v *VCenter) swap(obj mo.Reference, property string, list func() []ref, r ref, add bool) {
	v.library.Lock()
	defer v.library.Unlock()
	ctx := v.lockContext()
	v.reg.WithLock(ctx, obj, func() {
		next := without(list(), r)
		if add {
			next = with(list(), r)
		}
		ctx.Update(obj, []types.PropertyChange{change(property, next)})
	})
}

// moveFiles moves the files of a VM to a datastore, but for disks that are named with their own, and
// gives the changes of the VM.
func (v *VCenter) moveFiles(vm vmFacts, to ref, disks map[int32]ref) []types.PropertyChange {
	names := map[ref]string{to: v.nameOf(to)}
	for _, place := range disks {
		names[place] = v.nameOf(place)
	}
	onto := func(place ref) func(string) string {
		name := names[place]
		return func(path string) string {
			if _, rest, ok := strings.Cut(path, "] "); ok {
				return "[" + name + "] " + rest
			}
			return path
		}
	}
	object := v.vm(vm.self)
	var path string
	var devices []types.BaseVirtualDevice
	places := []ref{to}
	v.read(object, func() {
		path = onto(to)(object.Config.Files.VmPathName)
		for _, device := range object.Config.Hardware.Device {
			place, named := disks[device.GetVirtualDevice().Key]
			if !named {
				place = to
			}
			if _, isDisk := device.(*types.VirtualDisk); isDisk {
				places = appendOnce(places, place)
			}
			devices = append(devices, diskOn(device, place, onto(place)))
		}
	})
	for _, r := range vm.datastores {
		if ds, ok := v.reg.Get(r).(*simulator.Datastore); ok && simulator.FindReference(places, r) == nil {
			v.swap(ds, "vm", func() []ref { return ds.Vm }, vm.self, false)
		}
	}
	for _, r := range places {
		ds := v.reg.Get(r).(*simulator.Datastore)
		v.swap(ds, "vm", func() []ref { return ds.Vm }, vm.self, true)
	}
	return []types.PropertyChange{
		change("datastore", places), change("config.files.vmPathName", path),
		change("summary.config.vmPathName", path), change("config.hardware.device", devices),
	}
}

// diskOn is the device itself, or a copy of a disk with its file on another datastore.
func diskOn(device types.BaseVirtualDevice, to ref, onto func(string) string) types.BaseVirtualDevice {
	disk, ok := device.(*types.VirtualDisk)
	if !ok {
		return device
	}
	backing, ok := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
	if !ok {
		return device
	}
	nextDisk, nextBacking := *disk, *backing
	nextBacking.FileName, nextBacking.Datastore = onto(backing.FileName), &to
	nextDisk.Backing = &nextBacking
	return &nextDisk
}
