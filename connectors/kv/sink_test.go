package kv

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	emulator "sluice/connectors/emulator/cloudflare"
	"sluice/connectors/internal/cloudflare"
	"sluice/schemas"
	"sluice/topology/stream"
)

// local is a world on the emulator, whatever else is there.
func local(t *testing.T) *world {
	t.Helper()
	t.Setenv("SLUICE_EDGE", "")
	return newWorld(t)
}

// stage writes records with one writer and stages them under commit id n.
func stage(t testing.TB, s stream.Sink, n int, rs ...stream.Record) stream.Staged {
	t.Helper()
	w := s.Writer()
	c := clean(t, rs...)
	if err := w.Write(c); err != nil {
		t.Fatal(err)
	}
	part, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	e := stream.Epoch{Pipeline: "conformance", Sink: "sink", Commit: fmt.Sprint("commit-", n), Plan: "p", Cluster: "c", Rejects: part.Rejects}
	e.Spans = []stream.LedgerSpan{{Span: c.Span(), TopicID: "id", Count: c.Count().Add(part.Counts[lane])}}
	if !e.Spans[0].Count.Balanced() {
		t.Fatalf("the ledger does not add up: %+v", e.Spans[0].Count) // D3
	}
	st, err := s.Upload(t.Context(), e, []stream.Part{part})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// The form of keys, values and metadata is a promise to readers.
func TestPairForm(t *testing.T) {
	w := local(t)
	s := w.Open(t)
	if _, err := s.Recover(t.Context(), []stream.Lane{lane}); err != nil {
		t.Fatal(err)
	}
	st := stage(t, s, 1, record(0, stream.Insert, "eu/west", 1, "a"), record(1, stream.Insert, "eu", 1<<60, "b"), record(2, stream.Update, "eu/west", 1, "c"),
		record(3, stream.Insert, "50%", 2, "gone"), record(4, stream.Delete, "50%", 2, "x"))
	if err := s.Commit(t.Context(), []stream.Staged{st}); err != nil {
		t.Fatal(err)
	}
	ps, err := w.emu.Pairs(w.namespace)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range ps {
		got = append(got, fmt.Sprintf("%s = %s %s", p.Key, p.Value, p.Metadata))
	}
	want := []string{
		`shop.orders/eu%2Fwest/1 = {"region":"eu/west","id":1,"note":"c"} {"topic":"shop.orders","partition":3,"offset":2,"ts":1700000000000002}`,
		`shop.orders/eu/1152921504606846976 = {"region":"eu","id":1152921504606846976,"note":"b"} {"topic":"shop.orders","partition":3,"offset":1,"ts":1700000000000001}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("the namespace holds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if c := st.Spans[0].Count; c.Written != 3 || c.Folded != 2 {
		t.Errorf("%+v", c)
	}
}

// The payload of what is staged is a persisted format: version 1 stays readable.
func TestPayloadV1(t *testing.T) {
	s := local(t).Open(t)
	st := stage(t, s, 1, record(0, stream.Insert, "eu", 1, "a"), record(1, stream.Delete, "us", 2, "x"))
	const want = "\x01" + "\x00" + "\x10shop.orders/eu/1" + "\x46" + `{"topic":"shop.orders","partition":3,"offset":0,"ts":1700000000000000}` + "\x21" + `{"region":"eu","id":1,"note":"a"}` +
		"\x01" + "\x10shop.orders/us/2" + "\x00\x00"
	if string(st.Payload) != want {
		t.Errorf("written as\n%q, want\n%q", st.Payload, want)
	}
	puts, deletes, err := changes([]byte(want))
	if err != nil || len(puts) != 1 || puts[0].Key != "shop.orders/eu/1" || string(puts[0].Value) != `{"region":"eu","id":1,"note":"a"}` || !slices.Equal(deletes, []string{"shop.orders/us/2"}) {
		t.Errorf("read as %v %v %v", puts, deletes, err)
	}
}

// What cannot be a pair is this sink's own reject, and holds no row. // P1
func TestRejects(t *testing.T) {
	s := local(t).Open(t)
	for code, r := range map[string]stream.Record{
		"unavailable":     record(0, stream.Update, "eu", 1, ""),
		"truncate":        record(0, stream.Truncate, "", 0, "x"),
		"key_too_large":   record(0, stream.Insert, strings.Repeat("k", 500), 1, "x"),
		"value_too_large": record(0, stream.Insert, "eu", 1, strings.Repeat("x", cloudflare.MaxKVValue)),
	} {
		st := stage(t, s, 1, r)
		if c := st.Spans[0].Count; c.Rejected != 1 || c.Written != 0 || len(st.Rejects) != 1 || st.Rejects[0].Code != code || st.Rejects[0].Sealed != nil || string(st.Payload) != "\x01" {
			t.Errorf("%s: %+v, %+v", code, c, st.Rejects)
		}
	}
}

// Of what several workers have of one key the newest stays.
func TestWorkersFold(t *testing.T) {
	w := local(t)
	s := w.Open(t)
	a, b := s.Writer(), s.Writer()
	for i, r := range []stream.Record{record(5, stream.Update, "eu", 1, "new"), record(2, stream.Insert, "eu", 1, "old")} {
		if err := []stream.Writer{a, b}[i].Write(clean(t, r)); err != nil {
			t.Fatal(err)
		}
	}
	var parts []stream.Part
	for _, x := range []stream.Writer{a, b} {
		p, err := x.Seal()
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p)
	}
	for range 2 {
		st, err := s.Upload(t.Context(), stream.Epoch{Commit: "c"}, parts)
		if err != nil {
			t.Fatal(err)
		}
		puts, _, err := changes(st.Payload)
		if err != nil || len(puts) != 1 || !strings.Contains(string(puts[0].Value), "new") {
			t.Errorf("%v %v", puts, err)
		}
		slices.Reverse(parts)
	}
}

// Each way a bulk request can fail: the progress waits, and doing all of it
// again changes nothing. // D5
func TestApplyFails(t *testing.T) {
	for _, k := range []emulator.Kind{emulator.LoseReply, emulator.LoseReply502, emulator.Cut, emulator.Status429, emulator.Status500, emulator.Status503} {
		for skip := range 2 { // the puts, the deletes
			w := local(t)
			s := w.Open(t)
			seed := stage(t, s, 1, record(0, stream.Insert, "eu", 1, "a"), record(1, stream.Insert, "eu", 2, "b"))
			if err := s.Commit(t.Context(), []stream.Staged{seed}); err != nil {
				t.Fatal(err)
			}
			st := stage(t, s, 2, record(2, stream.Update, "eu", 1, "c"), record(3, stream.Delete, "eu", 2, "x"))
			st.Spans[0].From = seed.Spans[0].To
			w.emu.Fail(emulator.Fault{Path: "storage/kv/namespaces/*/bulk" + []string{"", "/delete"}[skip], Kind: k})
			var re *stream.RetryError
			if err := s.Commit(t.Context(), []stream.Staged{st}); !errors.As(err, &re) || !strings.HasPrefix(re.Code, "kv_") {
				t.Fatalf("kind %d: %v", k, err)
			}
			if at := w.truth.P.Lanes[lane].Next.Offset; at != 2 {
				t.Errorf("kind %d: the progress moved to %d", k, at)
			}
			if err := s.Commit(t.Context(), []stream.Staged{st}); err != nil {
				t.Fatal(err)
			}
			if got := w.pairs(); !maps.Equal(got, map[string]string{"shop.orders/eu/1": `{"region":"eu","id":1,"note":"c"}`}) {
				t.Errorf("kind %d: %v", k, got)
			}
		}
	}
}

// What a person has to mend parks the lanes.
func TestNoNamespace(t *testing.T) {
	w := local(t)
	w.namespace = "0123456789abcdef0123456789abcdef"
	s := w.Open(t)
	err := s.Commit(t.Context(), []stream.Staged{stage(t, s, 1, record(0, stream.Insert, "eu", 1, "a"))})
	var se *stream.StateError
	if !errors.As(err, &se) || se.State != stream.StateParked || !strings.Contains(se.Todo, "namespace id") {
		t.Errorf("%v", err)
	}
}

func TestConfig(t *testing.T) {
	good := func() Config {
		c := Default()
		c.Account, c.Token, c.Namespace, c.Progress = "a", "env:T", "n", "d1"
		return c
	}
	for says, change := range map[string]func(*Config){
		"":               func(*Config) {},
		"namespace is":   func(c *Config) { c.Namespace = "" },
		"progress is":    func(c *Config) { c.Progress = "" },
		"end in {key}":   func(c *Config) { c.Pair = "{topic}" },
		"{table} and":    func(c *Config) { c.Pair = "{topics}/{key}" },
		"ttl_seconds is": func(c *Config) { c.TTL = 59 },
		"token is":       func(c *Config) { c.Token = "" },
	} {
		c := good()
		change(&c)
		err := c.Validate()
		if (says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		}
	}
}

// FuzzPayload: damage is an error, never a crash; what is read has keys.
func FuzzPayload(f *testing.F) {
	f.Add([]byte("\x01\x00\x01k\x02{}\x01v\x01\x01d\x00\x00"))
	f.Fuzz(func(t *testing.T, p []byte) {
		puts, deletes, err := changes(p)
		if err != nil {
			return
		}
		for _, x := range puts {
			if x.Key == "" {
				t.Error("a put without a key")
			}
		}
		if slices.Contains(deletes, "") {
			t.Error("a delete without a key")
		}
	})
}

// TestOneKeyOfTwoTopics: topics whose rows would get each other's keys stop,
// before one row of theirs is taken.
func TestOneKeyOfTwoTopics(t *testing.T) {
	for pair, apart := range map[string]bool{"{key}": false, "shop/{key}": false, "{topic}{key}": false, "{topic}/{key}": true} {
		w := local(t)
		s := w.Open(t)
		s.(*sink).cfg.Pair = pair
		one, two := s.Writer(), s.Writer()
		if err := one.Write(clean(t, record(0, stream.Insert, "eu", 1, "a"))); err != nil {
			t.Fatal(err)
		}
		r := record(1, stream.Insert, "eu", 1, "b")
		other := *r.Schema
		other.Topic += "2"
		r.Schema = schemas.NewSchema(other)
		err := two.Write(clean(t, r))
		var se *stream.StateError
		if apart != (err == nil) || err != nil && (!errors.As(err, &se) || two.Size() != 0) {
			t.Errorf("%s: %v", pair, err)
		}
		if err := one.Write(clean(t, record(2, stream.Insert, "eu", 1, "c"))); err != nil {
			t.Error(pair, err)
		}
	}
}
