package schemas

// Encoding is how the bytes of a cell spell a value.
type Encoding uint8

// The encodings. None of them includes the quotes of a JSON string.
const (
	EncNone       Encoding = iota // absent or null
	EncText                       // UTF-8 as it is
	EncJSONString                 // the inside of a JSON string that has escapes
	EncInt                        // a JSON integer literal: -?[0-9]+
	EncFloat                      // a JSON number with a fraction or an exponent
	EncTrue                       //
	EncFalse                      //
	EncJSON                       // a JSON object or array
	EncBytes                      // raw bytes
)

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
	_     uint16
}

// Has reports whether the cell holds a value that is neither null nor unavailable.
func (c Cell) Has() bool { return c.Flags&(Present|Null|Unavailable) == Present }

// IsNull reports a value that is there and null.
func (c Cell) IsNull() bool { return c.Flags&(Present|Null) == Present|Null }

// Absent reports that the record does not have the field.
func (c Cell) Absent() bool { return c.Flags&Present == 0 }

// NullCell is a null.
var NullCell = Cell{Flags: Present | Null}
