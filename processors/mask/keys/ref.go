package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
)

// Config names one key of a policy. The first of a list is the primary one: new
// tokens are made with it. The others only reveal and verify.
type Config struct {
	ID  string `yaml:"id"`
	Ref string `yaml:"ref" plan:"-"` // see Open; never the key itself // P5

	// Window says that look-ups by token have to try this key too: its tokens
	// are still in stores. It is for the time of a rotation.
	Window bool `yaml:"window" plan:"-"`

	// Token is a reference to Vault's token; default env:VAULT_TOKEN.
	Token string `yaml:"token" plan:"-"`
}

// Outside is what opening keys needs of the world.
type Outside struct {
	Secret func(ref string) (string, error) // env:NAME
	HTTP   http.RoundTripper                // for awskms and vault
	Now    func() time.Time                 // for signatures
}

// The kinds of references:
//
//	env:NAME                               the variable
//	file:PATH                              the file, for its owner alone (mode 0600)
//	age:PATH#IDENTITY                      a file encrypted with age; IDENTITY is a reference, as file:PATH
//	awskms:ARN#file:PATH                   a data key that AWS KMS decrypts
//	vault:https://HOST/transit/KEY#file:PATH   a data key that Vault's transit engine decrypts
//
// A key is 32 bytes or more, in hex, base64 or raw. Wrapped data keys are the
// CiphertextBlob of KMS, raw or in base64, and Vault's vault:v1:...
var kinds = []string{"env", "file", "age", "awskms", "vault"}

// CheckRef tells what is wrong with a reference, without opening anything.
func CheckRef(ref string) error {
	kind, rest, _ := strings.Cut(ref, ":")
	name, inner, has := strings.Cut(rest, "#")
	switch {
	case !slices.Contains(kinds, kind) || rest == "": // P1 P5: it may be the key itself, so it is not shown
		return errors.New("key: want a reference, env:NAME, file:PATH, age:PATH#IDENTITY, awskms:ARN#file:PATH or vault:URL#file:PATH, never the key itself")
	case kind == "env" || kind == "file":
		return nil
	case !has || name == "" || inner == "":
		return fmt.Errorf("key: %s:%s: a # and a second reference are missing", kind, name)
	case kind == "age":
		if k, _, _ := strings.Cut(inner, ":"); k != "env" && k != "file" {
			return errors.New("key: age: the identity is a reference too, env:NAME or file:PATH")
		}
		return nil
	case !strings.HasPrefix(inner, "file:"):
		return fmt.Errorf("key: %s: the wrapped key stands in a file: %s:%s#file:PATH", kind, kind, name)
	case kind == "awskms":
		_, err := parseARN(name)
		return err
	}
	_, err := parseTransit(name)
	return err
}

// Kind is what a reference leads to: env, file, age, awskms or vault.
func Kind(ref string) string { kind, _, _ := strings.Cut(ref, ":"); return kind }

// File is the path of the file that a reference reads, "" for none.
func File(ref string) string {
	kind, rest, _ := strings.Cut(ref, ":")
	name, inner, _ := strings.Cut(rest, "#")
	switch kind {
	case "file":
		return rest
	case "age":
		return name
	case "awskms", "vault":
		return strings.TrimPrefix(inner, "file:")
	}
	return ""
}

// CheckList tells what is wrong with a list of keys, without opening any.
func CheckList(list []Config) error {
	var errs []error
	seen := map[string]bool{}
	for i, c := range list {
		if err := CheckID(c.ID); err != nil {
			errs = append(errs, fmt.Errorf("keys: %d: %w", i+1, err))
		}
		if seen[c.ID] {
			errs = append(errs, fmt.Errorf("keys: two are called %q: tokens could not tell them apart", c.ID))
		}
		seen[c.ID] = true
		if err := CheckRef(c.Ref); err != nil {
			errs = append(errs, fmt.Errorf("keys: %s: %w", c.ID, err))
		}
		if k := Kind(c.Token); c.Token != "" && k != "env" && k != "file" {
			errs = append(errs, fmt.Errorf("keys: %s: token: a reference, env:NAME or file:PATH", c.ID))
		}
	}
	return errors.Join(errs...)
}

// Open reads every key of list. It talks to KMS and Vault if they are named,
// each within half a minute. Errors name references, never keys. // P5
func Open(ctx context.Context, list []Config, out Outside) (*Ring, error) {
	if err := CheckList(list); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("keys: there is none")
	}
	r := &Ring{}
	for _, c := range list {
		p, err := out.open(ctx, c)
		if err != nil {
			r.Close()
			return nil, fmt.Errorf("key %s: %w", c.ID, err)
		}
		k, err := newKey(c.ID, p)
		if err != nil {
			r.Close()
			return nil, fmt.Errorf("key %s: %s: %w", c.ID, c.Ref, err)
		}
		k.window = c.Window
		r.keys = append(r.keys, k)
	}
	return r, nil
}

// open reads one key as it is spelled.
func (out Outside) open(ctx context.Context, c Config) ([]byte, error) {
	kind, rest, _ := strings.Cut(c.Ref, ":")
	name, inner, _ := strings.Cut(rest, "#")
	switch kind {
	case "file":
		return secretFile(rest)
	case "age":
		return out.age(name, inner)
	case "awskms":
		return out.awsKMS(ctx, name, strings.TrimPrefix(inner, "file:"))
	case "vault":
		return out.vault(ctx, name, strings.TrimPrefix(inner, "file:"), c.Token)
	}
	return out.secret(c.Ref)
}

// secret reads env:NAME or file:PATH.
func (out Outside) secret(ref string) ([]byte, error) {
	if path, ok := strings.CutPrefix(ref, "file:"); ok {
		return secretFile(path)
	}
	s, err := out.Secret(ref)
	return []byte(s), err
}

const maxFile = 64 << 10

// mounted are folders whose modes an orchestrator sets: what is in there is the
// container's own, however its mode reads (Compose and Swarm secrets are 0444).
var mounted = []string{"/run/secrets/", "/var/run/secrets/"}

// secretFile reads a file that its owner alone may read.
func secretFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("file:%s: %w", path, cause(err))
	}
	full, _ := filepath.Abs(path)
	own := slices.ContainsFunc(mounted, func(dir string) bool { return strings.HasPrefix(full, dir) })
	if mode := info.Mode().Perm(); mode&0o077 != 0 && !own {
		return nil, fmt.Errorf("file:%s: others may read or write it (mode %04o): chmod 600 it", path, mode)
	}
	p, err := readFile(path)
	return bytes.TrimRight(p, "\r\n"), err
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("file:%s: %w", path, cause(err))
	}
	defer f.Close()
	p, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("file:%s: %w", path, cause(err))
	case len(bytes.TrimSpace(p)) == 0:
		return nil, fmt.Errorf("file:%s: it is empty", path)
	case len(p) > maxFile:
		return nil, fmt.Errorf("file:%s: larger than %d bytes: this is no key", path, maxFile)
	}
	return p, nil
}

// cause is err without the path, which is said.
func cause(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// age decrypts a file with an identity (age-encryption.org/v1), armored ones not.
func (out Outside) age(path, identity string) ([]byte, error) {
	id, err := out.secret(identity)
	if err != nil {
		return nil, fmt.Errorf("age: identity: %w", err)
	}
	defer clear(id)
	ids, err := age.ParseIdentities(bytes.NewReader(id))
	if err != nil {
		return nil, fmt.Errorf("age: %s holds no identity of age", identity) // P1: not the cause, it may quote
	}
	p, err := readFile(path)
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(bytes.NewReader(p), ids...)
	if err != nil {
		return nil, fmt.Errorf("age: %s: %w", path, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxFile))
	if err != nil {
		return nil, fmt.Errorf("age: %s: %w", path, err)
	}
	return bytes.TrimRight(plain, "\r\n"), nil
}
