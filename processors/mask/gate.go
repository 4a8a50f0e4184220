// Package mask is the gate: it turns raw records into Clean rows of planned
// columns, each through an action. Nobody else makes Clean rows. // P1
//
// What happens to a column package policy decides, once for every version of a
// topic: columns that appear later are held to the same. How an action masks a
// value is in package strategy. Headers, raw keys and raw values never pass.
package mask

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"sluice/processors/mask/policy"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
	"sluice/topology/stream/gate"
)

const (
	stage          = "mask"
	codeUnmaskable = "unmaskable" // the value cannot go through its action
	codeUndecoded  = "undecoded"  // no stage before the gate said what the record is
)

// The arena grows by as much as tokens in all masked columns take.
const (
	tokenSize = 32
	maxGrow   = 1 << 20
)

// Gate masks batches. It is safe for many workers at once.
type Gate struct {
	rules   *policy.Rules
	log     *slog.Logger // may be nil
	keepAll bool
	memo    bool     // reuse what equal values became; off only to measure it
	keyring *keyring // keys of data subjects, nil: no action takes them

	rows  atomic.Int64                              // masked so far, see late
	plans atomic.Pointer[map[*schemas.Schema]*plan] // copied on write
	mu    sync.Mutex                                // one compiles at a time
	pool  sync.Pool                                 // *scratch
}

// Factory makes the gate of a policy.
var Factory = topology.New("mask", policy.Default, open)

func open(c policy.Config, env topology.Env) (stream.Gate, error) {
	r, err := policy.Compile(c)
	if err != nil {
		return nil, err
	}
	g := &Gate{rules: r, log: env.Log, memo: true}
	if !r.NeedsKey() {
		if err := r.Bind(nil); err != nil {
			return nil, err
		}
		return g, nil
	}
	ring, err := c.Ring(env)
	if err != nil {
		return nil, err
	}
	defer ring.Close() // what masks is derived from it
	if err := r.Bind(ring.Primary()); err != nil {
		return nil, err
	}
	if r.UsesSubjects() {
		v, err := r.Vault(ring, env, false)
		if err != nil {
			return nil, err
		}
		g.keyring = newKeyring(v, c.Subjects.Cache)
	}
	return g, nil
}

// KeepAll is the gate of `privacy: none`: every column passes as it is. // P4
func KeepAll() stream.Gate { return &Gate{keepAll: true, rules: &policy.Rules{}} }

// String tells sizes only. // P1
func (g *Gate) String() string { return fmt.Sprintf("mask gate of %d rules", g.rules.Len()) }

// GoString tells sizes only. // P1
func (g *Gate) GoString() string { return g.String() }

// Explain says what happens to every field of s, and to the paths inside of
// it, and which rule decided.
func (g *Gate) Explain(s *schemas.Schema) (all []policy.Decision) {
	if !g.keepAll {
		return g.rules.Explain(s)
	}
	for i := range s.Fields {
		all = append(all, policy.Decision{Column: s.Fields[i].Name, Action: policy.Keep.String(), Why: "privacy: none"})
	}
	return all
}

// Unmatched lists the paths of the policy that nothing matched so far, as
// policy.Rules has it.
func (g *Gate) Unmatched() []string { return g.rules.Unmatched() }

// plan finds or compiles the plan of s.
func (g *Gate) plan(s *schemas.Schema) *plan {
	if m := g.plans.Load(); m != nil {
		if p := (*m)[s]; p != nil {
			return p
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	m := map[*schemas.Schema]*plan{}
	if old := g.plans.Load(); old != nil {
		if p := (*old)[s]; p != nil { // another worker was faster
			return p
		}
		m = maps.Clone(*old)
	}
	if g.keepAll {
		m[s] = keepAll(s)
	} else {
		m[s] = g.compile(s)
	}
	g.plans.Store(&m)
	return m[s]
}

// Pass is stream.Gate: it masks b. A record that cannot be masked is rejected
// and never emitted. After an error b is as it was. // P1 P2 P3
func (g *Gate) Pass(b *stream.Batch) (stream.Clean, error) {
	var last *schemas.Schema
	for i := range b.Records { // before anything moves
		if s := b.Records[i].Schema; s != nil && s != last {
			if p := g.plan(s); p.err != nil {
				return stream.Clean{}, p.err
			}
			last = s
		}
	}
	s, _ := g.pool.Get().(*scratch)
	if s == nil {
		s = newScratch(g)
	}
	defer func() {
		s.forget()
		g.pool.Put(s)
	}()
	s.memo.begin()
	x := pass{b: b, arena: b.Arena(), s: s}
	if g.keyring != nil {
		if err := x.subjects(g); err != nil {
			return stream.Clean{}, err
		}
	}
	rows := b.CleanRows(len(b.Records))
	arena := new([]byte)
	kept := b.Records[:0]
	var p *plan
	last = nil
	for i := range b.Records {
		r := &b.Records[i]
		if r.Schema == nil {
			b.Reject(*r, stage, codeUndecoded, "") // P2
			continue
		}
		if r.Schema != last {
			p, last = g.plan(r.Schema), r.Schema
			x.arena = slices.Grow(x.arena, min((len(b.Records)-i)*p.makers*tokenSize, maxGrow))
		}
		rows = rows[:len(rows)+1] // zero, see CleanRows
		row := &rows[len(rows)-1]
		gate.Row(row, b, r, p.table, arena)
		x.at = int32(len(kept))
		if field, ok := x.row(p, r, row); !ok {
			*row = stream.CleanRow{}
			rows = rows[:len(rows)-1]
			r.Before, r.After, r.KeyRow = nil, nil, nil // they may be half of what they were
			b.Reject(*r, stage, codeUnmaskable, field)  // P2
			s.memo.forget()                             // it may hold values of this record, whose place the next one takes
			continue
		}
		if at := len(kept); at == i {
			kept = kept[:i+1] // where it is
		} else {
			kept = append(kept, *r)
		}
	}
	s.waiting.Flush(x.arena)
	b.Records = kept
	b.SetArena(x.arena)
	*arena = x.arena
	g.late(len(rows))
	return gate.Clean(b, rows), nil
}
