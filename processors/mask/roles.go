package mask

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/topology"
)

// Revealing says who may lead tokens back to values. Who can read the root keys
// needs no permission: guard those. This is for the procedure around them: a
// role shows its own key, and every use is written down first.
//
//	reveal:
//	  audit: /var/lib/sluice/reveal.jsonl
//	  roles:
//	    support: {columns: ["shop.*.email"], key: "sha256:HEX"}   # printf %s "$KEY" | sha256sum
type Revealing struct {
	Audit string          `yaml:"audit"` // file that every use is appended to
	Roles map[string]Role `yaml:"roles"`
}

// Role is what one role may reveal.
type Role struct {
	Columns []string `yaml:"columns"` // globs over TOPIC.COLUMN
	Key     string   `yaml:"key"`     // sha256:HEX of the role's key, or a reference to it: env:NAME, file:PATH // P5
	Max     int      `yaml:"max"`     // tokens a use; default 1,000
}

// DefaultMax is how many tokens a role reveals in one use, unless it says.
const DefaultMax = 1000

// validate finds what is wrong without opening anything.
func (r *Revealing) validate() error {
	var errs []error
	if len(r.Roles) > 0 && r.Audit == "" {
		errs = append(errs, errors.New("reveal: audit: name the file that every use is appended to"))
	}
	for name, role := range r.Roles {
		digest, hashed := strings.CutPrefix(role.Key, "sha256:")
		p, err := hex.DecodeString(digest)
		switch {
		case hashed && (err != nil || len(p) != sha256.Size):
			errs = append(errs, fmt.Errorf("reveal: %s: key: sha256: takes 64 hex digits", name))
		case !hashed && !strings.HasPrefix(role.Key, "env:") && !strings.HasPrefix(role.Key, "file:"):
			errs = append(errs, fmt.Errorf("reveal: %s: key: want sha256:HEX, env:NAME or file:PATH, never the key itself", name))
		}
		if len(role.Columns) == 0 {
			errs = append(errs, fmt.Errorf("reveal: %s: columns: name what it may reveal, as \"shop.*.email\"", name))
		}
		if role.Max < 0 {
			errs = append(errs, fmt.Errorf("reveal: %s: max: %d is negative", name, role.Max))
		}
	}
	return errors.Join(errs...)
}

// The ways a use is refused. Who asks is told no more than that.
var (
	ErrRole   = errors.New("there is no such role, or this is not its key")
	ErrColumn = errors.New("the role may not reveal this column")
	ErrMany   = errors.New("more tokens than the role may reveal at once")
)

// Allow tells why role, who shows key, may not reveal n tokens of a column,
// given as TOPIC.COLUMN; nil: it may.
func (r *Revealing) Allow(role, key, column string, n int, secret func(ref string) (string, error)) error {
	x, known := r.Roles[role]
	var want [sha256.Size]byte
	if digest, hashed := strings.CutPrefix(x.Key, "sha256:"); hashed {
		p, err := hex.DecodeString(digest)
		if err != nil || copy(want[:], p) != len(want) {
			return ErrRole
		}
	} else if known {
		s, err := secret(x.Key)
		if err != nil {
			return fmt.Errorf("reveal: %s: key: %w", role, err)
		}
		want = sha256.Sum256([]byte(s))
	}
	got := sha256.Sum256([]byte(key))
	limit := x.Max
	if limit == 0 {
		limit = DefaultMax
	}
	switch {
	case subtle.ConstantTimeCompare(got[:], want[:]) != 1 || !known || key == "":
		return ErrRole
	case !slices.ContainsFunc(x.Columns, func(g string) bool { return topology.Glob(g, column) }):
		return ErrColumn
	case n > limit:
		return fmt.Errorf("%w: %d of %d", ErrMany, n, limit)
	}
	return nil
}
