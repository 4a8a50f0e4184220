package schemas

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strings"
)

// Breach names the rule that a value breaks, "" for none: never the value. // P1
type Breach string

// The breaches. That of a value within a collection is its own.
const (
	Holds           Breach = ""
	BreachType      Breach = "type"      // a value within a collection is not of its type
	BreachRange     Breach = "range"     // of an integer without a sign, or of fewer bits, or a year
	BreachDecimal   Breach = "decimal"   // no decimal, or more digits than it has
	BreachEnum      Breach = "enum"      // none of the members
	BreachSet       Breach = "set"       // one of its parts is none of the members
	BreachInterval  Breach = "interval"  // not ISO 8601's P1Y2M3DT4H5M6.7S
	BreachBits      Breach = "bits"      // more bits than it has
	BreachGeometry  Breach = "geometry"  // no object with a well-known binary
	BreachSRID      Breach = "srid"      // another reference system
	BreachVector    Breach = "vector"    // no list of numbers
	BreachDimension Breach = "dimension" // more or fewer numbers
	BreachArray     Breach = "array"
	BreachMap       Breach = "map"
	BreachStruct    Breach = "struct" // no object, or a member that it does not have
)

// Breach holds the value of cell c, of a column that is f, to the rule. p is the
// cell's bytes, of which nothing is kept. Nulls and values that were not sent break
// nothing. It does not allocate, but for texts with escapes.
func (r *Rule) Breach(f *Field, c Cell, p []byte) Breach {
	if !c.Has() {
		return Holds
	}
	switch r.kind {
	case ruleInteger, ruleYear:
		return r.integer(f, c, p)
	case ruleDecimal:
		return r.decimal(f, c, p)
	case ruleBits:
		return r.bits(c, p)
	case ruleCount:
		if c.Enc != EncInt && c.Enc != EncVarint {
			return BreachInterval
		}
	case ruleEnum, ruleSet, ruleDuration, ruleText:
		if c.Enc == EncJSONString {
			return r.unescaped(c, p)
		}
		return r.text(c, p)
	case ruleGeometry, ruleVector, ruleSparse, ruleArray, ruleMap, ruleStruct:
		if c.Enc == EncText || c.Enc == EncJSONString {
			return r.unescaped(c, p)
		}
		return r.nested(c, p)
	}
	return Holds
}

// unescaped is Breach for a text with escapes, and for one that is the document
// which the rule is about.
func (r *Rule) unescaped(c Cell, p []byte) Breach {
	var buf [256]byte
	if c.Enc == EncJSONString {
		c.Enc, p = EncText, appendUnescaped(buf[:0], p)
	}
	if r.kind < ruleGeometry {
		return r.text(c, p)
	}
	if v, err := ScanJSON(p, nil); err == nil {
		return r.nested(v, p[v.Off:v.Off+v.Len])
	}
	return r.nested(c, p)
}

func (r *Rule) integer(f *Field, c Cell, p []byte) Breach {
	var v int64
	var u uint64
	if f.Type.Kind == Decimal {
		hi, lo, err := Decimal128(f, c, p)
		if err != nil || f.Type.Scale != 0 || hi != 0 && (hi != -1 || lo>>63 == 0) {
			return BreachRange
		}
		if v, u = int64(lo), lo; hi == 0 && lo>>63 == 1 {
			v = 1<<63 - 1 // positive, which u has
		}
	} else {
		of := Field{Type: Type{Kind: Int64}}
		n, err := Int(&of, c, p)
		if err != nil {
			d, bad := textInt(c, p)
			if bad {
				return BreachRange
			}
			v, u = 1<<63-1, d
		} else {
			v, u = n, uint64(n)
		}
	}
	switch {
	case r.kind == ruleYear && v != 0 && (v < 1900 || v > 2155):
		return BreachRange
	case r.kind == ruleInteger && (v < r.low || v >= 0 && u > r.high):
		return BreachRange
	}
	return Holds
}

// textInt is an integer beyond int64 that is one of uint64.
func textInt(c Cell, p []byte) (v uint64, bad bool) {
	of := Field{Type: Type{Kind: Decimal, Precision: 20}}
	hi, lo, err := Decimal128(&of, c, p)
	return lo, err != nil || hi != 0
}

// decimal holds the digits of a number or text to precision and scale.
func (r *Rule) decimal(f *Field, c Cell, p []byte) Breach {
	if f.Type.Kind == Decimal {
		var dec [48]byte
		hi, lo, err := Decimal128(f, c, p)
		if err != nil {
			return BreachDecimal
		}
		return r.digits(AppendDecimal(dec[:0], hi, lo, int(f.Type.Scale)))
	}
	if c.Enc != EncInt && c.Enc != EncFloat && c.Enc != EncText {
		return BreachDecimal
	}
	return r.digits(p)
}

// digits holds a literal to precision and scale; zeros at its ends do not count.
func (r *Rule) digits(p []byte) Breach {
	if !isNumber(p) || bytes.IndexByte(p, 'e') >= 0 || bytes.IndexByte(p, 'E') >= 0 {
		return BreachDecimal
	}
	if r.size == 0 || r.scale < 0 || r.scale > r.size {
		return Holds // Oracle's NUMBER(10,-2), PostgreSQL's numeric(2,4)
	}
	whole, frac, _ := bytes.Cut(bytes.TrimPrefix(p, []byte("-")), []byte("."))
	if len(bytes.TrimLeft(whole, "0")) > r.size-r.scale || len(bytes.TrimRight(frac, "0")) > r.scale {
		return BreachDecimal
	}
	return Holds
}

func (r *Rule) text(c Cell, p []byte) Breach {
	switch text := c.Enc == EncText; r.kind {
	case ruleEnum:
		if !text || !r.member(p) {
			return BreachEnum
		}
	case ruleSet:
		if !text {
			return BreachSet
		}
		for part := range bytes.SplitSeq(p, comma) {
			if len(p) > 0 && !r.member(part) && !r.member(p) {
				return BreachSet
			}
		}
	case ruleDuration:
		if !text || !isDuration(p) {
			return BreachInterval
		}
	case ruleText:
		if !text {
			return BreachType
		}
	}
	return Holds
}

var comma = []byte(",")

func (r *Rule) member(p []byte) bool {
	if r.members == nil {
		return true
	}
	if _, ok := r.members[string(p)]; ok {
		return true
	}
	if r.list == "" || bytes.IndexByte(p, ',') < 0 {
		return false
	}
	for from := 0; ; from++ { // a run of members as they were joined
		i := indexFrom(r.list, p, from)
		if i < 0 {
			return false
		}
		if r.list[i-1] == ',' && r.list[i+len(p)] == ',' {
			return true
		}
		from = i
	}
}

// indexFrom finds p in list, with a byte before and behind it.
func indexFrom(list string, p []byte, from int) int {
	for i := max(from, 1); i+len(p) < len(list); i++ {
		if list[i:i+len(p)] == string(p) {
			return i
		}
	}
	return -1
}

// isDuration reports P1Y2M3W4DT5H6M7.8S: parts in this order, each with its own
// sign, at least one, and digits behind the point of any.
func isDuration(p []byte) bool {
	if len(p) > 0 && (p[0] == '-' || p[0] == '+') {
		p = p[1:]
	}
	if len(p) == 0 || p[0] != 'P' {
		return false
	}
	day, clock, timed := bytes.Cut(p[1:], []byte("T"))
	n, ok := isParts(day, "YMWD")
	m, fine := isParts(clock, "HMS")
	return ok && fine && n+m > 0 && timed == (m > 0)
}

// isParts counts numbers, each with one of units behind it, in their order.
func isParts(p []byte, units string) (n int, ok bool) {
	for ; len(p) > 0; n++ {
		i := 0
		if p[0] == '-' || p[0] == '+' {
			i++
		}
		start := i
		for i < len(p) && (p[i]-'0' <= 9 || p[i] == '.' && i > start) {
			i++
		}
		if i == start || i == len(p) {
			return n, false
		}
		at := strings.IndexByte(units, p[i])
		if at < 0 {
			return n, false
		}
		units, p = units[at+1:], p[i+1:]
	}
	return n, true
}

func (r *Rule) bits(c Cell, p []byte) Breach {
	n, last := len(p), byte(0)
	switch c.Enc {
	case EncBytes:
		if n > 0 {
			last = p[n-1]
		}
	case EncText:
		p = bytes.TrimRight(p, "=")
		var buf [3]byte
		full := max(len(p)-1, 0) / 4 * 4 // before the last group, which may be short
		k, err := base64.RawStdEncoding.Decode(buf[:], p[full:])
		if err != nil {
			return BreachBits
		}
		if n = full/4*3 + k; k > 0 {
			last = buf[k-1]
		}
	default:
		return BreachBits
	}
	if r.size == 0 {
		return Holds
	}
	if want := (r.size + 7) / 8; n > want || n == want && r.size%8 != 0 && last>>(r.size%8) != 0 {
		return BreachBits
	}
	return Holds
}

// geometry reads Debezium's struct: wkb in base64, srid or null.
func (r *Rule) geometry(p []byte) Breach {
	srid, ok := GeometrySRID(p)
	switch {
	case !ok:
		return BreachGeometry
	case r.srid != NoSRID && srid != r.srid && (srid != NoSRID || r.srid != 0):
		return BreachSRID
	}
	return Holds
}

// NoSRID is the SRID of what does not say one.
const NoSRID = -1

// GeometrySRID is the SRID that a value of Debezium's geometry types has; not ok if
// p, a valid JSON value, is no such value. PostGIS may say it within the binary alone.
func GeometrySRID(p []byte) (srid int, ok bool) {
	if len(p) == 0 || p[0] != '{' {
		return NoSRID, false
	}
	srid = NoSRID
	for w := walkOf(p); w.next(); {
		switch v := w.value(); string(w.key()) {
		case "wkb":
			var in int
			if in, ok = wkb(w.c, v); !ok {
				return NoSRID, false
			}
			if srid == NoSRID {
				srid = in
			}
		case "srid":
			if !w.c.Has() {
				continue
			}
			n, code := parseInt(v)
			if w.c.Enc != EncInt || code != "" || n < 0 || n > math.MaxInt32 {
				return NoSRID, false
			}
			srid = int(n)
		}
	}
	return srid, ok
}

// wkb reads the head of a well-known binary in base64: the order of its bytes, its
// type and, of an extended one, its SRID.
func wkb(c Cell, p []byte) (srid int, ok bool) {
	if c.Enc == EncJSONString {
		p = appendUnescaped(nil, p[:min(len(p), 64)])
	} else if c.Enc != EncText {
		return NoSRID, false
	}
	if len(p) < 8 {
		return NoSRID, false
	}
	var head [9]byte
	n, err := base64.StdEncoding.Decode(head[:], p[:min(len(p), 12)&^3])
	if err != nil || n < 5 || head[0] > 1 {
		return NoSRID, false
	}
	kind, id := binary.BigEndian.Uint32(head[1:]), binary.BigEndian.Uint32(head[5:])
	if head[0] == 1 {
		kind, id = binary.LittleEndian.Uint32(head[1:]), binary.LittleEndian.Uint32(head[5:])
	}
	if kind&(1<<29) != 0 && n == 9 && id <= math.MaxInt32 {
		return int(id), true
	}
	return NoSRID, true
}
