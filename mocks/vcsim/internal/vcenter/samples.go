package vcenter

import (
	"math"
	"path"
	"slices"
	"time"

	"github.com/vmware/govmomi/simulator"

	"vsphere-market/mocks/vcsim/internal/counters"
	"vsphere-market/mocks/vcsim/internal/estate"
)

// loadSamples turns the counters of the file into realtime samples that end now: as many as the
// file says stand behind them, all equal, except that one carries the peak of active memory and
// the others make up for it, so that mean and peak come out again.
func (v *VCenter) loadSamples(e *estate.Estate) {
	end := v.Clock.Now().Truncate(counters.Interval * time.Second)
	names := v.instanceNames()
	stores := storeSamples(e, names)
	for i := range e.VMs {
		row := &e.VMs[i]
		sample := vmSample(row)
		if store := storeOf(row); store != "" {
			home, homeKiBps := row.Iops, row.IoKiBps
			if other := otherStore(row, store); other != "" && row.HomeIops != nil {
				home, homeKiBps = row.HomeIops, row.HomeIoKiBps
				sample.io(names[other], less(row.Iops, home), less(row.IoKiBps, homeKiBps),
					row.IoLatencyMs, 0, 1)
			}
			sample.io(names[store], home, homeKiBps, row.IoLatencyMs, 0, 1)
		}
		n := sampleCount(row.Samples)
		v.loadSeries(row.Moid, sample, end, n, activeSeries(row, n))
	}
	for i := range e.Hosts {
		row := &e.Hosts[i]
		sample := hostSample(row)
		for name, value := range stores[row.Moid] {
			sample[name] = value
		}
		v.loadSeries(row.Moid, sample, end, sampleCount(row.Samples), nil)
	}
}

func sampleCount(samples *float64) int {
	if samples == nil {
		return 1
	}
	return int(min(max(*samples, 1), counters.Kept))
}

// activeSeries are n values of active memory in KiB with the mean and the peak of the file, or nil
// where the file has no peak, or one that no such series can have.
func activeSeries(row *estate.VM, n int) []int64 {
	if row.ActiveMiB == nil || row.ActivePeakMiB == nil || n < 2 {
		return nil
	}
	peak := int64(math.Round(*row.ActivePeakMiB * kibPerMib))
	rest := int64(math.Round(*row.ActiveMiB*kibPerMib*float64(n))) - peak
	others := int64(n - 1)
	if rest < 0 || rest/others >= peak {
		return nil
	}
	series := make([]int64, 0, n)
	for k := range others {
		value := rest / others
		if k < rest%others {
			value++
		}
		series = append(series, value)
	}
	// The peak is neither the first nor, with three samples or more, the last.
	return slices.Insert(series, n/2, peak)
}

func (v *VCenter) loadSeries(moid string, sample Sample, end time.Time, n int, actives []int64) {
	if len(sample) == 0 {
		return
	}
	values := make(map[int32]int64, len(sample))
	for name, value := range sample {
		key, err := v.perf.Key(name)
		if err != nil {
			panic(err) // a wrong name is a mistake in the code
		}
		values[key] = int64(math.Round(value))
	}
	active := v.perf.key("mem.active.average")
	for k := range n {
		if actives != nil {
			values[active] = actives[k]
		}
		v.Counters.Append(moid, end.Add(-time.Duration(n-1-k)*counters.Interval*time.Second), values)
	}
	v.deriveQuickStats(moid, values)
}

// put adds value·factor under name when the file gives a value.
func (s Sample) put(name string, value *float64, factor float64) {
	if value != nil {
		s[name] = *value * factor
	}
}

// io adds what one of n entities, the at-th, tells of the datastore that counters call instance:
// its part of the requests and of the throughput, in whole numbers that add up, and the latency.
func (s Sample) io(instance string, iops, kibps, latency *float64, at, n int64) {
	s.part("datastore.numberReadAveraged.average@"+instance, iops, 2*at, 2*n)
	s.part("datastore.numberWriteAveraged.average@"+instance, iops, 2*at+1, 2*n)
	s.part("datastore.read.average@"+instance, kibps, 2*at, 2*n)
	s.part("datastore.write.average@"+instance, kibps, 2*at+1, 2*n)
	s.put("datastore.totalReadLatency.average@"+instance, latency, 1)
	s.put("datastore.totalWriteLatency.average@"+instance, latency, 1)
}

// part adds the at-th of n whole parts of value.
func (s Sample) part(name string, value *float64, at, n int64) {
	if value == nil {
		return
	}
	total := int64(math.Round(*value))
	share := total / n
	if at < total%n {
		share++
	}
	s[name] = float64(share)
}

// less is what is left of a whole without a part; nil where either is not known.
func less(whole, part *float64) *float64 {
	if whole == nil || part == nil {
		return nil
	}
	left := max(*whole-*part, 0)
	return &left
}

// otherStore is the first datastore beside the home of a VM with files on several; "" for none.
func otherStore(row *estate.VM, home string) string {
	for _, store := range row.Datastores {
		if store != home {
			return store
		}
	}
	return ""
}

// storeOf is the datastore that a VM's requests go to.
func storeOf(row *estate.VM) string {
	if row.HomeDatastore != "" || len(row.Datastores) == 0 {
		return row.HomeDatastore
	}
	return row.Datastores[0]
}

// storeSamples is what each host that runs tells of the datastores that it sees.
func storeSamples(e *estate.Estate, names map[string]string) map[string]Sample {
	seen := map[string][]string{}
	samples := map[string]Sample{}
	for i := range e.Hosts {
		row := &e.Hosts[i]
		samples[row.Moid] = Sample{}
		if row.Connection == "connected" && row.Power == "poweredOn" {
			for _, store := range row.Datastores {
				seen[store] = append(seen[store], row.Moid)
			}
		}
	}
	for i := range e.Datastores {
		row := &e.Datastores[i]
		hosts := seen[row.Moid]
		for at, host := range hosts {
			samples[host].io(
				names[row.Moid], row.Iops, row.IoKiBps, row.LatencyMs, int64(at), int64(len(hosts)))
		}
	}
	return samples
}

// instanceNames are the names by which counters know datastores: the last part of their URL.
func (v *VCenter) instanceNames() map[string]string {
	names := map[string]string{}
	for _, item := range v.reg.All("Datastore") {
		store := item.(*simulator.Datastore)
		names[store.Self.Value] = path.Base(store.Summary.Url)
	}
	return names
}

const (
	kibPerMib  = 1024
	perHundred = 100 // percentages are in hundredths of a percent on the wire
)

func vmSample(row *estate.VM) Sample {
	s := Sample{}
	s.put("mem.granted.average", row.GrantedMiB, kibPerMib)
	s.put("mem.active.average", row.ActiveMiB, kibPerMib)
	s.put("mem.consumed.average", row.ConsumedMiB, kibPerMib)
	s.put("mem.shared.average", row.SharedMiB, kibPerMib)
	s.put("mem.overhead.average", row.OverheadMiB, kibPerMib)
	s.put("mem.vmmemctl.average", row.BalloonedMiB, kibPerMib)
	s.put("mem.vmmemctltarget.average", row.BalloonTargetMiB, kibPerMib)
	s.put("mem.swapped.average", row.SwappedMiB, kibPerMib)
	s.put("mem.compressed.average", row.CompressedMiB, kibPerMib)
	s.put("mem.swapinRate.average", row.SwapInKiBps, 1)
	s.put("mem.swapoutRate.average", row.SwapOutKiBps, 1)
	s.put("mem.decompressionRate.average", row.DecompressKiBps, 1)
	s.put("mem.latency.average", row.LatencyPct, perHundred)
	s.put("mem.entitlement.average", row.EntitlementMiB, kibPerMib)
	s.put("cpu.demand.average", row.CPUDemandMHz, 1)
	s.put("net.usage.average", row.NetKiBps, 1)
	if row.CPUReadyPct != nil {
		s["cpu.readiness.average"] = *row.CPUReadyPct * perHundred
		vcpus := 1.0
		if row.VCPUs != nil {
			vcpus = math.Max(*row.VCPUs, 1)
		}
		// Milliseconds of readiness of all vCPUs in a sample of 20 s.
		s["cpu.ready.summation"] = *row.CPUReadyPct / 100 * counters.Interval * 1000 * vcpus
	}
	return s
}

func hostSample(row *estate.Host) Sample {
	s := Sample{}
	s.put("mem.consumed.average", row.ConsumedMiB, kibPerMib)
	s.put("mem.sysUsage.average", row.VMKernelMiB, kibPerMib)
	s.put("mem.lowfreethreshold.average", row.LowFreeThresholdMiB, kibPerMib)
	s.put("mem.reservedCapacity.average", row.ReservedMiB, 1)
	s.put("mem.state.latest", row.MemoryState, 1)
	s.put("mem.vmmemctl.average", row.BalloonedMiB, kibPerMib)
	s.put("mem.swapused.average", row.SwappedMiB, kibPerMib)
	s.put("mem.compressed.average", row.CompressedMiB, kibPerMib)
	s.put("mem.swapinRate.average", row.SwapInKiBps, 1)
	s.put("mem.swapoutRate.average", row.SwapOutKiBps, 1)
	s.put("mem.latency.average", row.LatencyPct, perHundred)
	s.put("cpu.usagemhz.average", row.CPUUsedMHz, 1)
	if len(s) > 0 {
		s["mem.totalCapacity.average"] = row.MemoryMiB
	}
	return s
}
