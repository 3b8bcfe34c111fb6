package vcenter

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Task kinds, by which durations are set.
const (
	KindReconfigure = "reconfigure"
	KindRelocate    = "relocate"
	KindCheck       = "check"
	KindPower       = "power"
	KindShutdown    = "shutdown"
	KindHost        = "host"
)

var kinds = map[string]bool{
	KindReconfigure: true, KindRelocate: true, KindCheck: true, KindPower: true,
	KindShutdown: true, KindHost: true,
}

// Values are the settings that a test can change at any time.
type Values struct {
	// TaskSeconds is how long tasks of a kind run, in simulated seconds.
	TaskSeconds map[string]float64 `json:"task_seconds"`
	// RelocateSecondsPerGiB is added for every GiB of a VM that moves.
	RelocateSecondsPerGiB float64 `json:"relocate_seconds_per_gib"`
	// VMotionsPerHost is how many migrations a host takes part in at once; more are queued.
	VMotionsPerHost int `json:"vmotions_per_host"`
	// BusyFault says where a second operation on a busy VM fails: in the "call" or in its "task".
	BusyFault string `json:"busy_fault"`
	// HoldSamples repeats the last sample of every entity every 20 s.
	HoldSamples bool `json:"hold_samples"`
	// MaxQueryMetrics is config.vpxd.stats.maxQueryMetrics for historical queries; -1 is no limit.
	MaxQueryMetrics int `json:"max_query_metrics"`
	// StatsLevel is the statistics level of every historical interval.
	StatsLevel int `json:"stats_level"`
}

// Settings guards Values.
type Settings struct {
	mu     sync.Mutex
	values Values
}

func defaultValues() Values {
	return Values{
		TaskSeconds: map[string]float64{}, VMotionsPerHost: 8, BusyFault: "call", MaxQueryMetrics: 256,
		StatsLevel: 1,
	}
}

func newSettings() *Settings { return &Settings{values: defaultValues()} }

// Get returns a copy.
func (s *Settings) Get() Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.values
	out.TaskSeconds = map[string]float64{}
	for kind, seconds := range s.values.TaskSeconds {
		out.TaskSeconds[kind] = seconds
	}
	return out
}

// Merge changes what the JSON object names and leaves the rest.
func (s *Settings) Merge(data []byte) (Values, error) {
	next := s.Get()
	if err := strictJSON(data, &next); err != nil {
		return next, err
	}
	for kind, seconds := range next.TaskSeconds {
		if !kinds[kind] {
			return next, fmt.Errorf("%q is no kind of task", kind)
		}
		if seconds < 0 {
			return next, fmt.Errorf("the duration of %s is negative", kind)
		}
	}
	if next.VMotionsPerHost < 1 {
		return next, fmt.Errorf("vmotions_per_host must be 1 or more")
	}
	if next.BusyFault != "call" && next.BusyFault != "task" {
		return next, fmt.Errorf(`busy_fault must be "call" or "task"`)
	}
	if next.StatsLevel < 1 || next.StatsLevel > 4 {
		return next, fmt.Errorf("stats_level must be 1 to 4")
	}
	s.mu.Lock()
	s.values = next
	s.mu.Unlock()
	return s.Get(), nil
}

// Reset brings the defaults back.
func (s *Settings) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values = defaultValues()
}

func (s *Settings) duration(kind string, sizeMiB int64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	seconds := s.values.TaskSeconds[kind]
	if kind == KindRelocate {
		seconds += s.values.RelocateSecondsPerGiB * float64(sizeMiB) / 1024
	}
	return time.Duration(seconds * float64(time.Second))
}

// strictJSON decodes one JSON object and refuses names that are not known.
func strictJSON(data []byte, into any) error {
	dec := json.NewDecoder(newReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// SetHold lets the last samples repeat until now, by default and after every reset.
func (v *VCenter) SetHold(on bool) {
	v.holdByDefault = on
	v.ResetSettings()
}

// ResetSettings brings the settings of the start back.
func (v *VCenter) ResetSettings() {
	v.Settings.Reset()
	v.Settings.mu.Lock()
	v.Settings.values.HoldSamples = v.holdByDefault
	v.Settings.mu.Unlock()
	v.Counters.Hold(v.holdByDefault)
	v.setOptions()
}
