package vcenter

import (
	"reflect"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// collectCalls answer property reads with two of the library's habits mended: quick figures that
// nobody has measured are left out instead of 0, and unset properties are left out of later pages
// as they are out of the first.

func (c *collectCalls) mend(objects []types.ObjectContent) {
	const quick = "summary.quickStats."
	for i := range objects {
		o := &objects[i]
		kept := o.PropSet[:0]
		for _, p := range o.PropSet {
			if p.Val == nil {
				continue
			}
			if name, is := strings.CutPrefix(p.Name, quick); is && isNumber(p.Val) && !c.v.quick.has(o.Obj.Value, name) {
				continue
			}
			if zeroIsUnset[p.Name] && isZero(p.Val) {
				continue
			}
			kept = append(kept, p)
		}
		o.PropSet = kept
	}
}

func isNumber(val types.AnyType) bool {
	switch val.(type) {
	case int32, int64:
		return true
	}
	return false
}

func (c *collectCalls) own(ctx *simulator.Context, this ref) *simulator.PropertyCollector {
	pc, _ := ctx.Session.Get(this).(*simulator.PropertyCollector)
	return pc
}

// RetrievePropertiesEx reads properties, mended.
func (c *collectCalls) RetrievePropertiesEx(ctx *simulator.Context, req *types.RetrievePropertiesEx) soap.HasFault {
	pc := c.own(ctx, req.This)
	if pc == nil {
		return raise(&types.ManagedObjectNotFound{Obj: req.This}, "The collector has already been deleted.")
	}
	res := pc.RetrievePropertiesEx(ctx, req)
	if body, ok := res.(*methods.RetrievePropertiesExBody); ok && body.Res != nil && body.Res.Returnval != nil {
		c.mend(body.Res.Returnval.Objects)
	}
	return res
}

// ContinueRetrievePropertiesEx reads the next page, mended.
func (c *collectCalls) ContinueRetrievePropertiesEx(ctx *simulator.Context, req *types.ContinueRetrievePropertiesEx) soap.HasFault {
	pc := c.own(ctx, req.This)
	if pc == nil {
		return raise(&types.ManagedObjectNotFound{Obj: req.This}, "The collector has already been deleted.")
	}
	res := pc.ContinueRetrievePropertiesEx(ctx, req)
	if body, ok := res.(*methods.ContinueRetrievePropertiesExBody); ok && body.Res != nil {
		c.mend(body.Res.Returnval.Objects)
	}
	return res
}

// RetrieveProperties is the older form without pages.
func (c *collectCalls) RetrieveProperties(ctx *simulator.Context, req *types.RetrieveProperties) soap.HasFault {
	pc := c.own(ctx, req.This)
	if pc == nil {
		return raise(&types.ManagedObjectNotFound{Obj: req.This}, "The collector has already been deleted.")
	}
	res := pc.RetrieveProperties(ctx, req)
	if body, ok := res.(*methods.RetrievePropertiesBody); ok && body.Res != nil {
		c.mend(body.Res.Returnval)
	}
	return res
}

// zeroIsUnset are numbers that are never 0 when they are set; the Go structs cannot tell that.
var zeroIsUnset = map[string]bool{
	"config.hotPlugMemoryLimit": true, "config.hotPlugMemoryIncrementSize": true,
	"configurationEx.drsConfig.vmotionRate": true, "runtime.memoryOverhead": true,
}

func isZero(val types.AnyType) bool { return val == int32(0) || val == int64(0) }

// FetchResponse is the answer to the undocumented call by which pyVmomi reads single properties.
type FetchResponse struct {
	Returnval types.AnyType `xml:"returnval,omitempty,typeattr"`
}

type fetchBody struct {
	Res *FetchResponse `xml:"urn:vim25 FetchResponse,omitempty"`
}

// Fault is none.
func (b *fetchBody) Fault() *soap.Fault { return nil }

// Fetch reads one property. The library answers an unset one with the body of another call, which
// pyVmomi cannot decode. The type of the request is private to the library, hence the reflection.
func (c *collectCalls) Fetch(ctx *simulator.Context, req any) soap.HasFault {
	pc := c.own(ctx, c.v.content.PropertyCollector)
	if pc == nil {
		return raise(&types.ManagedObjectNotFound{Obj: c.v.content.PropertyCollector}, "The collector is gone.")
	}
	out := reflect.ValueOf(pc).MethodByName("Fetch").Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(req)})
	res := out[0].Interface().(soap.HasFault)
	if _, unset := res.(*methods.RetrievePropertiesExBody); unset && res.Fault() == nil {
		return &fetchBody{Res: &FetchResponse{}}
	}
	return res
}
