package vcenter

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/vim25/soap"

	"vsphere-market/mocks/vcsim/internal/faults"
)

// front stands before the library's SDK handler: it logs calls, strikes them as the fault rules say
// and keeps reads from seeing half a change.
type front struct {
	v *VCenter

	mu   sync.Mutex
	down string // how calls are refused while vCenter is down; "" is up
}

func newFront(v *VCenter) *front { return &front{v: v} }

// setDown makes every call fail: "" is up, "drop" cuts connections, "503" answers so.
func (f *front) setDown(how string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = how
}

func (f *front) isDown() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.down
}

// reading calls change nothing that decisions are made of, so they share the world lock.
var reading = map[string]bool{
	"RetrievePropertiesEx": true, "ContinueRetrievePropertiesEx": true, "RetrieveProperties": true,
	"Fetch": true, "CreateContainerView": true, "RetrieveServiceContent": true,
}

// waiting calls last until something changes.
var waiting = map[string]bool{
	"WaitForUpdatesEx": true, "WaitForUpdates": true, "CheckForUpdates": true, "CancelWaitForUpdates": true,
}

// cut closes the connection without an answer.
func cut() { panic(http.ErrAbortHandler) }

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if err != nil {
		http.Error(w, "cannot read the request", http.StatusBadRequest)
		return
	}
	session := cookieValue(r)
	method, this, subject := peek(body)
	call := f.v.Calls.begin(Call{
		Time: f.v.Clock.Now(), Method: method, Type: this.Type, Object: this.Value, Subject: subject.Value,
	}, session)
	switch f.isDown() {
	case "drop":
		f.v.Calls.end(call, "dropped before", "", "")
		cut()
	case "503":
		f.v.Calls.end(call, "http 503", "", "")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	about := this
	if subject.Value != "" {
		about = subject
	}
	struck := f.v.Faults.Match(faults.Subject{
		Method: method, Type: about.Type, Object: about.Value, User: f.v.Calls.user(session),
	})
	if f.strikeBefore(w, r, call, struck) {
		return
	}
	out := f.process(r, body, call, session, method)
	f.v.Quieten()
	outcome, fault, task := out.outcome()
	f.strikeAfter(r, call, struck, fault, task)
	f.v.Calls.end(call, outcome, fault, task)
	for name, values := range out.header {
		w.Header()[name] = values
	}
	w.WriteHeader(out.status)
	_, _ = w.Write(out.body.Bytes())
}

// strikeBefore applies the rules that strike before the work and tells whether the call is over.
func (f *front) strikeBefore(w http.ResponseWriter, r *http.Request, call *Call, struck []faults.Rule) bool {
	for i := range struck {
		rule := &struck[i]
		switch rule.Where {
		case faults.DropBefore:
			f.v.Calls.end(call, "dropped before", "", "")
			cut()
		case faults.HangBefore:
			f.hang(r, rule)
			f.v.Calls.end(call, "hung before", "", "")
			cut()
		case faults.DelayBefore:
			sleep(r, rule.DelayS)
		case faults.HTTP:
			f.v.Calls.end(call, fmt.Sprintf("http %d", rule.Status), "", "")
			w.WriteHeader(rule.Status)
			return true
		case faults.Call, faults.Task, faults.TaskAfter, faults.TaskHang:
			if call.inject == nil {
				call.inject = rule
			}
		}
	}
	return false
}

func (f *front) strikeAfter(r *http.Request, call *Call, struck []faults.Rule, fault, task string) {
	for i := range struck {
		rule := &struck[i]
		switch rule.Where {
		case faults.DelayAfter:
			sleep(r, rule.DelayS)
		case faults.DropAfter:
			f.v.Calls.end(call, "dropped after", fault, task)
			cut()
		case faults.HangAfter:
			f.hang(r, rule)
			f.v.Calls.end(call, "hung after", fault, task)
			cut()
		}
	}
}

// hang waits until the client gives up or the rule is taken away.
func (f *front) hang(r *http.Request, rule *faults.Rule) {
	for {
		exists, changed := f.v.Faults.Exists(rule.ID)
		if !exists {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		}
	}
}

func sleep(r *http.Request, seconds float64) {
	timer := time.NewTimer(time.Duration(seconds * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// process lets the library answer into a buffer, so that a slow reader holds no lock.
func (f *front) process(r *http.Request, body []byte, call *Call, session, method string) *answer {
	inner := r.Clone(r.Context())
	inner.Body = io.NopCloser(bytes.NewReader(body))
	inner.Header.Del("Cookie")
	inner.AddCookie(&http.Cookie{
		Name: soap.SessionCookieName, Value: fmt.Sprintf("%s%s%d", session, cookieMark, call.Seq),
	})
	out := &answer{header: http.Header{}, status: http.StatusOK}
	_, ours := f.v.routed(call.Type, method)
	switch {
	case reading[method]:
		f.v.world.RLock()
		defer f.v.world.RUnlock()
		f.v.library.RLock()
		defer f.v.library.RUnlock()
	case ours || waiting[method]:
		// Ours take the locks that they need, and who waits for news must not keep them away.
	default:
		f.v.library.Lock()
		defer f.v.library.Unlock()
	}
	f.v.service.ServeSDK(out, inner)
	if method == "Login" && out.status == http.StatusOK {
		f.noteLogin(out, call)
	}
	return out
}

// noteLogin learns the new session's key from the answer, so that rules about a user strike the
// very first call after the login.
func (f *front) noteLogin(out *answer, call *Call) {
	for _, c := range (&http.Response{Header: out.header}).Cookies() {
		if c.Name == soap.SessionCookieName {
			f.v.Calls.identify(call.Seq, c.Value, call.User)
		}
	}
}

func cookieValue(r *http.Request) string {
	c, err := r.Cookie(soap.SessionCookieName)
	if err != nil {
		return ""
	}
	return strings.Trim(c.Value, `"`)
}

// answer is a response that has not been sent yet.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

var (
	faultType = regexp.MustCompile(`<detail><(?:\w+:)?\w+[^>]*xsi:type="(?:\w+:)?(\w+)"`)
	taskValue = regexp.MustCompile(`<returnval type="Task">([^<]+)</returnval>`)
)

// outcome reads the answer's head for the log.
func (a *answer) outcome() (outcome, fault, task string) {
	head := a.body.Bytes()
	if len(head) > 4096 {
		head = head[:4096]
	}
	if a.status == http.StatusOK {
		if m := taskValue.FindSubmatch(head); m != nil {
			task = string(m[1])
		}
		return "ok", "", task
	}
	if m := faultType.FindSubmatch(head); m != nil {
		return "fault", string(m[1]), ""
	}
	return fmt.Sprintf("http %d", a.status), "", ""
}

// peek finds method, object and, for checks, the VM that they are about, without decoding the rest.
func peek(body []byte) (method string, this, subject ref) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	depth, inBody := 0, 0
	for {
		token, err := dec.Token()
		if err != nil {
			return method, this, subject // the library will say what is wrong with it
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
			switch {
			case t.Name.Local == "Body" && depth == 2:
				inBody = depth
			case inBody > 0 && depth == inBody+1:
				method = t.Name.Local
			case inBody > 0 && depth == inBody+2 && t.Name.Local == "_this":
				this = reference(dec, t)
				depth--
				if !aboutVM(method) {
					return method, this, subject
				}
			case inBody > 0 && depth == inBody+2 && t.Name.Local == "vm" && aboutVM(method):
				subject = reference(dec, t)
				return method, this, subject
			}
		case xml.EndElement:
			depth--
		}
	}
}

func aboutVM(method string) bool {
	return strings.HasPrefix(method, "Check") || strings.HasPrefix(method, "QueryVMotion")
}

func reference(dec *xml.Decoder, start xml.StartElement) ref {
	var r struct {
		Type  string `xml:"type,attr"`
		Value string `xml:",chardata"`
	}
	_ = dec.DecodeElement(&r, &start)
	return ref{Type: r.Type, Value: strings.TrimSpace(r.Value)}
}
