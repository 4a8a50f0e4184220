package kafka

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/topology/stream"
)

// authority makes a certificate for 127.0.0.1 and writes it as PEM.
func authority(t *testing.T, name string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, &c, &c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name+".pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

// TestTLS: a broker is believed if the CA of the file signed it, and no other.
func TestTLS(t *testing.T) {
	cert, ca := authority(t, "right")
	_, other := authority(t, "other")
	c := newBroker(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}}), kfake.SeedTopics(1, "t"))
	for _, x := range []struct {
		name, want string
		tls        TLS
	}{
		{"right CA", "", TLS{CA: ca}},
		{"other CA", "x509", TLS{CA: other}},
		{"the system's CAs", "x509", TLS{Enabled: true}},
		{"no TLS", "is TLS missing", TLS{}},
	} {
		t.Run(x.name, func(t *testing.T) {
			cfg := Default
			cfg.Brokers, cfg.Topics, cfg.TLS = c.ListenAddrs(), []string{"t"}, x.tls
			src, err := openSource(cfg, testEnv())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, lanes, err := src.(*Source).Survey(ctx)
			t.Log(err)
			if x.want == "" && (err != nil || len(lanes) != 1) || x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)) {
				t.Errorf("%d lanes, %v; want %q", len(lanes), err, x.want)
			}
		})
	}
}

// TestClientCertificate: a broker that wants a certificate and gets none says so
// in one line that ends the source: it was tried again for ever.
func TestClientCertificate(t *testing.T) {
	cert, ca := authority(t, "right")
	pool := x509.NewCertPool()
	c := newBroker(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}), kfake.SeedTopics(1, "t"))
	cfg := Default
	cfg.Brokers, cfg.Topics, cfg.TLS = c.ListenAddrs(), []string{"t"}, TLS{CA: ca}
	src, err := openSource(cfg, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := src.Run(ctx, nil); err == nil || !strings.Contains(err.Error(), "certificate") || !strings.Contains(err.Error(), "check sasl and tls") {
		t.Errorf("%v", err)
	}
}

// TestRunRefused: a source that may not read ends with one line that says so,
// and the line has no secret.
func TestRunRefused(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			c := newBroker(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "ann", "right-secret"), kfake.SeedTopics(1, "t"))
			cfg := Default
			cfg.Brokers, cfg.Topics = c.ListenAddrs(), []string{"t"}
			cfg.SASL = SASL{Mechanism: mechanism, Username: "ann", Password: "env:wrong-secret"}
			src, err := openSource(cfg, testEnv())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			defer cancel()
			err = src.Run(ctx, &feed{t: nil, store: newShelf(), at: map[stream.Lane]int64{}})
			t.Log(err)
			if err == nil {
				t.Fatal("Run goes on without a word")
			}
			if s := err.Error(); strings.Contains(s, "secret") || strings.Contains(s, "\n") || !strings.Contains(strings.ToLower(s), "sasl") {
				t.Errorf("the error is %q", s)
			}
		})
	}
}

// TestGroupRefused: a user who may read the topic and not join the group is
// told so; the member's errors are seen by nobody else.
func TestGroupRefused(t *testing.T) {
	c := newBroker(t, kfake.SeedTopics(1, "t"))
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Err: kerr.GroupAuthorizationFailed, Count: -1, TopLevel: true})
	cfg := Default
	cfg.Brokers, cfg.Topics, cfg.Group = c.ListenAddrs(), []string{"t"}, "g"
	src, err := openSource(cfg, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if err := src.Run(ctx, &feed{store: newShelf(), at: map[stream.Lane]int64{}}); !errors.Is(err, kerr.GroupAuthorizationFailed) || !strings.Contains(err.Error(), "group g") {
		t.Errorf("Run: %v", err)
	}
}
