package cloudflare

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
)

// KVBatch is part of API.
func (b *Bridge) KVBatch() int { return MaxBridgeOps }

// KVPut stores pairs, as [Client.KVPut] does; at most MaxBridgeOps.
func (b *Bridge) KVPut(ctx context.Context, namespace string, pairs []Pair) error {
	const op = "kv put"
	if len(pairs) == 0 {
		return nil
	}
	if err := limit(op, "pairs", len(pairs), MaxBridgeOps); err != nil {
		return err
	}
	var tail int
	head := []byte(`{"ops":[`)
	for i, p := range pairs {
		if err := p.check(op, i); err != nil {
			return err
		}
		if i > 0 {
			head = append(head, ',')
		}
		head = appendString(append(head, `{"key":`...), p.Key)
		head = append(strconv.AppendInt(append(head, `,"value":{"$f":`...), int64(len(p.Value)), 10), '}')
		if p.TTL > 0 {
			head = strconv.AppendInt(append(head, `,"ttl_s":`...), int64(p.TTL), 10)
		}
		if p.Metadata != nil {
			head = append(append(head, `,"metadata":`...), p.Metadata...)
		}
		head = append(head, '}')
		tail += len(p.Value)
	}
	if err := limit(op, "bytes of all pairs", len(head)+tail, MaxBridgeBody); err != nil {
		return err
	}
	body := append(make([]byte, 0, len(head)+3+tail), head...)
	body = append(body, "]}\n"...)
	for _, p := range pairs {
		body = append(body, p.Value...)
	}
	_, err := b.do(ctx, op, "/v1/kv/"+url.PathEscape(namespace), body)
	return err
}

// KVDelete removes keys, as [Client.KVDelete] does; at most MaxBridgeOps.
func (b *Bridge) KVDelete(ctx context.Context, namespace string, keys []string) error {
	const op = "kv delete"
	if len(keys) == 0 {
		return nil
	}
	if err := limit(op, "keys", len(keys), MaxBridgeOps); err != nil {
		return err
	}
	body := []byte(`{"ops":[`)
	for i, k := range keys {
		if err := checkKey(op, i, k); err != nil {
			return err
		}
		if i > 0 {
			body = append(body, ',')
		}
		body = append(appendString(append(body, `{"key":`...), k), `,"delete":true}`...)
	}
	_, err := b.do(ctx, op, "/v1/kv/"+url.PathEscape(namespace), append(body, "]}\n"...))
	return err
}

// KVGet reads values, as [Client.KVGet] does.
func (b *Bridge) KVGet(ctx context.Context, namespace string, keys []string) (map[string]string, error) {
	const op = "kv get"
	if len(keys) == 0 {
		return map[string]string{}, nil
	}
	if err := limit(op, "keys", len(keys), MaxKeysGet); err != nil {
		return nil, err
	}
	body := []byte(`{"get":[`)
	for i, k := range keys {
		if err := checkKey(op, i, k); err != nil {
			return nil, err
		}
		if i > 0 {
			body = append(body, ',')
		}
		body = appendString(body, k)
	}
	raw, err := b.do(ctx, op, "/v1/kv/"+url.PathEscape(namespace), append(body, "]}\n"...))
	if err != nil {
		return nil, err
	}
	return values(op, raw)
}

// Point is one data point of Analytics Engine.
type Point struct {
	Index   string    // the sampling key, at most MaxIndexLength bytes; empty for none
	Blobs   []string  // at most MaxBlobs, MaxBlobsBytes together
	Doubles []float64 // at most MaxDoubles, finite
}

// AEWrite writes points to a dataset, at most MaxPoints: Analytics Engine
// answers nothing and drops without a word what it does not like, so that its
// limits are checked here and in the Worker. It has no REST API for writing. A
// request that is sent again writes its points again.
func (b *Bridge) AEWrite(ctx context.Context, dataset string, points []Point) error {
	const op = "ae write"
	if len(points) == 0 {
		return nil
	}
	if err := limit(op, "points", len(points), MaxPoints); err != nil {
		return err
	}
	body := []byte(`{"points":[`)
	for i, p := range points {
		if err := p.check(op, i); err != nil {
			return err
		}
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"indexes":[`...)
		if p.Index != "" {
			body = appendString(body, p.Index)
		}
		body = append(body, `],"blobs":[`...)
		for j, s := range p.Blobs {
			if j > 0 {
				body = append(body, ',')
			}
			body = appendString(body, s)
		}
		body = append(body, `],"doubles":[`...)
		for j, f := range p.Doubles {
			if j > 0 {
				body = append(body, ',')
			}
			body = strconv.AppendFloat(body, f, 'g', -1, 64)
		}
		body = append(body, "]}"...)
	}
	_, err := b.do(ctx, op, "/v1/ae/"+url.PathEscape(dataset), append(body, "]}\n"...))
	return err
}

func (p *Point) check(op string, i int) error {
	total := 0
	for j, s := range p.Blobs {
		if err := checkText(op, fmt.Sprintf("blob %d of point %d", j, i), []byte(s)); err != nil {
			return err
		}
		total += len(s)
	}
	for _, x := range [...]struct {
		what      string
		got, most int
	}{{"blobs", len(p.Blobs), MaxBlobs}, {"doubles", len(p.Doubles), MaxDoubles}, {"bytes of the blobs", total, MaxBlobsBytes}, {"bytes of the index", len(p.Index), MaxIndexLength}} {
		if err := limit(op, fmt.Sprintf("%s of point %d", x.what, i), x.got, x.most); err != nil {
			return err
		}
	}
	for j, f := range p.Doubles {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%s: double %d of point %d is not finite: JSON cannot carry it", op, j, i)
		}
	}
	return checkText(op, fmt.Sprintf("index of point %d", i), []byte(p.Index))
}

// values reads {"values":{key: text or null}}.
func values(op string, raw json.RawMessage) (map[string]string, error) {
	var r struct {
		Values map[string]*string `json:"values"`
	}
	if json.Unmarshal(raw, &r) != nil {
		return nil, &transportError{op: op, err: errShape}
	}
	out := make(map[string]string, len(r.Values))
	for k, v := range r.Values {
		if v != nil {
			out[k] = *v
		}
	}
	return out, nil
}
