package schemas

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"
)

const everyAvro = `{"type":"record","name":"R","namespace":"a.b","fields":[
 {"name":"n","type":"null"},{"name":"b","type":"boolean"},{"name":"i","type":"int"},{"name":"l","type":"long"},
 {"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"y","type":"bytes"},{"name":"s","type":"string"},
 {"name":"e","type":{"type":"enum","name":"E","symbols":["A","B_1"]}},
 {"name":"x","type":{"type":"fixed","name":"X","size":3}},
 {"name":"a","type":{"type":"array","items":"long"}},{"name":"m","type":{"type":"map","values":"string"}},
 {"name":"o","type":["null","string"],"default":null},{"name":"p","type":["long","null"]},
 {"name":"again","type":["null","E"]},
 {"name":"r","type":{"type":"record","name":"Inner","fields":[{"name":"q","type":"X"}]}},
 {"name":"u","type":["null","string","long"]}]}`

// native makes a random datum in goavro's form, and what it is as JSON here.
func randomAvro(r *rand.Rand) (native map[string]any, want map[string]any) {
	long := func() int64 { return int64(r.Uint64()) >> r.IntN(64) }
	text := func() string { return []string{"", "x", "quote\"\\ \n\u0001", "größe 😀"}[r.IntN(4)] }
	b64 := func(p []byte) string { return base64.StdEncoding.EncodeToString(p) }
	raw := make([]byte, r.IntN(5))
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	fixed := []byte{byte(r.Uint32()), 0, 255}
	i, l, p, at := int32(r.Uint32()), long(), long(), r.IntN(2)
	f, d := math.Float32frombits(r.Uint32()), math.Float64frombits(r.Uint64())
	s, o := text(), text()
	list, wantList := []any{}, []any{}
	for range r.IntN(4) {
		x := long()
		list, wantList = append(list, x), append(wantList, json.Number(fmt.Sprint(x)))
	}
	m, wantMap := map[string]any{}, map[string]any{}
	for range r.IntN(3) {
		k := text() + fmt.Sprint(len(m))
		m[k], wantMap[k] = s, s
	}
	number := func(v float64, bits int) any {
		out := string(appendFloatJSON(nil, v, bits))
		if strings.HasPrefix(out, `"`) {
			return strings.Trim(out, `"`)
		}
		return json.Number(out)
	}
	symbol := []string{"A", "B_1"}[at]
	native = map[string]any{"n": nil, "b": at == 1, "i": i, "l": l, "f": f, "d": d, "y": raw, "s": s, "e": symbol, "x": fixed, "a": list, "m": m,
		"o": goavro.Union("string", o), "p": goavro.Union("long", p), "again": nil, "r": map[string]any{"q": fixed}, "u": goavro.Union("long", l)}
	want = map[string]any{"n": nil, "b": at == 1, "i": json.Number(fmt.Sprint(i)), "l": json.Number(fmt.Sprint(l)), "f": number(float64(f), 32), "d": number(d, 64),
		"y": b64(raw), "s": s, "e": symbol, "x": b64(fixed), "a": wantList, "m": wantMap, "o": o, "p": json.Number(fmt.Sprint(p)), "again": nil,
		"r": map[string]any{"q": b64(fixed)}, "u": map[string]any{"long": json.Number(fmt.Sprint(l))}}
	return native, want
}

// TestAvroAgainstGoavro: what the library writes is read with every digit.
func TestAvroAgainstGoavro(t *testing.T) {
	codec, err := goavro.NewCodec(everyAvro)
	if err != nil {
		t.Fatal(err)
	}
	a, err := ParseAvro([]byte(everyAvro))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		native, want := randomAvro(r)
		p, err := codec.BinaryFromNative(nil, native)
		if err != nil {
			t.Fatal(err)
		}
		out, err := a.AppendJSON(nil, p)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		d := json.NewDecoder(bytes.NewReader(out))
		d.UseNumber()
		if err := d.Decode(&got); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if !reflect.DeepEqual(got, any(want)) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
		for cut := range p { // no prefix is a datum
			if _, err := a.AppendJSON(nil, p[:cut]); err == nil {
				t.Fatalf("%d of %d bytes pass", cut, len(p))
			}
		}
		if _, err := a.AppendJSON(nil, append(p, 0)); err == nil {
			t.Fatal("a byte too many passes")
		}
	}
}

// TestAvroConnect: what schemas mean, by Connect's properties and by Avro's own
// logical types.
func TestAvroConnect(t *testing.T) {
	for schema, want := range map[string]string{
		`["null",{"type":"int","connect.version":1,"connect.name":"io.debezium.time.Date"}]`:                   "date",
		`{"type":"long","connect.name":"io.debezium.time.MicroTimestamp"}`:                                     "timestamp",
		`{"type":"bytes","scale":2,"precision":12,"logicalType":"decimal","connect.parameters":{"scale":"2"}}`: "decimal(12,2)",
		`{"type":"bytes","precision":9,"logicalType":"decimal"}`:                                               "decimal(9,0)",
		`{"type":"fixed","name":"F","size":4,"precision":9,"scale":3,"logicalType":"decimal"}`:                 "decimal(9,3)",
		`{"type":"string","connect.name":"io.debezium.data.Uuid"}`:                                             "uuid",
		`{"type":"string","logicalType":"uuid"}`:                                                               "uuid",
		`{"type":"long","logicalType":"timestamp-micros"}`:                                                     "instant",
		`{"type":"long","logicalType":"local-timestamp-millis"}`:                                               "timestamp",
		`{"type":"int","logicalType":"date"}`:                                                                  "date",
		`{"type":"int","connect.type":"int16"}`:                                                                "int32",
		`{"type":"enum","name":"E","symbols":["A"]}`:                                                           "string",
		`{"type":"array","items":"string"}`:                                                                    "json",
		`["null","string","long"]`:                                                                             "json",
		`{"type":"record","name":"T","fields":[{"name":"next","type":["null","T"]}]}`:                          "json",
		`{"type":"int","logicalType":"no such"}`:                                                               "int32",
	} {
		a, err := ParseAvro([]byte(schema))
		if err != nil {
			t.Errorf("%s: %v", schema, err)
			continue
		}
		c, err := ParseConnect(a.Connect())
		if err != nil {
			t.Errorf("%s: %v", a.Connect(), err)
			continue
		}
		if typ, _ := c.Column(); typ.String() != want {
			t.Errorf("%s: %v, want %s", schema, typ, want)
		}
	}
	if _, err := ParseAvro([]byte(`{"type":"record","name":"A","fields":[{"name":"b","type":"x.B"}]}`), []byte(`{"type":"record","name":"B","namespace":"x","fields":[]}`)); err != nil {
		t.Errorf("a reference: %v", err)
	}
	for _, bad := range []string{``, `7`, `"no"`, `{"type":"record","name":"A"}`, `{"type":"record","name":"A","fields":[{"type":"int"}]}`, `{"type":"fixed","name":"F"}`,
		`{"type":"array"}`, strings.Repeat(`{"type":"array","items":`, 100) + `"int"` + strings.Repeat(`}`, 100)} {
		if _, err := ParseAvro([]byte(bad)); err == nil {
			t.Errorf("%.40s passes", bad)
		}
	}
}

// FuzzAvro: no data makes it panic, or write beyond what the data pays for.
func FuzzAvro(f *testing.F) {
	codec, err := goavro.NewCodec(everyAvro)
	if err != nil {
		f.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 5 {
		native, _ := randomAvro(r)
		p, _ := codec.BinaryFromNative(nil, native)
		f.Add(everyAvro, p)
	}
	f.Add(`{"type":"array","items":"null"}`, []byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, schema string, p []byte) {
		a, err := ParseAvro([]byte(schema))
		if err != nil {
			return
		}
		out, err := a.AppendJSON(nil, p)
		if len(out) > 2<<20+600*len(p)+len(schema)*8 {
			t.Fatalf("%d bytes of %d", len(out), len(p))
		}
		if err == nil && !json.Valid(out) {
			t.Fatalf("no JSON: %q", out)
		}
	})
}

// BenchmarkAvro reads rows of 22 nullable columns, next to goavro's map of them.
func BenchmarkAvro(b *testing.B) {
	var fields []string
	row := map[string]any{}
	for i := range 22 {
		name := fmt.Sprintf("column_%02d", i)
		switch i % 4 {
		case 0:
			fields = append(fields, fmt.Sprintf(`{"name":%q,"type":["null","long"]}`, name))
			row[name] = map[string]any{"long": int64(1795468841522076 + i)}
		case 1:
			fields = append(fields, fmt.Sprintf(`{"name":%q,"type":["null","string"]}`, name))
			row[name] = map[string]any{"string": "user-000123@mail.example, 3183 Moore"}
		case 2:
			fields = append(fields, fmt.Sprintf(`{"name":%q,"type":"string"}`, name))
			row[name] = "Größer"
		case 3:
			fields = append(fields, fmt.Sprintf(`{"name":%q,"type":["null","boolean"]}`, name))
			row[name] = nil
		}
	}
	schema := `{"type":"record","name":"r","fields":[` + strings.Join(fields, ",") + `]}`
	codec, err := goavro.NewCodec(schema)
	if err != nil {
		b.Fatal(err)
	}
	p, err := codec.BinaryFromNative(nil, row)
	if err != nil {
		b.Fatal(err)
	}
	a, err := ParseAvro([]byte(schema))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("json", func(b *testing.B) {
		b.SetBytes(int64(len(p)))
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			if buf, err = a.AppendJSON(buf[:0], p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("baseline=goavro", func(b *testing.B) {
		b.SetBytes(int64(len(p)))
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := codec.NativeFromBinary(p); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestAvroFieldTwice: a record whose fields have one name is no schema (found by
// FuzzAvroIndex: the index and the JSON of it said different values).
func TestAvroFieldTwice(t *testing.T) {
	const schema = `{"type":"record","name":"R","fields":[{"name":"a","type":"boolean"},{"name":"b","type":"int"},{"name":"a","type":"string"}]}`
	if _, err := ParseAvro([]byte(schema)); err == nil || !strings.Contains(err.Error(), `record "R" has the field "a" twice`) {
		t.Error(err)
	}
	if _, err := ParseAvro([]byte(strings.Replace(schema, `"name":"a","type":"string"`, `"name":"c","type":"string"`, 1))); err != nil {
		t.Error(err)
	}
}
