// Package inventory turns an estate into the managed objects of a vCenter: what the file says comes
// out over SOAP under the same managed object ids.
package inventory

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"vsphere-market/mocks/vcsim/internal/estate"
)

const mib = int64(1) << 20

// DefaultDatacenter holds what belongs to no named datacenter.
const DefaultDatacenter = "DC"

type ref = types.ManagedObjectReference

func refTo(kind, moid string) ref { return ref{Type: kind, Value: moid} }

// Builder puts the objects of one estate into a registry.
type Builder struct {
	ctx *simulator.Context
	e   *estate.Estate
	now time.Time

	root        *simulator.Folder
	datacenters map[string]*simulator.Datacenter
	folders     map[string]*simulator.Folder
	clusters    map[string]*simulator.ClusterComputeResource
	standalone  map[string]*mo.ComputeResource // by host moid
	hosts       map[string]*simulator.HostSystem
	pools       map[string]*simulator.ResourcePool
	datastores  map[string]*simulator.Datastore
	networks    map[string]*mo.Network
	rootPools   map[ref]ref // compute resource -> root pool
	hostRows    map[string]*estate.Host
	clusterRows map[string]*estate.Cluster
}

// Build fills the registry of ctx, which must hold a fresh service instance.
func Build(ctx *simulator.Context, e *estate.Estate, now time.Time) error {
	b := &Builder{
		ctx: ctx, e: e, now: now,
		datacenters: map[string]*simulator.Datacenter{},
		folders:     map[string]*simulator.Folder{},
		clusters:    map[string]*simulator.ClusterComputeResource{},
		standalone:  map[string]*mo.ComputeResource{},
		hosts:       map[string]*simulator.HostSystem{},
		pools:       map[string]*simulator.ResourcePool{},
		datastores:  map[string]*simulator.Datastore{},
		networks:    map[string]*mo.Network{},
		rootPools:   map[ref]ref{},
		hostRows:    map[string]*estate.Host{},
		clusterRows: map[string]*estate.Cluster{},
	}
	b.reserveIDs()
	content := ctx.Map.Get(refTo("ServiceInstance", "ServiceInstance")).(*simulator.ServiceInstance).Content
	b.root = ctx.Map.Get(content.RootFolder).(*simulator.Folder)
	for i := range e.Hosts {
		b.hostRows[e.Hosts[i].Moid] = &e.Hosts[i]
	}
	for i := range e.Clusters {
		b.clusterRows[e.Clusters[i].Moid] = &e.Clusters[i]
	}
	for _, step := range []func() error{
		b.buildDatacenters, b.buildDatastores, b.buildNetworks, b.buildClusters, b.buildHosts,
		b.buildPools, b.buildVMs, b.buildRules, b.buildAttributes,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

var trailingNumber = regexp.MustCompile(`\d+$`)

// highestNumber bounds how far reserveIDs counts; real ids stay far below.
const highestNumber = 3_000_000

// reserveIDs moves the registry's counter past the numbers that the file uses, so that what the
// simulator names later (tasks, folders, cloned VMs) never takes the id of an object of the file.
func (b *Builder) reserveIDs() {
	highest := 0
	see := func(moid string) {
		if n, err := strconv.Atoi(trailingNumber.FindString(moid)); err == nil && n <= highestNumber {
			highest = max(highest, n)
		}
	}
	for _, r := range b.e.VMs {
		see(r.Moid)
		for _, n := range r.Networks {
			see(n)
		}
	}
	for _, r := range b.e.Hosts {
		see(r.Moid)
		for _, n := range r.Networks {
			see(n)
		}
	}
	for _, r := range b.e.Clusters {
		see(r.Moid)
	}
	for _, r := range b.e.Pools {
		see(r.Moid)
	}
	for _, r := range b.e.Datastores {
		see(r.Moid)
	}
	// The counter is private to the registry; naming throw-away objects is the way to move it.
	for i := 0; i < highest; i++ {
		b.ctx.Map.NewEntity(&mo.Folder{})
	}
}

func (b *Builder) buildDatacenters() error {
	names := map[string]bool{}
	for _, c := range b.e.Clusters {
		names[orDefault(c.Datacenter)] = true
	}
	for _, vm := range b.e.VMs {
		if parts := pathParts(vm.Folder); len(parts) > 0 {
			names[parts[0]] = true
		}
	}
	if len(names) == 0 {
		names[DefaultDatacenter] = true
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	sort.Strings(sorted)
	for _, name := range sorted {
		b.newDatacenter(name)
	}
	return nil
}

func orDefault(datacenter string) string {
	if datacenter == "" {
		return DefaultDatacenter
	}
	return datacenter
}

// anyDatacenter is where objects go of which the file does not tell a datacenter.
func (b *Builder) anyDatacenter() *simulator.Datacenter {
	if dc := b.datacenters[DefaultDatacenter]; dc != nil {
		return dc
	}
	names := make([]string, 0, len(b.datacenters))
	for name := range b.datacenters {
		names = append(names, name)
	}
	sort.Strings(names)
	return b.datacenters[names[0]]
}

func (b *Builder) newDatacenter(name string) {
	dc := &simulator.Datacenter{}
	dc.Name = name
	b.ctx.Map.PutEntity(b.root, b.ctx.Map.NewEntity(dc))
	b.root.ChildEntity = append(b.root.ChildEntity, dc.Self)
	for _, f := range []struct {
		name  string
		kinds []string
		to    *ref
	}{
		{"vm", []string{"VirtualMachine", "VirtualApp", "Folder"}, &dc.VmFolder},
		{"host", []string{"ComputeResource", "Folder"}, &dc.HostFolder},
		{"datastore", []string{"Datastore", "StoragePod", "Folder"}, &dc.DatastoreFolder},
		{"network", []string{"Network", "DistributedVirtualSwitch", "Folder"}, &dc.NetworkFolder},
	} {
		folder := &simulator.Folder{}
		folder.Name, folder.ChildType = f.name, f.kinds
		b.ctx.Map.PutEntity(dc, b.ctx.Map.NewEntity(folder))
		*f.to = folder.Self
		b.folders["/"+name+"/"+f.name] = folder
	}
	b.datacenters[name] = dc
}

// folderAt returns the VM folder of that path, creating what is missing.
func (b *Builder) folderAt(parts []string) (*simulator.Folder, error) {
	if len(parts) < 2 || parts[1] != "vm" {
		return nil, fmt.Errorf("the folder /%s is not below /<datacenter>/vm", joined(parts))
	}
	path := "/" + joined(parts)
	if folder := b.folders[path]; folder != nil {
		return folder, nil
	}
	parent, err := b.folderAt(parts[:len(parts)-1])
	if err != nil {
		return nil, err
	}
	folder := &simulator.Folder{}
	folder.Name, folder.ChildType = parts[len(parts)-1], parent.ChildType
	b.ctx.Map.PutEntity(parent, b.ctx.Map.NewEntity(folder))
	parent.ChildEntity = append(parent.ChildEntity, folder.Self)
	b.folders[path] = folder
	return folder, nil
}

// adopt puts an entity into one of a datacenter's folders.
func (b *Builder) adopt(folder ref, item mo.Entity) {
	parent := b.ctx.Map.Get(folder).(*simulator.Folder)
	b.ctx.Map.PutEntity(parent, item)
	parent.ChildEntity = append(parent.ChildEntity, item.Reference())
}
