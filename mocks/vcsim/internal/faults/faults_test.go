package faults

import (
	"encoding/json"
	"testing"

	"github.com/vmware/govmomi/vim25/types"
)

func TestSkipAndCount(t *testing.T) {
	s := NewSet(1)
	if _, err := s.Add(Rule{Method: "M", Fault: "Timedout", Skip: 2, Count: 1}); err != nil {
		t.Fatal(err)
	}
	struck := []int{}
	for n := range 5 {
		if len(s.Match(Subject{Method: "M"})) > 0 {
			struck = append(struck, n)
		}
		s.Match(Subject{Method: "other"})
	}
	if len(struck) != 1 || struck[0] != 2 {
		t.Fatalf("struck %v", struck)
	}
	if r := s.List()[0]; r.Seen != 5 || r.Struck != 1 {
		t.Fatalf("counted %d seen, %d struck", r.Seen, r.Struck)
	}
}

func TestEveryMatchNarrows(t *testing.T) {
	rule := Rule{Method: "M", Type: "VirtualMachine", Object: "vm-1", User: "u"}
	hit := Subject{Method: "M", Type: "VirtualMachine", Object: "vm-1", User: "u"}
	if !rule.matches(hit) {
		t.Fatal("it does not match what it names")
	}
	for _, miss := range []Subject{
		{"X", hit.Type, hit.Object, hit.User}, {hit.Method, "X", hit.Object, hit.User},
		{hit.Method, hit.Type, "X", hit.User}, {hit.Method, hit.Type, hit.Object, "X"},
	} {
		if rule.matches(miss) {
			t.Fatalf("it matches %v", miss)
		}
	}
}

func TestSeedsRepeat(t *testing.T) {
	half := 0.5
	s := NewSet(7)
	if _, err := s.Add(Rule{Fault: "Timedout", Probability: &half}); err != nil {
		t.Fatal(err)
	}
	run := func() (out []bool) {
		s.Seed(7)
		for range 64 {
			out = append(out, len(s.Match(Subject{})) > 0)
		}
		return out
	}
	first, second := run(), run()
	hits := 0
	for i := range first {
		if first[i] != second[i] {
			t.Fatal("the same seed gives other chances")
		}
		if first[i] {
			hits++
		}
	}
	if hits < 16 || hits > 48 {
		t.Fatalf("%d of 64 struck at a probability of one half", hits)
	}
}

func TestFaultsAreFilledFromDetail(t *testing.T) {
	fault, err := Build("InsufficientMemoryResourcesFault", json.RawMessage(`{"unreserved": 5, "requested": 9}`))
	if err != nil {
		t.Fatal(err)
	}
	got, ok := fault.(*types.InsufficientMemoryResourcesFault)
	if !ok || got.Unreserved != 5 || got.Requested != 9 {
		t.Fatalf("built %#v", fault)
	}
	if _, err := Build("VirtualMachine", nil); err == nil {
		t.Fatal("a managed object passes for a fault")
	}
}

func TestRemovingWakesWhoHangs(t *testing.T) {
	s := NewSet(1)
	rule, err := s.Add(Rule{Where: HangBefore})
	if err != nil {
		t.Fatal(err)
	}
	exists, changed := s.Exists(rule.ID)
	if !exists {
		t.Fatal("the rule is not there")
	}
	s.Remove(rule.ID)
	<-changed
	if exists, _ := s.Exists(rule.ID); exists {
		t.Fatal("the rule is still there")
	}
}

func TestRequiredFieldsAreNeverEmpty(t *testing.T) {
	fault, err := Build("InvalidPowerState", nil)
	if err != nil {
		t.Fatal(err)
	}
	if fault.(*types.InvalidPowerState).ExistingState == "" {
		t.Fatal("an enum is empty")
	}
	fault, _ = Build("TaskInProgress", nil)
	if r := fault.(*types.TaskInProgress).Task; r.Type != "Task" || r.Value == "" {
		t.Fatalf("a reference is %v", r)
	}
	fault, _ = Build("CannotAccessVmDisk", nil)
	if fault.(*types.CannotAccessVmDisk).Fault.Fault == nil {
		t.Fatal("an inner fault is missing")
	}
}
