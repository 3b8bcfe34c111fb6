package vcenter

import "time"

// While the clock stands still nothing but calls makes anything happen, so a test can have the same
// events in the same order at every run: what a call or a move of the clock has set going is let
// run to where it waits before the call is answered.

const (
	// quietPause is how often to look, quietLimit how long: no test must hang here.
	quietPause = 50 * time.Microsecond
	quietLimit = 2 * time.Second
)

// Quieten waits until no task can go on by itself; with a clock that runs it does nothing.
func (v *VCenter) Quieten() {
	if v.Clock.Rate() != 0 {
		return
	}
	for ends := time.Now().Add(quietLimit); !v.engine.quiet() && time.Now().Before(ends); {
		time.Sleep(quietPause)
	}
}

// quiet tells whether every task waits for something that only a call can bring about.
func (e *engine) quiet() bool {
	now := e.v.Clock.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	queued := map[*running]bool{}
	for _, r := range e.waiting {
		queued[r] = true
	}
	for _, r := range e.tasks {
		switch {
		case !r.parked, r.cancelled, queued[r] && e.canStart(r):
			return false
		case !r.until.IsZero() && !r.until.After(now):
			return false
		}
	}
	return true
}

func (e *engine) park(r *running, until time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.parked, r.until = true, until
}

func (e *engine) unpark(r *running) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.parked = false
}
