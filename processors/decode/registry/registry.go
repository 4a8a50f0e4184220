// Package registry finds the schemas that Avro records name by id: in a
// registry that speaks the Confluent API (Confluent, Karapace, Redpanda,
// Apicurio's ccompat), in Apicurio's own, or in a folder or file of schemas.
//
// A schema of an id never changes, so what was found is kept for good. What was
// not found is asked for again, but not more often than every few seconds.
package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/schemas"
)

// Config of a registry.
type Config struct {
	// URL of a registry; with /apis/registry/ in it, Apicurio's own API.
	URL string `yaml:"url"`
	// Username and Password, or Token; the secrets by reference. // P5
	Username string `yaml:"username"`
	Password string `yaml:"password"`
	Token    string `yaml:"token"`
	// Files is a folder of *.json, or one file: lists of {"id","subject",
	// "version","schema"}, as the Confluent API numbers them; "globalId" is
	// Apicurio's, which is another number.
	Files string `yaml:"files"`
	// GlobalIDs are Apicurio's ids of a subject's versions, in order, where the
	// files do not say them. They count if there are as many as versions.
	GlobalIDs map[string][]uint64 `yaml:"global_ids"`
}

// Set reports whether there is a registry at all.
func (c Config) Set() bool { return c.URL != "" || c.Files != "" }

// Validate checks what can be checked without asking.
func (c Config) Validate() error {
	if c.URL != "" {
		if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return errors.New("registry: url: write http://HOST:PORT, or https")
		}
	}
	if c.URL == "" && (c.Username != "" || c.Password != "" || c.Token != "") {
		return errors.New("registry: credentials without a url")
	}
	if c.Token != "" && c.Username != "" {
		return errors.New("registry: username or token, not both")
	}
	return nil
}

// Outside is what a Registry needs of the world.
type Outside struct {
	HTTP   http.RoundTripper
	Now    func() time.Time
	Secret func(ref string) (string, error)
	Wait   func(time.Duration) // nil is time.Sleep
}

// Errors of Schema.
var (
	ErrUnknown     = errors.New("the registry has no schema of this id")
	ErrUnavailable = errors.New("the registry does not answer")
)

// Registry is safe for concurrent use.
type Registry struct {
	cfg  Config
	out  Outside
	auth string

	mu    sync.Mutex
	known map[key]*schemas.Avro
	files map[key]entry
	lacks map[key]time.Time // asked for in vain
}

// key is an id: Apicurio's global ids are numbers of their own.
type key struct {
	id     uint64
	global bool
}

// entry is a schema in a file, and what the Confluent API answers.
type entry struct {
	ID         uint64      `json:"id"`
	GlobalID   *uint64     `json:"globalId"`
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

// Open reads the files; a registry is asked when a record needs it.
func Open(c Config, out Outside) (*Registry, error) {
	if out.Wait == nil {
		out.Wait = time.Sleep
	}
	r := &Registry{cfg: c, out: out, known: map[key]*schemas.Avro{}, files: map[key]entry{}, lacks: map[key]time.Time{}}
	switch {
	case c.Token != "":
		s, err := out.Secret(c.Token)
		if err != nil {
			return nil, fmt.Errorf("registry: token: %w", err)
		}
		r.auth = "Bearer " + s
	case c.Username != "":
		s, err := out.Secret(c.Password)
		if err != nil {
			return nil, fmt.Errorf("registry: password: %w", err)
		}
		req := &http.Request{Header: http.Header{}}
		req.SetBasicAuth(c.Username, s)
		r.auth = req.Header.Get("Authorization")
	}
	if c.Files != "" {
		if err := r.read(c.Files); err != nil {
			return nil, fmt.Errorf("registry: files: %w", err)
		}
		r.number()
	}
	return r, nil
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
			r.files[key{e.ID, false}] = e
			if e.GlobalID != nil {
				r.files[key{*e.GlobalID, true}] = e
			}
		}
		return nil
	})
}

// number gives the versions of subjects the global ids that were configured.
func (r *Registry) number() {
	versions := map[string][]entry{}
	for k, e := range r.files {
		if !k.global {
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
			r.files[key{ids[i], true}] = e
		}
	}
}

// again is how long an id that was asked for in vain is not asked for.
const again = 5 * time.Second

// Schema returns the schema of an id. global ids are Apicurio's.
func (r *Registry) Schema(id uint64, global bool) (*schemas.Avro, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := key{id, global}
	if a := r.known[k]; a != nil {
		return a, nil
	}
	if t, ok := r.lacks[k]; ok && r.out.Now().Sub(t) < again {
		return nil, ErrUnknown
	}
	a, err := r.find(k)
	switch {
	case errors.Is(err, ErrUnknown):
		r.lacks[k] = r.out.Now()
	case err == nil:
		r.known[k] = a
	}
	return a, err
}

func (r *Registry) find(k key) (*schemas.Avro, error) {
	id := k.id
	e, ok := r.files[k]
	if !ok {
		apicurio := strings.Contains(r.cfg.URL, "/apis/registry/")
		if r.cfg.URL == "" || k.global && !apicurio {
			return nil, ErrUnknown // the Confluent API does not know global ids
		}
		path := "/schemas/ids/" + strconv.FormatUint(id, 10)
		switch {
		case k.global:
			path = "/ids/globalIds/" + strconv.FormatUint(id, 10)
		case apicurio:
			path = "/ids/contentIds/" + strconv.FormatUint(id, 10)
		}
		b, err := r.get(path)
		if err != nil {
			return nil, err
		}
		if apicurio {
			e.Schema = string(b)
		} else if err := json.Unmarshal(b, &e); err != nil {
			return nil, fmt.Errorf("registry: schema %d: the answer is not one of the Confluent API", id)
		}
	}
	if e.SchemaType != "" && e.SchemaType != "AVRO" {
		return nil, fmt.Errorf("registry: schema %d is of type %s; Avro is read", id, e.SchemaType)
	}
	var refs [][]byte
	if err := r.references(e.References, &refs, map[string]bool{}); err != nil {
		return nil, err
	}
	a, err := schemas.ParseAvro(e.text(), refs...)
	if err != nil {
		return nil, fmt.Errorf("registry: schema %d: %w", id, err)
	}
	return a, nil
}

func (e entry) text() []byte {
	if s, ok := e.Schema.(string); ok {
		return []byte(s)
	}
	b, _ := json.Marshal(e.Schema)
	return b
}

// references collects what refs name, deepest first.
func (r *Registry) references(refs []reference, into *[][]byte, seen map[string]bool) error {
	for _, ref := range refs {
		path := fmt.Sprintf("/subjects/%s/versions/%d", url.PathEscape(ref.Subject), ref.Version)
		if seen[path] {
			continue
		}
		if seen[path] = true; len(seen) > 1000 {
			return errors.New("registry: more than 1000 references")
		}
		var e entry
		found := false
		for _, f := range r.files {
			if f.Subject == ref.Subject && f.Version == ref.Version {
				e, found = f, true
			}
		}
		if !found {
			if r.cfg.URL == "" {
				return fmt.Errorf("registry: files lack version %d of subject %q, which a schema references", ref.Version, ref.Subject)
			}
			b, err := r.get(path)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(b, &e); err != nil {
				return errors.New("registry: a reference is no schema")
			}
		}
		if err := r.references(e.References, into, seen); err != nil {
			return err
		}
		*into = append(*into, e.text())
	}
	return nil
}

const (
	maxSchema = 16 << 20
	attempts  = 8 // with waits of 6 s and a half together
	firstWait = 50 * time.Millisecond
)

// get asks the registry, a few times where that may help.
func (r *Registry) get(path string) ([]byte, error) {
	var last error
	wait := firstWait
	for n := range attempts {
		if n > 0 {
			r.out.Wait(wait)
			wait *= 2
		}
		req, err := http.NewRequest(http.MethodGet, strings.TrimRight(r.cfg.URL, "/")+path, nil)
		if err != nil {
			return nil, fmt.Errorf("registry: %w", err)
		}
		req.Header.Set("Accept", "application/vnd.schemaregistry.v1+json, application/json")
		if r.auth != "" {
			req.Header.Set("Authorization", r.auth)
		}
		res, err := r.out.HTTP.RoundTrip(req)
		if err != nil {
			last = ErrUnavailable
			continue
		}
		b, err := io.ReadAll(io.LimitReader(res.Body, maxSchema+1))
		_ = res.Body.Close()
		switch {
		case err != nil, res.StatusCode >= 500, res.StatusCode == http.StatusTooManyRequests:
			last = ErrUnavailable
		case res.StatusCode == http.StatusNotFound:
			return nil, ErrUnknown
		case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
			return nil, fmt.Errorf("registry: it refuses the credentials (%d): check username and password, or token", res.StatusCode)
		case res.StatusCode != http.StatusOK:
			return nil, fmt.Errorf("registry: it answers %d", res.StatusCode)
		case len(b) > maxSchema:
			return nil, fmt.Errorf("registry: a schema larger than %d MB", maxSchema>>20)
		default:
			return b, nil
		}
	}
	return nil, last
}
