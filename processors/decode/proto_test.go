package decode

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"sluice/processors/decode/registry"
	"sluice/processors/proctest"
	"sluice/topology/stream"
)

const protoOrders = `syntax = "proto3"; package shop;
import "common/money.proto"; import "google/protobuf/timestamp.proto";
message Other { int32 x = 1; }
message Order { int32 id = 1; optional string note = 2; common.Money total = 3; google.protobuf.Timestamp at = 4; message Line { string sku = 1; } }
`

// TestProtobufOnTheWire: which message a record is, in every way that
// serializers say it, the key's too, and what is refused.
func TestProtobufOnTheWire(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.json")
	list, _ := json.Marshal([]map[string]any{
		{"id": 7, "globalId": 70, "subject": "t-value", "version": 1, "schemaType": "PROTOBUF", "schema": protoOrders, "references": []map[string]any{{"name": "common/money.proto", "subject": "money", "version": 1}}},
		{"id": 8, "subject": "money", "version": 1, "schemaType": "PROTOBUF", "schema": `syntax = "proto3"; package common; message Money { int64 units = 1; string currency = 2; }`},
		{"id": 9, "subject": "g", "version": 1, "schemaType": "PROTOBUF", "schema": `syntax = "proto2"; message G { optional group A = 1 { optional int32 b = 1; } }`},
		{"id": 10, "subject": "i", "version": 1, "schemaType": "PROTOBUF", "schema": `syntax = "proto3"; import "no/such.proto"; message I { }`},
	})
	if err := os.WriteFile(file, list, 0o600); err != nil {
		t.Fatal(err)
	}
	c := Default
	c.Registry.Files = file
	d, err := Open(c, registry.Outside{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	money := protowire.AppendBytes(protowire.AppendTag(protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 12), 2, protowire.BytesType), []byte("EUR"))
	order := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 5)
	order = protowire.AppendBytes(protowire.AppendTag(order, 3, protowire.BytesType), money)
	order = protowire.AppendBytes(protowire.AppendTag(order, 4, protowire.BytesType), []byte{8, 1})
	at := func(head string, data []byte) string { return head + string(data) }
	eight := "\x00\x00\x00\x00\x00\x00\x00\x00\x46"
	header := func(h ...stream.Header) []stream.Header { return h }
	ids := stream.Header{Key: valueHeaders.global, Value: stream.ViewOf([]byte{0, 0, 0, 0, 0, 0, 0, 70})}
	name := stream.Header{Key: valueHeaders.message, Value: stream.ViewOf([]byte("Order"))}
	recs := []proctest.Rec{
		proctest.JSON("", at("\x00\x00\x00\x00\x07\x02\x02", order)),        // one index, 1
		proctest.JSON("", at("\x00\x00\x00\x00\x07\x00", []byte{8, 3})),     // the first message
		proctest.JSON("", at("\x00\x00\x00\x00\x07\x02\x00", []byte{8, 3})), // the same, written out
		proctest.JSON("", at("\x00\x00\x00\x00\x07\x04\x02\x00", []byte{0x0A, 1, 'k'})),
		proctest.JSON("", at(eight+"\x07\x0A\x05Order", order)), // Apicurio's Ref
		proctest.JSON("", at("", order)),
		proctest.JSON("", at("\x00\x00\x00\x00\x07\x02\x08", order)), // no such message
		proctest.JSON("", at("\x00\x00\x00\x00\x07\x02\x02", []byte{8})),
		proctest.JSON("", at("\x00\x00\x00\x00\x09\x00", []byte{8, 1})),
		proctest.JSON("", at("\x00\x00\x00\x00\x0A\x00", nil)),
		proctest.JSON("\x00\x00\x00\x00\x07\x00\x08\x04", at("\x00\x00\x00\x00\x07\x02\x02", order)),
	}
	recs[5].Headers = header(ids, name)
	b := proctest.NewBatch(t, lane, 0, recs...)
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
	row := `{at:instant=1000000 id:int32=5 note:string=null total:json={"units":12,"currency":"EUR"}}`
	want := []string{row, "{x:int32=3}", "{x:int32=3}", "{sku:string=k}", row, row, row,
		"bad_protobuf", "bad_protobuf", "schema_language", "schema_language"}
	for i := range want {
		if i >= len(got) || i != 6 && got[i] != want[i] {
			t.Errorf("%d: got  %q\nwant %q", i, got[min(i, len(got)-1)], want[i])
		}
	}
	if r := b.Records[6]; r.KeyRow == nil || proctest.Row(b, &r, r.KeyRow) != "{x*:int32=4}" {
		t.Errorf("key %q", proctest.Row(b, &r, r.KeyRow))
	}
}
