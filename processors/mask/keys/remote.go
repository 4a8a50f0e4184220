package keys

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const remoteTimeout = 30 * time.Second

// post is send for an answer in JSON.
func (out Outside) post(req *http.Request, answer any) (status int, err error) {
	return out.send(req, func(p []byte) error { return json.Unmarshal(p, answer) })
}

// arn is the name of a KMS key.
type arn struct{ full, partition, region string }

// parseARN reads arn:PARTITION:kms:REGION:ACCOUNT:key/ID, or alias/NAME.
func parseARN(s string) (arn, error) {
	f := strings.SplitN(s, ":", 6)
	if len(f) != 6 || f[0] != "arn" || f[2] != "kms" || f[3] == "" || !strings.HasPrefix(f[5], "key/") && !strings.HasPrefix(f[5], "alias/") {
		return arn{}, fmt.Errorf("key: awskms: %q is no ARN of a key: want arn:aws:kms:REGION:ACCOUNT:key/ID", s)
	}
	return arn{s, f[1], f[3]}, nil
}

// awsKMS has AWS KMS decrypt a data key (AWS KMS API Reference, Decrypt).
// AWS_ENDPOINT_URL_KMS is another address, as the AWS SDKs have it.
func (out Outside) awsKMS(ctx context.Context, name, path string) ([]byte, error) {
	key, err := parseARN(name)
	if err != nil {
		return nil, err
	}
	wrapped, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if p, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(wrapped))); err == nil {
		wrapped = p
	}
	env := func(n string) string { v, _ := out.Secret("env:" + n); return v }
	suffix := "amazonaws.com"
	if key.partition == "aws-cn" {
		suffix = "amazonaws.com.cn"
	}
	creds, err := out.awsCredentials(ctx, key.region, suffix)
	if err != nil {
		return nil, err
	}
	address := cmp.Or(strings.TrimSuffix(env("AWS_ENDPOINT_URL_KMS"), "/"), "https://kms."+key.region+"."+suffix)
	if err := private(address); err != nil {
		return nil, fmt.Errorf("awskms: AWS_ENDPOINT_URL_KMS: %w", err)
	}
	body, err := json.Marshal(map[string]any{"CiphertextBlob": wrapped, "KeyId": key.full})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "TrentService.Decrypt")
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, creds, req, hex.EncodeToString(sum[:]), "kms", key.region, out.Now()); err != nil {
		return nil, fmt.Errorf("awskms: %w", err)
	}
	var answer struct {
		Plaintext []byte
		KeyId     string //revive:disable-line KMS writes it so
		Type      string `json:"__type"`
	}
	status, err := out.post(req, &answer)
	switch {
	case err != nil:
		return nil, fmt.Errorf("awskms: %s: %w", key.full, err)
	case status != http.StatusOK:
		kind := answer.Type[strings.LastIndexByte(answer.Type, '#')+1:]
		return nil, fmt.Errorf("awskms: %s: status %d %s", key.full, status, kind)
	case strings.Contains(key.full, ":key/") && answer.KeyId != key.full:
		return nil, fmt.Errorf("awskms: %s: another key answered", key.full)
	}
	return answer.Plaintext, nil
}

// transit is a key of Vault's transit engine.
type transit struct{ address, mount, key string }

// parseTransit reads https://HOST[:PORT]/MOUNT/KEY.
func parseTransit(s string) (transit, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return transit{}, errors.New("key: vault: want vault:https://HOST/transit/KEY#file:PATH")
	}
	i := strings.LastIndexByte(u.Path, '/')
	t := transit{u.Scheme + "://" + u.Host, strings.Trim(u.Path[:max(i, 0)], "/"), u.Path[i+1:]}
	if t.mount == "" || t.key == "" {
		return transit{}, errors.New("key: vault: the path is MOUNT/KEY, as transit/sluice")
	}
	return t, private(t.address)
}

// private refuses an address over which keys would travel in the clear.
func private(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("this is no address")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("%s://%s: keys travel over https only", u.Scheme, u.Host)
}

// vault has Vault decrypt a data key (Vault API, Transit, "Decrypt data").
// VAULT_NAMESPACE is sent if it is set.
func (out Outside) vault(ctx context.Context, name, path, token string) ([]byte, error) {
	t, err := parseTransit(name)
	if err != nil {
		return nil, err
	}
	wrapped, err := readFile(path)
	if err != nil {
		return nil, err
	}
	secret, err := out.secret(cmp.Or(token, "env:VAULT_TOKEN"))
	if err != nil {
		return nil, fmt.Errorf("vault: token: %w", err)
	}
	body, err := json.Marshal(map[string]string{"ciphertext": string(bytes.TrimSpace(wrapped))})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.address+"/v1/"+t.mount+"/decrypt/"+url.PathEscape(t.key), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Vault-Request", "true")
	req.Header.Set("X-Vault-Token", string(secret))
	if ns, err := out.Secret("env:VAULT_NAMESPACE"); err == nil && ns != "" {
		req.Header.Set("X-Vault-Namespace", ns)
	}
	var answer struct {
		Data struct {
			Plaintext []byte `json:"plaintext"`
		} `json:"data"`
	}
	status, err := out.post(req, &answer)
	switch {
	case err != nil:
		return nil, fmt.Errorf("vault: %s: %w", t.address, err)
	case status != http.StatusOK:
		return nil, fmt.Errorf("vault: %s: status %d for %s/decrypt/%s", t.address, status, t.mount, t.key)
	}
	return answer.Data.Plaintext, nil
}
