package mask

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/siv"
	"sluice/schemas"
	"sluice/topology"
)

// shifting moves a date by -days to days, never by 0, as the key says for the
// value, or with by for the value of another column in the same row: then what
// lies between two dates of a person stays. The time of day stays.
//
//	{shift: {days: 30, by: patient_id}}
//	{shift: {days: 30, unit: millis}}    # of integers that count time
type shifting struct {
	Days   int    `yaml:"days"`
	By     string `yaml:"by"`
	Domain string `yaml:"domain"`
	Unit   unit   `yaml:"unit"`

	mac *siv.CMAC
}

func readShift(y *yaml.Node) (strategy, error) {
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
	return h.Unit.check()
}

func (h *shifting) bind(b *binder) (strategy, error) {
	out := *h
	var err error
	out.mac, err = b.cmac("shift", h.Domain)
	return &out, err
}

func (h *shifting) column() string              { return h.By }
func (h *shifting) fits(f *schemas.Field) error { return fitsMoment(f, h.Unit) }
func (h *shifting) output(*schemas.Field)       {}
func (h *shifting) injective() bool             { return false }

func (h *shifting) mask(s *scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	m, ok := s.when(k, text, h.Unit)
	if !ok {
		return dst, refused
	}
	seed := s.by
	if seed == nil {
		seed = text
	}
	tag := h.mac.Sum(seed, &s.siv)
	n, _ := bits.Mul64(binary.BigEndian.Uint64(tag[:]), uint64(2*h.Days))
	off := int64(n) - int64(h.Days)
	if off >= 0 {
		off++
	}
	m.days += off
	return m.append(dst)
}
