package decode

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"sluice/processors/proctest"
	"sluice/topology/stream"
)

// feed is records of one kind, about 1 MB of them.
type feed struct {
	name string
	recs []proctest.Rec
	size int
}

func makeFeed(name string, make func(r *rand.Rand, i int) proctest.Rec) feed {
	r := rand.New(rand.NewPCG(1, 2))
	f := feed{name: name}
	for f.size < 1<<20 {
		rec := make(r, len(f.recs))
		f.recs = append(f.recs, rec)
		f.size += len(rec.Value)
	}
	return f
}

func customer(r *rand.Rand) string {
	n := r.IntN(1_000_000)
	return fmt.Sprintf(`{"id":%d,"tenant_id":"b68a35a7-17ad-35b3-af2a-%012x","first_name":"Name%d","last_name":"Größer","email":"user%d@mail.example",`+
		`"phone":"+1-202-555-01%02d","ssn":"219-09-9999","card_number":"4111111111111111","birth_date":%d,"street":"3183 Moore Avenue","city":"Euless","zip":"76036",`+
		`"country":"US","status":"active","balance":"%d.50","currency":"USD","marketing":true,"notes":null,"attributes":"{\"k\": %d}","created_at":"2026-01-01T00:00:00.000000Z",`+
		`"updated_at":%d,"version":%d}`, n, n, n, n, n%100, n%20000, n, n%10, 1795468841522076+n, n%77)
}

func change(r *rand.Rand) string {
	return fmt.Sprintf(`{"before":%s,"after":%s,"source":{"version":"3.5.2.Final","connector":"postgresql","name":"shop","ts_ms":1795468841522,"snapshot":"false",`+
		`"db":"shop","sequence":"[\"27341512\",\"27342840\"]","ts_us":1795468841522076,"ts_ns":1795468841522076000,"schema":"shop","table":"customers","txId":774,`+
		`"lsn":27340544,"xmin":null,"origin":null,"origin_lsn":null},"transaction":null,"op":"u","ts_ms":1795468841732,"ts_us":1795468841732321,"ts_ns":1795468841732321173}`,
		customer(r), customer(r))
}

// connectSchema is the envelope's schema as the JsonConverter sends it with each record.
func connectSchema() string {
	var fields []string
	for _, n := range []string{"id", "tenant_id", "first_name", "last_name", "email", "phone", "ssn", "card_number", "birth_date", "street", "city", "zip",
		"country", "status", "balance", "currency", "marketing", "notes", "attributes", "created_at", "updated_at", "version"} {
		typ := "string"
		switch n {
		case "id", "birth_date", "updated_at", "version":
			typ = "int64"
		case "marketing":
			typ = "boolean"
		}
		fields = append(fields, fmt.Sprintf(`{"type":%q,"optional":true,"field":%q}`, typ, n))
	}
	row := strings.Join(fields, ",")
	return fmt.Sprintf(`{"type":"struct","fields":[{"type":"struct","fields":[%s],"optional":true,"name":"shop.customers.Value","field":"before"},`+
		`{"type":"struct","fields":[%s],"optional":true,"name":"shop.customers.Value","field":"after"},{"type":"string","optional":false,"field":"op"}],"optional":false,"name":"shop.customers.Envelope","version":2}`, row, row)
}

func feeds() []feed {
	schema := connectSchema()
	return []feed{
		makeFeed("debezium-1.4KB", func(r *rand.Rand, i int) proctest.Rec {
			return proctest.JSON(fmt.Sprintf(`{"id":%d}`, i), change(r))
		}),
		makeFeed("debezium-with-schema", func(r *rand.Rand, i int) proctest.Rec {
			return proctest.JSON(fmt.Sprintf(`{"schema":{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"}],"optional":false},"payload":{"id":%d}}`, i), withSchema(schema, change(r)))
		}),
		makeFeed("event-6-columns", func(r *rand.Rand, i int) proctest.Rec {
			return proctest.JSON("", fmt.Sprintf(`{"id":%d,"user":"user-%06d@mail.example","kind":"page_view_of_product","amount":%d.25,"ok":true,"at":"2026-01-31T10:00:%02d.%06dZ"}`,
				i, r.IntN(1e6), r.IntN(1000), r.IntN(60), r.IntN(1e6)))
		}),
		makeFeed("event-29-columns", func(r *rand.Rand, i int) proctest.Rec {
			m := []string{fmt.Sprintf(`"trip_id":%d`, i)}
			for f := range 28 {
				switch f % 4 {
				case 0:
					m = append(m, fmt.Sprintf(`"distance_%02d":%d.%02d`, f, r.IntN(100), 1+r.IntN(98)))
				case 1:
					m = append(m, fmt.Sprintf(`"zone_%02d":"zone-%d"`, f, r.IntN(300)))
				case 2:
					m = append(m, fmt.Sprintf(`"count_%02d":%d`, f, r.IntN(1e6)))
				case 3:
					m = append(m, fmt.Sprintf(`"time_%02d":"2026-01-31T10:%02d:00Z"`, f, r.IntN(60)))
				}
			}
			return proctest.JSON("", "{"+strings.Join(m, ",")+"}")
		}),
	}
}

// renew makes b as it came from the source.
func renew(t testing.TB, f feed) func() *stream.Batch {
	b := proctest.NewBatch(t, lane, 0, f.recs...)
	records := append([]stream.Record(nil), b.Records...)
	in := append([]stream.Record(nil), records...)
	return func() *stream.Batch {
		n := stream.NewBatch(b.Lane, b.From, nil)
		copy(in, records)
		n.To, n.In, n.Records = b.To, b.In, in
		return n
	}
}

// TestSteadyStateAllocatesNothing: what a batch allocates is its cells and the
// batch itself, nothing for each record.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	for _, f := range feeds() {
		d, err := New(Default)
		if err != nil {
			t.Fatal(err)
		}
		next := renew(t, f)
		run := func() {
			b := next()
			if err := d.Process(b); err != nil || int64(len(b.Records)) != b.In {
				t.Fatalf("%v, %d of %d records", err, len(b.Records), b.In)
			}
			b.Records = nil // or race builds would overwrite what the next run decodes
			b.Release()
		}
		run()
		n := testing.AllocsPerRun(10, run)
		t.Logf("%s: %v allocations for %d records", f.name, n, len(f.recs))
		if n > 20 {
			t.Errorf("%s: %v allocations for %d records", f.name, n, len(f.recs))
		}
	}
}

// BenchmarkDecode decodes batches of 1 MB, next to encoding/json's map of the
// same values.
func BenchmarkDecode(b *testing.B) {
	for _, f := range feeds() {
		b.Run(f.name, func(b *testing.B) {
			d, err := New(Default)
			if err != nil {
				b.Fatal(err)
			}
			next := renew(b, f)
			b.SetBytes(int64(f.size))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				x := next()
				if err := d.Process(x); err != nil {
					b.Fatal(err)
				}
				n += len(x.Records)
				x.Release()
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(f.size)/float64(len(f.recs)), "B/row")
		})
		b.Run(f.name+"/baseline=encoding-json", func(b *testing.B) {
			b.SetBytes(int64(f.size))
			n := 0
			for b.Loop() {
				for i := range f.recs {
					var m map[string]any
					if err := json.Unmarshal(f.recs[i].Value, &m); err != nil {
						b.Fatal(err)
					}
					n++
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
