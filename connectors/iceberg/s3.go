package iceberg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	iceio "github.com/apache/iceberg-go/io"

	"sluice/connectors/iceberg/column"
	"sluice/topology"
	"sluice/topology/stream"
)

// s3IO is S3 and R2 as the library's file system: one PutObject a file (the
// files of an epoch are far below its 5 GiB), ranged reads. Checksums are sent
// where the API demands them only: R2 refuses the others. It belongs to one
// context and is safe for concurrent use.
type s3IO struct {
	ctx    context.Context
	client *s3.Client
}

// s3Keys say where S3 is and who asks.
type s3Keys struct {
	endpoint, region          string
	access, secret, sessionID string
	pathStyle                 bool
	http                      http.RoundTripper
}

func (k s3Keys) client() *s3.Client {
	o := s3.Options{Region: k.region, UsePathStyle: k.pathStyle, RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired, HTTPClient: &http.Client{Transport: k.http, Timeout: 5 * time.Minute}}
	if k.region == "" {
		o.Region = "auto" // R2
	}
	if k.endpoint != "" {
		o.BaseEndpoint = &k.endpoint
	}
	o.Credentials = aws.AnonymousCredentials{}
	if k.access != "" {
		o.Credentials = credentials.NewStaticCredentialsProvider(k.access, k.secret, k.sessionID)
	}
	return s3.New(o)
}

// openS3 is the file system of keys of our own.
func openS3(c StorageConfig, env topology.Env) (*s3.Client, error) {
	k := s3Keys{endpoint: c.Endpoint, region: c.Region, pathStyle: c.PathStyle, http: env.HTTP}
	var err error
	if k.access, err = env.Secret(c.AccessKey); err != nil { // P5
		return nil, fmt.Errorf("storage: access_key: %w", err)
	}
	if k.secret, err = env.Secret(c.SecretKey); err != nil { // P5
		return nil, fmt.Errorf("storage: secret_key: %w", err)
	}
	return k.client(), nil
}

// registerS3 lets the library open s3 locations with credentials that the
// catalog vends: its registry of schemes is the only way in, and global.
var registerS3 = sync.OnceFunc(func() {
	for _, scheme := range []string{"s3", "s3a", "s3n"} {
		if !slices.Contains(iceio.GetRegisteredSchemes(), scheme) {
			iceio.Register(scheme, vendedS3)
		}
	}
})

// vendedS3 opens S3 with the properties of a loaded table.
func vendedS3(ctx context.Context, _ *url.URL, props map[string]string) (iceio.IO, error) {
	if props[iceio.S3RemoteSigningEnabled] == "true" {
		return nil, errors.New("the catalog signs S3 requests itself, which is not supported: give storage.access_key and secret_key")
	}
	region := props[iceio.S3Region]
	if region == "" {
		region = props[iceio.S3ClientRegion]
	}
	k := s3Keys{endpoint: props[iceio.S3EndpointURL], region: region, access: props[iceio.S3AccessKeyID], secret: props[iceio.S3SecretAccessKey],
		sessionID: props[iceio.S3SessionToken], pathStyle: props["s3.path-style-access"] == "true" || props[iceio.S3ForceVirtualAddressing] == "false"}
	return s3IO{ctx, k.client()}, nil
}

// place takes s3://bucket/key apart.
func place(op, name string) (bucket, key *string, err error) {
	_, rest, ok := strings.Cut(name, "://")
	b, k, has := strings.Cut(rest, "/")
	if !ok || !has || b == "" || k == "" {
		return nil, nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return &b, &k, nil
}

func s3Error(op, name string, err error) error {
	var missing *types.NoSuchKey
	var none *types.NotFound
	if errors.As(err, &missing) || errors.As(err, &none) {
		err = fs.ErrNotExist
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// s3Refused is the state of an answer that says no to who asks, nil for every
// other error. Credentials that ran out are not one: the catalog vends new ones.
func s3Refused(err error) *stream.StateError {
	var answer interface{ HTTPStatusCode() int }
	if !errors.As(err, &answer) {
		return nil
	}
	var api interface{ ErrorCode() string }
	code := "no code"
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	var todo string
	switch status := answer.HTTPStatusCode(); code {
	case "ExpiredToken", "TokenRefreshRequired":
		return nil
	case "InvalidAccessKeyId", "XAdminUserNotFound": // the second is versitygw's, a 404
		todo = "check storage.access_key"
	case "SignatureDoesNotMatch":
		todo = "check storage.secret_key"
	case "RequestTimeTooSkewed":
		todo = "set this machine's clock"
	default:
		if status != http.StatusForbidden && status != http.StatusUnauthorized {
			return nil
		}
		todo = "check storage.access_key, secret_key and their rights to read and write the bucket (without keys here, those the catalog vends)"
	}
	at := ""
	var path *fs.PathError
	if errors.As(err, &path) {
		at, _, _ = strings.Cut(strings.TrimPrefix(path.Path, "s3://"), "/")
		at = " to bucket " + at
	}
	return &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("S3 refused access%s (%d %s)", at, answer.HTTPStatusCode(), code), Todo: todo + ", then restart"}
}

// WriteFile is part of iceio.WriteFileIO.
func (s s3IO) WriteFile(name string, p []byte) error {
	return s.put(name, bytes.NewReader(p), int64(len(p)))
}

func (s s3IO) writePieces(name string, ps *column.Pieces) error {
	return s.put(name, ps.Reader(), ps.Len())
}

func (s s3IO) put(name string, body io.ReadSeeker, size int64) error {
	bucket, key, err := place("write", name)
	if err != nil {
		return err
	}
	_, err = s.client.PutObject(s.ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: body, ContentLength: aws.Int64(size)})
	if err != nil {
		return s3Error("write", name, err)
	}
	return nil
}

// Create is part of iceio.WriteFileIO: the object is there after Close.
func (s s3IO) Create(name string) (iceio.FileWriter, error) {
	if _, _, err := place("create", name); err != nil {
		return nil, err
	}
	return &s3Writer{s: s, name: name}, nil
}

type s3Writer struct {
	bytes.Buffer
	s    s3IO
	name string
	done bool
}

func (w *s3Writer) Close() error {
	if w.done {
		return fs.ErrClosed
	}
	w.done = true
	return w.s.WriteFile(w.name, w.Bytes())
}

// ReadFile is part of iceio.ReadFileIO.
func (s s3IO) ReadFile(name string) ([]byte, error) {
	bucket, key, err := place("read", name)
	if err != nil {
		return nil, err
	}
	out, err := s.client.GetObject(s.ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		return nil, s3Error("read", name, err)
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}

// Remove is part of iceio.IO.
func (s s3IO) Remove(name string) error {
	bucket, key, err := place("remove", name)
	if err != nil {
		return err
	}
	if _, err = s.client.DeleteObject(s.ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key}); err != nil {
		return s3Error("remove", name, err)
	}
	return nil
}

// Open is part of iceio.IO.
func (s s3IO) Open(name string) (iceio.File, error) {
	bucket, key, err := place("open", name)
	if err != nil {
		return nil, err
	}
	head, err := s.client.HeadObject(s.ctx, &s3.HeadObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		return nil, s3Error("open", name, err)
	}
	return &s3File{s: s, name: name, bucket: bucket, key: key, size: aws.ToInt64(head.ContentLength), modified: aws.ToTime(head.LastModified)}, nil
}

// s3File reads an object: Read streams on from where it is, ReadAt asks for a range.
type s3File struct {
	s           s3IO
	name        string
	bucket, key *string
	size        int64
	modified    time.Time
	at          int64
	body        io.ReadCloser // from at on, or nil
}

func (f *s3File) get(from, to int64) (io.ReadCloser, error) {
	out, err := f.s.client.GetObject(f.s.ctx, &s3.GetObjectInput{Bucket: f.bucket, Key: f.key, Range: aws.String(fmt.Sprintf("bytes=%d-%d", from, to-1))})
	if err != nil {
		return nil, s3Error("read", f.name, err)
	}
	return out.Body, nil
}

func (f *s3File) Read(p []byte) (n int, err error) {
	if f.at >= f.size {
		return 0, io.EOF
	}
	if f.body == nil {
		if f.body, err = f.get(f.at, f.size); err != nil {
			return 0, err
		}
	}
	n, err = f.body.Read(p)
	f.at += int64(n)
	if err == io.EOF && f.at < f.size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (f *s3File) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: fs.ErrInvalid}
	}
	end := min(off+int64(len(p)), f.size)
	if off >= end {
		return 0, io.EOF
	}
	body, err := f.get(off, end)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	n, err := io.ReadFull(body, p[:end-off])
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

func (f *s3File) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += f.at
	case io.SeekEnd:
		off += f.size
	}
	if off < 0 {
		return 0, &fs.PathError{Op: "seek", Path: f.name, Err: fs.ErrInvalid}
	}
	if off != f.at {
		f.Close()
		f.at = off
	}
	return off, nil
}

func (f *s3File) Close() error {
	if f.body == nil {
		return nil
	}
	err := f.body.Close()
	f.body = nil
	return err
}

func (f *s3File) Stat() (fs.FileInfo, error) { return s3Info{f}, nil }

type s3Info struct{ f *s3File }

func (i s3Info) Name() string       { return path.Base(i.f.name) }
func (i s3Info) Size() int64        { return i.f.size }
func (i s3Info) Mode() fs.FileMode  { return 0o444 }
func (i s3Info) ModTime() time.Time { return i.f.modified }
func (i s3Info) IsDir() bool        { return false }
func (i s3Info) Sys() any           { return nil }
