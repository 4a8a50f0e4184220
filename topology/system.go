package topology

import (
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// System is the Env of a real process.
func System(log *slog.Logger) Env {
	var seed [16]byte
	crand.Read(seed[:])
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 16
	t.ResponseHeaderTimeout = 60 * time.Second // a call without an answer is an unknown outcome, not a wait for ever
	return Env{
		Log:    log,
		Now:    time.Now,
		Rand:   rand.New(rand.NewPCG(binary.LittleEndian.Uint64(seed[:8]), binary.LittleEndian.Uint64(seed[8:]))),
		HTTP:   t,
		Dial:   (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		Spawn:  func(f func()) { go f() },
		Secret: Secret,
		Dir:    os.TempDir(),
		Shared: shared(),
	}
}

// shared keeps one value a key for as long as the Env is used.
func shared() func(string, func() any) any {
	var mu sync.Mutex
	values := map[string]any{}
	return func(key string, open func() any) any {
		mu.Lock()
		defer mu.Unlock()
		if _, ok := values[key]; !ok {
			values[key] = open()
		}
		return values[key]
	}
}

// Secret reads a reference: env:NAME or file:PATH. The value of a file loses
// its last line break. Errors name the reference, never a value. // P5
func Secret(ref string) (string, error) {
	kind, name, _ := strings.Cut(ref, ":")
	switch kind {
	case "env":
		if v := os.Getenv(name); v != "" {
			return v, nil
		}
		return "", fmt.Errorf("secret %s: the variable is not set", ref)
	case "file":
		p, err := os.ReadFile(name)
		if err != nil {
			var pe *os.PathError
			if errors.As(err, &pe) {
				err = pe.Err
			}
			return "", fmt.Errorf("secret %s: %w", ref, err)
		}
		if v := strings.TrimRight(string(p), "\r\n"); v != "" {
			return v, nil
		}
		return "", fmt.Errorf("secret %s: the file is empty", ref)
	}
	return "", errors.New("a secret is a reference, env:NAME or file:PATH, never the value itself")
}
