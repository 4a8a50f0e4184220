package decode

import (
	"fmt"
	"testing"

	"sluice/processors/proctest"
	"sluice/topology/stream"
)

// TestFlattened: what ExtractNewRecordState makes of changes, in its delete modes.
func TestFlattened(t *testing.T) {
	key := func(id int) []byte { return fmt.Appendf(nil, `{"id":%d}`, id) }
	op := func(s string) []stream.Header { return []stream.Header{{Key: "__op", Value: stream.ViewOf([]byte(s))}} }
	rec := func(k []byte, v string, h ...stream.Header) proctest.Rec {
		r := proctest.Rec{Key: k, Value: []byte(v), Headers: h}
		if v == "" {
			r.Value = nil
		}
		return r
	}
	for _, c := range []struct {
		name       string
		tombstones string
		recs       []proctest.Rec
		want       string // op and whether before, after, key are there
	}{
		{"drop, without an op", "auto", []proctest.Rec{rec(key(1), `{"id":1,"a":"x"}`), rec(key(1), "")}, "[insert ak]"},
		{"op in a column", "auto", []proctest.Rec{rec(key(1), `{"id":1,"__op":"r"}`), rec(key(1), `{"id":1,"__op":"u"}`)}, "[insert ak s] [update ak]"},
		{"op in a header", "auto", []proctest.Rec{rec(key(1), `{"id":1}`, op("c")...), rec(key(1), `{"id":1}`, op("u")...), rec(key(1), `{"id":1}`, op("d")...)},
			"[insert ak] [update ak] [delete bk]"},
		{"rewrite", "auto", []proctest.Rec{rec(key(1), `{"id":1,"__deleted":"false"}`), rec(key(1), `{"id":1,"__deleted":"true"}`)}, "[insert ak] [delete bk]"},
		{"rewrite, a boolean", "auto", []proctest.Rec{rec(key(1), `{"id":1,"__deleted":true}`)}, "[delete bk]"},
		{"rewrite with tombstone", "auto", []proctest.Rec{rec(key(1), `{"id":1,"__op":"d","__deleted":"true"}`), rec(key(1), "")}, "[delete bk]"},
		{"tombstone", "auto", []proctest.Rec{rec(key(1), `{"id":1,"__op":"c"}`), rec(key(1), ""), rec(key(2), "null")}, "[insert ak] [delete k] [delete k]"},
		{"tombstone first, written by a converter", "auto", []proctest.Rec{rec(key(7), "null"), rec(key(8), `{"schema":{"type":"struct"},"payload":null}`), rec(key(9), "")}, "[delete k] [delete k]"},
		{"truncate", "auto", []proctest.Rec{rec(key(1), `{"id":1,"__op":"c"}`), rec(nil, `{"id":null,"__op":"t"}`)}, "[insert ak] [truncate ]"},
		{"tombstone first, said", "delete", []proctest.Rec{rec(key(7), "")}, "[delete k]"},
		{"filtered, said", "filter", []proctest.Rec{rec(key(1), `{"id":1,"__op":"c"}`), rec(key(1), "")}, "[insert ak]"},
		{"without a key: the table logs full rows", "auto", []proctest.Rec{rec(nil, `{"id":1,"__deleted":"true"}`), rec(nil, "")}, "[delete b full]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Default
			cfg.Tombstones = c.tombstones
			d, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			b := proctest.NewBatch(t, stream.Lane{Topic: "t"}, 0, c.recs...)
			if err := d.Process(b); err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, r := range b.Records {
				x := ""
				for _, y := range []struct {
					has bool
					s   string
				}{{r.Before != nil, "b"}, {r.After != nil, "a"}, {r.KeyRow != nil, "k"}, {r.Snapshot, " s"}, {r.Full, " full"}} {
					if y.has {
						x += y.s
					}
				}
				if got != "" {
					got += " "
				}
				got += fmt.Sprintf("[%v %s]", r.Op, x)
			}
			if got != c.want || len(b.Rejects) > 0 {
				t.Errorf("%s, %d rejects; want %s", got, len(b.Rejects), c.want)
			}
		})
	}
}

// TestFlattenedTruncateFiltered: truncate: filter holds for flattened rows too.
func TestFlattenedTruncateFiltered(t *testing.T) {
	c := Default
	c.Truncate = "filter"
	if _, got := decode(t, c, proctest.JSON("", `{"id":null,"__op":"t"}`)); len(got) != 1 || got[0] != "filtered 1" {
		t.Errorf("%v", got)
	}
}

// TestWholeValues: events that are no objects, alone and beside a schema.
func TestWholeValues(t *testing.T) {
	for value, want := range map[string]string{
		`[1,"a"]`: "[1,\"a\"]", `"text"`: `"text"`, `1.50`: "1.50", `true`: "true",
		`{"schema":{"type":"string"},"payload":"{\"a\":1}"}`: `"{\"a\":1}"`,
		`{"schema":{"type":"int32"},"payload":7}`:            "7",
	} {
		_, got := decode(t, Default, proctest.JSON(`{"id":1}`, value))
		if w := "insert before=none after={id*:int64=1 value:json=" + want + "} key={id*:int64=1}"; len(got) != 1 || got[0] != w {
			t.Errorf("%s: %v, want %s", value, got, w)
		}
	}
	if _, got := decode(t, Default, proctest.JSON("", `{"schema":{"type":"string"},"payload":null}`), proctest.JSON("", "null")); len(got) != 1 || got[0] != "filtered 2" {
		t.Errorf("tombstones: %v", got)
	}
}
