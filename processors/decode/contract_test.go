package decode

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"sluice/processors/proctest"
	"sluice/topology/stream"
)

func open(t testing.TB) func() stream.Raw {
	return func() stream.Raw {
		d, err := New(Default)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}

func TestContract(t *testing.T) {
	for _, name := range []string{"pg-inventory-json", "pg-inventory-json-schema", "mariadb-inventory-json"} {
		t.Run(name, func(t *testing.T) {
			runs := proctest.Recording(t, "testdata/"+name+".jsonl.gz")
			proctest.Raw(t, open(t), func(t testing.TB) (out []*stream.Batch) {
				for _, r := range runs {
					from := r.From
					for len(r.Recs) > 0 { // batches of seven: what one taught the next meets
						n := min(7, len(r.Recs))
						b := proctest.NewBatch(t, r.Lane, from, r.Recs[:n]...)
						out, from, r.Recs = append(out, b), b.To.Offset, r.Recs[n:]
					}
				}
				return out
			})
		})
	}
}

// TestWorkersShareATopic: lanes of one topic meet new columns at the same time.
func TestWorkersShareATopic(t *testing.T) {
	proctest.Raw(t, open(t), func(t testing.TB) (out []*stream.Batch) {
		r := rand.New(rand.NewPCG(7, 7))
		for lane := range int32(8) {
			for batch := range int64(20) {
				var recs []proctest.Rec
				for range 5 {
					var m []string
					for f := range 12 {
						if r.IntN(3) == 0 {
							m = append(m, fmt.Sprintf(`"f%d":%s`, f, []string{"null", fmt.Sprint(r.IntN(9))}[r.IntN(2)]))
						}
					}
					key := ""
					if r.IntN(2) == 0 {
						key = fmt.Sprintf(`{"k%d":1}`, r.IntN(3))
					}
					recs = append(recs, proctest.JSON(key, "{"+strings.Join(m, ",")+"}"))
				}
				out = append(out, proctest.NewBatch(t, stream.Lane{Topic: "t", Partition: lane}, batch*5, recs...))
			}
		}
		return out
	})
}

func FuzzDecode(f *testing.F) {
	var corpus []proctest.Rec
	seen := map[string]bool{}
	for _, name := range []string{"pg-inventory-json", "pg-inventory-json-schema", "mariadb-inventory-json"} {
		for _, run := range proctest.Recording(f, "testdata/"+name+".jsonl.gz") {
			if r := run.Recs[0]; !seen[run.Lane.Topic] && len(r.Value) < 8000 {
				seen[run.Lane.Topic] = true
				corpus = append(corpus, r)
			}
		}
	}
	corpus = append(corpus, proctest.JSON(`{"id":1}`, `{"a":1,"b":null,"c":{"d":[]}}`), proctest.JSON("k", "null"), proctest.JSON(`{"schema":{},"payload":{"id":1}}`, `{"schema":null,"payload":{"a":1}}`),
		proctest.JSON(`{"key":1}`, `{"schema":{"type":"struct","fields":[{"type":"struct","fields":[{"field":"a","type":"struct","name":"io.debezium.data.VariableScaleDecimal"}],"field":"after"},{"field":"op"}]},"payload":{"op":"c","after":{"a":{"scale":1,"value":"Dw=="}}}}`))
	const source = `"source":{"connector":"mongodb","db":"d","collection":"c","ord":1}`
	corpus = append(corpus,
		proctest.JSON(`{"id":"{\"$oid\":\"596e275826f08b2730779e1f\"}"}`, `{"before":null,"after":"{\"_id\":{\"$numberLong\":\"1\"},\"d\":{\"$date\":1}}",`+source+`,"op":"c"}`),
		proctest.JSON(`{"id":"1"}`, `{"before":null,"after":null,"updateDescription":{"updatedFields":"{}"},`+source+`,"op":"u"}`),
		proctest.JSON(`Struct{id=1,name=a,b}`, `{"before":null,"after":{"id":1,"name":"a,b"},"source":{"connector":"postgresql","table":"t"},"op":"u"}`),
		proctest.JSON(`{"id":1}`, `{"id":1,"n":{"scale":-2,"value":"DA=="},"t":{"hour":1,"minute":2,"second":3,"picoseconds":4,"precision":12},"__op":"u","__deleted":"false"}`),
		proctest.JSON(`{"id":1}`, `{"id":"x","source":"/debezium/mysql/s","specversion":"1.0","iodebeziumop":"u","iodebeziumtable":"t","data":{"schema":{"type":"struct"},"payload":{"before":null,"after":{"id":1}}}}`),
		proctest.JSON(`{"id":1}`, `{"schema":{"type":"struct","fields":[{"field":"a","type":"array","items":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}}},{"field":"m","type":"map","keys":{"type":"int32","name":"io.debezium.time.Date"},"values":{"type":"string"}}]},"payload":{"a":["AJY="],"m":[[1,"x"]]}}`))
	proctest.Fuzz(f, open(f), corpus...)
}
