package vcenter

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// CreateTask makes a task that a client drives itself, of a type that an extension has registered.
// The library puts such a task into its registry a moment after it has told its id, at wall time.
func (c *listCalls) CreateTask(ctx *simulator.Context, req *types.CreateTask) soap.HasFault {
	if c.v.reg.Get(req.Obj) == nil {
		return c.v.missingVM(req.Obj)
	}
	if !c.registered(req.TaskTypeId) {
		return raise(&types.InvalidArgument{InvalidProperty: "taskType"},
			"A specified parameter was not correct: taskType")
	}
	user := req.InitiatedBy
	if user == "" {
		user = ctx.Session.UserName
	}
	t := &simulator.Task{}
	t.Self = c.v.reg.NewEntity(&taskName{}).Reference()
	t.Info = types.TaskInfo{
		Key: t.Self.Value, Task: t.Self, DescriptionId: req.TaskTypeId, Entity: &req.Obj,
		EntityName: c.v.entityName(req.Obj), State: types.TaskInfoStateQueued, Cancelable: req.Cancelable,
		Reason: &types.TaskReasonUser{UserName: user}, QueueTime: c.v.Clock.Now(),
		ParentTaskKey: req.ParentTaskKey, EventChainId: 1,
	}
	c.v.library.Lock()
	defer c.v.library.Unlock()
	c.v.reg.WithLock(ctx, req.Obj, func() { c.v.reg.Put(t) })
	return &methods.CreateTaskBody{Res: &types.CreateTaskResponse{Returnval: t.Info}}
}

func (c *listCalls) registered(taskType string) (found bool) {
	manager := c.v.reg.Get(*c.v.content.ExtensionManager).(*simulator.ExtensionManager)
	c.v.read(manager, func() {
		for _, extension := range manager.ExtensionList {
			for _, task := range extension.TaskList {
				found = found || task.TaskID == taskType
			}
		}
	})
	return found
}

func (v *VCenter) entityName(r ref) string {
	if vm, ok := v.vmFacts(r); ok {
		return vm.name
	}
	if host, ok := v.hostFacts(r); ok {
		return host.name
	}
	return r.Value
}

// SetTaskState moves a client's own task on, at the simulator's time.
func (c *taskCalls) SetTaskState(ctx *simulator.Context, req *types.SetTaskState) soap.HasFault {
	task, ok := c.v.reg.Get(req.This).(*simulator.Task)
	if !ok {
		return raise(&types.ManagedObjectNotFound{Obj: req.This}, "The task has already been deleted.")
	}
	c.v.library.Lock()
	defer c.v.library.Unlock()
	var answer soap.HasFault
	c.v.reg.WithLock(ctx, task, func() {
		answer = task.SetTaskState(ctx, req)
		if answer.Fault() != nil {
			return
		}
		now := c.v.Clock.Now()
		if req.State == types.TaskInfoStateRunning {
			task.Info.StartTime = &now
		} else {
			task.Info.CompleteTime = &now
		}
	})
	return answer
}

// PostEvent puts a client's event into the history, at the simulator's time.
func (c *eventCalls) PostEvent(ctx *simulator.Context, req *types.PostEvent) soap.HasFault {
	manager := c.v.reg.Get(*c.v.content.EventManager).(*simulator.EventManager)
	c.v.library.Lock()
	defer c.v.library.Unlock()
	var answer soap.HasFault
	c.v.reg.WithLock(ctx, manager, func() {
		answer = manager.PostEvent(ctx, req)
		req.EventToPost.GetEvent().CreatedTime = c.v.Clock.Now()
	})
	return answer
}

// LogUserEvent notes a user's remark on an entity; stock vcsim does not have it.
func (c *eventCalls) LogUserEvent(ctx *simulator.Context, req *types.LogUserEvent) soap.HasFault {
	if c.v.reg.Get(req.Entity) == nil {
		return c.v.missingVM(req.Entity)
	}
	event := &types.GeneralUserEvent{}
	event.Message = req.Msg
	event.FullFormattedMessage = req.Msg
	event.Entity = &types.ManagedEntityEventArgument{
		EntityEventArgument: types.EntityEventArgument{Name: c.v.entityName(req.Entity)}, Entity: req.Entity,
	}
	if vm, ok := c.v.vmFacts(req.Entity); ok {
		event.Vm = &types.VmEventArgument{EntityEventArgument: event.Entity.EntityEventArgument, Vm: vm.self}
	}
	c.PostEvent(ctx, &types.PostEvent{EventToPost: event})
	return &methods.LogUserEventBody{Res: &types.LogUserEventResponse{}}
}
