// Package subject holds the keys of data subjects, one each, so that a person can
// be forgotten: what was tokenized under a subject's key leads back to nothing,
// for anybody, once the key is destroyed (crypto-shredding; GDPR article 17).
//
// A key is 32 random bytes, made when its subject is first seen, wrapped with
// AES-256-GCM under a root key of the policy, the key-encryption key, and kept in
// a Store. Its id is random, stands in every token, and is all that is left of it
// afterwards. The store knows subjects by a keyed function of their name alone. // P1
package subject

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/processors/mask/keys"
	"sluice/processors/mask/siv"
)

// Index is what a store knows a subject by: AES-CMAC of its kind and name.
type Index [16]byte

func (x Index) String() string { return hex.EncodeToString(x[:]) }

// Record is a key as it is stored. Format 1, JSON.
type Record struct {
	Format   int        `json:"v"`
	ID       string     `json:"id"`            // s and 15 of a-z and 2-7
	KEK      string     `json:"kek,omitempty"` // id of the root key that wraps it
	Wrapped  []byte     `json:"key,omitempty"` // nonce, sealed key, tag; none: it was destroyed
	Made     time.Time  `json:"made"`
	Shredded *time.Time `json:"shredded,omitempty"`
}

// Store keeps records. All of it is safe for concurrent use by goroutines and
// processes; what Create and Shred did is durable when they return.
type Store interface {
	// Root is the record of the store itself, which keys its indices. An empty
	// store has none, and takes made, unless that is nil: ErrNoStore. The first
	// one made stays.
	Root(ctx context.Context, made *Record) (Record, error)

	// Create keeps made as the key of a subject that has none, and returns the
	// one that it has: made, or what another was faster with. // compare and set
	Create(ctx context.Context, subject Index, made Record) (Record, error)

	// Key is the key of a subject, false if there is none.
	Key(ctx context.Context, subject Index) (Record, bool, error)

	// Find is the record of a key by its id, of a destroyed one too.
	Find(ctx context.Context, id string) (Record, bool, error)

	// Shred destroys the key of a subject and returns its id, "" for none. The
	// subject has no key then; the id is kept.
	Shred(ctx context.Context, subject Index, at time.Time) (id string, err error)

	// Shreds grows with every Shred by anybody: a cache is good while it stays.
	Shreds(ctx context.Context) (int64, error)

	// Rewrap replaces the wrapped form of every key that f changes.
	Rewrap(ctx context.Context, f func(Record) (Record, bool, error)) (n int, err error)
}

// The ends of a look-up by key id, and of opening what is no store. A folder that
// is not mounted is not taken for an empty one: everybody would get a new key.
var (
	ErrNoStore  = errors.New("there are no keys of subjects: `sluice keys init FILE` makes the store, once; if it was made, bring it back")
	ErrShredded = errors.New("the key of this subject was destroyed: nothing leads back from its tokens")
	ErrNoKey    = errors.New("no key of a subject has this id: the token is of another store, or was changed")
)

// Vault opens and makes the keys of a store. It is safe for concurrent use.
type Vault struct {
	store   Store
	primary string // id of the root key that wraps new ones
	kek     map[string]cipher.AEAD
	index   *siv.CMAC
	now     func() time.Time
}

// Open makes a Vault over a store. The ring may be closed afterwards.
func Open(ctx context.Context, store Store, ring *keys.Ring, now func() time.Time) (*Vault, error) {
	return open(ctx, store, ring, now, false)
}

// Init is Open, and makes an empty store one.
func Init(ctx context.Context, store Store, ring *keys.Ring, now func() time.Time) (*Vault, error) {
	return open(ctx, store, ring, now, true)
}

func open(ctx context.Context, store Store, ring *keys.Ring, now func() time.Time, empty bool) (*Vault, error) {
	v := &Vault{store: store, primary: ring.Primary().ID(), kek: map[string]cipher.AEAD{}, now: now}
	for _, k := range ring.All() {
		key := k.Derive("subject wrap", "")
		block, err := aes.NewCipher(key)
		clear(key)
		if err != nil {
			return nil, err
		}
		if v.kek[k.ID()], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, err
		}
	}
	var made *Record
	if empty {
		r, key := v.fresh()
		clear(key)
		made = &r
	}
	root, err := store.Root(ctx, made)
	if err != nil {
		return nil, err
	}
	key, err := v.unwrap(root)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	v.index, err = siv.NewCMAC(key)
	return v, err
}

func (v *Vault) String() string   { return "subject keys" }
func (v *Vault) GoString() string { return v.String() }

// fresh is a new key, wrapped and plain.
func (v *Vault) fresh() (Record, []byte) {
	var id [10]byte
	key := make([]byte, 32)
	rand.Read(id[:])
	rand.Read(key)
	r := Record{Format: 1, ID: "s" + strings.ToLower(base32.StdEncoding.EncodeToString(id[:]))[:15], Made: v.now().UTC().Truncate(time.Second)}
	return v.wrap(r, key), key
}

func (v *Vault) wrap(r Record, key []byte) Record {
	r.KEK = v.primary
	r.Wrapped = v.kek[r.KEK].Seal(nil, nil, key, []byte("sluice subject key 1 "+r.ID))
	return r
}

func (v *Vault) unwrap(r Record) ([]byte, error) {
	kek := v.kek[r.KEK]
	switch {
	case r.Format != 1:
		return nil, fmt.Errorf("key %s has format %d, which this version does not know", r.ID, r.Format)
	case kek == nil:
		return nil, fmt.Errorf("key %s is wrapped under root key %s, which the policy does not name: name it under keys:, or rewrap where it is", r.ID, r.KEK)
	}
	key, err := kek.Open(nil, nil, r.Wrapped, []byte("sluice subject key 1 "+r.ID))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("key %s does not open under root key %s: it was changed, or that is another key of this id", r.ID, r.KEK)
	}
	return key, nil
}

// Scratch is the memory of one goroutine.
type Scratch struct {
	text []byte
	siv  siv.Scratch
}

// Index is what the store knows a subject of a kind by.
func (v *Vault) Index(kind string, name []byte, s *Scratch) Index {
	s.text = append(append(append(s.text[:0], kind...), 0), name...)
	return v.index.Sum(s.text, &s.siv)
}

// Forget clears what is left of names. // P1
func (s *Scratch) Forget() { clear(s.text[:cap(s.text)]); s.siv = siv.Scratch{} }

// CheckID reports that id has the form of a subject key's.
func CheckID(id []byte) bool {
	if len(id) != 16 || id[0] != 's' {
		return false
	}
	for _, c := range id[1:] {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// Key is the key of a subject, made and stored if there is none. The caller
// wipes key.
func (v *Vault) Key(ctx context.Context, of Index) (id string, key []byte, err error) {
	r, has, err := v.store.Key(ctx, of)
	if err == nil && !has {
		made, plain := v.fresh()
		clear(plain)
		r, err = v.store.Create(ctx, of, made)
	}
	if err != nil {
		return "", nil, err
	}
	key, err = v.unwrap(r)
	return r.ID, key, err
}

// Find is the key of an id: ErrShredded, ErrNoKey. The caller wipes key.
func (v *Vault) Find(ctx context.Context, id string) (key []byte, err error) {
	r, has, err := v.store.Find(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case !has:
		return nil, ErrNoKey
	case len(r.Wrapped) == 0:
		return nil, ErrShredded
	}
	return v.unwrap(r)
}

// Shred destroys the key of a subject and returns its id, "" if it has none.
func (v *Vault) Shred(ctx context.Context, kind string, name []byte) (id string, err error) {
	var s Scratch
	return v.store.Shred(ctx, v.Index(kind, name, &s), v.now().UTC().Truncate(time.Second))
}

// Shreds is that of the store.
func (v *Vault) Shreds(ctx context.Context) (int64, error) { return v.store.Shreds(ctx) }

// Rewrap wraps every key under the primary root key, so that older ones may go,
// and returns how many it changed. Tokens stay as they are.
func (v *Vault) Rewrap(ctx context.Context) (int, error) {
	return v.store.Rewrap(ctx, func(r Record) (Record, bool, error) {
		if r.KEK == v.primary || len(r.Wrapped) == 0 {
			return r, false, nil
		}
		key, err := v.unwrap(r)
		if err != nil {
			return r, false, err
		}
		defer clear(key)
		return v.wrap(r, key), true, nil
	})
}
