package s3

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
)

// begin is CreateMultipartUpload.
func (e *Emulator) begin(w http.ResponseWriter, bucket, key string) *failure {
	e.next++
	id := fmt.Sprintf("upload-%d", e.next)
	e.uploads[id] = &upload{path: bucket + "/" + key, parts: map[int]object{}}
	writeXML(w, 200, struct {
		XMLName               xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket, Key, UploadId string
	}{Bucket: bucket, Key: key, UploadId: id})
	return nil
}

// multipart is UploadPart, CompleteMultipartUpload and AbortMultipartUpload.
func (e *Emulator) multipart(w http.ResponseWriter, r *http.Request, bucket, key string, body []byte) *failure {
	id := r.URL.Query().Get("uploadId")
	u := e.uploads[id]
	if u == nil || u.path != bucket+"/"+key {
		return fail(404, "NoSuchUpload", "The specified multipart upload does not exist.")
	}
	switch r.Method {
	case http.MethodPut:
		n, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
		if err != nil || n < 1 || n > 10_000 {
			return fail(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
		}
		u.parts[n] = e.newObject(body)
		w.Header().Set("ETag", u.parts[n].etag)
		return nil
	case http.MethodPost:
		return e.complete(w, r, id, bucket, key, body)
	case http.MethodDelete:
		delete(e.uploads, id)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return fail(501, "NotImplemented", "not implemented")
}

// complete joins parts. All but the last have the same size, as R2 asks.
func (e *Emulator) complete(w http.ResponseWriter, r *http.Request, id, bucket, key string, body []byte) *failure {
	var in struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.Unmarshal(body, &in); err != nil || len(in.Part) == 0 {
		return fail(400, "MalformedXML", "The XML you provided was not well-formed.")
	}
	u := e.uploads[id]
	var data, sums []byte
	for i, p := range in.Part {
		o, ok := u.parts[p.PartNumber]
		switch {
		case !ok || o.etag != p.ETag && o.etag != `"`+p.ETag+`"`:
			return fail(400, "InvalidPart", "One or more of the specified parts could not be found.")
		case i > 0 && in.Part[i-1].PartNumber >= p.PartNumber:
			return fail(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
		case i < len(in.Part)-1 && len(o.data) < e.o.MinPart:
			return fail(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size.")
		case i < len(in.Part)-1 && len(o.data) != len(u.parts[in.Part[0].PartNumber].data) || len(o.data) > len(u.parts[in.Part[0].PartNumber].data):
			return fail(400, "InvalidPart", "All non-trailing parts must have the same length.")
		}
		data = append(data, o.data...)
		sum := md5.Sum(o.data)
		sums = append(sums, sum[:]...)
	}
	if no := e.precondition(r, u.path); no != nil {
		return no
	}
	o := e.newObject(data)
	all := md5.Sum(sums)
	o.etag = fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(all[:]), len(in.Part))
	e.objects[u.path] = o
	delete(e.uploads, id)
	writeXML(w, 200, struct {
		XMLName           xml.Name `xml:"CompleteMultipartUploadResult"`
		Bucket, Key, ETag string
	}{Bucket: bucket, Key: key, ETag: o.etag})
	return nil
}
