package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// TestTripSizes: the records are those of the benchmark: 29 columns of about
// 690 bytes, six of about 140.
func TestTripSizes(t *testing.T) {
	for narrow, want := range map[bool][2]int{false: {29, 690}, true: {6, 140}} {
		w, total := trips(narrow, 1), 0
		const n = 2000
		for i := range n {
			_, _, v := w.make(1_000_000 + i)
			total += len(v)
			var m map[string]any
			if err := json.Unmarshal(v, &m); err != nil || len(m) != want[0] {
				t.Fatalf("%d columns of %d, %v", len(m), want[0], err)
			}
		}
		if mean := total / n; mean < want[1]*95/100 || mean > want[1]*105/100 {
			t.Errorf("narrow %v: %d bytes on average, want %d", narrow, mean, want[1])
		}
	}
}

// TestChanges: a replay is Debezium's JSON with keys, places and texts of its
// own, key and row alike, and the same every time.
func TestChanges(t *testing.T) {
	w, err := changes()
	if err != nil {
		t.Fatal(err)
	}
	type envelope struct {
		Before, After map[string]any
		Op            string
		Source        struct{ LSN int64 }
	}
	seen, keys, ops := map[string]bool{}, map[string]int{}, map[string]int{}
	for i := range 3000 {
		topic, key, value := w.make(i)
		again, _, value2 := w.make(i)
		if again != topic || !bytes.Equal(value, value2) {
			t.Fatalf("record %d is another one the second time", i)
		}
		var e envelope
		var k map[string]any
		if json.Unmarshal(value, &e) != nil || json.Unmarshal(key, &k) != nil {
			t.Fatalf("record %d is not JSON", i)
		}
		row := e.After
		if row == nil {
			row = e.Before
		}
		for name, v := range k {
			if row[name] != v {
				t.Fatalf("record %d: the key's %s is not the row's", i, name)
			}
		}
		seen[topic] = true
		keys[topic+string(key)]++
		ops[e.Op]++
		if mail, ok := row["email"].(string); ok && mail != "" && i > 1000 && !strings.ContainsAny(mail, "0123456789") {
			t.Fatalf("record %d has a text of no replay", i)
		}
	}
	if len(seen) != len(changed) || len(keys) < 1000 {
		t.Errorf("%d topics, %d keys", len(seen), len(keys))
	}
	for _, op := range []string{"c", "u", "d", "r"} {
		if ops[op] == 0 {
			t.Errorf("no change %q", op)
		}
	}
}
