package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Apicurio's own API (Apicurio Registry, Core Registry API v2 and v3): a schema by
// its global or content id is a text alone, what it references is asked for
// beside it, and named by group, artifact and version.

// artifact is what a schema of Apicurio's references.
type artifact struct {
	Group   string `json:"groupId"` // "" is the group default
	ID      string `json:"artifactId"`
	Version string `json:"version"`
	Name    string `json:"name"` // by which the schema means it
}

// path is where the version is, without what of it is asked for.
func (a *artifact) path() string {
	group := a.Group
	if group == "" {
		group = "default"
	}
	return fmt.Sprintf("/groups/%s/artifacts/%s/versions/%s", url.PathEscape(group), url.PathEscape(a.ID), url.PathEscape(a.Version))
}

// artifacts collects what the schema at path references, deepest first. A registry
// that does not know the question (before 2.1) has no references.
func (r *Registry) artifacts(path string, into *[]named, seen map[string]bool) error {
	b, err := r.get(path + "/references")
	if errors.Is(err, ErrUnknown) {
		return nil
	}
	if err != nil {
		return err
	}
	var refs []artifact
	if err := json.Unmarshal(b, &refs); err != nil {
		return errors.New("registry: what a schema references is no list of Apicurio's API")
	}
	for _, ref := range refs {
		path := ref.path()
		if seen[path] {
			continue
		}
		if seen[path] = true; len(seen) > 1000 {
			return errors.New("registry: more than 1000 references")
		}
		content := path
		if strings.Contains(r.cfg.URL, "/apis/registry/v3") {
			content += "/content" // in v2 the version is its content
		}
		text, err := r.get(content)
		if errors.Is(err, ErrUnknown) {
			return fmt.Errorf("registry: version %s of artifact %q, which a schema references, is not there", ref.Version, ref.ID)
		}
		if err != nil {
			return err
		}
		if err := r.artifacts(path, into, seen); err != nil {
			return err
		}
		*into = append(*into, named{ref.Name, text})
	}
	return nil
}
