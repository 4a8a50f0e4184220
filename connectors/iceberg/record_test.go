package iceberg

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"sluice/schemas"
	"sluice/topology/stream"
)

var golden = flag.Bool("golden", false, "write golden files anew")

// sampleRecord is a progress record with everything in it.
func sampleRecord() record {
	r := newRecord("shop", "lake")
	r.Progress.Seq, r.Progress.Plan, r.Progress.Cluster, r.Progress.Commit = 7, "plan", "cluster", "c7"
	r.Progress.Lanes[stream.Lane{Topic: "orders", Partition: 2}] = stream.LanePos{TopicID: "tid", Next: stream.Position{Offset: 42, Epoch: 3}}
	r.Tables["orders"] = 7
	r.did("c6")
	r.did("c7")
	r.Intent = &intent{Seq: 7, Commit: "c7", Tables: []stagedTable{sampleStaged()}}
	return r
}

func sampleStaged() stagedTable {
	return stagedTable{Table: "orders", UUID: "u", Spec: 1, Version: 2, Rows: 3, Files: [][]byte{{1, 2}},
		Columns: []stagedColumn{{"id", 1, schemas.Type{Kind: schemas.Int64}}, {"d", 2, schemas.Type{Kind: schemas.Decimal, Precision: 9, Scale: 2}}}}
}

// TestGolden: what version 1 wrote is read by every later version.
func TestGolden(t *testing.T) {
	text, err := sampleRecord().encode()
	if err != nil {
		t.Fatal(err)
	}
	p := payload{Tables: []stagedTable{sampleStaged()}}
	staged, err := p.encode()
	if err != nil {
		t.Fatal(err)
	}
	for file, got := range map[string]string{"progress.v1.json": text, "staged.v1.json": string(staged)} {
		path := "testdata/" + file
		if *golden {
			if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(want)) != got {
			t.Errorf("%s: version 1 is written as\n%s\nit was\n%s", file, got, want)
		}
	}
	r, err := decodeRecord(text, "shop", "lake")
	if err != nil || !reflect.DeepEqual(r, sampleRecord()) {
		t.Fatalf("%+v, %v", r, err)
	}
	q, err := decodePayload(staged)
	if err != nil || !reflect.DeepEqual(q, p) {
		t.Fatalf("%+v, %v", q, err)
	}
}

// TestRecordOfMany: a large record is packed, and comes back.
func TestRecordOfMany(t *testing.T) {
	r := newRecord("shop", "lake")
	for i := range int32(1000) {
		r.Progress.Lanes[stream.Lane{Topic: "a.topic.with.a.name", Partition: i}] = stream.LanePos{TopicID: "0123456789012345678901", Next: stream.Position{Offset: int64(i) * 1e9}}
		r.Tables[fmt.Sprint("table_", i)] = int64(i)
		r.did(fmt.Sprint(i))
	}
	if len(r.Recent) != recentIDs || r.Recent[recentIDs-1] != "999" {
		t.Fatalf("%d recent ids", len(r.Recent))
	}
	text, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(r)
	t.Logf("1,000 lanes and tables: %d bytes, packed %d", len(b), len(text))
	if len(text) > len(b)/4 {
		t.Error("it is hardly packed")
	}
	if back, err := decodeRecord(text, "shop", "lake"); err != nil || !reflect.DeepEqual(back, r) {
		t.Fatalf("it comes back different: %v", err)
	}
}

func TestRecordOfAnother(t *testing.T) {
	text, _ := sampleRecord().encode()
	for _, c := range []struct{ text, pipeline, sink, want string }{
		{text, "other", "lake", `of pipeline "shop"`},
		{text, "shop", "other", `sink "lake"`},
		{strings.Replace(text, `"v":1`, `"v":9`, 1), "shop", "lake", "format 9"},
		{"{", "shop", "lake", "cannot be read"},
		{"gz:!!", "shop", "lake", "cannot be read"},
		{"gz:aGVsbG8=", "shop", "lake", "cannot be read"},
	} {
		if _, err := decodeRecord(c.text, c.pipeline, c.sink); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q: %v, want %q", c.text, err, c.want)
		}
	}
	if _, err := decodePayload([]byte(`{"v":2}`)); err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("payload of a later version: %v", err)
	}
}

func FuzzRecord(f *testing.F) {
	text, _ := sampleRecord().encode()
	f.Add(text)
	f.Add("")
	f.Add("gz:H4sIAAAAAAAA")
	f.Add(pack([]byte(strings.Repeat("x", packFrom))))
	f.Fuzz(func(t *testing.T, s string) {
		r, err := decodeRecord(s, "shop", "lake")
		if err != nil {
			return
		}
		again, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decodeRecord(again, "shop", "lake"); err != nil || len(back.Progress.Lanes) != len(r.Progress.Lanes) {
			t.Fatalf("%v", err)
		}
	})
}

func FuzzPayload(f *testing.F) {
	p := payload{Tables: []stagedTable{sampleStaged()}}
	b, _ := p.encode()
	f.Add(b)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := decodePayload(b); err == nil {
			for i := range p.Tables {
				p.Tables[i].fields()
			}
		}
	})
}
