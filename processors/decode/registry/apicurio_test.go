package registry

import (
	"strings"
	"testing"
	"time"
)

// TestApicurio: schemas with references in Apicurio's own API, v2 and v3, by global
// and by content id.
func TestApicurio(t *testing.T) {
	const (
		row   = `200 {"type":"record","name":"A","fields":[{"name":"b","type":"x.B"}]}`
		inner = `200 {"type":"record","name":"B","namespace":"x","fields":[{"name":"c","type":"x.C"}]}`
		enum  = `200 {"type":"enum","name":"C","namespace":"x","symbols":["S"]}`
		refs  = `200 [{"groupId":"g 1","artifactId":"b","version":"3","name":"x.B"}]`
		deep  = `200 [{"groupId":null,"artifactId":"c/d","version":"1.0","name":"x.C"}]`
	)
	for version, content := range map[string]string{"v2": "", "v3": "/content"} {
		base := "/apis/registry/" + version
		s := &server{answers: map[string]string{
			base + "/ids/globalIds/7": row, base + "/ids/globalIds/7/references": refs,
			base + "/ids/contentIds/5": row, base + "/ids/contentIds/5/references": refs,
			base + "/groups/g 1/artifacts/b/versions/3" + content: inner, base + "/groups/g 1/artifacts/b/versions/3/references": deep,
			base + "/groups/default/artifacts/c/d/versions/1.0" + content: enum, base + "/groups/default/artifacts/c/d/versions/1.0/references": `200 []`,
			base + "/ids/globalIds/8": row, base + "/ids/globalIds/8/references": `200 [{"artifactId":"gone","version":"1","name":"x.B"}]`,
			base + "/ids/globalIds/9": row, base + "/ids/globalIds/9/references": `200 {"error_code":1}`,
			base + "/ids/globalIds/10": `200 "int"`, // of a registry that does not know the question
			base + "/ids/globalIds/11": `200 "int"`, base + "/ids/globalIds/11/references": `200 [{"artifactId":"loop","version":"1","name":"l"}]`,
			base + "/groups/default/artifacts/loop/versions/1" + content: `200 "int"`, base + "/groups/default/artifacts/loop/versions/1/references": `200 [{"artifactId":"loop","version":"1","name":"l"}]`,
		}}
		now := time.Unix(0, 0)
		r := open(t, Config{URL: "http://r" + base}, s, &now)
		for _, id := range []ID{{N: 7, Global: true}, {N: 5}} {
			a, err := r.Schema(id)
			if err != nil {
				t.Fatalf("%s: %+v: %v, asked %q", version, id, err, s.asked)
			}
			if out, err := a.AppendJSON(nil, []byte{0}); err != nil || string(out) != `{"b":{"c":"S"}}` {
				t.Errorf("%s: %s %v", version, out, err)
			}
		}
		for id, want := range map[uint64]string{8: `artifact "gone"`, 9: "no list of Apicurio"} {
			if _, err := r.Schema(ID{N: id, Global: true}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %d: %v, want %s", version, id, err, want)
			}
		}
		for _, id := range []uint64{10, 11} {
			if _, err := r.Schema(ID{N: id, Global: true}); err != nil && !strings.Contains(err.Error(), "twice") {
				t.Errorf("%s: %d: %v", version, id, err)
			}
		}
	}
}

// TestIDsInFront: what ids in front of data are is the configuration's; of others
// their headers have said it.
func TestIDsInFront(t *testing.T) {
	s := &server{answers: map[string]string{"/apis/registry/v2/ids/globalIds/1": `200 "string"`, "/apis/registry/v2/ids/contentIds/1": `200 "int"`}}
	now := time.Unix(0, 0)
	for ids, want := range map[string][4]string{ // of four bytes, of eight, of a header with a content id, with a global id
		"": {"int32", "string", "int32", "string"}, "auto": {"int32", "string", "int32", "string"},
		"global": {"string", "string", "int32", "string"}, "content": {"int32", "int32", "int32", "string"},
	} {
		r := open(t, Config{URL: "http://r/apis/registry/v2", IDs: ids}, s, &now)
		for i, id := range []ID{{N: 1, InFront: true}, {N: 1, Global: true, InFront: true}, {N: 1}, {N: 1, Global: true}} {
			if a, err := r.Schema(id); err != nil || !strings.Contains(string(a.Connect()), want[i]) {
				t.Errorf("ids %q: %+v: %v, want %s", ids, id, err, want[i])
			}
		}
	}
	if err := (Config{URL: "http://r", IDs: "no"}).Validate(); err == nil || !strings.Contains(err.Error(), "auto, global or content") {
		t.Error(err)
	}
}
