package schemas

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// protoRecords are updates of 22 columns in Debezium's envelope as Confluent's
// converter writes them with optional.for.nullables.
func protoRecords(t testing.TB, n int) (m *Proto, d protoreflect.MessageDescriptor, recs [][]byte, size int) {
	columns := []string{"int64 id", "string email", "string phone", "string ssn", "string card_number", "string full_name", "string address_line", "string city", "string zip", "string country",
		"int32 date_of_birth", "int64 created_at", "int64 updated_at", "string balance", "int32 credit_limit", "string status", "string loyalty_tier", "bool is_active", "double score", "string notes", "string prefs", "string last_ip"}
	var row strings.Builder
	for i, c := range columns {
		if i > 0 {
			row.WriteString("optional ")
		}
		fmt.Fprintf(&row, "%s = %d; ", c, i+1)
	}
	f, err := ParseProto([]byte(`syntax = "proto3"; package shop.customers; message Envelope { optional Value before = 1; optional Value after = 2; Source source = 3; string op = 4;
		optional int64 ts_ms = 5; optional int64 ts_us = 6; optional int64 ts_ns = 7; message Value { `+row.String()+` }
		message Source { string version = 1; string connector = 2; string name = 3; int64 ts_ms = 4; optional string snapshot = 5; string db = 6; optional string sequence = 7; optional int64 ts_us = 8;
		optional int64 ts_ns = 9; string schema = 10; string table = 11; optional int64 txId = 12; optional int64 lsn = 13; optional int64 xmin = 14; } }`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = f.At([]int{0}); err != nil {
		t.Fatal(err)
	}
	d = f.file.Messages().Get(0)
	for i := range n {
		one := fmt.Sprintf(`{"id":%d,"email":"user%d@mail.example","phone":"+1-202-555-0143","ssn":"219-09-9999","card_number":"4111111111111111","full_name":"Jürgen Größer","address_line":"3183 Moore Avenue, Building C, Suite 1200",
			"city":"Euless","zip":"76036","country":"US","date_of_birth":%d,"created_at":1795468841522076,"updated_at":1795468841522076,"balance":"%d.50","credit_limit":5000,"status":"active","loyalty_tier":"gold","is_active":true,
			"score":%d.25,"notes":"called about the invoice","prefs":"{\"theme\":\"dark\",\"news\":true}","last_ip":"192.0.2.17"}`, i*7919, i, 12000+i, i, i)
		msg := dynamicpb.NewMessage(d)
		if err := protojson.Unmarshal([]byte(`{"before":`+one+`,"after":`+one+`,"source":{"version":"3.5.2.Final","connector":"postgresql","name":"shop","tsMs":1795468841522,"snapshot":"false","db":"shop",
			"sequence":"[\"27341512\",\"27342840\"]","tsUs":1795468841522076,"tsNs":1795468841522076000,"schema":"shop","table":"customers","txId":774,"lsn":27340544},"op":"u","tsMs":1795468841732,"tsUs":1795468841732321,"tsNs":1795468841732321173}`), msg); err != nil {
			t.Fatal(err)
		}
		p, err := proto.MarshalOptions{Deterministic: true}.Marshal(msg)
		if err != nil {
			t.Fatal(err)
		}
		recs, size = append(recs, p), size+len(p)
	}
	return m, d, recs, size
}

func protoIndex(t testing.TB, m *Proto) (*ProtoIndex, []*Target) {
	env := protoTarget(t, m.Connect(), true, false)
	x, ok := m.Index(env, env.Sub[0], env.Sub[1])
	if !ok {
		t.Fatal("no index")
	}
	return x, []*Target{env, env.Sub[0], env.Sub[1], env.Sub[2]}
}

func TestProtoIndexAllocatesNothing(t *testing.T) {
	m, _, recs, _ := protoRecords(t, 1)
	x, all := protoIndex(t, m)
	arena := make([]byte, 0, 1<<12)
	if n := testing.AllocsPerRun(100, func() {
		for _, t := range all {
			t.Reset(t.Cells)
		}
		if _, _, err := x.Scan(recs[0], 0, arena); err != nil || all[2].Cells[21].Absent() {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkProtoIndex: cells of Debezium's records, next to the JSON of them and
// dynamicpb's maps.
func BenchmarkProtoIndex(b *testing.B) {
	m, d, recs, size := protoRecords(b, 512)
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
	x, all := protoIndex(b, m)
	arena := make([]byte, 0, 1<<12)
	row("index", func(p []byte) error {
		for _, t := range all {
			t.Reset(t.Cells)
		}
		_, _, err := x.Scan(p, 0, arena)
		return err
	})
	var buf []byte
	row("json", func(p []byte) (err error) {
		buf, err = m.AppendJSON(buf[:0], p)
		return err
	})
	row("baseline=dynamicpb", func(p []byte) error {
		return proto.Unmarshal(p, dynamicpb.NewMessage(d))
	})
}
