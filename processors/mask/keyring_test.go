package mask

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"sluice/processors/mask/strategy"
	"sluice/processors/mask/subject"
)

// late is a store in which something happens between the read of a key and its answer.
type late struct {
	subject.Store
	meanwhile func()
}

func (l *late) Key(ctx context.Context, of subject.Index) (subject.Record, bool, error) {
	r, has, err := l.Store.Key(ctx, of)
	l.meanwhile()
	return r, has, err
}

// TestKeyringTold: an answer of the store that comes behind a newer one changes
// nothing, so that a key that was read before it was destroyed stays out of memory; a
// store that went back by itself has all keys forgotten.
func TestKeyringTold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	_, _, ring := forgettable(t, dir, "")
	store := &late{subject.NewFolder(dir), func() {}}
	v, err := subject.Open(t.Context(), store, ring, func() time.Time { return time.Unix(1_800_000_000, 0) })
	if err != nil {
		t.Fatal(err)
	}
	var s subject.Scratch
	x := v.Index("", []byte("7"), &s)
	k := newKeyring(v, 10)
	load := func() {
		t.Helper()
		if _, err := k.load(t.Context(), x, strategy.Domains{""}); err != nil {
			t.Fatal(err)
		}
	}
	held := func() bool { return k.get(x) != nil }

	if load(); !held() {
		t.Fatal("the key is not in memory")
	}
	store.meanwhile = func() {
		k.told(0, 1) // another worker learns that a key was destroyed
		k.told(0, 0) // and a third one, which asked before, has its answer now
	}
	if load(); held() || k.shreds != 1 {
		t.Errorf("a key read before one was destroyed is in memory, with %d known", k.shreds)
	}
	store.meanwhile = func() {}
	load()
	if k.told(0, 0); !held() || k.shreds != 1 {
		t.Errorf("an old answer is news: %d known", k.shreds)
	}
	if k.told(1, 1); !held() {
		t.Error("no news, and the key went")
	}
	if k.told(1, 0); held() || k.shreds != 0 {
		t.Errorf("a store of an older day, and its keys stay: %d known", k.shreds)
	}
	load()
	if k.told(0, 3); held() || k.shreds != 3 {
		t.Errorf("news, and the key stays: %d known", k.shreds)
	}
}
