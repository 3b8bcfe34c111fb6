package faults

import (
	"reflect"
	"strings"

	"github.com/vmware/govmomi/vim25/types"
)

// kindsByField says what the required references in faults point to, by the field's name.
var kindsByField = map[string]string{
	"Task": "Task", "Host": "HostSystem", "Vm": "VirtualMachine", "Datastore": "Datastore",
	"Network": "Network", "Receiver": "VirtualMachine",
}

// complete fills in the required fields of a fault that a rule has left out: clients cannot decode
// an empty reference, an empty enum or a missing inner fault, and so never see such a fault at all.
func complete(v reflect.Value) {
	for i := range v.NumField() {
		field, declared := v.Field(i), v.Type().Field(i)
		if declared.Anonymous && field.Kind() == reflect.Struct {
			complete(field)
			continue
		}
		if strings.Contains(declared.Tag.Get("xml"), "omitempty") {
			continue
		}
		switch value := field.Interface().(type) {
		case types.ManagedObjectReference:
			if value.Type == "" {
				kind := kindsByField[declared.Name]
				if kind == "" {
					kind = "VirtualMachine"
				}
				field.Set(reflect.ValueOf(types.ManagedObjectReference{Type: kind, Value: "unknown"}))
			}
		case types.LocalizedMethodFault:
			if value.Fault == nil {
				field.Set(reflect.ValueOf(types.LocalizedMethodFault{
					Fault: &types.NotSupported{}, LocalizedMessage: "injected",
				}))
			}
		default:
			if words, isEnum := field.Interface().(interface{ Strings() []string }); isEnum &&
				field.Kind() == reflect.String && field.String() == "" && len(words.Strings()) > 0 {
				field.SetString(words.Strings()[0])
			}
		}
	}
}
