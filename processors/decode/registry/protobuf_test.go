package registry

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sluice/schemas"
)

// TestProtobufOverHTTP: references by the names they are imported by, over HTTP, from
// registries of both kinds; messages by index and name; what is none.
func TestProtobufOverHTTP(t *testing.T) {
	now := time.Unix(0, 0)
	s := &server{answers: map[string]string{
		"/schemas/ids/1":                    `200 {"schemaType":"PROTOBUF","schema":"syntax = \"proto3\"; import \"b/b.proto\"; message A { b.B b = 1; map<string,int32> m = 2; message In { int32 x = 1; } } message C { int32 y = 1; }","references":[{"name":"b/b.proto","subject":"b","version":3}]}`,
		"/subjects/b/versions/3":            `200 {"schemaType":"PROTOBUF","schema":"syntax = \"proto3\"; package b; import \"c.proto\"; message B { D d = 1; }","references":[{"name":"c.proto","subject":"c","version":1}]}`,
		"/subjects/c/versions/1":            `200 {"schemaType":"PROTOBUF","schema":"syntax = \"proto3\"; package b; message D { int32 n = 1; }"}`,
		"/schemas/ids/2":                    `200 {"schemaType":"PROTOBUF","schema":"syntax = \"proto3\"; import \"none.proto\"; message A { }"}`,
		"/apis/registry/v2/ids/globalIds/1": `200 // a comment first` + "\n" + `syntax = "proto3"; message Z { string z = 1; }`,
	}}
	r := open(t, Config{URL: "http://r"}, s, &now)
	a, err := r.Schema(ID{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ data, name, want string }{
		{"\x00\x0A\x04\x0A\x02\x08\x05", "", `{"b":{"d":{"n":5}},"m":{}}`},
		{"\x02\x02\x08\x07", "", `{"y":7}`},
		{"\x04\x00\x00\x08\x09", "", `{"x":9}`}, // the map's entry is no message
		{"\x08\x09", "In", `{"x":9}`},
		{"\x08\x09", "C", `{"y":9}`},
		{"", "", `{"b":null,"m":{}}`},
		{"\x02\x06", "", ""},
		{"\x08\x09", "None", ""},
	} {
		m, body, err := a.Message([]byte(c.data), c.name)
		var out []byte
		if err == nil {
			out, err = m.AppendJSON(nil, body)
		}
		if string(out) != c.want || c.want == "" && !errors.Is(err, schemas.ErrProtoMessage) {
			t.Errorf("%q %s: %s %v", c.data, c.name, out, err)
		}
	}
	if _, err := r.Schema(ID{N: 2}); !errors.Is(err, ErrLanguage) {
		t.Error(err)
	}
	r = open(t, Config{URL: "http://r/apis/registry/v2"}, s, &now)
	if z, err := r.Schema(ID{N: 1, Global: true}); err != nil {
		t.Error(err)
	} else if m, _, err := z.Message([]byte{0}, ""); err != nil || !strings.Contains(string(m.Connect()), `"z"`) {
		t.Error(m, err)
	}
}
