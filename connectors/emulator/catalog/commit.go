package catalog

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"

	"github.com/apache/iceberg-go/table"
)

// change is one table's part of a commit.
type change struct {
	Identifier struct {
		Namespace []string `json:"namespace"`
		Name      string   `json:"name"`
	} `json:"identifier"`
	Requirements table.Requirements `json:"requirements"`
	Updates      table.Updates      `json:"updates"`
}

// transaction is transactions/commit. torn applies the first table only and
// then fails, as catalogs do whose transaction is not atomic. c.mu is held.
func (c *Catalog) transaction(body []byte, torn bool) error {
	var x struct {
		Changes []change `json:"table-changes"`
	}
	if err := json.Unmarshal(body, &x); err != nil || len(x.Changes) == 0 {
		return refuse(400, "BadRequestException", "the body is not what commitTransaction takes")
	}
	if err := c.limited("commitTransaction", c.opt.Limits.Transactions); err != nil {
		return err
	}
	if torn {
		x.Changes = x.Changes[:1]
	}
	return c.apply(x.Changes)
}

// apply checks all requirements, builds all metadata, then stores all of it.
func (c *Catalog) apply(changes []change) error {
	if err := c.limited("writes", c.opt.Limits.Writes); err != nil {
		return err
	}
	next := map[string]*pointer{}
	for _, x := range changes {
		id := join(x.Identifier.Namespace) + "." + x.Identifier.Name
		cur := c.tables[id]
		if cur == nil {
			return refuse(404, "NoSuchTableException", "table %s does not exist", id)
		}
		if next[id] != nil {
			return refuse(400, "BadRequestException", "table %s stands twice in one transaction", id)
		}
		for _, r := range x.Requirements {
			if err := r.Validate(cur.meta); err != nil {
				return c.conflict("%s: requirement failed: %v", id, err)
			}
		}
		m, err := table.UpdateTableMetadata(cur.meta, x.Updates, cur.location)
		if err != nil {
			return refuse(400, "BadRequestException", "%s: %v", id, err)
		}
		next[id] = &pointer{metadataFile(m, versionOf(cur.location)+1), m}
	}
	return c.store(next)
}

// conflict is a lost race, in the form of this kind of catalog.
func (c *Catalog) conflict(format string, a ...any) error {
	if c.opt.R2Conflicts {
		return refuse(http.StatusBadRequest, "ConcurrentUpdateError", format, a...)
	}
	return refuse(http.StatusConflict, "CommitFailedException", format, a...)
}

func readMetadata(location string) (table.Metadata, error) {
	p, err := os.ReadFile(strings.TrimPrefix(location, "file://"))
	if err != nil {
		return nil, err
	}
	return table.ParseMetadataBytes(p)
}

// Kind is a way to fail.
type Kind uint8

// The kinds of fault.
const (
	LoseReply Kind = iota // apply, then cut the connection
	ApplyThen502
	Refuse429
	Refuse500
	Refuse503
	Cut      // cut before applying
	Conflict // a lost race, without applying
	Torn     // transactions/commit applies its first table only, then 500
)

// Rule fails requests.
type Rule struct {
	Method       string // "" is any
	PathContains string
	Times        int // 0 is once, below 0 without end
	Kind         Kind
}

// Fail adds a rule; the first that matches decides.
func (c *Catalog) Fail(r Rule) {
	if r.Times == 0 {
		r.Times = 1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rules = append(c.rules, &r)
}

// Heal drops all rules.
func (c *Catalog) Heal() { c.mu.Lock(); c.rules = nil; c.mu.Unlock() }

func (c *Catalog) rule(r *http.Request) *Rule {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.rules {
		if x.Times != 0 && (x.Method == "" || x.Method == r.Method) && strings.Contains(r.URL.Path, x.PathContains) {
			x.Times--
			y := *x
			return &y
		}
	}
	return nil
}

// faulty answers with what do says, or with the fault that was asked for.
func (c *Catalog) faulty(w http.ResponseWriter, r *http.Request, body []byte, do func() (any, error)) {
	x := c.rule(r)
	if x == nil {
		out, err := do()
		answer(w, out, err)
		return
	}
	switch x.Kind {
	case LoseReply:
		do()
		panic(http.ErrAbortHandler)
	case ApplyThen502:
		do()
		answer(w, nil, refuse(http.StatusBadGateway, "BadGateway", "the reply was lost"))
	case Refuse429:
		answer(w, nil, &apiError{status: http.StatusTooManyRequests, kind: "TooManyRequestsException", text: "slow down", retry: "1"})
	case Refuse500:
		answer(w, nil, refuse(http.StatusInternalServerError, "InternalServerError", "not applied"))
	case Refuse503:
		answer(w, nil, refuse(http.StatusServiceUnavailable, "ServiceUnavailableException", "not applied"))
	case Cut:
		panic(http.ErrAbortHandler)
	case Conflict:
		answer(w, nil, c.conflict("another writer was first"))
	case Torn:
		c.mu.Lock()
		err := c.transaction(body, true)
		c.mu.Unlock()
		if err == nil {
			err = refuse(http.StatusInternalServerError, "CommitStateUnknownException", "applied in part")
		}
		answer(w, nil, err)
	}
}
