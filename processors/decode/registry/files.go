package registry

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// entry is a schema in a file, and what the Confluent API answers.
type entry struct {
	ID         uint64      `json:"id"`
	GlobalID   *uint64     `json:"globalId"`
	GUID       string      `json:"guid"`
	Subject    string      `json:"subject"`
	Version    int         `json:"version"`
	Schema     any         `json:"schema"` // a text, or the schema itself
	SchemaType string      `json:"schemaType"`
	References []reference `json:"references"`
}

type reference struct {
	Name    string `json:"name"`
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

func (e entry) text() []byte {
	if s, ok := e.Schema.(string); ok {
		return []byte(s)
	}
	b, _ := json.Marshal(e.Schema)
	return b
}

func (r *Registry) read(path string) error {
	return filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || p != path && !strings.HasSuffix(p, ".json") {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		var es []entry
		if err := json.Unmarshal(b, &es); err != nil {
			return fmt.Errorf("%s: not a list of {\"id\",\"schema\"}: %w", p, err)
		}
		for _, e := range es {
			r.files[ID{N: e.ID}] = e
			if e.GlobalID != nil {
				r.files[ID{N: *e.GlobalID, Global: true}] = e
			}
			if e.GUID != "" {
				g, err := ParseGUID(e.GUID)
				if err != nil {
					return fmt.Errorf("%s: schema %d: guid: %w", p, e.ID, err)
				}
				r.files[ID{GUID: g}] = e
			}
		}
		return nil
	})
}

// number gives the versions of subjects the global ids that were configured.
func (r *Registry) number() {
	versions := map[string][]entry{}
	for k, e := range r.files {
		if !k.Global && k.GUID == (GUID{}) {
			versions[e.Subject] = append(versions[e.Subject], e)
		}
	}
	for subject, ids := range r.cfg.GlobalIDs {
		es := versions[subject]
		if len(es) != len(ids) {
			continue // which one is missing nobody knows
		}
		slices.SortFunc(es, func(a, b entry) int { return a.Version - b.Version })
		for i, e := range es {
			r.files[ID{N: ids[i], Global: true}] = e
		}
	}
}
