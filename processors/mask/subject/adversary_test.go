package subject

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestShredDamaged: a key whose file is damaged or gone, as after a power cut in
// the middle of a shred, can still be destroyed: nobody has to bring it back for
// that, and a copy of the file that comes back later is known to be one too many.
func TestShredDamaged(t *testing.T) {
	for _, how := range []string{"torn", "gone", "of another format"} {
		dir := filepath.Join(t.TempDir(), "s")
		v := vault(t, dir, "k1")
		id, _ := key(t, v, "ann")
		path := NewFolder(dir).key(id)
		whole, _ := os.ReadFile(path)
		switch how {
		case "torn":
			_ = os.WriteFile(path, append([]byte(`{"v":1,"id":"`), whole[60:]...), 0o600)
		case "gone":
			_ = os.Remove(path)
		default:
			_ = os.WriteFile(path, bytes.Replace(whole, []byte(`"v":1`), []byte(`"v":9`), 1), 0o600)
		}
		if gone, err := v.Shred(t.Context(), "", []byte("ann")); gone != id || err != nil {
			t.Errorf("%s: %q, %v", how, gone, err)
			continue
		}
		if _, err := v.Find(t.Context(), id); !errors.Is(err, ErrShredded) {
			t.Errorf("%s: %v", how, err)
		}
		if n, _ := v.Shreds(t.Context()); n != 1 {
			t.Errorf("%s: %d shreds", how, n)
		}
		if again, _ := key(t, v, "ann"); again == id {
			t.Errorf("%s: the destroyed key is used", how)
		}
	}
}

// TestInitOverKeys: a store that lost its root is not taken for an empty one: under
// another root nobody finds the key of a subject to destroy it, while its id in a
// token still does.
func TestInitOverKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	v := vault(t, dir, "k1")
	id, _ := key(t, v, "ann")
	root := filepath.Join(dir, "root.json")
	whole, _ := os.ReadFile(root)
	if err := os.Remove(root); err != nil {
		t.Fatal(err)
	}
	if _, err := Init(t.Context(), NewFolder(dir), ring(t, "k1"), now); err == nil {
		t.Error("a new root was made over the keys of another")
	}
	if _, err := os.Stat(root); err == nil {
		t.Error("the root is there")
	}
	if err := os.WriteFile(root, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if again, _ := key(t, vault(t, dir, "k1"), "ann"); again != id {
		t.Error("another key")
	}
}

// TestRewrapLeavesNothing: what rewrap replaces is written over, as shred does: a
// key that is destroyed afterwards does not lie about under the older root key, nor
// in what a rewrap that was killed left beside it.
func TestRewrapLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	id, _ := key(t, vault(t, dir, "k1"), "ann")
	path := NewFolder(dir).key(id)
	r, _, _ := read(path)
	wrapped, _ := json.Marshal(r.Wrapped)
	wrapped = wrapped[1 : len(wrapped)-1]
	old, err := os.Open(path) // its blocks, whatever its name
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	both := vault(t, dir, "k2", "k1")
	if _, err := both.Rewrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	held := func(f *os.File) bool {
		p := make([]byte, 4096)
		n, _ := f.ReadAt(p, 0)
		return n == 0 || bytes.Contains(p[:n], wrapped)
	}
	if held(old) {
		t.Error("the key lies where it was, under the older root key")
	}
	whole, _ := os.ReadFile(path)
	r, _, _ = read(path)
	wrapped, _ = json.Marshal(r.Wrapped)
	wrapped = wrapped[1 : len(wrapped)-1]
	if err := os.WriteFile(path+".new", whole, 0o600); err != nil { // killed before the rename
		t.Fatal(err)
	}
	left, err := os.Open(path + ".new")
	if err != nil {
		t.Fatal(err)
	}
	defer left.Close()
	if _, err := both.Shred(t.Context(), "", []byte("ann")); err != nil {
		t.Fatal(err)
	}
	if held(left) {
		t.Error("the key lies in what was left of a rewrap")
	}
}

// TestHalfShredIsTold: who goes on after a shred that was stopped tells the other
// instances, which may have the destroyed key in memory.
func TestHalfShredIsTold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	v := vault(t, dir, "k1")
	id, _ := key(t, v, "ann")
	if err := overwrite(NewFolder(dir).key(id)); err != nil { // and no more
		t.Fatal(err)
	}
	if again, _ := key(t, v, "ann"); again == id {
		t.Error("the destroyed key is used")
	}
	if n, err := v.Shreds(t.Context()); n != 1 || err != nil {
		t.Errorf("%d shreds, %v", n, err)
	}
}

// TestAnotherStore: who opened a store does not go on with another that was made
// in its place: it would index subjects by a root that no one has any more, and
// nobody would find their keys to destroy them. A rewrap leaves the store the same.
func TestAnotherStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	v := vault(t, dir, "k1")
	id, _ := key(t, v, "ann")
	if _, err := vault(t, dir, "k2", "k1").Rewrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Shreds(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	vault(t, dir, "k1")
	if _, err := v.Shreds(t.Context()); err == nil {
		t.Error("it goes on with another store")
	}
	if _, _, err := v.Key(t.Context(), v.of("bob")); err == nil {
		t.Error("a key was made in another store")
	}
	if err := errors.Join(os.RemoveAll(dir), os.Rename(dir+"-away", dir)); err != nil {
		t.Fatal(err)
	}
	if n, err := v.Shreds(t.Context()); n != 0 || err != nil {
		t.Error(n, err)
	}
	if found, err := v.store.(*Folder).named(v.of("ann")); found != id || err != nil {
		t.Error(found, err)
	}
}
