package readers

import (
	"bytes"
	"context"
	"io/fs"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"testing"
	"time"

	iceio "github.com/apache/iceberg-go/io"

	"sluice/connectors/emulator/catalog"
	"sluice/connectors/emulator/s3"
)

// bucket is an S3 store that the test writes to directly and engines read with
// signed requests.
func bucket(t *testing.T) (files catalog.Files, properties []string) {
	t.Helper()
	e := s3.New(s3.Options{Buckets: []string{"lake"}, AccessKey: "key", SecretKey: "secret/+=", Checksums: true})
	srv := httptest.NewServer(e)
	iceio.Register("s3", func(context.Context, *url.URL, map[string]string) (iceio.IO, error) { return direct{e.Files()}, nil })
	t.Cleanup(func() { iceio.Unregister("s3"); srv.Close() })
	return e.Files(), []string{"s3.endpoint=" + srv.URL, "s3.access-key-id=key", "s3.secret-access-key=secret/+=", "s3.region=auto"}
}

// direct is the library's file system over the store, without HTTP.
type direct struct{ catalog.Files }

func (d direct) Open(name string) (iceio.File, error) {
	p, err := d.Read(context.Background(), name)
	return &file{bytes.NewReader(p), name}, err
}

func (d direct) Remove(name string) error { return d.Files.Remove(context.Background(), name) }

func (d direct) WriteFile(name string, p []byte) error {
	return d.Write(context.Background(), name, slices.Clone(p))
}

func (d direct) Create(name string) (iceio.FileWriter, error) { return &writer{d: d, name: name}, nil }

type writer struct {
	bytes.Buffer
	d    direct
	name string
}

func (w *writer) Close() error { return w.d.WriteFile(w.name, w.Bytes()) }

type file struct {
	*bytes.Reader
	name string
}

func (f *file) Close() error               { return nil }
func (f *file) Stat() (fs.FileInfo, error) { return f, nil }
func (f *file) Name() string               { return path.Base(f.name) }
func (f *file) Mode() fs.FileMode          { return 0o444 }
func (f *file) ModTime() time.Time         { return time.Time{} }
func (f *file) IsDir() bool                { return false }
func (f *file) Sys() any                   { return nil }
