package schemas

import (
	"strconv"
	"time"
)

// AppendExtended appends the plain JSON that p, a document in MongoDB's
// Extended JSON v2 (canonical or relaxed, or the strict mode that Debezium's
// connector writes), stands for. ok is false when p is no JSON or nested too
// deep; dst is then as it was.
//
// ObjectIds, decimals, symbols, UUIDs and binary data become texts (hexadecimal,
// digits as they are, base64), dates ISO 8601 texts in UTC with milliseconds,
// integers and doubles numbers, and what is no number in JSON (NaN, Infinity) a
// text. What has no plain form (timestamps, regular expressions, code, keys of
// the ends) stays the object it is. Source: MongoDB Extended JSON v2
// specification, "Conversion table".
func AppendExtended(dst, p []byte) (out []byte, ok bool) {
	if !ValidJSON(p) {
		return dst, false
	}
	x := extended{p: p}
	dst, _ = x.value(dst, x.space(0))
	return dst, true
}

// extended walks a document that is known to be JSON.
type extended struct{ p []byte }

func (x *extended) space(i int) int {
	for i < len(x.p) && (x.p[i] == ' ' || x.p[i] == '\n' || x.p[i] == '\r' || x.p[i] == '\t') {
		i++
	}
	return i
}

// end is the place behind the string or scalar at i.
func (x *extended) end(i int) int {
	if x.p[i] != '"' {
		for i < len(x.p) && x.p[i] != ',' && x.p[i] != '}' && x.p[i] != ']' && x.p[i] > ' ' {
			i++
		}
		return i
	}
	for i++; x.p[i] != '"'; i++ {
		if x.p[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// value appends the value at i and returns the place behind it.
func (x *extended) value(dst []byte, i int) ([]byte, int) {
	switch x.p[i] {
	case '{':
		if out, next, ok := x.typed(dst, i); ok {
			return out, next
		}
		return x.members(dst, i, '}')
	case '[':
		return x.members(dst, i, ']')
	}
	end := x.end(i)
	return append(dst, x.p[i:end]...), end
}

// members appends an object or array: names as they are, values one by one.
func (x *extended) members(dst []byte, i int, last byte) ([]byte, int) {
	dst = append(dst, x.p[i])
	i = x.space(i + 1)
	for x.p[i] != last {
		if x.p[i] == ',' {
			dst = append(dst, ',')
			i = x.space(i + 1)
		}
		if last == '}' {
			end := x.end(i)
			dst = append(append(dst, x.p[i:end]...), ':')
			i = x.space(x.space(end) + 1)
		}
		dst, i = x.value(dst, i)
		i = x.space(i)
	}
	return append(dst, last), i + 1
}

// typed appends the plain form of the object at i if it is a typed value.
func (x *extended) typed(dst []byte, i int) (out []byte, next int, ok bool) {
	name, at := x.name(i)
	if len(name) == 0 || name[0] != '$' {
		return dst, 0, false
	}
	var c Cell
	s := scanner{p: x.p}
	end := s.value(at, nil, &c)
	body := x.p[c.Off : c.Off+c.Len]
	next = x.space(end)
	legacy := string(name) == "$binary" && x.p[next] == ',' // {"$binary": base64, "$type": hex}
	if legacy {
		second, at := x.name(next)
		if string(second) != "$type" || x.p[at] != '"' {
			return dst, 0, false
		}
		next = x.space(x.end(at))
	}
	if s.err != nil || x.p[next] != '}' {
		return dst, 0, false
	}
	if out, ok = plain(dst, string(name), c, body); !ok {
		return dst, 0, false
	}
	return out, next + 1, true
}

// name is the member name behind the brace or comma at i, and its value's place.
func (x *extended) name(i int) (name []byte, at int) {
	i = x.space(i + 1)
	if x.p[i] != '"' {
		return nil, 0
	}
	end := x.end(i)
	return x.p[i+1 : end-1], x.space(x.space(end) + 1)
}

// plain appends the plain form of a typed value.
func plain(dst []byte, name string, c Cell, body []byte) ([]byte, bool) {
	text := c.Enc == EncText || c.Enc == EncJSONString
	quoted := func(p []byte) ([]byte, bool) { return append(append(append(dst, '"'), p...), '"'), true }
	switch name {
	case "$oid", "$symbol", "$uuid", "$numberDecimal":
		if text {
			return quoted(body)
		}
	case "$numberInt", "$numberLong", "$numberDouble":
		switch {
		case c.Enc == EncInt || c.Enc == EncFloat, c.Enc == EncText && isNumber(body):
			return append(dst, body...), true
		case text:
			return quoted(body)
		}
	case "$undefined":
		return append(dst, "null"...), true
	case "$binary":
		if text {
			return quoted(body)
		}
		if p, ok := member(c, body, "base64"); ok {
			return quoted(p)
		}
	case "$date":
		if p, ok := member(c, body, "$numberLong"); ok {
			body = p
		} else if text {
			return quoted(body)
		}
		if ms, err := strconv.ParseInt(string(body), 10, 64); err == nil {
			if t := time.UnixMilli(ms).UTC(); t.Year() >= 0 && t.Year() <= 9999 {
				return quoted(t.AppendFormat(nil, "2006-01-02T15:04:05.000Z"))
			}
		}
	}
	return dst, false
}

// member is the text of one member of the object that c is.
func member(c Cell, body []byte, name string) ([]byte, bool) {
	if c.Enc != EncJSON || len(body) == 0 || body[0] != '{' {
		return nil, false
	}
	t := Target{Names: NewNames(name), Cells: make([]Cell, 1)}
	if _, err := ScanJSON(body, &t); err != nil || t.Cells[0].Enc != EncText {
		return nil, false
	}
	return body[t.Cells[0].Off : t.Cells[0].Off+t.Cells[0].Len], true
}
