// Package registry finds the schemas that records name by id, of Avro, JSON or Protobuf: in a
// registry that speaks the Confluent API (Confluent, Karapace, Redpanda,
// Apicurio's ccompat), in Apicurio's own, or in a folder or file of schemas.
//
// A schema of an id never changes, so what was found is kept for good. What was
// not found, or was no schema, is asked for again, but not more often than every
// few seconds. Whoever needs an id that is being asked for waits for that answer,
// and nobody else does.
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
	// CA, Cert and Key are PEM by reference: whom to trust, and who we are. // P5
	CA   string `yaml:"ca"`
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
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
	if (c.Cert == "") != (c.Key == "") {
		return errors.New("registry: cert and key, or neither")
	}
	if (c.Cert != "" || c.CA != "") && !strings.HasPrefix(c.URL, "https://") {
		return errors.New("registry: ca, cert and key need an https url")
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
	ErrLanguage    = errors.New("the registry's schema of this id is of a language that is not read, or says what is not: AVRO, JSON and PROTOBUF are")
)

// Registry is safe for concurrent use.
type Registry struct {
	cfg  Config
	out  Outside
	auth string

	files map[key]entry // immutable once open

	mu     sync.Mutex
	known  map[key]*Schema
	vain   map[key]failure // asked for in vain
	asking map[key]*call
}

// failure is an answer that is no schema, and when it came.
type failure struct {
	err error
	at  time.Time
}

// call is a question that is under way: ready is closed when it was answered.
type call struct {
	ready  chan struct{}
	schema *Schema
	err    error
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
	r := &Registry{cfg: c, out: out, known: map[key]*Schema{}, files: map[key]entry{}, vain: map[key]failure{}, asking: map[key]*call{}}
	if err := r.identify(); err != nil {
		return nil, err
	}
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
func (r *Registry) Schema(id uint64, global bool) (*Schema, error) {
	k := key{id, global}
	r.mu.Lock()
	if s := r.known[k]; s != nil {
		r.mu.Unlock()
		return s, nil
	}
	if f, ok := r.vain[k]; ok && r.out.Now().Sub(f.at) < again {
		r.mu.Unlock()
		return nil, f.err
	}
	c, busy := r.asking[k]
	if !busy {
		c = &call{ready: make(chan struct{})}
		r.asking[k] = c
	}
	r.mu.Unlock()
	if busy {
		<-c.ready
		return c.schema, c.err
	}
	defer close(c.ready)
	c.schema, c.err = r.find(k)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.asking, k)
	switch {
	case c.err == nil:
		r.known[k] = c.schema
		delete(r.vain, k)
	case !errors.Is(c.err, ErrUnavailable): // it has answered: asking at once again would not help
		r.vain[k] = failure{c.err, r.out.Now()}
	}
	return c.schema, c.err
}

func (r *Registry) find(k key) (*Schema, error) {
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
			e.SchemaType = language(b)
		} else if err := json.Unmarshal(b, &e); err != nil {
			return nil, fmt.Errorf("registry: schema %d: the answer is not one of the Confluent API", id)
		}
	}
	switch e.SchemaType {
	case "", "AVRO", "PROTOBUF":
	case "JSON":
		c, err := schemas.ParseJSONSchema(e.text())
		if err != nil {
			return nil, fmt.Errorf("registry: schema %d: %w", id, err)
		}
		text, err := json.Marshal(c)
		return &Schema{connect: text}, err
	default:
		return nil, ErrLanguage
	}
	var refs []named
	if err := r.references(e.References, &refs, map[string]bool{}); err != nil {
		return nil, err
	}
	if e.SchemaType == "PROTOBUF" {
		return protobuf(e.text(), refs)
	}
	var texts [][]byte
	for _, ref := range refs {
		texts = append(texts, ref.text)
	}
	a, err := schemas.ParseAvro(e.text(), texts...)
	if err != nil {
		return nil, fmt.Errorf("registry: schema %d: %w", id, err)
	}
	return &Schema{binary: a, connect: a.Connect()}, nil
}

// language tells the schemas of Apicurio's own API, which are texts alone.
func language(p []byte) string {
	var s struct {
		Schema     string          `json:"$schema"`
		Properties json.RawMessage `json:"properties"`
	}
	switch {
	case json.Unmarshal(p, &s) == nil && (s.Schema != "" || s.Properties != nil):
		return "JSON"
	case strings.IndexAny(strings.TrimSpace(string(p)), "{[\"") == 0:
		return "AVRO"
	}
	return "PROTOBUF"
}

func (e entry) text() []byte {
	if s, ok := e.Schema.(string); ok {
		return []byte(s)
	}
	b, _ := json.Marshal(e.Schema)
	return b
}

// references collects what refs name, deepest first.
func (r *Registry) references(refs []reference, into *[]named, seen map[string]bool) error {
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
		*into = append(*into, named{ref.Name, e.text()})
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
