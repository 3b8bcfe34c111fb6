// Command stock-vcsim serves govmomi's own simulator, unmodified: the default vCenter model that
// the vcsim command of the same release serves, with the same flags for the few things that tests
// set. It exists because that command lives in a module with replace directives, which `go install`
// refuses; nothing of the model or of the methods is changed here.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/vmware/govmomi/simulator"

	// The REST endpoints (sessions, tagging), as the vcsim command has them.
	_ "github.com/vmware/govmomi/vapi/simulator"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "stock-vcsim:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	model := simulator.VPX()
	listen := flag.String("l", "127.0.0.1:0", "listen `ADDRESS`")
	version := flag.String("api-version", "8.0.3.0", "API `VERSION`")
	username := flag.String("username", "", "login user; any when empty")
	password := flag.String("password", "", "login password; any when empty")
	useTLS := flag.Bool("tls", true, "serve with TLS")
	withStdin := flag.Bool("stdinexit", false, "exit when stdin is closed")
	flag.IntVar(&model.Datacenter, "dc", model.Datacenter, "number of datacenters")
	flag.IntVar(&model.Cluster, "cluster", model.Cluster, "number of clusters")
	flag.IntVar(&model.ClusterHost, "host", model.ClusterHost, "number of hosts per cluster")
	flag.IntVar(&model.Host, "standalone-host", model.Host, "number of standalone hosts")
	flag.IntVar(&model.Machine, "vm", model.Machine, "number of virtual machines per pool")
	flag.IntVar(&model.Datastore, "ds", model.Datastore, "number of local datastores")
	flag.IntVar(&model.Pool, "pool", model.Pool, "number of resource pools per cluster")
	flag.Parse()

	model.ServiceContent.About.ApiVersion = *version
	if err := model.Create(); err != nil {
		return fmt.Errorf("cannot create the model: %w", err)
	}
	defer model.Remove()
	service := model.Service
	service.RegisterEndpoints = true
	service.Listen = &url.URL{Host: *listen}
	if *username != "" {
		service.Listen.User = url.UserPassword(*username, *password)
	}
	if *useTLS {
		service.TLS = new(tls.Config)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cannot listen: %v", p)
		}
	}()
	server := service.NewServer()
	defer server.CloseClientConnections()
	// The line that the vcsim command prints.
	fmt.Printf("export GOVC_URL=%s GOVC_SIM_PID=%d\n", server.URL, os.Getpid())

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	closed := make(chan struct{})
	if *withStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			close(closed)
		}()
	}
	select {
	case <-signals:
	case <-closed:
	}
	return nil
}
