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

// moveFiles moves all files of a VM to one datastore and gives the changes of the VM.
func (v *VCenter) moveFiles(vm vmFacts, to ref) []types.PropertyChange {
	target := v.reg.Get(to).(*simulator.Datastore)
	for _, r := range vm.datastores {
		if ds, ok := v.reg.Get(r).(*simulator.Datastore); ok && r != to {
			v.swap(ds, "vm", func() []ref { return ds.Vm }, vm.self, false)
		}
	}
	v.swap(target, "vm", func() []ref { return target.Vm }, vm.self, true)
	name := v.nameOf(to)
	onto := func(path string) string {
		if _, rest, ok := strings.Cut(path, "] "); ok {
			return "[" + name + "] " + rest
		}
		return path
	}
	object := v.vm(vm.self)
	var path string
	var devices []types.BaseVirtualDevice
	v.read(object, func() {
		path = onto(object.Config.Files.VmPathName)
		for _, device := range object.Config.Hardware.Device {
			devices = append(devices, diskOn(device, to, onto))
		}
	})
	return []types.PropertyChange{
		change("datastore", []ref{to}), change("config.files.vmPathName", path),
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
