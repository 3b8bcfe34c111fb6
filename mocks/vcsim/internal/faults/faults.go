// Package faults decides which calls of a vCenter go wrong, and how. A rule names calls (method,
// object, user), a place (before, in or after the work) and what happens there; counts and a seeded
// probability make a campaign repeatable.
package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"reflect"
	"sync"

	"github.com/vmware/govmomi/vim25/types"
)

// Where a rule strikes.
const (
	// Call answers the call with a fault; nothing is done.
	Call = "call"
	// Task lets the call start a task that ends in the fault; nothing is done.
	Task = "task"
	// TaskAfter lets the task do its work and yet end in the fault.
	TaskAfter = "task_after"
	// TaskHang lets the task run until it is cancelled or the rule is removed.
	TaskHang = "task_hang"
	// DropBefore cuts the connection before the call is looked at.
	DropBefore = "drop_before"
	// DropAfter does the call and cuts the connection instead of answering.
	DropAfter = "drop_after"
	// HangBefore holds the connection open and does nothing until the client gives up.
	HangBefore = "hang_before"
	// HangAfter does the call and never answers.
	HangAfter = "hang_after"
	// HTTP answers with an HTTP status.
	HTTP = "http"
	// DelayBefore waits before the call is done.
	DelayBefore = "delay_before"
	// DelayAfter waits before the answer is sent.
	DelayAfter = "delay_after"
)

var places = map[string]bool{
	Call: true, Task: true, TaskAfter: true, TaskHang: true, DropBefore: true, DropAfter: true,
	HangBefore: true, HangAfter: true, HTTP: true, DelayBefore: true, DelayAfter: true,
}

// Rule is one rule as the control endpoint takes it.
type Rule struct {
	// ID is given by the simulator.
	ID int `json:"id"`
	// Method is the wire name, e.g. RelocateVM_Task; "" or "*" is every method.
	Method string `json:"method,omitempty"`
	// Object is the managed object id that the call is about; for checks that is the VM.
	Object string `json:"object,omitempty"`
	// Type is the managed object type of that object.
	Type string `json:"type,omitempty"`
	// User restricts the rule to one user's calls.
	User string `json:"user,omitempty"`
	// Where is one of the places; "call" when empty.
	Where string `json:"where,omitempty"`
	// Fault is the name of a vSphere fault type, e.g. TaskInProgress.
	Fault string `json:"fault,omitempty"`
	// Detail fills the fault's fields, named as in the API.
	Detail json.RawMessage `json:"detail,omitempty"`
	// Message is the localized message that goes with it.
	Message string `json:"message,omitempty"`
	// Status is the HTTP status for "http"; 503 when 0.
	Status int `json:"status,omitempty"`
	// DelayS is how many real seconds a delay lasts.
	DelayS float64 `json:"delay_s,omitempty"`
	// Probability that a matching call is struck; always when absent.
	Probability *float64 `json:"probability,omitempty"`
	// Skip lets that many matching calls pass first.
	Skip int `json:"skip,omitempty"`
	// Count is how many calls are struck at most; 0 is no limit.
	Count int `json:"count,omitempty"`
	// Seen and Struck count matching and struck calls.
	Seen   int `json:"seen"`
	Struck int `json:"struck"`

	fault types.BaseMethodFault
}

// Subject is what a rule is matched against.
type Subject struct {
	Method, Type, Object, User string
}

// Set is a list of rules, safe for concurrent use.
type Set struct {
	mu      sync.Mutex
	rules   []*Rule
	next    int
	rng     *rand.Rand
	changed chan struct{}
}

// NewSet returns an empty set whose probabilities follow from seed.
func NewSet(seed int64) *Set {
	return &Set{rng: rand.New(rand.NewSource(seed)), changed: make(chan struct{})}
}

// Seed restarts the random numbers.
func (s *Set) Seed(seed int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rng = rand.New(rand.NewSource(seed))
}

// Add checks a rule and gives it an id.
func (s *Set) Add(r Rule) (Rule, error) {
	if r.Where == "" {
		r.Where = Call
	}
	if !places[r.Where] {
		return r, fmt.Errorf("%q is no place where a rule strikes", r.Where)
	}
	if r.Probability != nil && (*r.Probability < 0 || *r.Probability > 1) {
		return r, fmt.Errorf("the probability %v is not between 0 and 1", *r.Probability)
	}
	switch r.Where {
	case Call, Task, TaskAfter:
		fault, err := Build(r.Fault, r.Detail)
		if err != nil {
			return r, err
		}
		r.fault = fault
	case HTTP:
		if r.Status == 0 {
			r.Status = 503
		}
		if r.Status < 200 || r.Status > 599 {
			return r, fmt.Errorf("%d is no HTTP status", r.Status)
		}
	case DelayBefore, DelayAfter:
		if r.DelayS <= 0 {
			return r, fmt.Errorf("a delay needs delay_s greater than 0")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	r.ID, r.Seen, r.Struck = s.next, 0, 0
	kept := r
	s.rules = append(s.rules, &kept)
	return r, nil
}

// Remove takes a rule away, or all when id is 0; what hangs on them goes on.
func (s *Set) Remove(id int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := id == 0
	kept := s.rules[:0:0]
	for _, r := range s.rules {
		if id == 0 || r.ID == id {
			found = true
			continue
		}
		kept = append(kept, r)
	}
	s.rules = kept
	close(s.changed)
	s.changed = make(chan struct{})
	return found
}

// List gives copies of all rules with their counts.
func (s *Set) List() []Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Rule, 0, len(s.rules))
	for _, r := range s.rules {
		out = append(out, *r)
	}
	return out
}

// Match gives the rules that strike this call, in the order in which they were added. Every rule
// that matches counts the call, whether another one strikes it too or not.
func (s *Set) Match(subject Subject) []Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	var struck []Rule
	for _, r := range s.rules {
		if !r.matches(subject) {
			continue
		}
		r.Seen++
		if r.Seen <= r.Skip || (r.Count > 0 && r.Struck >= r.Count) {
			continue
		}
		if r.Probability != nil && s.rng.Float64() >= *r.Probability {
			continue
		}
		r.Struck++
		struck = append(struck, *r)
	}
	return struck
}

// Exists tells whether a rule is still there; changed is closed when rules are removed.
func (s *Set) Exists(id int) (exists bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if r.ID == id {
			return true, s.changed
		}
	}
	return false, s.changed
}

func (r *Rule) matches(s Subject) bool {
	return (r.Method == "" || r.Method == "*" || r.Method == s.Method) &&
		(r.Type == "" || r.Type == s.Type) &&
		(r.Object == "" || r.Object == s.Object) &&
		(r.User == "" || r.User == s.User)
}

// NewFault gives a fresh copy of the rule's fault and its message.
func (r *Rule) NewFault() (types.BaseMethodFault, string) {
	fault, err := Build(r.Fault, r.Detail)
	if err != nil {
		// Add has built the same fault before.
		fault = r.fault
	}
	message := r.Message
	if message == "" {
		message = "injected fault " + r.Fault
	}
	return fault, message
}

// Build makes a fault of the named type and fills its fields from detail.
func Build(name string, detail json.RawMessage) (types.BaseMethodFault, error) {
	if name == "" {
		return nil, fmt.Errorf("the rule names no fault")
	}
	kind, ok := types.TypeFunc()(name)
	if !ok {
		return nil, fmt.Errorf("%s is no type of the vSphere API", name)
	}
	value := reflect.New(kind).Interface()
	fault, ok := value.(types.BaseMethodFault)
	if !ok {
		return nil, fmt.Errorf("%s is no fault", name)
	}
	if len(detail) > 0 {
		dec := types.NewJSONDecoder(bytes.NewReader(detail))
		if err := dec.Decode(value); err != nil {
			return nil, fmt.Errorf("the detail does not fit %s: %w", name, err)
		}
	}
	complete(reflect.ValueOf(value).Elem())
	return fault, nil
}
