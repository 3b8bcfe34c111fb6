package vcenter

import (
	"crypto/tls"
	"fmt"
	"net/url"
)

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
	u := *server.URL
	u.User = nil
	return &u, server.CloseClientConnections, v.attachTags(v.estate)
}
