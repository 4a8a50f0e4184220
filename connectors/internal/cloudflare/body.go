package cloudflare

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. s is valid UTF-8. What a parser
// must see escaped is escaped, nothing else: s is often megabytes of JSON.
func appendString[T ~string | ~[]byte](b []byte, s T) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// checkText refuses bytes that would arrive as something else.
func checkText(op, what string, p []byte) error {
	if !utf8.Valid(p) {
		return &notText{op: op, what: what}
	}
	return nil
}

// notText is a value that JSON cannot carry. A bug of the caller: it is Permanent.
type notText struct{ op, what string }

func (e *notText) Error() string { return fmt.Sprintf("%s: %s is not valid UTF-8", e.op, e.what) }

var errShape = errors.New("the answer has not the shape the API promises")
