package vcenter

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// door is the listening socket, which can be closed and opened again on the same port.
type door struct {
	mu        sync.Mutex
	address   string
	listener  net.Listener // nil while closed
	server    *http.Server
	tls       *tls.Config
	hangUp    func() // ends the connections that are open
	installed bool
}

// set opens or closes it; a second call does nothing.
func (d *door) set(open bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.installed || open == (d.listener != nil) {
		return nil
	}
	if !open {
		_ = d.listener.Close()
		d.listener = nil
		d.hangUp()
		return nil
	}
	listener, err := net.Listen("tcp", d.address)
	if err != nil {
		return fmt.Errorf("cannot listen on %s again: %w", d.address, err)
	}
	if d.tls != nil {
		listener = tls.NewListener(listener, d.tls)
	}
	d.listener = listener
	go func() { _ = d.server.Serve(listener) }()
	return nil
}

// Serve starts the SOAP server, with TLS when there is a certificate, and gives its URL without
// credentials. stop ends it.
func (v *VCenter) Serve(certificate *tls.Certificate) (address *url.URL, stop func(), err error) {
	// The library panics when it cannot listen; a taken port deserves a sentence.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cannot listen: %v", p)
		}
	}()
	if certificate != nil {
		v.service.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
	}
	server := v.service.NewServer()
	v.door.mu.Lock()
	v.door.address, v.door.listener = server.Listener.Addr().String(), server.Listener
	v.door.server, v.door.hangUp = server.Config, server.CloseClientConnections
	if certificate != nil {
		v.door.tls = server.TLS
	}
	v.door.installed = true
	v.door.mu.Unlock()
	u := *server.URL
	u.User = nil
	return &u, server.CloseClientConnections, v.attachTags(v.estate)
}
