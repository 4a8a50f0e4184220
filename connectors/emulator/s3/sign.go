package s3

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	signer "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// check is whether a request is one that R2 takes: signed with the right keys,
// its body as signed, without checksums of the kinds R2 refused.
func (e *Emulator) check(r *http.Request, body []byte) *failure {
	if !e.o.Checksums {
		if strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") || r.Header.Get("X-Amz-Trailer") != "" {
			return fail(501, "NotImplemented", "STREAMING-UNSIGNED-PAYLOAD-TRAILER not implemented")
		}
		for h := range r.Header {
			if strings.HasPrefix(h, "X-Amz-Checksum-") && h != "X-Amz-Checksum-Mode" && !r.URL.Query().Has("delete") { // DeleteObjects demands one
				return fail(501, "NotImplemented", "Header '%s' not implemented", strings.ToLower(h))
			}
		}
	}
	if e.o.AccessKey == "" {
		return nil
	}
	if t := r.Header.Get("X-Amz-Security-Token"); e.o.SessionToken != "" && t != e.o.SessionToken {
		return fail(403, "InvalidToken", "The provided token is malformed or otherwise invalid.")
	}
	// AWS4-HMAC-SHA256 Credential=KEY/day/region/s3/aws4_request, SignedHeaders=a;b, Signature=hex
	auth, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return fail(403, "AccessDenied", "Access Denied: the request is not signed")
	}
	part := map[string]string{}
	for f := range strings.SplitSeq(auth, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(f), "=")
		part[k] = v
	}
	scope := strings.Split(part["Credential"], "/")
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if len(scope) != 5 || err != nil || scope[3] != "s3" {
		return fail(400, "AuthorizationHeaderMalformed", "The authorization header is malformed.")
	}
	if scope[0] != e.o.AccessKey {
		return fail(403, "InvalidAccessKeyId", "The access key ID you provided does not exist in our records.")
	}
	hash := r.Header.Get("X-Amz-Content-Sha256")
	if sum := sha256.Sum256(body); hash != "UNSIGNED-PAYLOAD" && !strings.HasPrefix(hash, "STREAMING-") && hash != hex.EncodeToString(sum[:]) {
		return fail(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	if want := e.signature(r, part["SignedHeaders"], scope[2], hash, at); subtle.ConstantTimeCompare([]byte(want), []byte(part["Signature"])) == 0 {
		return fail(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	}
	return nil
}

// signature signs what the client says it signed.
func (e *Emulator) signature(r *http.Request, headers, region, hash string, at time.Time) string {
	again := &http.Request{Method: r.Method, Host: r.Host, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")),
		URL: &url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}}
	for h := range strings.SplitSeq(headers, ";") {
		switch h {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			again.Header[http.CanonicalHeaderKey(h)] = r.Header.Values(h)
		}
	}
	c := aws.Credentials{AccessKeyID: e.o.AccessKey, SecretAccessKey: e.o.SecretKey, SessionToken: r.Header.Get("X-Amz-Security-Token")}
	err := signer.NewSigner().SignHTTP(r.Context(), c, again, hash, "s3", region, at, func(o *signer.SignerOptions) { o.DisableURIPathEscaping = true })
	if err != nil {
		return ""
	}
	_, sig, _ := strings.Cut(again.Header.Get("Authorization"), "Signature=")
	return sig
}
