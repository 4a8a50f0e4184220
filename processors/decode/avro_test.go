package decode

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"

	"sluice/processors/decode/registry"
	"sluice/processors/proctest"
	"sluice/schemas"
	"sluice/topology/stream"
)

// avroRow has a column of each type, and avroEnvelope Debezium's around it.
const avroRow = `{"type":"record","name":"Value","fields":[{"name":"id","type":"long"},
 {"name":"i32","type":["null","int"]},{"name":"i64","type":["null","long"]},{"name":"f32","type":["null","float"]},{"name":"f64","type":["null","double"]},
 {"name":"ok","type":["null","boolean"]},{"name":"text","type":["null","string"]},{"name":"raw","type":["null","bytes"]},
 {"name":"dec","type":["null",{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}]},
 {"name":"wide","type":["null",{"type":"bytes","scale":3,"precision":60,"connect.name":"org.apache.kafka.connect.data.Decimal","connect.version":1,"connect.parameters":{"scale":"3","connect.decimal.precision":"60"},"logicalType":"decimal"}]},
 {"name":"day","type":["null",{"type":"int","connect.name":"io.debezium.time.Date"}]},{"name":"at","type":["null",{"type":"long","connect.name":"io.debezium.time.MicroTimestamp"}]},
 {"name":"doc","type":["null",{"type":"string","connect.name":"io.debezium.data.Json"}]},
 {"name":"mood","type":["null",{"type":"enum","name":"Mood","symbols":["good","bad"]}]},
 {"name":"list","type":["null",{"type":"array","items":"long"}]},
 {"name":"var","type":["null",{"type":"record","name":"VariableScaleDecimal","connect.name":"io.debezium.data.VariableScaleDecimal","fields":[{"name":"scale","type":"int"},{"name":"value","type":"bytes"}]}]}]}`

const avroEnvelope = `{"type":"record","name":"Envelope","fields":[{"name":"before","type":["null",` + avroRow + `]},{"name":"after","type":["null","Value"]},
 {"name":"source","type":{"type":"record","name":"Source","fields":[{"name":"connector","type":"string"},{"name":"ts_us","type":"long"},{"name":"db","type":"string"},
  {"name":"schema","type":"string"},{"name":"table","type":"string"},{"name":"sequence","type":["null","string"]},{"name":"lsn","type":["null","long"]},{"name":"new","type":["null","long"]}]}},
 {"name":"op","type":"string"},{"name":"ts_ms","type":["null","long"]}]}`

// randomRow is a row in goavro's form.
func randomRow(r *rand.Rand, id int64) map[string]any {
	raw := func(n int) []byte {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		return p
	}
	text := []string{"", "x", "quote\"\\ \n", "größe 😀", "__debezium_unavailable_value", strings.Repeat("long ", 30)}
	small := []byte{byte(r.Uint32()), byte(r.Uint32())}
	all := map[string]any{"i32": goavro.Union("int", int32(r.Uint32())), "i64": goavro.Union("long", int64(r.Uint64())>>r.IntN(64)),
		"f32": goavro.Union("float", []float32{0, 1.5, float32(math.NaN()), float32(math.Inf(-1)), 1e-30}[r.IntN(5)]),
		"f64": goavro.Union("double", []float64{0, 1.1, math.NaN(), math.Inf(1), 1e300, -3}[r.IntN(6)]), "ok": goavro.Union("boolean", r.IntN(2) == 1),
		"text": goavro.Union("string", text[r.IntN(len(text))]), "raw": goavro.Union("bytes", [][]byte{raw(r.IntN(9)), []byte("__debezium_unavailable_value")}[r.IntN(2)]),
		"day": goavro.Union("int", int32(r.IntN(40000)-20000)), "at": goavro.Union("long", int64(r.Uint64()>>14)), "doc": goavro.Union("string", `{"k": "v\"", "n": [1]}`),
		"mood": goavro.Union("Mood", []string{"good", "bad"}[r.IntN(2)]), "list": goavro.Union("array", []any{int64(1), int64(-2)}),
		"var": goavro.Union("VariableScaleDecimal", map[string]any{"scale": int32(r.IntN(5)), "value": small})}
	row := map[string]any{"id": id}
	for name, v := range all {
		if row[name] = nil; r.IntN(4) > 0 {
			row[name] = v
		}
	}
	row["dec"], row["wide"] = nil, nil
	return row
}

// TestAvroIsReadWhereItLies: records of Avro give, cell for cell, what the same
// as JSON with its schema give, and their bytes are not made anything else.
func TestAvroIsReadWhereItLies(t *testing.T) {
	for _, c := range []struct{ name, schema string }{{"envelope", avroEnvelope}, {"event", avroRow}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			entry, _ := json.Marshal([]map[string]any{{"id": 7, "subject": "t-value", "version": 1, "schema": c.schema}})
			if err := os.WriteFile(filepath.Join(dir, "s.json"), entry, 0o600); err != nil {
				t.Fatal(err)
			}
			codec, err := goavro.NewCodec(c.schema)
			if err != nil {
				t.Fatal(err)
			}
			a, err := schemas.ParseAvro([]byte(c.schema))
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 9))
			var avro, text []proctest.Rec
			for i := range 400 {
				row := randomRow(r, int64(i))
				if c.name == "envelope" {
					row = map[string]any{"before": goavro.Union("Value", randomRow(r, int64(i))), "after": goavro.Union("Value", row), "op": "u", "ts_ms": nil,
						"source": map[string]any{"connector": "postgresql", "ts_us": int64(1795468841522076) + int64(i), "db": "d", "schema": "s", "table": "t",
							"sequence": goavro.Union("string", fmt.Sprintf(`["%d","%d"]`, 100+i, 200+i)), "lsn": goavro.Union("long", int64(300+i)), "new": nil}}
				}
				p, err := codec.BinaryFromNative(nil, row)
				if err != nil {
					t.Fatal(err)
				}
				doc, err := a.AppendJSON(nil, p)
				if err != nil {
					t.Fatal(err)
				}
				key := fmt.Sprintf(`{"id":%d}`, i)
				avro = append(avro, proctest.JSON(key, string(binary.BigEndian.AppendUint32([]byte{0}, 7))+string(p)))
				text = append(text, proctest.JSON(key, fmt.Sprintf(`{"schema":%s,"payload":%s}`, a.Connect(), doc)))
			}
			cfg := Default
			cfg.Registry = registry.Config{Files: dir}
			d, err := Open(cfg, registry.Outside{})
			if err != nil {
				t.Fatal(err)
			}
			got, want := proctest.NewBatch(t, lane, 0, avro...), proctest.NewBatch(t, stream.Lane{Topic: "other"}, 0, text...)
			for _, b := range []*stream.Batch{got, want} {
				if err := d.Process(b); err != nil || len(b.Records) != 400 {
					t.Fatalf("%v, %d records, rejects %+v", err, len(b.Records), b.Rejects)
				}
			}
			binaries := 0
			for i := range got.Records {
				g, w := &got.Records[i], &want.Records[i]
				if i > 0 && g.Value.Bytes()[0] != 0 { // the first tells what the topic holds
					t.Fatalf("record %d was made JSON", i)
				}
				if g.Op != w.Op || g.Time != w.Time || g.Src != w.Src || g.Full != w.Full || len(g.After) != len(w.After) || len(g.Before) != len(w.Before) {
					t.Fatalf("record %d: %+v, JSON %+v", i, g, w)
				}
				for side, rows := range [][2][]schemas.Cell{{g.After, w.After}, {g.Before, w.Before}} {
					for j, x := range rows[0] {
						y := rows[1][j]
						if x.Enc >= schemas.EncBytes {
							binaries++
						}
						f, h := g.Schema.Fields[j], w.Schema.Fields[j]
						if f.Name != h.Name || f.Type != h.Type || f.Wire != h.Wire {
							t.Fatalf("field %+v, JSON %+v", f, h)
						}
						const told = schemas.Present | schemas.Null | schemas.Unavailable
						ga, gcode := schemas.AppendJSON(nil, f.Type, f.Wire, x, got.CellBytes(g, x))
						wa, wcode := schemas.AppendJSON(nil, f.Type, f.Wire, y, want.CellBytes(w, y))
						if x.Flags&told != y.Flags&told || gcode != wcode || !sameJSON(ga, wa) {
							t.Fatalf("record %d, side %d, %s: %v %s %s, JSON %v %s %s", i, side, f.Name, x, ga, gcode, y, wa, wcode)
						}
					}
				}
			}
			if binaries < 400 {
				t.Errorf("%d cells of binary data", binaries)
			}
		})
	}
}

// sameJSON compares values: texts may have other escapes.
func sameJSON(a, b []byte) bool {
	var x, y any
	return string(a) == string(b) || json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}
