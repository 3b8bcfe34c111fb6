// Package estate reads the snapshot format of vsphere-market (vsphere-market/snapshot/1): one JSON
// object per VM, host, cluster, pool, datastore and rule, with managed object ids as references.
// What is absent is unknown (a counter) or has the default that the format states (a setting).
package estate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// Format is the only format string that is understood.
const Format = "vsphere-market/snapshot/1"

// Rule kinds.
const (
	KeepTogether = "affinity"
	KeepApart    = "antiAffinity"
	RunOn        = "vmHost"
	NotOn        = "vmAntiHost"
)

// VM is one row of the table vms. A nil number is unknown or has its default. Guests' own figures,
// EVC modes, overrides of DRS, vSAN, uplinks' speeds and what clusters are marked with are read, so
// that every snapshot is served, and not shown.
type VM struct {
	Moid             string   `json:"moid"`
	Name             string   `json:"name"`
	InstanceUUID     string   `json:"instance_uuid"`
	Host             string   `json:"host"`
	Cluster          string   `json:"cluster"`
	Pool             string   `json:"pool"`
	Folder           string   `json:"folder"`
	Power            string   `json:"power"`
	Connection       string   `json:"connection"`
	Template         bool     `json:"template"`
	ManagedBy        string   `json:"managed_by"`
	GuestOS          string   `json:"guest_os"`
	ToolsRunning     bool     `json:"tools_running"`
	Tags             []string `json:"tags"`
	CustomAttributes []string `json:"custom_attributes"`
	Networks         []string `json:"networks"`
	Datastores       []string `json:"datastores"`
	HomeDatastore    string   `json:"home_datastore"`

	StorageMiB             *float64 `json:"storage_mib"`
	HomeStorageMiB         *float64 `json:"home_storage_mib"`
	SwapWithHost           bool     `json:"swap_with_host"`
	SizeMiB                float64  `json:"size_mib"`
	VCPUs                  *float64 `json:"vcpus"`
	ReservationMiB         *float64 `json:"reservation_mib"`
	LimitMiB               *float64 `json:"limit_mib"`
	Shares                 *float64 `json:"shares"`
	ReservationLockedToMax bool     `json:"reservation_locked_to_max"`
	CPUReservationMHz      *float64 `json:"cpu_reservation_mhz"`
	HotAddEnabled          bool     `json:"hot_add_enabled"`
	HotAddLimitMiB         *float64 `json:"hot_add_limit_mib"`
	HotAddIncrementMiB     *float64 `json:"hot_add_increment_mib"`
	BalloonCapMiB          *float64 `json:"balloon_cap_mib"`
	LatencySensitivityHigh bool     `json:"latency_sensitivity_high"`
	Passthrough            bool     `json:"passthrough"`
	FaultTolerance         bool     `json:"fault_tolerance"`
	ChangeVersion          string   `json:"change_version"`

	GrantedMiB       *float64 `json:"granted_mib"`
	ActiveMiB        *float64 `json:"active_mib"`
	ActivePeakMiB    *float64 `json:"active_peak_mib"`
	ConsumedMiB      *float64 `json:"consumed_mib"`
	SharedMiB        *float64 `json:"shared_mib"`
	OverheadMiB      *float64 `json:"overhead_mib"`
	BalloonedMiB     *float64 `json:"ballooned_mib"`
	BalloonTargetMiB *float64 `json:"balloon_target_mib"`
	SwappedMiB       *float64 `json:"swapped_mib"`
	CompressedMiB    *float64 `json:"compressed_mib"`
	SwapInKiBps      *float64 `json:"swap_in_kibps"`
	SwapOutKiBps     *float64 `json:"swap_out_kibps"`
	DecompressKiBps  *float64 `json:"decompress_kibps"`
	LatencyPct       *float64 `json:"latency_pct"`
	EntitlementMiB   *float64 `json:"entitlement_mib"`
	CPUDemandMHz     *float64 `json:"cpu_demand_mhz"`
	CPUReadyPct      *float64 `json:"cpu_ready_pct"`
	GuestSwapKiBps   *float64 `json:"guest_swap_kibps"`
	GuestNeededMiB   *float64 `json:"guest_needed_mib"`
	GuestSource      string   `json:"guest_source"`
	EVCMode          string   `json:"evc_mode"`
	DRSOverride      string   `json:"drs_override"`
	NetKiBps         *float64 `json:"net_kibps"`
	Iops             *float64 `json:"iops"`
	IoKiBps          *float64 `json:"io_kibps"`
	HomeIops         *float64 `json:"home_iops"`
	HomeIoKiBps      *float64 `json:"home_io_kibps"`
	IoLatencyMs      *float64 `json:"io_latency_ms"`
	SampledAtS       *float64 `json:"sampled_at_s"`
	Samples          *float64 `json:"samples"`
}

// Host is one row of the table hosts.
type Host struct {
	Moid           string   `json:"moid"`
	Name           string   `json:"name"`
	Cluster        string   `json:"cluster"`
	Connection     string   `json:"connection"`
	Power          string   `json:"power"`
	InMaintenance  bool     `json:"in_maintenance"`
	InQuarantine   bool     `json:"in_quarantine"`
	FailoverHost   bool     `json:"failover_host"`
	Version        string   `json:"version"`
	Licence        string   `json:"licence"`
	Features       []string `json:"licence_features"`
	VMotionEnabled bool     `json:"vmotion_enabled"`
	VMotionMbps    *float64 `json:"vmotion_mbps"`
	StorageMbps    *float64 `json:"storage_mbps"`
	UplinkMbps     *float64 `json:"uplink_mbps"`
	EVCMode        string   `json:"evc_mode"`
	VSAN           string   `json:"vsan"`
	Networks       []string `json:"networks"`
	Datastores     []string `json:"datastores"`

	MemoryMiB           float64  `json:"memory_mib"`
	VMKernelMiB         *float64 `json:"vmkernel_mib"`
	LowFreeThresholdMiB *float64 `json:"low_free_threshold_mib"`
	ConsumedMiB         *float64 `json:"consumed_mib"`
	ReservedMiB         *float64 `json:"reserved_mib"`
	MemoryState         *float64 `json:"memory_state"`
	BalloonedMiB        *float64 `json:"ballooned_mib"`
	SwappedMiB          *float64 `json:"swapped_mib"`
	CompressedMiB       *float64 `json:"compressed_mib"`
	SwapInKiBps         *float64 `json:"swap_in_kibps"`
	SwapOutKiBps        *float64 `json:"swap_out_kibps"`
	LatencyPct          *float64 `json:"latency_pct"`
	CPUMHz              *float64 `json:"cpu_mhz"`
	CPUCores            *float64 `json:"cpu_cores"`
	CPUUsedMHz          *float64 `json:"cpu_used_mhz"`
	SampledAtS          *float64 `json:"sampled_at_s"`
	Samples             *float64 `json:"samples"`
}

// Cluster is one row of the table clusters.
type Cluster struct {
	Moid               string   `json:"moid"`
	Name               string   `json:"name"`
	Datacenter         string   `json:"datacenter"`
	Tags               []string `json:"tags"`
	CustomAttributes   []string `json:"custom_attributes"`
	DRSEnabled         bool     `json:"drs_enabled"`
	DRSBehavior        string   `json:"drs_behavior"`
	DRSVMotionRate     *float64 `json:"drs_vmotion_rate"`
	HAEnabled          bool     `json:"ha_enabled"`
	HAAdmissionControl bool     `json:"ha_admission_control"`
	HAReserveMemoryPct *float64 `json:"ha_reserve_memory_pct"`
	HAFailoverLevel    *float64 `json:"ha_failover_level"`
}

// Pool is one row of the table pools; a root pool has no parent.
type Pool struct {
	Moid           string   `json:"moid"`
	Name           string   `json:"name"`
	Cluster        string   `json:"cluster"`
	Parent         string   `json:"parent"`
	ReservationMiB *float64 `json:"reservation_mib"`
	LimitMiB       *float64 `json:"limit_mib"`
	Shares         *float64 `json:"shares"`
	Expandable     bool     `json:"expandable"`
	UnreservedMiB  *float64 `json:"unreserved_mib"`
}

// Datastore is one row of the table datastores.
type Datastore struct {
	Moid        string   `json:"moid"`
	Name        string   `json:"name"`
	CapacityMiB *float64 `json:"capacity_mib"`
	FreeMiB     *float64 `json:"free_mib"`
	LatencyMs   *float64 `json:"latency_ms"`
	Iops        *float64 `json:"iops"`
	IoKiBps     *float64 `json:"io_kibps"`
	Accessible  bool     `json:"accessible"`
}

// Rule is one row of the table rules; its moid is "<cluster moid>/<rule key>".
type Rule struct {
	Moid      string   `json:"moid"`
	Name      string   `json:"name"`
	Cluster   string   `json:"cluster"`
	Kind      string   `json:"kind"`
	Mandatory bool     `json:"mandatory"`
	Enabled   bool     `json:"enabled"`
	VMs       []string `json:"vms"`
	Hosts     []string `json:"hosts"`
}

// Source says where a snapshot was read; its instance UUID becomes the simulator's.
type Source struct {
	Kind         string `json:"kind"`
	Name         string `json:"name"`
	InstanceUUID string `json:"instance_uuid"`
	Version      string `json:"version"`
}

// Estate is one snapshot document.
type Estate struct {
	Schema     string      `json:"$schema"`
	Format     string      `json:"format"`
	TakenAt    time.Time   `json:"taken_at"`
	Source     Source      `json:"source"`
	Missing    []string    `json:"missing"`
	Clusters   []Cluster   `json:"clusters"`
	Hosts      []Host      `json:"hosts"`
	Pools      []Pool      `json:"pools"`
	Datastores []Datastore `json:"datastores"`
	VMs        []VM        `json:"vms"`
	Rules      []Rule      `json:"rules"`
}

// Load reads and checks the file at path.
func Load(path string) (*Estate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the estate: %w", err)
	}
	e, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return e, nil
}

// Parse reads and checks a document. A property that the format does not have is an error, so that
// a misspelt setting is noticed by the one who wrote it and not by a test that passes for nothing.
func Parse(data []byte) (*Estate, error) {
	e := &Estate{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(e); err != nil {
		return nil, fmt.Errorf("is not a snapshot: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("is not a snapshot: more follows after the first JSON object")
	}
	if e.Format != Format {
		return nil, fmt.Errorf("has the format %q, expected %q", e.Format, Format)
	}
	e.defaults()
	return e, e.check()
}
