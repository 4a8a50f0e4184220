package schemas

import (
	"strconv"
	"strings"
)

// Rewrite makes a column's text of a struct, array or map that holds values a
// reader could not understand without its schema: decimals in base64, days and
// microseconds, Debezium's structured times. It is made once for a schema, is
// immutable and safe for concurrent use.
//
// A structured time at the top becomes the text of its type, ISO 8601; what is
// nested stays one JSON document whose decimals are strings of their digits and
// whose dates and times are ISO 8601 strings, as AppendJSON writes them.
type Rewrite struct {
	typ     Type // of a leaf
	wire    Wire
	scale   int // of a leaf in base64
	parts   structured
	items   *Rewrite            // of an array; of a map its values
	keys    *Rewrite            // of a map that is written as pairs
	members map[string]*Rewrite // of a struct
}

// structured is which of Debezium's structured types a struct is.
type structured uint8

const (
	notStructured structured = iota
	structuredDate
	structuredTime
	structuredTimestamp
	structuredZonedTime
	structuredZonedTimestamp
	structuredDuration
)

// structuredTypes are their names; a suffix Precision6 or SourceColumn616d may
// follow (Debezium, io.debezium.time.StructuredTemporal).
var structuredTypes = []struct {
	name string
	kind Kind
	of   structured
}{
	{"io.debezium.time.StructuredDate", Date, structuredDate},
	{"io.debezium.time.StructuredTimestamp", Timestamp, structuredTimestamp},
	{"io.debezium.time.StructuredTime", Time, structuredTime},
	{"io.debezium.time.StructuredZonedTimestamp", Instant, structuredZonedTimestamp},
	{"io.debezium.time.StructuredZonedTime", Time, structuredZonedTime},
	{"io.debezium.time.StructuredDuration", String, structuredDuration},
}

// structuredOf is what name, of a struct, says.
func structuredOf(name string) (Kind, structured) {
	for _, s := range structuredTypes {
		if rest, ok := strings.CutPrefix(name, s.name); ok && (rest == "" || strings.HasPrefix(rest, "Precision") || strings.HasPrefix(rest, "SourceColumn")) {
			return s.kind, s.of
		}
	}
	return Unknown, notStructured
}

// maxRewriteDepth bounds how deep a schema is followed; deeper values stay as written.
const maxRewriteDepth = 32

// Rewrite is how the cells of a column with this schema are rewritten, or nil
// if they say by themselves what they are.
func (c *Connect) Rewrite() *Rewrite {
	if _, s := structuredOf(c.Name); s != notStructured && c.Type == "struct" {
		return &Rewrite{parts: s}
	}
	if c.Name == "io.debezium.data.VariableScaleDecimal" {
		return nil // a column of digits
	}
	switch c.Type {
	case "struct", "array", "map":
		return c.rewrite(0)
	}
	return nil
}

// rewrite is that of a nested value.
func (c *Connect) rewrite(depth int) *Rewrite {
	if depth > maxRewriteDepth {
		return nil
	}
	if _, s := structuredOf(c.Name); s != notStructured && c.Type == "struct" {
		return &Rewrite{parts: s}
	}
	switch t, w := c.Column(); {
	case w == WireVarDecimal, t.Kind == Decimal, t.Kind == String && w == WireBase64:
		return &Rewrite{typ: Type{Kind: Decimal, Precision: 38, Scale: t.Scale}, wire: w, scale: c.Scale()}
	case t.Kind >= Date && t.Kind <= Instant && w != WireISO:
		return &Rewrite{typ: t, wire: w}
	}
	r := &Rewrite{}
	switch c.Type {
	case "array":
		if c.Items != nil {
			r.items = c.Items.rewrite(depth + 1)
		}
	case "map":
		if c.Values != nil {
			r.items = c.Values.rewrite(depth + 1)
		}
		if c.Keys != nil && c.Keys.Type != "string" {
			r.keys = c.Keys.rewrite(depth + 1)
		}
	case "struct":
		for i := range c.Fields {
			if m := c.Fields[i].rewrite(depth + 1); m != nil {
				if r.members == nil {
					r.members = map[string]*Rewrite{}
				}
				r.members[c.Fields[i].Field] = m
			}
		}
	}
	if r.items == nil && r.keys == nil && r.members == nil {
		return nil
	}
	return r
}

// Append appends what the JSON value p, which is valid, becomes: the text of a
// structured time without quotes, else a JSON document. ok is false, and dst as
// it was, for a struct that is not what its name says.
func (r *Rewrite) Append(dst, p []byte) (out []byte, ok bool) {
	if r.parts != notStructured {
		return r.parts.append(dst, p)
	}
	x := extended{p: p}
	out, _ = r.value(dst, &x, x.space(0))
	return out, true
}

// value appends the value at i and returns the place behind it.
func (r *Rewrite) value(dst []byte, x *extended, i int) ([]byte, int) {
	switch {
	case r == nil:
		end := x.skip(i)
		return append(dst, x.p[i:end]...), end
	case x.p[i] == 'n': // null
		return append(dst, "null"...), i + 4
	case r.parts != notStructured:
		end, n := x.skip(i), len(dst)
		if out, ok := r.parts.append(append(dst, '"'), x.p[i:end]); ok {
			return append(out, '"'), end
		}
		return append(dst[:n], x.p[i:end]...), end
	case r.typ.Kind != Unknown:
		return r.leaf(dst, x, i)
	case x.p[i] == '{':
		return r.object(dst, x, i)
	case x.p[i] == '[':
		return r.array(dst, x, i)
	}
	end := x.skip(i)
	return append(dst, x.p[i:end]...), end
}

// leaf appends a decimal or a time; what is none stays as it is.
func (r *Rewrite) leaf(dst []byte, x *extended, i int) ([]byte, int) {
	var c Cell
	s := scanner{p: x.p}
	end := s.value(i, nil, &c)
	body := x.p[c.Off : c.Off+c.Len]
	n := len(dst)
	if r.typ.Kind == Decimal && c.Enc == EncText && r.wire == WireBase64 {
		out, code := AppendUnscaled(append(dst, '"'), body, r.scale)
		if code == "" {
			return append(out, '"'), end
		}
		return append(dst[:n], x.p[i:end]...), end
	}
	if out, code := AppendJSON(dst, r.typ, r.wire, c, body); code == "" {
		return out, end
	}
	return append(dst[:n], x.p[i:end]...), end
}

func (r *Rewrite) object(dst []byte, x *extended, i int) ([]byte, int) {
	dst = append(dst, '{')
	i = x.space(i + 1)
	for x.p[i] != '}' {
		if x.p[i] == ',' {
			dst = append(dst, ',')
			i = x.space(i + 1)
		}
		end := x.end(i)
		name := x.p[i:end]
		dst = append(append(dst, name...), ':')
		m := r.items
		if r.members != nil {
			m = r.members[string(name[1:len(name)-1])]
		}
		dst, i = m.value(dst, x, x.space(x.space(end)+1))
		i = x.space(i)
	}
	return append(dst, '}'), i + 1
}

// array appends an array, or a map that is written as pairs of key and value.
func (r *Rewrite) array(dst []byte, x *extended, i int) ([]byte, int) {
	return r.elements(dst, x, i, func(dst []byte, at, n int) ([]byte, int) {
		if r.keys == nil {
			return r.items.value(dst, x, at)
		}
		if x.p[at] != '[' {
			end := x.skip(at)
			return append(dst, x.p[at:end]...), end
		}
		return r.elements(dst, x, at, func(dst []byte, at, n int) ([]byte, int) {
			if n == 0 {
				return r.keys.value(dst, x, at)
			}
			return r.items.value(dst, x, at)
		})
	})
}

func (r *Rewrite) elements(dst []byte, x *extended, i int, each func(dst []byte, at, n int) ([]byte, int)) ([]byte, int) {
	dst = append(dst, '[')
	i = x.space(i + 1)
	for n := 0; x.p[i] != ']'; n++ {
		if x.p[i] == ',' {
			dst = append(dst, ',')
			i = x.space(i + 1)
		}
		dst, i = each(dst, i, n)
		i = x.space(i)
	}
	return append(dst, ']'), i + 1
}

// skip is the place behind the value at i.
func (x *extended) skip(i int) int {
	var c Cell
	s := scanner{p: x.p}
	return s.value(i, nil, &c)
}

// temporalNames are the members of the structured types; nanos was what
// picoseconds is in their first form.
var temporalNames = NewNames("year", "month", "day", "hour", "minute", "second", "picoseconds", "nanos", "offsetSeconds", "specialValue",
	"years", "months", "days", "hours", "minutes", "seconds")

const (
	partYear = iota
	partMonth
	partDay
	partHour
	partMinute
	partSecond
	partPicos
	partNanos
	partOffset
	partSpecial
	partYears
	partMonths
	partDays
	partHours
	partMinutes
	partSeconds
	parts
)

// append appends the ISO 8601 text of a structured value: as many digits of a
// second as it has, 24:00:00 as it is, a zone as its offset.
func (s structured) append(dst, p []byte) ([]byte, bool) {
	var cells [parts]Cell
	t := Target{Names: temporalNames, Cells: cells[:]}
	if _, err := ScanJSON(p, &t); err != nil || !t.Found {
		return dst, false
	}
	if c := t.Cells[partSpecial]; c.Enc == EncText {
		switch string(p[c.Off : c.Off+c.Len]) {
		case "POSITIVE_INFINITY":
			return append(dst, "infinity"...), true
		case "NEGATIVE_INFINITY":
			return append(dst, "-infinity"...), true
		}
		return dst, false
	}
	var v [parts]int64
	for i, c := range t.Cells {
		if c.Enc == EncNone {
			continue
		}
		n, code := parseInt(p[c.Off : c.Off+c.Len])
		if c.Enc != EncInt || code != "" {
			return dst, false
		}
		v[i] = n
	}
	picos := v[partPicos]
	if t.Cells[partPicos].Absent() {
		picos = v[partNanos] * 1000
	}
	has := func(i int) bool { return t.Cells[i].Enc == EncInt }
	if s == structuredDuration {
		return appendDuration(dst, &v, picos)
	}
	n := len(dst)
	if s == structuredDate || s == structuredTimestamp || s == structuredZonedTimestamp {
		if !has(partYear) || !has(partMonth) || !has(partDay) || v[partYear] != int64(int32(v[partYear])) ||
			v[partMonth] < 0 || v[partMonth] > 12 || v[partDay] < 0 || v[partDay] > 31 {
			return dst, false // a zero date of MySQL is a date like others here: its reader refuses it
		}
		dst = appendYear(dst, v[partYear])
		dst = pad(append(dst, '-'), v[partMonth], 2)
		dst = pad(append(dst, '-'), v[partDay], 2)
		if s == structuredDate {
			return dst, true
		}
		dst = append(dst, 'T')
	}
	if !has(partHour) || !has(partMinute) || v[partHour] < 0 || v[partMinute] < 0 || v[partMinute] > 59 || v[partSecond] < 0 || v[partSecond] > 60 ||
		picos < 0 || picos >= 1e12 {
		return dst[:n], false
	}
	dst = pad(dst, v[partHour], 2)
	dst = pad(append(dst, ':'), v[partMinute], 2)
	dst = appendSeconds(append(dst, ':'), v[partSecond], picos, 2)
	if s == structuredZonedTimestamp || s == structuredZonedTime && has(partOffset) {
		return appendOffset(dst, v[partOffset]), true
	}
	return dst, true
}

func appendYear(dst []byte, y int64) []byte {
	switch {
	case y < 0:
		dst, y = append(dst, '-'), -y
	case y > 9999:
		dst = append(dst, '+')
	}
	return pad(dst, y, 4)
}

// appendSeconds writes seconds with the digits that picos has: none, six, nine or twelve.
func appendSeconds(dst []byte, seconds, picos int64, width int) []byte {
	dst = pad(dst, seconds, width)
	switch {
	case picos == 0:
		return dst
	case picos%1_000_000 == 0:
		return pad(append(dst, '.'), picos/1_000_000, 6)
	case picos%1_000 == 0:
		return pad(append(dst, '.'), picos/1_000, 9)
	}
	return pad(append(dst, '.'), picos, 12)
}

// appendOffset writes an offset from UTC, in seconds, as Z or +hh:mm[:ss].
func appendOffset(dst []byte, seconds int64) []byte {
	if seconds == 0 {
		return append(dst, 'Z')
	}
	sign := byte('+')
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	dst = pad(append(dst, sign), seconds/3600, 2)
	dst = pad(append(dst, ':'), seconds/60%60, 2)
	if seconds%60 != 0 {
		dst = pad(append(dst, ':'), seconds%60, 2)
	}
	return dst
}

// appendDuration writes P1Y2M3DT4H5M6.789S, every part with its own sign, as
// the connector's interval.handling.mode=string does.
func appendDuration(dst []byte, v *[parts]int64, picos int64) ([]byte, bool) {
	if picos <= -1e12 || picos >= 1e12 || v[partSeconds] > 0 && picos < 0 || v[partSeconds] < 0 && picos > 0 {
		return dst, false
	}
	dst = append(dst, 'P')
	for _, x := range []struct {
		at   int
		unit byte
	}{{partYears, 'Y'}, {partMonths, 'M'}, {partDays, 'D'}, {partHours, 'H'}, {partMinutes, 'M'}} {
		if x.at == partHours {
			dst = append(dst, 'T')
		}
		dst = append(strconv.AppendInt(dst, v[x.at], 10), x.unit)
	}
	seconds := v[partSeconds]
	if seconds < 0 || picos < 0 {
		dst, seconds, picos = append(dst, '-'), -seconds, -picos
	}
	if seconds < 0 {
		return dst, false
	}
	return append(appendSeconds(dst, seconds, picos, 1), 'S'), true
}

// Recognise tells Debezium's structs by their members where no schema does:
// a decimal of variable scale is a String of WireVarDecimal, a structured time
// of WireStruct. Nothing that a connector writes besides has the same members.
// ok is false for all other objects. p is a JSON object.
func Recognise(p []byte) (t Type, w Wire, ok bool) {
	if len(p) < 10 || p[0] != '{' {
		return t, w, false
	}
	var cells [parts + 4]Cell
	target := Target{Names: structNames, Cells: cells[:]}
	if _, err := ScanJSON(p, &target); err != nil || !target.Found || len(target.Extra) > 0 {
		return t, w, false
	}
	var seen uint32
	for i, c := range target.Cells {
		if !c.Absent() {
			seen |= 1 << i
		}
	}
	if seen == maskVarDecimal {
		text := cells[parts+3].Enc == EncText && cells[parts+2].Enc == EncInt
		_, _, ok := varDecimal(p)
		return Type{Kind: String}, WireVarDecimal, ok && text
	}
	if seen&(1<<partPicos|1<<partNanos) == 1<<partPicos|1<<partNanos {
		return t, w, false
	}
	if seen&(1<<partNanos) != 0 { // the first form of the same
		seen = seen&^(1<<partNanos) | 1<<partPicos
	}
	for _, s := range structuredTypes {
		if seen == structuredMasks[s.of] || seen|1<<partSpecial == structuredMasks[s.of] {
			return Type{Kind: s.kind}, WireStruct, true
		}
	}
	return t, w, false
}

// RewriteAs is the rewrite of structured times for a column of WireStruct.
func RewriteAs(k Kind) *Rewrite {
	switch k {
	case Date:
		return &Rewrite{parts: structuredDate}
	case Time:
		return &Rewrite{parts: structuredZonedTime}
	case Timestamp:
		return &Rewrite{parts: structuredTimestamp}
	case Instant:
		return &Rewrite{parts: structuredZonedTimestamp}
	case String:
		return &Rewrite{parts: structuredDuration}
	}
	return nil
}

// structNames are the members of all of them.
var structNames = NewNames("year", "month", "day", "hour", "minute", "second", "picoseconds", "nanos", "offsetSeconds", "specialValue",
	"years", "months", "days", "hours", "minutes", "seconds", "precision", "zoneId", "scale", "value")

const (
	maskVarDecimal = 1<<(parts+2) | 1<<(parts+3)
	maskDay        = 1<<partYear | 1<<partMonth | 1<<partDay
	maskClock      = 1<<partHour | 1<<partMinute | 1<<partSecond | 1<<partPicos | 1<<parts
)

// structuredMasks are the members of each structured type.
var structuredMasks = [...]uint32{
	structuredDate:           maskDay | 1<<partSpecial,
	structuredTime:           maskClock,
	structuredTimestamp:      maskDay | maskClock | 1<<partSpecial,
	structuredZonedTime:      maskClock | 1<<partOffset,
	structuredZonedTimestamp: maskDay | maskClock | 1<<partOffset | 1<<(parts+1) | 1<<partSpecial,
	structuredDuration: 1<<partYears | 1<<partMonths | 1<<partDays | 1<<partHours | 1<<partMinutes | 1<<partSeconds |
		1<<partPicos | 1<<parts,
}
