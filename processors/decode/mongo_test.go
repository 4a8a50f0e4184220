package decode

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sluice/processors/decode/registry"
	"sluice/processors/proctest"
	"sluice/topology/stream"
)

const mongoSource = `"source":{"version":"3.5.2.Final","connector":"mongodb","name":"m","ts_ms":1558965508000,"snapshot":"false","db":"shop","collection":"customers","ord":31}`

func mongo(op, before, after string) string {
	return fmt.Sprintf(`{"before":%s,"after":%s,"updateDescription":null,%s,"op":%q,"ts_ms":1}`, before, after, mongoSource, op)
}

// TestMongoDB: documents are rows, their typed values plain ones, their key is
// _id, with and without a schema around.
func TestMongoDB(t *testing.T) {
	const (
		key   = `{"id":"{\"$oid\": \"596e275826f08b2730779e1f\"}"}`
		doc   = `"{\"_id\": {\"$oid\": \"596e275826f08b2730779e1f\"},\"n\": {\"$numberLong\": \"9007199254740993\"},\"at\": {\"$date\": 1558965508000},\"who\": {\"email\": \"a@example.org\"},\"price\": {\"$numberDecimal\": \"1.10\"}}"`
		row   = `{_id*:string=596e275826f08b2730779e1f at:string=2019-05-27T13:58:28.000Z n:int64=9007199254740993 price:string=1.10 who:json={"email":"a@example.org"}}`
		id    = `{_id*:string=596e275826f08b2730779e1f}`
		wrapK = `{"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"}],"optional":false},"payload":` + key + `}`
		envS  = `{"type":"struct","fields":[{"type":"string","optional":true,"name":"io.debezium.data.Json","field":"before"},{"type":"string","optional":true,"name":"io.debezium.data.Json","field":"after"},{"type":"string","field":"op"}]}`
	)
	_, got := decode(t, Default,
		proctest.JSON(key, mongo("c", "null", doc)),
		proctest.JSON(wrapK, withSchema(envS, mongo("u", "null", doc))),
		proctest.JSON(key, mongo("d", "null", "null")),
		proctest.JSON(key, mongo("d", doc, "null")),
		proctest.JSON(key, mongo("u", "null", "null")), // without the full document there is no row
		proctest.JSON(`{"id":"1004"}`, mongo("c", "null", `"{\"_id\": 1004}"`)),
		proctest.JSON(key, mongo("c", "null", `"no document"`)),
	)
	want := []string{
		"insert before=none after=" + row + " key=" + id,
		"update before=none after=" + row + " key=" + id,
		"delete before=none after=none key=" + id,
		"delete before=" + row + " after=none key=" + id,
		"reject no_row",
		"reject type_mismatch _id",
		"reject no_row",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestRefusedAsItCame: what is sealed of a refused record is its own bytes, not
// the row that was made of them on the way, whether decode refuses it or a stage
// behind it. // P2
func TestRefusedAsItCame(t *testing.T) {
	file := filepath.Join(t.TempDir(), "t.yaml")
	if err := os.WriteFile(file, []byte("topic: '*'\nadditional: reject\nfields: [{name: _id, type: string}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Default
	c.Contracts = file
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	key, value := `{"id":"{\"$oid\": \"596e275826f08b2730779e1f\"}"}`, mongo("c", "null", `"{\"_id\": {\"$oid\": \"596e275826f08b2730779e1f\"},\"n\": 1}"`)
	b := proctest.NewBatch(t, stream.Lane{Topic: "shop.customers"}, 0, proctest.JSON(key, value))
	if err := d.Process(b); err != nil || len(b.Rejects) != 1 {
		t.Fatalf("%v, %d rejects", err, len(b.Rejects))
	}
	r := &b.Rejects[0].Record
	if string(r.Key.Bytes()) != key || string(r.Value.Bytes()) != value {
		t.Errorf("sealed would be %s %s", r.Key.Bytes(), r.Value.Bytes())
	}
	if d, err = New(Default); err != nil {
		t.Fatal(err)
	}
	b = proctest.NewBatch(t, stream.Lane{Topic: "shop.customers"}, 0, proctest.JSON(key, value))
	if err := d.Process(b); err != nil || len(b.Records) != 1 || string(b.Records[0].Value.Bytes()) == value {
		t.Fatalf("%v, %d records: the row is no longer made of other bytes", err, len(b.Records))
	}
	b.Reject(b.Records[0], "mask", "unmaskable", "n")
	r = &b.Rejects[0].Record
	if string(r.Key.Bytes()) != key || string(r.Value.Bytes()) != value {
		t.Errorf("sealed behind decode would be %s %s", r.Key.Bytes(), r.Value.Bytes())
	}
}

// TestJSONSchema: records of Confluent's JSON Schema serializer have their types from it.
func TestJSONSchema(t *testing.T) {
	file := filepath.Join(t.TempDir(), "schemas.json")
	schema := `[{"id":7,"subject":"t-value","version":1,"schemaType":"JSON","schema":{"type":"object","properties":{"id":{"type":"integer","connect.type":"int32","connect.index":0},` +
		`"d":{"connect.index":1,"oneOf":[{"type":"null"},{"type":"integer","title":"io.debezium.time.Date","connect.type":"int32"}]},` +
		`"n":{"connect.index":2,"type":"number","title":"org.apache.kafka.connect.data.Decimal","connect.type":"bytes","connect.parameters":{"scale":"2"}}}}},` +
		`{"id":8,"subject":"p-value","version":1,"schemaType":"PROTOBUF","schema":"syntax = \"proto3\";"}]`
	if err := os.WriteFile(file, []byte(schema), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Default
	c.Registry.Files = file
	d, err := Open(c, registry.Outside{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	b := proctest.NewBatch(t, lane, 0,
		proctest.JSON("", "\x00\x00\x00\x00\x07"+`{"id":1,"d":20454,"n":"AJY=","more":true}`),
		proctest.JSON("", "\x00\x00\x00\x00\x07"+`{"id":2,"d":null,"n":1.5}`),
		proctest.JSON("", "\x00\x00\x00\x00\x07"+`{"id":`),
		proctest.JSON("", "\x00\x00\x00\x00\x08\x00\x08\x01"))
	if err := d.Process(b); err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range b.Records {
		got = append(got, proctest.Row(b, &b.Records[i], b.Records[i].After))
	}
	for _, r := range b.Rejects {
		got = append(got, r.Code)
	}
	want := []string{"{d:date=20454 id:int32=1 more:bool=true n:decimal(38,2)=AJY=}", "{d:date=null id:int32=2 n:decimal(38,2)=1.5}", "bad_json", "schema_language"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
