package vcenter

import (
	"fmt"
	"math"
	"reflect"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"

	"vsphere-market/mocks/vcsim/internal/inventory"
)

const (
	// sizeStep is what every memory size is a multiple of, in MiB.
	sizeStep = 4
	// linuxBoundary is the size that a Linux booted below it cannot pass while it runs: its kernel
	// set up no bounce buffers at boot for memory above.
	linuxBoundary = 3072
	// hotPlugFactor bounds hot-add by the boot size where the VM names no limit of its own.
	hotPlugFactor = 16
	maxVMSize     = 24 << 20
)

// ReconfigVMTask checks a change as a vCenter does and then carries it out. Specs with devices and
// other parts that nothing here decides on are carried out by the library.
func (c *vmCalls) ReconfigVMTask(ctx *simulator.Context, req *types.ReconfigVM_Task) soap.HasFault {
	vm, ok := c.v.vmFacts(req.This)
	if !ok {
		return c.v.missingVM(req.This)
	}
	spec := req.Spec
	task, failure := c.v.engine.start(ctx, job{
		kind: KindReconfigure, name: "ReconfigVM_Task", descriptionID: "VirtualMachine.reconfigure",
		entity: vm.self, entityName: vm.name, exclusive: true, sizeMiB: vm.size,
		prepare: func(ref) (func(), *fault) {
			_, failure := c.v.checkSpec(vm.self, &spec)
			return nil, failure
		},
		commit: func() (types.AnyType, *fault) { return nil, c.v.applySpec(vm.self, &spec) },
	})
	if failure != nil {
		return raise(failure.what, failure.message)
	}
	return &methods.ReconfigVM_TaskBody{Res: &types.ReconfigVM_TaskResponse{Returnval: task}}
}

// plan is what a spec makes of a VM's memory settings.
type plan struct {
	before, after vmFacts
	locked        bool
	shares        types.SharesInfo
	cpu           types.ResourceAllocationInfo
}

func invalid(property string) *fault {
	return failed(&types.InvalidArgument{InvalidProperty: property},
		"A specified parameter was not correct: %s", property)
}

// checkSpec works out what a spec asks for and what vCenter would say to it.
func (v *VCenter) checkSpec(r ref, spec *types.VirtualMachineConfigSpec) (p plan, failure *fault) {
	vm := v.vm(r)
	if vm == nil {
		return p, failed(&types.ManagedObjectNotFound{Obj: r}, "The virtual machine is gone.")
	}
	v.read(vm, func() {
		p.before = factsOf(&vm.VirtualMachine)
		p.locked = isTrue(vm.Config.MemoryReservationLockedToMax)
		p.shares = *vm.Config.MemoryAllocation.Shares
		p.cpu = *vm.Config.CpuAllocation
		// The facts show what counts; the plan starts from what is set.
		p.before.reservation = number(vm.Config.MemoryAllocation.Reservation, 0)
		if p.locked {
			p.before.reservation = p.before.size
		}
	})
	if spec.ChangeVersion != "" && spec.ChangeVersion != p.before.version {
		return p, failed(&types.ConcurrentAccess{}, "The configuration was changed by someone else in the meantime.")
	}
	if failure = v.sourceState(p.before); failure != nil {
		return p, failure
	}
	if p.before.template && !onlyNames(spec) {
		return p, failed(&types.NotSupported{}, "A template takes no change but of name and annotation.")
	}
	p.after = p.before
	if failure = p.size(spec, v.bootSize[r]); failure != nil {
		return p, failure
	}
	if n := spec.NumCPUs; n != 0 && int64(n) != p.before.vcpus && p.before.on && !p.before.cpuHotAdd {
		return p, failed(&types.CpuHotPlugNotSupported{},
			"CPU hot plug is not supported for the virtual machine %s.", p.before.name)
	}
	if failure = p.allocation(spec); failure != nil {
		return p, failure
	}
	return p, v.room(p)
}

// onlyNames tells whether a spec changes nothing but what templates allow.
func onlyNames(spec *types.VirtualMachineConfigSpec) bool {
	rest := *spec
	rest.Name, rest.Annotation, rest.ChangeVersion = "", "", ""
	return reflect.DeepEqual(rest, types.VirtualMachineConfigSpec{})
}

// size checks a new memory size and the switches that go with it.
func (p *plan) size(spec *types.VirtualMachineConfigSpec, bootSize int64) *fault {
	vm := &p.after
	poweredOn := failed(&types.InvalidPowerState{
		RequestedState: types.VirtualMachinePowerStatePoweredOff,
		ExistingState:  types.VirtualMachinePowerStatePoweredOn,
	}, "The attempted operation cannot be performed in the current state (Powered on).")
	if on := spec.MemoryHotAddEnabled; on != nil && *on != vm.hotAdd {
		if vm.on {
			return poweredOn
		}
		vm.hotAdd = *on
	}
	want := spec.MemoryMB
	if want == 0 || want == vm.size {
		return nil
	}
	tooBig := func(most int64) *fault {
		return failed(&types.MemorySizeNotSupported{
			MemorySizeMB: int32(want), MinMemorySizeMB: sizeStep, MaxMemorySizeMB: int32(min(most, math.MaxInt32)),
		}, "The memory size %d MB is not supported; the most is %d MB.", want, most)
	}
	if want < sizeStep || want > maxVMSize {
		return tooBig(maxVMSize)
	}
	if want%sizeStep != 0 {
		return failed(&types.InvalidArgument{InvalidProperty: "spec.memoryMB"},
			"A specified parameter was not correct: spec.memoryMB. Memory must be a multiple of %d MB.", sizeStep)
	}
	if vm.on {
		switch {
		case want < vm.size:
			return poweredOn
		case !vm.hotAdd || vm.ft || vm.passthrough:
			return failed(&types.MemoryHotPlugNotSupported{},
				"Memory hot plug is not supported for the virtual machine %s.", vm.name)
		}
		most := vm.hotAddLimit
		if most == 0 {
			most = hotPlugFactor * bootSize
		}
		if inventory.Linux(vm.guestID) && bootSize < linuxBoundary {
			most = min(most, linuxBoundary)
		}
		if want > most {
			return tooBig(most)
		}
		if step := vm.hotAddStep; step > 0 && (want-vm.size)%step != 0 {
			return failed(&types.InvalidArgument{InvalidProperty: "spec.memoryMB"},
				"A specified parameter was not correct: spec.memoryMB. Hot-add goes in steps of %d MB.", step)
		}
	}
	vm.size = want
	if p.shares.Level != types.SharesLevelCustom {
		p.shares = sharesAt(p.shares.Level, vm.size)
	}
	return nil
}

func sharesAt(level types.SharesLevel, size int64) types.SharesInfo {
	per := map[types.SharesLevel]int64{
		types.SharesLevelLow: 5, types.SharesLevelNormal: 10, types.SharesLevelHigh: 20,
	}[level]
	return types.SharesInfo{Level: level, Shares: int32(min(per*size, math.MaxInt32))}
}

// allocation merges a partial allocation, as vCenter does: what the spec leaves out stays.
func (p *plan) allocation(spec *types.VirtualMachineConfigSpec) *fault {
	if spec.MemoryReservationLockedToMax != nil {
		p.locked = *spec.MemoryReservationLockedToMax
	}
	vm := &p.after
	if a := spec.MemoryAllocation; a != nil {
		if isTrue(a.ExpandableReservation) {
			return invalid("spec.memoryAllocation.expandableReservation")
		}
		if a.Reservation != nil {
			vm.reservation = *a.Reservation
		}
		if a.Limit != nil {
			vm.limit = *a.Limit
		}
		if a.Shares != nil {
			p.shares = *a.Shares
			if a.Shares.Level != types.SharesLevelCustom {
				p.shares = sharesAt(a.Shares.Level, vm.size)
			}
		}
	}
	if a := spec.CpuAllocation; a != nil {
		merge(&p.cpu, a)
		if *p.cpu.Reservation < 0 || *p.cpu.Limit < -1 || *p.cpu.Limit >= 0 && *p.cpu.Limit < *p.cpu.Reservation {
			return invalid("spec.cpuAllocation")
		}
	}
	if p.locked {
		if a := spec.MemoryAllocation; a != nil && a.Reservation != nil && *a.Reservation != vm.size {
			return invalid("spec.memoryAllocation.reservation")
		}
		vm.reservation = vm.size
	}
	switch {
	case vm.reservation < 0 || vm.reservation > vm.size:
		return invalid("spec.memoryAllocation.reservation")
	case vm.limit < -1 || vm.limit >= 0 && vm.limit < vm.reservation:
		return invalid("spec.memoryAllocation.limit")
	case p.shares.Shares < 0:
		return invalid("spec.memoryAllocation.shares")
	case vm.passthrough && vm.reservation != vm.size && vm.on:
		return invalid("spec.memoryAllocation.reservation")
	}
	return nil
}

// room checks that a running VM's larger claim fits into its host, its pool and HA's reserve.
func (v *VCenter) room(p plan) *fault {
	more := v.claim(p.after) - v.claim(p.before)
	if more <= 0 {
		return nil
	}
	left := v.hostUnreserved(p.before.host, ref{})
	if more > left {
		return failed(&types.InsufficientMemoryResourcesFault{
			Unreserved: max(left, 0) * mib, Requested: more * mib,
		}, "The host does not have sufficient memory resources to satisfy the reservation.")
	}
	if failure := v.poolRoom(p.before.pool, more); failure != nil {
		return failure
	}
	host, ok := v.hostFacts(p.before.host)
	if !ok {
		return nil
	}
	return v.failoverRoom(host.compute, more)
}

// ours is a spec without the parts that applySpec carries out itself.
func ours(spec *types.VirtualMachineConfigSpec) (rest types.VirtualMachineConfigSpec) {
	rest = *spec
	rest.ChangeVersion, rest.MemoryMB, rest.MemoryAllocation = "", 0, nil
	rest.MemoryHotAddEnabled, rest.MemoryReservationLockedToMax = nil, nil
	rest.ExtraConfig, rest.Name, rest.Annotation, rest.CpuAllocation = nil, "", "", nil
	rest.LatencySensitivity = nil
	return rest
}

// applySpec carries out a checked spec: memory here, the rest by the library's own code.
func (v *VCenter) applySpec(r ref, spec *types.VirtualMachineConfigSpec) *fault {
	p, failure := v.checkSpec(r, spec)
	if failure != nil {
		return failure
	}
	vm := v.vm(r)
	if rest := ours(spec); !reflect.DeepEqual(rest, types.VirtualMachineConfigSpec{}) {
		if failure := v.delegate(vm, rest); failure != nil {
			return failure
		}
	}
	var changes []types.PropertyChange
	v.read(vm, func() {
		changes = append(v.memoryChanges(&vm.VirtualMachine, p), otherChanges(&vm.VirtualMachine, p, spec)...)
	})
	v.update(vm, changes...)
	if host, ok := v.hostFacts(p.before.host); ok {
		v.refreshPools(host.compute)
	}
	v.post(&types.VmReconfiguredEvent{VmEvent: v.vmEvent(p.after, p.after.host), ConfigSpec: *spec})
	return nil
}

func (v *VCenter) memoryChanges(vm *mo.VirtualMachine, p plan) []types.PropertyChange {
	a := p.after
	shares := p.shares
	memory := types.ResourceAllocationInfo{
		Reservation: types.NewInt64(a.reservation), Limit: types.NewInt64(a.limit), Shares: &shares,
		ExpandableReservation: types.NewBool(false),
		OverheadLimit:         vm.Config.MemoryAllocation.OverheadLimit,
	}
	var boxed types.ResourceConfigSpec
	if vm.ResourceConfig != nil {
		boxed = *vm.ResourceConfig
	}
	boxed.MemoryAllocation = memory
	now := v.Clock.Now()
	return []types.PropertyChange{
		change("config.hardware.memoryMB", int32(a.size)),
		change("summary.config.memorySizeMB", int32(a.size)),
		change("runtime.maxMemoryUsage", int32(a.size)),
		change("summary.runtime.maxMemoryUsage", int32(a.size)),
		change("config.memoryAllocation", memory),
		change("summary.config.memoryReservation", int32(a.reservation)),
		change("config.memoryHotAddEnabled", a.hotAdd),
		change("config.memoryReservationLockedToMax", p.locked),
		change("resourceConfig", boxed),
		change("config.modified", now),
		change("config.changeVersion", v.nextVersion()),
	}
}

// merge changes what a partial allocation names.
func merge(into, from *types.ResourceAllocationInfo) {
	if from.Reservation != nil {
		into.Reservation = from.Reservation
	}
	if from.Limit != nil {
		into.Limit = from.Limit
	}
	if from.Shares != nil {
		into.Shares = from.Shares
	}
}

// otherChanges are those of name, notes, CPU and advanced settings.
func otherChanges(vm *mo.VirtualMachine, p plan, spec *types.VirtualMachineConfigSpec) (changes []types.PropertyChange) {
	if spec.Name != "" {
		changes = append(changes, change("name", spec.Name), change("config.name", spec.Name),
			change("summary.config.name", spec.Name))
	}
	if spec.Annotation != "" {
		changes = append(changes, change("config.annotation", spec.Annotation),
			change("summary.config.annotation", spec.Annotation))
	}
	if spec.CpuAllocation != nil {
		changes = append(changes, change("config.cpuAllocation", p.cpu),
			change("summary.config.cpuReservation", int32(number(p.cpu.Reservation, 0))))
	}
	if spec.LatencySensitivity != nil {
		changes = append(changes, change("config.latencySensitivity", *spec.LatencySensitivity))
	}
	if len(spec.ExtraConfig) > 0 {
		changes = append(changes, change("config.extraConfig", mergedOptions(vm.Config.ExtraConfig, spec.ExtraConfig)))
	}
	return changes
}

// mergedOptions sets advanced settings by key; an empty value removes one, as on vCenter.
func mergedOptions(have, want []types.BaseOptionValue) []types.BaseOptionValue {
	out := make([]types.BaseOptionValue, 0, len(have)+len(want))
	asked := map[string]types.BaseOptionValue{}
	for _, o := range want {
		asked[o.GetOptionValue().Key] = o
	}
	removes := func(o types.BaseOptionValue) bool {
		value, isText := o.GetOptionValue().Value.(string)
		return isText && value == "" || o.GetOptionValue().Value == nil
	}
	for _, o := range have {
		key := o.GetOptionValue().Key
		next, changed := asked[key]
		if !changed {
			out = append(out, o)
			continue
		}
		delete(asked, key)
		if !removes(next) {
			out = append(out, next)
		}
	}
	for _, o := range want {
		if key := o.GetOptionValue().Key; asked[key] != nil && !removes(o) {
			out = append(out, asked[key])
			delete(asked, key)
		}
	}
	return out
}

// nextVersion never repeats, whatever the clock does.
func (v *VCenter) nextVersion() string {
	return fmt.Sprintf("%s.%d", v.Clock.Now().Format("2006-01-02T15:04:05.000000Z"), v.versions.Add(1))
}

// delegate lets the library apply a spec. Its method makes a task of its own, which is run to its
// end here and then forgotten, for the client sees ours.
func (v *VCenter) delegate(vm *simulator.VirtualMachine, spec types.VirtualMachineConfigSpec) *fault {
	if len(vm.Datastore) == 0 || vm.Runtime.Host == nil {
		return failed(&types.InvalidState{}, "The virtual machine %s has no host or no datastore.", vm.Name)
	}
	failure, before := v.runInLibrary(vm, spec)
	v.update(vm, change("recentTask", before))
	return failure
}

func (v *VCenter) runInLibrary(
	vm *simulator.VirtualMachine, spec types.VirtualMachineConfigSpec,
) (failure *fault, recent []ref) {
	v.library.Lock()
	defer v.library.Unlock()
	ctx := v.internalContext("")
	var task *simulator.Task
	recent = vm.RecentTask
	v.reg.WithLock(ctx, vm, func() {
		body := vm.ReconfigVMTask(ctx, &types.ReconfigVM_Task{This: vm.Self, Spec: spec})
		task = v.reg.Get(body.(*methods.ReconfigVM_TaskBody).Res.Returnval).(*simulator.Task)
	})
	task.Wait()
	v.read(task, func() {
		if e := task.Info.Error; e != nil {
			failure = &fault{what: e.Fault, message: e.LocalizedMessage}
		}
	})
	v.reg.Remove(ctx, task.Self)
	return failure, recent
}
