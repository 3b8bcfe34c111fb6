package vcenter

import (
	"slices"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"

	"vsphere-market/mocks/vcsim/internal/estate"
)

// license gives hosts the licences that the file names; others stay in evaluation, as the library
// makes them.
func (v *VCenter) license(e *estate.Estate) {
	licenses := v.reg.Get(*v.content.LicenseManager).(*simulator.LicenseManager)
	manager := v.reg.Get(*licenses.LicenseAssignmentManager).(*simulator.LicenseAssignmentManager)
	assigned := manager.QueryAssignedLicensesResponse.Returnval
	for i := range e.Hosts {
		row := &e.Hosts[i]
		at := slices.IndexFunc(assigned, func(one types.LicenseAssignmentManagerLicenseAssignment) bool {
			return one.EntityId == row.Moid
		})
		if row.Licence == "" || at < 0 {
			continue
		}
		info := types.LicenseManagerLicenseInfo{
			LicenseKey: "00000-" + row.Moid, EditionKey: "esx.named", Name: row.Licence,
		}
		for _, key := range row.Features {
			info.Properties = append(info.Properties, types.KeyAnyValue{
				Key: "feature", Value: types.KeyValue{Key: key, Value: key},
			})
		}
		assigned[at].AssignedLicense = info
	}
}
