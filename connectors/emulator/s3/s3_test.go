package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// open is a store and the real client on it.
func open(t *testing.T, o Options, edit func(*sdk.Options)) (*Emulator, *sdk.Client) {
	t.Helper()
	o.Buckets, o.AccessKey, o.SecretKey = []string{"lake"}, "key", "secret"
	e := New(o)
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	so := sdk.Options{Region: "auto", UsePathStyle: true, BaseEndpoint: &srv.URL, RetryMaxAttempts: 1,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")}
	if edit != nil {
		edit(&so)
	}
	return e, sdk.New(so)
}

func put(c *sdk.Client, key, data string, edit func(*sdk.PutObjectInput)) error {
	in := &sdk.PutObjectInput{Bucket: aws.String("lake"), Key: &key, Body: strings.NewReader(data)}
	if edit != nil {
		edit(in)
	}
	_, err := c.PutObject(context.Background(), in)
	return err
}

func get(c *sdk.Client, key, span string) (string, error) {
	in := &sdk.GetObjectInput{Bucket: aws.String("lake"), Key: &key}
	if span != "" {
		in.Range = &span
	}
	out, err := c.GetObject(context.Background(), in)
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	return string(b), err
}

// code is S3's name of an error.
func code(err error) string {
	var a smithy.APIError
	if errors.As(err, &a) {
		return a.ErrorCode()
	}
	return ""
}

func TestObjects(t *testing.T) {
	e, c := open(t, Options{}, nil)
	ctx := t.Context()
	for _, k := range []string{"a b/c=1/ü.parquet", "a/1", "a/2", "a/x/1", "b"} {
		if err := put(c, k, "data of "+k, nil); err != nil {
			t.Fatal(k, err)
		}
		if got, err := get(c, k, ""); err != nil || got != "data of "+k {
			t.Fatal(k, got, err)
		}
	}
	if got, err := get(c, "b", "bytes=5-6"); err != nil || got != "of" {
		t.Errorf("range: %q %v", got, err)
	}
	if got, err := get(c, "b", "bytes=-3"); err != nil || got != "f b" {
		t.Errorf("suffix: %q %v", got, err)
	}
	if _, err := get(c, "b", "bytes=100-"); code(err) != "InvalidRange" && err == nil {
		t.Errorf("range behind the end: %v", err)
	}
	h, err := c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: aws.String("lake"), Key: aws.String("b")})
	if err != nil || *h.ContentLength != 9 || h.LastModified == nil {
		t.Error(h, err)
	}
	if _, err := get(c, "none", ""); code(err) != "NoSuchKey" {
		t.Error(err)
	}
	if _, err := c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: aws.String("lake"), Key: aws.String("none")}); code(err) != "NotFound" {
		t.Error(err)
	}
	if _, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: aws.String("other"), Key: aws.String("b")}); code(err) != "NoSuchBucket" {
		t.Error(err)
	}
	out, err := c.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: aws.String("lake"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("b")}, {Key: aws.String("none")}}}})
	if err != nil || len(out.Deleted) != 2 {
		t.Fatal(out, err)
	}
	if _, err := c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("lake"), Key: aws.String("a/1")}); err != nil {
		t.Fatal(err)
	}
	if k := e.Keys("lake/a/"); fmt.Sprint(k) != "[lake/a/2 lake/a/x/1]" {
		t.Error(k)
	}
}

func TestListing(t *testing.T) {
	_, c := open(t, Options{}, nil)
	var want []string
	for i := range 25 {
		k := fmt.Sprintf("p/%02d/f", i)
		want = append(want, k)
		if err := put(c, k, "x", nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, delimiter := range []string{"", "/"} {
		var got []string
		p := sdk.NewListObjectsV2Paginator(c, &sdk.ListObjectsV2Input{Bucket: aws.String("lake"), Prefix: aws.String("p/"), MaxKeys: aws.Int32(10), Delimiter: &delimiter})
		pages := 0
		for p.HasMorePages() {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			pages++
			for _, o := range out.Contents {
				got = append(got, *o.Key)
			}
			for _, o := range out.CommonPrefixes {
				got = append(got, *o.Prefix+"f")
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || pages != 3 {
			t.Errorf("delimiter %q: %d pages, %v", delimiter, pages, got)
		}
	}
}

// TestConditions: of racing creates one wins.
func TestConditions(t *testing.T) {
	_, c := open(t, Options{}, nil)
	var wins atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			err := put(c, "lock", fmt.Sprint(i), func(in *sdk.PutObjectInput) { in.IfNoneMatch = aws.String("*") })
			if err == nil {
				wins.Add(1)
			} else if code(err) != "PreconditionFailed" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d creates won", wins.Load())
	}
	if err := put(c, "lock", "x", func(in *sdk.PutObjectInput) { in.IfMatch = aws.String(`"stale"`) }); code(err) != "PreconditionFailed" {
		t.Error(err)
	}
}

func TestMultipart(t *testing.T) {
	e, c := open(t, Options{MinPart: 10}, nil)
	ctx, bucket, key := t.Context(), aws.String("lake"), aws.String("big")
	for _, x := range []struct {
		name  string
		sizes []int
		want  string
	}{
		{"equal", []int{20, 20, 5}, ""}, {"one", []int{3}, ""}, {"full last", []int{20, 20}, ""},
		{"unequal", []int{20, 21, 5}, "InvalidPart"}, {"longer last", []int{20, 25}, "InvalidPart"}, {"small", []int{9, 9, 1}, "EntityTooSmall"},
	} {
		begun, err := c.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: bucket, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		var done []types.CompletedPart
		var all []byte
		for i, n := range x.sizes {
			data := make([]byte, n)
			for k := range data {
				data[k] = byte(rand.Uint32())
			}
			all = append(all, data...)
			out, err := c.UploadPart(ctx, &sdk.UploadPartInput{Bucket: bucket, Key: key, UploadId: begun.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(data)})
			if err != nil {
				t.Fatal(err)
			}
			done = append(done, types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(int32(i + 1))})
		}
		_, err = c.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{Bucket: bucket, Key: key, UploadId: begun.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done}})
		if code(err) != x.want || (err == nil) != (x.want == "") {
			t.Errorf("%s: %v", x.name, err)
		}
		if err != nil {
			if _, err := c.AbortMultipartUpload(ctx, &sdk.AbortMultipartUploadInput{Bucket: bucket, Key: key, UploadId: begun.UploadId}); err != nil {
				t.Error(err)
			}
		} else if got, err := get(c, "big", ""); err != nil || got != string(all) {
			t.Errorf("%s: %d bytes of %d, %v", x.name, len(got), len(all), err)
		}
	}
	if e.Uploads() != 0 {
		t.Errorf("%d uploads left", e.Uploads())
	}
}

// TestRefused: what R2 refuses, and who has the wrong keys.
func TestRefused(t *testing.T) {
	for _, x := range []struct {
		name, want string
		o          Options
		edit       func(*sdk.Options)
	}{
		{"right", "", Options{}, nil},
		{"secret", "SignatureDoesNotMatch", Options{}, func(o *sdk.Options) { o.Credentials = credentials.NewStaticCredentialsProvider("key", "other", "") }},
		{"key", "InvalidAccessKeyId", Options{}, func(o *sdk.Options) { o.Credentials = credentials.NewStaticCredentialsProvider("other", "secret", "") }},
		{"unsigned", "AccessDenied", Options{}, func(o *sdk.Options) { o.Credentials = aws.AnonymousCredentials{} }},
		{"no token", "InvalidToken", Options{SessionToken: "t"}, nil},
		{"token", "", Options{SessionToken: "t"}, func(o *sdk.Options) { o.Credentials = credentials.NewStaticCredentialsProvider("key", "secret", "t") }},
		{"checksums", "NotImplemented", Options{}, func(o *sdk.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported }},
		{"checksums taken", "", Options{Checksums: true}, func(o *sdk.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported }},
	} {
		e, c := open(t, x.o, x.edit)
		if err := put(c, "a b/ü=1", "data", nil); code(err) != x.want || (err == nil) != (x.want == "") {
			t.Errorf("%s: %v, want %s", x.name, err, x.want)
		}
		if stored := len(e.Keys("")) == 1; stored != (x.want == "") {
			t.Errorf("%s: stored %v", x.name, stored)
		}
	}
	// a body that is not the one that was signed
	e, c := open(t, Options{}, func(o *sdk.Options) {
		o.HTTPClient = &http.Client{Transport: tamper{}}
	})
	if err := put(c, "x", "data", nil); code(err) != "XAmzContentSHA256Mismatch" || len(e.Keys("")) != 0 {
		t.Error(err)
	}
}

// tamper changes bodies under way.
type tamper struct{}

func (tamper) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(strings.NewReader("dAtA"))
	return http.DefaultTransport.RoundTrip(r)
}

func TestFaults(t *testing.T) {
	for _, x := range []struct {
		kind   Kind
		want   string
		stored bool
	}{{LoseReply, "", true}, {Cut, "", false}, {Refuse500, "InternalError", false}, {Refuse503, "SlowDown", false}, {Refuse403, "ExpiredToken", false}} {
		e, c := open(t, Options{}, nil)
		e.Fail(Rule{Method: http.MethodPut, PathContains: "lake/k", Kind: x.kind})
		if err := put(c, "k", "data", nil); err == nil || code(err) != x.want {
			t.Errorf("kind %d: %v", x.kind, err)
		}
		if stored := len(e.Keys("")) == 1; stored != x.stored {
			t.Errorf("kind %d: stored %v", x.kind, stored)
		}
		if err := put(c, "k", "data", nil); err != nil {
			t.Errorf("kind %d: used twice: %v", x.kind, err)
		}
		e.Fail(Rule{Method: http.MethodGet, Kind: HalfBody})
		if got, err := get(c, "k", ""); err == nil || got == "data" {
			t.Errorf("half a body: %q %v", got, err)
		}
	}
}

// FuzzRequest asks anything: the store answers, with XML when it refuses.
func FuzzRequest(f *testing.F) {
	sig := "AWS4-HMAC-SHA256 Credential=key/20260101/auto/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=00"
	for _, s := range [][4]string{
		{"GET", "/lake?list-type=2&prefix=a&delimiter=/&max-keys=1", "", ""}, {"PUT", "/lake/k", sig, "data"}, {"GET", "/lake/k", "bytes=1-", ""},
		{"POST", "/lake?delete", "", "<Delete><Object><Key>k</Key></Object></Delete>"}, {"POST", "/lake/k?uploads", "", ""},
		{"PUT", "/lake/k?uploadId=upload-1&partNumber=1", "", "x"}, {"POST", "/lake/k?uploadId=upload-1", "", "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"},
	} {
		f.Add(s[0], s[1], s[2], s[3], false)
		f.Add(s[0], s[1], s[2], s[3], true)
	}
	f.Fuzz(func(t *testing.T, method, path, header, body string, signed bool) {
		if !strings.HasPrefix(path, "/") {
			t.Skip()
		}
		r, err := http.NewRequest(method, "http://s3"+path, strings.NewReader(body))
		if err != nil {
			t.Skip()
		}
		r.Header.Set("Authorization", header)
		r.Header.Set("Range", header)
		r.Header.Set("X-Amz-Date", "20260101T000000Z")
		o := Options{Buckets: []string{"lake"}}
		if signed {
			o.AccessKey, o.SecretKey = "key", "secret"
		}
		e := New(o)
		e.Files().Write(t.Context(), "s3://lake/k", []byte("kept"))
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if signed && (w.Code < 400 || len(e.Keys("")) != 1) {
			t.Errorf("a request with a made-up signature: %d", w.Code)
		}
	})
}
