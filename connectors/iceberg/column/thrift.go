package column

import "encoding/binary"

// thrift writes the compact protocol of Apache Thrift
// (thrift/doc/specs/thrift-compact-protocol.md) as far as Parquet needs it.
// Fields of a struct are written in the order of their ids.
type thrift struct {
	b     []byte
	last  int16
	stack []int16
}

const (
	ctTrue   = 1
	ctFalse  = 2
	ctI16    = 4
	ctI32    = 5
	ctI64    = 6
	ctBinary = 8
	ctList   = 9
	ctStruct = 12
)

func (t *thrift) reset() { t.b, t.last, t.stack = t.b[:0], 0, t.stack[:0] }

func (t *thrift) field(id int16, typ byte) {
	if d := id - t.last; d > 0 && d < 16 {
		t.b = append(t.b, byte(d)<<4|typ)
	} else {
		t.b = append(t.b, typ)
		t.b = binary.AppendVarint(t.b, int64(id))
	}
	t.last = id
}

func (t *thrift) i16(id int16, v int16) { t.field(id, ctI16); t.b = binary.AppendVarint(t.b, int64(v)) }
func (t *thrift) i32(id int16, v int32) { t.field(id, ctI32); t.b = binary.AppendVarint(t.b, int64(v)) }
func (t *thrift) i64(id int16, v int64) { t.field(id, ctI64); t.b = binary.AppendVarint(t.b, v) }

func (t *thrift) bool(id int16, v bool) {
	if v {
		t.field(id, ctTrue)
	} else {
		t.field(id, ctFalse)
	}
}

func (t *thrift) string(id int16, v string) { t.field(id, ctBinary); t.elemString(v) }

func (t *thrift) bytes(id int16, v []byte) {
	t.field(id, ctBinary)
	t.b = append(binary.AppendUvarint(t.b, uint64(len(v))), v...)
}

func (t *thrift) elemString(v string) { t.b = append(binary.AppendUvarint(t.b, uint64(len(v))), v...) }
func (t *thrift) elemI32(v int32)     { t.b = binary.AppendVarint(t.b, int64(v)) }

// list begins a list of n elements, which follow.
func (t *thrift) list(id int16, elem byte, n int) {
	t.field(id, ctList)
	if n < 15 {
		t.b = append(t.b, byte(n)<<4|elem)
		return
	}
	t.b = append(t.b, 0xF0|elem)
	t.b = binary.AppendUvarint(t.b, uint64(n))
}

// begin opens a struct as field id, open one as a list element; end closes both.
func (t *thrift) begin(id int16) { t.field(id, ctStruct); t.open() }
func (t *thrift) open()          { t.stack = append(t.stack, t.last); t.last = 0 }

func (t *thrift) end() {
	t.b = append(t.b, 0)
	if n := len(t.stack); n > 0 {
		t.last, t.stack = t.stack[n-1], t.stack[:n-1]
	}
}

// empty writes an empty struct as field id: a member of a union without values.
func (t *thrift) empty(id int16) { t.begin(id); t.end() }
