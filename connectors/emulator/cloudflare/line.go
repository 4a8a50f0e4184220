package cloudflare

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Line is a transport to a real edge bridge that does to chosen requests what a
// network and a busy edge do: tests of sinks on the Workers runtime have the
// same faults as those on the emulator.
type Line struct {
	Next  http.RoundTripper
	Match func(*http.Request) bool // the requests that faults may hit

	mu     sync.Mutex
	faults []Kind
	met    int
}

// Fail makes the next n requests that match fail.
func (l *Line) Fail(k Kind, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		l.faults = append(l.faults, k)
	}
}

// Met is how many requests a fault has hit.
func (l *Line) Met() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.met
}

func (l *Line) take(r *http.Request) (k Kind, hit bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.faults) == 0 || !l.Match(r) {
		return 0, false
	}
	k, l.faults = l.faults[0], l.faults[1:]
	l.met++
	return k, true
}

var errCutLine = errors.New("the connection was cut")

// RoundTrip is part of http.RoundTripper.
func (l *Line) RoundTrip(r *http.Request) (*http.Response, error) {
	k, hit := l.take(r)
	if !hit || k == Slow {
		return l.Next.RoundTrip(r)
	}
	refuse := func(status int, code string) *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(fmt.Sprintf(`{"ok":false,"error":{"code":%q}}`, code)))}
	}
	switch k {
	case Cut:
		return nil, errCutLine
	case Status429:
		return refuse(http.StatusTooManyRequests, "overloaded"), nil
	case Status500:
		return refuse(http.StatusInternalServerError, "internal"), nil
	case Status503:
		return refuse(http.StatusServiceUnavailable, "unavailable"), nil
	}
	res, err := l.Next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if k == LoseReply502 {
		return refuse(http.StatusBadGateway, ""), nil
	}
	return nil, errCutLine
}
