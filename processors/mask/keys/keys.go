// Package keys holds the root keys of a policy: by reference, each with an id
// that stands in every token, one of them primary. What strategies use is
// derived from a root key and never the root key itself, so that a token of one
// purpose tells nothing of another's. // P5
package keys

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Key is a root key. It prints as its id. // P1
type Key struct {
	id     string
	root   *locked
	window bool
}

// ID is what tokens carry: a-z and 0-9, at most 16.
func (k *Key) ID() string { return k.id }

func (k *Key) String() string   { return "key " + k.id }
func (k *Key) GoString() string { return k.String() }

// Derive is the key of 32 bytes for a purpose, as a strategy's name, and a
// domain: values of one domain join, values of two do not. HKDF-SHA-256
// (RFC 5869) with both, and their lengths, as info. It panics after Close.
func (k *Key) Derive(purpose, domain string) []byte {
	info := fmt.Sprintf("sluice mask 1 %d:%s%d:%s", len(purpose), purpose, len(domain), domain)
	root := k.root.bytes()
	if root == nil {
		panic("keys: " + k.String() + " was closed")
	}
	out, err := hkdf.Key(sha256.New, root, nil, info, 32)
	if err != nil { // 32 bytes are never too many
		panic("keys: " + err.Error())
	}
	return out
}

// Ring is the keys of a policy. It is immutable but for Close, and safe for many
// goroutines.
type Ring struct{ keys []*Key } // the primary one first

// New makes a ring of one key from secret: 32 bytes or more as hex, base64 or
// raw text.
func New(id, secret string) (*Ring, error) {
	k, err := newKey(id, []byte(secret))
	if err != nil {
		return nil, err
	}
	return &Ring{[]*Key{k}}, nil
}

// newKey takes a key over: secret is wiped.
func newKey(id string, secret []byte) (*Key, error) {
	defer clear(secret)
	if err := CheckID(id); err != nil {
		return nil, err
	}
	root, err := Bytes(string(secret))
	if err != nil {
		return nil, err
	}
	return &Key{id: id, root: lock(root)}, nil
}

// Primary is the key that new tokens are made with.
func (r *Ring) Primary() *Key { return r.keys[0] }

// Find is the key of an id, nil if the ring lacks it.
func (r *Ring) Find(id string) *Key {
	for _, k := range r.keys {
		if k.id == id {
			return k
		}
	}
	return nil
}

// All lists the keys, the primary one first.
func (r *Ring) All() []*Key { return slices.Clone(r.keys) }

// Window lists the keys that a look-up by token has to try: the primary one
// and those whose tokens are still in stores.
func (r *Ring) Window() (in []*Key) {
	for i, k := range r.keys {
		if i == 0 || k.window {
			in = append(in, k)
		}
	}
	return in
}

// Close wipes the root keys. What was derived from them stays good until it is
// garbage.
func (r *Ring) Close() {
	for _, k := range r.keys {
		k.root.wipe()
	}
}

// CheckID tells what is wrong with a key id.
func CheckID(id string) error {
	if id == "" || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || len(id) > 16 {
		return fmt.Errorf("key_id %q: want a-z and 0-9, at most 16: it is part of every token", id)
	}
	return nil
}

// Bytes reads 32 bytes or more from hex, base64 or raw text.
func Bytes(s string) ([]byte, error) {
	for _, dec := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawURLEncoding.DecodeString} {
		if p, err := dec(s); err == nil && len(p) >= 32 {
			return p, nil
		}
	}
	if len(s) < 32 {
		return nil, errors.New("key: less than 32 bytes: make one with `openssl rand -hex 32`")
	}
	return []byte(s), nil
}
