package subject

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// read is the record in a file, false if there is no file.
func read(path string) (r Record, has bool, err error) {
	for range 2 { // what is blank may have been replaced meanwhile
		var p []byte
		if p, err = os.ReadFile(path); errors.Is(err, fs.ErrNotExist) {
			return r, false, nil
		}
		if err != nil {
			return r, false, err
		}
		if r = (Record{}); json.Unmarshal(p, &r) == nil {
			return r, true, nil
		}
	}
	return Record{}, false, fmt.Errorf("%s is damaged: restore it", path)
}

func write(path string, r Record) error {
	p, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return replace(path, p)
}

// replace has p at path, durable, or what was there.
func replace(path string, p []byte) error {
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); err != nil {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := errors.Join(syncDir(filepath.Dir(dir)), syncDir(filepath.Dir(filepath.Dir(dir)))); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err = blank(f); err == nil { // what a killed process left may hold a key
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.Write(p)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(dir)
}

// overwrite writes a record without a key over a file, in place and of the same
// length, so that it can be read at any moment. No file is as good.
func overwrite(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	r, _, err := read(path)
	if err != nil { // damaged: all that counts is that the key goes
		r = Record{Format: 1, ID: strings.TrimSuffix(filepath.Base(path), ".json")}
	}
	r.KEK, r.Wrapped = "", nil
	p, err := json.Marshal(r)
	if err == nil {
		err = over(f, p)
	}
	return errors.Join(err, f.Close())
}

// blank writes spaces over a file.
func blank(f *os.File) error { return over(f, nil) }

// over writes p over a file, and spaces behind it, durable.
func over(f *os.File, p []byte) error {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	if more := int(info.Size()) - len(p); more > 0 {
		p = append(p, bytes.Repeat([]byte{' '}, more)...)
	}
	_, err = f.WriteAt(p, 0)
	return errors.Join(err, f.Sync())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
