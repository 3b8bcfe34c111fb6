package vcenter

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// CurrentTime is the simulator's clock.
func (c *rootCalls) CurrentTime(*simulator.Context, *types.CurrentTime) soap.HasFault {
	return &methods.CurrentTimeBody{Res: &types.CurrentTimeResponse{Returnval: c.v.Clock.Now()}}
}

// UpdateConfig changes a pool when its parent, or the cluster, can back the new reservation.
func (c *poolCalls) UpdateConfig(ctx *simulator.Context, req *types.UpdateConfig) soap.HasFault {
	c.v.world.Lock()
	defer c.v.world.Unlock()
	f, ok := c.v.poolFacts(req.This)
	if !ok {
		return c.v.missingVM(req.This)
	}
	pool := c.v.pool(req.This)
	if spec := req.Config; spec != nil {
		version := ""
		c.v.read(pool, func() { version = pool.Config.ChangeVersion })
		if spec.ChangeVersion != "" && spec.ChangeVersion != version {
			return raise(&types.ConcurrentAccess{}, "The configuration was changed by someone else in the meantime.")
		}
		if failure := c.v.checkPool(f, &spec.MemoryAllocation); failure != nil {
			return raise(failure.what, failure.message)
		}
	}
	var answer soap.HasFault
	c.v.reg.WithLock(ctx, pool, func() {
		answer = pool.UpdateConfig(ctx, req)
		if answer.Fault() == nil && req.Config != nil {
			if on := req.Config.MemoryAllocation.ExpandableReservation; on != nil {
				pool.Config.MemoryAllocation.ExpandableReservation = on
			}
			pool.Config.ChangeVersion = c.v.nextVersion()
		}
	})
	c.v.refreshPools(f.owner)
	return answer
}

func (v *VCenter) checkPool(f poolFacts, a *types.ResourceAllocationInfo) *fault {
	reservation, limit := number(a.Reservation, f.reservation), number(a.Limit, f.limit)
	if reservation < 0 {
		return invalid("spec.memoryAllocation.reservation")
	}
	if limit < -1 || limit >= 0 && limit < reservation {
		return invalid("spec.memoryAllocation.limit")
	}
	if f.parent == nil {
		return nil
	}
	_, used := v.poolUsed(f)
	draw := func(reserved int64, expandable bool) int64 {
		if expandable {
			return max(reserved, used)
		}
		return reserved
	}
	expandable := f.expandable
	if a.ExpandableReservation != nil {
		expandable = *a.ExpandableReservation
	}
	if !expandable && used > reservation {
		return failed(&types.InsufficientMemoryResourcesFault{
			Unreserved: reservation * mib, Requested: used * mib,
		}, "The pool's VMs and children reserve more than that.")
	}
	return v.poolRoom(*f.parent, draw(reservation, expandable)-draw(f.reservation, f.expandable))
}
