package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var jsonSeeds = []string{
	`{"a":1,"b":"x","c":[1,2,{"d":null}],"e":{"f":true}}`, ` { "a" : 1 , "b" : [ ] } `, `{"a":1,"a":2}`, `{"\u0061":"x\n"}`,
	`{}`, `[]`, `""`, `"a\u00e9\ud83d\ude00"`, `-0.5e+10`, `01`, `1.`, `1e`, `-`, `.5`, `nul`, `null `, `true`, `falsey`, `{"a"}`, `{"a":}`,
	`{"a":1,}`, `[1,]`, `[,1]`, `{,}`, `{"a":1 "b":2}`, `[1 2]`, `{"a":1]`, `[1}`, `"abc`, `"a\x"`, `"a\u12"`, "\"a\x01\"", "\"\xff\"", "\"tab\t\"",
	`[[[[]]]]`, `[[[[]]]`, `{"aaaaaaaaaaaaaaaaaaaaaa":{"before":{"a":{}}},"after":null}`, "\ufeff{}", "", " ", "1 2", "{\"a\":\"0123456789abcdef\\\"\"}",
	`{"after":{"id":1,"x":2},"after":"none"}`, `{"after":{"id":1},"after":{"b":2}}`, `{"after":{"id":1},"after":[{"id":1}]}`,
	`{"before":-1.5,"after":{"id":0.25,"first_name":false},"source":-0,"op":12.50,"a":-7,"c":1.5e3,"e":false,"x":1}`,
	`{"before":null,"after":{"id":1,"first_name":"Sally","extra":1.5},"source":{"lsn":27340544},"op":"r"}`,
}

func depth(p []byte) (most int) {
	d, in := 0, false
	for i := 0; i < len(p); i++ {
		switch {
		case in && p[i] == '\\':
			i++
		case p[i] == '"':
			in = !in
		case !in && (p[i] == '{' || p[i] == '['):
			d++
			most = max(most, d)
		case !in && (p[i] == '}' || p[i] == ']'):
			d--
		}
	}
	return most
}

// scanTargets is an envelope with rows, as decode has it.
func scanTargets() (*Target, *Target) {
	row := &Target{Names: NewNames("id", "first_name", "a", "b", "a longer name of a column")}
	env := &Target{Names: NewNames("before", "after", "source", "op", "a", "c", "e"), Sub: []*Target{nil, row}}
	env.Reset(make([]Cell, env.Names.Len()))
	row.Reset(make([]Cell, row.Names.Len()))
	return env, row
}

// members says what a target found, last value of a name, as encoding/json would.
func members(p []byte, t *Target) map[string]any {
	m := map[string]any{}
	for name, i := range t.Names.index {
		if c := t.Cells[i]; !c.Absent() {
			m[name] = cellValue(p, c)
		}
	}
	for _, e := range t.Extra {
		m[string(AppendText(nil, e.Name, p[e.Name.Off:e.Name.Off+e.Name.Len]))] = cellValue(p, e.Cell)
	}
	return m
}

func cellValue(p []byte, c Cell) any {
	b := p[c.Off : c.Off+c.Len]
	switch c.Enc {
	case EncText, EncJSONString:
		return string(AppendText(nil, c, b))
	}
	var v any
	if c.IsNull() {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return err
	}
	return v
}

// speeds are those that this machine can go.
func speeds() (all []speed) {
	for by := portable; by <= fastest; by++ {
		all = append(all, by)
	}
	return all
}

func check(t *testing.T, p []byte) {
	t.Helper()
	orig := bytes.Clone(p)
	env, row := scanTargets()
	var s scanner
	c, err := s.scan(p, env, portable)
	for _, by := range speeds()[1:] { // the same cells and errors
		fast, fastRow := scanTargets()
		d, fastErr := s.scan(p, fast, by)
		if err != fastErr || c != d || err == nil && (!sameTarget(env, fast) || !sameTarget(row, fastRow)) {
			t.Fatalf("%q: speed %d: %v %v, portable %v %v\n%v\n%v", p, by, d, fastErr, c, err, fast, env)
		}
		if _, fastErr = s.scan(p, nil, by); fastErr != err {
			t.Fatalf("%q: speed %d without a target: %v, portable %v", p, by, fastErr, err)
		}
	}
	want := json.Valid(p)
	if err == ErrDepth || depth(p) > MaxDepth {
		return
	}
	if (err == nil) != want || ValidJSON(p) != want {
		t.Fatalf("%q: %v, encoding/json says valid: %v", p, err, want)
	}
	if !bytes.Equal(p, orig) {
		t.Fatalf("%q was written to", orig)
	}
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(p))
	d.UseNumber()
	if err != nil || d.Decode(&m) != nil || m == nil {
		return
	}
	if got := members(p, env); !reflect.DeepEqual(got, m) {
		t.Fatalf("%q: members %v, want %v", p, got, m)
	}
	if after, ok := m["after"].(map[string]any); ok != row.Found || ok && !reflect.DeepEqual(members(p, row), after) {
		t.Fatalf("%q: row %v %v, want %v", p, row.Found, members(p, row), after)
	}
}

func sameTarget(a, b *Target) bool {
	return a.Found == b.Found && a.Hit == b.Hit && slices.Equal(a.Cells, b.Cells) && slices.Equal(a.Extra, b.Extra)
}

func TestScanJSON(t *testing.T) {
	for _, s := range jsonSeeds {
		check(t, []byte(s))
		for i := range s { // every truncation, and every byte exchanged for a few others
			check(t, []byte(s[:i]))
			for _, ch := range []byte("{}[],:\"\\0e \x00\xff") {
				check(t, []byte(s[:i]+string([]byte{ch})+s[i+1:]))
				check(t, []byte(s[:i]+string([]byte{ch})+s[i:]))
			}
		}
	}
}

func TestScanJSONCells(t *testing.T) {
	p := []byte(` {"op":"u", "id":9007199254740993,"after":{"id":1,"id":2,"first_name":"J\u00fcrgen","new":"x","a\u0020longer name of a column":-0.5e3,"b":null},"ext":{"k":[1]}} `)
	env, row := scanTargets()
	c, err := ScanJSON(p, env)
	if err != nil || c.Off != 1 || int(c.Off+c.Len) != len(p)-1 {
		t.Fatalf("%v %v", c, err)
	}
	if got := row.Cells[0]; string(p[got.Off:got.Off+got.Len]) != "2" || got.Enc != EncInt {
		t.Errorf("a name twice: %v", got)
	}
	if got := row.Cells[1]; got.Enc != EncJSONString || string(AppendText(nil, got, p[got.Off:got.Off+got.Len])) != "Jürgen" {
		t.Errorf("escapes: %v", got)
	}
	if got := row.Cells[4]; got.Enc != EncFloat {
		t.Errorf("an escaped name: %v", got)
	}
	if !row.Cells[3].IsNull() || !row.Cells[2].Absent() {
		t.Errorf("null %v, absent %v", row.Cells[3], row.Cells[2])
	}
	if len(row.Extra) != 1 || len(env.Extra) != 2 {
		t.Errorf("extra %d %d", len(row.Extra), len(env.Extra))
	}
}

func TestScanJSONKnown(t *testing.T) {
	env, _ := scanTargets()
	env.Known = [][]byte{nil, nil, []byte(`{"lsn":1}`)}
	for doc, want := range map[string]string{
		`{"source":{"lsn":1},"op":"c"}`:  `{"lsn":1}`,
		`{"source":{"lsn":12},"op":"c"}`: `{"lsn":12}`,
		`{"source":{"lsn":1`:             "",
	} {
		env.Reset(make([]Cell, env.Names.Len()))
		_, err := ScanJSON([]byte(doc), env)
		c := env.Cells[2]
		if (err == nil) != (want != "") || err == nil && doc[c.Off:c.Off+c.Len] != want {
			t.Errorf("%s: %v %v", doc, c, err)
		}
	}
}

func TestScanJSONDepth(t *testing.T) {
	for _, c := range []struct{ open, shut string }{{"[", "]"}, {`{"a":`, "}"}} {
		ok := strings.Repeat(c.open, MaxDepth) + "1" + strings.Repeat(c.shut, MaxDepth)
		if !ValidJSON([]byte(ok)) {
			t.Errorf("depth %d is refused", MaxDepth)
		}
		if _, err := ScanJSON([]byte(c.open+ok+c.shut), nil); err != ErrDepth {
			t.Errorf("depth %d: %v", MaxDepth+1, err)
		}
	}
}

// mutants are texts that differ from p in a place or two.
func mutants(r *rand.Rand, p []byte, n int, do func(p []byte)) {
	alphabet := []byte("\"\\\\\"{}[],:0123456789.eE-+ \n\x00\x1f\x7f\x80\xc3\xb6\xff" + "nulltruefalseabu\u0000")
	for range n {
		q := bytes.Clone(p)
		for range 1 + r.IntN(3) {
			i, ch := r.IntN(len(q)), alphabet[r.IntN(len(alphabet))]
			switch r.IntN(4) {
			case 0:
				q[i] = ch
			case 1:
				q = slices.Insert(q, i, ch)
			case 2:
				q = slices.Delete(q, i, min(len(q), i+1+r.IntN(3)))
			case 3:
				q = q[:max(i, 1)]
			}
			if len(q) == 0 {
				q = []byte{ch}
			}
		}
		do(q)
	}
}

// TestScanJSONMutants: records that are nearly right, at every speed and at all
// places of what is marked ahead.
func TestScanJSONMutants(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	long := []byte(`{"before":{"id":1,"a":"` + strings.Repeat("x", 70) + `"},"after":{"id":12,"first_name":"J\u00fc\"rgen\\","a":"Größe","b":null,"a longer name of a column":"` +
		strings.Repeat("ü", 40) + `"},"source":{"lsn":27340544,"name":[1,{"x":"y"}]},"op":"u","a":true,"c":12345678901234567890,"e":false}`)
	numbers := []byte(`{"before":false,"after":{"id":-1,"first_name":-73.982105,"a":0,"b":0.01,"a longer name of a column":123456789012345678901234567890.5},"source":-0.0,"op":12.50,` +
		`"a":-0,"c":` + strings.Repeat("9", 60) + `.25,"e":false}`)
	for range 300 {
		pad := bytes.Repeat([]byte{' '}, 1600+r.IntN(500))
		for _, whole := range [][]byte{long, numbers} {
			mutants(r, whole, 10, func(p []byte) {
				check(t, p)
				check(t, append(bytes.Clone(pad), p...))
			})
		}
	}
}

func FuzzScanJSON(f *testing.F) {
	for _, s := range jsonSeeds {
		f.Add([]byte(s))
	}
	f.Add(debeziumRecord(rand.New(rand.NewPCG(1, 1))))
	f.Fuzz(func(t *testing.T, p []byte) {
		check(t, p)
		check(t, append(bytes.Repeat([]byte{' '}, 2048-len(p)/2%2048), p...)) // over the end of what is marked ahead
	})
}

var customerColumns = []string{"id", "tenant_id", "first_name", "last_name", "email", "phone", "ssn", "card_number", "birth_date", "street",
	"city", "zip", "country", "status", "balance", "currency", "marketing", "notes", "attributes", "created_at", "updated_at", "version"}

// debeziumRecord makes an update of 22 columns, about 1.4 KB.
func debeziumRecord(r *rand.Rand) []byte {
	row := func() string {
		n := r.IntN(1_000_000)
		return fmt.Sprintf(`{"id":%d,"tenant_id":"b68a35a7-17ad-35b3-af2a-%012x","first_name":"Name%d","last_name":"Größer","email":"user%d@mail.example",`+
			`"phone":"+1-202-555-01%02d","ssn":"219-09-9999","card_number":"4111111111111111","birth_date":%d,"street":"3183 Moore Avenue","city":"Euless","zip":"76036",`+
			`"country":"US","status":"active","balance":"%d.50","currency":"USD","marketing":true,"notes":null,"attributes":"{\"k\": %d}","created_at":"2026-01-01T00:00:00.000000Z",`+
			`"updated_at":%d,"version":%d}`, n, n, n, n, n%100, n%20000, n, n%10, 1795468841522076+n, n%77)
	}
	return fmt.Appendf(nil, `{"before":%s,"after":%s,"source":{"version":"3.5.2.Final","connector":"postgresql","name":"shop","ts_ms":1795468841522,"snapshot":"false",`+
		`"db":"shop","sequence":"[\"27341512\",\"27342840\"]","ts_us":1795468841522076,"ts_ns":1795468841522076000,"schema":"shop","table":"customers","txId":774,`+
		`"lsn":27340544,"xmin":null,"origin":null,"origin_lsn":null},"transaction":null,"op":"u","ts_ms":1795468841732,"ts_us":1795468841732321,"ts_ns":1795468841732321173}`, row(), row())
}

// tripColumns are those of the public taxi benchmark.
var tripColumns = strings.Fields("id cab_type_id vendor_id pickup_datetime dropoff_datetime store_and_fwd_flag rate_code_id pickup_longitude pickup_latitude " +
	"dropoff_longitude dropoff_latitude passenger_count trip_distance fare_amount extra mta_tax tip_amount tolls_amount ehail_fee improvement_surcharge " +
	"congestion_surcharge airport_fee total_amount payment_type trip_type pickup_nyct2010_gid dropoff_nyct2010_gid pickup_location_id dropoff_location_id")

// tripRecord makes a trip, about 690 bytes, most of its values numbers.
func tripRecord(r *rand.Rand) []byte {
	p := []byte("{")
	for _, c := range tripColumns {
		p = fmt.Appendf(p, "%q:", c)
		switch {
		case strings.HasSuffix(c, "datetime"):
			p = fmt.Appendf(p, `"2026-11-%02dT%02d:%02d:00Z"`, 1+r.IntN(28), r.IntN(24), r.IntN(60))
		case strings.HasSuffix(c, "flag"):
			p = append(p, `"N"`...)
		case strings.HasSuffix(c, "tude"):
			p = fmt.Appendf(p, "%.6f", 40+r.Float64())
		case strings.HasSuffix(c, "id") || strings.HasSuffix(c, "type") || strings.HasSuffix(c, "count"):
			p = fmt.Appendf(p, "%d", r.IntN(260))
		default:
			p = fmt.Appendf(p, "%.2f", float64(r.IntN(10000))/100)
		}
		p = append(p, ',')
	}
	p[len(p)-1] = '}'
	return p
}

func debeziumTargets() (*Target, []*Target) {
	names := NewNames(customerColumns...)
	subs := []*Target{{Names: names}, {Names: names}, {Names: NewNames("version", "connector", "name", "ts_ms", "snapshot", "db", "sequence", "ts_us", "ts_ns",
		"schema", "table", "txId", "lsn", "xmin", "origin", "origin_lsn")}}
	env := &Target{Names: NewNames("before", "after", "source", "transaction", "op", "ts_ms", "ts_us", "ts_ns"), Sub: subs}
	all := append([]*Target{env}, subs...)
	for _, t := range all {
		t.Reset(make([]Cell, t.Names.Len()))
	}
	return env, all
}

func TestScanJSONAllocatesNothing(t *testing.T) {
	p := debeziumRecord(rand.New(rand.NewPCG(1, 1)))
	env, all := debeziumTargets()
	if n := testing.AllocsPerRun(100, func() {
		for _, x := range all {
			clear(x.Cells)
			x.Reset(x.Cells)
		}
		if _, err := ScanJSON(p, env); err != nil || all[2].Cells[21].Absent() {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkScanJSON: index of Debezium records, at every speed of this machine,
// against encoding/json's check of the grammar alone and its map, and against
// encoding/json/v2 when built with GOEXPERIMENT=jsonv2. `-tags purego` leaves
// the assembly out.
func BenchmarkScanJSON(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var docs [][]byte
	n := 0
	for range 512 {
		docs = append(docs, debeziumRecord(r))
		n += len(docs[len(docs)-1])
	}
	row := func(name string, do func(p []byte) error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(n / len(docs)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := do(docs[i%512]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	trips := &Target{Names: NewNames(tripColumns...)}
	var rows [][]byte
	for range 512 {
		rows = append(rows, tripRecord(r))
	}
	for _, by := range speeds() {
		name := []string{"trips/portable", "trips/avx2", "trips/avx512"}[by]
		var s scanner
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(bytes.Join(rows, nil)) / len(rows)))
			b.ReportAllocs()
			trips.Reset(make([]Cell, len(tripColumns)))
			for i := 0; b.Loop(); i++ {
				clear(trips.Cells)
				trips.Reset(trips.Cells)
				if _, err := s.scan(rows[i%512], trips, by); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, by := range speeds() {
		env, all := debeziumTargets()
		var s scanner
		row([]string{"index/portable", "index/avx2", "index/avx512"}[by], func(p []byte) error {
			for _, x := range all {
				clear(x.Cells)
				x.Reset(x.Cells)
			}
			_, err := s.scan(p, env, by)
			return err
		})
	}
	row("valid", func(p []byte) error {
		_, err := ScanJSON(p, nil)
		return err
	})
	row("baseline=encoding/json.Valid", func(p []byte) error {
		if !json.Valid(p) {
			return ErrJSON
		}
		return nil
	})
	row("baseline=encoding/json.Unmarshal", func(p []byte) error {
		var m map[string]any
		return json.Unmarshal(p, &m)
	})
	for _, v := range jsonv2 {
		row(v.name, v.do)
	}
}
