package column

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/murmur3"

	"sluice/schemas"
)

// TransformKind is a partition transform of the Iceberg spec.
type TransformKind uint8

// The transforms.
const (
	Identity TransformKind = iota
	Bucket
	TruncateTo
	Year
	Month
	Day
	Hour
	Void
)

var transformNames = [...]string{"identity", "bucket", "truncate", "year", "month", "day", "hour", "void"}

// Transform makes a partition value of a column's value.
type Transform struct {
	Kind TransformKind
	N    int32 // number of buckets, or width of truncate: integers, code points or bytes
}

func (t Transform) String() string {
	if t.Kind == Bucket || t.Kind == TruncateTo {
		return fmt.Sprintf("%s[%d]", transformNames[t.Kind], t.N)
	}
	return transformNames[t.Kind]
}

// ParseTransform reads the spec's spelling: day, bucket[16], truncate[4].
func ParseTransform(s string) (Transform, error) {
	name, arg, has := strings.Cut(s, "[")
	for k, n := range transformNames {
		t := Transform{Kind: TransformKind(k)}
		if n != name {
			continue
		}
		if t.Kind != Bucket && t.Kind != TruncateTo {
			if has {
				break
			}
			return t, nil
		}
		v, err := strconv.ParseInt(strings.TrimSuffix(arg, "]"), 10, 32)
		if err != nil || v <= 0 || !strings.HasSuffix(arg, "]") {
			return Transform{}, fmt.Errorf("partition transform %q: write %s[N] with N from 1 to 2147483647", s, n)
		}
		t.N = int32(v)
		return t, nil
	}
	return Transform{}, fmt.Errorf("partition transform %q is not one of identity, bucket[N], truncate[N], year, month, day, hour, void", s)
}

// Result is the type of t's values of a column of type src, or an error if t
// cannot be applied to it (Iceberg spec, "Partition Transforms").
func (t Transform) Result(src schemas.Type) (schemas.Type, error) {
	ok := false
	switch k := src.Kind; t.Kind {
	case Identity, Void:
		return src, nil
	case Bucket:
		ok = t.N > 0 && k != schemas.Bool && k != schemas.Float32 && k != schemas.Float64
		src = schemas.Type{Kind: schemas.Int32}
	case TruncateTo:
		ok = t.N > 0 && (k == schemas.Int32 || k == schemas.Int64 || k == schemas.Decimal || k == schemas.Binary || isText(k) || k == schemas.Unknown)
	case Year, Month, Day:
		ok = k == schemas.Date || k == schemas.Timestamp || k == schemas.Instant
		to := schemas.Int32
		if t.Kind == Day {
			to = schemas.Date
		}
		src = schemas.Type{Kind: to}
	case Hour:
		ok = k == schemas.Timestamp || k == schemas.Instant
		src = schemas.Type{Kind: schemas.Int32}
	}
	if !ok {
		return src, fmt.Errorf("partition transform %v cannot be applied to this column's type", t)
	}
	return src, nil
}

// bucketOf is the bucket of a value by its hash.
func (t Transform) bucketOf(hash uint32) int64 { return int64(int32(hash&0x7FFFFFFF) % t.N) }

// int applies t to an integer, a date in days or a time in microseconds.
func (t Transform) int(v int64, k schemas.Kind) int64 {
	switch t.Kind {
	case Bucket:
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(v))
		return t.bucketOf(murmur3.Sum32(b[:]))
	case TruncateTo:
		w := int64(t.N)
		return v - (v%w+w)%w
	case Hour:
		return floorDiv(v, 3_600_000_000)
	case Year, Month, Day:
		days := v
		if k != schemas.Date {
			days = floorDiv(v, 86_400_000_000)
		}
		if t.Kind == Day {
			return days
		}
		y, m, _ := time.Unix(days*86_400, 0).UTC().Date()
		if t.Kind == Year {
			return int64(y - 1970)
		}
		return int64(y-1970)*12 + int64(m-1)
	}
	return v
}

// decimal truncates an unscaled decimal.
func (t Transform) decimal(hi int64, lo uint64) (int64, uint64) {
	h, l := magnitude(hi, lo)
	_, r := bits.Div64(0, h, uint64(t.N))
	_, r = bits.Div64(r, l, uint64(t.N))
	if hi < 0 && r != 0 {
		r = uint64(t.N) - r
	}
	l, borrow := bits.Sub64(lo, r, 0)
	return hi - int64(borrow), l
}

// decimalHash hashes the least bytes of an unscaled decimal, big endian.
func decimalHash(hi int64, lo uint64) uint32 {
	var be [16]byte
	binary.BigEndian.PutUint64(be[:8], uint64(hi))
	binary.BigEndian.PutUint64(be[8:], lo)
	v := be[:]
	for len(v) > 1 && (v[0] == 0 && v[1] < 0x80 || v[0] == 0xFF && v[1] >= 0x80) {
		v = v[1:]
	}
	return murmur3.Sum32(v)
}

// cut is the length of v truncated: to code points of text, or to bytes.
func (t Transform) cut(v []byte, text bool) int {
	if !text {
		return min(len(v), int(t.N))
	}
	n := 0
	for k := t.N; k > 0 && n < len(v); k-- {
		_, size := utf8.DecodeRune(v[n:])
		n += size
	}
	return n
}
