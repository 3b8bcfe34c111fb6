package vcenter

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"

	"github.com/vmware/govmomi/vim25/types"
)

// known remembers which quickStats an entity has. The Go structs cannot tell an unset number from
// zero, and on the wire that is the difference between "not measured" and "nothing ballooned".
type known struct {
	mu     sync.Mutex
	fields map[string]map[string]bool
}

func newKnown() *known { return &known{fields: map[string]map[string]bool{}} }

func (k *known) set(moid string, names ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fields[moid] == nil {
		k.fields[moid] = map[string]bool{}
	}
	for _, name := range names {
		k.fields[moid][name] = true
	}
}

func (k *known) forget(moid string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if moid == "" {
		k.fields = map[string]map[string]bool{}
		return
	}
	delete(k.fields, moid)
}

func (k *known) has(moid, name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.fields[moid][name]
}

// quickRule says how a quick figure follows from counters: their sum, divided.
type quickRule struct {
	field   string
	from    []string
	divisor int64
}

// KiB counters become MiB figures, except compressedMemory, which vCenter shows in KiB.
var vmQuickRules = []quickRule{
	{"guestMemoryUsage", []string{"mem.active.average"}, 1024},
	{"activeMemory", []string{"mem.active.average"}, 1024},
	{"hostMemoryUsage", []string{"mem.consumed.average", "mem.overhead.average"}, 1024},
	{"grantedMemory", []string{"mem.granted.average"}, 1024},
	{"sharedMemory", []string{"mem.shared.average"}, 1024},
	{"swappedMemory", []string{"mem.swapped.average"}, 1024},
	{"balloonedMemory", []string{"mem.vmmemctl.average"}, 1024},
	{"consumedOverheadMemory", []string{"mem.overhead.average"}, 1024},
	{"compressedMemory", []string{"mem.compressed.average"}, 1},
	{"overallCpuUsage", []string{"cpu.usagemhz.average"}, 1},
	{"overallCpuDemand", []string{"cpu.demand.average"}, 1},
	{"overallCpuReadiness", []string{"cpu.readiness.average"}, 100},
	{"staticMemoryEntitlement", []string{"mem.entitlement.average"}, 1024},
}

var hostQuickRules = []quickRule{
	{"overallMemoryUsage", []string{"mem.consumed.average"}, 1024},
	{"overallCpuUsage", []string{"cpu.usagemhz.average"}, 1},
}

func (v *VCenter) deriveQuickStats(moid string, values map[int32]int64) {
	rules := vmQuickRules
	if v.host(ref{Type: "HostSystem", Value: moid}) != nil {
		rules = hostQuickRules
	}
	figures := map[string]int64{}
	for _, rule := range rules {
		var sum int64
		complete := true
		for _, name := range rule.from {
			value, ok := values[v.perf.key(name)]
			if !ok {
				complete = false
				break
			}
			sum += value
		}
		if complete {
			figures[rule.field] = sum / rule.divisor
		}
	}
	if len(figures) > 0 {
		// Names come from the tables above, so this cannot fail.
		_ = v.SetQuickStats(moid, figures)
	}
}

// SetQuickStats sets figures of summary.quickStats by their API names.
func (v *VCenter) SetQuickStats(moid string, figures map[string]int64) error {
	if vm := v.vm(ref{Type: "VirtualMachine", Value: moid}); vm != nil {
		var next types.VirtualMachineQuickStats
		v.read(vm, func() { next = vm.Summary.QuickStats })
		if err := setFigures(&next, figures); err != nil {
			return fmt.Errorf("%s: %w", moid, err)
		}
		v.noteFigures(moid, figures)
		v.update(vm, change("summary.quickStats", next))
		return nil
	}
	if host := v.host(ref{Type: "HostSystem", Value: moid}); host != nil {
		var next types.HostListSummaryQuickStats
		v.read(host, func() { next = host.Summary.QuickStats })
		if err := setFigures(&next, figures); err != nil {
			return fmt.Errorf("%s: %w", moid, err)
		}
		v.noteFigures(moid, figures)
		v.update(host, change("summary.quickStats", next))
		return nil
	}
	return fmt.Errorf("there is no VM and no host %q", moid)
}

func (v *VCenter) noteFigures(moid string, figures map[string]int64) {
	for name := range figures {
		v.quick.set(moid, name)
	}
}

func setFigures(stats any, figures map[string]int64) error {
	into := reflect.ValueOf(stats).Elem()
	for name, value := range figures {
		if name == "" {
			return fmt.Errorf("a quick figure has no name")
		}
		field := into.FieldByName(strings.ToUpper(name[:1]) + name[1:])
		if !field.IsValid() || !field.CanInt() {
			return fmt.Errorf("quickStats has no number %q", name)
		}
		if value < 0 || field.Kind() == reflect.Int32 && value > math.MaxInt32 {
			return fmt.Errorf("%s cannot be %d", name, value)
		}
		field.SetInt(value)
	}
	return nil
}

// ForgetSamples drops counters and quick figures of an entity, or of all when moid is "".
func (v *VCenter) ForgetSamples(moid string) error {
	vm := v.vm(ref{Type: "VirtualMachine", Value: moid})
	if moid != "" && vm == nil && v.host(ref{Type: "HostSystem", Value: moid}) == nil {
		return fmt.Errorf("there is no VM and no host %q", moid)
	}
	v.Counters.Forget(moid)
	v.quick.forget(moid)
	return nil
}
