package s3

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

type listed struct {
	Key          string
	LastModified string
	ETag         string
	Size         int
	StorageClass string
}

type prefix struct{ Prefix string }

// list is ListObjectsV2.
func (e *Emulator) list(w http.ResponseWriter, bucket string, q url.Values) *failure {
	limit := 1000
	if s := q.Get("max-keys"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return fail(400, "InvalidArgument", "max-keys")
		}
		limit = min(n, limit)
	}
	out := struct {
		XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
		Name, Prefix          string
		Delimiter             string `xml:",omitempty"`
		KeyCount, MaxKeys     int
		IsTruncated           bool
		NextContinuationToken string   `xml:",omitempty"`
		Contents              []listed `xml:",omitempty"`
		CommonPrefixes        []prefix `xml:",omitempty"`
	}{Name: bucket, Prefix: q.Get("prefix"), Delimiter: q.Get("delimiter"), MaxKeys: limit}
	after := max(q.Get("start-after"), q.Get("continuation-token"))
	var last string
	for _, path := range e.keys(bucket + "/" + out.Prefix) {
		key := path[len(bucket)+1:]
		name, folded := key, false
		if i := strings.Index(key[len(out.Prefix):], out.Delimiter); out.Delimiter != "" && i >= 0 {
			name, folded = key[:len(out.Prefix)+i+len(out.Delimiter)], true
		}
		if name <= after || folded && slices.Contains(out.CommonPrefixes, prefix{name}) {
			continue
		}
		if out.KeyCount >= limit {
			out.IsTruncated, out.NextContinuationToken = true, last
			break
		}
		out.KeyCount++
		last = name
		if folded {
			out.CommonPrefixes = append(out.CommonPrefixes, prefix{name})
			continue
		}
		o := e.objects[path]
		out.Contents = append(out.Contents, listed{key, o.modified.Format(time.RFC3339), o.etag, len(o.data), "STANDARD"})
	}
	writeXML(w, 200, out)
	return nil
}

// deleteMany is DeleteObjects.
func (e *Emulator) deleteMany(w http.ResponseWriter, bucket string, body []byte) *failure {
	var in struct {
		Object []struct{ Key string }
		Quiet  bool
	}
	if err := xml.Unmarshal(body, &in); err != nil || len(in.Object) > 1000 {
		return fail(400, "MalformedXML", "The XML you provided was not well-formed or has more than 1000 keys.")
	}
	out := struct {
		XMLName xml.Name               `xml:"DeleteResult"`
		Deleted []struct{ Key string } `xml:",omitempty"`
	}{}
	for _, o := range in.Object {
		delete(e.objects, bucket+"/"+o.Key)
		if !in.Quiet {
			out.Deleted = append(out.Deleted, o)
		}
	}
	writeXML(w, 200, out)
	return nil
}
