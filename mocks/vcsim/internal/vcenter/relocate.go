package vcenter

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

func (v *VCenter) missingVM(r ref) soap.HasFault {
	return raise(&types.ManagedObjectNotFound{Obj: r},
		"The object '"+r.Type+":"+r.Value+"' has already been deleted or has not been completely created.")
}

// unknownReferences refuses a call that names objects that are not there, before a task exists.
func (v *VCenter) unknownReferences(refs ...*ref) soap.HasFault {
	for _, r := range refs {
		if r != nil && v.reg.Get(*r) == nil {
			return v.missingVM(*r)
		}
	}
	return nil
}

// moveOf is what a specification asks for.
func moveOf(spec *types.VirtualMachineRelocateSpec) move {
	m := move{host: spec.Host, pool: spec.Pool, datastore: spec.Datastore, folder: spec.Folder}
	for _, disk := range spec.Disk {
		if m.disks == nil {
			m.disks = map[int32]ref{}
		}
		m.disks[disk.DiskId] = disk.Datastore
	}
	return m
}

func appendOnce(refs []ref, one ref) []ref {
	if simulator.FindReference(refs, one) != nil {
		return refs
	}
	return append(refs, one)
}

// RelocateVMTask moves a VM to another host, pool or datastore.
func (c *vmCalls) RelocateVMTask(ctx *simulator.Context, req *types.RelocateVM_Task) soap.HasFault {
	vm, ok := c.v.vmFacts(req.This)
	if !ok {
		return c.v.missingVM(req.This)
	}
	if req.Spec.Service != nil {
		return raise(&types.NotSupported{}, "The simulator has no second vCenter to move to.")
	}
	if bad := c.v.unknownReferences(req.Spec.Host, req.Spec.Pool, req.Spec.Datastore, req.Spec.Folder); bad != nil {
		return bad
	}
	for i := range req.Spec.Disk {
		if bad := c.v.unknownReferences(&req.Spec.Disk[i].Datastore); bad != nil {
			return bad
		}
	}
	m := moveOf(&req.Spec)
	task, failure := c.v.engine.start(ctx, c.v.migration(vm, m, "RelocateVM_Task", "VirtualMachine.relocate"))
	if failure != nil {
		return raise(failure.what, failure.message)
	}
	return &methods.RelocateVM_TaskBody{Res: &types.RelocateVM_TaskResponse{Returnval: task}}
}

// MigrateVMTask moves a VM to another host or pool; stock vcsim does not have it.
func (c *vmCalls) MigrateVMTask(ctx *simulator.Context, req *types.MigrateVM_Task) soap.HasFault {
	vm, ok := c.v.vmFacts(req.This)
	if !ok {
		return c.v.missingVM(req.This)
	}
	if req.Host == nil && req.Pool == nil {
		return raise(&types.InvalidArgument{InvalidProperty: "host"}, "A specified parameter was not correct: host")
	}
	if bad := c.v.unknownReferences(req.Host, req.Pool); bad != nil {
		return bad
	}
	state := types.VirtualMachinePowerStatePoweredOff
	if vm.on {
		state = types.VirtualMachinePowerStatePoweredOn
	}
	if req.State != "" && req.State != state {
		return raise(&types.InvalidPowerState{RequestedState: req.State, ExistingState: state},
			"The attempted operation cannot be performed in the current power state.")
	}
	m := move{host: req.Host, pool: req.Pool}
	task, failure := c.v.engine.start(ctx, c.v.migration(vm, m, "MigrateVM_Task", "VirtualMachine.migrate"))
	if failure != nil {
		return raise(failure.what, failure.message)
	}
	return &methods.MigrateVM_TaskBody{Res: &types.MigrateVM_TaskResponse{Returnval: task}}
}
