package vcenter

import (
	"math"
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
		others, peak := activeSeries(row, n)
		v.loadSeries(row.Moid, sample, end, n, others, peak)
	}
	for i := range e.Hosts {
		row := &e.Hosts[i]
		v.loadSeries(row.Moid, hostSample(row), end, sampleCount(row.Samples), nil, nil)
	}
}

func sampleCount(samples *float64) int {
	if samples == nil {
		return 1
	}
	return int(min(max(*samples, 1), counters.Kept))
}

func activeSeries(row *estate.VM, n int) (others, peak *float64) {
	if row.ActiveMiB == nil || row.ActivePeakMiB == nil || n < 2 {
		return nil, nil
	}
	mean, top := *row.ActiveMiB, *row.ActivePeakMiB
	rest := (float64(n)*mean - top) / float64(n-1)
	if top <= mean || rest < 0 {
		return nil, nil
	}
	restKiB, topKiB := rest*1024, top*1024
	return &restKiB, &topKiB
}

func (v *VCenter) loadSeries(
	moid string, sample Sample, end time.Time, n int, others, peak *float64,
) {
	if len(sample) == 0 {
		return
	}
	values := make(map[int32]int64, len(sample))
	for name, value := range sample {
		values[v.perf.key(name)] = int64(math.Round(value))
	}
	active := v.perf.key("mem.active.average")
	for k := n - 1; k >= 0; k-- {
		if others != nil {
			values[active] = int64(math.Round(*others))
			if k == n/2 {
				values[active] = int64(math.Round(*peak))
			}
		}
		v.Counters.Append(moid, end.Add(-time.Duration(k)*counters.Interval*time.Second), values)
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
