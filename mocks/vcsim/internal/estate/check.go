package estate

import "fmt"

// defaults fills in what an absent choice means.
func (e *Estate) defaults() {
	for i := range e.VMs {
		setDefault(&e.VMs[i].Power, "poweredOn")
		setDefault(&e.VMs[i].Connection, "connected")
	}
	for i := range e.Hosts {
		setDefault(&e.Hosts[i].Power, "poweredOn")
		setDefault(&e.Hosts[i].Connection, "connected")
	}
	for i := range e.Rules {
		setDefault(&e.Rules[i].Kind, KeepTogether)
	}
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// check makes sure that ids are unique and that every reference leads somewhere.
func (e *Estate) check() error {
	ids := map[string]map[string]bool{}
	add := func(table, moid, name string) error {
		if moid == "" || name == "" {
			return fmt.Errorf("a row of %s has no moid or no name", table)
		}
		if ids[table] == nil {
			ids[table] = map[string]bool{}
		}
		if ids[table][moid] {
			return fmt.Errorf("%s holds %s twice", table, moid)
		}
		ids[table][moid] = true
		return nil
	}
	for _, r := range e.Clusters {
		if err := add("clusters", r.Moid, r.Name); err != nil {
			return err
		}
	}
	for _, r := range e.Hosts {
		if err := add("hosts", r.Moid, r.Name); err != nil {
			return err
		}
	}
	for _, r := range e.Pools {
		if err := add("pools", r.Moid, r.Name); err != nil {
			return err
		}
	}
	for _, r := range e.Datastores {
		if err := add("datastores", r.Moid, r.Name); err != nil {
			return err
		}
	}
	for _, r := range e.VMs {
		if err := add("vms", r.Moid, r.Name); err != nil {
			return err
		}
	}
	for _, r := range e.Rules {
		if err := add("rules", r.Moid, r.Name); err != nil {
			return err
		}
	}
	return e.references(ids)
}

func (e *Estate) references(ids map[string]map[string]bool) error {
	known := func(row, table string, moids ...string) error {
		for _, moid := range moids {
			if moid != "" && !ids[table][moid] {
				return fmt.Errorf("%s refers to %s, which is not among the %s", row, moid, table)
			}
		}
		return nil
	}
	var errs []error
	for _, r := range e.Hosts {
		errs = append(errs, known(r.Moid, "clusters", r.Cluster), known(r.Moid, "datastores", r.Datastores...))
		if r.MemoryMiB <= 0 {
			errs = append(errs, fmt.Errorf("%s has no memory_mib", r.Moid))
		}
	}
	for _, r := range e.Pools {
		errs = append(errs, known(r.Moid, "clusters", r.Cluster), known(r.Moid, "pools", r.Parent))
	}
	for _, r := range e.VMs {
		errs = append(errs, known(r.Moid, "hosts", r.Host), known(r.Moid, "clusters", r.Cluster),
			known(r.Moid, "pools", r.Pool), known(r.Moid, "datastores", r.Datastores...))
		if r.SizeMiB <= 0 {
			errs = append(errs, fmt.Errorf("%s has no size_mib", r.Moid))
		}
	}
	for _, r := range e.Rules {
		if r.Cluster == "" {
			errs = append(errs, fmt.Errorf("rule %s has no cluster", r.Moid))
		}
		errs = append(errs, known(r.Moid, "clusters", r.Cluster), known(r.Moid, "vms", r.VMs...),
			known(r.Moid, "hosts", r.Hosts...))
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
