package vcenter

import (
	"fmt"
	"strconv"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// clusterCalls answer calls on clusters.
type clusterCalls struct{ receiver }

// Recommended is one move of a recommendation: a VM and the host that it should go to.
type Recommended struct {
	VM     string `json:"vm"`
	Target string `json:"target"`
}

// Recommend makes a cluster's DRS recommend moves, as in manual mode, and gives the key, which is made
// up unless it is given.
func (v *VCenter) Recommend(cluster, key string, moves []Recommended) (string, error) {
	v.world.Lock()
	defer v.world.Unlock()
	c, ok := v.reg.Get(ref{Type: "ClusterComputeResource", Value: cluster}).(*simulator.ClusterComputeResource)
	if !ok {
		return "", fmt.Errorf("there is no cluster %q", cluster)
	}
	if len(moves) == 0 {
		return "", fmt.Errorf("a recommendation has one move at least")
	}
	now := v.Clock.Now()
	if key == "" {
		key = strconv.FormatInt(v.versions.Add(1), 10)
	}
	made := types.ClusterRecommendation{
		Key: key, Type: "V1", Time: now, Rating: 3, Reason: "balanceAvgClusterLoad",
		ReasonText: "Balance average memory loads",
	}
	for at, one := range moves {
		vm, ok := v.vmFacts(ref{Type: "VirtualMachine", Value: one.VM})
		if !ok {
			return "", fmt.Errorf("there is no VM %q", one.VM)
		}
		target, ok := v.hostFacts(ref{Type: "HostSystem", Value: one.Target})
		if !ok || target.compute != c.Self {
			return "", fmt.Errorf("%q is no host of cluster %q", one.Target, cluster)
		}
		made.Action = append(made.Action, migrationAction(key, at, vm.self, vm.host, target.self))
	}
	var all []types.ClusterRecommendation
	v.read(c, func() { all = append(append(all, c.Recommendation...), made) })
	v.update(c, change("recommendation", all))
	return key, nil
}

func migrationAction(key string, at int, vm, source, target ref) *types.ClusterMigrationAction {
	return &types.ClusterMigrationAction{
		ClusterAction: types.ClusterAction{Type: "MigrationV1", Target: &vm},
		DrsMigration: &types.ClusterDrsMigration{
			Key: fmt.Sprintf("%s.%d", key, at), Vm: vm, Source: source, Destination: target,
		},
	}
}

// ApplyRecommendation starts the migrations that a recommendation consists of and answers at once;
// there is no task of its own.
func (c *clusterCalls) ApplyRecommendation(ctx *simulator.Context, req *types.ApplyRecommendation) soap.HasFault {
	chosen, failure := c.v.takeRecommendation(req.This, req.Key)
	if failure != nil {
		return raise(failure.what, failure.message)
	}
	for _, action := range chosen.Action {
		drs, is := action.(*types.ClusterMigrationAction)
		if !is {
			continue
		}
		vm, ok := c.v.vmFacts(drs.DrsMigration.Vm)
		if !ok {
			continue
		}
		m := move{host: &drs.DrsMigration.Destination}
		_, refused := c.v.engine.start(ctx, c.v.migration(vm, m, "ExecuteVMotionLRO", "Drm.ExecuteVMotionLRO"))
		if refused != nil {
			return raise(refused.what, refused.message)
		}
	}
	return &methods.ApplyRecommendationBody{Res: &types.ApplyRecommendationResponse{}}
}

// takeRecommendation finds a recommendation and takes it off the cluster's list.
func (v *VCenter) takeRecommendation(cluster ref, key string) (chosen types.ClusterRecommendation, failure *fault) {
	v.world.Lock()
	defer v.world.Unlock()
	c, ok := v.reg.Get(cluster).(*simulator.ClusterComputeResource)
	if !ok {
		return chosen, failed(&types.ManagedObjectNotFound{Obj: cluster}, "The cluster is gone.")
	}
	found := false
	var rest []types.ClusterRecommendation
	v.read(c, func() {
		for _, one := range c.Recommendation {
			if one.Key == key && !found {
				chosen, found = one, true
				continue
			}
			rest = append(rest, one)
		}
	})
	if !found {
		return chosen, invalid("key")
	}
	v.update(c, change("recommendation", rest))
	return chosen, nil
}
