package catalog

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// localFiles is the local file system by file: URIs or bare paths.
type localFiles struct{}

func localPath(location string) (string, error) {
	if !strings.HasPrefix(location, "file:") {
		return location, nil
	}
	u, err := url.Parse(location)
	if err != nil {
		return "", err
	}
	return filepath.FromSlash(u.Path), nil
}

// Read is part of Files.
func (localFiles) Read(_ context.Context, location string) ([]byte, error) {
	p, err := localPath(location)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(p)
}

// Write is part of Files: written beside the name and renamed, so that no
// reader sees half a file. It is not synced: a kill of the process loses nothing.
func (localFiles) Write(_ context.Context, location string, data []byte) error {
	p, err := localPath(location)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(p), ".tmp-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	for _, step := range []func() error{func() error { return f.Chmod(0o644) }, f.Close, func() error { return os.Rename(f.Name(), p) }} {
		if e := step(); err == nil {
			err = e
		}
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// Remove is part of Files.
func (localFiles) Remove(_ context.Context, location string) error {
	p, err := localPath(location)
	if err != nil {
		return err
	}
	return os.Remove(p)
}

// inflate undoes the compression that a metadata file's name tells.
func inflate(location string, data []byte) ([]byte, error) {
	if !strings.HasSuffix(location, ".gz.metadata.json") && !strings.HasSuffix(location, ".metadata.json.gz") {
		return data, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
