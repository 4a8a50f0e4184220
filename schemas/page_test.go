//go:build unix

package schemas

import (
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
)

// TestScanJSONReadsNothingBehind puts texts before memory that may not be read.
func TestScanJSONReadsNothingBehind(t *testing.T) {
	page := os.Getpagesize()
	mem, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skip(err)
	}
	defer syscall.Munmap(mem)
	if err := syscall.Mprotect(mem[2*page:], syscall.PROT_NONE); err != nil {
		t.Skip(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	at := func(p []byte) {
		if len(p) > 2*page {
			return
		}
		q := mem[2*page-len(p) : 2*page : 2*page]
		copy(q, p)
		check(t, q)
	}
	for _, s := range jsonSeeds {
		for i := range len(s) + 1 {
			at([]byte(s[:i]))
		}
	}
	doc := debeziumRecord(r)
	mutants(r, doc, 2000, at)
	env, all := debeziumTargets()
	for _, by := range speeds() {
		for n := range doc {
			q := mem[2*page-n : 2*page : 2*page]
			copy(q, doc)
			for _, x := range all {
				clear(x.Cells)
				x.Reset(x.Cells)
			}
			var s scanner
			if _, err := s.scan(q, env, by); err == nil {
				t.Fatalf("speed %d: the first %d bytes of a text are one", by, n)
			}
		}
	}
}

// TestAvroReadsNothingBehind puts records before memory that may not be read.
func TestAvroReadsNothingBehind(t *testing.T) {
	page := os.Getpagesize()
	mem, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skip(err)
	}
	defer syscall.Munmap(mem)
	if err := syscall.Mprotect(mem[2*page:], syscall.PROT_NONE); err != nil {
		t.Skip(err)
	}
	schema, recs, _ := avroRecords(20)
	x, all := avroIndex(t, schema)
	for _, p := range recs {
		for n := len(p); n >= 0; n-- {
			q := mem[2*page-n : 2*page : 2*page]
			copy(q, p)
			for _, t := range all {
				clear(t.Cells)
				t.Reset(t.Cells)
			}
			if _, _, err := x.Scan(q, 0, nil); (err == nil) != (n == len(p)) {
				t.Fatalf("%d of %d bytes: %v", n, len(p), err)
			}
		}
	}
}
