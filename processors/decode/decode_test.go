package decode

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"sluice/processors/proctest"
	"sluice/schemas"
	"sluice/topology/stream"
)

var lane = stream.Lane{Topic: "shop.t"}

// decodeOne runs records through a new decoder and describes what came out,
// without the first line and the facts of position.
func decode(t testing.TB, c Config, recs ...proctest.Rec) (*stream.Batch, []string) {
	t.Helper()
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	b := proctest.NewBatch(t, lane, 0, recs...)
	if err := d.Process(b); err != nil {
		t.Fatal(err)
	}
	if b.In != int64(len(b.Records))+b.Filtered+int64(len(b.Rejects)) {
		t.Fatalf("in %d, records %d, filtered %d, rejected %d", b.In, len(b.Records), b.Filtered, len(b.Rejects))
	}
	var out []string
	for i := range b.Records {
		r := &b.Records[i]
		out = append(out, fmt.Sprintf("%v before=%s after=%s key=%s", r.Op, proctest.Row(b, r, r.Before), proctest.Row(b, r, r.After), proctest.Row(b, r, r.KeyRow)))
	}
	for _, r := range b.Rejects {
		out = append(out, strings.TrimSpace("reject "+r.Code+" "+r.Field))
	}
	if b.Filtered > 0 {
		out = append(out, fmt.Sprintf("filtered %d", b.Filtered))
	}
	return b, out
}

const source = `"source":{"connector":"postgresql","ts_us":1795468841522076,"db":"d","schema":"s","table":"t","sequence":"[\"7\",\"9\"]","lsn":9}`

func envelope(op, before, after string) string {
	return fmt.Sprintf(`{"before":%s,"after":%s,%s,"op":%q,"ts_ms":1}`, before, after, source, op)
}

func withSchema(schema, payload string) string {
	return fmt.Sprintf(`{"schema":%s,"payload":%s}`, schema, payload)
}

const rowSchemaT = `{"type":"struct","fields":[{"type":"struct","fields":[` +
	`{"type":"int32","optional":false,"field":"id"},` +
	`{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2","connect.decimal.precision":"12"},"field":"total"},` +
	`{"type":"struct","fields":[{"type":"int32","field":"scale"},{"type":"bytes","field":"value"}],"optional":true,"name":"io.debezium.data.VariableScaleDecimal","field":"any"},` +
	`{"type":"int64","optional":true,"name":"io.debezium.time.MicroTimestamp","field":"at"},` +
	`{"type":"string","optional":true,"name":"io.debezium.data.Json","field":"doc"},` +
	`{"type":"double","optional":true,"field":"f"}` +
	`],"optional":true,"field":"%s"},{"type":"string","field":"op"}],"optional":false,"name":"x.Envelope"}`

func TestDecode(t *testing.T) {
	dbz := func(f string) Config { c := Default; c.Format = f; return c }
	json := proctest.JSON
	schema := strings.Replace(rowSchemaT, "%s", "after", 1)
	for _, c := range []struct {
		name string
		cfg  Config
		recs []proctest.Rec
		want []string
	}{
		{"create, update, delete", Default, []proctest.Rec{
			json(`{"id":1}`, envelope("c", "null", `{"id":1,"name":"a"}`)),
			json(`{"id":1}`, envelope("u", "null", `{"id":1,"name":"b"}`)),
			json(`{"id":1}`, envelope("d", `{"id":1,"name":""}`, "null")),
			json(`{"id":1}`, envelope("r", "null", `{"id":1,"name":null}`)),
		}, []string{
			"insert before=none after={id*:int64=1 name:string=a} key={id*:int64=1}",
			"update before=none after={id*:int64=1 name:string=b} key={id*:int64=1}",
			"delete before={id*:int64=1 name:string=} after=none key={id*:int64=1}",
			"insert before=none after={id*:int64=1 name:string=null} key={id*:int64=1}",
		}},
		{"tombstones in three spellings", Default, []proctest.Rec{
			json(`{"id":1}`, ""), json(`{"id":1}`, "null"), json(`{"id":1}`, " null "), json(`{"id":1}`, withSchema(schema, "null")), json("", ""),
		}, []string{"delete before=none after=none key={id*:int64=1}", "delete before=none after=none key={id*:int64=1}", "delete before=none after=none key={id*:int64=1}", // a converter wrote them
			"filtered 2"}},
		{"not data", Default, []proctest.Rec{
			json(`{"serverName":"x"}`, `{"ts_ms":1795468841850}`),
			json(`{"schema":{"type":"struct"},"payload":{"serverName":"x"}}`, withSchema(`{"type":"struct","fields":[]}`, `{"ts_ms":1795468841850}`)),
			json(`{"id":"9:1"}`, `{"status":"BEGIN","id":"9:1","event_count":null,"data_collections":null,"ts_ms":1}`),
			json(`{"databaseName":"d"}`, `{"source":{"db":"d"},"ts_ms":1,"databaseName":"d","schemaName":"s","ddl":"DROP","tableChanges":[]}`),
			json("", "{\n  \"source\" : { \"server\" : \"x\" },\n  \"position\" : { },\n  \"ts_ms\" : 1,\n  \"databaseName\" : \"\",\n  \"ddl\" : \"SET\",\n  \"tableChanges\" : [ ]\n}"),
			json(`{"prefix":"p"}`, `{"op":"m","ts_ms":1,"source":{"db":"d","table":""},"message":{"prefix":"p","content":"eA=="}}`),
		}, []string{"filtered 6"}},
		{"refused", Default, []proctest.Rec{
			json("", envelope("x", "null", `{"id":1}`)), json("", `{"op":1,"after":{"id":1}}`), json("", `{"a":`), json("", `[1]`), json("", `"text"`),
			json("", envelope("c", "null", "null")), json("", envelope("d", "null", "null")), json(`{"id":`, envelope("c", "null", `{"id":1}`)),
			json("", withSchema(`{"type":"string"}`, envelope("c", "null", `{"id":1}`))), json("", strings.Repeat("[", 600)+strings.Repeat("]", 600)),
			{Value: []byte{}},
		}, []string{"reject unknown_op", "reject unknown_op", "reject bad_json", "reject not_object", "reject not_object", "reject no_row", "reject no_row",
			"reject bad_key", "reject bad_schema", "reject too_deep", "reject bad_json"}},
		{"truncate", Default, []proctest.Rec{json("", envelope("t", "null", "null"))}, []string{"truncate before=none after=none key=none"}},
		{"truncate filtered", func() Config { c := Default; c.Truncate = "filter"; return c }(),
			[]proctest.Rec{json("", envelope("t", "null", "null"))}, []string{"filtered 1"}},
		{"messages rejected", func() Config { c := Default; c.Messages = "reject"; return c }(),
			[]proctest.Rec{json("", envelope("m", "null", "null"))}, []string{"reject message"}},
		{"a writer schema types the row", Default, []proctest.Rec{
			json(withSchema(`{"type":"struct"}`, `{"id":1}`), withSchema(schema, envelope("c", "null",
				`{"id":1,"total":"BUY=","any":{"scale":1,"value":"Dw=="},"at":5,"doc":"{\"a\":1}","f":"NaN"}`))),
			json(withSchema(`{"type":"struct"}`, `{"id":2}`), withSchema(schema, envelope("c", "null", `{"id":2,"total":null,"any":null,"at":null,"doc":null,"f":1}`))),
		}, []string{
			"insert before=none after={any:string=1.5 at:timestamp=5 doc:json={\"a\":1} f:float64=NaN id*:int32=1 total:decimal(12,2)=BUY=} key={id*:int32=1}",
			"insert before=none after={any:string=null at:timestamp=null doc:json=null f:float64=1 id*:int32=2 total:decimal(12,2)=null} key={id*:int32=2}",
		}},
		{"inference and conflicts", Default, []proctest.Rec{
			json("", `{"n":null,"b":true,"i":1,"f":1.5,"s":"x","j":{"k":1}}`),
			json("", `{"n":"late","b":false,"i":10.0,"f":2,"s":"y\n","j":"text"}`),
			json("", `{"n":"x","b":1}`), json("", `{"i":1.5}`), json("", `{"i":"1"}`), json("", `{"s":1}`), json("", `{"f":"1"}`),
			json("", `{"f":"-Infinity","new":1,"i":null}`),
		}, []string{
			"insert before=none after={b:bool=true f:float64=1.5 i:int64=1 j:json={\"k\":1} n:unknown=null s:string=x} key=none",
			"insert before=none after={b:bool=false f:float64=2 i:int64=10.0 j:json=\"text\" n:string=late s:string=y\n} key=none",
			"insert before=none after={b:bool=null b__int64:int64=1 n:string=x} key=none",
			"insert before=none after={i:int64=null i__float64:float64=1.5} key=none",
			"insert before=none after={i:int64=null i__string:string=1} key=none",
			"insert before=none after={s:string=null s__int64:int64=1} key=none",
			"insert before=none after={f:float64=null f__string:string=1} key=none",
			"insert before=none after={f:float64=-Infinity i:int64=null new:int64=1} key=none",
		}},
		{"declared columns", func() Config {
			c := Default
			c.Columns = map[string]map[string]string{"shop.*": {"amount": "decimal(12,2):base64", "i": "string", "at": "timestamp"}, "shop.t": {"i": "int64", "doc": "json"}}
			return c
		}(), []proctest.Rec{
			json("", `{"amount":"BUY=","i":"42","at":"2026-01-31T10:00:00","doc":"{\"a\":1}"}`),
			json("", `{"amount":"BUY=","i":"forty","at":1,"doc":"no document"}`),
			json("", `{"at":5,"doc":"no document"}`),
		}, []string{
			"insert before=none after={amount:decimal(12,2)=BUY= at:timestamp=2026-01-31T10:00:00 doc:json={\"a\":1} i:int64=42} key=none",
			"insert before=none after={at:timestamp=5 doc:json=\"no document\"} key=none",
			"reject type_mismatch i",
		}},
		{"keys of events", Default, []proctest.Rec{
			json(`{"tenant":7}`, `{"a":1}`), json(`{"tenant":8}`, `{"a":1,"tenant":8}`), json("", `{"a":2}`),
		}, []string{
			"insert before=none after={a:int64=1 tenant*:int64=7} key={tenant*:int64=7}",
			"insert before=none after={a:int64=1 tenant*:int64=8} key={tenant*:int64=8}",
			"insert before=none after={a:int64=2} key=none",
		}},
		{"scalar keys of events", Default, []proctest.Rec{json(`user-1`, `{"a":1}`), json(`"user-2"`, `{"a":1}`)}, []string{
			"insert before=none after={a:int64=1 key*:string=user-1} key={key*:string=user-1}",
			"insert before=none after={a:int64=1 key*:string=user-2} key={key*:string=user-2}",
		}},
		{"a member called key", Default, []proctest.Rec{json(`user-1`, `{"key":1}`)}, []string{"insert before=none after={key:int64=1} key=none"}},
		{"keys ignored", func() Config { c := Default; c.EventKeys = "ignore"; return c }(),
			[]proctest.Rec{json(`{"id":1}`, `{"a":1}`)}, []string{"insert before=none after={a:int64=1} key=none"}},
		{"unavailable values", Default, []proctest.Rec{
			json("", envelope("u", "null", `{"t":"__debezium_unavailable_value","b":"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==","a":["__debezium_unavailable_value"],`+
				`"h":"{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}","u":["b68a35a7-17ad-35b3-af2a-ae46edb4545a"],"x":"_debezium_unavailable_value_"}`)),
		}, []string{"update before=none after={a:json=unavailable b:string=unavailable h:string=unavailable t:string=unavailable u:json=unavailable x:string=_debezium_unavailable_value_} key=none"}},
		{"a row that was flattened without a trace", Default, []proctest.Rec{json("", `{"t":"__debezium_unavailable_value"}`)},
			[]string{"insert before=none after={t:string=unavailable} key=none"}},
		{"an event may say what it likes", func() Config { c := Default; c.Format = "json"; return c }(), []proctest.Rec{json("", `{"t":"__debezium_unavailable_value"}`)},
			[]string{"insert before=none after={t:string=__debezium_unavailable_value} key=none"}},
		{"names and doubles", Default, []proctest.Rec{
			json("", `{"a":1,"a":2,"\u0062":3,"":4,"eMail Address":"x","gr\u00f6\u00dfe":5}`),
			json("", `{"größe":6,"b":7,"a":8}`),
		}, []string{
			"insert before=none after={:int64=4 a:int64=2 b:int64=3 eMail Address:string=x größe:int64=5} key=none",
			"insert before=none after={a:int64=8 b:int64=7 größe:int64=6} key=none",
		}},
		{"events in a schema", Default, []proctest.Rec{
			json("", withSchema(`{"type":"struct","fields":[{"type":"int32","field":"a"},{"type":"int64","name":"org.apache.kafka.connect.data.Timestamp","field":"t"}]}`, `{"a":1,"t":5}`)),
			json("", withSchema(`{"type":"struct","fields":[{"type":"int32","field":"a"},{"type":"int64","name":"org.apache.kafka.connect.data.Timestamp","field":"t"}]}`, `{"a":2,"t":6}`)),
		}, []string{"insert before=none after={a:int32=1 t:timestamp=5} key=none", "insert before=none after={a:int32=2 t:timestamp=6} key=none"}},
		{"format json takes no shape for more", dbz("json"), []proctest.Rec{json("", envelope("c", "null", `{"id":1}`)), json("", "null")},
			[]string{`insert before=none after={after:json={"id":1} before:unknown=null op:string=c source:json={` + source[len(`"source":{`):] + ` ts_ms:int64=1} key=none`, "filtered 1"}},
		{"format debezium refuses events", dbz("debezium"), []proctest.Rec{json("", `{"a":1}`)}, []string{"reject not_debezium"}},
		{"an envelope among events", Default, []proctest.Rec{json("", `{"a":1}`), json("", envelope("d", `{"a":2}`, "null"))},
			[]string{"insert before=none after={a:int64=1} key=none", "delete before={a:int64=2} after=none key=none"}},
		{"fillers need no type", Default, []proctest.Rec{
			json(`{"id":1}`, envelope("c", "null", `{"id":1,"at":5}`)), json(`{"id":1}`, envelope("d", `{"id":1,"at":"filler"}`, "null")),
			json(`{"id":"one"}`, envelope("d", `{"id":"one","at":5}`, "null")),
		}, []string{"insert before=none after={at:int64=5 id*:int64=1} key={id*:int64=1}", "delete before={id*:int64=1} after=none key={id*:int64=1}", "reject type_mismatch id"}},
		{"a payload of its own", Default, []proctest.Rec{json("", `{"op":"c","after":{"a":1},"source":{"table":"t"},"payload":{"after":{"a":2},"op":"d"}}`)},
			[]string{"insert before=none after={a:int64=1} key=none"}},
		{"a row that comes twice", Default, []proctest.Rec{json("", `{"op":"c","after":{"a":1,"b":1},"after":{"a":2},"source":{"table":"t"}}`), json("", `{"op":"c","after":{"a":1},"after":null,"source":{"table":"t"}}`)},
			[]string{"insert before=none after={a:int64=2} key=none", "reject no_row"}},
		{"events that look a little like changes", Default, []proctest.Rec{json("", `{"op":"add","source":"web"}`), json("", `{}`), json("", `{"ts_ms":5}`)},
			[]string{"insert before=none after={op:string=add source:string=web} key=none", "insert before=none after={} key=none", "insert before=none after={ts_ms:int64=5} key=none"}},
		{"too many fields", func() Config { c := Default; c.MaxFields = 2; return c }(), []proctest.Rec{json("", `{"a":1,"b":2,"c":3}`), json("", `{"a":1,"b":2}`)},
			[]string{"insert before=none after={a:int64=1 b:int64=2} key=none", "reject too_many_fields"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, got := decode(t, c.cfg, c.recs...); strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// TestEvolution: the writer's schema changes in mid-topic; records of the old
// one still come. Types widen, ordinals stay, a decimal's scale is its writer's.
func TestEvolution(t *testing.T) {
	schema := func(fields string) string {
		return `{"type":"struct","fields":[{"type":"struct","fields":[` + fields + `],"field":"after"},{"type":"string","field":"op"}]}`
	}
	one := schema(`{"type":"int32","field":"id"},{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2","connect.decimal.precision":"12"},"field":"total"}`)
	two := schema(`{"type":"int64","field":"id"},{"type":"string","optional":true,"field":"note"},{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"4","connect.decimal.precision":"14"},"field":"total"}`)
	recs := []proctest.Rec{
		proctest.JSON("", withSchema(one, envelope("c", "null", `{"id":1,"total":"BUY="}`))),
		proctest.JSON("", withSchema(two, envelope("c", "null", `{"id":2,"note":"n","total":"Ag9Y"}`))),
		proctest.JSON("", withSchema(one, envelope("c", "null", `{"id":3,"total":"BUY="}`))),
		proctest.JSON("", withSchema(two, envelope("c", "null", `{"id":4,"note":null,"total":null}`))),
	}
	b, got := decode(t, Default, recs...)
	want := []string{ // scale 2 cannot become 4 in a table of scale 2: another column goes on
		"insert before=none after={id:int32=1 total:decimal(12,2)=BUY=} key=none",
		"insert before=none after={id:int64=2 note:string=n total:decimal(12,2)=null total__decimal_14_4:decimal(14,4)=Ag9Y} key=none",
		"insert before=none after={id:int64=3 total:decimal(12,2)=BUY=} key=none",
		"insert before=none after={id:int64=4 note:string=null total:decimal(12,2)=null} key=none",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if a, c := b.Records[1].Schema, b.Records[2].Schema; a == c || c.Fields[0].Name != a.Fields[0].Name || c.Fields[1].Name != "total" || c.Fields[2].Name != "note" {
		t.Errorf("ordinals moved: %v, %v", a.Fields, c.Fields)
	}

	c := Default // with the column declared wide enough every value is exact
	c.Columns = map[string]map[string]string{"*": {"total": "decimal(20,4)"}}
	b, _ = decode(t, c, recs...)
	for i, want := range []string{"13.5000", "13.5000", "13.5000"} {
		r := &b.Records[i]
		ord := r.Schema.Ordinal([]byte("total"))
		f, cell := &r.Schema.Fields[ord], r.After[ord]
		hi, lo, err := schemas.Decimal128(f, cell, b.CellBytes(r, cell))
		if got := string(schemas.AppendDecimal(nil, hi, lo, 4)); err != nil || got != want {
			t.Errorf("record %d: %s %v, want %s", i, got, err, want)
		}
	}
}

// TestWideDecimals: a decimal no lake can hold keeps its digits, as text.
func TestWideDecimals(t *testing.T) {
	schema := `{"type":"struct","fields":[{"type":"struct","fields":[{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal",` +
		`"parameters":{"scale":"30","connect.decimal.precision":"65"},"field":"d"}],"field":"after"},{"type":"string","field":"op"}]}`
	_, got := decode(t, Default, proctest.JSON("", withSchema(schema, envelope("c", "null", `{"d":"APMWJxx/w5CKi+9GTjlF73olNgn///////8="}`))),
		proctest.JSON("", withSchema(schema, envelope("c", "null", `{"d":"!"}`))))
	raw, _ := base64.StdEncoding.DecodeString("APMWJxx/w5CKi+9GTjlF73olNgn///////8=")
	digits := new(big.Int).SetBytes(raw).String()
	want := []string{"insert before=none after={d:string=" + digits[:len(digits)-30] + "." + digits[len(digits)-30:] + "} key=none", "reject type_mismatch d"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestPositions: how each connector's source block orders changes.
func TestPositions(t *testing.T) {
	for _, c := range []struct {
		name, source string
		want         stream.SourcePos
		time         int64
		snapshot     bool
		full         bool
	}{
		{"postgresql", `"connector":"postgresql","ts_us":5,"snapshot":"false","sequence":"[\"27342992\",\"27343400\"]","lsn":27343392`, stream.SourcePos{Hi: 27342992, Lo: 27343392}, 5, false, false},
		{"postgresql snapshot", `"connector":"postgresql","ts_ms":5,"snapshot":"first","sequence":"[null,\"27340544\"]","lsn":27340544`, stream.SourcePos{Hi: 27340544, Lo: 27340544}, 5000, true, false},
		{"postgresql incremental", `"connector":"postgresql","ts_ns":5000,"snapshot":"incremental","sequence":"[\"27668496\",\"27668497\"]","lsn":null`, stream.SourcePos{Hi: 27668496, Lo: 27668497}, 5, true, false},
		{"mariadb", `"connector":"mariadb","ts_us":5,"snapshot":"false","sequence":null,"file":"binlog.000012","pos":155782,"row":3`, stream.SourcePos{Hi: 12, Lo: 155782, Row: 3}, 5, false, true},
		{"mysql", `"connector":"mysql","snapshot":"true","file":"mysql-bin.1000000","pos":4,"row":0`, stream.SourcePos{Hi: 1000000, Lo: 4}, 77, true, true},
		{"sqlserver", `"connector":"sqlserver","snapshot":"false","commit_lsn":"00000025:00000d98:00a2","change_lsn":"00000025:00000d98:0003","event_serial_no":2`,
			stream.SourcePos{Hi: 0x25<<44 | 0xd98<<16 | 0xa2, Lo: 0x25<<44 | 0xd98<<16 | 3, Row: 2}, 77, false, true},
		{"oracle", `"connector":"oracle","snapshot":"false","scn":"2813","commit_scn":"2820"`, stream.SourcePos{Hi: 2820, Lo: 2813}, 77, false, false},
		{"db2", `"connector":"db2","snapshot":"false","commit_lsn":"00000000:0000150b:0001","change_lsn":"00000000:0000150b:0002"`,
			stream.SourcePos{Hi: 0x150b<<16 | 1, Lo: 0x150b<<16 | 2}, 77, false, true},
		{"informix", `"connector":"informix","snapshot":"false","commit_lsn":"47244640256","change_lsn":"47244644352"`, stream.SourcePos{Hi: 47244640256, Lo: 47244644352}, 77, false, true},
		{"vitess on MariaDB", `"connector":"vitess","snapshot":"false","vgtid":"[{\"gtid\":\"MariaDB/0-54610504-46\"},{\"gtid\":\"MariaDB/0-1592148-45\"}]"`, stream.SourcePos{Hi: 91}, 77, false, false},
		{"mongodb", `"connector":"mongodb","ts_ms":1558965508000,"snapshot":"false","collection":"c","ord":31`, stream.SourcePos{Hi: 1558965508000, Lo: 31}, 1558965508000000, false, false},
		{"vitess", `"connector":"vitess","snapshot":"false","keyspace":"k","vgtid":"[{\"keyspace\":\"k\",\"shard\":\"-80\",\"gtid\":\"MySQL56/a:1-41:50,b:7\"},{\"gtid\":\"MySQL56/c:2-3\"}]"`,
			stream.SourcePos{Hi: 45}, 77, false, false},
		{"spanner", `"connector":"spanner","ts_us":5,"snapshot":"false","record_sequence":"00000012","mod_number":2`, stream.SourcePos{Hi: 5, Lo: 12, Row: 2}, 5, false, false},
		{"unknown", `"connector":"another"`, stream.SourcePos{}, 77, false, false},
	} {
		rec := proctest.JSON("", `{"before":null,"after":{"id":1},"source":{`+c.source+`,"db":"d","table":"t"},"op":"c"}`)
		rec.Time = 77
		b, _ := decode(t, Default, rec)
		if r := b.Records[0]; r.Src != c.want || r.Time != c.time || r.Snapshot != c.snapshot || r.Full != c.full {
			t.Errorf("%s: %v time %d snapshot %v full %v", c.name, r.Src, r.Time, r.Snapshot, r.Full)
		}
	}
	cfg := Default
	cfg.Identity = map[string]string{"shop.*": "default", "*": "full"}
	if b, _ := decode(t, cfg, proctest.JSON("", `{"after":{"id":1},"source":{"connector":"mysql","table":"t"},"op":"c"}`)); b.Records[0].Full {
		t.Error("identity: default did not count")
	}
}

func TestConfig(t *testing.T) {
	for want, c := range map[string]func(*Config){
		`format: unknown value "xml"`:        func(c *Config) { c.Format = "xml" },
		`columns: a: b: unknown column type`: func(c *Config) { c.Columns = map[string]map[string]string{"a": {"b": "varchar"}} },
		`identity: a: unknown value`:         func(c *Config) { c.Identity = map[string]string{"a": "b"} },
		`columns: glob "["`:                  func(c *Config) { c.Columns = map[string]map[string]string{"[": nil} },
		`max_fields: 0`:                      func(c *Config) { c.MaxFields = 0 },
	} {
		cfg := Default
		c(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
