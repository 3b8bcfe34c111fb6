package vcenter

import (
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// HostChange is what the control endpoint can set on a host; nil stays.
type HostChange struct {
	Connection  *string `json:"connection"`
	Maintenance *bool   `json:"maintenance"`
	Quarantine  *bool   `json:"quarantine"`
	Power       *string `json:"power"`
	VMotion     *bool   `json:"vmotion"`
	// Standby is whether the host can be woken from standby.
	Standby *bool `json:"standby"`
}

// ChangeHost sets a host's state from outside, as a cable or an administrator would.
func (v *VCenter) ChangeHost(moid string, c HostChange) error {
	r := ref{Type: "HostSystem", Value: moid}
	h := v.host(r)
	if h == nil {
		return fmt.Errorf("there is no host %q", moid)
	}
	var changes []types.PropertyChange
	if c.Connection != nil {
		state := types.HostSystemConnectionState(*c.Connection)
		switch state {
		case types.HostSystemConnectionStateConnected, types.HostSystemConnectionStateDisconnected,
			types.HostSystemConnectionStateNotResponding:
		default:
			return fmt.Errorf("a host cannot be %q", *c.Connection)
		}
		changes = append(changes, change("runtime.connectionState", state))
	}
	if c.Power != nil {
		state := types.HostSystemPowerState(*c.Power)
		switch state {
		case types.HostSystemPowerStatePoweredOn, types.HostSystemPowerStatePoweredOff,
			types.HostSystemPowerStateStandBy, types.HostSystemPowerStateUnknown:
		default:
			return fmt.Errorf("a host cannot be %q", *c.Power)
		}
		standby := types.HostStandbyModeNone
		if state == types.HostSystemPowerStateStandBy {
			standby = types.HostStandbyModeIn
		}
		changes = append(changes, change("runtime.powerState", state), change("runtime.standbyMode", string(standby)))
	}
	if c.Maintenance != nil {
		changes = append(changes, change("runtime.inMaintenanceMode", *c.Maintenance))
	}
	if c.Quarantine != nil {
		changes = append(changes, change("runtime.inQuarantineMode", *c.Quarantine))
	}
	if c.VMotion != nil {
		changes = append(changes, change("summary.config.vmotionEnabled", *c.VMotion))
	}
	if c.Standby != nil {
		changes = append(changes, change("capability.standbySupported", *c.Standby))
	}
	if len(changes) == 0 {
		return nil
	}
	v.world.Lock()
	defer v.world.Unlock()
	v.update(h, changes...)
	if c.Connection != nil {
		v.followHost(r, *c.Connection)
	}
	f, _ := v.hostFacts(r)
	v.recount(f.compute)
	v.refreshPools(f.compute)
	return nil
}

// followHost makes the VMs of a host that cannot be reached disconnected, and connected again.
func (v *VCenter) followHost(r ref, connection string) {
	state := types.VirtualMachineConnectionStateConnected
	if connection != string(types.HostSystemConnectionStateConnected) {
		state = types.VirtualMachineConnectionStateDisconnected
	}
	f, _ := v.hostFacts(r)
	for _, vm := range f.vms {
		if object := v.vm(vm); object != nil {
			v.update(object, change("runtime.connectionState", state), change("summary.runtime.connectionState", state))
		}
	}
}

// recount brings the effective figures of a compute resource up to date.
func (v *VCenter) recount(compute ref) {
	var hosts, memory, mhz int64
	for _, r := range v.hostsOf(compute) {
		f, ok := v.hostFacts(r)
		if !ok || !f.usable() {
			continue
		}
		h := v.host(r)
		v.read(h, func() { mhz += int64(h.Summary.Hardware.CpuMhz) * int64(h.Summary.Hardware.NumCpuCores) })
		hosts, memory = hosts+1, memory+f.memory
	}
	c := v.compute(compute)
	if c == nil {
		return
	}
	v.read(compute, func() {
		s := c.Summary.GetComputeResourceSummary()
		s.NumEffectiveHosts, s.EffectiveMemory, s.EffectiveCpu = int32(hosts), memory, int32(mhz)
	})
}

func (c *hostCalls) hostTask(
	ctx *simulator.Context, r ref, name, description string, do func() *fault,
) (ref, soap.HasFault) {
	f, ok := c.v.hostFacts(r)
	if !ok {
		return ref{}, c.v.missingVM(r)
	}
	task, failure := c.v.engine.start(ctx, job{
		kind: KindHost, name: name, descriptionID: description, entity: r, entityName: f.name,
		exclusive: true, cancelable: true,
		commit: func() (types.AnyType, *fault) { return nil, do() },
	})
	if failure != nil {
		return ref{}, raise(failure.what, failure.message)
	}
	return task, nil
}

// apply changes a host from within a job, where the world is held already.
func (v *VCenter) apply(r ref, changes ...types.PropertyChange) *fault {
	v.update(v.host(r), changes...)
	f, _ := v.hostFacts(r)
	v.recount(f.compute)
	v.refreshPools(f.compute)
	return nil
}

// EnterMaintenanceModeTask succeeds when no VM runs on the host. Where VMs run, vCenter waits for
// somebody to move them until the timeout; here that is one look when the task's time is over.
func (c *hostCalls) EnterMaintenanceModeTask(ctx *simulator.Context, req *types.EnterMaintenanceMode_Task) soap.HasFault {
	task, bad := c.hostTask(ctx, req.This, "EnterMaintenanceMode_Task", "HostSystem.enterMaintenanceMode", func() *fault {
		f, _ := c.v.hostFacts(req.This)
		if !f.connected {
			return notConnected(f)
		}
		for _, r := range f.vms {
			if vm, ok := c.v.vmFacts(r); ok && vm.on {
				return failed(&types.Timedout{}, "Virtual machines still run on the host %s.", f.name)
			}
		}
		return c.v.apply(req.This, change("runtime.inMaintenanceMode", true))
	})
	if bad != nil {
		return bad
	}
	return &methods.EnterMaintenanceMode_TaskBody{Res: &types.EnterMaintenanceMode_TaskResponse{Returnval: task}}
}

// ExitMaintenanceModeTask brings a host back.
func (c *hostCalls) ExitMaintenanceModeTask(ctx *simulator.Context, req *types.ExitMaintenanceMode_Task) soap.HasFault {
	task, bad := c.hostTask(ctx, req.This, "ExitMaintenanceMode_Task", "HostSystem.exitMaintenanceMode", func() *fault {
		f, _ := c.v.hostFacts(req.This)
		if !f.maintenance {
			return failed(&types.InvalidState{}, "The host %s is not in maintenance mode.", f.name)
		}
		return c.v.apply(req.This, change("runtime.inMaintenanceMode", false))
	})
	if bad != nil {
		return bad
	}
	return &methods.ExitMaintenanceMode_TaskBody{Res: &types.ExitMaintenanceMode_TaskResponse{Returnval: task}}
}

// PowerDownHostToStandByTask puts an empty host to sleep.
func (c *hostCalls) PowerDownHostToStandByTask(ctx *simulator.Context, req *types.PowerDownHostToStandBy_Task) soap.HasFault {
	task, bad := c.hostTask(ctx, req.This, "PowerDownHostToStandBy_Task", "HostSystem.powerDownToStandBy", func() *fault {
		f, _ := c.v.hostFacts(req.This)
		if !f.connected {
			return notConnected(f)
		}
		if !f.standby {
			return failed(&types.NotSupported{}, "The host %s cannot be woken from standby.", f.name)
		}
		for _, r := range f.vms {
			if vm, ok := c.v.vmFacts(r); ok && vm.on {
				return failed(&types.Timedout{}, "Virtual machines still run on the host %s.", f.name)
			}
		}
		return c.v.apply(req.This, change("runtime.powerState", types.HostSystemPowerStateStandBy),
			change("runtime.standbyMode", string(types.HostStandbyModeIn)))
	})
	if bad != nil {
		return bad
	}
	return &methods.PowerDownHostToStandBy_TaskBody{Res: &types.PowerDownHostToStandBy_TaskResponse{Returnval: task}}
}

// PowerUpHostFromStandByTask wakes a host.
func (c *hostCalls) PowerUpHostFromStandByTask(ctx *simulator.Context, req *types.PowerUpHostFromStandBy_Task) soap.HasFault {
	task, bad := c.hostTask(ctx, req.This, "PowerUpHostFromStandBy_Task", "HostSystem.powerUpFromStandBy", func() *fault {
		f, _ := c.v.hostFacts(req.This)
		if f.poweredOn {
			return failed(&types.InvalidState{}, "The host %s is not in standby mode.", f.name)
		}
		return c.v.apply(req.This, change("runtime.powerState", types.HostSystemPowerStatePoweredOn),
			change("runtime.standbyMode", string(types.HostStandbyModeNone)))
	})
	if bad != nil {
		return bad
	}
	return &methods.PowerUpHostFromStandBy_TaskBody{Res: &types.PowerUpHostFromStandBy_TaskResponse{Returnval: task}}
}
