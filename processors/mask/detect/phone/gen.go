//go:build ignore

// gen writes table.bin: the patterns of libphonenumber's metadata (Apache 2.0,
// by way of github.com/nyaruka/phonenumbers) as one minimal automaton over
// digits. Run it with `go generate ./processors/mask/detect/phone`.
package main

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

const dead = 0

// state is one of a deterministic automaton.
type state struct {
	next   [10]int
	accept bool
}

func main() {
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		log.Fatal(err)
	}
	patterns := map[int][]string{}
	lengths := map[int]uint32{}
	trunk := map[int]byte{}
	for _, m := range all.GetMetadata() {
		code := int(m.GetCountryCode())
		for _, d := range []*phonenumbers.PhoneNumberDesc{m.GetFixedLine(), m.GetMobile(), m.GetTollFree(), m.GetPremiumRate(), m.GetSharedCost(),
			m.GetPersonalNumber(), m.GetVoip(), m.GetPager(), m.GetUan(), m.GetVoicemail()} {
			if p := d.GetNationalNumberPattern(); p != "" && p != "NA" {
				patterns[code] = append(patterns[code], p)
			}
		}
		for _, n := range m.GetGeneralDesc().GetPossibleLength() {
			if n > 0 {
				lengths[code] |= 1 << n
			}
		}
		if p := m.GetNationalPrefix(); len(p) == 1 && (trunk[code] == 0 || m.GetMainCountryForCode()) {
			trunk[code] = p[0]
		}
	}
	states := []state{{}} // the dead one
	codes := []int{}
	for c := range patterns {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	starts := map[int]int{}
	for _, c := range codes {
		starts[c] = build(&states, "(?:"+strings.Join(patterns[c], "|")+")")
	}
	class := minimize(states)
	order := map[int]int{class[dead]: dead}
	var list []int
	for i := range states {
		if _, ok := order[class[i]]; !ok {
			order[class[i]] = len(order)
			list = append(list, i)
		}
	}
	var raw bytes.Buffer
	put := func(v ...uint16) { binary.Write(&raw, binary.LittleEndian, v) }
	put(uint16(len(codes)), uint16(len(order)))
	for _, c := range codes {
		put(uint16(c), uint16(order[class[starts[c]]]), uint16(lengths[c]), uint16(lengths[c]>>16), uint16(trunk[c]))
	}
	for _, i := range append([]int{dead}, list...) {
		s := states[i]
		for _, n := range s.next {
			put(uint16(order[class[n]]))
		}
		if s.accept {
			put(1)
		} else {
			put(0)
		}
	}
	var out bytes.Buffer
	z, _ := zlib.NewWriterLevel(&out, zlib.BestCompression)
	z.Write(raw.Bytes())
	z.Close()
	if len(order) > 1<<16 {
		log.Fatal("too many states: ", len(order))
	}
	if err := os.WriteFile("table.bin", out.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(codes), "codes,", len(order), "states of", len(states), "-", out.Len(), "bytes")
}

// build appends the automaton of a pattern and returns its start.
func build(states *[]state, pattern string) int {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		log.Fatal(err)
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		log.Fatal(err)
	}
	closure := func(pcs []uint32) []uint32 {
		seen := map[uint32]bool{}
		var out []uint32
		for len(pcs) > 0 {
			pc := pcs[len(pcs)-1]
			pcs = pcs[:len(pcs)-1]
			if seen[pc] {
				continue
			}
			seen[pc] = true
			switch i := prog.Inst[pc]; i.Op {
			case syntax.InstAlt, syntax.InstAltMatch:
				pcs = append(pcs, i.Out, i.Arg)
			case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
				pcs = append(pcs, i.Out)
			default:
				out = append(out, pc)
			}
		}
		slices.Sort(out)
		return out
	}
	ids := map[string]int{"": dead, "[]": dead}
	var add func(set []uint32) int
	add = func(set []uint32) int {
		key := fmt.Sprint(set)
		if id, ok := ids[key]; ok {
			return id
		}
		id := len(*states)
		ids[key] = id
		*states = append(*states, state{})
		for d := range 10 {
			var to []uint32
			for _, pc := range set {
				if i := prog.Inst[pc]; i.Op != syntax.InstMatch && i.Op != syntax.InstFail && i.MatchRune(rune('0'+d)) {
					to = append(to, i.Out)
				}
			}
			n := dead
			if len(to) > 0 {
				n = add(closure(to))
			}
			(*states)[id].next[d] = n
		}
		for _, pc := range set {
			if prog.Inst[pc].Op == syntax.InstMatch {
				(*states)[id].accept = true
			}
		}
		return id
	}
	return add(closure([]uint32{uint32(prog.Start)}))
}

// minimize returns the class of each state: equal ones go the same ways.
func minimize(states []state) []int {
	class := make([]int, len(states))
	for i, s := range states {
		if s.accept {
			class[i] = 1
		}
	}
	for n := 0; ; {
		ids := map[[11]int]int{}
		next := make([]int, len(states))
		for i, s := range states {
			k := [11]int{class[i]}
			for d, to := range s.next {
				k[d+1] = class[to]
			}
			if _, ok := ids[k]; !ok {
				ids[k] = len(ids)
			}
			next[i] = ids[k]
		}
		class = next
		if len(ids) == n {
			return class
		}
		n = len(ids)
	}
}
