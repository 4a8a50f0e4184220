// Package phone says whether digits are a phone number that a country has
// assigned, by libphonenumber's metadata, without its parsing: one step of an
// automaton a digit, no allocation. Table and memory are read once, on first use.
package phone

//go:generate go run gen.go

import (
	"bytes"
	"compress/zlib"
	_ "embed"
	"encoding/binary"
	"io"
	"sync"
)

//go:embed table.bin
var packed []byte

// Plan is the numbering plan of one calling code.
type Plan struct {
	Code  uint16 // 1 to 999
	Trunk byte   // the digit dialled before a national number inside the country, 0 if there is none

	start   uint16
	lengths uint32 // bit n: national numbers of n digits are possible
}

type state struct {
	next   [10]uint16
	accept bool
}

var (
	states []state
	plans  [1000]Plan
	load   = sync.OnceFunc(func() {
		z, err := zlib.NewReader(bytes.NewReader(packed))
		if err != nil {
			panic(err) // it was built in
		}
		raw, err := io.ReadAll(z)
		if err != nil {
			panic(err)
		}
		take := func() uint16 {
			v := binary.LittleEndian.Uint16(raw)
			raw = raw[2:]
			return v
		}
		codes, n := int(take()), int(take())
		for range codes {
			p := Plan{Code: take(), start: take()}
			p.lengths = uint32(take()) | uint32(take())<<16
			p.Trunk = byte(take())
			plans[p.Code] = p
		}
		states = make([]state, n)
		for i := range states {
			for d := range states[i].next {
				states[i].next[d] = take()
			}
			states[i].accept = take() == 1
		}
	})
)

// Of returns the plan of a calling code, nil if there is none.
func Of(code int) *Plan {
	load()
	if code < 1 || code > 999 || plans[code].Code == 0 {
		return nil
	}
	return &plans[code]
}

// Split finds the calling code that ASCII digits begin with. No code is the
// beginning of another (ITU-T E.164).
func Split(digits []byte) (p *Plan, national []byte) {
	code := 0
	for i := 0; i < 3 && i < len(digits); i++ {
		code = code*10 + int(digits[i]-'0')
		if p := Of(code); p != nil {
			return p, digits[i+1:]
		}
	}
	return nil, nil
}

// Valid reports that ASCII digits are a whole national number, without trunk
// digit, of a range that is assigned.
func (p *Plan) Valid(national []byte) bool {
	at := p.start
	for _, d := range national {
		if at = states[at].next[d-'0']; at == 0 {
			return false
		}
	}
	return states[at].accept
}

// Possible reports that the plan has national numbers of n digits.
func (p *Plan) Possible(n int) bool { return n < 32 && p.lengths>>n&1 == 1 }
