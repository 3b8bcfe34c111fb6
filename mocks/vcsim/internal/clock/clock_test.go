package clock

import (
	"testing"
	"time"
)

var start = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func TestAStandingClockMovesOnlyWhenTold(t *testing.T) {
	c := New(start, 0)
	time.Sleep(2 * time.Millisecond)
	if now := c.Now(); !now.Equal(start) {
		t.Fatalf("it shows %s", now)
	}
	c.Advance(time.Minute)
	if now := c.Now(); !now.Equal(start.Add(time.Minute)) {
		t.Fatalf("it shows %s", now)
	}
}

func TestWaitEndsWhenTheTimeHasCome(t *testing.T) {
	c := New(start, 0)
	done := make(chan bool)
	go func() { done <- c.Wait(start.Add(time.Hour), nil) }()
	c.Advance(59 * time.Minute)
	select {
	case <-done:
		t.Fatal("it ended too early")
	case <-time.After(5 * time.Millisecond):
	}
	c.Advance(time.Minute)
	if !<-done {
		t.Fatal("it was not cancelled")
	}
}

func TestWaitEndsWhenItIsCancelled(t *testing.T) {
	c := New(start, 0)
	cancel := make(chan struct{})
	close(cancel)
	if c.Wait(start.Add(time.Hour), cancel) {
		t.Fatal("it says that the time has come")
	}
}

func TestAFastClockWaitsShortly(t *testing.T) {
	c := New(start, 3600)
	began := time.Now()
	if !c.Wait(start.Add(time.Minute), nil) {
		t.Fatal("it was not cancelled")
	}
	if took := time.Since(began); took > 5*time.Second || took < 10*time.Millisecond {
		t.Fatalf("a minute at 3600 times took %s", took)
	}
	if c.Now().Before(start.Add(time.Minute)) {
		t.Fatal("it ended before its time")
	}
}
