package cloudflare

import (
	"net/http"
	"path"
	"sync"
	"time"
)

// Kind is a way to fail.
type Kind uint8

// The kinds of fault.
const (
	LoseReply        Kind = iota // apply, then cut the connection
	LoseReply502                 // apply, then answer 502 with a page of HTML, as a proxy does
	ApplyThenTimeout             // apply, then answer nothing until the caller gives up
	Cut                          // cut the connection before applying
	Status429                    // refuse: rate limit, Retry-After as the fault says (1 s if zero)
	Status500                    // refuse: D1 internal error or queue error 15000
	Status503                    // refuse: unavailable, with HTML
	Slow                         // apply after Delay
)

// Fault fails requests that match. The zero rule matches every request once.
type Fault struct {
	Kind   Kind
	Method string                   // "" is any
	Path   string                   // glob (path.Match) of what follows the account: "queues/*/messages/batch"; "" is any
	Match  func(*http.Request) bool // nil is any; the body is already read
	Skip   int                      // let that many pass first
	Count  int                      // fail that many; 0 is one, below 0 without end
	Delay  time.Duration            // of Slow, and the Retry-After of Status429
}

type faults struct {
	mu    sync.Mutex
	rules []*Fault
}

// Fail adds a rule. Rules are asked in the order they were added; the first
// that matches and is not used up decides.
func (e *Emulator) Fail(f Fault) {
	if f.Count == 0 {
		f.Count = 1
	}
	e.faults.mu.Lock()
	defer e.faults.mu.Unlock()
	e.faults.rules = append(e.faults.rules, &f)
}

// Heal drops all rules.
func (e *Emulator) Heal() {
	e.faults.mu.Lock()
	defer e.faults.mu.Unlock()
	e.faults.rules = nil
}

// take is the fault for r, nil for none.
func (fs *faults) take(r *http.Request, below string) *Fault {
	for i := range below { // the account is not part of the pattern
		if below[i] == '/' {
			below = below[i+1:]
			break
		}
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.rules {
		if f.Count == 0 || f.Method != "" && f.Method != r.Method || f.Match != nil && !f.Match(r) {
			continue
		}
		if ok, err := path.Match(f.Path, below); f.Path != "" && (err != nil || !ok) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Count > 0 {
			f.Count--
		}
		return f
	}
	return nil
}

// before is what a fault does instead of applying; done says there is an answer.
func (e *Emulator) before(r *http.Request, f *Fault) (a reply, done bool, err error) {
	if f == nil {
		return a, false, nil
	}
	switch f.Kind {
	case Cut:
		return a, false, errCut
	case Status429:
		a = fail(429, 971, "More than %d requests per 300 seconds reached. Please wait and consider throttling your request speed", 1200).reply()
		a.header = append(a.header, [2]string{"Retry-After", itoa(max(1, seconds(f.Delay)))})
		return a, true, nil
	case Status500:
		code, text := 15000, "Unknown Internal Error"
		if ok, _ := path.Match("*/d1/database/*/*", apiPath(r.URL)); ok {
			code, text = 7500, "internal error; reference = 0000000000000000"
		}
		return fail(500, code, "%s", text).reply(), true, nil
	case Status503:
		return page(503, "Service Unavailable"), true, nil
	case Slow:
		if e.o.Sleep(r.Context(), f.Delay) != nil {
			return a, false, errCut
		}
	}
	return a, false, nil
}

// after is what a fault does to the answer of something that was applied.
func (e *Emulator) after(r *http.Request, f *Fault, a reply) (reply, error) {
	switch f.Kind {
	case LoseReply:
		return a, errCut
	case LoseReply502:
		return page(502, "Bad Gateway"), nil
	case ApplyThenTimeout:
		<-r.Context().Done()
		return a, errCut
	}
	return a, nil
}

func page(status int, title string) reply {
	return reply{status: status, body: []byte("<html><head><title>" + title + "</title></head><body>cloudflare</body></html>"), plain: true,
		header: [][2]string{{"Content-Type", "text/html; charset=UTF-8"}}}
}
