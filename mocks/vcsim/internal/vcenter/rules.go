package vcenter

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// clusterConfig reads the configuration of a compute resource when that is a cluster.
func (v *VCenter) clusterConfig(compute ref, f func(*types.ClusterConfigInfoEx)) {
	c, ok := v.reg.Get(compute).(*simulator.ClusterComputeResource)
	if !ok {
		return
	}
	v.read(c, func() {
		if config, ok := c.ConfigurationEx.(*types.ClusterConfigInfoEx); ok {
			f(config)
		}
	})
}

// brokenRules lists the enabled rules of the target's cluster that vm on host would break, by the
// state after the move. Anti-affinity between VMs always refuses; affinity refuses only where it is
// marked mandatory, for else the VMs of a pair could not be moved one after the other.
func (v *VCenter) brokenRules(vm vmFacts, host hostFacts) (mandatory, soft []*fault) {
	type pair struct {
		rule types.BaseClusterRuleInfo
		vms  []ref
	}
	var apart, together []pair
	v.clusterConfig(host.compute, func(config *types.ClusterConfigInfoEx) {
		for _, item := range config.Rule {
			info := item.GetClusterRuleInfo()
			if !isTrue(info.Enabled) {
				continue
			}
			switch rule := item.(type) {
			case *types.ClusterVmHostRuleInfo:
				if f := breaksHostRule(config, rule, vm, host); f != nil {
					mandatory, soft = sorted(isTrue(info.Mandatory), f, mandatory, soft)
				}
			case *types.ClusterAntiAffinityRuleSpec:
				apart = append(apart, pair{rule, rule.Vm})
			case *types.ClusterAffinityRuleSpec:
				together = append(together, pair{rule, rule.Vm})
			}
		}
	})
	// VMs are looked at after the cluster's lock is given back: one object is locked at a time.
	for _, p := range apart {
		if simulator.FindReference(p.vms, vm.self) != nil && v.anyOf(p.vms, vm.self, host.self, true) {
			f := failed(&types.RuleViolation{Host: &host.self, Rule: p.rule},
				"Virtual machine %s on host %s would violate the anti-affinity rule %s.",
				vm.name, host.name, p.rule.GetClusterRuleInfo().Name)
			mandatory = append(mandatory, f)
		}
	}
	for _, p := range together {
		if simulator.FindReference(p.vms, vm.self) != nil && v.anyOf(p.vms, vm.self, host.self, false) {
			f := failed(&types.RuleViolation{Host: &host.self, Rule: p.rule},
				"Virtual machine %s on host %s would violate the affinity rule %s.",
				vm.name, host.name, p.rule.GetClusterRuleInfo().Name)
			mandatory, soft = sorted(isTrue(p.rule.GetClusterRuleInfo().Mandatory), f, mandatory, soft)
		}
	}
	return mandatory, soft
}

func sorted(must bool, f *fault, mandatory, soft []*fault) (m, s []*fault) {
	if must {
		return append(mandatory, f), soft
	}
	return mandatory, append(soft, f)
}

// anyOf tells whether a powered-on VM of the list, other than self, runs on host (or elsewhere).
func (v *VCenter) anyOf(vms []ref, self, host ref, on bool) bool {
	for _, r := range vms {
		if r == self {
			continue
		}
		other, ok := v.vmFacts(r)
		if ok && other.on && (other.host == host) == on {
			return true
		}
	}
	return false
}

func breaksHostRule(
	config *types.ClusterConfigInfoEx, rule *types.ClusterVmHostRuleInfo, vm vmFacts, host hostFacts,
) *fault {
	var inVMs, inAffine, inAnti bool
	for _, item := range config.Group {
		switch group := item.(type) {
		case *types.ClusterVmGroup:
			if group.Name == rule.VmGroupName {
				inVMs = simulator.FindReference(group.Vm, vm.self) != nil
			}
		case *types.ClusterHostGroup:
			in := simulator.FindReference(group.Host, host.self) != nil
			if group.Name == rule.AffineHostGroupName {
				inAffine = in
			}
			if group.Name == rule.AntiAffineHostGroupName {
				inAnti = in
			}
		}
	}
	broken := inVMs && (rule.AffineHostGroupName != "" && !inAffine ||
		rule.AntiAffineHostGroupName != "" && inAnti)
	if !broken {
		return nil
	}
	return failed(&types.VmHostAffinityRuleViolation{VmName: vm.name, HostName: host.name},
		"Virtual machine %s on host %s would violate the virtual machine - host affinity rule %s.",
		vm.name, host.name, rule.Name)
}

// failoverHost tells whether a host is kept free for HA.
func (v *VCenter) failoverHost(host hostFacts) (dedicated bool) {
	v.clusterConfig(host.compute, func(config *types.ClusterConfigInfoEx) {
		policy, ok := config.DasConfig.AdmissionControlPolicy.(*types.ClusterFailoverHostAdmissionControlPolicy)
		dedicated = ok && isTrue(config.DasConfig.Enabled) &&
			simulator.FindReference(policy.FailoverHosts, host.self) != nil
	})
	return dedicated
}

// failoverRoom checks HA admission control: claims of all VMs of the cluster, grown by more MiB,
// must fit into what is left when the policy's reserve is held back. It counts reservations and
// overhead, not use, as HA does.
func (v *VCenter) failoverRoom(compute ref, more int64) *fault {
	enforced, percent, level := false, int64(0), int32(0)
	v.clusterConfig(compute, func(config *types.ClusterConfigInfoEx) {
		das := config.DasConfig
		enforced = isTrue(das.Enabled) && isTrue(das.AdmissionControlEnabled)
		switch policy := das.AdmissionControlPolicy.(type) {
		case *types.ClusterFailoverResourcesAdmissionControlPolicy:
			percent = int64(policy.MemoryFailoverResourcesPercent)
		case *types.ClusterFailoverLevelAdmissionControlPolicy:
			level = policy.FailoverLevel
		}
	})
	if !enforced || more <= 0 {
		return nil
	}
	var total, claimed int64
	var sizes []int64
	for _, r := range v.hostsOf(compute) {
		host, ok := v.hostFacts(r)
		if !ok {
			continue
		}
		for _, vm := range host.vms {
			if facts, ok := v.vmFacts(vm); ok {
				claimed += v.claim(facts)
			}
		}
		if host.usable() && !v.failoverHost(host) {
			sizes = append(sizes, v.reservable(host))
			total += v.reservable(host)
		}
	}
	room := total - total*percent/100
	for range level {
		room -= takeLargest(sizes)
	}
	if claimed+more <= room {
		return nil
	}
	return failed(&types.InsufficientFailoverResourcesFault{},
		"Insufficient resources to satisfy configured failover level for vSphere HA.")
}

// takeLargest removes the largest of sizes, in place, and returns it.
func takeLargest(sizes []int64) (largest int64) {
	at := -1
	for i, size := range sizes {
		if size > largest {
			largest, at = size, i
		}
	}
	if at >= 0 {
		sizes[at] = 0
	}
	return largest
}
