package strategy

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"sync/atomic"

	"sluice/processors/mask/siv"
	"sluice/processors/mask/subject"
)

// Subject is who a value is about: what a column says, and of what kind that is, so
// that customer 7 and employee 7 are two people.
type Subject struct {
	Column string `yaml:"column"`
	Kind   string `yaml:"kind"`
}

// Domains are those of tokens under keys of data subjects: a place for each in
// every SubjectKey. It is for one goroutine, while strategies are bound.
type Domains []string

// place is the place of a domain in the keys of subjects.
func (d *Domains) place(name string) int {
	for i, known := range *d {
		if known == name {
			return i
		}
	}
	*d = append(*d, name)
	return len(*d) - 1
}

// SubjectKey is the key of one data subject in memory. It is safe for many
// workers, and prints as its id. // P1
type SubjectKey struct {
	id  string
	key [32]byte
	of  []atomic.Pointer[siv.Cipher] // by domain, made when it is first used
}

// NewSubjectKey has a copy of key, which has 32 bytes.
func NewSubjectKey(id string, key []byte, d Domains) *SubjectKey {
	h := &SubjectKey{id: id, of: make([]atomic.Pointer[siv.Cipher], len(d))}
	copy(h.key[:], key)
	return h
}

func (h *SubjectKey) String() string   { return "key " + h.id } // P1
func (h *SubjectKey) GoString() string { return h.String() }

func (h *SubjectKey) cipher(place int, domain string) *siv.Cipher {
	if c := h.of[place].Load(); c != nil {
		return c
	}
	c := subjectCipher(h.key[:], domain)
	h.of[place].Store(c) // two workers make the same
	return c
}

func subjectCipher(key []byte, domain string) *siv.Cipher {
	k, err := hkdf.Key(sha256.New, key, nil, fmt.Sprintf("sluice subject siv 1 %d:%s", len(domain), domain), 64)
	if err != nil { // 64 bytes are never too many
		panic("mask: " + err.Error())
	}
	defer clear(k)
	c, err := siv.New(k, []byte(domain))
	if err != nil {
		panic("mask: " + err.Error())
	}
	return c
}

// Subjects are the keys of the data subjects of one batch. It is for one
// goroutine; the zero value has none.
type Subjects struct {
	vault *subject.Vault
	held  map[subject.Index]*SubjectKey
	index subject.Scratch
}

// NewSubjects holds keys of v.
func NewSubjects(v *subject.Vault) Subjects {
	return Subjects{vault: v, held: map[subject.Index]*SubjectKey{}}
}

// Index is under what the key of a subject is kept: kind is what of the policy
// the subject is, who the canonical text of the column that names it.
func (s *Subjects) Index(kind string, who []byte) subject.Index {
	return s.vault.Index(kind, who, &s.index)
}

// Holds reports that the batch has the key.
func (s *Subjects) Holds(x subject.Index) bool { return s.held[x] != nil }

// Hold has the key until the batch ends.
func (s *Subjects) Hold(x subject.Index, h *SubjectKey) { s.held[x] = h }

func (s *Subjects) forget() {
	clear(s.held)
	s.index.Forget()
}

// subjectKey is the key of who the row at hand is about, nil if nobody says.
func (s *Scratch) subjectKey(kind string) *SubjectKey {
	if s.By == nil || s.Subjects.vault == nil {
		return nil
	}
	return s.Subjects.held[s.Subjects.Index(kind, s.By)]
}
