package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sluice/processors/decode"
	"sluice/schemas"
	"sluice/topology/stream"
)

var hashed = []string{"first_name", "last_name", "email", "phone", "ssn", "card_number", "street", "notes"}

// debezium is n updates of customers, 1.5 KB each: 8 personal columns with
// values of their own in every record, of which an update changes one.
func debezium(n int) (recs []stream.Record, size int64) {
	rng := rand.New(rand.NewPCG(1, 2))
	row := func(id, email int) string {
		return fmt.Sprintf(`{"id":%d,"tenant_id":"b68a35a7-17ad-35b3-af2a-0000000000%02d","first_name":"Name%d","last_name":"Größer-%d","email":"user%d@mail.example",`+
			`"phone":"+1-202-%07d","ssn":"219-%06d","card_number":"4111%012d","birth_date":%d,"street":"%d Moore Avenue","city":"Euless","zip":"76036",`+
			`"country":"US","status":"active","balance":"%d.50","currency":"USD","marketing":true,"notes":"called on %d","attributes":"{\"k\": %d}",`+
			`"created_at":"2026-01-01T00:00:00.000000Z","updated_at":%d,"version":%d}`,
			id, id%9, id, id, email, id, id, id, id%20000, id, id, id, id%10, 1795468841522076+id, id%77)
	}
	for i := range n {
		id := rng.IntN(1e6)
		v := fmt.Sprintf(`{"before":%s,"after":%s,"source":{"version":"3.5.2.Final","connector":"postgresql","name":"shop","ts_ms":1795468841522,"snapshot":"false",`+
			`"db":"shop","sequence":"[\"27341512\",\"27342840\"]","ts_us":1795468841522076,"ts_ns":1795468841522076000,"schema":"shop","table":"customers","txId":774,`+
			`"lsn":27340544,"xmin":null},"transaction":null,"op":"u","ts_ms":1795468841732,"ts_us":1795468841732321,"ts_ns":1795468841732321173}`,
			row(id, rng.IntN(1e6)), row(id, rng.IntN(1e6)))
		recs = append(recs, stream.Record{Offset: int64(i), Key: stream.ViewOf(fmt.Appendf(nil, `{"id":%d}`, id)), Value: stream.ViewOf([]byte(v))})
		size += int64(len(v))
	}
	return recs, size
}

// benchPolicy keeps all but the personal columns.
func benchPolicy(b *testing.B, action string) *Gate {
	var columns []string
	for _, c := range hashed {
		columns = append(columns, c+": "+action)
	}
	rest := "id, tenant_id, birth_date, city, zip, country, status, balance, currency, marketing, attributes, created_at, updated_at, version"
	return gateOf(b, "key: env:KEY\nrules: [{columns: {"+strings.Join(columns, ", ")+"}, keep: {columns: ["+rest+"], because: bench}}]")
}

// BenchmarkDecodeMask is decode and gate over one batch of 1 MB in one run:
// decode alone, the gate that keeps all, constants, keyed hashes with and
// without reuse of equal values, and a map round trip with crypto/hmac.
func BenchmarkDecodeMask(b *testing.B) {
	recs, size := debezium(700)
	scan := gateOf(b, "key: env:KEY\ndefault: scan\nrules: [{keep: {columns: [id], because: bench}}]")
	noMemo := benchPolicy(b, "hash")
	noMemo.memo = false
	for _, c := range []struct {
		name string
		gate stream.Gate
	}{
		{"decode", nil}, {"keep", KeepAll()}, {"redact", benchPolicy(b, "redact")}, {"partial", benchPolicy(b, "{partial: {keep_last: 4}}")},
		{"hash", benchPolicy(b, "hash")}, {"hash-no-memo", noMemo}, {"scan", scan},
	} {
		b.Run(c.name, func(b *testing.B) {
			d, err := decode.New(decode.Default)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(size)
			b.ReportAllocs()
			scratch := make([]stream.Record, len(recs))
			for b.Loop() {
				copy(scratch, recs)
				x := stream.NewBatch(lane, stream.Position{}, nil)
				x.Records, x.In = scratch, int64(len(recs))
				if err := d.Process(x); err != nil || len(x.Records) != len(recs) {
					b.Fatal(err, len(x.Records))
				}
				if c.gate != nil {
					for i := range x.Records {
						x.Records[i].Full = true // as tables with replica identity full have it
					}
					if out, err := c.gate.Pass(x); err != nil || len(out.Rows()) != len(recs) {
						b.Fatal(err)
					}
				}
				x.Records = nil // they are decoded again
				x.Release()
			}
			b.ReportMetric(float64(b.N)*float64(len(recs))/b.Elapsed().Seconds(), "rec/s")
		})
	}
	for _, c := range []struct{ name, action string }{{"redact", "redact"}, {"partial", "{partial: {keep_last: 4}}"}, {"hash", "hash"}} {
		b.Run("index+"+c.name, func(b *testing.B) { benchIndex(b, recs, size, benchPolicy(b, c.action)) })
	}
	b.Run("baseline=regexp", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			for i := range recs {
				if len(personal.ReplaceAll(recs[i].Value.Bytes(), []byte("***"))) == 0 {
					b.Fatal()
				}
			}
		}
	})
	b.Run("baseline=map", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			for i := range recs {
				naive(recs[i].Value.Bytes())
			}
		}
		b.ReportMetric(float64(b.N)*float64(len(recs))/b.Elapsed().Seconds(), "rec/s")
	})
}

// benchIndex is the gate behind the JSON index alone: what decode does beside it,
// which is to look at each cell's type and at placeholders, to read the source's
// time and position, and to decode the key, was done before.
func benchIndex(b *testing.B, recs []stream.Record, size int64, g stream.Gate) {
	d, err := decode.New(decode.Default)
	if err != nil {
		b.Fatal(err)
	}
	decoded := stream.NewBatch(lane, stream.Position{}, nil)
	decoded.Records, decoded.In = slices.Clone(recs), int64(len(recs))
	if err := d.Process(decoded); err != nil {
		b.Fatal(err)
	}
	s := decoded.Records[len(recs)-1].Schema
	var names []string
	for i := range s.Fields {
		names = append(names, s.Fields[i].Name)
	}
	var before, after, source schemas.Target
	before.Names = schemas.NewNames(names...)
	after.Names, source.Names = before.Names, schemas.NewNames(schemas.SourceNames...)
	root := schemas.Target{Names: schemas.NewNames(schemas.EnvelopeNames...), Sub: []*schemas.Target{&before, &after, &source}}
	root.Cells, source.Cells = make([]schemas.Cell, root.Names.Len()), make([]schemas.Cell, source.Names.Len())
	var scan schemas.Scanner
	scratch := make([]stream.Record, len(recs))
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		x := stream.NewBatch(lane, stream.Position{}, nil)
		x.Records, x.In = scratch, int64(len(recs))
		for i := range scratch {
			r := &scratch[i]
			*r = decoded.Records[i]
			clear(root.Cells)
			clear(source.Cells)
			root.Reset(root.Cells)
			source.Reset(source.Cells)
			before.Reset(x.Cells(len(names)))
			after.Reset(x.Cells(len(names)))
			if _, err := scan.Scan(r.Value.Bytes(), &root); err != nil || !before.Found || !after.Found {
				b.Fatal(err)
			}
			r.Schema, r.Full, r.Before, r.After = s, true, before.Cells, after.Cells
		}
		if out, err := g.Pass(x); err != nil || len(out.Rows()) != len(recs) {
			b.Fatal(err)
		}
		x.Records = nil
		x.Release()
	}
	b.ReportMetric(float64(b.N)*float64(len(recs))/b.Elapsed().Seconds(), "rec/s")
}

// personal are the patterns of what the hashed columns hold.
var personal = regexp.MustCompile(`[\w.+-]+@[\w-]+\.[\w.]+|\+?\d{1,3}-\d{3}-\d{7}|\d{3}-\d{6}|\b4\d{15}\b`)

// naive is what one writes first.
func naive(value []byte) []byte {
	var m map[string]any
	if json.Unmarshal(value, &m) != nil {
		return nil
	}
	for _, side := range []string{"before", "after"} {
		row, _ := m[side].(map[string]any)
		for k, v := range row {
			if s, ok := v.(string); ok && slices.Contains(hashed, k) {
				h := hmac.New(sha256.New, []byte(strings.Repeat("k", 32)))
				h.Write([]byte(s))
				row[k] = "k1_" + base32.StdEncoding.EncodeToString(h.Sum(nil)[:16])
			}
		}
	}
	p, _ := json.Marshal(m)
	return p
}
