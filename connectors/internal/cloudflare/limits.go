package cloudflare

import "fmt"

// The limits of production (d1/platform/limits, queues/platform/limits,
// kv/platform/limits, analytics/analytics-engine/limits; 2026-11). KB and MB are decimal where Cloudflare says so.
const (
	MaxStatement  = 100_000   // bytes of one D1 statement
	MaxParams     = 100       // bound parameters of one statement
	MaxValue      = 2_000_000 // bytes of one bound value, stored value or row
	MaxStatements = 1_000     // statements of one batch

	MaxMessage      = 128_000 // bytes of one message with MessageOverhead
	MessageOverhead = 100     // what a queue adds to each message and counts
	MaxMessageBody  = MaxMessage - MessageOverhead
	MaxMessages     = 100     // messages of one batch
	MaxMessageBatch = 256_000 // bytes of one batch, MessageOverhead each included
	MaxDelay        = 43_200  // seconds a message may be delayed

	MaxPairs      = 10_000           // KV pairs of one bulk put, keys of one bulk delete
	MaxPairsBytes = 100_000_000      // bytes of one bulk put's body
	MaxKeysGet    = 100              // keys of one bulk get
	MaxKey        = 512              // bytes of a KV key
	MaxKVValue    = 25 * 1024 * 1024 // bytes of a KV value
	MaxMetadata   = 1_024            // bytes of a pair's metadata as JSON
	MinTTL        = 60               // seconds
	MaxBridgeOps  = 900              // KV pairs and keys of one request of the bridge: 1,000 calls an invocation
	MaxBridgeBody = 48 << 20         // bytes of one request of the bridge that carries KV pairs

	MaxPoints      = 25     // Analytics Engine points of one request: the smaller of the figures that have been published (25, 250)
	MaxBlobs       = 20     // of one point
	MaxDoubles     = 20     // of one point
	MaxBlobsBytes  = 16_384 // bytes of one point's blobs together
	MaxIndexLength = 96     // bytes of a point's index
)

// LimitError is a request that was not sent because production refuses it
// (or an answer too large to read).
type LimitError struct {
	Op   string
	What string // "statement 2", "parameter 3 of statement 1", "message 7"
	Got  int64
	Max  int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: %s: %d, Cloudflare takes at most %d: send less at once", e.Op, e.What, e.Got, e.Max)
}

func limit(op, what string, got, most int) error {
	if got <= most {
		return nil
	}
	return &LimitError{Op: op, What: what, Got: int64(got), Max: int64(most)}
}
