package vcenter

import (
	"math"
	"slices"
	"time"

	"vsphere-market/mocks/vcsim/internal/counters"
	"vsphere-market/mocks/vcsim/internal/estate"
)

// loadSamples turns the counters of the file into realtime samples that end now: as many as the
// file says stand behind them, all equal, except that one carries the peak of active memory and
// the others make up for it, so that mean and peak come out again.
func (v *VCenter) loadSamples(e *estate.Estate) {
	end := v.Clock.Now().Truncate(counters.Interval * time.Second)
	for i := range e.VMs {
		row := &e.VMs[i]
		sample := vmSample(row)
		n := sampleCount(row.Samples)
		v.loadSeries(row.Moid, sample, end, n, activeSeries(row, n))
	}
	for i := range e.Hosts {
		row := &e.Hosts[i]
		v.loadSeries(row.Moid, hostSample(row), end, sampleCount(row.Samples), nil)
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
		values[v.perf.key(name)] = int64(math.Round(value))
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
