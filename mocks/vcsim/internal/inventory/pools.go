package inventory

import (
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"vsphere-market/mocks/vcsim/internal/estate"
)

// poolShares is the default of a pool: that of a VM with 4 vCPUs and 16 GiB.
const poolShares = 163_840

func (b *Builder) buildPools() error {
	rows := map[string]*estate.Pool{}
	for i := range b.e.Pools {
		rows[b.e.Pools[i].Moid] = &b.e.Pools[i]
	}
	for i := range b.e.Pools {
		if err := b.buildPool(rows, &b.e.Pools[i], 0); err != nil {
			return err
		}
	}
	// Every compute resource has a root pool, whether the file names it or not.
	for moid, c := range b.clusters {
		b.ensureRoot(&c.ComputeResource, "resgroup-of-"+moid)
	}
	for moid, cr := range b.standalone {
		b.ensureRoot(cr, "resgroup-of-"+moid)
	}
	return nil
}

func (b *Builder) buildPool(rows map[string]*estate.Pool, row *estate.Pool, depth int) error {
	if b.pools[row.Moid] != nil {
		return nil
	}
	if depth > len(rows) {
		return fmt.Errorf("the pools above %s form a ring", row.Moid)
	}
	p := newPool(row)
	if row.Parent != "" {
		if err := b.buildPool(rows, rows[row.Parent], depth+1); err != nil {
			return err
		}
		parent := b.pools[row.Parent]
		p.Owner = parent.Owner
		b.ctx.Map.PutEntity(parent, p)
		parent.ResourcePool.ResourcePool = append(parent.ResourcePool.ResourcePool, p.Self)
	} else {
		cr, err := b.ownerOf(row)
		if err != nil {
			return err
		}
		b.putRoot(cr, p)
	}
	b.pools[row.Moid] = p
	return nil
}

// ownerOf finds the compute resource of a root pool: its cluster, or the standalone host of a VM
// in it, or the only standalone host.
func (b *Builder) ownerOf(row *estate.Pool) (*mo.ComputeResource, error) {
	if c := b.clusters[row.Cluster]; c != nil {
		if _, taken := b.rootPools[c.Self]; taken {
			return nil, fmt.Errorf("the cluster %s has two root pools, the second is %s", row.Cluster, row.Moid)
		}
		return &c.ComputeResource, nil
	}
	for i := range b.e.VMs {
		vm := &b.e.VMs[i]
		if cr := b.standalone[vm.Host]; vm.Pool == row.Moid && cr != nil {
			return cr, nil
		}
	}
	for i := range b.e.Hosts {
		cr := b.standalone[b.e.Hosts[i].Moid]
		if cr == nil {
			continue
		}
		if _, taken := b.rootPools[cr.Self]; !taken {
			return cr, nil
		}
	}
	return nil, fmt.Errorf("the root pool %s belongs to no cluster and to no standalone host", row.Moid)
}

func newPool(row *estate.Pool) *simulator.ResourcePool {
	p := &simulator.ResourcePool{}
	p.Self = refTo("ResourcePool", row.Moid)
	p.Name = row.Name
	shares := whole(row.Shares, poolShares)
	level := types.SharesLevelCustom
	if shares == poolShares {
		level = types.SharesLevelNormal
	}
	p.Config = types.ResourceConfigSpec{
		Entity: &p.Self,
		CpuAllocation: allocation(nil, nil, true,
			types.SharesInfo{Shares: 4000, Level: types.SharesLevelNormal}),
		MemoryAllocation: allocation(row.ReservationMiB, row.LimitMiB, row.Expandable,
			types.SharesInfo{Shares: int32(shares), Level: level}),
	}
	p.Runtime.OverallStatus = types.ManagedEntityStatusGreen
	p.Summary = &types.ResourcePoolSummary{Name: row.Name, Config: p.Config, Runtime: p.Runtime}
	return p
}

func (b *Builder) putRoot(cr *mo.ComputeResource, p *simulator.ResourcePool) {
	p.Owner = cr.Self
	b.ctx.Map.PutEntity(cr, p)
	cr.ResourcePool = &p.Self
	b.rootPools[cr.Self] = p.Self
}

func (b *Builder) ensureRoot(cr *mo.ComputeResource, moid string) {
	if _, there := b.rootPools[cr.Self]; there {
		return
	}
	p := newPool(&estate.Pool{Moid: moid, Name: "Resources", Expandable: true})
	b.putRoot(cr, p)
	b.pools[moid] = p
}
