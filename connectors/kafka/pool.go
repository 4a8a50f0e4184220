package kafka

import (
	"math/bits"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology/stream"
)

// buffers lends memory for decompressed batches and their records, in sizes of
// powers of two. The client gives them back when the last record is recycled.
type buffers struct {
	bytes   [32]sync.Pool
	records [24]sync.Pool
}

func class(n int) int { return bits.Len(uint(max(n-1, 1))) }

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

// giveRecords empties p, which else would keep the fetch's memory.
func giveRecords(p []stream.Record) {
	if c := bits.Len(uint(cap(p))) - 1; c >= 4 && c < len(batchRecords) {
		clear(p[:cap(p)])
		p = p[:0]
		batchRecords[c].Put(&p)
	}
}

// GetDecompressBytes is kgo.PoolDecompressBytes.
func (b *buffers) GetDecompressBytes(compressed []byte, codec kgo.CompressionCodecType) []byte {
	c := class(len(compressed) * 6)
	if c >= len(b.bytes) {
		return nil
	}
	if p, ok := b.bytes[c].Get().(*[]byte); ok {
		return (*p)[:0]
	}
	return make([]byte, 0, 1<<c)
}

// PutDecompressBytes is kgo.PoolDecompressBytes.
func (b *buffers) PutDecompressBytes(p []byte) {
	c := bits.Len(uint(cap(p))) - 1
	if c >= 10 && c < 27 { // neither crumbs nor monsters
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
