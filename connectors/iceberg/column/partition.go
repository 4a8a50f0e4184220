package column

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/iceberg-go"
	"github.com/google/uuid"
	"github.com/twmb/murmur3"

	"sluice/schemas"
	"sluice/topology/stream"
)

// PartitionField is one field of a table's partition spec.
type PartitionField struct {
	ID        int // Iceberg partition field id, from 1000
	Transform Transform
	Type      schemas.Type // of the column

	// From is where the column's values come from. A column that is not a cell
	// but made by the writer gives Of instead: an integer or a time, false for null.
	From Source
	Of   func(*stream.CleanRow) (int64, bool)
}

// Partitioner tells which partition a row belongs to.
type Partitioner struct {
	fields  []PartitionField
	results []schemas.Type
}

// NewPartitioner checks that every transform fits its column.
func NewPartitioner(fields []PartitionField) (*Partitioner, error) {
	p := &Partitioner{fields: fields, results: make([]schemas.Type, len(fields))}
	for i, f := range fields {
		var err error
		if p.results[i], err = f.Transform.Result(f.Type); err != nil {
			return nil, fmt.Errorf("partition field %d: %w", f.ID, err)
		}
		if phys, _ := layout(f.Type); f.Of != nil && phys != physInt32 && phys != physInt64 {
			return nil, fmt.Errorf("partition field %d: a column of type %v that is not in the records cannot be partitioned by", f.ID, f.Type)
		}
	}
	return p, nil
}

// A key has, for each field, 0 for null or 1 and then the value: 8 bytes of
// an integer, a float's bits, 16 of a decimal or UUID, a length and bytes of text.

// AppendKey appends the key of the partition of a row with these cells: equal
// keys, equal partitions. It allocates nothing but dst's growth. An error is a
// [CellError], and dst is returned as it was.
func (p *Partitioner) AppendKey(dst []byte, row *stream.CleanRow, cells []schemas.Cell) ([]byte, error) {
	start := len(dst)
	for i := range p.fields {
		f := &p.fields[i]
		if f.Transform.Kind == Void {
			dst = append(dst, 0)
			continue
		}
		if f.Of != nil {
			if v, ok := f.Of(row); ok {
				dst = binary.LittleEndian.AppendUint64(append(dst, 1), uint64(f.Transform.int(v, f.Type.Kind)))
			} else {
				dst = append(dst, 0)
			}
			continue
		}
		var c schemas.Cell
		if f.From.op != opNone && f.From.cell < len(cells) {
			c = cells[f.From.cell]
		}
		if !c.Has() {
			dst = append(dst, 0)
			continue
		}
		var err error
		if dst, err = f.append(append(dst, 1), c, row.Bytes(c)); err != nil {
			return dst[:start], err
		}
	}
	return dst, nil
}

// append appends the transformed value of one cell.
func (f *PartitionField) append(dst []byte, c schemas.Cell, p []byte) ([]byte, error) {
	switch s := &f.From; s.op {
	case opInt32, opInt64:
		v, err := s.int(c, p)
		if err != nil {
			return dst, err
		}
		return binary.LittleEndian.AppendUint64(dst, uint64(f.Transform.int(v, f.Type.Kind))), nil
	case opFloat32, opFloat64:
		v, err := s.float(c, p)
		if s.op == opFloat32 && err == nil {
			var x float32
			x, err = s.float32(c, p)
			v = float64(x)
		}
		if err != nil {
			return dst, err
		}
		if v != v {
			v = math.NaN() // one partition for all of them
		}
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v)), nil
	case opBool:
		v, err := s.bool(c, p)
		if err != nil {
			return dst, err
		}
		n := uint64(0)
		if v {
			n = 1
		}
		return binary.LittleEndian.AppendUint64(dst, n), nil
	case opDecimal:
		return f.appendDecimal(dst, c, p)
	case opUUID:
		u, err := s.uuid(c, p)
		if err != nil {
			return dst, err
		}
		if f.Transform.Kind == Bucket {
			return binary.LittleEndian.AppendUint64(dst, uint64(f.Transform.bucketOf(murmur3.Sum32(u[:])))), nil
		}
		return append(dst, u[:]...), nil
	}
	return f.appendText(dst, c, p)
}

func (f *PartitionField) appendDecimal(dst []byte, c schemas.Cell, p []byte) ([]byte, error) {
	hi, lo, err := f.From.decimal(c, p)
	if err != nil {
		return dst, err
	}
	switch f.Transform.Kind {
	case Bucket:
		return binary.LittleEndian.AppendUint64(dst, uint64(f.Transform.bucketOf(decimalHash(hi, lo)))), nil
	case TruncateTo:
		hi, lo = f.Transform.decimal(hi, lo)
	}
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, uint64(hi)), lo), nil
}

func (f *PartitionField) appendText(dst []byte, c schemas.Cell, p []byte) ([]byte, error) {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	var err error
	if s := &f.From; s.op == opBinary {
		dst, err = s.appendBinary(dst, c, p)
	} else if s.verbatim(c, p) {
		dst = append(dst, p...)
	} else {
		dst, err = s.appendText(dst, c, p)
	}
	if err != nil {
		return dst, err
	}
	v := dst[at+4:]
	switch f.Transform.Kind {
	case Bucket:
		return binary.LittleEndian.AppendUint64(dst[:at], uint64(f.Transform.bucketOf(murmur3.Sum32(v)))), nil
	case TruncateTo:
		v = v[:f.Transform.cut(v, f.From.op == opText)]
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(v)))
	return dst[:at+4+len(v)], nil
}

// Values are the partition values of a key that AppendKey made, by partition
// field id, in the types of iceberg-go's [iceberg.NewDataFileBuilder]; nil is null.
func (p *Partitioner) Values(key []byte) map[int]any {
	out := make(map[int]any, len(p.fields))
	for i, f := range p.fields {
		var v any
		if key[0] == 0 {
			key = key[1:]
		} else {
			v, key = valueOf(p.results[i], key[1:])
		}
		out[f.ID] = v
	}
	return out
}

func valueOf(t schemas.Type, p []byte) (any, []byte) {
	switch t.Kind {
	case schemas.Decimal:
		n := decimal128.New(int64(binary.LittleEndian.Uint64(p)), binary.LittleEndian.Uint64(p[8:]))
		return iceberg.Decimal{Val: n, Scale: int(t.Scale)}, p[16:]
	case schemas.UUID:
		return uuid.UUID(p[:16]), p[16:]
	case schemas.Binary, schemas.String, schemas.JSON, schemas.Unknown:
		n := 4 + binary.LittleEndian.Uint32(p)
		if t.Kind == schemas.Binary {
			return append([]byte{}, p[4:n]...), p[n:]
		}
		return string(p[4:n]), p[n:]
	}
	n := binary.LittleEndian.Uint64(p)
	p = p[8:]
	switch t.Kind {
	case schemas.Bool:
		return n == 1, p
	case schemas.Int32:
		return int32(n), p
	case schemas.Float32:
		return float32(math.Float64frombits(n)), p
	case schemas.Float64:
		return math.Float64frombits(n), p
	case schemas.Date:
		return iceberg.Date(int32(n)), p
	case schemas.Time:
		return iceberg.Time(int64(n)), p
	case schemas.Timestamp, schemas.Instant:
		return iceberg.Timestamp(int64(n)), p
	}
	return int64(n), p
}
