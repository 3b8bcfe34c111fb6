package vcenter

import (
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"

	"vsphere-market/mocks/vcsim/internal/inventory"
)

// VMState is what a test asserts of a VM.
type VMState struct {
	Name           string   `json:"name"`
	Host           string   `json:"host"`
	Pool           string   `json:"pool"`
	Datastores     []string `json:"datastores"`
	Power          string   `json:"power"`
	SizeMiB        int64    `json:"size_mib"`
	ReservationMiB int64    `json:"reservation_mib"`
	LimitMiB       int64    `json:"limit_mib"`
	Shares         int64    `json:"shares"`
	Locked         bool     `json:"reservation_locked_to_max"`
	HotAdd         bool     `json:"hot_add_enabled"`
	BalloonCap     string   `json:"balloon_cap"`
	ChangeVersion  string   `json:"change_version"`
}

// HostState is what a test asserts of a host.
type HostState struct {
	Name          string   `json:"name"`
	Connection    string   `json:"connection"`
	Power         string   `json:"power"`
	Maintenance   bool     `json:"maintenance"`
	MemoryMiB     int64    `json:"memory_mib"`
	UnreservedMiB int64    `json:"unreserved_mib"`
	VMs           []string `json:"vms"`
}

// PoolState is what a test asserts of a pool.
type PoolState struct {
	Name           string   `json:"name"`
	ReservationMiB int64    `json:"reservation_mib"`
	LimitMiB       int64    `json:"limit_mib"`
	Expandable     bool     `json:"expandable"`
	UnreservedMiB  int64    `json:"unreserved_mib"`
	VMs            []string `json:"vms"`
}

// State is a consistent view of what vCenter believes.
type State struct {
	VMs   map[string]VMState   `json:"vms"`
	Hosts map[string]HostState `json:"hosts"`
	Pools map[string]PoolState `json:"pools"`
	Tasks []RunningTask        `json:"tasks"`
}

// Dump reads the whole state at one instant.
func (v *VCenter) Dump() State {
	v.world.RLock()
	defer v.world.RUnlock()
	s := State{VMs: map[string]VMState{}, Hosts: map[string]HostState{}, Pools: map[string]PoolState{}}
	for _, item := range v.reg.All("VirtualMachine") {
		if vm, ok := item.(*simulator.VirtualMachine); ok {
			s.VMs[vm.Self.Value] = v.vmState(vm)
		}
	}
	for _, item := range v.reg.All("HostSystem") {
		f, ok := v.hostFacts(item.Reference())
		if !ok {
			continue
		}
		power := ""
		h := v.host(f.self)
		v.read(h, func() { power = string(h.Runtime.PowerState) })
		s.Hosts[f.self.Value] = HostState{
			Name: f.name, Connection: string(f.state), Power: power, Maintenance: f.maintenance,
			MemoryMiB: f.memory, UnreservedMiB: v.hostUnreserved(f.self, ref{}), VMs: values(f.vms),
		}
	}
	for _, item := range v.reg.All("ResourcePool") {
		f, ok := v.poolFacts(item.Reference())
		if !ok {
			continue
		}
		s.Pools[f.self.Value] = PoolState{
			Name: f.name, ReservationMiB: f.reservation, LimitMiB: f.limit, Expandable: f.expandable,
			UnreservedMiB: v.unreserved(f.self), VMs: values(f.vms),
		}
	}
	s.Tasks = v.RunningTasks()
	return s
}

func (v *VCenter) vmState(vm *simulator.VirtualMachine) (s VMState) {
	v.read(vm, func() {
		f := factsOf(&vm.VirtualMachine)
		s = VMState{
			Name: f.name, Host: f.host.Value, Pool: f.pool.Value, Datastores: values(f.datastores),
			Power: string(vm.Runtime.PowerState), SizeMiB: f.size, ReservationMiB: f.reservation,
			LimitMiB: f.limit, Shares: int64(vm.Config.MemoryAllocation.Shares.Shares),
			Locked: isTrue(vm.Config.MemoryReservationLockedToMax), HotAdd: f.hotAdd, ChangeVersion: f.version,
		}
		for _, o := range vm.Config.ExtraConfig {
			if option := o.GetOptionValue(); option.Key == inventory.BalloonCapKey {
				s.BalloonCap = fmt.Sprint(option.Value)
			}
		}
	})
	return s
}

func values(refs []ref) []string {
	out := make([]string, 0, len(refs))
	for _, r := range refs {
		out = append(out, r.Value)
	}
	return out
}

// KillSessions ends the sessions of a user, or all when user is "".
func (v *VCenter) KillSessions(user string) int {
	ctx := v.internalContext("")
	manager := v.reg.Get(*v.content.SessionManager).(*simulator.SessionManager)
	view, ok := ctx.Session.Get(manager.Self).(*simulator.SessionManager)
	if !ok {
		return 0
	}
	killed := 0
	for _, session := range view.SessionList {
		if user != "" && session.UserName != user {
			continue
		}
		res := manager.TerminateSession(ctx, &types.TerminateSession{SessionId: []string{session.Key}})
		if res.Fault() == nil {
			killed++
		}
	}
	return killed
}

// Restart is what clients see of a restart of vCenter's service: sessions are gone, and tasks that
// ran are said to have failed although the hosts finish them.
func (v *VCenter) Restart() {
	v.KillSessions("")
	v.engine.forsake()
}

// SetDown makes vCenter unreachable: "drop", "503", "gone" (as when its process was killed: open
// connections are reset and new ones refused), or "" to bring it back on the same port.
func (v *VCenter) SetDown(how string) error {
	if how != "" && how != "drop" && how != "503" && how != "gone" {
		return fmt.Errorf(`vCenter can be down as "drop", "503" or "gone", not as %q`, how)
	}
	v.front.setDown(how)
	return v.door.set(how != "gone")
}

// Change is an edit of a VM from outside, as another administrator would do it; it asks nobody.
type Change struct {
	Host           *string `json:"host"`
	SizeMiB        *int64  `json:"size_mib"`
	ReservationMiB *int64  `json:"reservation_mib"`
	LimitMiB       *int64  `json:"limit_mib"`
	ToolsRunning   *bool   `json:"tools_running"`
}

// ChangeVM makes such an edit. A foreign move is posted as an event, as vCenter does.
func (v *VCenter) ChangeVM(moid string, c Change) error {
	r := ref{Type: "VirtualMachine", Value: moid}
	vm, ok := v.vmFacts(r)
	if !ok {
		return fmt.Errorf("there is no VM %q", moid)
	}
	v.world.Lock()
	defer v.world.Unlock()
	v.actor = "another administrator"
	if c.Host != nil {
		to := ref{Type: "HostSystem", Value: *c.Host}
		host, pool, failure := v.resolve(vm, move{host: &to})
		if failure != nil {
			return fmt.Errorf("%s cannot be on %s: %s", moid, *c.Host, failure.message)
		}
		v.place(vm, host, pool, move{host: &to})
	}
	var changes []types.PropertyChange
	if c.SizeMiB != nil {
		changes = append(changes, change("config.hardware.memoryMB", int32(*c.SizeMiB)),
			change("summary.config.memorySizeMB", int32(*c.SizeMiB)))
	}
	if c.ReservationMiB != nil || c.LimitMiB != nil {
		var a types.ResourceAllocationInfo
		v.read(v.vm(r), func() { a = *v.vm(r).Config.MemoryAllocation })
		merge(&a, &types.ResourceAllocationInfo{Reservation: c.ReservationMiB, Limit: c.LimitMiB})
		changes = append(changes, change("config.memoryAllocation", a))
	}
	if c.ToolsRunning != nil {
		tools := "guestToolsNotRunning"
		if *c.ToolsRunning {
			tools = "guestToolsRunning"
		}
		changes = append(changes, change("guest.toolsRunningStatus", tools),
			change("summary.guest.toolsRunningStatus", tools))
	}
	if c.SizeMiB != nil || c.ReservationMiB != nil || c.LimitMiB != nil {
		changes = append(changes, change("config.changeVersion", v.nextVersion()))
	}
	if len(changes) > 0 {
		v.update(v.vm(r), changes...)
	}
	if host, ok := v.hostFacts(vm.host); ok {
		v.refreshPools(host.compute)
	}
	return nil
}
