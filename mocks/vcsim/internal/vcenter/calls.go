package vcenter

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"

	"vsphere-market/mocks/vcsim/internal/faults"
)

func newReader(data []byte) io.Reader { return bytes.NewReader(data) }

// keptCalls bounds the log.
const keptCalls = 200_000

// Call is one SOAP call as the log shows it. Arguments are never kept, so no password is.
type Call struct {
	Seq     int64     `json:"seq"`
	Time    time.Time `json:"time"`
	Method  string    `json:"method"`
	Type    string    `json:"type"`
	Object  string    `json:"object"`
	Subject string    `json:"subject"`
	User    string    `json:"user"`
	// Outcome is "ok", "fault", "http 503", "dropped before", "dropped after", "hung before" or
	// "hung after"; "" while the call runs.
	Outcome string `json:"outcome"`
	Fault   string `json:"fault,omitempty"`
	Task    string `json:"task,omitempty"`
	Millis  int64  `json:"millis"`

	inject  *faults.Rule
	started time.Time
}

// CallLog is the list of calls seen, safe for concurrent use.
type CallLog struct {
	mu      sync.Mutex
	calls   []*Call
	seq     int64
	running map[int64]*Call
	byUser  map[string]string // session key -> user
}

func newCallLog() *CallLog {
	return &CallLog{running: map[int64]*Call{}, byUser: map[string]string{}}
}

func (l *CallLog) begin(c Call, session string) *Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	c.Seq, c.started = l.seq, time.Now()
	c.User = l.byUser[session]
	kept := &c
	l.calls = append(l.calls, kept)
	if len(l.calls) > keptCalls {
		l.calls = append([]*Call(nil), l.calls[keptCalls/2:]...)
	}
	l.running[c.Seq] = kept
	return kept
}

func (l *CallLog) end(c *Call, outcome, fault, task string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.Outcome, c.Fault, c.Task = outcome, fault, task
	c.Millis = time.Since(c.started).Milliseconds()
	delete(l.running, c.Seq)
}

// identify notes who is behind a call, once the library has found the session.
func (l *CallLog) identify(seq int64, session, user string) *Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byUser[session] = user
	c := l.running[seq]
	if c != nil {
		c.User = user
	}
	return c
}

// user is who a session belongs to.
func (l *CallLog) user(session string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byUser[session]
}

// Since gives copies of the calls after seq.
func (l *CallLog) Since(seq int64) []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := []Call{}
	for _, c := range l.calls {
		if c.Seq > seq {
			out = append(out, *c)
		}
	}
	return out
}

// last is the number of the last call that has begun.
func (l *CallLog) last() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq
}

// Clear empties the log; numbering goes on.
func (l *CallLog) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = nil
}

// The library hands a handler the context of a request but not the request. What it does hand on is
// the session cookie, so the front appends the call's number to it and both ends cut it off.
const cookieMark = "|"

// sessionKey is the registry's view of the cookie.
func sessionKey(ctx *simulator.Context) string {
	key, _, _ := strings.Cut(simulator.HTTPCookie(ctx), cookieMark)
	return key
}

// callNumber finds the call that a context belongs to; 0 for calls from within the process.
func callNumber(ctx *simulator.Context) (seq int64) {
	// A context made in the process has no request, and HTTPCookie does not expect that.
	defer func() {
		if recover() != nil {
			seq = 0
		}
	}()
	_, number, _ := strings.Cut(simulator.HTTPCookie(ctx), cookieMark)
	seq, _ = strconv.ParseInt(number, 10, 64)
	return seq
}
