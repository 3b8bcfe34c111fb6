// Command vcsim serves an estate, given as a vsphere-market snapshot, as a vCenter over SOAP.
package main

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"vsphere-market/mocks/vcsim/internal/certificate"
	"vsphere-market/mocks/vcsim/internal/clock"
	"vsphere-market/mocks/vcsim/internal/control"
	"vsphere-market/mocks/vcsim/internal/estate"
	"vsphere-market/mocks/vcsim/internal/vcenter"
)

type options struct {
	estate, listen, control string
	username, password      string
	tls                     bool
	certFile, keyFile       string
	exitWithParent, hold    bool
	fewCounters             bool
	clockStart              string
	rate                    float64
	seed                    int64
}

// ready is the line that is printed on stdout once both endpoints answer.
type ready struct {
	URL               string `json:"url"`
	Control           string `json:"control"`
	Token             string `json:"token"`
	PID               int    `json:"pid"`
	CertificateSHA256 string `json:"certificate_sha256,omitempty"`
	CertificatePEM    string `json:"certificate_pem,omitempty"`
}

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	o := options{}
	flag.StringVar(&o.estate, "estate", "", "snapshot `FILE` to serve (required)")
	flag.StringVar(&o.listen, "listen", "127.0.0.1:0", "`ADDRESS` of the SOAP endpoint")
	flag.StringVar(&o.control, "control", "127.0.0.1:0", "loopback `ADDRESS` of the control endpoint")
	flag.StringVar(&o.username, "username", "administrator@vsphere.local", "administrator's `NAME`")
	flag.StringVar(&o.password, "password", "password", "administrator's password")
	flag.BoolVar(&o.tls, "tls", true, "serve with TLS")
	flag.StringVar(&o.certFile, "cert", "", "certificate `FILE` (PEM); one is made when absent")
	flag.StringVar(&o.keyFile, "key", "", "key `FILE` (PEM) of the certificate")
	flag.BoolVar(&o.exitWithParent, "exit-with-parent", false, "exit when stdin is closed")
	flag.BoolVar(&o.hold, "hold-samples", false, "repeat the last samples every 20 s until now")
	flag.BoolVar(&o.fewCounters, "few-counters", false, "list only the counters that the file's entities have")
	flag.StringVar(&o.clockStart, "time", "wall", "start of the clock: wall, estate (taken_at), or RFC 3339")
	flag.Float64Var(&o.rate, "rate", 1, "simulated seconds per second; 0 stands still")
	flag.Int64Var(&o.seed, "seed", 1, "seed of the fault rules' probabilities")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "vcsim:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	if o.estate == "" || flag.NArg() > 0 {
		return fmt.Errorf("-estate FILE is required and nothing follows the options")
	}
	e, err := estate.Load(o.estate)
	if err != nil {
		return err
	}
	start, err := startTime(o.clockStart, e)
	if err != nil {
		return err
	}
	if o.rate < 0 {
		return fmt.Errorf("-rate is negative")
	}
	v, err := vcenter.New(vcenter.Config{
		Listen: o.listen, Username: o.username, Password: o.password, Seed: o.seed,
		Clock: clock.New(start, o.rate),
	}, e)
	if err != nil {
		return err
	}
	v.SetHold(o.hold)
	if o.fewCounters {
		v.ShortenCatalogue()
	}
	line := ready{PID: os.Getpid(), Token: token()}
	cert, err := o.certificate(&line)
	if err != nil {
		return err
	}
	controls, err := control.Listen(o.control)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: control.New(v, line.Token), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(controls) }()
	address, stop, err := v.Serve(cert)
	if err != nil {
		return err
	}
	defer stop()
	line.URL, line.Control = address.String(), "http://"+controls.Addr().String()
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		return err
	}
	wait(o.exitWithParent)
	return nil
}

func startTime(text string, e *estate.Estate) (time.Time, error) {
	switch text {
	case "wall":
		return time.Now(), nil
	case "estate":
		if e.TakenAt.IsZero() {
			return time.Time{}, fmt.Errorf("-time estate: the estate has no taken_at")
		}
		return e.TakenAt, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("-time %q is not wall, estate or a time such as 2026-11-23T08:00:00Z", text)
	}
	return t, nil
}

func (o options) certificate(line *ready) (*tls.Certificate, error) {
	if !o.tls {
		return nil, nil
	}
	var cert tls.Certificate
	var err error
	if o.certFile != "" || o.keyFile != "" {
		cert, err = tls.LoadX509KeyPair(o.certFile, o.keyFile)
	} else {
		cert, err = certificate.New()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot use the certificate: %w", err)
	}
	sum := sha256.Sum256(cert.Certificate[0])
	line.CertificateSHA256 = hex.EncodeToString(sum[:])
	line.CertificatePEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))
	return &cert, nil
}

func token() string {
	return rand.Text()
}

// wait returns on SIGINT or SIGTERM, or when the parent has closed our stdin or died.
func wait(withParent bool) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	closed := make(chan struct{})
	if withParent {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			close(closed)
		}()
	}
	select {
	case <-signals:
	case <-closed:
	}
}
