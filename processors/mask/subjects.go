package mask

import (
	"context"
	"fmt"
	"sync"

	"sluice/processors/mask/strategy"
	"sluice/processors/mask/subject"
	"sluice/schemas"
	"sluice/topology/stream"
)

const defaultHeld = 20_000

// keyring is the keys of subjects that are in memory: those used last, in two
// halves, of which the older one goes when the younger is full. It is safe for
// many workers.
type keyring struct {
	vault   *subject.Vault
	half    int
	mu      sync.Mutex
	young   map[subject.Index]*strategy.SubjectKey
	old     map[subject.Index]*strategy.SubjectKey
	shreds  int64 // how many were destroyed, as far as anybody here knows
	emptied int   // how often all went because of that
}

func newKeyring(v *subject.Vault, most int) *keyring {
	if most == 0 {
		most = defaultHeld
	}
	return &keyring{vault: v, half: max(most/2, 1), young: map[subject.Index]*strategy.SubjectKey{}, old: map[subject.Index]*strategy.SubjectKey{}}
}

// fresh forgets all keys if one was destroyed since it was last asked.
func (k *keyring) fresh(ctx context.Context) error {
	k.mu.Lock()
	before := k.shreds
	k.mu.Unlock()
	n, err := k.vault.Shreds(ctx)
	if err != nil {
		return err
	}
	k.told(before, n)
	return nil
}

// told forgets all keys if n, the answer of the store to who asked when before was
// known, is news. Less than what is known is an answer from before a key was destroyed,
// if another worker learned of that meanwhile: taken for news, it would let a load that
// began as early put the destroyed key back. If nobody did, the store itself went back.
func (k *keyring) told(before, n int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n == k.shreds || n < k.shreds && k.shreds != before {
		return
	}
	clear(k.young)
	clear(k.old)
	k.shreds = n
	k.emptied++
}

func (k *keyring) get(x subject.Index) *strategy.SubjectKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.young[x]
	if h == nil {
		if h = k.old[x]; h != nil {
			k.put(x, h)
		}
	}
	return h
}

func (k *keyring) put(x subject.Index, h *strategy.SubjectKey) {
	if len(k.young) >= k.half {
		k.young, k.old = k.old, k.young
		clear(k.young)
	}
	k.young[x] = h
}

// load is the key of a subject that is not in memory. One that was destroyed
// meanwhile stays out of it.
func (k *keyring) load(ctx context.Context, x subject.Index, d strategy.Domains) (*strategy.SubjectKey, error) {
	k.mu.Lock()
	before := k.emptied
	k.mu.Unlock()
	id, key, err := k.vault.Key(ctx, x)
	if err != nil {
		return nil, err
	}
	h := strategy.NewSubjectKey(id, key, d)
	clear(key)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.emptied == before {
		k.put(x, h)
	}
	return h, nil
}

// hold has the key of who until the batch ends, nil: nobody.
func (x *pass) hold(g *Gate, who []byte, kind string) error {
	if who == nil {
		return nil
	}
	at := x.s.Subjects.Index(kind, who)
	if x.s.Subjects.Holds(at) {
		return nil
	}
	h := g.keyring.get(at)
	if h == nil {
		var err error
		if h, err = g.keyring.load(context.Background(), at, g.rules.Domains); err != nil {
			return err
		}
	}
	x.s.Subjects.Hold(at, h)
	return nil
}

// subjects has the keys of all subjects of the batch in x.s.Subjects, before anything
// of it moves: after an error the batch is as it was.
func (x *pass) subjects(g *Gate) error {
	failed := func(err error) error {
		return stream.Retry("subject_keys", 0, fmt.Errorf("mask: keys of subjects: %w", err))
	}
	if err := g.keyring.fresh(context.Background()); err != nil {
		return failed(err)
	}
	for i := range x.b.Records {
		r := &x.b.Records[i]
		if r.Schema == nil {
			continue
		}
		for _, n := range g.plan(r.Schema).subjects {
			c := &g.plan(r.Schema).cols[n]
			for n, side := range [...][]schemas.Cell{r.After, r.Before} {
				if c.ord >= len(side) || !side[c.ord].Has() || n == 1 && !r.Full { // fillers, not values
					continue
				}
				x.side = side
				for _, of := range c.people {
					if !of.subject {
						continue
					}
					if err := x.hold(g, x.personBy(of.by, of.also, r), of.kind); err != nil {
						return failed(err)
					}
				}
			}
		}
	}
	return nil
}
