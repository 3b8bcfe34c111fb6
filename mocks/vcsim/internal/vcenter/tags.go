package vcenter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	// Registers the REST endpoints (sessions, tagging) with every service.
	_ "github.com/vmware/govmomi/vapi/simulator"

	"vsphere-market/mocks/vcsim/internal/estate"
)

const (
	restRoot    = "/rest/com/vmware/cis"
	sessionName = "vmware-api-session-id"
)

// attachTags creates the categories and tags of the file and attaches them, by the simulator's own
// REST endpoint: the library has no other way in.
func (v *VCenter) attachTags(e *estate.Estate) error {
	tagged := false
	for i := range e.VMs {
		tagged = tagged || len(e.VMs[i].Tags) > 0
	}
	if !tagged {
		return nil
	}
	rest := &inProcess{mux: v.service.ServeMux}
	if err := rest.login(v.service.Listen.User.Username(), v.password); err != nil {
		return err
	}
	defer rest.logout()
	categories, tags, members := map[string]string{}, map[string]string{}, map[string][]string{}
	for i := range e.VMs {
		vm := &e.VMs[i]
		for _, item := range vm.Tags {
			category, name, ok := strings.Cut(item, ":")
			if !ok || category == "" || name == "" {
				return fmt.Errorf("%s: the tag %q is not category:tag", vm.Moid, item)
			}
			if categories[category] == "" {
				id, err := rest.create("/tagging/category", map[string]any{
					"name": category, "description": "", "cardinality": "MULTIPLE",
					"associable_types": []string{},
				})
				if err != nil {
					return err
				}
				categories[category] = id
			}
			if tags[item] == "" {
				id, err := rest.create("/tagging/tag", map[string]any{
					"name": name, "description": "", "category_id": categories[category],
				})
				if err != nil {
					return err
				}
				tags[item] = id
			}
			members[item] = append(members[item], vm.Moid)
		}
	}
	for item, moids := range members {
		var objects []map[string]string
		for _, moid := range moids {
			objects = append(objects, map[string]string{"id": moid, "type": "VirtualMachine"})
		}
		path := "/tagging/tag-association/id:" + tags[item] + "?~action=attach-tag-to-multiple-objects"
		if _, err := rest.call(http.MethodPost, path, map[string]any{"object_ids": objects}); err != nil {
			return err
		}
	}
	return nil
}

// inProcess calls REST handlers without a network.
type inProcess struct {
	mux     *http.ServeMux
	session string
}

func (c *inProcess) login(user, password string) error {
	r, err := http.NewRequest(http.MethodPost, restRoot+"/session", nil)
	if err != nil {
		return err
	}
	r.SetBasicAuth(user, password)
	out := &answer{header: http.Header{}, status: http.StatusOK}
	c.mux.ServeHTTP(out, r)
	var body struct{ Value string }
	if err := json.Unmarshal(out.body.Bytes(), &body); err != nil || out.status != http.StatusOK {
		return fmt.Errorf("cannot log in to the REST endpoint: HTTP %d", out.status)
	}
	c.session = body.Value
	return nil
}

func (c *inProcess) logout() { _, _ = c.call(http.MethodDelete, "/session", nil) }

// create makes a category or tag and gives its id.
func (c *inProcess) create(path string, spec map[string]any) (string, error) {
	raw, err := c.call(http.MethodPost, path, map[string]any{"create_spec": spec})
	if err != nil {
		return "", err
	}
	var body struct{ Value string }
	if err := json.Unmarshal(raw, &body); err != nil {
		return "", fmt.Errorf("%s answered %q", path, raw)
	}
	return body.Value, nil
}

func (c *inProcess) call(method, path string, body any) ([]byte, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(method, restRoot+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	r.Header.Set(sessionName, c.session)
	r.Header.Set("Content-Type", "application/json")
	out := &answer{header: http.Header{}, status: http.StatusOK}
	c.mux.ServeHTTP(out, r)
	if out.status != http.StatusOK {
		return nil, fmt.Errorf("%s %s answered HTTP %d: %s", method, path, out.status, out.body.String())
	}
	return out.body.Bytes(), nil
}
