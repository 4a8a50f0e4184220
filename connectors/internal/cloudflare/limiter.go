package cloudflare

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The API takes 1,200 requests in five minutes from one user, over all tokens
// and the dashboard, and then blocks for up to five minutes.
const (
	DefaultRequests = 1200
	Window          = 5 * time.Minute
)

// Limiter keeps the requests of all clients of one account under the API's
// rate limit. Of n requests a window a fifth may come at once; the rest comes
// evenly, so that no window of that length ever has more than n. It also
// believes what the API says (Ratelimit, Retry-After), because others spend
// from the same account. A nil Limiter does not limit. Safe for concurrent use.
type Limiter struct {
	mu     sync.Mutex
	now    func() time.Time
	sleep  func(context.Context, time.Duration) error
	burst  float64
	rate   float64 // tokens a second
	tokens float64
	last   time.Time
	until  time.Time // blocked by the API
}

// NewLimiter allows n requests in [Window]; n <= 0 returns nil. sleep waits
// for a duration or until ctx is done; nil means a timer.
func NewLimiter(n int, now func() time.Time, sleep func(context.Context, time.Duration) error) *Limiter {
	if n <= 0 {
		return nil
	}
	if sleep == nil {
		sleep = timer
	}
	burst := max(1, float64(n)/5)
	return &Limiter{now: now, sleep: sleep, burst: burst, tokens: burst, last: now(),
		rate: max(float64(n)-burst, 1) / Window.Seconds()}
}

// Shared is the limiter that all clients of an account in a process use: lend
// is Env.Shared, and the first to ask says how many requests. A nil lend gives
// a limiter of one's own.
func Shared(lend func(key string, open func() any) any, account string, n int, now func() time.Time) *Limiter {
	open := func() any { return NewLimiter(n, now, nil) }
	if lend == nil {
		return open().(*Limiter)
	}
	return lend("cloudflare/"+account, open).(*Limiter)
}

func timer(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// patience is how long Wait waits. Beyond it the caller should know, and say,
// that it is held up by the account's rate.
const patience = 10 * time.Second

// held is a request that has to wait longer than patience.
type held struct{ after time.Duration }

func (e *held) Error() string {
	return fmt.Sprintf("the account's requests are spent for another %v: fewer or larger commits, or another account", e.after.Round(time.Second))
}

// Wait takes the right to send one request. Where that takes longer than ten
// seconds it does not wait: the error is Passing and RetryAfter says how long.
func (l *Limiter) Wait(ctx context.Context) error {
	if l == nil {
		return ctx.Err()
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		d := l.take()
		switch {
		case d <= 0:
			return nil
		case d > patience:
			return &held{d}
		}
		if err := l.sleep(ctx, d); err != nil {
			return err
		}
	}
}

// take takes a token, or says how long to wait before asking again.
func (l *Limiter) take() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if d := l.until.Sub(now); d > 0 {
		return d
	}
	if d := now.Sub(l.last); d > 0 {
		l.tokens = min(l.burst, l.tokens+d.Seconds()*l.rate)
	}
	l.last = now
	if l.tokens >= 1 {
		l.tokens--
		return 0
	}
	return time.Duration((1-l.tokens)/l.rate*float64(time.Second)) + time.Millisecond
}

// learn takes over what the API says is left for the account.
func (l *Limiter) learn(h http.Header) {
	left, reset, ok := ratelimit(h.Get("Ratelimit"))
	if l == nil || !ok {
		return
	}
	if left == 0 {
		l.block(time.Duration(reset) * time.Second)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tokens = min(l.tokens, float64(left))
}

// block holds all requests for d: the API refused one for the account's rate.
func (l *Limiter) block(d time.Duration) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if u := l.now().Add(min(max(d, time.Second), Window)); u.After(l.until) {
		l.until = u
	}
}

// ratelimit reads `"default";r=1199;t=300`: requests left, seconds to the reset.
func ratelimit(s string) (left, reset int, ok bool) {
	for _, p := range strings.Split(s, ";") {
		k, v, found := strings.Cut(strings.TrimSpace(p), "=")
		n, err := strconv.Atoi(v)
		if !found || err != nil || n < 0 || n > 1<<20 {
			continue
		}
		switch k {
		case "r":
			left, ok = n, true
		case "t":
			reset = n
		}
	}
	return left, reset, ok
}
