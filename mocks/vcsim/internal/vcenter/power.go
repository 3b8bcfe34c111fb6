package vcenter

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

func (c *vmCalls) power(
	ctx *simulator.Context, r ref, name, description string, to types.VirtualMachinePowerState, at *ref,
) (ref, soap.HasFault) {
	vm, ok := c.v.vmFacts(r)
	if !ok {
		return ref{}, c.v.missingVM(r)
	}
	task, failure := c.v.engine.start(ctx, c.v.powerJob(vm, name, description, to, at))
	if failure != nil {
		return ref{}, raise(failure.what, failure.message)
	}
	return task, nil
}

// powerJob changes a VM's power state; at is the host to power it on at, nil where it is.
func (v *VCenter) powerJob(vm vmFacts, name, description string, to types.VirtualMachinePowerState, at *ref) job {
	check := func() *fault { return v.canPower(vm.self, to, at) }
	return job{
		kind: KindPower, name: name, descriptionID: description, entity: vm.self, entityName: vm.name,
		exclusive: true, sizeMiB: vm.size,
		prepare: func(ref) (func(), *fault) { return nil, check() },
		commit: func() (types.AnyType, *fault) {
			if failure := check(); failure != nil {
				return nil, failure
			}
			if now, ok := v.vmFacts(vm.self); ok && at != nil && *at != now.host {
				host, _ := v.hostFacts(*at)
				v.place(now, host, now.pool, move{host: at})
			}
			v.setPower(vm.self, to)
			return nil, nil
		},
	}
}

// PowerOnVMTask starts a VM where host, pool and HA can back its reservation.
func (c *vmCalls) PowerOnVMTask(ctx *simulator.Context, req *types.PowerOnVM_Task) soap.HasFault {
	task, bad := c.power(ctx, req.This, "PowerOnVM_Task", "VirtualMachine.powerOn", types.VirtualMachinePowerStatePoweredOn, req.Host)
	if bad != nil {
		return bad
	}
	return &methods.PowerOnVM_TaskBody{Res: &types.PowerOnVM_TaskResponse{Returnval: task}}
}

// PowerOffVMTask pulls the plug.
func (c *vmCalls) PowerOffVMTask(ctx *simulator.Context, req *types.PowerOffVM_Task) soap.HasFault {
	task, bad := c.power(ctx, req.This, "PowerOffVM_Task", "VirtualMachine.powerOff", types.VirtualMachinePowerStatePoweredOff, nil)
	if bad != nil {
		return bad
	}
	return &methods.PowerOffVM_TaskBody{Res: &types.PowerOffVM_TaskResponse{Returnval: task}}
}

// SuspendVMTask suspends a running VM.
func (c *vmCalls) SuspendVMTask(ctx *simulator.Context, req *types.SuspendVM_Task) soap.HasFault {
	task, bad := c.power(ctx, req.This, "SuspendVM_Task", "VirtualMachine.suspend", types.VirtualMachinePowerStateSuspended, nil)
	if bad != nil {
		return bad
	}
	return &methods.SuspendVM_TaskBody{Res: &types.SuspendVM_TaskResponse{Returnval: task}}
}

// ResetVMTask restarts a VM without asking its guest.
func (c *vmCalls) ResetVMTask(ctx *simulator.Context, req *types.ResetVM_Task) soap.HasFault {
	vm, ok := c.v.vmFacts(req.This)
	if !ok {
		return c.v.missingVM(req.This)
	}
	j := c.v.powerJob(vm, "ResetVM_Task", "VirtualMachine.reset", types.VirtualMachinePowerStatePoweredOff, nil)
	j.commit = func() (types.AnyType, *fault) {
		if failure := c.v.canPower(vm.self, types.VirtualMachinePowerStatePoweredOff, nil); failure != nil {
			return nil, failure
		}
		c.v.setPower(vm.self, types.VirtualMachinePowerStatePoweredOff)
		c.v.setPower(vm.self, types.VirtualMachinePowerStatePoweredOn)
		return nil, nil
	}
	task, failure := c.v.engine.start(ctx, j)
	if failure != nil {
		return raise(failure.what, failure.message)
	}
	return &methods.ResetVM_TaskBody{Res: &types.ResetVM_TaskResponse{Returnval: task}}
}

// guestPower asks the guest to go down; Tools must run. There is no task: the VM is off when the
// guest has finished, which takes as long as the setting for "shutdown" says.
func (c *vmCalls) guestPower(ctx *simulator.Context, r ref, reboot bool) *fault {
	vm, ok := c.v.vmFacts(r)
	if !ok {
		return failed(&types.ManagedObjectNotFound{Obj: r}, "The virtual machine is gone.")
	}
	if !vm.on {
		return failed(&types.InvalidPowerState{
			RequestedState: types.VirtualMachinePowerStatePoweredOn,
			ExistingState:  types.VirtualMachinePowerStatePoweredOff,
		}, "The attempted operation cannot be performed in the current state (Powered off).")
	}
	tools := ""
	c.v.read(c.v.vm(r), func() { tools = c.v.vm(r).Guest.ToolsRunningStatus })
	if tools != string(types.VirtualMachineToolsRunningStatusGuestToolsRunning) {
		return failed(&types.ToolsUnavailable{}, "VMware Tools is not running in this virtual machine.")
	}
	user := ctx.Session.UserName
	c.v.world.Lock()
	c.v.actor = user
	event := c.v.vmEvent(vm, vm.host)
	if reboot {
		c.v.post(&types.VmGuestRebootEvent{VmEvent: event})
	} else {
		c.v.post(&types.VmGuestShutdownEvent{VmEvent: event})
	}
	c.v.world.Unlock()
	due := c.v.Clock.Now().Add(c.v.Settings.duration(KindShutdown, vm.size))
	go func() {
		c.v.Clock.Wait(due, nil)
		c.v.world.Lock()
		defer c.v.world.Unlock()
		c.v.actor = user
		if c.v.canPower(r, types.VirtualMachinePowerStatePoweredOff, nil) != nil {
			return
		}
		c.v.setPower(r, types.VirtualMachinePowerStatePoweredOff)
		if reboot {
			c.v.setPower(r, types.VirtualMachinePowerStatePoweredOn)
		}
	}()
	return nil
}

// ShutdownGuest asks the guest to shut down.
func (c *vmCalls) ShutdownGuest(ctx *simulator.Context, req *types.ShutdownGuest) soap.HasFault {
	if failure := c.guestPower(ctx, req.This, false); failure != nil {
		return raise(failure.what, failure.message)
	}
	return &methods.ShutdownGuestBody{Res: &types.ShutdownGuestResponse{}}
}

// RebootGuest asks the guest to restart.
func (c *vmCalls) RebootGuest(ctx *simulator.Context, req *types.RebootGuest) soap.HasFault {
	if failure := c.guestPower(ctx, req.This, true); failure != nil {
		return raise(failure.what, failure.message)
	}
	return &methods.RebootGuestBody{Res: &types.RebootGuestResponse{}}
}

// canPower checks a change of power state; at is the host to power a VM on at, nil where it is.
func (v *VCenter) canPower(r ref, to types.VirtualMachinePowerState, at *ref) *fault {
	vm, ok := v.vmFacts(r)
	if !ok {
		return failed(&types.ManagedObjectNotFound{Obj: r}, "The virtual machine is gone.")
	}
	state := types.VirtualMachinePowerStatePoweredOff
	v.read(v.vm(r), func() { state = v.vm(r).Runtime.PowerState })
	off, on := types.VirtualMachinePowerStatePoweredOff, types.VirtualMachinePowerStatePoweredOn
	if state == to || to == types.VirtualMachinePowerStateSuspended && state == off {
		return failed(&types.InvalidPowerState{RequestedState: to, ExistingState: state},
			"The attempted operation cannot be performed in the current state (%s).", state)
	}
	if failure := v.sourceState(vm); failure != nil {
		return failure
	}
	if to != on {
		return nil
	}
	if vm.template {
		return failed(&types.InvalidState{}, "A template cannot be powered on.")
	}
	home, _ := v.hostFacts(vm.host)
	if at == nil {
		at = &vm.host
	}
	host, ok := v.hostFacts(*at)
	if !ok {
		return failed(&types.InvalidState{}, "The virtual machine %s has no host.", vm.name)
	}
	if host.compute != home.compute {
		return failed(&types.InvalidArgument{InvalidProperty: "host"},
			"A specified parameter was not correct: host. It is not in the cluster of the virtual machine %s.", vm.name)
	}
	for _, f := range v.invisible(vm, host, move{}) {
		return f
	}
	if failure := v.targetState(host); failure != nil {
		return failure
	}
	if mandatory, _ := v.brokenRules(vm, host); len(mandatory) > 0 {
		return mandatory[0]
	}
	vm.on = true
	need := v.claim(vm)
	if left := v.hostUnreserved(host.self, vm.self); need > left {
		return failed(&types.InsufficientMemoryResourcesFault{
			Unreserved: max(left, 0) * mib, Requested: need * mib,
		}, "The host does not have sufficient memory resources to satisfy the reservation.")
	}
	if failure := v.poolRoom(vm.pool, need); failure != nil {
		return failure
	}
	return v.failoverRoom(host.compute, need)
}

// setPower carries out a checked change of power state.
func (v *VCenter) setPower(r ref, to types.VirtualMachinePowerState) {
	vm := v.vm(r)
	now := v.Clock.Now()
	changes := []types.PropertyChange{
		change("runtime.powerState", to), change("summary.runtime.powerState", to),
	}
	guest, tools := "notRunning", "guestToolsNotRunning"
	if to == types.VirtualMachinePowerStatePoweredOn {
		guest, tools = "running", "guestToolsRunning"
		changes = append(changes, change("runtime.bootTime", now), change("summary.runtime.bootTime", now))
	}
	changes = append(changes, change("guest.guestState", guest),
		change("guest.toolsRunningStatus", tools), change("summary.guest.toolsRunningStatus", tools))
	v.update(vm, changes...)
	facts, _ := v.vmFacts(r)
	event := v.vmEvent(facts, facts.host)
	switch to {
	case types.VirtualMachinePowerStatePoweredOn:
		v.bootSize[r] = facts.size
		v.post(&types.VmPoweredOnEvent{VmEvent: event})
	case types.VirtualMachinePowerStateSuspended:
		v.post(&types.VmSuspendedEvent{VmEvent: event})
	default:
		v.post(&types.VmPoweredOffEvent{VmEvent: event})
	}
	if to != types.VirtualMachinePowerStatePoweredOn {
		// A VM that does not run is not measured.
		v.Counters.Forget(r.Value)
		v.quick.forget(r.Value)
	}
	if host, ok := v.hostFacts(facts.host); ok {
		v.refreshPools(host.compute)
	}
}
