package kafka

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology/stream"
)

// buffers lends memory for decompressed batches and their records. The client
// gives it back, all of its capacity overwritten with zeros, when the last
// record is recycled: capacity that is not used costs time and the collector
// space, so that what a batch will take is estimated from the one before.
type buffers struct {
	bytes   [4 * 32]sync.Pool
	records [24]sync.Pool
	ratio   atomic.Int64 // of the last batch: bytes out for 64 bytes in
	mean    atomic.Int64 // of the last some dozen batches: the same, times 16
}

func class(n int) int { return bits.Len(uint(max(n-1, 1))) }

// Byte buffers come in four sizes to each power of two, from 1 KiB to 128 MiB.
const leastBytes, mostBytes = 1 << 10, 1 << 27

// byteClass is the smallest size that holds n bytes, and its number; -1 for
// what is not pooled.
func byteClass(n int) (class, size int) {
	n = max(n, leastBytes)
	if n > mostBytes {
		return -1, n
	}
	k := bits.Len(uint(n-1)) - 1 // 2^k < n <= 2^(k+1)
	quarter := 1 << (k - 2)
	steps := (n - 1<<k + quarter - 1) / quarter // 1..4
	return 4*k + steps - 1, 1<<k + steps*quarter
}

// take lends an empty buffer for at least n bytes.
func (b *buffers) take(n int) []byte {
	c, size := byteClass(n)
	if c >= 0 {
		if p, ok := b.bytes[c].Get().(*[]byte); ok {
			return (*p)[:0]
		}
	}
	return make([]byte, 0, size)
}

// mostRatio bounds what is taken for a guess: one batch of zeros, a thousandth of
// its size, would make the next one take gigabytes that nothing counts. // D7
const mostRatio = 16

// estimate is what compressed bytes likely become.
func (b *buffers) estimate(compressed int) int {
	if r := b.ratio.Load(); r > 0 {
		return int(int64(compressed) * min(r, 64*mostRatio) / 64 * 17 / 16)
	}
	return 4 * compressed
}

// learn remembers what compressed bytes became.
func (b *buffers) learn(compressed, plain int) {
	if compressed > 0 {
		r := 64*int64(plain)/int64(compressed) + 1
		b.ratio.Store(r)
		if m := b.mean.Load(); m <= asIs { // what plain said is no measure
			b.mean.Store(16 * r)
		} else {
			b.mean.Store(m + r - m/16) // two at a time may lose one: it is a mean
		}
	}
}

// plain is told that records came: where nothing was decompressed they were as they are.
func (b *buffers) plain() { b.mean.CompareAndSwap(0, asIs) }

// asIs is the mean of what is not compressed.
const asIs = 16 * 64

// compressed is what likely becomes n bytes, at most most and at least least. Of
// what was not seen yet it is as much as the best of what is usual.
func (b *buffers) compressed(n, least, most int64) int64 {
	m := b.mean.Load()
	if m == 0 {
		m = 16 * 64 * mostRatio
	}
	return min(max(n*64*16/m, least), most)
}

// GetDecompressBytes is kgo.PoolDecompressBytes.
func (b *buffers) GetDecompressBytes(compressed []byte, codec kgo.CompressionCodecType) []byte {
	n := b.estimate(len(compressed))
	switch codec {
	case kgo.CodecSnappy: // its first number is the length
		if l, w := binary.Uvarint(compressed); w > 0 && l <= mostBytes {
			n = int(l)
		}
	case kgo.CodecZstd:
		var h zstd.Header
		if h.Decode(compressed) == nil && h.HasFCS && h.FrameContentSize <= mostBytes {
			n = int(h.FrameContentSize)
		}
	}
	return b.take(n)
}

// PutDecompressBytes is kgo.PoolDecompressBytes.
func (b *buffers) PutDecompressBytes(p []byte) {
	c, size := byteClass(cap(p))
	if c >= 0 && size == cap(p) { // else the client's own
		p = p[:0]
		b.bytes[c].Put(&p)
	}
}

// GetRecords is kgo.PoolRecords.
func (b *buffers) GetRecords(n int) []kgo.Record {
	c := class(n)
	if c < len(b.records) {
		if p, ok := b.records[c].Get().(*[]kgo.Record); ok {
			return (*p)[:0]
		}
		return make([]kgo.Record, 0, 1<<c)
	}
	return make([]kgo.Record, 0, n)
}

// PutRecords is kgo.PoolRecords.
func (b *buffers) PutRecords(p []kgo.Record) {
	if c := bits.Len(uint(cap(p))) - 1; c >= 4 && c < len(b.records) {
		b.records[c].Put(&p)
	}
}

// batchRecords are the records of released batches.
var batchRecords [24]sync.Pool

func spareRecords(n int) []stream.Record {
	c := class(n)
	if c >= len(batchRecords) {
		return make([]stream.Record, 0, n)
	}
	if p, ok := batchRecords[c].Get().(*[]stream.Record); ok {
		return *p
	}
	return make([]stream.Record, 0, 1<<c)
}

// giveRecords empties p, all that was used of its memory, which else would keep
// the fetch's.
func giveRecords(p []stream.Record) {
	if c := bits.Len(uint(cap(p))) - 1; c >= 4 && c < len(batchRecords) {
		clear(p)
		p = p[:0]
		batchRecords[c].Put(&p)
	}
}
