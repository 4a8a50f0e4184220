package mask

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"sluice/processors/mask/keys"
	"sluice/processors/mask/strategy"
	"sluice/processors/mask/subject"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// Subjects says where the keys of data subjects are, which tokenize with a
// subject takes:
//
//	subjects: {store: "folder:/var/lib/sluice/subjects"}   # sluice keys init FILE makes it
//	rules:
//	- columns: {email: {tokenize: {subject: {column: customer_id}}}}
//
// The first row of a customer makes its key. `sluice keys shred FILE 4711` destroys
// it: no token made under it can be led back, and the next row of 4711 makes another
// one. Tokens are SUBJECTKEY_TOKEN: those of one person can be told to be one
// person's. While a key lives, equal values of one subject and domain give equal
// tokens. A row that has a value and no subject is refused. A store that does not
// answer stops the batch, which is tried again: nothing goes on without its key.
//
// All instances that share the store agree on the keys: the first one made stays.
// They learn of a destroyed one with their next batch; what they tokenized between
// is under the destroyed key, and lost with it.
type Subjects struct {
	Store string `yaml:"store" plan:"-"` // folder:PATH
	Cache int    `yaml:"cache" plan:"-"` // keys in memory, about 2 KB each; default 20,000
}

const defaultHeld = 20_000

func (c *Subjects) folder() (string, error) {
	path, ok := strings.CutPrefix(c.Store, "folder:")
	switch {
	case c.Store == "":
		return "", errors.New("subjects: store: tokenize with a subject needs a place for the keys, as folder:/var/lib/sluice/subjects")
	case !ok || path == "":
		return "", fmt.Errorf("subjects: store: %q: want folder:PATH", c.Store)
	case c.Cache < 0:
		return "", errors.New("subjects: cache: a number of keys, or 0 for the default")
	}
	return path, nil
}

// usesSubjects reports that some action takes keys of data subjects.
func (c *Config) usesSubjects(g *Gate) bool {
	for _, s := range g.specs() {
		for _, t := range tokensOf(s) {
			if t.Subject.Column != "" {
				return true
			}
		}
	}
	return false
}

// Vault opens the keys of data subjects, nil if the policy has none; first makes
// the store.
func (p *Policy) Vault(ring *keys.Ring, env topology.Env, first bool) (*subject.Vault, error) {
	if !p.usesSubjects(p.gate) {
		return nil, errors.New("no action of the policy takes keys of subjects: it has no tokenize with a subject")
	}
	open := subject.Open
	if first {
		open = subject.Init
	}
	return p.vault(ring, env, open)
}

func (c *Config) vault(ring *keys.Ring, env topology.Env, open func(context.Context, subject.Store, *keys.Ring, func() time.Time) (*subject.Vault, error)) (*subject.Vault, error) {
	dir, err := c.Subjects.folder()
	if err != nil {
		return nil, err
	}
	v, err := open(context.Background(), subject.NewFolder(dir), ring, env.Now)
	if err != nil {
		return nil, fmt.Errorf("subjects: %w", err)
	}
	return v, nil
}

// keyring is the keys of subjects that are in memory: those used last, in two
// halves, of which the older one goes when the younger is full. It is safe for
// many workers.
type keyring struct {
	vault  *subject.Vault
	half   int
	mu     sync.Mutex
	young  map[subject.Index]*strategy.SubjectKey
	old    map[subject.Index]*strategy.SubjectKey
	shreds int64
}

func newKeyring(v *subject.Vault, most int) *keyring {
	if most == 0 {
		most = defaultHeld
	}
	return &keyring{vault: v, half: max(most/2, 1), young: map[subject.Index]*strategy.SubjectKey{}, old: map[subject.Index]*strategy.SubjectKey{}}
}

// fresh forgets all keys if one was destroyed since it was last asked.
func (k *keyring) fresh(ctx context.Context) error {
	n, err := k.vault.Shreds(ctx)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if n != k.shreds {
		clear(k.young)
		clear(k.old)
		k.shreds = n
	}
	return nil
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
	before := k.shreds
	k.mu.Unlock()
	id, key, err := k.vault.Key(ctx, x)
	if err != nil {
		return nil, err
	}
	h := strategy.NewSubjectKey(id, key, d)
	clear(key)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.shreds == before {
		k.put(x, h)
	}
	return h, nil
}

// subjects has the keys of all subjects of the batch in x.s.Subjects, before anything
// of it moves: after an error the batch is as it was.
func (x *pass) subjects(g *Gate) error {
	ctx := context.Background()
	failed := func(err error) error {
		return stream.Retry("subject_keys", 0, fmt.Errorf("mask: keys of subjects: %w", err))
	}
	if err := g.keyring.fresh(ctx); err != nil {
		return failed(err)
	}
	for i := range x.b.Records {
		r := &x.b.Records[i]
		if r.Schema == nil {
			continue
		}
		for _, n := range g.plan(r.Schema).subjects {
			c := &g.plan(r.Schema).cols[n]
			if c.by < 0 {
				continue
			}
			for n, side := range [...][]schemas.Cell{r.After, r.Before} {
				if c.ord >= len(side) || !side[c.ord].Has() || n == 1 && !r.Full { // fillers, not values
					continue
				}
				x.side = side
				who := x.person(c, r)
				if who == nil {
					continue
				}
				at := x.s.Subjects.Index(c.spec.tokens().Subject.Kind, who)
				if x.s.Subjects.Holds(at) {
					continue
				}
				h := g.keyring.get(at)
				if h == nil {
					var err error
					if h, err = g.keyring.load(ctx, at, g.domains); err != nil {
						return failed(err)
					}
				}
				x.s.Subjects.Hold(at, h)
			}
		}
	}
	return nil
}
