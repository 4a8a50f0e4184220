package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Class is what kind of refusal an answer is: short, stable, a metric label.
type Class string

// The classes.
const (
	ClassRateLimited  Class = "rate_limited" // the API or the queue says: later
	ClassOverloaded   Class = "overloaded"   // D1's queue is full; nothing was run
	ClassUnavailable  Class = "unavailable"  // 5xx: whether it was applied is unknown
	ClassResources    Class = "resources"    // memory, CPU or time of D1 spent: send less
	ClassTooLarge     Class = "too_large"    // a limit
	ClassFull         Class = "full"         // the store has no room
	ClassUnauthorized Class = "unauthorized" // token or account
	ClassNotFound     Class = "not_found"    // no such database, queue, namespace or key
	ClassConstraint   Class = "constraint"   // SQLite's constraints and STRICT types
	ClassRaised       Class = "raised"       // our own SQL refused: see APIError.Raised
	ClassSchema       Class = "schema"       // no such table or column, or it exists already
	ClassSQL          Class = "sql"          // any other SQL error
	ClassRefused      Class = "refused"      // any other 4xx
	ClassTransport    Class = "transport"    // no answer
	ClassTimeout      Class = "timeout"      // no answer in time
	ClassNotSent      Class = "not_sent"     // nothing left this process
)

// APIError is an answer that is not success. Message is one of the texts known
// to hold names and numbers only; what SQLite or the API quoted is left out. // P1
type APIError struct {
	Op         string
	Status     int
	Code       int
	Class      Class
	Message    string
	Raised     string // of ClassRaised: the text our SQL raised, it starts with "sluice_"
	RetryAfter time.Duration
}

func (e *APIError) Error() string {
	s := fmt.Sprintf("%s: %s (HTTP %d, code %d)", e.Op, e.Class, e.Status, e.Code)
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// transportError is a request that may have been applied: no whole answer came.
type transportError struct {
	op  string
	err error
}

func (e *transportError) Error() string {
	return e.op + ": no answer, whether it was applied is unknown: " + e.err.Error()
}
func (e *transportError) Unwrap() error { return e.err }

// notSent is a request that never left.
type notSent struct {
	op  string
	err error
}

func (e *notSent) Error() string { return e.op + ": not sent: " + e.err.Error() }
func (e *notSent) Unwrap() error { return e.err }

// text is a piece of an error text that decides its class.
type text struct {
	part  string
	class Class
	keep  bool // the text holds names of tables and columns only
}

// texts are D1's, the first that fits decides (d1/observability/debug-d1 and
// SQLite's own). Those that quote names come first: a column may be called
// "overloaded". "Keep" is given only where the text quotes schema, not data.
var texts = [...]text{
	{"NOT NULL constraint failed: ", ClassConstraint, true},
	{"UNIQUE constraint failed: ", ClassConstraint, true},
	{"FOREIGN KEY constraint failed", ClassConstraint, true},
	{"cannot store ", ClassConstraint, true}, // "cannot store TEXT value in INTEGER column t.a"
	{"SQLITE_CONSTRAINT", ClassConstraint, false},
	{"SQLITE_MISMATCH", ClassConstraint, false},
	{"overloaded", ClassOverloaded, false},
	{"requests queued", ClassOverloaded, false},
	{"exceeded its memory limit", ClassResources, false},
	{"exceeded its CPU time limit", ClassResources, false},
	{"storage operation exceeded timeout", ClassResources, false},
	{"Network connection lost", ClassUnavailable, false},
	{"caused object to be reset", ClassUnavailable, false},
	{"code was updated", ClassUnavailable, false},
	{"Cannot resolve D1 DB", ClassUnavailable, false},
	{"client disconnected", ClassUnavailable, false},
	{"SQLITE_TOOBIG", ClassTooLarge, false},
	{"too many SQL variables", ClassTooLarge, false},
	{"variable number must be between", ClassTooLarge, false},
	{"SQLITE_FULL", ClassFull, false},
	{"Exceeded maximum DB size", ClassFull, false},
	{"no such table: ", ClassSchema, true},
	{"no such column: ", ClassSchema, true},
	{"has no column named ", ClassSchema, true},
	{"duplicate column name: ", ClassSchema, true},
	{" already exists", ClassSchema, true},
	{"Wrong number of parameter bindings", ClassSQL, true},
	{"malformed JSON", ClassSQL, true},
	{"SQLITE_AUTH", ClassSQL, false},
	{"SQLITE_", ClassSQL, false},
}

const (
	d1Code   = 7500
	rateCode = 971
)

// passes reports classes that a 5xx may have.
func (c Class) passes() bool {
	return c == ClassOverloaded || c == ClassResources || c == ClassUnavailable
}

// classify sets what e is from its status, code and text, and keeps of the
// text what is safe. // P1
func (e *APIError) classify(s string) {
	if e.Code == d1Code || e.Code == 0 && e.Status == http.StatusBadRequest {
		if i := strings.Index(s, "sluice_"); e.Status < 500 && i >= 0 && (i == 0 || strings.HasPrefix(s, "bad JSON path: '")) {
			e.Class, e.Raised = ClassRaised, raised(s[i:])
			e.Message, _, _ = strings.Cut(e.Raised, " ")
			return
		}
		for _, t := range texts {
			if strings.Contains(s, t.part) && (e.Status < 500 || t.class.passes()) { // a 5xx alone tells D1's failure from a SQL error
				e.Class, e.Message = t.class, strings.Trim(t.part, ": ")
				if t.keep {
					e.Message = names(s)
				}
				return
			}
		}
	}
	switch {
	case e.Status == http.StatusTooManyRequests || e.Code == rateCode:
		e.Class = ClassRateLimited
		if e.Code == 10251 {
			e.Class, e.Message = ClassFull, "the queue's backlog is at its storage limit"
		}
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
		e.Class, e.Message = ClassUnauthorized, "the token is unknown, expired or has no right to this account and product"
	case e.Status == http.StatusNotFound:
		e.Class, e.Message = ClassNotFound, "check account and id"
	case e.Status == http.StatusRequestEntityTooLarge, e.Code >= 10204 && e.Code <= 10206:
		e.Class = ClassTooLarge
	case e.Status == http.StatusRequestTimeout, e.Status >= 500, e.Status < 400:
		e.Class = ClassUnavailable
	case e.Code == d1Code:
		e.Class = ClassSQL
	default:
		e.Class = ClassRefused
	}
}

// raised cuts what follows our text: the quote of a JSON path, SQLite's code.
func raised(s string) string {
	s, _, _ = strings.Cut(s, ": SQLITE_")
	s = strings.TrimSuffix(s, "'")
	return s[:min(len(s), 4096)]
}

// names keeps the first 200 bytes before SQLite's code.
func names(s string) string {
	s, _, _ = strings.Cut(s, ": SQLITE_")
	return s[:min(len(s), 200)]
}

// ClassOf is the class of any error of this package, "" for others.
func ClassOf(err error) Class {
	var a *APIError
	var l *LimitError
	var t *transportError
	var n *notSent
	var h *held
	switch {
	case errors.As(err, &a):
		return a.Class
	case errors.As(err, &h):
		return ClassRateLimited
	case errors.As(err, &l):
		return ClassTooLarge
	case errors.As(err, &t) && errors.Is(err, context.DeadlineExceeded):
		return ClassTimeout
	case errors.As(err, &t):
		return ClassTransport
	case errors.As(err, &n):
		return ClassNotSent
	}
	return ""
}

// Ambiguous reports that the request may or may not have been applied: no
// answer, half an answer, or a 5xx. Read the store back before anything else.
func Ambiguous(err error) bool {
	switch ClassOf(err) {
	case ClassUnavailable, ClassTransport, ClassTimeout:
		return true
	case ClassResources: // a batch is one transaction, yet who says where it stopped
		return true
	}
	return false
}

// Passing reports that the request was refused, nothing was applied, and the
// same request can succeed later: wait [RetryAfter].
func Passing(err error) bool {
	switch ClassOf(err) {
	case ClassRateLimited, ClassOverloaded, ClassFull, ClassNotSent:
		return true
	}
	return false
}

// TooLarge reports that a smaller request would do.
func TooLarge(err error) bool {
	switch ClassOf(err) {
	case ClassTooLarge, ClassResources:
		return true
	}
	return false
}

// Permanent reports that the same request fails again until a person, or a
// smaller request, changes something.
func Permanent(err error) bool { return err != nil && !Ambiguous(err) && !Passing(err) }

// RetryAfter is how long the API asks to wait, 0 if it does not say.
func RetryAfter(err error) time.Duration {
	var a *APIError
	var h *held
	switch {
	case errors.As(err, &a):
		return a.RetryAfter
	case errors.As(err, &h):
		return h.after
	}
	return 0
}
