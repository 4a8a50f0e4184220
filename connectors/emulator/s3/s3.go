// Package s3 is an S3 bucket store in one process, as R2 answers: objects in
// memory, path style, signatures checked (SigV4, headers), conditional puts,
// ranges, listing, bulk delete and multipart uploads with equal parts, and
// failures on request. It stands behind the catalog emulator, so that storage
// code meets a server and outside engines can read what was written.
//
// Not imitated: virtual-host style, presigned URLs, chunked signatures
// (aws-chunked is answered 501, as R2 did), versions, ACLs, lifecycle.
//
// Sources: the S3 API reference, Cloudflare's R2 S3 compatibility page.
package s3

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of R2.
const (
	MinPart = 5 << 20 // bytes of every part but the last
	maxPut  = 5 << 30
)

// Options says what the store is like.
type Options struct {
	// Buckets are those that are there; a request to another is answered 404.
	Buckets []string
	// AccessKey and SecretKey sign requests; without AccessKey none is checked.
	AccessKey, SecretKey string
	// SessionToken must come with requests if it is set.
	SessionToken string
	// Checksums takes the checksum headers and trailers that R2 refused.
	Checksums bool
	// MinPart replaces the least size of a part, for tests; 0 is R2's.
	MinPart int
	// Now is the clock of Last-Modified; nil is the system's.
	Now func() time.Time
}

// object is a stored one; its bytes are never changed.
type object struct {
	data     []byte
	etag     string
	modified time.Time
}

// upload is a multipart upload under way.
type upload struct {
	path  string // bucket/key
	parts map[int]object
}

// Emulator is the store; an http.Handler. It is safe for concurrent use.
type Emulator struct {
	o      Options
	faults faults

	mu      sync.Mutex
	objects map[string]object // by bucket/key
	uploads map[string]*upload
	next    int // number of the next upload
}

// New returns an empty store.
func New(o Options) *Emulator {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MinPart == 0 {
		o.MinPart = MinPart
	}
	return &Emulator{o: o, objects: map[string]object{}, uploads: map[string]*upload{}}
}

func (e *Emulator) newObject(data []byte) object {
	sum := md5.Sum(data)
	return object{data: data, etag: `"` + hex.EncodeToString(sum[:]) + `"`, modified: e.o.Now().UTC().Truncate(time.Second)}
}

// Keys lists the objects under a prefix of bucket/key, sorted.
func (e *Emulator) Keys(prefix string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.keys(prefix)
}

func (e *Emulator) keys(prefix string) []string {
	var out []string
	for k := range e.objects {
		if strings.HasPrefix(k, prefix) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// Uploads is the number of multipart uploads that were neither completed nor aborted.
func (e *Emulator) Uploads() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.uploads)
}

// files reaches the store without HTTP, by location.
type files struct{ e *Emulator }

// Files is the store for the catalog emulator's own files, which the faults of
// requests do not touch: catalog.Options.Files.
func (e *Emulator) Files() files { return files{e} }

func place(location string) string {
	_, path, _ := strings.Cut(location, "://")
	return path
}

// Read is part of catalog.Files.
func (f files) Read(_ context.Context, location string) ([]byte, error) {
	f.e.mu.Lock()
	defer f.e.mu.Unlock()
	o, ok := f.e.objects[place(location)]
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: location, Err: fs.ErrNotExist}
	}
	return slices.Clone(o.data), nil
}

// Write is part of catalog.Files.
func (f files) Write(_ context.Context, location string, data []byte) error {
	bucket, key, ok := strings.Cut(place(location), "/")
	if !ok || key == "" || !f.e.has(bucket) {
		return &fs.PathError{Op: "write", Path: location, Err: errors.New("no such bucket")}
	}
	f.e.mu.Lock()
	defer f.e.mu.Unlock()
	f.e.objects[place(location)] = f.e.newObject(slices.Clone(data))
	return nil
}

// Remove is part of catalog.Files.
func (f files) Remove(_ context.Context, location string) error {
	f.e.mu.Lock()
	defer f.e.mu.Unlock()
	delete(f.e.objects, place(location))
	return nil
}

func (e *Emulator) has(bucket string) bool { return slices.Contains(e.o.Buckets, bucket) }

var _ http.Handler = (*Emulator)(nil)
