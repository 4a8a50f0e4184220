package subject

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Folder is a Store in a folder, for the processes of one machine, or of several
// if the file system shares locks (flock) among them:
//
//	root.json             the record of the store
//	shreds                how many keys were destroyed
//	keys/ab/ID.json       records, by the key's id
//	subjects/ab/INDEX     the id of a subject's key
//
// Two files of some 200 bytes a subject. A key is destroyed by writing over the
// file in place, then replacing it: a file system that copies on write, a flash
// disk or a backup may still hold it, wrapped. Do not back the folder up longer
// than a destroyed key may live, and not with the root key.
type Folder struct {
	dir  string
	root atomic.Pointer[opened]
}

// opened is the root record that was read, and its file then.
type opened struct {
	id   string
	file fs.FileInfo
}

// NewFolder is a Store in dir, which its owner alone may read or write.
func NewFolder(dir string) *Folder { return &Folder{dir: dir} }

// locked runs f while no other process changes the folder. flock is given up when
// a process ends, however it does.
func (d *Folder) locked(f func() error) error {
	l, err := os.OpenFile(filepath.Join(d.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer l.Close()
	for {
		if err = unix.Flock(int(l.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", d.dir, err)
	}
	return f()
}

func (d *Folder) key(id string) string {
	return filepath.Join(d.dir, "keys", id[1:3], id+".json")
}

func (d *Folder) subject(of Index) string {
	return filepath.Join(d.dir, "subjects", of.String()[:2], of.String())
}

// Root is part of Store.
func (d *Folder) Root(_ context.Context, made *Record) (r Record, err error) {
	defer func() {
		if err == nil {
			d.root.Store(&opened{id: r.ID})
		}
	}()
	if made != nil {
		if err := os.MkdirAll(d.dir, 0o700); err != nil {
			return r, err
		}
	}
	info, err := os.Stat(d.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r, fmt.Errorf("%s: %w", d.dir, ErrNoStore)
	case err != nil:
		return r, err
	case info.Mode().Perm()&0o077 != 0:
		return r, fmt.Errorf("%s: others may read or write it (mode %04o): chmod 700 it", d.dir, info.Mode().Perm())
	}
	path := filepath.Join(d.dir, "root.json")
	r, has, err := read(path)
	switch {
	case err != nil || has:
		return r, err
	case made == nil:
		return r, fmt.Errorf("%s: %w", d.dir, ErrNoStore)
	}
	err = d.locked(func() error {
		if r, has, err = read(path); err != nil || has {
			return err
		}
		for _, name := range []string{"keys", "subjects"} { // under another root nobody would find these, to destroy them
			if _, err := os.Stat(filepath.Join(d.dir, name)); err == nil {
				return fmt.Errorf("%s holds keys of subjects and no root.json, by which they are found: restore root.json", d.dir)
			}
		}
		r = *made
		return write(path, r)
	})
	return r, err
}

// Key is part of Store.
func (d *Folder) Key(ctx context.Context, of Index) (Record, bool, error) {
	id, err := d.named(of)
	if err != nil || id == "" {
		return Record{}, false, err
	}
	r, has, err := d.Find(ctx, id)
	switch {
	case err != nil:
		return r, false, err
	case !has: // not taken for a subject without a key: its tokens would change
		return r, false, fmt.Errorf("subject %s has key %s, whose file is gone: restore %s", of, id, d.key(id))
	}
	return r, len(r.Wrapped) > 0, nil // else Shred stopped half way, and Create goes on
}

// named is the id of the key of a subject, "" for none.
func (d *Folder) named(of Index) (id string, err error) {
	p, err := os.ReadFile(d.subject(of))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err == nil && !CheckID(p) {
		err = fmt.Errorf("%s is damaged: restore it", d.subject(of))
	}
	return string(p), err
}

// Create is part of Store.
func (d *Folder) Create(ctx context.Context, of Index, made Record) (r Record, err error) {
	err = d.locked(func() error {
		if _, err := d.Shreds(ctx); err != nil {
			return err // the store went away: an empty folder gets no keys
		}
		var has bool
		if r, has, err = d.Key(ctx, of); err != nil || has {
			return err // another was faster
		}
		if r.ID != "" { // Shred stopped half way, and others may have that key in memory
			if err := d.told(ctx); err != nil {
				return err
			}
		}
		r = made
		if err := write(d.key(made.ID), made); err != nil {
			return err
		}
		return replace(d.subject(of), []byte(made.ID)) // what makes it the subject's
	})
	return r, err
}

// Find is part of Store.
func (d *Folder) Find(_ context.Context, id string) (Record, bool, error) {
	if !CheckID([]byte(id)) {
		return Record{}, false, nil
	}
	r, has, err := read(d.key(id))
	if err == nil && has && r.ID != id {
		return Record{}, false, fmt.Errorf("%s is damaged: restore it", d.key(id))
	}
	return r, has, err
}

// told has the others forget what keys they have in memory.
func (d *Folder) told(ctx context.Context) error {
	n, err := d.Shreds(ctx)
	if err != nil {
		return err
	}
	return replace(filepath.Join(d.dir, "shreds"), strconv.AppendInt(nil, n+1, 10))
}

// Shred is part of Store. The key is gone before the subject is rid of it, so that
// whatever stops it half way leaves no key that lives on. A file that is damaged,
// as by a power cut half way, or gone needs not come back to be destroyed.
func (d *Folder) Shred(ctx context.Context, of Index, at time.Time) (id string, err error) {
	err = d.locked(func() error {
		name, err := d.named(of)
		if err != nil || name == "" {
			return err
		}
		if _, err := d.Shreds(ctx); err != nil {
			return err // the store went away
		}
		r, has, err := d.Find(ctx, name)
		if err != nil || !has {
			r = Record{}
		}
		if r.Shredded == nil {
			if err := overwrite(d.key(name)); err != nil {
				return err
			}
			r.Format, r.ID = 1, name
			r.KEK, r.Wrapped, r.Shredded = "", nil, &at
			if err := write(d.key(name), r); err != nil {
				return err
			}
		}
		if err := d.told(ctx); err != nil {
			return err // done again it goes on here, as the subject still names the key
		}
		if err := os.Remove(d.subject(of)); err != nil {
			return err
		}
		id = name
		return syncDir(filepath.Dir(d.subject(of)))
	})
	return id, err
}

// Shreds is part of Store.
func (d *Folder) Shreds(context.Context) (int64, error) {
	if err := d.same(); err != nil {
		return 0, err
	}
	p, err := os.ReadFile(filepath.Join(d.dir, "shreds"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(p), 10, 64)
}

// same reports that the folder has the root that was opened. A volume that is not
// mounted is no empty store, and one that was made anew is another store.
func (d *Folder) same() error {
	path := filepath.Join(d.dir, "root.json")
	file, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("the keys of subjects are not there: %w", err)
	}
	was := d.root.Load()
	if was == nil || was.file != nil && os.SameFile(was.file, file) && was.file.ModTime().Equal(file.ModTime()) {
		return nil
	}
	r, has, err := read(path) // once, and after a rewrap
	if err != nil || !has {
		return errors.Join(err, fmt.Errorf("the keys of subjects are not there: %s", path))
	}
	if r.ID != was.id {
		return fmt.Errorf("%s holds another store of keys than was opened, with root %s and not %s: bring that back, or start anew", d.dir, r.ID, was.id)
	}
	d.root.Store(&opened{was.id, file})
	return nil
}

// Rewrap is part of Store.
func (d *Folder) Rewrap(ctx context.Context, f func(Record) (Record, bool, error)) (n int, err error) {
	one := func(path string) error {
		return d.locked(func() error {
			r, has, err := read(path)
			if err != nil || !has {
				return err
			}
			r, changed, err := f(r)
			if err != nil || !changed {
				return err
			}
			old, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer old.Close()
			if err := write(path, r); err != nil {
				return err
			}
			n++
			return blank(old) // else a key destroyed later lies about under the older root key
		})
	}
	err = filepath.WalkDir(filepath.Join(d.dir, "keys"), func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // no subject yet
		case err != nil || ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case e.IsDir() || !strings.HasSuffix(path, ".json"):
			return nil
		}
		return one(path)
	})
	if err == nil {
		err = one(filepath.Join(d.dir, "root.json")) // last: a root that opens says that all do
	}
	return n, err
}
