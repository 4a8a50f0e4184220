package policy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/processors/mask/keys"
	"sluice/processors/mask/subject"
	"sluice/topology"
)

// Subjects says where the keys of data subjects are, which tokenize, hash, synthetic,
// shift and noise with a subject take:
//
//	subjects: {store: "folder:/var/lib/sluice/subjects"}   # sluice keys init FILE makes it
//	rules:
//	- columns: {email: {tokenize: {subject: {column: customer_id}}}, phone: {hash: {subject: {column: customer_id}}}}
//
// The first row of a customer makes its key. `sluice keys shred FILE 4711` destroys
// it: no token made under it can be led back, no hash, made-up person, date or number be
// told to be of a value, and the next row of 4711 makes another one. Tokens are SUBJECTKEY_TOKEN: those of one person can be told to be one
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

func (c *Subjects) folder() (string, error) {
	path, ok := strings.CutPrefix(c.Store, "folder:")
	switch {
	case c.Store == "":
		return "", errors.New("subjects: store: an action with a subject needs a place for the keys, as folder:/var/lib/sluice/subjects")
	case !ok || path == "":
		return "", fmt.Errorf("subjects: store: %q: want folder:PATH", c.Store)
	case c.Cache < 0:
		return "", errors.New("subjects: cache: a number of keys, or 0 for the default")
	}
	return path, nil
}

// Vault opens the keys of data subjects, an error if the policy has none; first
// makes the store.
func (r *Rules) Vault(ring *keys.Ring, env topology.Env, first bool) (*subject.Vault, error) {
	if !r.UsesSubjects() {
		return nil, errors.New("no action of the policy takes keys of subjects: it has no tokenize, hash, synthetic, shift or noise with a subject")
	}
	dir, err := r.Subjects.folder()
	if err != nil {
		return nil, err
	}
	open := subject.Open
	if first {
		open = subject.Init
	}
	v, err := open(context.Background(), subject.NewFolder(dir), ring, env.Now)
	if err != nil {
		return nil, fmt.Errorf("subjects: %w", err)
	}
	return v, nil
}
