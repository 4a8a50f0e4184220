package iceberg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"sluice/connectors/iceberg/column"
	"sluice/topology"
)

// storage is where data files, manifests and manifest lists go.
type storage struct {
	s3 *s3.Client // with keys of our own, or nil
}

func openStorage(c *Config, env topology.Env) (*storage, error) {
	if c.Storage.Kind == "local" {
		return &storage{}, nil
	}
	registerS3()
	if c.Storage.AccessKey == "" {
		return &storage{}, nil
	}
	client, err := openS3(c.Storage, env)
	return &storage{client}, err
}

// bind gives t the sink's storage instead of the library's. Without keys of
// our own, and not on a local folder, the library's is used: it knows the
// credentials that the catalog vends.
func (s *storage) bind(t *table.Table) *table.Table {
	var open table.FSysF
	switch {
	case local(t.Location()):
		open = func(context.Context) (iceio.IO, error) { return localFS{}, nil }
	case s.s3 != nil:
		open = func(ctx context.Context) (iceio.IO, error) { return s3IO{ctx, s.s3}, nil }
	default:
		return t
	}
	return table.New(t.Identifier(), t.Metadata(), t.MetadataLocation(), open, nil)
}

func local(loc string) bool {
	return strings.HasPrefix(loc, "file:") || !strings.Contains(loc, "://")
}

// write puts a whole file into storage; it is durable when write returns.
func write(ctx context.Context, t *table.Table, path string, p []byte) error {
	fsys, err := t.FS(ctx)
	if err != nil {
		return err
	}
	w, ok := fsys.(iceio.WriteFileIO)
	if !ok {
		return fmt.Errorf("storage of table %s cannot be written", strings.Join(t.Identifier(), "."))
	}
	return w.WriteFile(path, p)
}

// pieceWriter is storage that takes a file in pieces.
type pieceWriter interface {
	writePieces(name string, ps *column.Pieces) error
}

// writePieces is write of a file in pieces.
func writePieces(ctx context.Context, t *table.Table, path string, ps *column.Pieces) error {
	fsys, err := t.FS(ctx)
	if err != nil {
		return err
	}
	if w, ok := fsys.(pieceWriter); ok {
		return w.writePieces(path, ps)
	}
	return write(ctx, t, path, ps.Bytes())
}

// remove deletes files that are surely not referenced, as far as it can: what
// is left is an orphan, not an error.
func remove(ctx context.Context, t *table.Table, paths []string) {
	fsys, err := t.FS(ctx)
	if err != nil {
		return
	}
	for _, p := range paths {
		_ = fsys.Remove(p)
	}
}

// localFS is the library's local file system, but what was written is on disk
// when the call returns, and is whole or not there.
type localFS struct{ iceio.LocalFS }

// WriteFile writes beside the name, syncs and renames.
func (l localFS) WriteFile(name string, p []byte) error {
	f, err := l.Create(name)
	if err != nil {
		return err
	}
	if _, err := f.Write(p); err != nil {
		f.(*localFile).abort()
		return err
	}
	return f.Close()
}

func (l localFS) writePieces(name string, ps *column.Pieces) error {
	f, err := l.Create(name)
	if err != nil {
		return err
	}
	if _, err := ps.WriteTo(f); err != nil {
		f.(*localFile).abort()
		return err
	}
	return f.Close()
}

// Create returns a file that appears under its name when it is closed.
func (l localFS) Create(name string) (iceio.FileWriter, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(name, "file:"), "//")
	if strings.HasPrefix(name, "file:") && strings.Contains(path, "%") { // an escaped URI: the library knows how
		return l.LocalFS.Create(name)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, ".tmp-*")
	if err != nil {
		return nil, err
	}
	return &localFile{File: f, path: path}, nil
}

type localFile struct {
	*os.File
	path string
	done bool
}

var _ io.ReaderFrom = (*localFile)(nil)

func (f *localFile) abort() {
	f.done = true
	f.File.Close()
	os.Remove(f.Name())
}

// Close makes the file durable under its name.
func (f *localFile) Close() error {
	if f.done {
		return fs.ErrClosed
	}
	f.done = true
	err := errors.Join(f.Chmod(0o644), f.Sync(), f.File.Close())
	if err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	d, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
