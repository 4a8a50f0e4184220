package schemas

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"
)

// avroTarget is one for a's records: with records within, if deep, and without
// the names of some fields, if some.
func avroTarget(a *Avro, deep, some bool) *Target {
	var of func(c []Connect, depth int) *Target
	of = func(c []Connect, depth int) *Target {
		var names []string
		t := &Target{}
		for i := range c {
			if some && i%3 == 2 {
				continue
			}
			names = append(names, c[i].Field)
			var sub *Target
			if deep && c[i].Type == "struct" && len(c[i].Fields) > 0 && depth < 4 {
				sub = of(c[i].Fields, depth+1)
			}
			t.Sub = append(t.Sub, sub)
		}
		t.Names = NewNames(names...)
		t.Cells = make([]Cell, len(names))
		return t
	}
	c, err := ParseConnect(a.Connect())
	if err != nil {
		panic(err)
	}
	return of(c.Fields, 0)
}

// checkAvro holds the index of p, behind off other bytes, against that of the
// JSON that is made of it.
func checkAvro(t *testing.T, a *Avro, p []byte, deep, some bool) {
	t.Helper()
	byJSON, byIndex := avroTarget(a, deep, some), avroTarget(a, deep, some)
	x, ok := a.Index(byIndex)
	if !ok {
		return // no record
	}
	text, jsonErr := a.AppendJSON(nil, p)
	const off = 5
	arena := []byte("before")
	_, arena, err := x.Scan(append(make([]byte, off), p...), off, arena)
	if (err == nil) != (jsonErr == nil) {
		t.Fatalf("index %v, JSON %v: %x", err, jsonErr, p)
	}
	if err != nil {
		return
	}
	if _, err := ScanJSON(text, byJSON); err == ErrDepth {
		return
	} else if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	sameAvro(t, byJSON, byIndex, text, append(make([]byte, off), p...), arena)
}

func sameAvro(t *testing.T, want, got *Target, text, p, arena []byte) {
	t.Helper()
	if want.Found != got.Found || len(want.Extra) != len(got.Extra) {
		t.Fatalf("found %v and %d others, JSON %v and %d", got.Found, len(got.Extra), want.Found, len(want.Extra))
	}
	for i, c := range want.Cells {
		d := got.Cells[i]
		if c.Flags != d.Flags&^InArena {
			t.Fatalf("cell %d: %v, JSON %v", i, d, c)
		}
		if i < len(want.Sub) && want.Sub[i] != nil {
			sameAvro(t, want.Sub[i], got.Sub[i], text, p, arena)
			continue
		}
		raw, from := text[c.Off:c.Off+c.Len], p
		if d.Flags&InArena != 0 {
			from = arena
		}
		bin := from[d.Off : d.Off+d.Len]
		same := map[Encoding]Encoding{EncVarint: EncInt, EncFloat32: EncFloat, EncFloat64: EncFloat, EncBytes: EncText}
		if e := same[d.Enc]; e != 0 && e != c.Enc && c.Enc != EncText || e == 0 && d.Enc != c.Enc && c.Enc != EncJSONString {
			t.Fatalf("cell %d: %v, JSON %v", i, d, c)
		}
		for _, typ := range []Type{{}, {Kind: String}, {Kind: Int64}, {Kind: Float64}, {Kind: Float32}, {Kind: Bool}, {Kind: JSON}, {Kind: Decimal, Precision: 38, Scale: 2},
			{Kind: Binary}, {Kind: Date}, {Kind: Timestamp}} {
			wire := WirePlain
			switch {
			case d.Enc == EncBytes:
				if wire = WireBase64; typ.Kind != Binary && typ.Kind != Decimal && typ.Kind != String {
					continue // decode makes them text
				}
			case d.Enc == EncText && typ.Kind != String:
				continue // JSON's text may have escapes
			case typ.Kind == Timestamp:
				wire = WireMillis
			}
			f := Field{Type: typ, Wire: wire}
			if w, g := AppendText(nil, c, raw), AppendText(nil, d, bin); !bytes.Equal(w, g) {
				t.Fatalf("cell %d: text %q, JSON %q", i, g, w)
			}
			w, wcode := AppendJSON(nil, typ, wire, c, raw)
			g, gcode := AppendJSON(nil, typ, wire, d, bin)
			if typ.Kind == String && wcode == "" { // escapes may be others
				var v, u string
				if json.Unmarshal(w, &v) != nil || json.Unmarshal(g, &u) != nil || v != u || gcode != "" {
					t.Fatalf("cell %d as %v: %s %s, JSON %s", i, typ.Kind, g, gcode, w)
				}
				continue
			}
			if wcode != gcode || !bytes.Equal(w, g) {
				t.Fatalf("cell %d as %v: %s %s, JSON %s %s", i, typ.Kind, g, gcode, w, wcode)
			}
			wi, werr := Int(&f, c, raw)
			gi, gerr := Int(&f, d, bin)
			if typ.Kind != Binary && (wi != gi || werr != gerr) {
				t.Fatalf("cell %d as %v: %d %v, JSON %d %v", i, typ.Kind, gi, gerr, wi, werr)
			}
			wf, werr := Float(&f, c, raw)
			gf, gerr := Float(&f, d, bin)
			if d.Enc != EncBytes && (math.Float64bits(wf) != math.Float64bits(gf) && wf == wf || werr != gerr) {
				t.Fatalf("cell %d as %v: %v %v, JSON %v %v", i, typ.Kind, gf, gerr, wf, werr)
			}
			whi, wlo, werr := Decimal128(&f, c, raw)
			ghi, glo, gerr := Decimal128(&f, d, bin)
			if whi != ghi || wlo != glo || werr != gerr && d.Enc != EncBytes {
				t.Fatalf("cell %d as %v: decimal %d %d %v, JSON %d %d %v", i, typ.Kind, ghi, glo, gerr, whi, wlo, werr)
			}
		}
	}
}

func TestAvroIndexAgreesWithJSON(t *testing.T) {
	codec, err := goavro.NewCodec(everyAvro)
	if err != nil {
		t.Fatal(err)
	}
	a, err := ParseAvro([]byte(everyAvro))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(8, 9))
	for n := range 3000 {
		native, _ := randomAvro(r)
		p, err := codec.BinaryFromNative(nil, native)
		if err != nil {
			t.Fatal(err)
		}
		checkAvro(t, a, p, n%2 == 0, n%3 == 0)
		for range 3 {
			q := bytes.Clone(p)
			switch r.IntN(3) {
			case 0:
				q[r.IntN(len(q))] ^= 1 << r.IntN(8)
			case 1:
				q = q[:r.IntN(len(q))]
			case 2:
				q = append(q, byte(r.Uint32()))
			}
			checkAvro(t, a, q, n%2 == 0, false)
			if _, jsonErr := a.AppendJSON(nil, q); jsonErr == nil { // and what it takes, goavro takes
				if _, rest, err := codec.NativeFromBinary(q); err != nil || len(rest) > 0 {
					t.Fatalf("goavro says %v: %x", err, q)
				}
			}
		}
	}
}

// FuzzAvroIndex: the index is that of the JSON, for every schema and all data.
func FuzzAvroIndex(f *testing.F) {
	codec, err := goavro.NewCodec(everyAvro)
	if err != nil {
		f.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 5 {
		native, _ := randomAvro(r)
		p, _ := codec.BinaryFromNative(nil, native)
		f.Add(everyAvro, p, true)
	}
	s, recs, _ := avroRecords(5)
	for _, p := range recs {
		f.Add(s, p, false)
	}
	f.Fuzz(func(t *testing.T, schema string, p []byte, deep bool) {
		if a, err := ParseAvro([]byte(schema)); err == nil && len(a.Connect()) < 1<<16 {
			checkAvro(t, a, p, deep, false)
			if s := season(a, deep); s != nil {
				s.check(t, a, p)
				s.check(t, a, p) // by what it learned
				s.check(t, a, p[:len(p)/2])
			}
		}
	})
}

// avroRecords makes n updates of 22 nullable columns in Debezium's envelope,
// about 690 bytes each.
func avroRecords(n int) (schema string, recs [][]byte, size int) {
	row := []string{"id long", "email string", "phone string", "ssn string", "card_number string", "full_name string", "address_line string", "city string",
		"zip string", "country string", "date_of_birth int", "created_at long", "updated_at long", "balance string", "credit_limit int", "status string",
		"loyalty_tier string", "is_active boolean", "score double", "notes string", "prefs string", "last_ip string"}
	source := []string{"version string", "connector string", "name string", "ts_ms long", "snapshot ?string", "db string", "sequence ?string", "ts_us ?long",
		"ts_ns ?long", "schema string", "table string", "txId ?long", "lsn ?long", "xmin ?long"}
	fields := func(list []string, nullable bool) string {
		var out []string
		for i, f := range list {
			name, typ, _ := strings.Cut(f, " ")
			base, optional := strings.CutPrefix(typ, "?")
			if optional || nullable && i > 0 {
				out = append(out, fmt.Sprintf(`{"name":%q,"type":["null",%q],"default":null}`, name, base))
			} else {
				out = append(out, fmt.Sprintf(`{"name":%q,"type":%q}`, name, base))
			}
		}
		return strings.Join(out, ",")
	}
	schema = `{"type":"record","name":"Envelope","namespace":"shop.customers","fields":[{"name":"before","type":["null",{"type":"record","name":"Value","fields":[` +
		fields(row, true) + `]}],"default":null},{"name":"after","type":["null","Value"],"default":null},{"name":"source","type":{"type":"record","name":"Source","fields":[` +
		fields(source, false) + `]}},{"name":"op","type":"string"},{"name":"ts_ms","type":["null","long"]},{"name":"ts_us","type":["null","long"]},{"name":"ts_ns","type":["null","long"]}]}`
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		var p []byte
		put := func(list []string, nullable bool, values []any) {
			for i, v := range values {
				if nullable && i > 0 || strings.Contains(list[i], "?") {
					if v == nil {
						p = append(p, 0)
						continue
					}
					p = append(p, 2)
				}
				switch v := v.(type) {
				case string:
					p = append(binary.AppendVarint(p, int64(len(v))), v...)
				case int:
					p = binary.AppendVarint(p, int64(v))
				case bool:
					p = append(p, 1)
				case float64:
					p = binary.LittleEndian.AppendUint64(p, math.Float64bits(v))
				}
			}
		}
		id := r.IntN(1e6)
		for range 2 {
			p = append(p, 2)
			put(row, true, []any{id, fmt.Sprintf("user%d@mail.example", r.IntN(1e6)), "+1-202-555-0143", "219-09-9999", "4111111111111111", "Jürgen Größer", "3183 Moore Avenue, Building C, Suite 1200",
				"Euless", "76036", "US", 12000 + id%1000, 1795468841522076 + id, 1795468841522076 + id, fmt.Sprintf("%d.50", id%1000), 5000, "active", "gold", true, float64(id) / 3, "called about the invoice", `{"theme":"dark","news":true}`, "192.0.2.17"})
		}
		put(source, false, []any{"3.5.2.Final", "postgresql", "shop", 1795468841522, "false", "shop", `["27341512","27342840"]`, 1795468841522076, 1795468841522076000, "shop", "customers", 774, 27340544, nil})
		put([]string{"op string", "ts_ms ?long", "ts_us ?long", "ts_ns ?long"}, false, []any{"u", 1795468841732, 1795468841732321, 1795468841732321173})
		recs = append(recs, p)
		size += len(p)
	}
	return schema, recs, size
}

// avroIndex is an index of those records and its targets.
func avroIndex(t testing.TB, schema string) (*AvroIndex, []*Target) {
	a, err := ParseAvro([]byte(schema))
	if err != nil {
		t.Fatal(err)
	}
	env := avroTarget(a, true, false)
	x, ok := a.Index(env, env.Sub[0], env.Sub[1])
	if !ok {
		t.Fatal("no index")
	}
	return x, []*Target{env, env.Sub[0], env.Sub[1], env.Sub[2]}
}

func TestAvroIndexAllocatesNothing(t *testing.T) {
	schema, recs, _ := avroRecords(1)
	x, all := avroIndex(t, schema)
	if n := testing.AllocsPerRun(100, func() {
		for _, t := range all {
			clear(t.Cells)
			t.Reset(t.Cells)
		}
		if _, _, err := x.Scan(recs[0], 0, nil); err != nil || all[2].Cells[21].Absent() {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	codec, err := goavro.NewCodec(schema)
	if err != nil {
		t.Fatal(err)
	}
	native, rest, err := codec.NativeFromBinary(recs[0])
	after, _ := native.(map[string]any)["after"].(map[string]any)
	if row, _ := after["shop.customers.Value"].(map[string]any); err != nil || len(rest) > 0 || len(row) != 22 ||
		!reflect.DeepEqual(row["city"], map[string]any{"string": "Euless"}) {
		t.Fatalf("%v %v", err, native)
	}
}

// BenchmarkAvroIndex: cells of Debezium's records of 690 bytes, next to the JSON
// of them and goavro's maps.
func BenchmarkAvroIndex(b *testing.B) {
	schema, recs, size := avroRecords(512)
	row := func(name string, do func(p []byte) error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(size / len(recs)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := do(recs[i%512]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	x, all := avroIndex(b, schema)
	row("index", func(p []byte) error {
		for _, t := range all {
			clear(t.Cells)
			t.Reset(t.Cells)
		}
		_, _, err := x.Scan(p, 0, nil)
		return err
	})
	a, _ := ParseAvro([]byte(schema))
	var buf []byte
	row("json", func(p []byte) (err error) {
		buf, err = a.AppendJSON(buf[:0], p)
		return err
	})
	codec, err := goavro.NewCodec(schema)
	if err != nil {
		b.Fatal(err)
	}
	row("baseline=goavro", func(p []byte) error {
		_, _, err := codec.NativeFromBinary(p)
		return err
	})
}
