package vcenter

import (
	"reflect"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// The library finds the object of a call in its registry and calls the Go method of that name.
// Its Handler hook may change the call before that, so calls that are answered here are pointed to
// a receiver object of ours that has a method of the same name; the arguments still name the
// object that the client meant. All other calls go to the library's objects as ever.

const receiverType = "VsphereMarketReceiver"

// receiver is what our receivers share: a reference of their own, and no lock, because each method
// takes the locks that it needs.
type receiver struct {
	v    *VCenter
	name string
}

// Reference identifies the receiver in the registry.
func (r *receiver) Reference() ref { return ref{Type: receiverType, Value: r.name} }

// Lock does nothing; see receiver.
func (r *receiver) Lock() {}

// Unlock does nothing; see receiver.
func (r *receiver) Unlock() {}

type (
	vmCalls      struct{ receiver }
	hostCalls    struct{ receiver }
	checkCalls   struct{ receiver }
	taskCalls    struct{ receiver }
	listCalls    struct{ receiver }
	eventCalls   struct{ receiver }
	perfCalls    struct{ receiver }
	poolCalls    struct{ receiver }
	rootCalls    struct{ receiver }
	authCalls    struct{ receiver }
	collectCalls struct{ receiver }
	raiser       struct{ receiver }
)

// refusal is the argument of the raiser: what it answers.
type refusal struct {
	message string
	fault   types.BaseMethodFault
}

// faultBody answers any call with a fault.
type faultBody struct{ reason *soap.Fault }

// Fault makes faultBody an answer.
func (b *faultBody) Fault() *soap.Fault { return b.reason }

// Raise answers with the fault; calls are pointed to it when they are refused before the work.
func (r *raiser) Raise(_ *simulator.Context, req *refusal) soap.HasFault {
	return raise(req.fault, req.message)
}

// raise is an answer with a fault and its sentence.
func raise(fault types.BaseMethodFault, message string) soap.HasFault {
	return &faultBody{reason: simulator.Fault(message, fault)}
}

type route struct {
	target ref
	kind   reflect.Type
}

// dispatch registers the receivers and the hook.
func (v *VCenter) dispatch() {
	v.routes = map[string]route{}
	add := func(objectType string, r interface{ Reference() ref }) {
		v.reg.Put(r)
		v.routes[objectType] = route{target: r.Reference(), kind: reflect.TypeOf(r)}
	}
	part := func(name string) receiver { return receiver{v: v, name: name} }
	add("VirtualMachine", &vmCalls{part("vm")})
	add("HostSystem", &hostCalls{part("host")})
	add("VirtualMachineProvisioningChecker", &checkCalls{part("check")})
	add("Task", &taskCalls{part("task")})
	add("TaskManager", &listCalls{part("list")})
	add("EventManager", &eventCalls{part("event")})
	add("PerformanceManager", &perfCalls{part("perf")})
	add("ResourcePool", &poolCalls{part("pool")})
	add("ClusterComputeResource", &clusterCalls{part("cluster")})
	add("ServiceInstance", &rootCalls{part("root")})
	add("AuthorizationManager", &authCalls{part("auth")})
	add("PropertyCollector", &collectCalls{part("collect")})
	refuse := &raiser{part("raise")}
	v.reg.Put(refuse)
	v.reg.Handler = func(ctx *simulator.Context, method *simulator.Method) (mo.Reference, types.BaseMethodFault) {
		return nil, v.handle(ctx, method, refuse.Reference())
	}
}

// handle looks at every call before the library does.
func (v *VCenter) handle(
	ctx *simulator.Context, method *simulator.Method, refuse ref,
) types.BaseMethodFault {
	session, user := "", ""
	if ctx.Session != nil {
		session, user = ctx.Session.Key, ctx.Session.UserName
	}
	call := v.Calls.identify(callNumber(ctx), session, user)
	if call == nil {
		return nil // a call from within the process
	}
	if login, ok := method.Body.(*types.Login); ok {
		call.User = login.UserName
	}
	deny := func(fault types.BaseMethodFault, message string) types.BaseMethodFault {
		if ctx.Session == nil {
			return fault // without a session the library lets nothing through that could say more
		}
		method.This, method.Name, method.Body = refuse, "Raise", &refusal{message: message, fault: fault}
		return nil
	}
	if call.inject != nil && call.inject.Where == "call" {
		fault, message := call.inject.NewFault()
		return deny(fault, message)
	}
	if fault := v.withoutSession(ctx, method); fault != nil {
		return fault
	}
	if ctx.Session != nil {
		if fault := v.authorize(user, method); fault != nil {
			return deny(fault, "Permission to perform this operation was denied.")
		}
	}
	if target, ours := v.routed(method.This.Type, method.Name); ours && ctx.Session != nil {
		method.This = target
	}
	return nil
}

// routed tells whether a call goes to a receiver of ours, and to which.
func (v *VCenter) routed(objectType, method string) (target ref, ours bool) {
	to, ok := v.routes[objectType]
	if !ok {
		return ref{}, false
	}
	_, ours = to.kind.MethodByName(goName(method))
	return to.target, ours
}

// withoutSession closes the doors that the library leaves open: logins that check no password, and
// property reads, which a vCenter answers with NotAuthenticated and the library with empty objects.
func (v *VCenter) withoutSession(ctx *simulator.Context, method *simulator.Method) types.BaseMethodFault {
	switch method.Name {
	case "LoginByToken", "LoginExtensionByCertificate":
		return new(types.InvalidLogin)
	case "RetrievePropertiesEx":
		if ctx.Session == nil {
			return &types.NotAuthenticated{NoPermission: types.NoPermission{
				Object: &method.This, PrivilegeId: "System.View",
			}}
		}
	}
	return nil
}

// goName is how the library spells a wire name: MigrateVM_Task is MigrateVMTask.
func goName(wire string) string {
	if wire == "" {
		return ""
	}
	name := strings.ToUpper(wire[:1]) + wire[1:]
	return strings.Replace(name, "_Task", "Task", 1)
}

// injected finds the task fault that a rule has in store for the call of ctx, if any.
func (v *VCenter) injected(ctx *simulator.Context) *injection {
	call := v.Calls.identify(callNumber(ctx), ctx.Session.Key, ctx.Session.UserName)
	if call == nil || call.inject == nil {
		return nil
	}
	return &injection{rule: call.inject}
}
