package vcenter

import (
	"testing"

	"github.com/vmware/govmomi/vim25/types"
)

// The wire form of a recommendation is what a client compares a plan with: VM and destination of
// every move, in actions of the type that pyVmomi and govmomi both know.
func TestMovesOfARecommendation(t *testing.T) {
	vm, source, target := ref{Type: "VirtualMachine", Value: "vm-1"}, ref{Type: "HostSystem", Value: "host-1"},
		ref{Type: "HostSystem", Value: "host-2"}
	action := migrationAction("7", 0, vm, source, target)
	base, is := types.BaseClusterAction(action).(*types.ClusterMigrationAction)
	if !is || base.Target == nil || *base.Target != vm {
		t.Fatalf("the action is %#v", action)
	}
	if d := base.DrsMigration; d.Vm != vm || d.Source != source || d.Destination != target || d.Key != "7.0" {
		t.Errorf("the migration is %#v", d)
	}
}
