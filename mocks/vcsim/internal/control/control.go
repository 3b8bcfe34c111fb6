// Package control is the HTTP endpoint by which a test drives the simulator: JSON in, JSON out, on
// loopback only, with a bearer token that only the one who started the simulator knows.
package control

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vsphere-market/mocks/vcsim/internal/faults"
	"vsphere-market/mocks/vcsim/internal/vcenter"
)

// bodyLimit bounds a request: counters of 10,000 VMs are some 10 MB.
const bodyLimit = 256 << 20

type handler func(body []byte, r *http.Request) (any, error)

// notFound makes an error a 404.
type notFound struct{ error }

// Server answers control requests.
type Server struct {
	v     *vcenter.VCenter
	token string
	mux   *http.ServeMux
}

// New returns the control endpoint of v.
func New(v *vcenter.VCenter, token string) *Server {
	s := &Server{v: v, token: token, mux: http.NewServeMux()}
	for pattern, h := range map[string]handler{
		"GET /health":                           func([]byte, *http.Request) (any, error) { return map[string]bool{"ok": true}, nil },
		"GET /state":                            func([]byte, *http.Request) (any, error) { return s.v.Dump(), nil },
		"GET /tasks":                            func([]byte, *http.Request) (any, error) { return s.v.Tasks(), nil },
		"GET /calls":                            s.calls,
		"DELETE /calls":                         func([]byte, *http.Request) (any, error) { s.v.Calls.Clear(); return nil, nil },
		"POST /counters":                        s.counters,
		"DELETE /counters":                      s.forget,
		"GET /clock":                            func([]byte, *http.Request) (any, error) { return s.clock(), nil },
		"POST /clock":                           s.setClock,
		"GET /settings":                         func([]byte, *http.Request) (any, error) { return s.v.Settings.Get(), nil },
		"POST /settings":                        s.settings,
		"GET /faults":                           func([]byte, *http.Request) (any, error) { return s.v.Faults.List(), nil },
		"POST /faults":                          s.addFault,
		"DELETE /faults":                        s.clearFaults,
		"DELETE /faults/{id}":                   s.removeFault,
		"POST /seed":                            s.seed,
		"POST /users":                           s.addUser,
		"POST /sessions/kill":                   s.kill,
		"POST /hosts/{moid}":                    s.changeHost,
		"POST /vms/{moid}":                      s.changeVM,
		"POST /clusters/{moid}/recommendations": s.recommend,
		"POST /down":                            s.down,
		"POST /restart":                         func([]byte, *http.Request) (any, error) { s.v.Restart(); return nil, nil },
		"POST /reset":                           s.reset,
	} {
		s.mux.Handle(pattern, s.wrap(h))
	}
	return s
}

// Listen binds an address, which must be on loopback.
func Listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("the control address %q is not host:port", address)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("the control endpoint listens on loopback only, not on %q", host)
	}
	return net.Listen("tcp", address)
}

// ServeHTTP checks the token before anything else.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if subtle.ConstantTimeCompare([]byte(given), []byte(s.token)) != 1 {
		reply(w, http.StatusUnauthorized, map[string]string{"error": "the token is missing or wrong"})
		return
	}
	s.mux.ServeHTTP(w, r)
}

func (s *Server) wrap(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
		if err != nil {
			reply(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		answer, err := h(body, r)
		if err != nil {
			status := http.StatusBadRequest
			if _, missing := err.(notFound); missing {
				status = http.StatusNotFound
			}
			reply(w, status, map[string]string{"error": err.Error()})
			return
		}
		if answer == nil {
			answer = map[string]bool{"ok": true}
		}
		reply(w, http.StatusOK, answer)
	})
}

func reply(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// decode refuses names that the endpoint does not know, so that a typo in a test is an error.
func decode(body []byte, into any) error {
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("the body does not fit: %w", err)
	}
	return nil
}

func (s *Server) calls(_ []byte, r *http.Request) (any, error) {
	since := int64(0)
	if text := r.URL.Query().Get("since"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("since is no number: %q", text)
		}
		since = n
	}
	return s.v.Calls.Since(since), nil
}

func (s *Server) counters(body []byte, _ *http.Request) (any, error) {
	var req struct {
		Time       *time.Time                  `json:"time"`
		VMs        map[string]vcenter.Sample   `json:"vms"`
		Hosts      map[string]vcenter.Sample   `json:"hosts"`
		QuickStats map[string]map[string]int64 `json:"quick_stats"`
	}
	if err := decode(body, &req); err != nil {
		return nil, err
	}
	at := s.v.Clock.Now()
	if req.Time != nil {
		at = *req.Time
	}
	for _, samples := range []map[string]vcenter.Sample{req.VMs, req.Hosts} {
		if err := s.v.Record(at, samples); err != nil {
			return nil, err
		}
	}
	for moid, figures := range req.QuickStats {
		if err := s.v.SetQuickStats(moid, figures); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (s *Server) forget(_ []byte, r *http.Request) (any, error) {
	return nil, s.v.ForgetSamples(r.URL.Query().Get("moid"))
}

type clockState struct {
	Now  time.Time `json:"now"`
	Rate float64   `json:"rate"`
}

func (s *Server) clock() clockState {
	return clockState{Now: s.v.Clock.Now(), Rate: s.v.Clock.Rate()}
}

func (s *Server) setClock(body []byte, _ *http.Request) (any, error) {
	var req struct {
		Set      *time.Time `json:"set"`
		AdvanceS float64    `json:"advance_s"`
		Rate     *float64   `json:"rate"`
	}
	if err := decode(body, &req); err != nil {
		return nil, err
	}
	if req.Rate != nil && *req.Rate < 0 {
		return nil, fmt.Errorf("the clock's rate is negative")
	}
	if req.Set != nil || req.Rate != nil {
		now, rate := s.v.Clock.Now(), s.v.Clock.Rate()
		if req.Set != nil {
			now = *req.Set
		}
		if req.Rate != nil {
			rate = *req.Rate
		}
		s.v.Clock.Set(now, rate)
	}
	if req.AdvanceS != 0 {
		s.v.Clock.Advance(time.Duration(req.AdvanceS * float64(time.Second)))
	}
	s.v.Quieten()
	return s.clock(), nil
}

func (s *Server) settings(body []byte, _ *http.Request) (any, error) {
	return s.v.ChangeSettings(body)
}

func (s *Server) addFault(body []byte, _ *http.Request) (any, error) {
	var rule faults.Rule
	if err := decode(body, &rule); err != nil {
		return nil, err
	}
	return s.v.Faults.Add(rule)
}

func (s *Server) removeFault(_ []byte, r *http.Request) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || id <= 0 || !s.v.Faults.Remove(id) {
		return nil, notFound{fmt.Errorf("there is no rule %s", r.PathValue("id"))}
	}
	s.v.Quieten()
	return nil, nil
}

func (s *Server) clearFaults([]byte, *http.Request) (any, error) {
	s.v.Faults.Remove(0)
	s.v.Quieten()
	return nil, nil
}

func (s *Server) seed(body []byte, _ *http.Request) (any, error) {
	var req struct {
		Seed int64 `json:"seed"`
	}
	if err := decode(body, &req); err != nil {
		return nil, err
	}
	s.v.Faults.Seed(req.Seed)
	return nil, nil
}

func (s *Server) addUser(body []byte, _ *http.Request) (any, error) {
	var user vcenter.User
	if err := decode(body, &user); err != nil {
		return nil, err
	}
	return nil, s.v.SetUser(user)
}

func (s *Server) kill(body []byte, _ *http.Request) (any, error) {
	var req struct {
		User string `json:"user"`
	}
	if err := decode(body, &req); err != nil {
		return nil, err
	}
	return map[string]int{"killed": s.v.KillSessions(req.User)}, nil
}

func (s *Server) changeHost(body []byte, r *http.Request) (any, error) {
	var req vcenter.HostChange
	if err := decode(body, &req); err != nil {
		return nil, err
	}
	return nil, s.v.ChangeHost(r.PathValue("moid"), req)
}

func (s *Server) changeVM(body []byte, r *http.Request) (any, error) {
	var req vcenter.Change
	if err := decode(body, &req); err != nil {
		return nil, err
	}
	return nil, s.v.ChangeVM(r.PathValue("moid"), req)
}

func (s *Server) recommend(body []byte, r *http.Request) (any, error) {
	var req struct {
		Key   string                `json:"key"`
		Moves []vcenter.Recommended `json:"moves"`
	}
	if err := decode(body, &req); err != nil {
		return nil, err
	}
	key, err := s.v.Recommend(r.PathValue("moid"), req.Key, req.Moves)
	if err != nil {
		return nil, err
	}
	return map[string]string{"key": key}, nil
}

func (s *Server) down(body []byte, _ *http.Request) (any, error) {
	var req struct {
		How string `json:"how"`
	}
	if err := decode(body, &req); err != nil {
		return nil, err
	}
	return nil, s.v.SetDown(req.How)
}

// reset takes back everything that a test set up around the estate. The estate itself stays as it
// has become: a test that needs it fresh starts a new simulator, which takes a moment.
func (s *Server) reset([]byte, *http.Request) (any, error) {
	s.v.Faults.Remove(0)
	s.v.ResetSettings()
	s.v.ForgetUsers()
	s.v.Calls.Clear()
	return nil, s.v.SetDown("")
}
