package vcenter

import (
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// User is an account with a list of privileges that hold on the whole inventory, and others that
// hold on single objects in place of them.
type User struct {
	Name       string   `json:"user"`
	Password   string   `json:"password"`
	Privileges []string `json:"privileges"`
	// Objects overrides the list on single objects, by managed object id.
	Objects map[string][]string `json:"objects"`

	admin bool
}

type users struct {
	mu     sync.Mutex
	byName map[string]*User
}

func newUsers(admin, password string) *users {
	return &users{byName: map[string]*User{admin: {Name: admin, Password: password, admin: true}}}
}

// SetUser adds an account or replaces it; the administrator's stays.
func (v *VCenter) SetUser(u User) error {
	v.users.mu.Lock()
	defer v.users.mu.Unlock()
	if u.Name == "" || u.Password == "" {
		return fmt.Errorf("a user needs a name and a password")
	}
	if have := v.users.byName[u.Name]; have != nil && have.admin {
		return fmt.Errorf("%s is the administrator", u.Name)
	}
	v.users.byName[u.Name] = &u
	return nil
}

// ForgetUsers removes all accounts but the administrator's.
func (v *VCenter) ForgetUsers() {
	v.users.mu.Lock()
	defer v.users.mu.Unlock()
	for name, u := range v.users.byName {
		if !u.admin {
			delete(v.users.byName, name)
		}
	}
}

func (u *users) valid(req *types.Login) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	account := u.byName[req.UserName]
	return account != nil && subtle.ConstantTimeCompare([]byte(account.Password), []byte(req.Password)) == 1
}

// holds tells whether a user has a privilege on an object. Who has any has the three of System,
// without which vCenter shows nothing.
func (u *users) holds(name, privilege string, object ref) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	account := u.byName[name]
	if account == nil {
		return false
	}
	if account.admin {
		return true
	}
	list := account.Privileges
	if own, ok := account.Objects[object.Value]; ok {
		list = own
	}
	switch privilege {
	case "System.Anonymous", "System.View", "System.Read":
		return len(list) > 0
	}
	return slices.Contains(list, privilege)
}

// holds tells whether a user has a privilege on an object, by the list of the account or by a role
// that a permission gives on the object or, propagated, on what it stands in.
func (v *VCenter) holds(name, privilege string, object ref) bool {
	return v.users.holds(name, privilege, object) || v.granted(name, privilege, object)
}

func (v *VCenter) granted(name, privilege string, object ref) bool {
	manager := v.reg.Get(*v.content.AuthorizationManager).(*simulator.AuthorizationManager)
	root := v.content.RootFolder
	for at, first := object, true; ; first = false {
		for _, p := range v.permissions.of(at) {
			if p.Principal != name || !first && !p.Propagate {
				continue
			}
			for _, role := range manager.RoleList {
				if role.RoleId == p.RoleId && slices.Contains(role.Privilege, privilege) {
					return true
				}
			}
		}
		entity, ok := v.reg.Get(at).(mo.Entity)
		switch {
		case at == root:
			return false
		case !ok || entity.Entity().Parent == nil:
			// Managers, tasks and the like stand directly below the root.
			at = root
		default:
			at = *entity.Entity().Parent
		}
	}
}

// permissions are those that clients have set; the library replaces all of an object by the last.
type permissions struct {
	mu   sync.Mutex
	list map[ref][]types.Permission
}

func (p *permissions) of(entity ref) []types.Permission {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.list[entity])
}

func (p *permissions) set(entity ref, given []types.Permission) []types.Permission {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := slices.DeleteFunc(slices.Clone(p.list[entity]), func(have types.Permission) bool {
		return slices.ContainsFunc(given, func(g types.Permission) bool {
			return g.Principal == have.Principal && g.Group == have.Group
		})
	})
	if p.list == nil {
		p.list = map[ref][]types.Permission{}
	}
	p.list[entity] = append(kept, given...)
	return slices.Clone(p.list[entity])
}

// SetEntityPermissions adds to the permissions of an object, or changes those of the same
// principals, as vCenter does.
func (c *authCalls) SetEntityPermissions(ctx *simulator.Context, req *types.SetEntityPermissions) soap.HasFault {
	manager := c.v.reg.Get(*c.v.content.AuthorizationManager).(*simulator.AuthorizationManager)
	own := *req
	own.Permission = c.v.permissions.set(req.Entity, req.Permission)
	var answer soap.HasFault
	c.v.reg.WithLock(ctx, manager, func() { answer = manager.SetEntityPermissions(&own) })
	return answer
}

// need is a privilege on an object.
type need struct {
	privilege string
	on        ref
}

// authorize checks a call; the fault names the first privilege that is missing, and where.
func (v *VCenter) authorize(user string, method *simulator.Method) types.BaseMethodFault {
	for _, n := range v.needs(method) {
		if !v.holds(user, n.privilege, n.on) {
			on := n.on
			return &types.NoPermission{Object: &on, PrivilegeId: n.privilege}
		}
	}
	return nil
}

// fixed lists the privilege of calls that need one on their own object, whatever the arguments.
var fixed = map[string]string{
	"PowerOnVM_Task":                  "VirtualMachine.Interact.PowerOn",
	"PowerOffVM_Task":                 "VirtualMachine.Interact.PowerOff",
	"ShutdownGuest":                   "VirtualMachine.Interact.PowerOff",
	"SuspendVM_Task":                  "VirtualMachine.Interact.Suspend",
	"ResetVM_Task":                    "VirtualMachine.Interact.Reset",
	"RebootGuest":                     "VirtualMachine.Interact.Reset",
	"EnterMaintenanceMode_Task":       "Host.Config.Maintenance",
	"ExitMaintenanceMode_Task":        "Host.Config.Maintenance",
	"PowerDownHostToStandBy_Task":     "Host.Config.Maintenance",
	"PowerUpHostFromStandBy_Task":     "Host.Config.Maintenance",
	"DisconnectHost_Task":             "Host.Config.Connection",
	"ReconnectHost_Task":              "Host.Config.Connection",
	"ReconfigureComputeResource_Task": "Host.Inventory.EditCluster",
	"ApplyRecommendation":             "Resource.ApplyRecommendation",
	"RefreshRecommendation":           "Host.Inventory.EditCluster",
	"CreateResourcePool":              "Resource.CreatePool",
	"CancelTask":                      "Global.CancelTask",
	"CreateTask":                      "Task.Create",
	"SetTaskState":                    "Task.Update",
	"UpdateProgress":                  "Task.Update",
	"SetTaskDescription":              "Task.Update",
	"TerminateSession":                "Sessions.TerminateSession",
	"RegisterExtension":               "Extension.Register",
	"UpdateExtension":                 "Extension.Update",
	"UnregisterExtension":             "Extension.Unregister",
	"AddCustomFieldDef":               "Global.ManageCustomFields",
	"RemoveCustomFieldDef":            "Global.ManageCustomFields",
	"RenameCustomFieldDef":            "Global.ManageCustomFields",
	"SetField":                        "Global.SetCustomField",
	"SetCustomValue":                  "Global.SetCustomField",
	"PostEvent":                       "Global.LogEvent",
	"LogUserEvent":                    "Global.LogEvent",
	"AddAuthorizationRole":            "Authorization.ModifyRoles",
	"UpdateAuthorizationRole":         "Authorization.ModifyRoles",
	"RemoveAuthorizationRole":         "Authorization.ModifyRoles",
	"SetEntityPermissions":            "Authorization.ModifyPermissions",
	"Rename_Task":                     "VirtualMachine.Config.Rename",
	"UpdateOptions":                   "Global.Settings",
	"Destroy_Task":                    "VirtualMachine.Inventory.Delete",
	"CloneVM_Task":                    "VirtualMachine.Provisioning.Clone",
	"CreateVM_Task":                   "VirtualMachine.Inventory.Create",
	"MarkAsTemplate":                  "VirtualMachine.Provisioning.MarkAsTemplate",
	"CreateSnapshot_Task":             "VirtualMachine.State.CreateSnapshot",
}

// needs lists what a call takes. A call that is in no list and makes no task is a read, for which
// System.View on its object does.
func (v *VCenter) needs(method *simulator.Method) []need {
	this := method.This
	if privilege, ok := fixed[method.Name]; ok {
		return []need{{privilege, this}}
	}
	switch body := method.Body.(type) {
	case *types.RelocateVM_Task:
		needs := append([]need{{"Resource.ColdMigrate", this}}, v.hotNeeds(this)...)
		if body.Spec.Pool != nil {
			needs = append(needs, need{"Resource.AssignVMToPool", *body.Spec.Pool})
		}
		if body.Spec.Datastore != nil {
			needs = append(needs, need{"Datastore.AllocateSpace", *body.Spec.Datastore})
		}
		return needs
	case *types.MigrateVM_Task:
		needs := v.hotNeeds(this)
		if len(needs) == 0 {
			needs = []need{{"Resource.ColdMigrate", this}}
		}
		if body.Pool != nil {
			needs = append(needs, need{"Resource.AssignVMToPool", *body.Pool})
		}
		return needs
	case *types.ReconfigVM_Task:
		return specNeeds(this, &body.Spec)
	case *types.UpdateConfig:
		needs := []need{{"Resource.EditPool", this}}
		if f, ok := v.poolFacts(this); ok && f.parent != nil {
			needs = append(needs, need{"Resource.EditPool", *f.parent})
		}
		return needs
	case *types.CheckRelocate_Task:
		return []need{{"System.View", body.Vm}}
	case *types.CheckMigrate_Task:
		return []need{{"System.View", body.Vm}}
	case *types.QueryVMotionCompatibilityEx_Task:
		var needs []need
		for _, vm := range body.Vm {
			needs = append(needs, need{"System.View", vm})
		}
		return needs
	}
	if strings.HasSuffix(method.Name, "_Task") {
		// Whatever else makes a task changes something; who may change settings may do that too.
		return []need{{"Global.Settings", this}}
	}
	return []need{{"System.View", this}}
}

func (v *VCenter) hotNeeds(vm ref) []need {
	if facts, ok := v.vmFacts(vm); ok && facts.on {
		return []need{{"Resource.HotMigrate", vm}}
	}
	return nil
}

// specNeeds lists what each part of a spec takes.
func specNeeds(vm ref, spec *types.VirtualMachineConfigSpec) (needs []need) {
	add := func(changed bool, privilege string) {
		if changed {
			needs = append(needs, need{"VirtualMachine.Config." + privilege, vm})
		}
	}
	add(spec.MemoryMB != 0 || spec.MemoryHotAddEnabled != nil, "Memory")
	add(spec.NumCPUs != 0 || spec.CpuHotAddEnabled != nil || spec.CpuHotRemoveEnabled != nil, "CPUCount")
	add(spec.MemoryAllocation != nil || spec.CpuAllocation != nil || spec.MemoryReservationLockedToMax != nil,
		"Resource")
	add(len(spec.ExtraConfig) > 0, "AdvancedConfig")
	add(spec.Name != "", "Rename")
	add(spec.Annotation != "", "Annotation")
	add(len(spec.DeviceChange) > 0, "EditDevice")
	if len(needs) == 0 {
		add(true, "Settings")
	}
	return needs
}

// HasPrivilegeOnEntities tells what the asking user may do.
func (c *authCalls) HasPrivilegeOnEntities(ctx *simulator.Context, req *types.HasPrivilegeOnEntities) soap.HasFault {
	body := &methods.HasPrivilegeOnEntitiesBody{Res: &types.HasPrivilegeOnEntitiesResponse{}}
	for _, entity := range req.Entity {
		body.Res.Returnval = append(body.Res.Returnval, types.EntityPrivilege{
			Entity: entity, PrivAvailability: c.available(ctx.Session.UserName, entity, req.PrivId),
		})
	}
	return body
}

// HasPrivilegeOnEntity tells it of one object.
func (c *authCalls) HasPrivilegeOnEntity(ctx *simulator.Context, req *types.HasPrivilegeOnEntity) soap.HasFault {
	body := &methods.HasPrivilegeOnEntityBody{Res: &types.HasPrivilegeOnEntityResponse{}}
	for _, p := range c.available(ctx.Session.UserName, req.Entity, req.PrivId) {
		body.Res.Returnval = append(body.Res.Returnval, p.IsGranted)
	}
	return body
}

// HasUserPrivilegeOnEntities tells it of any user.
func (c *authCalls) HasUserPrivilegeOnEntities(_ *simulator.Context, req *types.HasUserPrivilegeOnEntities) soap.HasFault {
	body := &methods.HasUserPrivilegeOnEntitiesBody{Res: &types.HasUserPrivilegeOnEntitiesResponse{}}
	for _, entity := range req.Entities {
		body.Res.Returnval = append(body.Res.Returnval, types.EntityPrivilege{
			Entity: entity, PrivAvailability: c.available(req.UserName, entity, req.PrivId),
		})
	}
	return body
}

// FetchUserPrivilegeOnEntities lists what a user may do on objects.
func (c *authCalls) FetchUserPrivilegeOnEntities(_ *simulator.Context, req *types.FetchUserPrivilegeOnEntities) soap.HasFault {
	manager := c.v.reg.Get(*c.v.content.AuthorizationManager).(*simulator.AuthorizationManager)
	body := &methods.FetchUserPrivilegeOnEntitiesBody{Res: &types.FetchUserPrivilegeOnEntitiesResponse{}}
	for _, entity := range req.Entities {
		result := types.UserPrivilegeResult{Entity: entity}
		for _, role := range manager.RoleList {
			if role.Name != "Admin" {
				continue
			}
			for _, p := range c.available(req.UserName, entity, role.Privilege) {
				if p.IsGranted {
					result.Privileges = append(result.Privileges, p.PrivId)
				}
			}
		}
		body.Res.Returnval = append(body.Res.Returnval, result)
	}
	return body
}

func (c *authCalls) available(user string, entity ref, privileges []string) (out []types.PrivilegeAvailability) {
	for _, p := range privileges {
		out = append(out, types.PrivilegeAvailability{PrivId: p, IsGranted: c.v.holds(user, p, entity)})
	}
	return out
}
