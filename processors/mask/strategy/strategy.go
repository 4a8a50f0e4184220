// Package strategy has the ways in which an action masks a value: hash,
// tokenize, partial, generalize, synthetic, shift and noise, one file each, with
// the parameters a policy gives them. What a policy is and which column goes by
// what is not known here.
package strategy

import (
	"sluice/processors/mask/ff1"
	"sluice/processors/mask/keys"
	"sluice/processors/mask/mac"
	"sluice/processors/mask/siv"
	"sluice/schemas"
)

// Masker is a strategy with its parameters, as one column has it. Without keys
// it is what the policy says; Bind gives the one that masks. Both are immutable
// and safe for many workers, each with a Scratch of its own.
type Masker interface {
	// Bind is the strategy with the keys it needs.
	Bind(b *Binder) (Masker, error)

	// Fits tells why no value of f can go through; nil: they can, or only the
	// value can tell.
	Fits(f *schemas.Field) error

	// Output changes f to what comes out.
	Output(f *schemas.Field)

	// Mask appends what becomes of a value of kind k, given as its canonical
	// text, and says how that is written: AsNull and Refused are two more
	// answers, after which what was appended counts for nothing. The value as it
	// was read is in s: Field, Cell, Raw. It does not allocate.
	Mask(s *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding)

	// Injective reports that different values stay different. // D4
	Injective() bool
}

// Two answers of Mask beside an encoding.
const (
	AsNull  = schemas.EncNone
	Refused = schemas.Encoding(0xFF) // the value cannot go through: its record is rejected // P2
)

// Binder hands out what strategies derive from the primary key.
type Binder struct {
	Key     *keys.Key
	Domains *Domains // of the gate; nil: outside of one, as Revealer
}

// cmac is a keyed function of a purpose. The cipher has its own copy of the key.
func (b *Binder) cmac(purpose, domain string) (*siv.CMAC, error) {
	key := b.Key.Derive(purpose, domain)
	defer clear(key)
	return siv.NewCMAC(key)
}

// By is the column whose value stands for the person, "" for the value itself.
func By(m Masker) string {
	if w, ok := m.(interface{ column() string }); ok {
		return w.column()
	}
	return ""
}

// Scratch is what one worker's strategies need: no allocation a value.
type Scratch struct {
	// The value at hand, for strategies that need more than its canonical text.
	Field *schemas.Field
	Cell  schemas.Cell
	Raw   []byte
	By    []byte // the text of the column that the action goes by, nil for none

	Subjects Subjects // the keys of the batch at hand

	sum    mac.Sum
	folded []byte // a canonical form, see canon
	plain  []byte // what a token holds
	nums   []byte // numerals of a value
	ff1    ff1.Scratch
	siv    siv.Scratch
}

const keptScratch = 1 << 20 // larger buffers, of one huge value, are not kept

// Forget clears what is left of values: nothing raw outlives its batch. // P1
func (s *Scratch) Forget() {
	for _, p := range []*[]byte{&s.folded, &s.plain, &s.nums} {
		clear((*p)[:cap(*p)])
		if cap(*p) > keptScratch {
			*p = nil
		}
	}
	s.Field, s.Raw, s.By = nil, nil, nil
	s.Subjects.forget()
	s.sum, s.ff1, s.siv = mac.Sum{}, ff1.Scratch{}, siv.Scratch{}
}

// AsText makes a field a String. An Unknown one holds only nulls and stays so:
// its column comes when its type does.
func AsText(f *schemas.Field) {
	if f.Type.Kind != schemas.Unknown {
		f.Type, f.Wire = schemas.Type{Kind: schemas.String}, schemas.WirePlain
	}
}
