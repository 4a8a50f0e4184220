package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Pair is a KV pair to store.
type Pair struct {
	Key      string
	Value    []byte          // UTF-8 text
	TTL      int             // seconds, at least MinTTL; 0 keeps it
	Metadata json.RawMessage // valid JSON or nil
}

// KVPut stores pairs, at most MaxPairs. Pairs are stored one by one: after an
// error, some may be. Storing a pair again changes nothing.
func (cl *Client) KVPut(ctx context.Context, namespace string, pairs []Pair) error {
	const op = "kv put"
	if len(pairs) == 0 {
		return nil
	}
	if err := limit(op, "pairs", len(pairs), MaxPairs); err != nil {
		return err
	}
	b := []byte{'['}
	for i, p := range pairs {
		if err := p.check(op, i); err != nil {
			return err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"key":`...), p.Key)
		b = appendString(append(b, `,"value":`...), p.Value)
		if p.TTL > 0 {
			b = strconv.AppendInt(append(b, `,"expiration_ttl":`...), int64(p.TTL), 10)
		}
		if p.Metadata != nil {
			b = append(append(b, `,"metadata":`...), p.Metadata...)
		}
		b = append(b, '}')
	}
	b = append(b, ']')
	if err := limit(op, "bytes of all pairs", len(b), MaxPairsBytes); err != nil {
		return err
	}
	raw, err := cl.do(ctx, call{op: op, method: http.MethodPut, path: namespacePath(namespace) + "/bulk", body: b})
	return bulk(op, raw, err)
}

// KVBatch is part of API.
func (cl *Client) KVBatch() int { return MaxPairs }

func (p *Pair) check(op string, i int) error {
	if err := checkKey(op, i, p.Key); err != nil {
		return err
	}
	if err := limit(op, fmt.Sprintf("bytes of value %d", i), len(p.Value), MaxKVValue); err != nil {
		return err
	}
	if err := limit(op, fmt.Sprintf("bytes of metadata %d", i), len(p.Metadata), MaxMetadata); err != nil {
		return err
	}
	if p.TTL != 0 && p.TTL < MinTTL {
		return fmt.Errorf("%s: pair %d: a time to live of %d s, Cloudflare takes at least %d", op, i, p.TTL, MinTTL)
	}
	if p.Metadata != nil && !json.Valid(p.Metadata) {
		return fmt.Errorf("%s: pair %d: the metadata is not JSON", op, i)
	}
	return checkText(op, fmt.Sprintf("value %d", i), p.Value)
}

func checkKey(op string, i int, key string) error {
	if err := limit(op, fmt.Sprintf("bytes of key %d", i), len(key), MaxKey); err != nil {
		return err
	}
	if key == "" || key == "." || key == ".." {
		return fmt.Errorf("%s: key %d is empty, \".\" or \"..\": Cloudflare refuses these", op, i)
	}
	return checkText(op, fmt.Sprintf("key %d", i), []byte(key))
}

// KVDelete removes keys, at most MaxPairs; keys that are not there are fine.
func (cl *Client) KVDelete(ctx context.Context, namespace string, keys []string) error {
	const op = "kv delete"
	if len(keys) == 0 {
		return nil
	}
	if err := limit(op, "keys", len(keys), MaxPairs); err != nil {
		return err
	}
	b := []byte{'['}
	for i, k := range keys {
		if err := checkKey(op, i, k); err != nil {
			return err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, k)
	}
	raw, err := cl.do(ctx, call{op: op, method: http.MethodPost, path: namespacePath(namespace) + "/bulk/delete", body: append(b, ']')})
	return bulk(op, raw, err)
}

// bulk turns keys that were not stored into an error of their number. // P1
func bulk(op string, raw json.RawMessage, err error) error {
	if err != nil {
		return err
	}
	var r struct {
		Unsuccessful []json.RawMessage `json:"unsuccessful_keys"`
	}
	if json.Unmarshal(raw, &r) != nil {
		return &transportError{op: op, err: errShape}
	}
	if n := len(r.Unsuccessful); n > 0 {
		return &transportError{op: op, err: fmt.Errorf("%d keys were not stored", n)}
	}
	return nil
}

// KVGet reads up to MaxKeysGet values as text; keys that are not there are
// missing from the answer. KV is eventually consistent.
func (cl *Client) KVGet(ctx context.Context, namespace string, keys []string) (map[string]string, error) {
	const op = "kv get"
	if err := limit(op, "keys", len(keys), MaxKeysGet); err != nil {
		return nil, err
	}
	b := []byte(`{"type":"text","keys":[`)
	for i, k := range keys {
		if err := checkKey(op, i, k); err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, k)
	}
	raw, err := cl.do(ctx, call{op: op, method: http.MethodPost, path: namespacePath(namespace) + "/bulk/get", body: append(b, "]}"...)})
	if err != nil {
		return nil, err
	}
	return values(op, raw)
}

// KVValue reads one value of any kind; ok is false when it is not there.
func (cl *Client) KVValue(ctx context.Context, namespace, key string) (value []byte, ok bool, err error) {
	const op = "kv value"
	if err := checkKey(op, 0, key); err != nil {
		return nil, false, err
	}
	value, err = cl.do(ctx, call{op: op, method: http.MethodGet, path: namespacePath(namespace) + "/values/" + url.PathEscape(key), plain: true})
	var a *APIError
	if errors.As(err, &a) && a.Status == http.StatusNotFound && a.Code == 10009 {
		return nil, false, nil
	}
	return value, err == nil, err
}

func namespacePath(ns string) string { return "/storage/kv/namespaces/" + url.PathEscape(ns) }
