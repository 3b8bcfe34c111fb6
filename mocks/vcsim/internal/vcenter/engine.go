package vcenter

import (
	"fmt"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"

	"vsphere-market/mocks/vcsim/internal/faults"
)

// fault is a vSphere fault and the sentence that goes with it; nil is success.
type fault struct {
	what    types.BaseMethodFault
	message string
}

func failed(what types.BaseMethodFault, format string, args ...any) *fault {
	return &fault{what: what, message: fmt.Sprintf(format, args...)}
}

func (f *fault) localized() types.LocalizedMethodFault {
	return types.LocalizedMethodFault{Fault: f.what, LocalizedMessage: f.message}
}

type injection struct{ rule *faults.Rule }

// job is the work behind a task. prepare and commit run with the world lock held alone.
type job struct {
	kind string
	// name is the wire name, e.g. RelocateVM_Task; descriptionID is what the task list shows.
	name          string
	descriptionID string
	entity        ref
	entityName    string
	// exclusive jobs are refused while another exclusive job of the entity runs.
	exclusive bool
	// slots are the hosts on which the job takes up a migration slot.
	slots      []ref
	cancelable bool
	sizeMiB    int64
	// prepare checks and takes holds; undo gives them back when the task ends, however it ends.
	prepare func(task ref) (undo func(), failure *fault)
	commit  func() (result types.AnyType, failure *fault)
}

type running struct {
	job       job
	task      *simulator.Task
	user      string
	cancel    chan struct{}
	cancelled bool
	past      bool      // past the point where it can be cancelled
	done      bool      // the work was done, whatever the client was told
	told      bool      // the client was told an end already: vCenter restarted in between
	parked    bool      // it waits: for the clock, for a rule to go, or for a slot
	until     time.Time // what the clock has to show before it goes on; zero when it waits for another thing
}

// engine runs jobs as tasks.
type engine struct {
	v *VCenter

	mu      sync.Mutex
	tasks   map[ref]*running
	busy    map[ref]ref // entity -> its exclusive task
	used    map[ref]int // migration slots in use per host
	freed   chan struct{}
	waiting []*running // for slots, first come first served
	ended   []EndedTask
}

func newEngine(v *VCenter) *engine {
	return &engine{
		v: v, tasks: map[ref]*running{}, busy: map[ref]ref{}, used: map[ref]int{},
		freed: make(chan struct{}),
	}
}

// start creates the task of a job and lets it run. It fails only when the entity is busy.
func (e *engine) start(ctx *simulator.Context, j job) (ref, *fault) {
	return e.launch(ctx.Session.UserName, e.v.injected(ctx), j)
}

func (e *engine) launch(user string, inject *injection, j job) (ref, *fault) {
	e.mu.Lock()
	var refused *fault
	if holder, taken := e.busy[j.entity]; taken && j.exclusive {
		refused = failed(&types.TaskInProgress{Task: holder},
			"The operation is not allowed in the current state: another task is already in progress.")
		if e.v.Settings.Get().BusyFault == "call" {
			e.mu.Unlock()
			return ref{}, refused
		}
	}
	r := &running{job: j, user: user, cancel: make(chan struct{})}
	r.task = e.newTask(r)
	e.tasks[r.task.Self] = r
	if j.exclusive && refused == nil {
		e.busy[j.entity] = r.task.Self
	}
	e.mu.Unlock()
	e.publish(r)
	go e.run(r, inject, refused)
	return r.task.Self, nil
}

// newTask names the task and fills in what every client may read from the first moment on.
func (e *engine) newTask(r *running) *simulator.Task {
	t := &simulator.Task{}
	t.Self = e.v.reg.NewEntity(&taskName{}).Reference()
	t.Info = types.TaskInfo{
		Key: t.Self.Value, Task: t.Self, Name: r.job.name, DescriptionId: r.job.descriptionID,
		Entity: &r.job.entity, EntityName: r.job.entityName, State: types.TaskInfoStateQueued,
		Cancelable: r.job.cancelable, Reason: &types.TaskReasonUser{UserName: r.user},
		QueueTime: e.v.Clock.Now(), EventChainId: 1,
	}
	return t
}

// publish puts the task into the registry, which also lists it as recent on entity and manager.
func (e *engine) publish(r *running) {
	e.v.library.Lock()
	defer e.v.library.Unlock()
	ctx := e.v.internalContext(r.user)
	e.v.reg.WithLock(ctx, r.job.entity, func() { e.v.reg.Put(r.task) })
}

func (e *engine) run(r *running, inject *injection, refused *fault) {
	result, failure := types.AnyType(nil), refused
	if failure == nil {
		result, failure = e.work(r, inject)
	}
	e.finish(r, result, failure)
}

func (e *engine) work(r *running, inject *injection) (types.AnyType, *fault) {
	canceled := failed(&types.RequestCanceled{}, "The task was canceled by a user.")
	if !e.acquire(r) {
		return nil, canceled
	}
	defer e.release(r)
	e.v.update(r.task,
		change("info.state", types.TaskInfoStateRunning), change("info.startTime", e.v.Clock.Now()))
	undo := func() {}
	if r.job.prepare != nil {
		e.v.world.Lock()
		e.v.actor = r.user
		u, failure := r.job.prepare(r.task.Self)
		e.v.world.Unlock()
		if u != nil {
			undo = u
		}
		if failure != nil {
			e.undo(undo)
			return nil, failure
		}
	}
	defer e.undo(undo)
	if !e.pass(r) {
		return nil, canceled
	}
	if inject != nil && inject.rule.Where == faults.TaskHang && !e.hang(r, inject.rule.ID) {
		return nil, canceled
	}
	if inject != nil && inject.rule.Where == faults.Task {
		what, message := inject.rule.NewFault()
		return nil, &fault{what: what, message: message}
	}
	e.mu.Lock()
	late := r.cancelled
	r.past = !late
	e.mu.Unlock()
	if late {
		return nil, canceled
	}
	e.v.world.Lock()
	e.v.actor = r.user
	result, failure := r.job.commit()
	e.v.world.Unlock()
	r.done = failure == nil
	if failure == nil && inject != nil && inject.rule.Where == faults.TaskAfter {
		what, message := inject.rule.NewFault()
		return nil, &fault{what: what, message: message}
	}
	return result, failure
}

func (e *engine) undo(f func()) {
	e.v.world.Lock()
	defer e.v.world.Unlock()
	f()
}

// steps is how often a task that takes time tells its progress.
const steps = 10

// pass lets the job's duration go by and tells progress; false when the task was cancelled.
func (e *engine) pass(r *running) bool {
	took := e.v.Settings.duration(r.job.kind, r.job.sizeMiB)
	began := e.v.Clock.Now()
	if took <= 0 {
		return true
	}
	for step := 1; step <= steps; step++ {
		until := began.Add(took * time.Duration(step) / steps)
		e.park(r, until)
		reached := e.v.Clock.Wait(until, r.cancel)
		e.unpark(r)
		if !reached {
			return false
		}
		if step < steps {
			e.v.update(r.task, change("info.progress", int32(100*step/steps)))
		}
	}
	return true
}

// hang waits until the rule is removed; false when the task was cancelled.
func (e *engine) hang(r *running, rule int) bool {
	e.park(r, time.Time{})
	defer e.unpark(r)
	for {
		exists, changed := e.v.Faults.Exists(rule)
		if !exists {
			return true
		}
		select {
		case <-r.cancel:
			return false
		case <-changed:
		}
	}
}

func (e *engine) finish(r *running, result types.AnyType, failure *fault) {
	changes := []types.PropertyChange{change("info.completeTime", e.v.Clock.Now())}
	if failure != nil {
		changes = append(changes,
			change("info.error", failure.localized()), change("info.state", types.TaskInfoStateError))
	} else {
		changes = append(changes, change("info.result", result), change("info.progress", int32(100)),
			change("info.state", types.TaskInfoStateSuccess))
	}
	// The entity is free before the task is seen to be done: who waits for one task and then starts
	// the next must not be told that the first is in progress.
	e.mu.Lock()
	record := ended(r, failure)
	record.AfterCall = e.v.Calls.last()
	e.ended = append(e.ended, record)
	delete(e.tasks, r.task.Self)
	if e.busy[r.job.entity] == r.task.Self {
		delete(e.busy, r.job.entity)
	}
	told := r.told
	e.mu.Unlock()
	if !told {
		e.v.update(r.task, changes...)
	}
}

// forsake tells the clients of all running tasks that these have failed; the hosts go on.
func (e *engine) forsake() {
	e.mu.Lock()
	var lost []*running
	for _, r := range e.tasks {
		if !r.told {
			r.told = true
			lost = append(lost, r)
		}
	}
	e.mu.Unlock()
	failure := failed(&types.SystemError{Reason: "vpxd restarted"}, "The vCenter service was restarted.")
	for _, r := range lost {
		e.v.update(r.task, change("info.completeTime", e.v.Clock.Now()),
			change("info.error", failure.localized()), change("info.state", types.TaskInfoStateError))
	}
}

// acquire waits for the job's migration slots, in the order of arrival among those that share a
// host; false when the task was cancelled while queued.
func (e *engine) acquire(r *running) bool {
	if len(r.job.slots) == 0 {
		return true
	}
	e.mu.Lock()
	e.waiting = append(e.waiting, r)
	r.parked, r.until = true, time.Time{}
	for {
		if e.canStart(r) {
			e.leaveQueue(r)
			r.parked = false
			for _, h := range r.job.slots {
				e.used[h]++
			}
			e.mu.Unlock()
			return true
		}
		freed := e.freed
		e.mu.Unlock()
		select {
		case <-r.cancel:
			e.mu.Lock()
			e.leaveQueue(r)
			r.parked = false
			e.wake()
			e.mu.Unlock()
			return false
		case <-freed:
		}
		e.mu.Lock()
	}
}

func (e *engine) canStart(r *running) bool {
	limit := e.v.Settings.Get().VMotionsPerHost
	ahead := map[ref]int{}
	for _, other := range e.waiting {
		if other == r {
			break
		}
		for _, h := range other.job.slots {
			ahead[h]++
		}
	}
	for _, h := range r.job.slots {
		if e.used[h]+ahead[h] >= limit {
			return false
		}
	}
	return true
}

func (e *engine) leaveQueue(r *running) {
	kept := e.waiting[:0:0]
	for _, other := range e.waiting {
		if other != r {
			kept = append(kept, other)
		}
	}
	e.waiting = kept
}

func (e *engine) release(r *running) {
	if len(r.job.slots) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range r.job.slots {
		e.used[h]--
	}
	e.wake()
}

func (e *engine) wake() {
	close(e.freed)
	e.freed = make(chan struct{})
}

// cancel asks a task to stop; ours tells whether it is a task of this engine that still runs.
func (e *engine) cancel(task ref) (ours bool, failure *fault) {
	e.mu.Lock()
	r := e.tasks[task]
	if r == nil {
		e.mu.Unlock()
		return false, nil
	}
	if !r.job.cancelable {
		e.mu.Unlock()
		return true, failed(&types.NotSupported{}, "The task cannot be canceled.")
	}
	first := !r.cancelled && !r.past
	if first {
		r.cancelled = true
		close(r.cancel)
	}
	e.mu.Unlock()
	if first {
		e.v.update(r.task, change("info.cancelled", true))
	}
	return true, nil
}
