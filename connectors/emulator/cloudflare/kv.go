package cloudflare

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
)

// Production's limits of KV (kv/platform/limits).
const (
	maxPairs    = 10_000
	maxKeysGet  = 100
	maxKey      = 512
	maxKVValue  = 25 << 20
	maxMetadata = 1024
	minTTL      = 60
)

// routeKV answers below /storage/kv/namespaces.
func (e *Emulator) routeKV(r *http.Request, seg []string, body []byte) reply {
	what := r.Method
	switch {
	case len(seg) == 0:
		return e.manageKV(r, body)
	case len(seg) == 3 && seg[1] == "values":
		return e.kvValue(r, seg[0], seg[2], body)
	case len(seg) == 2:
		what += " " + seg[1]
	case len(seg) == 3:
		what += " " + seg[1] + "/" + seg[2]
	default:
		return noRoute.reply()
	}
	switch what {
	case "PUT bulk":
		return e.kvPut(seg[0], body)
	case "POST bulk/delete", "DELETE bulk":
		return e.kvDelete(seg[0], body)
	case "POST bulk/get":
		return e.kvGet(seg[0], body)
	case "GET keys":
		return e.kvKeys(r, seg[0])
	}
	return noRoute.reply()
}

func kvFailure(err error) reply {
	if f, ok := err.(*failure); ok {
		return f.reply()
	}
	return fail(500, 10001, "internal error").reply() // code assumed
}

// stored reports a bulk write of n keys.
func stored(n int, err error) reply {
	if err != nil {
		return kvFailure(err)
	}
	return result(map[string]any{"successful_key_count": n, "unsuccessful_keys": []string{}})
}

func checkKey(k string) *failure {
	switch {
	case k == "" || k == "." || k == "..":
		return fail(400, 10020, "key name is not allowed") // code assumed
	case len(k) > maxKey:
		return fail(414, 10030, "key is longer than %d bytes", maxKey) // code assumed
	}
	return nil
}

// lifetime is when a pair expires, in seconds since 1970.
func (e *Emulator) lifetime(at, ttl int64) (int64, *failure) {
	now := e.o.Now().Unix()
	if ttl != 0 {
		at = now + ttl
	}
	if at != 0 && at < now+minTTL {
		return 0, fail(400, 10033, "Invalid expiration_ttl. Please specify integer greater than %d.", minTTL-1) // code assumed
	}
	return at, nil
}

func (e *Emulator) kvPut(ns string, body []byte) reply {
	var in []struct {
		Key        string          `json:"key"`
		Value      string          `json:"value"`
		Base64     bool            `json:"base64"`
		Expiration int64           `json:"expiration"`
		TTL        int64           `json:"expiration_ttl"`
		Metadata   json.RawMessage `json:"metadata"`
	}
	if json.Unmarshal(body, &in) != nil || len(in) == 0 || len(in) > maxPairs {
		return fail(400, 10012, "expected an array of 1 to %d pairs", maxPairs).reply() // code assumed
	}
	var ps []pair
	for _, x := range in {
		p := pair{key: x.Key, value: []byte(x.Value)}
		f := checkKey(x.Key)
		if f == nil {
			p.expires, f = e.lifetime(x.Expiration, x.TTL)
		}
		if x.Base64 {
			var err error
			if p.value, err = base64.StdEncoding.DecodeString(x.Value); err != nil {
				f = fail(400, 10012, "value is not base64")
			}
		}
		if len(p.value) > maxKVValue {
			f = fail(413, 10047, "value is larger than %d bytes", maxKVValue) // code assumed
		}
		if x.Metadata != nil && string(x.Metadata) != "null" {
			if p.metadata = string(x.Metadata); len(p.metadata) > maxMetadata {
				f = fail(413, 10047, "metadata is larger than %d bytes", maxMetadata)
			}
		}
		if f != nil {
			return f.reply()
		}
		ps = append(ps, p)
	}
	return stored(len(ps), e.kv.put(ns, ps))
}

func (e *Emulator) kvDelete(ns string, body []byte) reply {
	var keys []string
	if json.Unmarshal(body, &keys) != nil || len(keys) > maxPairs {
		return fail(400, 10012, "expected an array of at most %d keys", maxPairs).reply()
	}
	return stored(len(keys), e.kv.remove(ns, keys))
}

func (e *Emulator) kvGet(ns string, body []byte) reply {
	var in struct {
		Keys         []string `json:"keys"`
		Type         string   `json:"type"`
		WithMetadata bool     `json:"withMetadata"`
	}
	if json.Unmarshal(body, &in) != nil || len(in.Keys) > maxKeysGet || in.Type != "" && in.Type != "text" && in.Type != "json" {
		return fail(400, 10012, "expected at most %d keys, type text or json", maxKeysGet).reply()
	}
	found, err := e.kv.get(ns, in.Keys)
	if err != nil {
		return kvFailure(err)
	}
	values := map[string]any{}
	for _, k := range in.Keys {
		p, ok := found[k]
		if !ok {
			values[k] = nil
			continue
		}
		var v any = string(p.value)
		if in.Type == "json" {
			if !json.Valid(p.value) {
				return fail(400, 10012, "a value is not JSON").reply()
			}
			v = json.RawMessage(p.value)
		}
		if in.WithMetadata {
			x := map[string]any{"value": v, "metadata": nil}
			if p.metadata != "" {
				x["metadata"] = json.RawMessage(p.metadata)
			}
			if p.expires != 0 {
				x["expiration"] = p.expires
			}
			v = x
		}
		values[k] = v
	}
	return result(map[string]any{"values": values})
}

func (e *Emulator) kvKeys(r *http.Request, ns string) reply {
	q := r.URL.Query()
	limit := 1000
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 10 || n > 1000 {
			return fail(400, 10012, "limit is 10 to 1000").reply()
		}
		limit = n
	}
	after, err := base64.RawURLEncoding.DecodeString(q.Get("cursor"))
	if err != nil {
		return fail(400, 10012, "bad cursor").reply()
	}
	ps, err := e.kv.list(ns, q.Get("prefix"), string(after), limit+1)
	if err != nil {
		return kvFailure(err)
	}
	cursor := ""
	if len(ps) > limit {
		ps = ps[:limit]
		cursor = base64.RawURLEncoding.EncodeToString([]byte(ps[limit-1].key))
	}
	list := []map[string]any{}
	for _, p := range ps {
		k := map[string]any{"name": p.key}
		if p.expires != 0 {
			k["expiration"] = p.expires
		}
		if p.metadata != "" {
			k["metadata"] = json.RawMessage(p.metadata)
		}
		list = append(list, k)
	}
	info, _ := json.Marshal(map[string]any{"count": len(list), "cursor": cursor})
	a := result(list)
	a.body = append(append(append(a.body[:len(a.body)-1], `,"result_info":`...), info...), '}')
	return a
}

// kvValue reads, writes or deletes one pair.
func (e *Emulator) kvValue(r *http.Request, ns, key string, body []byte) reply {
	if f := checkKey(key); f != nil {
		return f.reply()
	}
	switch r.Method {
	case http.MethodGet:
		found, err := e.kv.get(ns, []string{key})
		if err != nil {
			return kvFailure(err)
		}
		p, ok := found[key]
		if !ok {
			return fail(404, 10009, "get: 'key not found'").reply()
		}
		a := reply{status: 200, body: p.value, plain: true, header: [][2]string{{"Content-Type", "application/octet-stream"}}}
		if p.expires != 0 {
			a.header = append(a.header, [2]string{"Expiration", itoa(p.expires)})
		}
		return a
	case http.MethodPut:
		p, f := e.readValue(r, body)
		if f != nil {
			return f.reply()
		}
		p.key = key
		if err := e.kv.put(ns, []pair{p}); err != nil {
			return kvFailure(err)
		}
		return result(nil)
	case http.MethodDelete:
		if err := e.kv.remove(ns, []string{key}); err != nil {
			return kvFailure(err)
		}
		return result(nil)
	}
	return noRoute.reply()
}

// readValue reads a PUT: the body is the value, or a form of value and metadata.
func (e *Emulator) readValue(r *http.Request, body []byte) (p pair, f *failure) {
	p.value = body
	if ct, params, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && ct == "multipart/form-data" {
		m := multipart.NewReader(bytes.NewReader(body), params["boundary"])
		for {
			part, err := m.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				return p, fail(400, 10012, "malformed form")
			}
			b, err := io.ReadAll(part)
			if err != nil {
				return p, fail(400, 10012, "malformed form")
			}
			switch part.FormName() {
			case "value":
				p.value = b
			case "metadata":
				p.metadata = string(b)
			}
		}
	}
	num := func(name string) int64 { n, _ := strconv.ParseInt(r.URL.Query().Get(name), 10, 64); return n }
	p.expires, f = e.lifetime(num("expiration"), num("expiration_ttl"))
	switch {
	case f != nil:
	case len(p.value) > maxKVValue:
		f = fail(413, 10047, "value is larger than %d bytes", maxKVValue)
	case len(p.metadata) > maxMetadata || p.metadata != "" && !json.Valid([]byte(p.metadata)):
		f = fail(400, 10012, "metadata is not JSON of at most %d bytes", maxMetadata)
	}
	return p, f
}

func (e *Emulator) manageKV(r *http.Request, body []byte) reply {
	switch r.Method {
	case http.MethodGet:
		list, err := e.kv.namespaces()
		if err != nil {
			return kvFailure(err)
		}
		out := []map[string]any{}
		for _, n := range list {
			out = append(out, map[string]any{"id": n[0], "title": n[1]})
		}
		return page1(out, len(out))
	case http.MethodPost:
		title, f := nameIn(body, "title")
		if f != nil {
			return f.reply()
		}
		id, err := e.CreateKV(title)
		if err != nil {
			return fail(400, 10012, "%v", err).reply()
		}
		return result(map[string]any{"id": id, "title": title})
	}
	return noRoute.reply()
}
