package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice/schemas"
)

func (r *Registry) find(k ID) (*Schema, error) {
	e, ok := r.files[k]
	own := "" // its path, in Apicurio's own API
	if !ok {
		path, ok := r.path(k)
		if !ok {
			return nil, ErrUnknown
		}
		b, err := r.get(path)
		if err != nil {
			return nil, err
		}
		if r.apicurio() {
			e.Schema, e.SchemaType, own = string(b), language(b), path
		} else if err := json.Unmarshal(b, &e); err != nil {
			return nil, fmt.Errorf("registry: schema %v: the answer is not one of the Confluent API", k)
		}
	}
	switch e.SchemaType {
	case "", "AVRO", "PROTOBUF":
	case "JSON":
		c, err := schemas.ParseJSONSchema(e.text())
		if err != nil {
			return nil, fmt.Errorf("registry: schema %v: %w", k, err)
		}
		text, err := json.Marshal(c)
		return newSchema(nil, text), err
	default:
		return nil, ErrLanguage
	}
	var refs []named
	if err := r.references(e.References, &refs, map[string]bool{}); err != nil {
		return nil, err
	}
	if own != "" {
		if err := r.artifacts(own, &refs, map[string]bool{}); err != nil {
			return nil, err
		}
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
		return nil, fmt.Errorf("registry: schema %v: %w", k, err)
	}
	return newSchema(a, a.Connect()), nil
}

func (r *Registry) apicurio() bool { return strings.Contains(r.cfg.URL, "/apis/registry/") }

// path is where a schema is in the registry; not ok if its API does not know
// ids of this kind.
func (r *Registry) path(k ID) (path string, ok bool) {
	n := strconv.FormatUint(k.N, 10)
	switch guid, apicurio := k.GUID != (GUID{}), r.apicurio(); {
	case r.cfg.URL == "" || k.Global && !apicurio || guid && apicurio:
		return "", false
	case guid:
		return "/schemas/guids/" + k.GUID.String(), true
	case k.Global:
		return "/ids/globalIds/" + n, true
	case apicurio:
		return "/ids/contentIds/" + n, true
	}
	return "/schemas/ids/" + n, true
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
