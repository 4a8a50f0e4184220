package registry

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// TestRegistry: what a serializer registers, a reader finds, after a restart too.
func TestRegistry(t *testing.T) {
	file := filepath.Join(t.TempDir(), "schemas.json")
	r, err := New(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Load([]byte(`[{"id":7,"subject":"old-value","version":3,"schema":"\"long\""},{"id":5,"subject":"old-value","version":1,"schema":{"type":"int"}}]`)); err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, body string) string {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		p, _ := io.ReadAll(w.Body)
		return http.StatusText(w.Code) + " " + strings.TrimSpace(string(p))
	}
	steps := [][4]string{
		{"POST", "/subjects/a-value/versions", `{"schema":"\"int\""}`, `OK {"id":8}`},
		{"POST", "/subjects/a-value/versions", `{"schema":"\"int\""}`, `OK {"id":8}`},
		{"POST", "/subjects/b-value/versions", `{"schema":"\"int\""}`, `OK {"id":8}`},
		{"POST", "/subjects/a-value/versions", `{"schema":"{\"type\":\"object\"}","schemaType":"JSON"}`, `OK {"id":9}`},
		{"POST", "/subjects/a-value/versions", `{"schema":"{"}`, `Unprocessable Entity {"error_code":42201,"message":"Invalid schema"}`},
		{"GET", "/subjects", "", `OK ["a-value","b-value","old-value"]`},
		{"GET", "/subjects/a-value/versions", "", `OK [1,2]`},
		{"GET", "/subjects/a-value/versions/latest", "", `OK {"id":9,"subject":"a-value","version":2,"schema":"{\"type\":\"object\"}","schemaType":"JSON"}`},
		{"GET", "/subjects/a-value/versions/5", "", `Not Found {"error_code":40402,"message":"Version not found."}`},
		{"GET", "/subjects/c-value/versions", "", `Not Found {"error_code":40401,"message":"Subject not found."}`},
		{"GET", "/schemas/ids/7", "", `OK {"id":7,"subject":"","version":0,"schema":"\"long\""}`},
		{"GET", "/schemas/ids/5", "", `OK {"id":5,"subject":"","version":0,"schema":"{\"type\":\"int\"}"}`},
		{"GET", "/schemas/ids/70", "", `Not Found {"error_code":40403,"message":"Schema not found"}`},
	}
	for _, s := range steps {
		if got := ask(s[0], s[1], s[2]); got != s[3] {
			t.Errorf("%s %s: %s, want %s", s[0], s[1], got, s[3])
		}
	}
	if r, err = New(file); err != nil {
		t.Fatal(err)
	}
	for _, s := range steps[5:] {
		if got := ask(s[0], s[1], s[2]); got != s[3] {
			t.Errorf("after a restart: %s %s: %s, want %s", s[0], s[1], got, s[3])
		}
	}
	if err := r.Load([]byte("{")); err == nil {
		t.Error("no list passes")
	}
}
