package registry

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// server answers by path; the status stands in front.
type server struct {
	answers map[string]string
	asked   []string
	auth    string
	down    int // requests that fail first
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, r.URL.Path)
	s.auth = r.Header.Get("Authorization")
	if s.down > 0 {
		s.down--
		return nil, errors.New("connection refused")
	}
	status, body := 404, ""
	if a, ok := s.answers[r.URL.Path]; ok {
		fmt.Sscan(a, &status)
		_, body, _ = strings.Cut(a, " ")
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}, nil
}

func open(t *testing.T, c Config, s *server, now *time.Time) *Registry {
	t.Helper()
	r, err := Open(c, Outside{HTTP: s, Now: func() time.Time { return *now }, Wait: func(d time.Duration) { *now = now.Add(d) },
		Secret: func(ref string) (string, error) { return "secret of " + ref, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestConfluent: ids, references, what is asked for once, and errors.
func TestConfluent(t *testing.T) {
	now := time.Unix(0, 0)
	s := &server{answers: map[string]string{
		"/schemas/ids/1":         `200 {"schema":"\"long\""}`,
		"/schemas/ids/2":         `200 {"schema":"{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"b\",\"type\":\"x.B\"}]}","references":[{"name":"x.B","subject":"b","version":3}]}`,
		"/subjects/b/versions/3": `200 {"schema":"{\"type\":\"enum\",\"name\":\"B\",\"namespace\":\"x\",\"symbols\":[\"S\"]}"}`,
		"/schemas/guids/9f3c2a10-7d44-4e6a-8b51-0c1d2e3f4a5b": `200 {"subject":"s","schema":"\"double\""}`,
		"/schemas/ids/4":                     `200 {"schema":"syntax = 3","schemaType":"PROTOBUF"}`,
		"/schemas/ids/5":                     `401 `,
		"/schemas/ids/6":                     `200 <html>`,
		"/schemas/ids/7":                     `500 `,
		"/schemas/ids/8":                     `200 {"schema":"{\"type\":\"no such\"}"}`,
		"/ids/globalIds/1":                   `200 "string"`,
		"/apis/registry/v2/ids/globalIds/1":  `200 "string"`,
		"/apis/registry/v2/ids/contentIds/1": `200 "int"`,
	}, down: 2}
	r := open(t, Config{URL: "http://r:1/", Username: "u", Password: "env:P"}, s, &now)
	for range 3 {
		a, err := r.Schema(ID{N: 1})
		if err != nil || string(a.Connect()) != `{"type":"int64","optional":false}` {
			t.Fatalf("%v %v", a, err)
		}
	}
	if len(s.asked) != 3 { // two that failed
		t.Errorf("asked %v", s.asked)
	}
	if want := "Basic " + base64.StdEncoding.EncodeToString([]byte("u:secret of env:P")); s.auth != want {
		t.Errorf("authorization %q", s.auth)
	}
	if a, err := r.Schema(ID{N: 2}); err != nil {
		t.Error(err)
	} else if out, err := a.AppendJSON(nil, []byte{0}); err != nil || string(out) != `{"b":"S"}` {
		t.Errorf("%s %v", out, err)
	}
	g, err := ParseGUID("9f3c2a10-7d44-4e6a-8b51-0c1d2e3f4a5b")
	if err != nil {
		t.Fatal(err)
	}
	if a, err := r.Schema(ID{GUID: g}); err != nil || !strings.Contains(string(a.Connect()), "double") {
		t.Errorf("by GUID: %v", err)
	}
	if _, err := r.Schema(ID{GUID: GUID{1}}); !errors.Is(err, ErrUnknown) {
		t.Errorf("a GUID of nothing: %v", err)
	}
	for id, want := range map[uint64]string{3: "no schema of this id", 4: "language", 5: "credentials", 6: "Confluent API", 7: "does not answer", 8: "not defined"} {
		if _, err := r.Schema(ID{N: id}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%d: %v, want %q", id, err, want)
		}
	}
	_, _ = r.Schema(ID{N: 3}) // the others' waits took time
	n := len(s.asked)
	if _, err := r.Schema(ID{N: 3}); !errors.Is(err, ErrUnknown) || len(s.asked) != n {
		t.Error("what is not there is asked for at once again")
	}
	now = now.Add(2 * again)
	s.answers["/schemas/ids/3"] = `200 {"schema":"\"int\""}`
	if _, err := r.Schema(ID{N: 3}); err != nil {
		t.Errorf("a schema that came later: %v", err)
	}
	if _, err := r.Schema(ID{N: 1, Global: true}); !errors.Is(err, ErrUnknown) {
		t.Errorf("a global id is no id of the Confluent API: %v", err)
	}
	api := open(t, Config{URL: "http://r:1/apis/registry/v2", Token: "env:T"}, s, &now)
	for global, want := range map[bool]string{true: "string", false: "int32"} {
		if a, err := api.Schema(ID{N: 1, Global: global}); err != nil || !strings.Contains(string(a.Connect()), want) {
			t.Errorf("global %v: %v", global, err)
		}
	}
	if s.auth != "Bearer secret of env:T" {
		t.Errorf("authorization %q", s.auth)
	}
}

// TestFiles: folders and files, and global ids that are matched by rank or not at all.
func TestFiles(t *testing.T) {
	now := time.Unix(0, 0)
	dir := t.TempDir()
	text := `[{"id":10,"subject":"t-value","version":2,"schema":"\"int\""},{"id":9,"subject":"t-value","version":1,"schema":{"type":"long"}},{"id":11,"subject":"u-value","version":1,"schema":"\"string\"","globalId":70}]`
	if err := os.WriteFile(filepath.Join(dir, "a.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := open(t, Config{Files: dir, GlobalIDs: map[string][]uint64{"t-value": {40, 41}, "u-value": {1, 2}}}, &server{}, &now)
	for _, c := range []struct {
		id     uint64
		global bool
		want   string // "": unknown
	}{{9, false, "int64"}, {10, false, "int32"}, {40, true, "int64"}, {41, true, "int32"}, {70, true, "string"}, {1, true, ""}, {2, true, ""}, {9, true, ""}, {40, false, ""}} {
		a, err := r.Schema(ID{N: c.id, Global: c.global})
		switch {
		case c.want == "" && !errors.Is(err, ErrUnknown):
			t.Errorf("%v: %v", c, err)
		case c.want != "" && (err != nil || !strings.Contains(string(a.Connect()), c.want)):
			t.Errorf("%v: %v", c, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "b.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Files: dir}, Outside{}); err == nil || !strings.Contains(err.Error(), "b.json") {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "b.json"), []byte(`[{"id":5,"guid":"9f3c","schema":"\"int\""}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Files: dir}, Outside{}); err == nil || !strings.Contains(err.Error(), "no GUID") {
		t.Errorf("%v", err)
	}
}

// TestConfig: mistakes are found before anything is asked.
func TestConfig(t *testing.T) {
	for _, c := range []Config{{URL: "r:1"}, {URL: "ftp://r"}, {Username: "u"}, {URL: "http://r", Username: "u", Token: "env:T"}} {
		if c.Validate() == nil {
			t.Errorf("%+v passes", c)
		}
	}
	if err := (Config{URL: "https://r", Token: "env:T"}).Validate(); err != nil {
		t.Error(err)
	}
}
