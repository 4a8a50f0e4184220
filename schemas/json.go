package schemas

import "encoding/binary"

// The JSON indexer: one pass over the bytes of a record that checks all of
// RFC 8259's grammar, as encoding/json.Valid does, and notes where the values
// of the fields we know lie. It copies nothing, writes nowhere but into the
// caller's cells and allocates nothing once its [Members] have grown.
//
// Records of one topic spell the same names in the same order, so a member's
// name is first compared with the one that came next the last time; only a
// miss scans the name and looks it up. Bytes are read eight at a time (members.go),
// or 64 ahead of the walk where the processor has AVX2 or AVX-512 (marks_amd64.go;
// the build tag purego leaves assembly out).
//
// Beyond the grammar it refuses documents nested deeper than MaxDepth and
// documents of 4 GiB. Text that is not valid UTF-8 is no error, as in
// encoding/json: such a string is an EncJSONString, whose reader mends it.

// MaxDepth is how deep arrays and objects may be nested.
const MaxDepth = 512

// JSONError is why bytes are not a JSON text: a code, never contents. // P1
type JSONError struct{ Code string }

func (e *JSONError) Error() string { return "json: " + e.Code }

// The errors of the indexer. Compare with ==.
var (
	ErrJSON  = &JSONError{"syntax"}
	ErrDepth = &JSONError{"depth"}
	ErrLong  = &JSONError{"length"}
)

// Names is a list of member names, each with its ordinal, that objects are
// expected to have. It is immutable and safe for concurrent use.
type Names struct {
	list  []name
	index map[string]int32
}

// name is a member name as most writers spell it: in quotes, with the colon.
// With the comma or brace before it, whose byte is not compared, it has size
// bytes. Longer ones than the four words hold are no name to scanner.run.
type name struct {
	head, mask    uint64 // its first eight bytes, or as many as there are
	tail          uint64 // its last eight bytes, of more than eight
	second, third uint64 // what is next to head and tail, of more than sixteen
	size          int32
	ord           int32
	lit           string // "": it needs an escape
}

// NewNames returns the names in the order they are expected, with the ordinals 0, 1, ...
func NewNames(names ...string) *Names {
	n := &Names{list: make([]name, len(names)), index: make(map[string]int32, len(names))}
	for i, s := range names {
		n.list[i] = newName(s, int32(i))
		n.index[s] = int32(i)
	}
	return n
}

func newName(s string, ord int32) name {
	lit := ` "` + s + `":`
	e := name{ord: ord, size: int32(len(lit)), lit: lit[1:], mask: ^uint64(0xFF)}
	for j := range len(s) {
		if s[j] < ' ' || s[j] == '"' || s[j] == '\\' {
			e.lit = ""
		}
	}
	word := func(i int) uint64 {
		var b [8]byte
		copy(b[:], lit[i:])
		return binary.LittleEndian.Uint64(b[:])
	}
	switch k := len(lit); {
	case e.lit == "" || k > 32:
		e.head = 0xFF // no text has that behind the mask
		return e
	case k < 8:
		e.mask &= 1<<(8*k) - 1
	case k > 16:
		e.second, e.third = word(8), word(k-16)
		fallthrough
	default:
		e.tail = word(k - 8)
	}
	e.head = word(0) & e.mask
	return e
}

// Len is the number of names.
func (n *Names) Len() int { return len(n.list) }

// Ordinal is the ordinal of the name, or -1.
func (n *Names) Ordinal(s []byte) int {
	if i, ok := n.index[string(s)]; ok { // does not allocate
		return int(i)
	}
	return -1
}

// Member is a member of an object whose name is not among the Names.
type Member struct {
	Name Cell // EncText, or EncJSONString: unescape it before comparing
	Cell Cell
}

// Target says where the members of an object go. The scanner fills Cells, Extra
// and Found; the caller resets them with Reset before each use.
type Target struct {
	Names *Names

	// Cells has at least Names.Len() cells, all absent at first. A name that
	// comes twice keeps its last value.
	Cells []Cell

	// Sub has, by ordinal, the target of a member that is an object itself; nil,
	// or beyond its end: the object stays one EncJSON cell, which it is in any case.
	Sub []*Target

	// Known, by ordinal like Sub, are bytes of one whole object or array that
	// were seen to be valid before: a value equal to them is not looked at again.
	Known [][]byte

	// Extra are the members without an ordinal, in order, doubles included.
	Extra []Member

	// Found tells that the object was there.
	Found bool

	// Hit is the offset of the last value that was one of Known, or 0.
	Hit uint32

	lengths []int32 // of the members' texts the last time: what run guesses they are
}

// Reset makes t ready for another document: cells becomes Cells.
func (t *Target) Reset(cells []Cell) {
	t.Cells, t.Extra, t.Found, t.Hit = cells, t.Extra[:0], false, 0
}

// ValidJSON reports whether p is one JSON text, as encoding/json.Valid does,
// but for MaxDepth.
func ValidJSON(p []byte) bool {
	_, err := ScanJSON(p, nil)
	return err == nil
}

// ScanJSON checks that p is one JSON text with nothing but white space around
// it and returns the cell of its value. If the value is an object, its members
// go to t, which may be nil.
func ScanJSON(p []byte, t *Target) (Cell, error) {
	var s Scanner
	return s.Scan(p, t)
}

// Scanner is ScanJSON with its scratch, about 1 KB, for one goroutine that has many texts.
type Scanner struct{ s scanner }

// Scan is ScanJSON. It keeps nothing of p.
func (x *Scanner) Scan(p []byte, t *Target) (Cell, error) {
	return x.s.scan(p, t, fastest)
}

func (s *scanner) scan(p []byte, t *Target, by speed) (Cell, error) {
	if uint64(len(p)) >= 1<<32 {
		return Cell{}, ErrLong
	}
	if len(p) < 64 {
		by = portable // there is nothing to look ahead for
	}
	s.p, s.by, s.depth, s.err = p, by, 0, nil
	s.window.reset()
	var c Cell
	i := s.space(s.value(s.space(0), t, &c))
	s.p = nil
	switch {
	case s.err != nil:
		return Cell{}, s.err
	case i != len(p):
		return Cell{}, ErrJSON
	}
	return c, nil
}
