package catalog

import (
	"sync"
	"time"
)

// limiter counts writes in fixed windows of 60 s that start with the first write.
type limiter struct {
	mu    sync.Mutex
	start time.Time
	used  map[string]int
}

// kind is a write as the limits page counts it.
type kind string

const (
	createTable kind = "createTable"
	register    kind = "registerTable"
	transaction kind = "commitTransaction"
	updateTable kind = "updateTable"
	otherWrite  kind = "" // the operation's own name follows
)

// take counts a write of an operation, on a table for updateTable, unless it
// exceeds a limit. What is refused does not count.
func (l *limiter) take(o Limits, now time.Time, k kind, object string) bool {
	if o == (Limits{}) {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used == nil || now.Sub(l.start) >= time.Minute {
		l.start, l.used = now, map[string]int{}
	}
	own := o.UpdatesPerTablePerMinute
	if k == createTable || k == register || k == transaction {
		own = o.TransactionsPerMinute
	}
	key := string(k) + " " + object
	if own > 0 && l.used[key] >= own || o.WritesPerMinute > 0 && l.used["all"] >= o.WritesPerMinute {
		return false
	}
	l.used[key]++
	l.used["all"]++
	return true
}

func tooMany() *failure {
	f := fail(429, "TooManyRequestsException", "Too many requests: the catalog's write limit for 60 seconds is reached")
	f.header = [][2]string{{"Retry-After", "60"}}
	return f
}
