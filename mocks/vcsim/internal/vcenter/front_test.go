package vcenter

import "testing"

func TestPeekFindsMethodObjectAndVM(t *testing.T) {
	const head = `<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="x"><soapenv:Header><Body>no</Body></soapenv:Header><soapenv:Body>`
	for _, c := range []struct {
		body, method, object, subject string
	}{
		{`<RelocateVM_Task xmlns="urn:vim25"><_this type="VirtualMachine">vm-1</_this><spec><host type="HostSystem">host-2</host></spec>`,
			"RelocateVM_Task", "vm-1", ""},
		{`<CheckMigrate_Task xmlns="urn:vim25"><_this type="VirtualMachineProvisioningChecker">p</_this><vm type="VirtualMachine">vm-7</vm>`,
			"CheckMigrate_Task", "p", "vm-7"},
		{`<CheckRelocate_Task><_this type="P">p</_this><spec><disk><vm type="VirtualMachine">no</vm></disk></spec><vm type="VirtualMachine">vm-8</vm>`,
			"CheckRelocate_Task", "p", "vm-8"},
		{`<broken`, "", "", ""},
	} {
		method, this, subject := peek([]byte(head + c.body))
		if method != c.method || this.Value != c.object || subject.Value != c.subject {
			t.Errorf("%s: %q %q %q", c.body, method, this.Value, subject.Value)
		}
	}
}
