package vcenter

import (
	"reflect"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// taskName is an empty entity by which the registry gives out the next number for a task.
type taskName struct{ mo.ManagedEntity }

// Entity makes it one.
func (t *taskName) Entity() *mo.ManagedEntity {
	t.Self.Type = "Task"
	return &t.ManagedEntity
}

// CancelTask really cancels: the work does not flip to success later.
func (c *taskCalls) CancelTask(ctx *simulator.Context, req *types.CancelTask) soap.HasFault {
	ours, failure := c.v.engine.cancel(req.This)
	if failure != nil {
		return raise(failure.what, failure.message)
	}
	if ours {
		return &methods.CancelTaskBody{Res: &types.CancelTaskResponse{}}
	}
	task, ok := c.v.reg.Get(req.This).(*simulator.Task)
	if !ok {
		return raise(&types.ManagedObjectNotFound{Obj: req.This}, "The task has already been deleted.")
	}
	c.v.library.Lock()
	defer c.v.library.Unlock()
	var answer soap.HasFault
	c.v.reg.WithLock(ctx, task, func() { answer = task.CancelTask(ctx, req) })
	return answer
}

// RunningTask is a task that has not ended, for the state dump.
type RunningTask struct {
	Task   string `json:"task"`
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Entity string `json:"entity"`
	User   string `json:"user"`
	State  string `json:"state"`
}

// RunningTasks lists them.
func (v *VCenter) RunningTasks() []RunningTask {
	v.engine.mu.Lock()
	list := make([]*running, 0, len(v.engine.tasks))
	for _, r := range v.engine.tasks {
		list = append(list, r)
	}
	v.engine.mu.Unlock()
	out := []RunningTask{}
	for _, r := range list {
		state := ""
		v.read(r.task, func() { state = string(r.task.Info.State) })
		out = append(out, RunningTask{
			Task: r.task.Self.Value, Kind: r.job.kind, Name: r.job.name, Entity: r.job.entity.Value,
			User: r.user, State: state,
		})
	}
	return out
}

// EndedTask is a task that has ended. Fault is what the client was told; Done tells whether the work
// was done all the same.
type EndedTask struct {
	Task   string `json:"task"`
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Entity string `json:"entity"`
	User   string `json:"user"`
	Fault  string `json:"fault,omitempty"`
	Done   bool   `json:"done"`
	// AfterCall is the number of the last call that had begun when the task ended.
	AfterCall int64 `json:"after_call"`
}

func ended(r *running, failure *fault) EndedTask {
	t := EndedTask{
		Task: r.task.Self.Value, Kind: r.job.kind, Name: r.job.name, Entity: r.job.entity.Value,
		User: r.user, Done: r.done,
	}
	switch {
	case r.told:
		t.Fault = "SystemError"
	case failure != nil:
		t.Fault = reflect.TypeOf(failure.what).Elem().Name()
	}
	return t
}

// TaskLists are the tasks of this simulator's own work.
type TaskLists struct {
	Running []RunningTask `json:"running"`
	Ended   []EndedTask   `json:"ended"`
}

// Tasks lists what runs and what has ended, in the order of ending.
func (v *VCenter) Tasks() TaskLists {
	lists := TaskLists{Running: v.RunningTasks(), Ended: []EndedTask{}}
	v.engine.mu.Lock()
	defer v.engine.mu.Unlock()
	lists.Ended = append(lists.Ended, v.engine.ended...)
	return lists
}
