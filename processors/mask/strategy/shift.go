package strategy

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math/bits"

	"go.yaml.in/yaml/v3"

	"sluice/schemas"
	"sluice/topology"
)

// shifting moves a date by -days to days, never by 0, as the key says for the
// value, or with by for the value of another column in the same row: then what
// lies between two dates of a person stays. The time of day stays.
//
//	{shift: {days: 30, by: patient_id}}
//	{shift: {days: 30, unit: millis}}    # of integers that count time
//	{shift: {days: 30, subject: {column: patient_id}}}
//
// With subject it is as with by, but under a key of that person's own, see draws.
type shifting struct {
	Days    int     `yaml:"days"`
	By      string  `yaml:"by"`
	Subject Subject `yaml:"subject"`
	Domain  string  `yaml:"domain"`
	Unit    unit    `yaml:"unit"`

	from draws
}

// ReadShift reads the parameters of shift.
func ReadShift(y *yaml.Node) (Masker, error) {
	if y == nil || y.Kind != yaml.MappingNode {
		return nil, errors.New("shift says how far: {shift: {days: 30}}")
	}
	var h shifting
	if err := topology.Strict(y, &h); err != nil {
		return nil, err
	}
	return &h, h.check()
}

func (h *shifting) check() error {
	if h.Days < 1 || h.Days > 36525 {
		return errors.New("shift: days 1 to 36525")
	}
	return errors.Join(h.Subject.check("shift", h.By), h.Unit.check())
}

func (h *shifting) Bind(b *Binder) (Masker, error) {
	out := *h
	var err error
	out.from, err = b.draws("shift", h.Domain, h.Subject)
	return &out, err
}

func (h *shifting) column() string              { return cmp.Or(h.By, h.Subject.Column) }
func (h *shifting) subject() Subject            { return h.Subject }
func (h *shifting) Fits(f *schemas.Field) error { return fitsMoment(f, h.Unit) }
func (h *shifting) Output(*schemas.Field)       {}
func (h *shifting) Injective() bool             { return false }

func (h *shifting) Mask(s *Scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	m, ok := s.when(k, text, h.Unit)
	if !ok {
		return dst, Refused
	}
	mac := h.from.of(s)
	if mac == nil {
		return dst, Refused // P2: nobody says who this is of
	}
	tag := mac.Sum(s.seed(h.Subject, text), &s.siv)
	n, _ := bits.Mul64(binary.BigEndian.Uint64(tag[:]), uint64(2*h.Days))
	off := int64(n) - int64(h.Days)
	if off >= 0 {
		off++
	}
	m.days += off
	return m.append(dst)
}
