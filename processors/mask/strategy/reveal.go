package strategy

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"sluice/processors/mask/keys"
	"sluice/processors/mask/subject"
	"sluice/schemas"
)

// Token is a value that a reversible action made.
type Token struct {
	Text []byte // a text, or the literal of an integer

	// Type is that of the column, of a value inside of JSON String or Int64.
	// It counts for FF1 only; the zero value is String.
	Type schemas.Type

	// KeyID is the id of the key of an FF1 token, which the column's action
	// names behind the colon (tokenize:k1). "": the primary key. Tokens of AES-SIV
	// carry their own.
	KeyID string
}

// The errors of Reveal. None holds anything of a token. // P1
var (
	ErrIrreversible = errors.New("reveal: the action of this column is not tokenize: nothing leads back from it")
	ErrUnknownKey   = errors.New("reveal: the token was made with a key that is not in the ring")
	ErrShredded     = subject.ErrShredded
	ErrNoToken      = errors.New("reveal: this is no token of this column's action, domain and key, or it was changed")
)

// Revealer reveals the tokens of one column. It is for one goroutine.
type Revealer struct {
	ring *keys.Ring
	spec *Tokenizer
	of   map[string]*Tokenizer // by key id
	s    Scratch

	// Vault holds the keys of data subjects, which tokens of an action with a
	// subject need.
	Vault *subject.Vault
}

// NewRevealer makes a Revealer for the tokens of a strategy, or ErrIrreversible.
func NewRevealer(ring *keys.Ring, m Masker) (*Revealer, error) {
	t, ok := m.(*Tokenizer)
	if !ok {
		return nil, ErrIrreversible
	}
	return &Revealer{ring: ring, spec: t, of: map[string]*Tokenizer{}}, nil
}

// Reveal is the value of a token, as canonical text: numbers as digits, times
// as ISO 8601. FF1 has no check: a token of another domain or key gives a
// value of the same form that is not the one it was made of.
func (r *Revealer) Reveal(t Token) ([]byte, error) {
	id, body := t.KeyID, t.Text
	if r.spec.Form == "siv" {
		i := bytes.IndexByte(t.Text, '_')
		if i < 0 {
			return nil, ErrNoToken
		}
		id, body = string(t.Text[:i]), t.Text[i+1:]
		if keys.CheckID(id) != nil {
			return nil, ErrNoToken
		}
	}
	x, err := r.bound(id)
	if err != nil {
		return nil, err
	}
	if r.spec.Form == "siv" {
		r.s.plain, err = x.Encoding.parse(r.s.plain[:0], body)
		if err != nil {
			return nil, ErrNoToken
		}
		out, err := x.siv.Open(nil, r.s.plain, &r.s.siv)
		if err != nil {
			return nil, ErrNoToken
		}
		return out, nil
	}
	if t.Type.Kind == schemas.Unknown {
		t.Type.Kind = schemas.String
	}
	out, ok := x.turn(&r.s, nil, t.Type, body, false)
	if !ok {
		return nil, ErrNoToken
	}
	return out, nil
}

// bound is the strategy under the key of an id.
func (r *Revealer) bound(id string) (*Tokenizer, error) {
	if x := r.of[id]; x != nil {
		return x, nil
	}
	if r.spec.Subject.Column != "" {
		return r.ofSubject(id)
	}
	k := r.ring.Primary()
	if id != "" {
		k = r.ring.Find(id)
	}
	if k == nil {
		return nil, ErrUnknownKey
	}
	x, err := r.spec.Bind(&Binder{Key: k})
	if err != nil {
		return nil, fmt.Errorf("reveal: %w", err)
	}
	r.of[id] = x.(*Tokenizer)
	return r.of[id], nil
}

// ofSubject is the strategy under the key of a data subject. It is not kept: the
// key may be destroyed before the next token.
func (r *Revealer) ofSubject(id string) (*Tokenizer, error) {
	if r.Vault == nil {
		return nil, errors.New("reveal: this column's tokens need the keys of subjects")
	}
	key, err := r.Vault.Find(context.Background(), id)
	if err != nil {
		return nil, fmt.Errorf("reveal: %w", err)
	}
	defer clear(key)
	x := *r.spec
	x.siv = subjectCipher(key, x.Domain)
	return &x, nil
}
