package s3

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
)

// failure is an error as S3 says it.
type failure struct {
	status        int
	code, message string
}

func (f *failure) Error() string { return fmt.Sprintf("HTTP %d %s: %s", f.status, f.code, f.message) }

func fail(status int, code, format string, args ...any) *failure {
	return &failure{status, code, fmt.Sprintf(format, args...)}
}

// writeXML answers v.
func writeXML(w http.ResponseWriter, status int, v any) {
	b, err := xml.Marshal(v)
	if err != nil {
		panic(err) // of our own types
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	w.Write(append([]byte(xml.Header), b...))
}

// ServeHTTP answers one request, through the faults that wait for it.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPut+1))
	if err != nil {
		panic(http.ErrAbortHandler) // half a request is not applied
	}
	f := e.faults.take(r)
	no, ok := f.refusal()
	if !ok {
		panic(http.ErrAbortHandler)
	}
	if no == nil {
		no = e.check(r, body)
	}
	out := w
	var hidden *httptest.ResponseRecorder
	if f != nil && (f.Kind == LoseReply || f.Kind == HalfBody) {
		hidden = httptest.NewRecorder()
		out = hidden
	}
	if no == nil {
		no = e.handle(out, r, body)
	}
	if no != nil {
		writeXML(out, no.status, struct {
			XMLName xml.Name `xml:"Error"`
			Code    string
			Message string
		}{Code: no.code, Message: no.message})
	}
	if hidden == nil {
		return
	}
	if f.Kind == HalfBody {
		for k, v := range hidden.Header() {
			w.Header()[k] = v
		}
		w.Header().Set("Content-Length", strconv.Itoa(hidden.Body.Len()))
		w.WriteHeader(hidden.Code)
		w.Write(hidden.Body.Bytes()[:hidden.Body.Len()/2])
		http.NewResponseController(w).Flush()
	}
	panic(http.ErrAbortHandler)
}

func (e *Emulator) handle(w http.ResponseWriter, r *http.Request, body []byte) *failure {
	path := strings.TrimPrefix(r.URL.Path, "/")
	bucket, key, _ := strings.Cut(path, "/")
	if !e.has(bucket) {
		return fail(404, "NoSuchBucket", "The specified bucket does not exist.")
	}
	if len(body) > maxPut || len(key) > 1024 {
		return fail(400, "EntityTooLarge", "The object or its key is too large.")
	}
	q := r.URL.Query()
	e.mu.Lock()
	defer e.mu.Unlock()
	if key == "" {
		switch {
		case r.Method == http.MethodGet:
			return e.list(w, bucket, q)
		case r.Method == http.MethodHead:
			return nil
		case r.Method == http.MethodPost && q.Has("delete"):
			return e.deleteMany(w, bucket, body)
		}
		return fail(501, "NotImplemented", "not implemented")
	}
	path = bucket + "/" + key
	switch {
	case r.Method == http.MethodPost && q.Has("uploads"):
		return e.begin(w, bucket, key)
	case q.Has("uploadId"):
		return e.multipart(w, r, bucket, key, body)
	}
	switch r.Method {
	case http.MethodPut:
		if r.Header.Get("X-Amz-Copy-Source") != "" {
			return fail(501, "NotImplemented", "copies are not implemented")
		}
		return e.put(w, r, path, body)
	case http.MethodGet, http.MethodHead:
		return e.get(w, r, path)
	case http.MethodDelete:
		delete(e.objects, path)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return fail(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

// precondition is If-Match and If-None-Match of a write.
func (e *Emulator) precondition(r *http.Request, path string) *failure {
	old, there := e.objects[path]
	if r.Header.Get("If-None-Match") == "*" && there {
		return fail(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	if want := r.Header.Get("If-Match"); want != "" && (!there || want != old.etag) {
		return fail(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	return nil
}

func (e *Emulator) put(w http.ResponseWriter, r *http.Request, path string, body []byte) *failure {
	if no := e.precondition(r, path); no != nil {
		return no
	}
	o := e.newObject(body)
	e.objects[path] = o
	w.Header().Set("ETag", o.etag)
	return nil
}

func (e *Emulator) get(w http.ResponseWriter, r *http.Request, path string) *failure {
	o, ok := e.objects[path]
	if !ok {
		return fail(404, "NoSuchKey", "The specified key does not exist.")
	}
	w.Header().Set("ETag", o.etag)
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", o.modified, bytes.NewReader(o.data)) // ranges, If-None-Match
	return nil
}
