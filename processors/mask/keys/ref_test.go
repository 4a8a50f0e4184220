package keys

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

var root = bytes.Repeat([]byte("r"), 32)

// write makes a file for its owner alone and returns its path.
func write(t *testing.T, p []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// outside has the variables of vars.
func outside(vars map[string]string) Outside {
	return Outside{HTTP: http.DefaultTransport, Now: func() time.Time { return time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC) },
		Secret: func(ref string) (string, error) {
			if v, ok := vars[strings.TrimPrefix(ref, "env:")]; ok {
				return v, nil
			}
			return "", fmt.Errorf("secret %s: the variable is not set", ref)
		}}
}

// opened says whether ref leads to root.
func opened(t *testing.T, out Outside, c Config) error {
	t.Helper()
	c.ID = "k1"
	r, err := Open(t.Context(), []Config{c}, out)
	if err != nil {
		for _, secret := range []string{string(root), hex.EncodeToString(root), base64.StdEncoding.EncodeToString(root)} {
			if strings.Contains(err.Error(), secret) { // P5
				t.Errorf("the key is in %q", err)
			}
		}
		return err
	}
	defer r.Close()
	want, _ := New("k1", string(root))
	if !bytes.Equal(r.Primary().Derive("a", "b"), want.Primary().Derive("a", "b")) {
		return errors.New("another key")
	}
	return nil
}

func TestFiles(t *testing.T) {
	out := outside(map[string]string{"KEY": hex.EncodeToString(root)})
	good := write(t, append(root, '\n'))
	if err := errors.Join(opened(t, out, Config{Ref: "file:" + good}), opened(t, out, Config{Ref: "env:KEY"})); err != nil {
		t.Error(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
		if err := os.Chmod(good, mode); err != nil {
			t.Fatal(err)
		}
		if err := opened(t, out, Config{Ref: "file:" + good}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	for ref, want := range map[string]string{"file:/nowhere/k": "no such file", "file:" + write(t, []byte(" \n")): "is empty", "env:NOPE": "not set", "file:" + write(t, []byte("short")): "less than 32"} {
		if err := opened(t, out, Config{Ref: ref}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestAge(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(w, "%x\n", root)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	other, _ := age.GenerateX25519Identity()
	path := write(t, sealed.Bytes())
	out := outside(map[string]string{"OTHER": other.String(), "NONE": "AGE-SECRET-KEY-nonsense"})
	if err := opened(t, out, Config{Ref: "age:" + path + "#file:" + write(t, []byte("# created\n"+id.String()+"\n"))}); err != nil {
		t.Error(err)
	}
	for _, ref := range []string{"age:" + path + "#env:OTHER", "age:" + path + "#env:NONE", "age:" + write(t, root) + "#env:OTHER"} {
		if err := opened(t, out, Config{Ref: ref}); err == nil || strings.Contains(err.Error(), "nonsense") {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

// sigv4 checks a signature as AWS does (IAM User Guide, "Create a signed AWS API
// request"), from nothing but the request and the secret.
func sigv4(r *http.Request, body []byte, secret string) error {
	auth, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	parts := map[string]string{}
	for p := range strings.SplitSeq(auth, ", ") {
		k, v, _ := strings.Cut(p, "=")
		parts[k] = v
	}
	scope := strings.Split(parts["Credential"], "/")
	if !ok || len(scope) != 5 {
		return errors.New("no signature")
	}
	names := strings.Split(parts["SignedHeaders"], ";")
	for _, must := range []string{"host", "x-amz-date", "x-amz-target"} {
		if !slices.Contains(names, must) {
			return fmt.Errorf("%s is not signed", must)
		}
	}
	var headers strings.Builder
	for _, n := range names {
		v := r.Header.Get(n)
		switch n {
		case "host":
			v = r.Host
		case "content-length":
			v = fmt.Sprint(len(body))
		}
		fmt.Fprintf(&headers, "%s:%s\n", n, strings.Join(strings.Fields(v), " "))
	}
	sum := func(p []byte) string { x := sha256.Sum256(p); return hex.EncodeToString(x[:]) }
	request := strings.Join([]string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, headers.String(), parts["SignedHeaders"], sum(body)}, "\n")
	text := strings.Join([]string{"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"), strings.Join(scope[1:], "/"), sum([]byte(request))}, "\n")
	key := []byte("AWS4" + secret)
	for _, s := range append(scope[1:], text) {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(s))
		key = m.Sum(nil)
	}
	if hex.EncodeToString(key) != parts["Signature"] {
		return errors.New("SignatureDoesNotMatchException")
	}
	if scope[3] != "kms" {
		return fmt.Errorf("signed for %s", scope[3])
	}
	return nil
}

const keyARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// fakeKMS decrypts "wrapped" to root for who signs with secret.
func fakeKMS(t *testing.T, secret string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		refuse := func(status int, kind string) {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"__type":"com.amazonaws.kms#%s","message":"%s"}`, kind, base64.StdEncoding.EncodeToString(root))
		}
		var in struct {
			CiphertextBlob []byte
			KeyId          string
		}
		switch {
		case r.Method != http.MethodPost || r.Header.Get("X-Amz-Target") != "TrentService.Decrypt" || r.Header.Get("Content-Type") != "application/x-amz-json-1.1":
			refuse(400, "UnknownOperationException")
		case sigv4(r, body, secret) != nil:
			t.Log(sigv4(r, body, secret))
			refuse(400, "IncompleteSignatureException")
		case json.Unmarshal(body, &in) != nil || string(in.CiphertextBlob) != "wrapped":
			refuse(400, "InvalidCiphertextException")
		case !strings.HasPrefix(in.KeyId, "arn:aws:kms:eu-west-1:111122223333:"):
			refuse(400, "IncorrectKeyException")
		default:
			json.NewEncoder(w).Encode(map[string]any{"KeyId": keyARN, "Plaintext": root, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"})
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func TestAWSKMS(t *testing.T) {
	s := fakeKMS(t, "secret/key")
	out := outside(map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret/key", "AWS_SESSION_TOKEN": "session", "AWS_ENDPOINT_URL_KMS": s.URL})
	wrapped := write(t, []byte("wrapped"))
	for _, path := range []string{wrapped, write(t, []byte(base64.StdEncoding.EncodeToString([]byte("wrapped"))+"\n"))} {
		for _, arn := range []string{keyARN, "arn:aws:kms:eu-west-1:111122223333:alias/sluice"} {
			if err := opened(t, out, Config{Ref: "awskms:" + arn + "#file:" + path}); err != nil {
				t.Error(err)
			}
		}
	}
	for _, c := range []struct {
		out  Outside
		ref  string
		want string
	}{
		{outside(map[string]string{"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "other", "AWS_ENDPOINT_URL_KMS": s.URL}), keyARN + "#file:" + wrapped, "IncompleteSignatureException"},
		{out, keyARN + "#file:" + write(t, []byte("other")), "InvalidCiphertextException"},
		{out, strings.Replace(keyARN, "1234abcd", "0000abcd", 1) + "#file:" + wrapped, "another key answered"},
		{outside(nil), keyARN + "#file:" + wrapped, "AWS_ACCESS_KEY_ID"},
		{outside(map[string]string{"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL_KMS": "http://kms.example"}), keyARN + "#file:" + wrapped, "https only"},
	} {
		if err := opened(t, c.out, Config{Ref: "awskms:" + c.ref}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}

func TestVault(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Ciphertext string }
		switch {
		case r.Header.Get("X-Vault-Token") != "hvs.token" || r.Header.Get("X-Vault-Request") != "true":
			w.WriteHeader(403)
			fmt.Fprintf(w, `{"errors":["permission denied %x"]}`, root)
		case r.Header.Get("X-Vault-Namespace") != "team":
			w.WriteHeader(404)
		case r.URL.Path == "/v1/eu/transit/decrypt/moved":
			http.Redirect(w, r, "https://elsewhere.example", http.StatusTemporaryRedirect)
		case r.Method != http.MethodPost || r.URL.Path != "/v1/eu/transit/decrypt/sluice":
			w.WriteHeader(404)
		case json.NewDecoder(r.Body).Decode(&in) != nil || in.Ciphertext != "vault:v1:abc":
			w.WriteHeader(400)
		default:
			fmt.Fprintf(w, `{"request_id":"x","data":{"plaintext":%q}}`, base64.StdEncoding.EncodeToString(root))
		}
	}))
	defer s.Close()
	out := outside(map[string]string{"VAULT_TOKEN": "hvs.token", "OTHER": "hvs.other", "VAULT_NAMESPACE": "team"})
	wrapped := write(t, []byte("vault:v1:abc\n"))
	if err := opened(t, out, Config{Ref: "vault:" + s.URL + "/eu/transit/sluice#file:" + wrapped}); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ ref, token, want string }{
		{s.URL + "/eu/transit/sluice#file:" + wrapped, "env:OTHER", "status 403"},
		{s.URL + "/eu/transit/sluice#file:" + wrapped, "env:NOPE", "token"},
		{s.URL + "/eu/transit/moved#file:" + wrapped, "", "status 307"},
		{s.URL + "/eu/transit/sluice#file:" + write(t, []byte("vault:v1:x")), "", "status 400"},
		{s.URL + "/transit/sluice#file:" + wrapped, "", "status 404"},
	} {
		if err := opened(t, out, Config{Ref: "vault:" + c.ref, Token: c.token}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.ref, err)
		}
	}
}

func TestReferences(t *testing.T) {
	for _, ref := range []string{"", "k", string(root), "env:", "sops:x", "age:x", "age:x#", "age:x#secret", "awskms:x#file:y", "awskms:arn:aws:s3:::b#file:y", "awskms:" + keyARN, "awskms:" + keyARN + "#env:X",
		"vault:x#file:y", "vault:http://vault.example/transit/k#file:y", "vault:https://vault.example/k#file:y", "vault:https://u:p@vault.example/transit/k#file:y"} {
		if err := CheckRef(ref); err == nil || strings.Contains(err.Error(), string(root)) {
			t.Errorf("%q: %v", ref, err)
		}
	}
	for _, c := range []struct {
		list []Config
		want string
	}{
		{[]Config{{ID: "k1", Ref: "env:A"}, {ID: "k1", Ref: "env:B"}}, "two are called"},
		{[]Config{{ID: "K", Ref: "env:A"}}, "want a-z and 0-9"},
		{[]Config{{ID: "k", Ref: "env:A", Token: "hvs.x"}}, "token: a reference"},
	} {
		if err := CheckList(c.list); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.list, err)
		}
	}
}

func TestRing(t *testing.T) {
	out := outside(map[string]string{"A": strings.Repeat("a", 32), "B": strings.Repeat("b", 32), "C": strings.Repeat("c", 32)})
	r, err := Open(context.Background(), []Config{{ID: "k3", Ref: "env:C"}, {ID: "k2", Ref: "env:B", Window: true}, {ID: "k1", Ref: "env:A"}}, out)
	if err != nil {
		t.Fatal(err)
	}
	ids := func(ks []*Key) (s string) {
		for _, k := range ks {
			s += k.ID() + " "
		}
		return s
	}
	if r.Primary().ID() != "k3" || ids(r.All()) != "k3 k2 k1 " || ids(r.Window()) != "k3 k2 " || r.Find("k1").ID() != "k1" {
		t.Errorf("%s, %s", ids(r.All()), ids(r.Window()))
	}
	mem := r.Primary().root.mem
	if !bytes.Contains(mem, []byte("cccc")) {
		t.Error("the key is not where it is wiped")
	}
	r.Close()
	if bytes.Contains(mem, []byte("c")) {
		t.Error("the key is there after Close")
	}
	defer func() {
		if recover() == nil {
			t.Error("a wiped key derives")
		}
	}()
	r.Primary().Derive("a", "b")
}
