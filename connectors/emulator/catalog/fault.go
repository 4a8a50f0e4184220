package catalog

import (
	"net/http"
	"strings"
	"sync"
)

// Kind is a way to fail.
type Kind uint8

// The kinds of fault.
const (
	LoseReply    Kind = iota // apply, then cut the connection
	ApplyThen502             // apply, then answer 502 with a page of HTML, as a proxy does
	Refuse429                // do not apply: rate limit, Retry-After: 60
	Refuse500                // do not apply
	Refuse503                // do not apply
	Cut                      // cut the connection, do not apply
	Conflict                 // do not apply: a lost race as Options.ConflictStyle tells it
	Torn                     // transactions/commit applies its first Rule.Tables only, then answers 500
	Slow                     // wait until released, then apply: also if the client has gone
)

// Rule fails requests that match. The zero rule loses the reply to the next request.
type Rule struct {
	Method       string // "" is any
	PathContains string // part of the unescaped path
	Skip         int    // let that many pass first
	Times        int    // fail that many; 0 is one, below 0 without end
	Kind         Kind
	Tables       int // of Torn: how many are applied; 0 is one
}

// rule is a Rule under way.
type rule struct {
	Rule
	gate chan struct{}
	open sync.Once
}

func (r *rule) release() { r.open.Do(func() { close(r.gate) }) }

type faults struct {
	mu    sync.Mutex
	rules []*rule
}

// Fail adds a rule and returns what releases its slow requests, those to come
// too. Rules are asked in the order they were added; the first that matches and
// is not used up decides.
func (c *Catalog) Fail(r Rule) (release func()) {
	if r.Times == 0 {
		r.Times = 1
	}
	if r.Tables == 0 {
		r.Tables = 1
	}
	x := &rule{Rule: r, gate: make(chan struct{})}
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	c.faults.rules = append(c.faults.rules, x)
	return x.release
}

// Heal drops all rules and releases what is slow.
func (c *Catalog) Heal() {
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	for _, r := range c.faults.rules {
		r.release()
	}
	c.faults.rules = nil
}

// take is the rule for r, nil for none.
func (fs *faults) take(r *http.Request) *rule {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.rules {
		if f.Times == 0 || f.Method != "" && f.Method != r.Method || !strings.Contains(r.URL.Path, f.PathContains) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return f
	}
	return nil
}

// before is what a rule does instead of applying; nil goes on.
func (c *Catalog) before(f *rule) (*failure, error) {
	if f == nil {
		return nil, nil
	}
	switch f.Kind {
	case Cut:
		return nil, errCut
	case Refuse429:
		return tooMany(), nil
	case Refuse500:
		return fail(500, "InternalServerError", "internal error"), nil
	case Refuse503:
		return fail(503, "ServiceUnavailableException", "the service is unavailable"), nil
	case Conflict:
		return c.lost("the table was changed by another commit"), nil
	case Slow:
		<-f.gate
	}
	return nil, nil
}

// after is what a rule does to the answer of something that was applied.
func (f *rule) after(a reply) (reply, error) {
	if f == nil {
		return a, nil
	}
	switch f.Kind {
	case LoseReply:
		return a, errCut
	case ApplyThen502:
		return reply{status: 502, body: []byte("<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"),
			header: [][2]string{{"Content-Type", "text/html; charset=UTF-8"}}}, nil
	}
	return a, nil
}

// lost is how a lost race is told.
func (c *Catalog) lost(why string) *failure {
	if c.o.ConflictStyle == R2 {
		return fail(400, "ConcurrentUpdateError", "%s", why)
	}
	return fail(409, "CommitFailedException", "%s", why)
}
