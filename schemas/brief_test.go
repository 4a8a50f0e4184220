package schemas

import (
	"slices"
	"testing"
)

// FuzzBrief: what is read in brief is what a scan reads.
func FuzzBrief(f *testing.F) {
	for _, s := range []string{`{"id":1}`, `{"id":0}`, `{"id":01}`, `{"id":1.5}`, `{"id":1e3}`, `{"id":-1}`, `{"id":12345678901234567890}`, `{"id":"a"}`, `{"id":"\u0041"}`,
		`{"id":1,"tenant":"b68a35a7-17ad"}`, `{"id":1,"tenant":"b"} `, `{"tenant":"b","id":1}`, `{"id":1,"id":2}`, `{"id":"ä"}`, `{"id":"`, `{"id":1`, `{`, ``, `{}`, `{"id":1,}`, `,"id":1}`,
		`{"id":"a\x01"}`, `{"id":null}`, `{"id":1,"tenant":2}`, `{"id":1,"tenant":2]`, `{"id" :1}`} {
		f.Add([]byte(s))
	}
	lists := []*Names{NewNames(), NewNames("id"), NewNames("id", "tenant"), NewNames("tenant"), NewNames(`a"b`)}
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, n := range lists {
			brief := make([]Cell, n.Len())
			if !n.Brief(p, brief) {
				continue
			}
			scan := Target{Names: n, Cells: make([]Cell, n.Len())}
			if _, err := ScanJSON(p, &scan); err != nil || !scan.Found || len(scan.Extra) > 0 || !slices.Equal(scan.Cells, brief) {
				t.Fatalf("%q: %v, %v, a scan has %v", p, brief, err, scan.Cells)
			}
		}
	})
}

// TestBrief: keys as they mostly are need no scan.
func TestBrief(t *testing.T) {
	n, cells := NewNames("id", "tenant"), make([]Cell, 2)
	if !n.Brief([]byte(`{"id":12345678901,"tenant":"b68a35a7-17ad-35b3"}`), cells) || cells[0].Enc != EncInt || cells[1].Len != 18 {
		t.Error("a key of two members was not read")
	}
}
