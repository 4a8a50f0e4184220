package cloudflare

import (
	"encoding/json"
	"math"
	"strconv"
)

// bind reads parameters as D1 binds them: text as text, null as NULL, every
// number and boolean as a double (workerd has only JavaScript's numbers), an
// array of byte values as a blob. Rows go as text inside one JSON parameter.
func bind(params []json.RawMessage) ([]any, *failure) {
	if len(params) > maxParams {
		return nil, fail(400, 7500, "too many SQL variables: SQLITE_ERROR")
	}
	args := make([]any, len(params))
	for i, p := range params {
		var v any
		if err := json.Unmarshal(p, &v); err != nil {
			return nil, fail(400, 7400, "The request is malformed: params")
		}
		size := 0
		switch x := v.(type) {
		case nil:
		case string:
			args[i], size = x, len(x)
		case float64:
			args[i] = x
		case bool:
			args[i] = 0.0
			if x {
				args[i] = 1.0
			}
		case []any:
			b := make([]byte, len(x))
			for j, n := range x {
				f, ok := n.(float64)
				if !ok {
					return nil, fail(400, 7500, "D1_TYPE_ERROR: Type 'object' not supported for value")
				}
				b[j] = byte(int64(f))
			}
			args[i], size = b, len(b)
		default:
			return nil, fail(400, 7500, "D1_TYPE_ERROR: Type 'object' not supported for value")
		}
		if size > maxValue {
			return nil, fail(400, 7500, "string or blob too big: SQLITE_TOOBIG")
		}
	}
	return args, nil
}

// shape writes results: rows of cells (raw) or objects (query). Objects have
// one entry a name: the last column of a name wins, at the place of the first.
type shape struct {
	raw   bool
	names [][]byte // as JSON strings
	take  []int    // for objects: which cell each entry shows
	some  bool
}

func newShape(names []string, raw bool) *shape {
	s := &shape{raw: raw}
	place := map[string]int{}
	for i, n := range names {
		k, ok := place[n]
		if raw || !ok {
			place[n] = len(s.names)
			b, _ := json.Marshal(n)
			s.names, s.take = append(s.names, b), append(s.take, i)
			continue
		}
		s.take[k] = i
	}
	return s
}

func (s *shape) begin(out []byte) []byte {
	if !s.raw {
		return append(out, '[')
	}
	out = append(out, `{"columns":[`...)
	for i, n := range s.names {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, n...)
	}
	return append(out, `],"rows":[`...)
}

func (s *shape) row(out []byte, cells []any) []byte {
	if s.some {
		out = append(out, ',')
	}
	s.some = true
	open, end := byte('{'), byte('}')
	if s.raw {
		open, end = '[', ']'
	}
	out = append(out, open)
	for i, c := range s.take {
		if i > 0 {
			out = append(out, ',')
		}
		if !s.raw {
			out = append(append(out, s.names[i]...), ':')
		}
		out = appendCell(out, cells[c])
	}
	return append(out, end)
}

func (s *shape) end(out []byte) []byte {
	if s.raw {
		return append(out, "]}"...)
	}
	return append(out, ']')
}

// appendCell writes a value as it looks after JavaScript: integers beyond 2^53
// are rounded, infinities are null, blobs are arrays of numbers, each byte that
// is not UTF-8 is U+FFFD.
func appendCell(out []byte, v any) []byte {
	switch x := v.(type) {
	case int64:
		return appendInteger(out, x)
	case float64:
		return appendNumber(out, x)
	case string:
		b, _ := json.Marshal(string([]rune(x)))
		return append(out, b...)
	case []byte:
		out = append(out, '[')
		for i, c := range x {
			if i > 0 {
				out = append(out, ',')
			}
			out = strconv.AppendUint(out, uint64(c), 10)
		}
		return append(out, ']')
	}
	return append(out, "null"...)
}

func appendInteger(out []byte, n int64) []byte {
	if n > 1<<53 || n < -1<<53 {
		return appendNumber(out, float64(n))
	}
	return strconv.AppendInt(out, n, 10)
}

func appendNumber(out []byte, f float64) []byte {
	switch a := math.Abs(f); {
	case math.IsInf(f, 0) || math.IsNaN(f):
		return append(out, "null"...)
	case a != 0 && (a < 1e-6 || a >= 1e21):
		return strconv.AppendFloat(out, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(out, f, 'f', -1, 64)
}
