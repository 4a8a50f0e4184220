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
	"sync"
	"testing"
	"time"

	"sluice/processors/mask/keys"
)

var at = time.Date(2026, 11, 26, 22, 0, 0, 0, time.UTC)

func now() time.Time { return at }

// ring has root keys by id, the first one primary; a key of id k1 is of ones.
func ring(t *testing.T, ids ...string) *keys.Ring {
	t.Helper()
	var list []keys.Config
	for _, id := range ids {
		list = append(list, keys.Config{ID: id, Ref: "env:" + id})
	}
	r, err := keys.Open(t.Context(), list, keys.Outside{Secret: func(ref string) (string, error) { return strings.Repeat(ref[len(ref)-1:], 32), nil }})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func vault(t *testing.T, dir string, ids ...string) *Vault {
	t.Helper()
	v, err := Init(t.Context(), NewFolder(dir), ring(t, ids...), now)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *Vault) of(name string) Index {
	var s Scratch
	return v.Index("", []byte(name), &s)
}

func key(t *testing.T, v *Vault, name string) (string, string) {
	t.Helper()
	id, k, err := v.Key(t.Context(), v.of(name))
	if err != nil {
		t.Fatal(err)
	}
	return id, string(k)
}

// TestOneKeyEach: instances that see a subject at the same time take one key, and
// find it again after a restart.
func TestOneKeyEach(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	const people, instances = 20, 6
	got := make([][people][2]string, instances)
	var wg sync.WaitGroup
	for i := range instances {
		wg.Go(func() {
			v, err := Init(t.Context(), NewFolder(dir), ring(t, "k1"), now) // all make the store, too
			for n := range people {
				if err != nil {
					t.Error(err)
					return
				}
				var k []byte
				got[i][n][0], k, err = v.Key(t.Context(), v.of(fmt.Sprint("person ", n)))
				got[i][n][1] = string(k)
			}
		})
	}
	wg.Wait()
	v := vault(t, dir, "k1")
	seen := map[string]bool{}
	for n := range people {
		id, k := key(t, v, fmt.Sprint("person ", n))
		for i := range instances {
			if got[i][n] != [2]string{id, k} {
				t.Fatalf("instance %d has another key of person %d", i, n)
			}
		}
		if found, err := v.Find(t.Context(), id); err != nil || string(found) != k || seen[k] || len(k) != 32 || !CheckID([]byte(id)) {
			t.Errorf("person %d: %v", n, err)
		}
		seen[k] = true
	}
	var s Scratch
	if x := v.Index("a", []byte("b"), &s); x == v.Index("", []byte("ab"), &s) || x != v.Index("a", []byte("b"), &Scratch{}) {
		t.Error("kinds")
	}
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, _ error) error {
		p, _ := os.ReadFile(path)
		info, _ := e.Info()
		if bytes.Contains(p, []byte("person")) || strings.Contains(path, "person") || info.Mode().Perm()&0o077 != 0 { // P1
			t.Errorf("%s: %v", path, info.Mode())
		}
		return nil
	})
	for k := range seen {
		if fmt.Sprintf("%v%+v%#v", v, v, v) == "" || strings.Contains(fmt.Sprintf("%v%+v%#v", v, v, v), k) {
			t.Error("a key is printed")
		}
	}
}

// TestShred: a destroyed key is gone from the disk, its id says so, and the same
// subject gets another one; others keep theirs.
func TestShred(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	v := vault(t, dir, "k1")
	id, _ := key(t, v, "ann")
	other, _ := key(t, v, "bob")
	r, _, _ := v.store.Find(t.Context(), id)
	if n, err := v.Shreds(t.Context()); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if gone, err := v.Shred(t.Context(), "", []byte("ann")); gone != id || err != nil {
		t.Fatal(gone, err)
	}
	if _, err := v.Find(t.Context(), id); !errors.Is(err, ErrShredded) {
		t.Errorf("%v", err)
	}
	wrapped, _ := json.Marshal(r.Wrapped)
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error {
		if p, _ := os.ReadFile(path); bytes.Contains(p, wrapped[1:len(wrapped)-1]) {
			t.Errorf("the key is in %s", path)
		}
		return nil
	})
	if n, _ := v.Shreds(t.Context()); n != 1 {
		t.Errorf("%d shreds", n)
	}
	if gone, err := v.Shred(t.Context(), "", []byte("ann")); gone != "" || err != nil {
		t.Error(gone, err)
	}
	again, _ := key(t, v, "ann")
	if b, _ := key(t, v, "bob"); again == id || b != other {
		t.Error("keys after a shred")
	}
	if r, has, _ := v.store.Find(t.Context(), id); !has || r.Shredded == nil || !r.Shredded.Equal(at) {
		t.Errorf("%+v", r)
	}
	if _, err := v.Find(t.Context(), "saaaaaaaaaaaaaaa"); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	if _, err := v.Find(t.Context(), "../../etc/passwd"); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
}

// TestShredHalfDone: wherever a shred was stopped, the key does not live on, and
// doing it again, or the next row, goes on from there.
func TestShredHalfDone(t *testing.T) {
	for _, next := range []string{"shred", "row"} {
		dir := filepath.Join(t.TempDir(), "s")
		v := vault(t, dir, "k1")
		id, _ := key(t, v, "ann")
		f := NewFolder(dir)
		if err := overwrite(f.key(id)); err != nil { // and no more
			t.Fatal(err)
		}
		if _, err := v.Find(t.Context(), id); !errors.Is(err, ErrShredded) {
			t.Fatal(err)
		}
		if next == "shred" {
			if gone, err := v.Shred(t.Context(), "", []byte("ann")); gone != id || err != nil {
				t.Fatal(gone, err)
			}
		}
		if again, _ := key(t, v, "ann"); again == id {
			t.Error("the destroyed key is used")
		}
	}
}

// TestRotation: keys open under the root key that wraps them, and after a rewrap
// under the new one alone; they stay the same.
func TestRotation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	v := vault(t, dir, "k1")
	id, k := key(t, v, "ann")
	gone, _ := key(t, v, "eve")
	if _, err := v.Shred(t.Context(), "", []byte("eve")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), NewFolder(dir), ring(t, "k2"), now); err == nil || !strings.Contains(err.Error(), "root key k1") {
		t.Fatalf("%v", err)
	}
	both := vault(t, dir, "k2", "k1")
	id2, k2 := key(t, both, "bob")
	if n, err := both.Rewrap(t.Context()); n != 2 || err != nil { // ann and the root
		t.Fatal(n, err)
	}
	if n, err := both.Rewrap(t.Context()); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	alone := vault(t, dir, "k2")
	for name, want := range map[string][2]string{"ann": {id, k}, "bob": {id2, k2}} {
		if a, b := key(t, alone, name); a != want[0] || b != want[1] {
			t.Errorf("%s has another key", name)
		}
	}
	if _, err := alone.Find(t.Context(), gone); !errors.Is(err, ErrShredded) {
		t.Error(err)
	}
	// a wrapped key is of its id alone
	f := NewFolder(dir)
	r, _, _ := read(f.key(id))
	r2, _, _ := read(f.key(id2))
	r.Wrapped = r2.Wrapped
	if err := write(f.key(id), r); err != nil {
		t.Fatal(err)
	}
	if _, err := alone.Find(t.Context(), id); err == nil || !strings.Contains(err.Error(), "does not open") {
		t.Error(err)
	}
}

// TestOutage: what is not there, damaged or open to others is an error, and never a
// subject without a key.
func TestOutage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	if _, err := Open(t.Context(), NewFolder(dir), ring(t, "k1"), now); !errors.Is(err, ErrNoStore) {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), NewFolder(dir), ring(t, "k1"), now); !errors.Is(err, ErrNoStore) {
		t.Fatal(err)
	}
	v := vault(t, dir, "k1")
	id, _ := key(t, v, "ann")
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Shreds(t.Context()); err == nil {
		t.Error("a folder that is away has no shreds")
	}
	if _, _, err := v.Key(t.Context(), v.of("new")); err == nil {
		t.Error("a folder that is away took a key")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder that is away was made")
	}
	if err := os.Mkdir(dir, 0o700); err != nil { // what is left when a volume goes
		t.Fatal(err)
	}
	if _, _, err := v.Key(t.Context(), v.of("ann")); err == nil {
		t.Error("an empty folder took a key")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	path := NewFolder(dir).key(id)
	whole, _ := os.ReadFile(path)
	if err := os.WriteFile(path, whole[:40], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := v.Key(t.Context(), v.of("ann")); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := v.Key(t.Context(), v.of("ann")); err == nil || !strings.Contains(err.Error(), "restore") {
		t.Error(err)
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if again, _ := key(t, v, "ann"); again != id {
		t.Error("another key after the outage")
	}
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), NewFolder(dir), ring(t, "k1"), now); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Error(err)
	}
}

// TestFormat: version 1 of a record as it lies on disks.
func TestFormat(t *testing.T) {
	p, err := json.Marshal(Record{Format: 1, ID: "sabcdefghijklmno", KEK: "k1", Wrapped: []byte("wrapped"), Made: at})
	if want := `{"v":1,"id":"sabcdefghijklmno","kek":"k1","key":"d3JhcHBlZA==","made":"2026-11-26T22:00:00Z"}`; err != nil || string(p) != want {
		t.Errorf("%s", p)
	}
	v := vault(t, filepath.Join(t.TempDir(), "s"), "k1")
	if _, err := v.unwrap(Record{Format: 2, KEK: "k1"}); err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Error(err)
	}
}
