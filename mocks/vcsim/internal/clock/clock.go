// Package clock gives the simulator its own time: it follows the wall clock from any instant at any
// rate, or stands still until it is moved.
package clock

import (
	"sync"
	"time"
)

// Clock is safe for concurrent use.
type Clock struct {
	mu      sync.Mutex
	base    time.Time
	wall    time.Time
	rate    float64
	changed chan struct{}
}

// New returns a clock that shows start now and runs at rate (0 stands still, 1 is real time).
func New(start time.Time, rate float64) *Clock {
	return &Clock{base: start, wall: time.Now(), rate: rate, changed: make(chan struct{})}
}

// Now is the simulator's time in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	passed := time.Duration(float64(time.Since(c.wall)) * c.rate)
	return c.base.Add(passed).UTC()
}

// Rate is how many simulated seconds pass in a real one.
func (c *Clock) Rate() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rate
}

// Set shows t from now on and runs at rate. Time may jump backwards, as a real clock can.
func (c *Clock) Set(t time.Time, rate float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base, c.wall, c.rate = t, time.Now(), rate
	c.wake()
}

// Advance moves the clock by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base, c.wall = c.now().Add(d), time.Now()
	c.wake()
}

func (c *Clock) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Wait returns true when the clock shows t or later, false when cancel is closed before that.
func (c *Clock) Wait(t time.Time, cancel <-chan struct{}) bool {
	for {
		c.mu.Lock()
		left, rate, changed := t.Sub(c.now()), c.rate, c.changed
		c.mu.Unlock()
		if left <= 0 {
			return true
		}
		var due <-chan time.Time
		var timer *time.Timer
		if rate > 0 {
			// One more nanosecond, so that rounding never makes a busy loop of the last step.
			timer = time.NewTimer(time.Duration(float64(left)/rate) + 1)
			due = timer.C
		}
		select {
		case <-cancel:
			stop(timer)
			return false
		case <-changed:
		case <-due:
		}
		stop(timer)
	}
}

func stop(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}
