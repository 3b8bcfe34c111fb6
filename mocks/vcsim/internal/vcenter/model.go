package vcenter

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// vmFacts is what decisions need to know of a VM, read in one go.
type vmFacts struct {
	self        ref
	name        string
	host, pool  ref
	on          bool
	template    bool
	connection  types.VirtualMachineConnectionState
	size        int64 // MiB
	vcpus       int64
	reservation int64 // MiB; equals the size where it is locked to it
	limit       int64 // MiB; -1 is none
	datastores  []ref
	networks    []ref
	passthrough bool
	hotAdd      bool
	cpuHotAdd   bool
	hotAddLimit int64
	hotAddStep  int64
	guestID     string
	ft          bool
	version     string
}

func (v *VCenter) vmFacts(r ref) (f vmFacts, ok bool) {
	vm := v.vm(r)
	if vm == nil {
		return f, false
	}
	v.read(vm, func() { f = factsOf(&vm.VirtualMachine) })
	return f, true
}

func factsOf(vm *mo.VirtualMachine) vmFacts {
	f := vmFacts{
		self: vm.Self, name: vm.Name, on: vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn,
		template: vm.Config.Template, connection: vm.Runtime.ConnectionState,
		size: int64(vm.Config.Hardware.MemoryMB), vcpus: int64(vm.Config.Hardware.NumCPU),
		reservation: number(vm.Config.MemoryAllocation.Reservation, 0),
		limit:       number(vm.Config.MemoryAllocation.Limit, -1),
		datastores:  vm.Datastore, networks: vm.Network,
		hotAdd:      isTrue(vm.Config.MemoryHotAddEnabled),
		cpuHotAdd:   isTrue(vm.Config.CpuHotAddEnabled),
		hotAddLimit: vm.Config.HotPlugMemoryLimit, hotAddStep: vm.Config.HotPlugMemoryIncrementSize,
		guestID: vm.Config.GuestId, version: vm.Config.ChangeVersion,
		ft: vm.Runtime.FaultToleranceState != types.VirtualMachineFaultToleranceStateNotConfigured,
	}
	if vm.Runtime.Host != nil {
		f.host = *vm.Runtime.Host
	}
	if vm.ResourcePool != nil {
		f.pool = *vm.ResourcePool
	}
	if isTrue(vm.Config.MemoryReservationLockedToMax) {
		f.reservation = f.size
	}
	for _, device := range vm.Config.Hardware.Device {
		if _, is := device.(*types.VirtualPCIPassthrough); is {
			f.passthrough = true
		}
	}
	return f
}

func number(p *int64, otherwise int64) int64 {
	if p == nil {
		return otherwise
	}
	return *p
}

func isTrue(p *bool) bool { return p != nil && *p }

// overhead is what the host reserves beside a running VM, in MiB: the counter when there is one,
// else a line through the figures of the vSphere Resource Management Guide (1 GB and 1 vCPU 26 MB,
// 4 GB and 2 vCPU 53 MB, 16 GB and 8 vCPU 169 MB).
func (v *VCenter) overhead(f vmFacts) int64 {
	if kib, ok := v.Counters.Last(f.self.Value, v.perf.key("mem.overhead.average")); ok {
		return kib / 1024
	}
	return 17 + f.size*75/10_000 + 4*f.vcpus
}

// claim is what a VM takes from the reservable memory of host and pool, in MiB.
func (v *VCenter) claim(f vmFacts) int64 {
	if !f.on {
		return 0
	}
	return f.reservation + v.overhead(f)
}

// hostFacts is what decisions need to know of a host.
type hostFacts struct {
	self, compute ref
	name          string
	connected     bool
	state         types.HostSystemConnectionState
	poweredOn     bool
	maintenance   bool
	quarantine    bool
	vmotion       bool
	standby       bool  // can be woken
	memory        int64 // MiB
	vms           []ref
	datastores    []ref
	networks      []ref
}

func (v *VCenter) hostFacts(r ref) (f hostFacts, ok bool) {
	h := v.host(r)
	if h == nil {
		return f, false
	}
	v.read(h, func() {
		f = hostFacts{
			self: h.Self, compute: *h.Parent, name: h.Name, state: h.Runtime.ConnectionState,
			connected:   h.Runtime.ConnectionState == types.HostSystemConnectionStateConnected,
			poweredOn:   h.Runtime.PowerState == types.HostSystemPowerStatePoweredOn,
			maintenance: h.Runtime.InMaintenanceMode, quarantine: isTrue(h.Runtime.InQuarantineMode),
			standby: h.Capability != nil && h.Capability.StandbySupported,
			vmotion: h.Summary.Config.VmotionEnabled, memory: h.Hardware.MemorySize / mib,
			vms: h.Vm, datastores: h.Datastore, networks: h.Network,
		}
	})
	return f, true
}

func (f hostFacts) usable() bool { return f.connected && f.poweredOn && !f.maintenance }

// reservable is what a host can promise to VMs in all, in MiB.
func (v *VCenter) reservable(f hostFacts) int64 {
	kernel, _ := v.Counters.Last(f.self.Value, v.perf.key("mem.sysUsage.average"))
	return max(f.memory-kernel/1024, 0)
}

// hostUnreserved is what a host can still promise, in MiB, migrations under way counted in.
func (v *VCenter) hostUnreserved(r ref, except ref) int64 {
	f, ok := v.hostFacts(r)
	if !ok {
		return 0
	}
	left := v.reservable(f)
	for _, vm := range f.vms {
		if vm == except {
			continue
		}
		if facts, ok := v.vmFacts(vm); ok {
			left -= v.claim(facts)
		}
	}
	for _, held := range v.incoming[r] {
		left -= held
	}
	return left
}

// compute gives the object of a host's or pool's owner.
func (v *VCenter) compute(r ref) *mo.ComputeResource {
	switch c := v.reg.Get(r).(type) {
	case *simulator.ClusterComputeResource:
		return &c.ComputeResource
	case *mo.ComputeResource:
		return c
	}
	return nil
}

// hostsOf lists the hosts of a compute resource.
func (v *VCenter) hostsOf(compute ref) (hosts []ref) {
	if c := v.compute(compute); c != nil {
		v.read(compute, func() { hosts = c.Host })
	}
	return hosts
}

// poolFacts is what decisions need to know of a pool.
type poolFacts struct {
	self, owner ref
	name        string
	parent      *ref // nil for a root pool
	children    []ref
	vms         []ref
	reservation int64
	limit       int64
	expandable  bool
}

func (v *VCenter) poolFacts(r ref) (f poolFacts, ok bool) {
	p := v.pool(r)
	if p == nil {
		return f, false
	}
	v.read(p, func() {
		a := p.Config.MemoryAllocation
		f = poolFacts{
			self: p.Self, owner: p.Owner, name: p.Name, children: p.ResourcePool.ResourcePool, vms: p.Vm,
			reservation: number(a.Reservation, 0), limit: number(a.Limit, -1),
			expandable: isTrue(a.ExpandableReservation),
		}
		if p.Parent != nil && p.Parent.Type == "ResourcePool" {
			parent := *p.Parent
			f.parent = &parent
		}
	})
	return f, true
}

// poolUsed is what VMs and child pools take from a pool, in MiB.
func (v *VCenter) poolUsed(f poolFacts) (byVMs, all int64) {
	for _, vm := range f.vms {
		if facts, ok := v.vmFacts(vm); ok {
			byVMs += v.claim(facts)
		}
	}
	all = byVMs
	for _, child := range f.children {
		c, ok := v.poolFacts(child)
		if !ok {
			continue
		}
		draw := c.reservation
		if c.expandable {
			_, used := v.poolUsed(c)
			draw = max(draw, used)
		}
		all += draw
	}
	return byVMs, all
}

// unreserved is what a VM in the pool could still reserve, in MiB. A root pool has what the usable
// hosts can promise; a child has its own reservation and, when expandable, its parent's.
func (v *VCenter) unreserved(r ref) int64 {
	f, ok := v.poolFacts(r)
	if !ok {
		return 0
	}
	_, used := v.poolUsed(f)
	var left int64
	if f.parent == nil {
		for _, h := range v.hostsOf(f.owner) {
			if host, ok := v.hostFacts(h); ok && host.usable() {
				left += v.reservable(host)
			}
		}
		left -= used
	} else {
		left = f.reservation - used
		if f.expandable {
			left = max(left, 0) + v.unreserved(*f.parent)
		}
	}
	if f.limit >= 0 {
		left = min(left, f.limit-used)
	}
	return left + v.poolOffset[r]
}

// refreshPool brings the runtime figures of a pool up to date; memory there is in bytes.
func (v *VCenter) refreshPool(r ref) {
	p := v.pool(r)
	f, ok := v.poolFacts(r)
	if !ok {
		return
	}
	byVMs, used := v.poolUsed(f)
	left := max(v.unreserved(r), 0)
	v.read(p, func() {
		m := &p.Runtime.Memory
		m.ReservationUsed, m.ReservationUsedForVm = used*mib, byVMs*mib
		m.UnreservedForVm, m.UnreservedForPool = left*mib, left*mib
		m.MaxUsage = number(p.Config.MemoryAllocation.Limit, -1) * mib
		if m.MaxUsage < 0 {
			m.MaxUsage = left*mib + used*mib
		}
		if s := p.Summary.GetResourcePoolSummary(); s != nil {
			s.Runtime = p.Runtime
		}
	})
}

// refreshPools does so for every pool of a compute resource, for one VM's reservation shows in all.
func (v *VCenter) refreshPools(compute ref) {
	c := v.compute(compute)
	if c == nil || c.ResourcePool == nil {
		return
	}
	var visit func(r ref)
	visit = func(r ref) {
		v.refreshPool(r)
		if f, ok := v.poolFacts(r); ok {
			for _, child := range f.children {
				visit(child)
			}
		}
	}
	visit(*c.ResourcePool)
}
