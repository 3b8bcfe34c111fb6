package vcenter

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"

	"vsphere-market/mocks/vcsim/internal/counters"
)

// perfIndex knows counters by name, e.g. mem.active.average. A counter of one instance, e.g. of one
// of the datastores that a host uses, has a negative key of its own: the store of samples knows
// nothing of instances.
type perfIndex struct {
	keys  map[string]int32
	infos map[int32]types.PerfCounterInfo

	mu        sync.RWMutex
	instances map[instance]int32
	of        map[int32]instance
}

type instance struct {
	counter int32
	name    string
}

func newPerfIndex(v *VCenter) *perfIndex {
	manager := v.reg.Get(*v.content.PerfManager).(*simulator.PerformanceManager)
	index := &perfIndex{
		keys: map[string]int32{}, infos: map[int32]types.PerfCounterInfo{},
		instances: map[instance]int32{}, of: map[int32]instance{},
	}
	for _, info := range manager.PerfCounter {
		name := info.GroupInfo.GetElementDescription().Key + "." +
			info.NameInfo.GetElementDescription().Key + "." + string(info.RollupType)
		index.keys[name] = info.Key
		index.infos[info.Key] = info
	}
	return index
}

// ShortenCatalogue lists only the counters that an entity has samples of: a client reads several
// hundred others at every login, which a test that logs in a thousand times can do without.
func (v *VCenter) ShortenCatalogue() {
	manager := v.reg.Get(*v.content.PerfManager).(*simulator.PerformanceManager)
	has := v.Counters.Keys()
	// A slice of its own: the library's list is one for all simulators of a process.
	kept := make([]types.PerfCounterInfo, 0, len(has))
	for key := range has {
		has[v.perf.split(key).counter] = true
	}
	for _, info := range manager.PerfCounter {
		if has[info.Key] {
			kept = append(kept, info)
		}
	}
	manager.PerfCounter = kept
}

// key is the id of a counter that the simulator itself uses; a wrong name is a mistake in the code.
func (p *perfIndex) key(name string) int32 {
	key, ok := p.keys[name]
	if !ok {
		panic("no performance counter is named " + name)
	}
	return key
}

// Key is the id of a counter by name; "name@instance" is the same of one instance.
func (p *perfIndex) Key(name string) (int32, error) {
	counter, part, isPart := strings.Cut(name, "@")
	key, ok := p.keys[counter]
	if !ok {
		return 0, fmt.Errorf("no performance counter is named %q", counter)
	}
	if isPart {
		return p.keyOf(instance{key, part}), nil
	}
	return key, nil
}

func (p *perfIndex) keyOf(one instance) int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	key, ok := p.instances[one]
	if !ok {
		key = -1 - int32(len(p.instances))
		p.instances[one], p.of[key] = key, one
	}
	return key
}

// split is the counter that a key stands for, with the instance if it is of one.
func (p *perfIndex) split(key int32) instance {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if one, ok := p.of[key]; ok {
		return one
	}
	return instance{counter: key}
}

// parts are the keys of the instances of a counter: of the named one, or of all for "*".
func (p *perfIndex) parts(counter int32, name string) []int32 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var keys []int32
	for one, key := range p.instances {
		if one.counter == counter && (name == "*" || name == one.name) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (p *perfIndex) metric(key int32) types.PerfMetricId {
	one := p.split(key)
	return types.PerfMetricId{CounterId: one.counter, Instance: one.name}
}

func (p *perfIndex) info(key int32) types.PerfCounterInfo {
	return p.infos[p.split(key).counter]
}

// level is the statistics level from which on history has the counter; that of an instance is its own.
func (p *perfIndex) level(key int32) int32 {
	one := p.split(key)
	info := p.infos[one.counter]
	if one.name != "" {
		return info.PerDeviceLevel
	}
	return info.Level
}

// Sample is what the control endpoint sets for one entity: values by counter name, as on the wire.
type Sample map[string]float64

// Record appends one sample per entity and derives quickStats from it, as vCenter shows the same
// figures in both places. Nothing is recorded when any name is unknown.
func (v *VCenter) Record(t time.Time, samples map[string]Sample) error {
	byKey := make(map[string]map[int32]int64, len(samples))
	for moid, sample := range samples {
		if v.vm(ref{Type: "VirtualMachine", Value: moid}) == nil &&
			v.host(ref{Type: "HostSystem", Value: moid}) == nil {
			return fmt.Errorf("there is no VM and no host %q", moid)
		}
		values := make(map[int32]int64, len(sample))
		for name, value := range sample {
			key, err := v.perf.Key(name)
			if err != nil {
				return err
			}
			if math.IsNaN(value) || math.IsInf(value, 0) {
				return fmt.Errorf("%s of %s is not a finite number; leave it out if unknown", name, moid)
			}
			values[key] = int64(math.Round(value))
		}
		byKey[moid] = values
	}
	for moid, values := range byKey {
		if !v.Counters.Append(moid, t, values) {
			return fmt.Errorf("%s has samples that are newer than %s", moid, t.Format(time.RFC3339))
		}
		v.deriveQuickStats(moid, values)
	}
	return nil
}

// QueryPerf answers from the samples: oldest first, and nothing for a counter that was never set.
func (c *perfCalls) QueryPerf(_ *simulator.Context, req *types.QueryPerf) soap.HasFault {
	body := &methods.QueryPerfBody{Res: &types.QueryPerfResponse{}}
	for i := range req.QuerySpec {
		spec := &req.QuerySpec[i]
		if c.v.reg.Get(spec.Entity) == nil {
			return raise(&types.ManagedObjectNotFound{Obj: spec.Entity},
				"The object has already been deleted or has not been completely created")
		}
		if max := c.v.Settings.Get().MaxQueryMetrics; max >= 0 && spec.IntervalId > counters.Interval &&
			len(spec.MetricId) > max {
			return raise(&types.RestrictedByAdministrator{Details: maxQueryMetrics},
				"Operation is restricted by the administrator.")
		}
		if answer := c.v.query(spec); answer != nil {
			body.Res.Returnval = append(body.Res.Returnval, answer)
		}
	}
	return body
}

func (v *VCenter) query(spec *types.PerfQuerySpec) types.BasePerfEntityMetricBase {
	begin, end := time.Unix(0, 0), v.Clock.Now()
	if spec.StartTime != nil {
		begin = *spec.StartTime
	}
	if spec.EndTime != nil {
		end = *spec.EndTime
	}
	// A real-time sample is about the past: nothing is known of what the clock has not reached.
	if now := v.Clock.Now(); end.After(now) {
		end = now
	}
	wanted := v.wanted(spec)
	var series counters.Series
	interval := int64(spec.IntervalId)
	if interval <= counters.Interval {
		interval = counters.Interval
		// Realtime samples are kept for an hour, also when no newer ones push them out.
		if kept := v.Clock.Now().Add(-counters.Kept * counters.Interval * time.Second); begin.Before(kept) {
			begin = kept
		}
		series = v.Counters.Realtime(spec.Entity.Value, begin, end, int(spec.MaxSample), wanted)
	} else {
		// vCenter keeps of the history what its statistics level says; level 1 is the default.
		rollups := map[int32]counters.Rollup{}
		level := int32(v.Settings.Get().StatsLevel)
		for _, key := range wanted {
			if info := v.perf.info(key); v.perf.level(key) <= level {
				rollups[key] = rollupOf(info)
			}
		}
		series = v.Counters.Historical(spec.Entity.Value, interval, begin, end, rollups)
	}
	if len(series.Values) == 0 {
		return nil
	}
	keys := make([]int32, 0, len(series.Values))
	for key := range series.Values {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] })
	if spec.Format == string(types.PerfFormatCsv) {
		return v.csv(spec.Entity, interval, series, keys)
	}
	return v.normal(spec.Entity, interval, series, keys)
}

// wanted lists the counters of a query; every one of them, instances too, when it names none.
func (v *VCenter) wanted(spec *types.PerfQuerySpec) []int32 {
	var keys []int32
	if len(spec.MetricId) == 0 {
		for key := range v.perf.infos {
			keys = append(keys, key)
			keys = append(keys, v.perf.parts(key, "*")...)
		}
		return keys
	}
	for _, id := range spec.MetricId {
		if id.Instance == "" || id.Instance == "*" {
			keys = append(keys, id.CounterId)
		}
		if id.Instance != "" {
			keys = append(keys, v.perf.parts(id.CounterId, id.Instance)...)
		}
	}
	return keys
}

func rollupOf(info types.PerfCounterInfo) counters.Rollup {
	switch info.RollupType {
	case types.PerfSummaryTypeLatest:
		return counters.Latest
	case types.PerfSummaryTypeSummation:
		return counters.Sum
	case types.PerfSummaryTypeMinimum:
		return counters.Minimum
	case types.PerfSummaryTypeMaximum:
		return counters.Maximum
	default:
		return counters.Average
	}
}

func (v *VCenter) csv(entity ref, interval int64, s counters.Series, keys []int32) *types.PerfEntityMetricCSV {
	var info strings.Builder
	for i, at := range s.Times {
		if i > 0 {
			info.WriteByte(',')
		}
		info.WriteString(strconv.FormatInt(interval, 10))
		info.WriteByte(',')
		info.WriteString(time.Unix(at, 0).UTC().Format("2006-01-02T15:04:05Z"))
	}
	out := &types.PerfEntityMetricCSV{
		PerfEntityMetricBase: types.PerfEntityMetricBase{Entity: entity}, SampleInfoCSV: info.String(),
	}
	for _, key := range keys {
		cells := make([]string, len(s.Times))
		for i, value := range s.Values[key] {
			cells[i] = strconv.FormatInt(value, 10)
		}
		out.Value = append(out.Value, types.PerfMetricSeriesCSV{
			PerfMetricSeries: types.PerfMetricSeries{Id: v.perf.metric(key)},
			Value:            strings.Join(cells, ","),
		})
	}
	return out
}

// PerfMetricIntSeries goes onto the wire as the library's type of that name does, but with its
// zeros, which the library leaves out of the list.
type PerfMetricIntSeries struct {
	types.PerfMetricSeries

	Value []int64 `xml:"value"`
}

func (v *VCenter) normal(entity ref, interval int64, s counters.Series, keys []int32) *types.PerfEntityMetric {
	out := &types.PerfEntityMetric{PerfEntityMetricBase: types.PerfEntityMetricBase{Entity: entity}}
	for _, at := range s.Times {
		out.SampleInfo = append(out.SampleInfo, types.PerfSampleInfo{
			Timestamp: time.Unix(at, 0).UTC(), Interval: int32(interval),
		})
	}
	for _, key := range keys {
		out.Value = append(out.Value, &PerfMetricIntSeries{
			PerfMetricSeries: types.PerfMetricSeries{Id: v.perf.metric(key)},
			Value:            s.Values[key],
		})
	}
	return out
}

// QueryAvailablePerfMetric lists the counters that an entity has samples of.
func (c *perfCalls) QueryAvailablePerfMetric(_ *simulator.Context, req *types.QueryAvailablePerfMetric) soap.HasFault {
	body := &methods.QueryAvailablePerfMetricBody{Res: &types.QueryAvailablePerfMetricResponse{}}
	spec := &types.PerfQuerySpec{IntervalId: req.IntervalId}
	series := c.v.Counters.Realtime(req.Entity.Value, time.Unix(0, 0), c.v.Clock.Now(), 0, c.v.wanted(spec))
	for key := range series.Values {
		if req.IntervalId > counters.Interval &&
			c.v.perf.level(key) > int32(c.v.Settings.Get().StatsLevel) {
			continue
		}
		body.Res.Returnval = append(body.Res.Returnval, c.v.perf.metric(key))
	}
	sort.Slice(body.Res.Returnval, func(i, j int) bool {
		one, two := body.Res.Returnval[i], body.Res.Returnval[j]
		if one.CounterId != two.CounterId {
			return one.CounterId < two.CounterId
		}
		return one.Instance < two.Instance
	})
	return body
}
