package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"hash"
	"unicode/utf8"

	"sluice/schemas"
)

// scratch is what one worker needs while it masks: no allocation a record.
type scratch struct {
	mac   hash.Hash
	keyID string
	sum   []byte
	text  []byte
	more  []byte
}

func newScratch(key []byte, keyID string) *scratch {
	s := &scratch{keyID: keyID, sum: make([]byte, 0, sha256.Size)}
	if key != nil {
		s.mac = hmac.New(sha256.New, key)
	}
	return s
}

var tokenForm = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const tokenBytes = 16 // 128 bits of the HMAC

// token appends keyID_BASE32 of the keyed hash of text. // P5
func (s *scratch) token(dst, text []byte) []byte {
	s.mac.Reset()
	s.mac.Write(text)
	s.sum = s.mac.Sum(s.sum[:0])
	dst = append(append(dst, s.keyID...), '_')
	return tokenForm.AppendEncode(dst, s.sum[:tokenBytes])
}

var redacted = []byte("[redacted]")

// apply appends what spec makes of text; ok is false for a null.
func (s *scratch) apply(dst []byte, spec *Spec, text []byte) (out []byte, ok bool) {
	switch spec.Kind {
	case Hash:
		return s.token(dst, text), true
	case Partial:
		return partial(dst, spec, text), true
	case Redact:
		return append(dst, redacted...), true
	}
	return dst, false
}

// partial keeps the first and last characters and writes one mark for each
// other. A text that would keep more than half of itself is marked whole: four
// of five digits are not masked.
func partial(dst []byte, spec *Spec, text []byte) []byte {
	n := utf8.RuneCount(text)
	first, last := spec.KeepFirst, spec.KeepLast
	if 2*(first+last) > n {
		first, last = 0, 0
	}
	i := 0
	for at := 0; at < len(text); i++ {
		r, size := utf8.DecodeRune(text[at:])
		if i < first || i >= n-last {
			dst = append(dst, text[at:at+size]...)
		} else {
			dst = utf8.AppendRune(dst, spec.Char)
		}
		at += size
		_ = r
	}
	return dst
}

// isText reports types whose values people write.
func isText(k schemas.Kind) bool {
	switch k {
	case schemas.String, schemas.UUID, schemas.JSON, schemas.Binary:
		return true
	}
	return false
}
