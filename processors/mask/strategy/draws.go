package strategy

import (
	"errors"

	"sluice/processors/mask/siv"
)

// draws is from where a strategy draws what looks like chance: a keyed function
// under the policy's key, or under a key of each data subject.
//
//	{synthetic: {kind: name, subject: {column: customer_id}}}
//	{shift: {days: 30, subject: {column: patient_id}}}
//	{noise: {percent: 10, subject: {column: employee_id}}}
//
// Who has the policy's key can draw again for every value that it could have been,
// and so tell which one it was. From the key of a subject nobody can once it is
// destroyed: what was made of the subject's values is then a name, a date and a
// number like any other, and the subject's next row makes other ones. // P5
type draws struct {
	mac     *siv.CMAC // under the policy's key, nil: of a subject
	who     Subject
	purpose string // no two strategies draw the same
	domain  string
	place   int // in the keys of subjects
}

// draws is what a purpose and a domain draw from.
func (b *Binder) draws(purpose, domain string, who Subject) (d draws, err error) {
	d = draws{who: who, purpose: purpose, domain: domain}
	if who.Column == "" {
		d.mac, err = b.cmac(purpose, domain)
	} else if b.Domains != nil {
		d.place = b.Domains.place(purpose + "\x00" + domain) // no purpose has a zero in it
	}
	return d, err
}

// of is the keyed function for the row at hand, nil if nobody says who that is
// about: its record is refused. // P2
func (d *draws) of(s *Scratch) *siv.CMAC {
	if d.mac != nil {
		return d.mac
	}
	k := s.subjectKey(d.who.Kind)
	if k == nil {
		return nil
	}
	return k.cmac(d)
}

// cmac is made when it is first used.
func (h *SubjectKey) cmac(d *draws) *siv.CMAC {
	if m := h.of[d.place].cmac.Load(); m != nil {
		return m
	}
	key := derive(h.key[:], d.purpose, d.domain, 32)
	defer clear(key)
	m, err := siv.NewCMAC(key)
	if err != nil { // 32 bytes are a key of AES
		panic("mask: " + err.Error())
	}
	h.of[d.place].cmac.Store(m) // two workers make the same
	return m
}

// ofPerson is what stands for the subject under its own key, which no other has.
var ofPerson = []byte("subject")

// seed is what stands for who the row at hand is about, by its column or under its
// own key, else value. It is nil if that is nil.
func (s *Scratch) seed(w Subject, value []byte) []byte {
	switch {
	case w.Column != "":
		return ofPerson
	case s.By != nil:
		return s.By
	}
	return value
}

// check tells what is wrong with a subject beside by.
func (w Subject) check(strategy, by string) error {
	switch {
	case w.Column == "" && w.Kind != "":
		return errors.New(strategy + ": subject: column: name the column that says who a row is about")
	case w.Column != "" && by != "":
		return errors.New(strategy + ": by or subject: what a row goes by is its subject, where it has one")
	}
	return nil
}
