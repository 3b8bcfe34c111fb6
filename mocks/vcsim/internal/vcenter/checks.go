package vcenter

import (
	"slices"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// CheckRelocateTask tells what a relocation would run into.
func (c *checkCalls) CheckRelocateTask(ctx *simulator.Context, req *types.CheckRelocate_Task) soap.HasFault {
	m := moveOf(&req.Spec)
	if bad := c.v.unknownReferences(m.host, m.pool, m.datastore, m.folder); bad != nil {
		return bad
	}
	task, bad := c.checkTask(ctx, req.Vm, []move{m}, req.TestType,
		"CheckRelocate_Task", "VirtualMachineProvisioningChecker.checkRelocate")
	if bad != nil {
		return bad
	}
	return &methods.CheckRelocate_TaskBody{Res: &types.CheckRelocate_TaskResponse{Returnval: task}}
}

// CheckMigrateTask tells what a migration would run into; stock vcsim does not have it.
func (c *checkCalls) CheckMigrateTask(ctx *simulator.Context, req *types.CheckMigrate_Task) soap.HasFault {
	if req.Host == nil && req.Pool == nil {
		return raise(&types.InvalidArgument{InvalidProperty: "host"}, "A specified parameter was not correct: host")
	}
	if bad := c.v.unknownReferences(req.Host, req.Pool); bad != nil {
		return bad
	}
	task, bad := c.checkTask(ctx, req.Vm, []move{{host: req.Host, pool: req.Pool}}, req.TestType,
		"CheckMigrate_Task", "VirtualMachineProvisioningChecker.checkMigrate")
	if bad != nil {
		return bad
	}
	return &methods.CheckMigrate_TaskBody{Res: &types.CheckMigrate_TaskResponse{Returnval: task}}
}

// QueryVMotionCompatibilityExTask checks every VM of a list against every host.
func (c *checkCalls) QueryVMotionCompatibilityExTask(
	ctx *simulator.Context, req *types.QueryVMotionCompatibilityEx_Task,
) soap.HasFault {
	if len(req.Vm) == 0 || len(req.Host) == 0 {
		return raise(&types.InvalidArgument{InvalidProperty: "vm"}, "A specified parameter was not correct: vm")
	}
	var checks []func() types.CheckResult
	for _, r := range req.Vm {
		if c.v.vm(r) == nil {
			return c.v.missingVM(r)
		}
		for _, host := range req.Host {
			if bad := c.v.unknownReferences(&host); bad != nil {
				return bad
			}
			checks = append(checks, func() types.CheckResult { return c.v.checkOne(r, move{host: &host}, nil) })
		}
	}
	vm, _ := c.v.vmFacts(req.Vm[0])
	task, bad := c.run(ctx, vm, checks, "QueryVMotionCompatibilityEx_Task",
		"VirtualMachineProvisioningChecker.queryVMotionCompatibilityEx")
	if bad != nil {
		return bad
	}
	return &methods.QueryVMotionCompatibilityEx_TaskBody{
		Res: &types.QueryVMotionCompatibilityEx_TaskResponse{Returnval: task},
	}
}

func (c *checkCalls) checkTask(
	ctx *simulator.Context, r ref, moves []move, tests []string, name, description string,
) (ref, soap.HasFault) {
	vm, ok := c.v.vmFacts(r)
	if !ok {
		return ref{}, c.v.missingVM(r)
	}
	var checks []func() types.CheckResult
	for _, m := range moves {
		checks = append(checks, func() types.CheckResult { return c.v.checkOne(r, m, tests) })
	}
	return c.run(ctx, vm, checks, name, description)
}

// run makes a task of checks. Its entity is the VM, as on vCenter; the library takes the checker,
// which clients cannot decode because it is no managed entity.
func (c *checkCalls) run(
	ctx *simulator.Context, vm vmFacts, checks []func() types.CheckResult, name, description string,
) (ref, soap.HasFault) {
	task, failure := c.v.engine.start(ctx, job{
		kind: KindCheck, name: name, descriptionID: description, entity: vm.self, entityName: vm.name,
		cancelable: true, sizeMiB: vm.size,
		commit: func() (types.AnyType, *fault) {
			results := types.ArrayOfCheckResult{}
			for _, check := range checks {
				results.CheckResult = append(results.CheckResult, check())
			}
			return results, nil
		},
	})
	if failure != nil {
		return ref{}, raise(failure.what, failure.message)
	}
	return task, nil
}

// checkOne is the result for one VM and one move. With tests only findings of those kinds count.
func (v *VCenter) checkOne(r ref, m move, tests []string) types.CheckResult {
	result := types.CheckResult{Vm: &r, Host: m.host}
	vm, ok := v.vmFacts(r)
	if !ok {
		return result
	}
	host, pool, failure := v.resolve(vm, m)
	if failure != nil {
		result.Error = append(result.Error, failure.localized())
		return result
	}
	wanted := func(f finding) bool { return len(tests) == 0 || slices.Contains(tests, string(f.test)) }
	errors, warnings := v.findings(vm, host, pool, m)
	for _, f := range errors {
		if wanted(f) {
			result.Error = append(result.Error, f.localized())
		}
	}
	for _, f := range warnings {
		if wanted(f) {
			result.Warning = append(result.Warning, f.localized())
		}
	}
	return result
}
