// Package registry is a schema registry that speaks a part of Confluent's API,
// for development and tests: subjects, versions, schemas by id, and
// registration. It checks no compatibility. Source: Confluent, "Schema Registry
// API Reference".
package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
)

// Schema is one version of a subject, as the API and exports of it spell it.
type Schema struct {
	ID         int             `json:"id"`
	Subject    string          `json:"subject"`
	Version    int             `json:"version"`
	Schema     string          `json:"schema"`
	SchemaType string          `json:"schemaType,omitempty"`
	References json.RawMessage `json:"references,omitempty"`
}

// Registry is an http.Handler, safe for concurrent use. What it knows is in a
// file, a list of Schema.
type Registry struct {
	file string
	mux  *http.ServeMux

	mu  sync.Mutex
	all []Schema
}

// New reads file, which may not be there yet.
func New(file string) (*Registry, error) {
	r := &Registry{file: file, mux: http.NewServeMux()}
	p, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(p, &r.all)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("registry: %s: %w", file, err)
	}
	for path, f := range map[string]func(*http.Request) (any, int){
		"GET /subjects":                              r.subjects,
		"GET /subjects/{subject}/versions":           r.versions,
		"GET /subjects/{subject}/versions/{version}": r.version,
		"POST /subjects/{subject}/versions":          r.register,
		"GET /schemas/ids/{id}":                      r.byID,
	} {
		r.mux.HandleFunc(path, func(w http.ResponseWriter, q *http.Request) {
			v, code := f(q)
			w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
			if code >= 1000 { // Confluent's codes begin with HTTP's
				w.WriteHeader(code / 100)
				v = map[string]any{"error_code": code, "message": v}
			}
			_ = json.NewEncoder(w).Encode(v)
		})
	}
	return r, nil
}

// ServeHTTP is part of http.Handler.
func (r *Registry) ServeHTTP(w http.ResponseWriter, q *http.Request) { r.mux.ServeHTTP(w, q) }

// Load takes the schemas of an export, a list of Schema, with their ids; a schema
// may be a text or what the text says.
func (r *Registry) Load(p []byte) error {
	var more []struct {
		Schema
		Text json.RawMessage `json:"schema"`
	}
	if err := json.Unmarshal(p, &more); err != nil {
		return fmt.Errorf("registry: the export is no list of schemas: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range more {
		s := m.Schema
		if json.Unmarshal(m.Text, &s.Schema) != nil {
			s.Schema = string(m.Text)
		}
		if !slices.ContainsFunc(r.all, func(o Schema) bool { return o.ID == s.ID && o.Subject == s.Subject && o.Version == s.Version }) {
			r.all = append(r.all, s)
		}
	}
	return r.keep()
}

// keep writes the file anew. r.mu is held.
func (r *Registry) keep() error {
	p, err := json.MarshalIndent(r.all, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.file+".new", p, 0o644); err != nil {
		return err
	}
	return os.Rename(r.file+".new", r.file)
}

// The codes of Confluent's API.
const (
	noSubject  = 40401
	noVersion  = 40402
	noSchema   = 40403
	badSchema  = 42201
	storeError = 50001
)

func (r *Registry) subjects(*http.Request) (any, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := []string{}
	for _, s := range r.all {
		names = append(names, s.Subject)
	}
	slices.Sort(names)
	return slices.Compact(names), 0
}

// of are the versions of a subject, oldest first. r.mu is held.
func (r *Registry) of(subject string) (list []Schema) {
	for _, s := range r.all {
		if s.Subject == subject {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Schema) int { return a.Version - b.Version })
	return list
}

func (r *Registry) versions(q *http.Request) (any, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	numbers := []int{}
	for _, s := range r.of(q.PathValue("subject")) {
		numbers = append(numbers, s.Version)
	}
	if len(numbers) == 0 {
		return "Subject not found.", noSubject
	}
	return numbers, 0
}

func (r *Registry) version(q *http.Request) (any, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.of(q.PathValue("subject"))
	if len(list) == 0 {
		return "Subject not found.", noSubject
	}
	if q.PathValue("version") == "latest" {
		return list[len(list)-1], 0
	}
	for _, s := range list {
		if strconv.Itoa(s.Version) == q.PathValue("version") {
			return s, 0
		}
	}
	return "Version not found.", noVersion
}

func (r *Registry) byID(q *http.Request) (any, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.all {
		if strconv.Itoa(s.ID) == q.PathValue("id") {
			return Schema{ID: s.ID, Schema: s.Schema, SchemaType: s.SchemaType, References: s.References}, 0
		}
	}
	return "Schema not found", noSchema
}

// register gives a schema an id, the one it has already if it is known.
func (r *Registry) register(q *http.Request) (any, int) {
	var s Schema
	if err := json.NewDecoder(http.MaxBytesReader(nil, q.Body, 16<<20)).Decode(&s); err != nil || s.Schema == "" {
		return "Invalid schema", badSchema
	}
	if s.SchemaType != "PROTOBUF" && !json.Valid([]byte(s.Schema)) {
		return "Invalid schema", badSchema
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Subject, s.ID, s.Version = q.PathValue("subject"), 0, 1
	next := 1
	for _, o := range r.all {
		next = max(next, o.ID+1)
		if o.Schema == s.Schema && o.SchemaType == s.SchemaType {
			s.ID = o.ID
			if o.Subject == s.Subject {
				return map[string]int{"id": o.ID}, 0
			}
		}
	}
	if s.ID == 0 {
		s.ID = next
	}
	if list := r.of(s.Subject); len(list) > 0 {
		s.Version = list[len(list)-1].Version + 1
	}
	r.all = append(r.all, s)
	if err := r.keep(); err != nil {
		r.all = r.all[:len(r.all)-1]
		return "Error in the backend data store", storeError
	}
	return map[string]int{"id": s.ID}, 0
}
