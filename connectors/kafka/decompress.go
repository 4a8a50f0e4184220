package kafka

import (
	"encoding/binary"
	"errors"

	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// decompressor is kgo.Decompressor. LZ4 frames, what most producers send, go
// straight into the memory that is lent for them; the client's own way copies
// every byte twice more and sums them up once. Everything else, and every frame
// that is not as usual, goes that way.
type decompressor struct {
	pool *buffers
	rest kgo.Decompressor
}

func newDecompressor(pool *buffers) *decompressor {
	return &decompressor{pool: pool, rest: kgo.DefaultDecompressor(pool)}
}

// Decompress is part of kgo.Decompressor.
func (d *decompressor) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if codec == kgo.CodecLz4 {
		if out, ok := d.lz4(src); ok {
			return out, nil
		}
	}
	out, err := d.rest.Decompress(src, codec)
	if err == nil && codec != kgo.CodecNone {
		if len(out) > maxBatch {
			return nil, kgo.ErrMaxDecompress
		}
		d.pool.learn(len(src), len(out))
	}
	return out, err
}

// maxBatch is what a batch may decompress to, in bytes: the client's default.
const maxBatch = 1 << 30

// lz4 decodes src where it is one usual frame.
func (d *decompressor) lz4(src []byte) ([]byte, bool) {
	blocks, most, ok := lz4Blocks(src)
	if !ok {
		return nil, false
	}
	for n := min(d.pool.estimate(len(src)), most); ; n = min(2*n, most) {
		dst := d.pool.take(n)
		out, err := lz4Frame(dst, blocks)
		if err == nil {
			d.pool.learn(len(src), len(out))
			return out, true
		}
		clear(dst[:cap(dst)])
		d.pool.PutDecompressBytes(dst)
		if n >= most { // not for want of room
			return nil, false
		}
	}
}

// Of the frame descriptor (LZ4 Frame Format Description, 1.6.1).
const (
	lz4Magic        = 0x184D2204
	lz4Independent  = 1 << 5
	lz4BlockSums    = 1 << 4
	lz4HasSize      = 1 << 3
	lz4HasSum       = 1 << 2
	lz4Reserved     = 1 << 1
	lz4HasDict      = 1 << 0
	lz4Uncompressed = 1 << 31
)

// lz4Blocks returns the blocks of src, each with its size in front, up to the
// end mark, and the most they can decode to. ok is false unless src is exactly
// one frame of version 1 with independent blocks and without sums of them. The
// sums of header and content are left alone: the batch around the frame has a
// CRC, which the client checked. (Kafka's own reader does not look at the
// content's either.)
func lz4Blocks(src []byte) (blocks []byte, most int, ok bool) {
	if len(src) < 7+4 || binary.LittleEndian.Uint32(src) != lz4Magic {
		return nil, 0, false
	}
	flags, size := src[4], src[5]>>4&7
	if flags>>6 != 1 || flags&lz4Independent == 0 || flags&(lz4BlockSums|lz4Reserved|lz4HasDict) != 0 || size < 4 {
		return nil, 0, false
	}
	at := 7
	if flags&lz4HasSize != 0 {
		at += 8
	}
	tail := 0
	if flags&lz4HasSum != 0 {
		tail = 4
	}
	begin, block := at, 1<<(8+2*size) // 64 KiB, 256 KiB, 1 MiB, 4 MiB
	for {
		if len(src)-at < 4 {
			return nil, 0, false
		}
		n := int(binary.LittleEndian.Uint32(src[at:]) &^ lz4Uncompressed)
		if n == 0 {
			break
		}
		if n > block || n > len(src)-at-4 || most > maxBatch-block {
			return nil, 0, false
		}
		at, most = at+4+n, most+block
	}
	return src[begin:at], most, len(src) == at+4+tail
}

var errRoom = errors.New("kafka: lz4: too small a buffer")

// lz4Frame appends what blocks decode to; it fails when dst has no room.
func lz4Frame(dst, blocks []byte) ([]byte, error) {
	for len(blocks) > 0 {
		head := binary.LittleEndian.Uint32(blocks)
		n := int(head &^ lz4Uncompressed)
		block := blocks[4 : 4+n]
		blocks = blocks[4+n:]
		if head&lz4Uncompressed != 0 {
			if cap(dst)-len(dst) < n {
				return nil, errRoom
			}
			dst = append(dst, block...)
			continue
		}
		n, err := lz4.UncompressBlock(block, dst[len(dst):cap(dst)])
		if err != nil {
			return nil, err
		}
		dst = dst[:len(dst)+n]
	}
	return dst, nil
}
