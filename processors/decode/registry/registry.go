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
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config of a registry.
type Config struct {
	// URL of a registry; with /apis/registry/ in it, Apicurio's own API.
	URL string `yaml:"url"`
	// Username and Password, or Token; the secrets by reference. // P5
	Username string `yaml:"username"`
	Password string `yaml:"password" check:"secret"`
	Token    string `yaml:"token" check:"secret"`
	// CA, Cert and Key are PEM by reference: whom to trust, and who we are. // P5
	CA   string `yaml:"ca" check:"secret"`
	Cert string `yaml:"cert" check:"secret"`
	Key  string `yaml:"key" check:"secret"`
	// Files is a folder of *.json, or one file: lists of {"id","subject",
	// "version","schema"}, as the Confluent API numbers them; "globalId" is
	// Apicurio's, which is another number, and "guid" Confluent's.
	Files string `yaml:"files"`
	// GlobalIDs are Apicurio's ids of a subject's versions, in order, where the
	// files do not say them. They count if there are as many as versions.
	GlobalIDs map[string][]uint64 `yaml:"global_ids"`
	// IDs is what the ids in front of data are: auto, "" too, takes those of eight
	// bytes for Apicurio's global ids and those of four for Confluent's, or content
	// ids, as the serializers of Apicurio 3 write them; global and content are
	// Apicurio's setting use-id, which in version 2 holds for both. Headers say
	// which they are.
	IDs string `yaml:"ids"`
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
	switch c.IDs {
	case "", "auto", "global", "content":
	default:
		return fmt.Errorf("registry: ids: unknown value %q: use auto, global or content", c.IDs)
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

	files map[ID]entry // immutable once open

	mu     sync.Mutex
	known  map[ID]*Schema
	vain   map[ID]failure // asked for in vain
	asking map[ID]*call
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

// ID names a schema: by Confluent's number, by Apicurio's global id, which is a
// number of its own, or by the GUID that a registry of Confluent 8 gives it.
type ID struct {
	N      uint64
	Global bool
	GUID   GUID

	InFront bool // of the data: Config.IDs says what it is
}

// GUID is 16 bytes of a UUID in their usual order; zeros are none.
type GUID [16]byte

func (g GUID) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", g[:4], g[4:6], g[6:8], g[8:10], g[10:])
}

// ParseGUID reads one as registries write it.
func ParseGUID(s string) (g GUID, err error) {
	p, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(p) != len(g) {
		return g, fmt.Errorf("%q is no GUID", s)
	}
	return GUID(p), nil
}

func (id ID) String() string {
	if id.GUID != (GUID{}) {
		return id.GUID.String()
	}
	return strconv.FormatUint(id.N, 10)
}

// Open reads the files; a registry is asked when a record needs it.
func Open(c Config, out Outside) (*Registry, error) {
	if out.Wait == nil {
		out.Wait = time.Sleep
	}
	r := &Registry{cfg: c, out: out, known: map[ID]*Schema{}, files: map[ID]entry{}, vain: map[ID]failure{}, asking: map[ID]*call{}}
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

// again is how long an id that was asked for in vain is not asked for.
const again = 5 * time.Second

// Schema returns the schema of an id.
func (r *Registry) Schema(k ID) (*Schema, error) {
	if k.InFront {
		k.InFront, k.Global = false, r.cfg.IDs == "global" || k.Global && r.cfg.IDs != "content"
	}
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
