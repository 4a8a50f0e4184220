package schemas

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Encoding is how the bytes of a cell spell a value.
type Encoding uint8

// The encodings. None of them includes the quotes of a JSON string. Those behind
// EncJSON are of cells that lie in binary data.
const (
	EncNone       Encoding = iota // absent or null
	EncText                       // UTF-8 as it is
	EncJSONString                 // the inside of a JSON string that has escapes
	EncInt                        // a JSON integer literal: -?[0-9]+
	EncFloat                      // a JSON number with a fraction or an exponent
	EncTrue                       //
	EncFalse                      //
	EncJSON                       // a JSON object or array
	EncBytes                      // raw bytes; where JSON stands, base64
	EncVarint                     // a zig-zag varint, Avro's int and long
	EncFloat32                    // IEEE 754, little-endian
	EncFloat64                    // the same, of eight bytes
)

// Spelled is a binary number as the literal of it that JSON has, or as the text
// NaN, Infinity or -Infinity, in buf, for which 32 bytes are enough. Other cells,
// EncBytes too, stay as they are.
func Spelled(buf []byte, c Cell, p []byte) (Cell, []byte) {
	switch {
	case c.Enc < EncVarint || !c.Has():
		return c, p
	case c.Enc == EncVarint:
		v, _ := binary.Varint(p)
		c.Enc, p = EncInt, strconv.AppendInt(buf[:0], v, 10)
	case c.Enc == EncFloat32 && len(p) == 4:
		c.Enc, p = spelledFloat(buf, float64(math.Float32frombits(binary.LittleEndian.Uint32(p))), 32)
	case c.Enc == EncFloat64 && len(p) == 8:
		c.Enc, p = spelledFloat(buf, math.Float64frombits(binary.LittleEndian.Uint64(p)), 64)
	default:
		return Cell{}, nil // no such cell is made
	}
	c.Off, c.Len = 0, uint32(len(p))
	return c, p
}

func spelledFloat(buf []byte, v float64, bits int) (Encoding, []byte) {
	buf = appendFloatJSON(buf[:0], v, bits)
	if buf[0] == '"' {
		return EncText, buf[1 : len(buf)-1]
	}
	return EncFloat, buf
}

// Flags of a cell.
type Flags uint8

// The flags. A cell without Present is absent: the record does not have the field.
const (
	Present     Flags = 1 << iota // there is a value, which may be null
	Null                          //
	Unavailable                   // Debezium's placeholder: the value did not change and was not sent; "keep what is there"
	Replaced                      // made by a mask action
	InArena                       // the bytes lie in the batch's arena
	InKey                         // the bytes lie in the record's key, not in its value
)

// Cell is where the value of one field lies: 12 bytes, no pointer.
type Cell struct {
	Off   uint32
	Len   uint32
	Enc   Encoding
	Flags Flags
}

// Has reports whether the cell holds a value that is neither null nor unavailable.
func (c Cell) Has() bool { return c.Flags&(Present|Null|Unavailable) == Present }

// IsNull reports a value that is there and null.
func (c Cell) IsNull() bool { return c.Flags&(Present|Null) == Present|Null }

// Absent reports that the record does not have the field.
func (c Cell) Absent() bool { return c.Flags&Present == 0 }

// NullCell is a null.
var NullCell = Cell{Flags: Present | Null}
