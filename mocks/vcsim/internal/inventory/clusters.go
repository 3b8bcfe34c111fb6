package inventory

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"vsphere-market/mocks/vcsim/internal/estate"
)

func (b *Builder) buildClusters() error {
	for i := range b.e.Clusters {
		row := &b.e.Clusters[i]
		c := &simulator.ClusterComputeResource{}
		c.Self = refTo("ClusterComputeResource", row.Moid)
		c.Name = row.Name
		config := &types.ClusterConfigInfoEx{}
		config.VmSwapPlacement = string(types.VirtualMachineConfigInfoSwapPlacementTypeVmDirectory)
		config.DrsConfig = drsConfig(row)
		config.DasConfig = b.dasConfig(row)
		c.ConfigurationEx = config
		c.Configuration = types.ClusterConfigInfo{DrsConfig: config.DrsConfig, DasConfig: config.DasConfig}
		c.Summary = &types.ClusterComputeResourceSummary{
			ComputeResourceSummary: types.ComputeResourceSummary{OverallStatus: types.ManagedEntityStatusGreen},
			UsageSummary:           &types.ClusterUsageSummary{},
		}
		c.EnvironmentBrowser = b.environmentBrowser()
		b.adopt(b.datacenters[orDefault(row.Datacenter)].HostFolder, c)
		b.clusters[row.Moid] = c
	}
	return nil
}

func (b *Builder) environmentBrowser() *ref {
	browser := &simulator.EnvironmentBrowser{}
	self := b.ctx.Map.Put(browser).Reference()
	return &self
}

func drsConfig(row *estate.Cluster) types.ClusterDrsConfigInfo {
	config := types.ClusterDrsConfigInfo{
		Enabled:                   types.NewBool(row.DRSEnabled),
		EnableVmBehaviorOverrides: types.NewBool(true),
		DefaultVmBehavior:         types.DrsBehavior(row.DRSBehavior),
	}
	if row.DRSVMotionRate != nil {
		config.VmotionRate = whole32(row.DRSVMotionRate, 0)
	}
	return config
}

// dasConfig picks the admission control policy that has the fields that the file gives: dedicated
// hosts, a share of the resources, or a number of host failures.
func (b *Builder) dasConfig(row *estate.Cluster) types.ClusterDasConfigInfo {
	config := types.ClusterDasConfigInfo{
		Enabled:                 types.NewBool(row.HAEnabled),
		AdmissionControlEnabled: types.NewBool(row.HAAdmissionControl),
	}
	var dedicated []ref
	for _, host := range b.e.Hosts {
		if host.FailoverHost && host.Cluster == row.Moid {
			dedicated = append(dedicated, refTo("HostSystem", host.Moid))
		}
	}
	level := whole32(row.HAFailoverLevel, 0)
	switch {
	case len(dedicated) > 0:
		config.AdmissionControlPolicy = &types.ClusterFailoverHostAdmissionControlPolicy{
			FailoverHosts: dedicated, FailoverLevel: level,
		}
	case row.HAReserveMemoryPct != nil:
		pct := whole32(row.HAReserveMemoryPct, 0)
		config.AdmissionControlPolicy = &types.ClusterFailoverResourcesAdmissionControlPolicy{
			CpuFailoverResourcesPercent: pct, MemoryFailoverResourcesPercent: pct,
			FailoverLevel: level, AutoComputePercentages: types.NewBool(row.HAFailoverLevel != nil),
		}
	case row.HAFailoverLevel != nil:
		config.AdmissionControlPolicy = &types.ClusterFailoverLevelAdmissionControlPolicy{FailoverLevel: level}
		config.FailoverLevel = level
	}
	return config
}

// compute returns the compute resource of a host row, creating the one of a standalone host.
func (b *Builder) compute(row *estate.Host) *mo.ComputeResource {
	if c := b.clusters[row.Cluster]; c != nil {
		return &c.ComputeResource
	}
	if cr := b.standalone[row.Moid]; cr != nil {
		return cr
	}
	cr := &mo.ComputeResource{}
	cr.Self = refTo("ComputeResource", "domain-s-"+row.Moid)
	cr.Name = row.Name
	cr.ConfigurationEx = &types.ComputeResourceConfigInfo{
		VmSwapPlacement: string(types.VirtualMachineConfigInfoSwapPlacementTypeVmDirectory),
	}
	cr.Summary = &types.ComputeResourceSummary{OverallStatus: types.ManagedEntityStatusGreen}
	cr.EnvironmentBrowser = b.environmentBrowser()
	b.adopt(b.anyDatacenter().HostFolder, cr)
	b.standalone[row.Moid] = cr
	return cr
}

func (b *Builder) buildRules() error {
	for i := range b.e.Rules {
		row := &b.e.Rules[i]
		config := b.clusters[row.Cluster].ConfigurationEx.(*types.ClusterConfigInfoEx)
		info := types.ClusterRuleInfo{
			Key: ruleKey(row.Moid, i), Name: row.Name, Status: types.ManagedEntityStatusGreen,
			Enabled: types.NewBool(row.Enabled), Mandatory: types.NewBool(row.Mandatory),
			UserCreated: types.NewBool(true), InCompliance: types.NewBool(true),
			RuleUuid: stableUUID("rule", row.Moid),
		}
		vms := refsTo("VirtualMachine", row.VMs)
		if !row.Mandatory && (row.Kind == estate.KeepTogether || row.Kind == estate.KeepApart) {
			info.Mandatory = nil // vCenter has the flag for rules about hosts only
		}
		switch row.Kind {
		case estate.KeepTogether:
			config.Rule = append(config.Rule, &types.ClusterAffinityRuleSpec{ClusterRuleInfo: info, Vm: vms})
		case estate.KeepApart:
			config.Rule = append(config.Rule, &types.ClusterAntiAffinityRuleSpec{ClusterRuleInfo: info, Vm: vms})
		case estate.RunOn, estate.NotOn:
			rule := &types.ClusterVmHostRuleInfo{ClusterRuleInfo: info, VmGroupName: row.Name + " VMs"}
			if row.Kind == estate.RunOn {
				rule.AffineHostGroupName = row.Name + " hosts"
			} else {
				rule.AntiAffineHostGroupName = row.Name + " hosts"
			}
			config.Rule = append(config.Rule, rule)
			config.Group = append(config.Group,
				&types.ClusterVmGroup{
					ClusterGroupInfo: types.ClusterGroupInfo{Name: rule.VmGroupName}, Vm: vms,
				},
				&types.ClusterHostGroup{
					ClusterGroupInfo: types.ClusterGroupInfo{Name: row.Name + " hosts"},
					Host:             refsTo("HostSystem", row.Hosts),
				})
		default:
			return fmt.Errorf("the rule %s has the unknown kind %q", row.Moid, row.Kind)
		}
	}
	for _, c := range b.clusters {
		c.Configuration.Rule = c.ConfigurationEx.(*types.ClusterConfigInfoEx).Rule
	}
	return nil
}

// ruleKey is the number after the slash of "<cluster moid>/<rule key>".
func ruleKey(moid string, at int) int32 {
	if n, err := strconv.ParseInt(moid[strings.LastIndex(moid, "/")+1:], 10, 32); err == nil {
		return int32(n)
	}
	return int32(at + 1)
}

func refsTo(kind string, moids []string) []ref {
	refs := make([]ref, 0, len(moids))
	for _, moid := range moids {
		refs = append(refs, refTo(kind, moid))
	}
	return refs
}
