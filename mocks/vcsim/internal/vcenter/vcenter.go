// Package vcenter makes a vCenter of govmomi's simulator: it keeps what the library does well
// (property collector, views, sessions, events, collectors) and replaces the calls that stock
// vcsim accepts without looking, so that a wrong action fails as it would on a real vCenter.
package vcenter

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"vsphere-market/mocks/vcsim/internal/clock"
	"vsphere-market/mocks/vcsim/internal/counters"
	"vsphere-market/mocks/vcsim/internal/estate"
	"vsphere-market/mocks/vcsim/internal/faults"
	"vsphere-market/mocks/vcsim/internal/inventory"
)

// APIVersion is what clients negotiate.
const APIVersion = "8.0.3.0"

const mib = int64(1) << 20

type ref = types.ManagedObjectReference

// Config is what a simulator is started with.
type Config struct {
	Listen   string
	Username string
	Password string
	Seed     int64
	Clock    *clock.Clock
}

// VCenter is one running simulator.
type VCenter struct {
	Clock    *clock.Clock
	Counters *counters.Store
	Faults   *faults.Set
	Calls    *CallLog
	Settings *Settings

	service *simulator.Service
	reg     *simulator.Registry
	content types.ServiceContent
	users   *users
	engine  *engine
	perf    *perfIndex
	quick   *known
	front   *front
	door    door
	// permissions are what clients have granted by SetEntityPermissions.
	permissions permissions
	// password is the administrator's, for logins within the process.
	password string
	// holdByDefault is the setting of the start.
	holdByDefault bool
	estate        *estate.Estate

	// world orders decisions against reads: property reads and checks share it, whatever changes
	// placement or sizes holds it alone. It is never taken while an object of the registry is locked.
	world sync.RWMutex
	// library keeps the library's own bookkeeping (histories of tasks and events, and whoever walks
	// the inventory) from being changed while it is read, which its own locks do not do everywhere:
	// a map that is changed while another goroutine walks it ends a Go program. Taken after world
	// and before any object's lock, and only while the library works.
	library sync.RWMutex
	// routes lists the calls that go to receivers of ours.
	routes map[string]route
	// incoming is memory that running migrations hold on their targets, in MiB by host and task.
	incoming map[ref]map[ref]int64
	// poolOffset is what the file says of a pool's unreserved memory beyond what can be computed.
	poolOffset map[ref]int64
	// actor is the user whose work is being done while the world is held alone; events name him.
	actor string
	// versions numbers configurations, so that no change version ever repeats.
	versions atomic.Int64
	// bootSize is the memory in MiB that each VM was powered on with.
	bootSize map[ref]int64
}

// New builds the simulator of an estate; Handler serves it.
func New(cfg Config, e *estate.Estate) (*VCenter, error) {
	model := simulator.VPX()
	content := model.ServiceContent
	content.About.ApiVersion = APIVersion
	content.About.Version = "8.0.3"
	content.About.Build = "24022515"
	content.About.FullName = "VMware vCenter Server 8.0.3 build-24022515"
	content.About.LicenseProductVersion = "8.0"
	content.About.InstanceUuid = e.Source.InstanceUUID
	if content.About.InstanceUuid == "" {
		content.About.InstanceUuid = uuid.NewString()
	}
	ctx, instance := simulator.NewServiceInstance(simulator.NewContext(), content, model.RootFolder)
	v := &VCenter{
		Clock: cfg.Clock, Counters: counters.NewStore(), Faults: faults.NewSet(cfg.Seed),
		Calls: newCallLog(), Settings: newSettings(),
		service: simulator.New(ctx, instance), reg: ctx.Map, content: content, estate: e,
		users: newUsers(cfg.Username, cfg.Password), quick: newKnown(),
		password: cfg.Password,
		incoming: map[ref]map[ref]int64{}, poolOffset: map[ref]int64{}, bootSize: map[ref]int64{},
	}
	if err := inventory.Build(ctx, e, v.Clock.Now()); err != nil {
		return nil, err
	}
	v.license(e)
	v.engine = newEngine(v)
	v.perf = newPerfIndex(v)
	v.loadSamples(e)
	v.learn()
	v.setOptions()
	v.dispatch()
	v.listen(cfg)
	return v, nil
}

// setOptions gives vCenter's settings that clients ask for and the library does not have.
func (v *VCenter) setOptions() {
	manager := v.reg.Get(*v.content.Setting).(*simulator.OptionManager)
	// The library's list is one for all simulators of a process.
	manager.Setting = append([]types.BaseOptionValue(nil), manager.Setting...)
	manager.UpdateOptions(&types.UpdateOptions{ChangedValue: []types.BaseOptionValue{
		&types.OptionValue{Key: maxQueryMetrics, Value: strconv.Itoa(v.Settings.Get().MaxQueryMetrics)},
		&types.OptionValue{Key: "VirtualCenter.FQDN", Value: v.estate.Source.Name},
	}})
	statistics := v.reg.Get(*v.content.PerfManager).(*simulator.PerformanceManager)
	statistics.HistoricalInterval = append([]types.PerfInterval(nil), statistics.HistoricalInterval...)
	for i := range statistics.HistoricalInterval {
		statistics.HistoricalInterval[i].Level = int32(v.Settings.Get().StatsLevel)
	}
}

// maxQueryMetrics is the option that bounds queries of historical counters.
const maxQueryMetrics = "config.vpxd.stats.maxQueryMetrics"

// ChangeSettings changes what the JSON object names.
func (v *VCenter) ChangeSettings(data []byte) (Values, error) {
	values, err := v.Settings.Merge(data)
	if err != nil {
		return values, err
	}
	v.Counters.Hold(values.HoldSamples)
	v.setOptions()
	return values, nil
}

// learn takes in what later decisions compare with.
func (v *VCenter) learn() {
	for _, item := range v.reg.All("VirtualMachine") {
		vm := item.(*simulator.VirtualMachine)
		v.bootSize[vm.Self] = int64(vm.Config.Hardware.MemoryMB)
	}
	given := map[string]*float64{}
	for _, row := range v.estate.Pools {
		given[row.Moid] = row.UnreservedMiB
	}
	for _, item := range v.reg.All("ResourcePool") {
		v.learnPool(item.Reference(), given)
	}
	for _, item := range v.reg.All("ResourcePool") {
		v.refreshPool(item.Reference())
	}
}

// learnPool takes the file's word for what is unreserved in a pool, its ancestors first, because
// what an expandable pool has depends on theirs.
func (v *VCenter) learnPool(pool ref, given map[string]*float64) {
	if _, done := v.poolOffset[pool]; done {
		return
	}
	if f, ok := v.poolFacts(pool); ok && f.parent != nil {
		v.learnPool(*f.parent, given)
	}
	v.poolOffset[pool] = 0
	if amount := given[pool.Value]; amount != nil {
		v.poolOffset[pool] = int64(*amount) - v.unreserved(pool)
	}
}

// listen prepares the service's HTTP routes. The front takes POSTs to the SDK before the library's
// own handler does, which the pattern's method makes possible without replacing the mux.
func (v *VCenter) listen(cfg Config) {
	v.front = newFront(v)
	mux := http.NewServeMux()
	mux.Handle("POST "+vim25.Path, v.front)
	mux.Handle("POST "+vim25.Path+"/vimService", v.front)
	// The library's JSON-RPC endpoint lets anybody in and drops what it is told without a word; a
	// client is better off without it.
	mux.Handle("POST /api", http.NotFoundHandler())
	v.service.ServeMux = mux
	v.service.RegisterEndpoints = true
	v.service.Listen = &url.URL{Host: cfg.Listen, User: url.UserPassword(cfg.Username, cfg.Password)}
	v.reg.SessionManager().ValidLogin = v.users.valid
	v.reg.Cookie = sessionKey
}

// Service is the library's service, for the one who starts the server.
func (v *VCenter) Service() *simulator.Service { return v.service }

// internalContext is a context of its own locking identity, acting for user.
func (v *VCenter) internalContext(user string) *simulator.Context {
	return &simulator.Context{
		Context: context.Background(),
		Map:     v.reg,
		Session: &simulator.Session{
			UserSession: types.UserSession{Key: uuid.NewString(), UserName: user},
			Registry:    simulator.NewRegistry(),
			Map:         v.reg,
		},
	}
}

// lockContext is a context that is good for locking and no more; making one costs nothing.
func (v *VCenter) lockContext() *simulator.Context {
	return &simulator.Context{Context: context.Background(), Map: v.reg}
}

// read runs f while obj is locked. Locking by reference spares the library's search for the field
// that holds it.
func (v *VCenter) read(obj mo.Reference, f func()) {
	v.reg.WithLock(v.lockContext(), obj.Reference(), f)
}

func (v *VCenter) vm(r ref) *simulator.VirtualMachine {
	vm, _ := v.reg.Get(r).(*simulator.VirtualMachine)
	return vm
}

func (v *VCenter) host(r ref) *simulator.HostSystem {
	h, _ := v.reg.Get(r).(*simulator.HostSystem)
	return h
}

func (v *VCenter) pool(r ref) *simulator.ResourcePool {
	p, _ := v.reg.Get(r).(*simulator.ResourcePool)
	return p
}

// change is short for a property change.
func change(name string, val types.AnyType) types.PropertyChange {
	return types.PropertyChange{Name: name, Val: val}
}

// update applies changes to an object under its lock and tells property filters.
func (v *VCenter) update(obj mo.Reference, changes ...types.PropertyChange) {
	v.library.Lock()
	defer v.library.Unlock()
	v.reg.AtomicUpdate(v.lockContext(), obj, changes)
}

// without returns a copy of refs that lacks r. The copy keeps the old capacity and one more, so
// that a walker of the inventory that reads the list unlocked can never run past its end.
func without(refs []ref, r ref) []ref {
	out := make([]ref, 0, len(refs)+1)
	for _, have := range refs {
		if have != r {
			out = append(out, have)
		}
	}
	return out
}

// with returns a copy of refs that has r.
func with(refs []ref, r ref) []ref {
	out := make([]ref, 0, len(refs)+2)
	for _, have := range refs {
		if have == r {
			return refs
		}
		out = append(out, have)
	}
	return append(out, r)
}

// timeOf is a clock reading as a pointer, as properties want it.
func timeOf(t time.Time) *time.Time { return &t }
