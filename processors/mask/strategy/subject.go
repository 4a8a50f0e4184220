package strategy

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"sync/atomic"

	"sluice/processors/mask/mac"
	"sluice/processors/mask/siv"
	"sluice/processors/mask/subject"
)

// Subject is who a value is about: what a column says, and of what kind that is, so
// that customer 7 and employee 7 are two people.
type Subject struct {
	Column string `yaml:"column"`
	Kind   string `yaml:"kind"`
}

// SubjectOf is who the tokens of m are about, the zero Subject if they are under the
// policy's key.
func SubjectOf(m Masker) Subject {
	if w, ok := m.(interface{ subject() Subject }); ok {
		return w.subject()
	}
	return Subject{}
}

// Domains are those of what is made under keys of data subjects: a place for each in
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
	of  []ofDomain // made when it is first used
}

// ofDomain is what is derived from the key of a subject for one domain.
type ofDomain struct {
	siv  atomic.Pointer[siv.Cipher]
	hash atomic.Pointer[mac.Key]
	cmac atomic.Pointer[siv.CMAC]
}

// NewSubjectKey has a copy of key, which has 32 bytes.
func NewSubjectKey(id string, key []byte, d Domains) *SubjectKey {
	h := &SubjectKey{id: id, of: make([]ofDomain, len(d))}
	copy(h.key[:], key)
	return h
}

func (h *SubjectKey) String() string   { return "key " + h.id } // P1
func (h *SubjectKey) GoString() string { return h.String() }

func (h *SubjectKey) cipher(place int, domain string) *siv.Cipher {
	if c := h.of[place].siv.Load(); c != nil {
		return c
	}
	c := subjectCipher(h.key[:], domain)
	h.of[place].siv.Store(c) // two workers make the same
	return c
}

func (h *SubjectKey) mac(place int, domain string) *mac.Key {
	if m := h.of[place].hash.Load(); m != nil {
		return m
	}
	k := derive(h.key[:], "hash", domain, 32)
	defer clear(k)
	m := mac.New(k)
	h.of[place].hash.Store(m)
	return m
}

// derive is n bytes for a purpose and a domain (HKDF, RFC 5869), none of which tells
// another. // P5
func derive(key []byte, purpose, domain string, n int) []byte {
	k, err := hkdf.Key(sha256.New, key, nil, fmt.Sprintf("sluice subject %s 1 %d:%s", purpose, len(domain), domain), n)
	if err != nil { // so few bytes are never too many
		panic("mask: " + err.Error())
	}
	return k
}

func subjectCipher(key []byte, domain string) *siv.Cipher {
	k := derive(key, "siv", domain, 64)
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
