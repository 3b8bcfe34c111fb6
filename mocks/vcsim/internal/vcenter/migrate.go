package vcenter

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// move is where a VM is asked to go; what is nil stays.
type move struct {
	host, pool, datastore, folder *ref
	// disks are those that go, or stay, elsewhere than the home folder goes: by key, where.
	disks map[int32]ref
}

// finding is one thing that speaks against a move. test is the kind of check it belongs to.
type finding struct {
	*fault
	test types.CheckTestType
}

// resolve completes a move and finds what is wrong with its references, before any check.
func (v *VCenter) resolve(vm vmFacts, m move) (host hostFacts, pool ref, failure *fault) {
	gone := func(r ref) *fault {
		return failed(&types.ManagedObjectNotFound{Obj: r},
			"The object '%s:%s' has already been deleted or has not been completely created.", r.Type, r.Value)
	}
	target := vm.host
	if m.host != nil {
		target = *m.host
	}
	host, ok := v.hostFacts(target)
	if !ok {
		return host, pool, gone(target)
	}
	if m.datastore != nil {
		if _, ok := v.reg.Get(*m.datastore).(*simulator.Datastore); !ok {
			return host, pool, gone(*m.datastore)
		}
	}
	pool = vm.pool
	if m.pool != nil {
		pool = *m.pool
		f, ok := v.poolFacts(pool)
		if !ok {
			return host, pool, gone(pool)
		}
		if f.owner != host.compute {
			return host, pool, failed(&types.InvalidArgument{InvalidProperty: "pool"},
				"A specified parameter was not correct: pool. It does not belong to the cluster of host %s.", host.name)
		}
		return host, pool, nil
	}
	if f, ok := v.poolFacts(vm.pool); ok && f.owner != host.compute {
		return host, pool, failed(&types.InvalidArgument{InvalidProperty: "spec.pool"},
			"A specified parameter was not correct: spec.pool. A move out of the cluster needs a pool there.")
	}
	return host, pool, nil
}

// findings checks a move as vCenter does before it starts one and again in CheckRelocate_Task.
func (v *VCenter) findings(vm vmFacts, host hostFacts, pool ref, m move) (errors, warnings []finding) {
	bad := func(test types.CheckTestType, f *fault) {
		if f != nil {
			errors = append(errors, finding{f, test})
		}
	}
	moves := host.self != vm.host
	bad(types.CheckTestTypeSourceTests, v.sourceState(vm))
	if moves {
		bad(types.CheckTestTypeHostTests, v.targetState(host))
		if vm.on {
			for _, f := range v.vmotionFaults(vm, host) {
				bad(types.CheckTestTypeHostTests, f)
			}
		}
		for _, f := range v.invisible(vm, host, m) {
			test := types.CheckTestTypeNetworkTests
			if _, disk := f.what.(*types.CannotAccessVmDisk); disk {
				test = types.CheckTestTypeDatastoreTests
			}
			bad(test, f)
		}
		mandatory, soft := v.brokenRules(vm, host)
		for _, f := range mandatory {
			bad(types.CheckTestTypeHostTests, f)
		}
		for _, f := range soft {
			warnings = append(warnings, finding{f, types.CheckTestTypeHostTests})
		}
		if host.quarantine {
			warnings = append(warnings, finding{failed(&types.InvalidHostState{Host: &host.self},
				"The host %s is in quarantine mode.", host.name), types.CheckTestTypeHostTests})
		}
		bad(types.CheckTestTypeHostTests, v.hostRoom(vm, host))
	}
	if pool != vm.pool {
		bad(types.CheckTestTypeResourcePoolTests, v.poolRoom(pool, v.claim(vm)))
	}
	return errors, warnings
}

// sourceState checks that the VM can be worked on where it is.
func (v *VCenter) sourceState(vm vmFacts) *fault {
	if host, ok := v.hostFacts(vm.host); ok && !host.connected {
		return notConnected(host)
	}
	if vm.connection != types.VirtualMachineConnectionStateConnected {
		return failed(&types.InvalidState{}, "The virtual machine %s is %s.", vm.name, vm.connection)
	}
	return nil
}

func notConnected(host hostFacts) *fault {
	if host.state == types.HostSystemConnectionStateNotResponding {
		return failed(&types.HostNotReachable{}, "The host %s does not respond.", host.name)
	}
	return failed(&types.HostNotConnected{}, "The host %s is not connected.", host.name)
}

// targetState checks that the host takes VMs at all.
func (v *VCenter) targetState(host hostFacts) *fault {
	switch {
	case !host.connected:
		return notConnected(host)
	case !host.poweredOn:
		return failed(&types.InvalidHostState{Host: &host.self}, "The host %s is not powered on.", host.name)
	case host.maintenance:
		return failed(&types.InvalidHostState{Host: &host.self}, "The host %s is in maintenance mode.", host.name)
	case v.failoverHost(host):
		return failed(&types.DisallowedOperationOnFailoverHost{Host: host.self, Hostname: host.name},
			"The host %s is kept as a failover host by vSphere HA.", host.name)
	}
	return nil
}

// vmotionFaults checks what a live migration needs on both ends.
func (v *VCenter) vmotionFaults(vm vmFacts, target hostFacts) (found []*fault) {
	source, ok := v.hostFacts(vm.host)
	for _, end := range []struct {
		host hostFacts
		ok   bool
		from bool
	}{{source, ok, true}, {target, true, false}} {
		if end.ok && !end.host.vmotion {
			found = append(found, failed(&types.VMotionNotConfigured{VMotionInterfaceIssue: types.VMotionInterfaceIssue{
				AtSourceHost: end.from, FailedHost: end.host.name, FailedHostEntity: &end.host.self,
			}}, "The vMotion interface is not configured on the host %s.", end.host.name))
		}
	}
	if vm.passthrough {
		found = append(found, failed(&types.DisallowedMigrationDeviceAttached{Fault: types.LocalizedMethodFault{
			Fault: &types.DeviceNotSupported{
				VirtualHardwareCompatibilityIssue: types.VirtualHardwareCompatibilityIssue{},
				Device:                            "PCI device 0",
			},
			LocalizedMessage: "Device 'PCI device 0' is a passthrough device.",
		}}, "The virtual machine %s has a passthrough device, which prevents migration.", vm.name))
	}
	return found
}

// invisible lists disks and cards of the VM whose storage or network the target does not see.
func (v *VCenter) invisible(vm vmFacts, host hostFacts, m move) (found []*fault) {
	datastores := vm.datastores
	if m.datastore != nil {
		datastores = []ref{*m.datastore}
		for _, ds := range m.disks {
			datastores = appendOnce(datastores, ds)
		}
	}
	for _, ds := range datastores {
		if simulator.FindReference(host.datastores, ds) != nil {
			continue
		}
		name := v.nameOf(ds)
		found = append(found, failed(&types.CannotAccessVmDisk{
			CannotAccessVmDevice: types.CannotAccessVmDevice{Device: "Hard disk 1", Backing: "[" + name + "]", Connected: true},
			Fault: types.LocalizedMethodFault{
				Fault:            &types.InvalidDatastore{Datastore: &ds, Name: name},
				LocalizedMessage: "The datastore is not accessible from the host.",
			},
		}, "The host %s cannot access the datastore %s.", host.name, name))
	}
	for _, net := range vm.networks {
		if simulator.FindReference(host.networks, net) != nil {
			continue
		}
		found = append(found, failed(&types.CannotAccessNetwork{
			CannotAccessVmDevice: types.CannotAccessVmDevice{
				Device: "Network adapter 1", Backing: v.nameOf(net), Connected: true,
			},
			Network: &net,
		}, "The network %s is not accessible from the host %s.", v.nameOf(net), host.name))
	}
	return found
}

// hostRoom checks that the target can back reservation and overhead of a running VM.
func (v *VCenter) hostRoom(vm vmFacts, host hostFacts) *fault {
	need, left := v.claim(vm), v.hostUnreserved(host.self, vm.self)
	if need <= left {
		return nil
	}
	return failed(&types.InsufficientHostMemoryCapacityFault{
		InsufficientHostCapacityFault: types.InsufficientHostCapacityFault{Host: &host.self},
		Unreserved:                    max(left, 0) * mib, Requested: need * mib,
	}, "The host %s has %d MiB of unreserved memory, %d MiB are needed.", host.name, max(left, 0), need)
}

// poolRoom checks that a pool can back more MiB of reservation.
func (v *VCenter) poolRoom(pool ref, more int64) *fault {
	if more <= 0 || pool.Value == "" {
		return nil
	}
	left := v.unreserved(pool)
	if more <= left {
		return nil
	}
	return failed(&types.InsufficientMemoryResourcesFault{
		Unreserved: max(left, 0) * mib, Requested: more * mib,
	}, "The available memory resources in the parent resource pool are insufficient for the operation.")
}

func (v *VCenter) nameOf(r ref) string {
	name := r.Value
	switch o := v.reg.Get(r).(type) {
	case *simulator.Datastore:
		v.read(o, func() { name = o.Name })
	}
	return name
}

// migration is the job that moves a VM.
func (v *VCenter) migration(vm vmFacts, m move, name, descriptionID string) job {
	j := job{
		kind: KindRelocate, name: name, descriptionID: descriptionID, entity: vm.self, entityName: vm.name,
		exclusive: true, cancelable: true, sizeMiB: vm.size,
	}
	if m.host != nil && *m.host != vm.host && vm.on {
		j.slots = []ref{*m.host}
		if vm.host.Value != "" {
			j.slots = append(j.slots, vm.host)
		}
	}
	j.prepare = func(task ref) (func(), *fault) {
		now, ok := v.vmFacts(vm.self)
		if !ok {
			return nil, failed(&types.ManagedObjectNotFound{Obj: vm.self}, "The virtual machine is gone.")
		}
		host, _, failure := v.check(now, m)
		if failure != nil {
			return nil, failure
		}
		if host.self == now.host {
			return nil, nil
		}
		if v.incoming[host.self] == nil {
			v.incoming[host.self] = map[ref]int64{}
		}
		v.incoming[host.self][task] = v.claim(now)
		v.post(&types.VmBeingHotMigratedEvent{VmEvent: v.vmEvent(now, now.host), DestHost: hostArgument(host)})
		return func() { delete(v.incoming[host.self], task) }, nil
	}
	j.commit = func() (types.AnyType, *fault) {
		now, ok := v.vmFacts(vm.self)
		if !ok {
			return nil, failed(&types.ManagedObjectNotFound{Obj: vm.self}, "The virtual machine is gone.")
		}
		host, pool, failure := v.resolve(now, m)
		if failure == nil {
			failure = v.stillPossible(now, host)
		}
		if failure != nil {
			return nil, failure
		}
		v.place(now, host, pool, m)
		return nil, nil
	}
	return j
}

// check is the first thing that speaks against a move.
func (v *VCenter) check(vm vmFacts, m move) (host hostFacts, pool ref, failure *fault) {
	host, pool, failure = v.resolve(vm, m)
	if failure != nil {
		return host, pool, failure
	}
	if errors, _ := v.findings(vm, host, pool, m); len(errors) > 0 {
		return host, pool, errors[0].fault
	}
	return host, pool, nil
}

// stillPossible looks again at what can go wrong while a VM is on its way.
func (v *VCenter) stillPossible(vm vmFacts, host hostFacts) *fault {
	if failure := v.sourceState(vm); failure != nil {
		return failure
	}
	if host.self == vm.host {
		return nil
	}
	return v.targetState(host)
}

// place carries the move out: both ends of every reference change, so that property collectors see
// the VM leave one host and arrive on the other.
func (v *VCenter) place(vm vmFacts, host hostFacts, pool ref, m move) {
	changes := []types.PropertyChange{}
	if host.self != vm.host {
		changes = append(changes, change("runtime.host", host.self), change("summary.runtime.host", host.self))
		if old := v.host(vm.host); old != nil {
			v.swap(old, "vm", func() []ref { return old.Vm }, vm.self, false)
		}
		h := v.host(host.self)
		v.swap(h, "vm", func() []ref { return h.Vm }, vm.self, true)
	}
	if pool != vm.pool {
		changes = append(changes, change("resourcePool", pool))
		if old := v.pool(vm.pool); old != nil {
			v.swap(old, "vm", func() []ref { return old.Vm }, vm.self, false)
		}
		p := v.pool(pool)
		v.swap(p, "vm", func() []ref { return p.Vm }, vm.self, true)
	}
	if m.datastore != nil {
		changes = append(changes, v.moveFiles(vm, *m.datastore, m.disks)...)
	}
	if len(changes) > 0 {
		v.update(v.vm(vm.self), changes...)
	}
	if pool != vm.pool {
		if old, ok := v.hostFacts(vm.host); ok && old.compute != host.compute {
			v.refreshPools(old.compute)
		}
		v.refreshPools(host.compute)
	}
	v.post(&types.VmMigratedEvent{
		VmEvent: v.vmEvent(vm, host.self), SourceHost: v.hostArgumentOf(vm.host),
		SourceDatacenter: v.datacenterOf(vm.self), SourceDatastore: v.datastoreArgument(vm),
	})
}
