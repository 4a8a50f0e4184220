package strategy

import "sluice/schemas"

// SubjectHasher is hash under a key of each data subject: SUBJECTKEY_TOKEN. Equal
// values of one subject and domain have one token, those of two subjects never
// have, so that columns join within a person only.
//
// Who has the policy's key can tell what a plain hash is of, by hashing what it
// could be. Of these tokens nobody can once the subject's key is destroyed: they
// are random numbers then. // P5
type SubjectHasher struct {
	Hasher
	place int // of its domain in the keys of subjects
}

// Bind needs no key of the policy's: tokens name the very key.
func (h *SubjectHasher) Bind(b *Binder) (Masker, error) {
	out := *h
	if b.Domains != nil {
		out.place = b.Domains.place(h.Domain)
	}
	return &out, nil
}

// Injective: as of a Tokenizer with a subject.
func (h *SubjectHasher) Injective() bool { return false }

func (h *SubjectHasher) column() string   { return h.Subject.Column }
func (h *SubjectHasher) subject() Subject { return h.Subject }

func (h *SubjectHasher) Mask(s *Scratch, dst []byte, _ schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	k := s.subjectKey(h.Subject.Kind)
	if k == nil {
		return dst, Refused // P2: nobody says who this is of
	}
	k.mac(h.place, h.Domain).Of(&s.sum, h.Canonical.fold(s, text))
	return h.token(append(append(dst, k.id...), '_'), &s.sum), schemas.EncText
}
