package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

func frame(t testing.TB, p []byte, opts ...lz4.Option) []byte {
	t.Helper()
	var b bytes.Buffer
	w := lz4.NewWriter(&b)
	if err := w.Apply(opts...); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// payloads are texts that compress differently well.
func payloads() (all [][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 15, 1000, 64 << 10, 64<<10 + 1, 300_000, 1 << 20, 3_000_000} {
		text, noise := make([]byte, 0, n+40), make([]byte, n)
		for len(text) < n {
			text = fmt.Appendf(text, `{"id":%d,"at":"2026-11-23"},`, r.IntN(1000))
		}
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		all = append(all, text[:n], noise, make([]byte, n))
	}
	return all
}

func TestDecompress(t *testing.T) {
	pool := new(buffers)
	d := newDecompressor(pool)
	for i, p := range payloads() {
		for name, src := range map[string][]byte{
			"4 MiB blocks":                          frame(t, p),
			"64 KiB blocks":                         frame(t, p, lz4.BlockSizeOption(lz4.Block64Kb)),
			"without a sum":                         frame(t, p, lz4.ChecksumOption(false)),
			"with its size":                         frame(t, p, lz4.SizeOption(uint64(len(p)))),
			"sums of blocks, which go the long way": frame(t, p, lz4.BlockChecksumOption(true)),
			"two frames, which go the long way":     append(frame(t, p[:len(p)/2]), frame(t, p[len(p)/2:])...),
		} {
			out, err := d.Decompress(src, kgo.CodecLz4)
			if err != nil || !bytes.Equal(out, p) {
				t.Fatalf("%d bytes, number %d, %s: %d bytes, %v", len(p), i, name, len(out), err)
			}
			clear(out[:cap(out)])
			pool.PutDecompressBytes(out)
		}
	}
	if _, ok := d.lz4(frame(t, make([]byte, 100_000))); !ok {
		t.Error("a usual frame did not go the short way")
	}
}

// TestDecompressOthers: every codec, and what is broken, is the client's to judge.
func TestDecompressOthers(t *testing.T) {
	d := newDecompressor(new(buffers))
	p := payloads()[12]
	for name, codec := range map[string]kgo.CompressionCodec{"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()} {
		c, err := kgo.DefaultCompressor(codec)
		if err != nil {
			t.Fatal(err)
		}
		src, typ := c.Compress(new(bytes.Buffer), p)
		for range 2 { // the second with what was learned from the first
			if out, err := d.Decompress(bytes.Clone(src), typ); err != nil || !bytes.Equal(out, p) {
				t.Errorf("%s: %d bytes, %v", name, len(out), err)
			}
		}
		for _, cut := range []int{1, len(src) / 2, len(src) - 1} {
			want, wantErr := kgo.DefaultDecompressor().Decompress(bytes.Clone(src[:cut]), typ)
			out, err := d.Decompress(bytes.Clone(src[:cut]), typ)
			if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(out, want) {
				t.Errorf("%s cut to %d: %v, the client says %v", name, cut, err, wantErr)
			}
		}
	}
	if out, err := d.Decompress(p, kgo.CodecNone); err != nil || !bytes.Equal(out, p) {
		t.Errorf("none: %v", err)
	}
}

// FuzzDecompress: what the short way takes, the client takes and reads alike,
// but for sums of the frame.
func FuzzDecompress(f *testing.F) {
	for _, p := range payloads()[:12] {
		f.Add(frame(f, p, lz4.ChecksumOption(false)))
	}
	d := newDecompressor(new(buffers))
	f.Fuzz(func(t *testing.T, src []byte) {
		blocks, most, ok := lz4Blocks(src)
		if !ok || most > 1<<24 {
			return
		}
		out, ok := d.lz4(src)
		if !ok {
			if _, err := lz4Frame(make([]byte, 0, most), blocks); err == nil {
				t.Error("refused what fits")
			}
			return
		}
		want, err := kgo.DefaultDecompressor().Decompress(src, kgo.CodecLz4)
		if err == nil && !bytes.Equal(out, want) {
			t.Errorf("%d bytes, the client reads %d", len(out), len(want))
		}
		if err != nil && errors.Is(err, lz4.ErrInvalidSourceShortBuffer) {
			t.Errorf("read what the client says is broken: %v", err)
		}
	})
}

func TestByteClass(t *testing.T) {
	last := 0
	for n := 1; n <= mostBytes; n += 1 + n/7 {
		c, size := byteClass(n)
		if size < n || n > leastBytes && size > n+n/4+1 || c < last {
			t.Fatalf("%d: class %d of %d", n, c, size)
		}
		if c2, s2 := byteClass(size); c2 != c || s2 != size {
			t.Fatalf("%d: its size %d is of class %d, %d", n, size, c2, s2)
		}
		last = c
	}
}

// BenchmarkDecompress reads one batch of 1 MB; the baseline is the client.
func BenchmarkDecompress(b *testing.B) {
	p := payloads()[21][:1_000_000]
	src := frame(b, p)
	pool := new(buffers)
	for name, d := range map[string]kgo.Decompressor{"ours": newDecompressor(pool), "client": kgo.DefaultDecompressor(pool)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				out, err := d.Decompress(src, kgo.CodecLz4)
				if err != nil {
					b.Fatal(err)
				}
				clear(out[:cap(out)]) // as the client does
				pool.PutDecompressBytes(out)
			}
		})
	}
}

// TestEstimate: a batch that compressed very well does not make the next one
// take memory that nothing counts. // D7
func TestEstimate(t *testing.T) {
	pool := new(buffers)
	d := newDecompressor(pool)
	c, err := kgo.DefaultCompressor(kgo.GzipCompression())
	if err != nil {
		t.Fatal(err)
	}
	flat, typ := c.Compress(new(bytes.Buffer), make([]byte, 1<<20))
	if out, err := d.Decompress(bytes.Clone(flat), typ); err != nil || len(out) != 1<<20 {
		t.Fatal(len(out), err)
	}
	noise := payloads()[25] // 3 MB that do not compress
	src, typ := c.Compress(new(bytes.Buffer), noise)
	if p := pool.GetDecompressBytes(src, typ); cap(p) > 16*len(src)+leastBytes+4*len(src) {
		t.Errorf("%d bytes for a batch of %d", cap(p), len(src))
	}
	if out, err := d.Decompress(bytes.Clone(src), typ); err != nil || !bytes.Equal(out, noise) {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

// TestFrameRoom: too small a buffer is an error, never less.
func TestFrameRoom(t *testing.T) {
	for i, p := range payloads() {
		if len(p) > 300_000 || len(p) == 0 {
			continue
		}
		blocks, _, ok := lz4Blocks(frame(t, p, lz4.BlockSizeOption(lz4.Block64Kb)))
		if !ok {
			t.Fatal(i)
		}
		rooms := []int{0, 1, len(p) / 2, len(p) - 17, len(p) - 2, len(p) - 1, 64<<10 - 1, 64 << 10, 128 << 10, 256 << 10}
		for _, room := range rooms {
			if room < 0 {
				continue
			}
			out, err := lz4Frame(make([]byte, 0, room), blocks)
			if err == nil && !bytes.Equal(out, p) {
				t.Fatalf("%d bytes, number %d, in room for %d: %d bytes", len(p), i, room, len(out))
			}
			if err == nil && room < len(p) {
				t.Fatalf("%d in %d", len(p), room)
			}
		}
	}
}

// TestPlainIsNoMeasure: the first batch that is decompressed tells at once what a
// fetch becomes, though others were as they are. // D7
func TestPlainIsNoMeasure(t *testing.T) {
	var b buffers
	b.plain()
	if n := b.compressed(plainBytes, 1, plainBytes); n != plainBytes {
		t.Fatalf("%d bytes of what is as it is", n)
	}
	b.learn(1<<20, 10<<20)
	if n := b.compressed(plainBytes, 1, plainBytes); n > plainBytes/10 {
		t.Fatalf("%d bytes of what becomes ten times as much", n)
	}
	b.plain()
	if n := b.compressed(plainBytes, 1, plainBytes); n > plainBytes/10 {
		t.Fatalf("%d bytes once more was plain", n)
	}
}
