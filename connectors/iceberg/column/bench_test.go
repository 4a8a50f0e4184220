package column

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	apq "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/parquet-go/parquet-go"
	pqzstd "github.com/parquet-go/parquet-go/compress/zstd"

	"sluice/schemas"
)

// ordersFields is the table of the budget "rows to Parquet, 10 columns".
var ordersFields = []Field{
	{Name: "id", ID: 1, Type: schemas.Type{Kind: schemas.Int64}, Bounds: true},
	{Name: "customer_id", ID: 2, Type: schemas.Type{Kind: schemas.Int64}, Bounds: true},
	{Name: "status", ID: 3, Type: schemas.Type{Kind: schemas.String}, Bounds: true},
	{Name: "email", ID: 4, Type: schemas.Type{Kind: schemas.String}, Bounds: true},
	{Name: "note", ID: 5, Type: schemas.Type{Kind: schemas.String}, Bounds: true},
	{Name: "qty", ID: 6, Type: schemas.Type{Kind: schemas.Int32}, Bounds: true},
	{Name: "price", ID: 7, Type: schemas.Type{Kind: schemas.Decimal, Precision: 12, Scale: 2}, Bounds: true},
	{Name: "total", ID: 8, Type: schemas.Type{Kind: schemas.Decimal, Precision: 14, Scale: 2}, Bounds: true},
	{Name: "created_at", ID: 9, Type: schemas.Type{Kind: schemas.Instant}, Bounds: true},
	{Name: "updated_at", ID: 10, Type: schemas.Type{Kind: schemas.Instant}, Bounds: true},
}

type order struct {
	id, customer, price, total, created, updated int64
	status, email, note                          []byte
	qty                                          int32
}

// orders makes rows such as a shop has: rising ids and times, few states,
// addresses and notes that do not repeat.
func orders(n int) []order {
	r := rand.New(rand.NewPCG(1, 2))
	states := [][]byte{[]byte("new"), []byte("paid"), []byte("shipped"), []byte("delivered"), []byte("cancelled")}
	words := []string{"leave", "at", "the", "door", "please", "call", "before", "ring", "twice", "fragile", "gift", "no", "onions", "urgent"}
	rows := make([]order, n)
	at := int64(1_760_000_000_000_000)
	for i := range rows {
		at += int64(r.IntN(100_000))
		o := order{id: int64(1_000_000 + i), customer: int64(r.IntN(200_000)), status: states[r.IntN(5)], qty: int32(1 + r.IntN(9)),
			price: int64(r.IntN(100_000)), created: at, updated: at + int64(r.IntN(1_000_000_000))}
		o.total = o.price * int64(o.qty)
		o.email = fmt.Appendf(nil, "user%d@example%d.com", o.customer, r.IntN(50))
		for range r.IntN(8) {
			o.note = append(append(o.note, words[r.IntN(len(words))]...), ' ')
		}
		rows[i] = o
	}
	return rows
}

func appendOrder(b *Buffer, o *order) {
	b.AppendInt64(0, o.id)
	b.AppendInt64(1, o.customer)
	b.AppendBytes(2, o.status)
	b.AppendBytes(3, o.email)
	b.AppendBytes(4, o.note)
	b.AppendInt32(5, o.qty)
	b.AppendInt64(6, o.price)
	b.AppendInt64(7, o.total)
	b.AppendInt64(8, o.created)
	b.AppendInt64(9, o.updated)
	if err := b.EndRow(); err != nil {
		panic(err)
	}
}

const benchRows = 200_000

func report(b *testing.B, rows int, size int64) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
	b.ReportMetric(float64(size)/float64(rows), "B/row")
}

// BenchmarkTyped writes typed values, so that only buffers and encoders differ.
func BenchmarkTyped(b *testing.B) {
	rows := orders(benchRows)
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		buf := NewBuffer(ordersFields)
		for b.Loop() {
			buf.Reset()
			for i := range rows {
				appendOrder(buf, &rows[i])
			}
		}
		report(b, len(rows), buf.Size())
	})
	for _, codec := range []Codec{Zstd, Snappy, None} {
		for _, page := range []int{64 << 10, 256 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("column/%v/%dK", codec, page>>10), func(b *testing.B) {
				b.ReportAllocs()
				buf := NewBuffer(ordersFields)
				enc, err := NewEncoder(Options{Codec: codec, PageBytes: page})
				if err != nil {
					b.Fatal(err)
				}
				var size int64
				for b.Loop() {
					buf.Reset()
					for i := range rows {
						appendOrder(buf, &rows[i])
					}
					s, err := enc.Flush(io.Discard, File{Buffers: []*Buffer{buf}})
					if err != nil {
						b.Fatal(err)
					}
					size = s.FileSize
				}
				report(b, len(rows), size)
			})
		}
	}
	b.Run("parquet-go", func(b *testing.B) {
		b.ReportAllocs()
		var w bytes.Buffer
		for b.Loop() {
			w.Reset()
			parquetGoOrders(&w, rows)
		}
		report(b, len(rows), int64(w.Len()))
	})
	b.Run("arrow-go", func(b *testing.B) {
		b.ReportAllocs()
		var w bytes.Buffer
		for b.Loop() {
			w.Reset()
			arrowOrders(&w, rows)
		}
		report(b, len(rows), int64(w.Len()))
	})
}

// parquetGoOrders is the dynamic path of parquet-go: column writers fed with
// values, as a table whose columns are known only at run time must.
func parquetGoOrders(w io.Writer, rows []order) {
	g := parquet.Group{}
	for _, f := range ordersFields {
		var n parquet.Node
		switch f.Type.Kind {
		case schemas.Int64:
			n = parquet.Int(64)
		case schemas.Int32:
			n = parquet.Int(32)
		case schemas.Decimal:
			n = parquet.Decimal(int(f.Type.Scale), int(f.Type.Precision), parquet.Int64Type)
		case schemas.Instant:
			n = parquet.Timestamp(parquet.Microsecond)
		default:
			n = parquet.String()
			if f.Name == "status" {
				n = parquet.Encoded(n, &parquet.RLEDictionary)
			}
		}
		g[f.Name] = parquet.FieldID(parquet.Optional(n), f.ID)
	}
	ps := parquet.NewSchema("table", g)
	pw := parquet.NewGenericWriter[any](w, ps, parquet.Compression(&pqzstd.Codec{Level: pqzstd.SpeedFastest}), parquet.PageBufferSize(1<<20))
	cw := pw.ColumnWriters()
	const batch = 4096
	vals := make([]parquet.Value, 0, batch)
	for i := 0; i < len(rows); i += batch {
		rs := rows[i:min(i+batch, len(rows))]
		put := func(name string, get func(o *order) parquet.Value) {
			leaf, _ := ps.Lookup(name)
			vals = vals[:0]
			for k := range rs {
				vals = append(vals, get(&rs[k]).Level(0, 1, leaf.ColumnIndex))
			}
			if _, err := cw[leaf.ColumnIndex].WriteRowValues(vals); err != nil {
				panic(err)
			}
		}
		put("id", func(o *order) parquet.Value { return parquet.Int64Value(o.id) })
		put("customer_id", func(o *order) parquet.Value { return parquet.Int64Value(o.customer) })
		put("status", func(o *order) parquet.Value { return parquet.ByteArrayValue(o.status) })
		put("email", func(o *order) parquet.Value { return parquet.ByteArrayValue(o.email) })
		put("note", func(o *order) parquet.Value { return parquet.ByteArrayValue(o.note) })
		put("qty", func(o *order) parquet.Value { return parquet.Int32Value(o.qty) })
		put("price", func(o *order) parquet.Value { return parquet.Int64Value(o.price) })
		put("total", func(o *order) parquet.Value { return parquet.Int64Value(o.total) })
		put("created_at", func(o *order) parquet.Value { return parquet.Int64Value(o.created) })
		put("updated_at", func(o *order) parquet.Value { return parquet.Int64Value(o.updated) })
	}
	if err := pw.Close(); err != nil {
		panic(err)
	}
}

// arrowOrders goes through an Arrow record, as iceberg-go's own writer does.
func arrowOrders(w io.Writer, rows []order) {
	var fields []arrow.Field
	for _, f := range ordersFields {
		var t arrow.DataType
		switch f.Type.Kind {
		case schemas.Int64:
			t = arrow.PrimitiveTypes.Int64
		case schemas.Int32:
			t = arrow.PrimitiveTypes.Int32
		case schemas.Decimal:
			t = &arrow.Decimal128Type{Precision: int32(f.Type.Precision), Scale: int32(f.Type.Scale)}
		case schemas.Instant:
			t = arrow.FixedWidthTypes.Timestamp_us
		default:
			t = arrow.BinaryTypes.String
		}
		fields = append(fields, arrow.Field{Name: f.Name, Type: t, Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	props := apq.NewWriterProperties(apq.WithCompression(compress.Codecs.Zstd), apq.WithCompressionLevel(1), apq.WithDictionaryDefault(false), apq.WithDictionaryFor("status", true))
	pw, err := pqarrow.NewFileWriter(schema, w, props, pqarrow.DefaultWriterProps())
	if err != nil {
		panic(err)
	}
	rb := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer rb.Release()
	const batch = 8192
	for i := 0; i < len(rows); i += batch {
		for k := i; k < min(i+batch, len(rows)); k++ {
			o := &rows[k]
			rb.Field(0).(*array.Int64Builder).Append(o.id)
			rb.Field(1).(*array.Int64Builder).Append(o.customer)
			rb.Field(2).(*array.StringBuilder).BinaryBuilder.Append(o.status)
			rb.Field(3).(*array.StringBuilder).BinaryBuilder.Append(o.email)
			rb.Field(4).(*array.StringBuilder).BinaryBuilder.Append(o.note)
			rb.Field(5).(*array.Int32Builder).Append(o.qty)
			rb.Field(6).(*array.Decimal128Builder).Append(decimal128.FromI64(o.price))
			rb.Field(7).(*array.Decimal128Builder).Append(decimal128.FromI64(o.total))
			rb.Field(8).(*array.TimestampBuilder).Append(arrow.Timestamp(o.created))
			rb.Field(9).(*array.TimestampBuilder).Append(arrow.Timestamp(o.updated))
		}
		rec := rb.NewRecordBatch()
		if err := pw.WriteBuffered(rec); err != nil {
			panic(err)
		}
		rec.Release()
	}
	if err := pw.Close(); err != nil {
		panic(err)
	}
}

// BenchmarkCells is the way from cells to a Parquet file, the part of the
// budgets that is this package's: 10 columns, trips and narrow events.
func BenchmarkCells(b *testing.B) {
	orders := []schemas.Kind{schemas.Int64, schemas.Int64, schemas.String, schemas.String, schemas.String, schemas.Int64, schemas.Decimal, schemas.Decimal, schemas.Instant, schemas.Instant}
	narrow := []schemas.Kind{schemas.Int64, schemas.String, schemas.Float64, schemas.Instant, schemas.Bool, schemas.Int64}
	for _, c := range []struct {
		name  string
		kinds []schemas.Kind
	}{{"orders10", orders}, {"trips29", tripsKinds}, {"narrow6", narrow}} {
		b.Run(c.name+"/append", func(b *testing.B) { // rows that a decoder has just left in the cache
			table := newCellTable(b, c.kinds, 1_000)
			buf := NewBuffer(table.fields)
			b.ReportAllocs()
			for b.Loop() {
				buf.Reset()
				table.append(buf)
			}
			report(b, len(table.rows), int64(table.bytes))
		})
		b.Run(c.name+"/flush", func(b *testing.B) {
			table := newCellTable(b, c.kinds, 50_000)
			buf := NewBuffer(table.fields)
			table.append(buf)
			enc, err := NewEncoder(Options{})
			if err != nil {
				b.Fatal(err)
			}
			var size int64
			b.ReportAllocs()
			for b.Loop() {
				s, err := enc.Flush(io.Discard, File{Buffers: []*Buffer{buf}})
				if err != nil {
					b.Fatal(err)
				}
				size = s.FileSize
			}
			report(b, len(table.rows), size)
		})
	}
}
