package launch

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Secrets are made for one stack: files below its folder, one a secret, so that
// every server and every pipeline names them by reference.
type Secrets struct {
	Dir string // password, s3.access, s3.secret, catalog.token, bridge.key, mask.key, dead.key
	CA  string // PEM of the authority that signed Cert
	// Cert and Key are PEM files of a server on 127.0.0.1 and localhost.
	Cert, Key string
	// ClientCert and ClientKey are PEM files of a client.
	ClientCert, ClientKey string
	// Trust is CA as a PKCS 12 store of password TrustPassword; Connect makes it.
	Trust string
}

// Get is the text of one secret.
func (s Secrets) Get(name string) string {
	b, err := os.ReadFile(filepath.Join(s.Dir, name))
	if err != nil {
		panic("launch: secret " + name + " was not made: " + err.Error())
	}
	return string(b)
}

// Ref is a pipeline file's reference to a secret.
func (s Secrets) Ref(name string) string { return "file:" + filepath.Join(s.Dir, name) }

func makeSecrets(dir string) (s Secrets, err error) {
	s = Secrets{Dir: filepath.Join(dir, "secrets")}
	s.CA, s.Cert, s.Key = filepath.Join(s.Dir, "ca.pem"), filepath.Join(s.Dir, "server.pem"), filepath.Join(s.Dir, "server.key")
	s.ClientCert, s.ClientKey = filepath.Join(s.Dir, "client.pem"), filepath.Join(s.Dir, "client.key")
	s.Trust = filepath.Join(s.Dir, "trust.p12")
	if _, err := os.Stat(s.Key); err == nil {
		return s, nil
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return s, err
	}
	for _, n := range []string{"password", "s3.access", "s3.secret", "catalog.token", "bridge.key", "mask.key", "dead.key"} {
		b := make([]byte, 32)
		if _, err := rand.Read(b); err != nil {
			return s, err
		}
		if err := os.WriteFile(filepath.Join(s.Dir, n), []byte(hex.EncodeToString(b)), 0o600); err != nil {
			return s, err
		}
	}
	return s, s.certificate()
}

// certificate makes an authority of a server's and a client's certificate, all
// good for ten days.
func (s Secrets) certificate() error {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sluice stack"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, 10),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return err
	}
	leaf := func(serial int64, name string, use x509.ExtKeyUsage, certFile, keyFile string) error {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{use}}
		if use == x509.ExtKeyUsageServerAuth {
			c.DNSNames, c.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
		}
		der, err1 := x509.CreateCertificate(rand.Reader, c, ca, &key.PublicKey, caKey)
		pkcs8, err2 := x509.MarshalPKCS8PrivateKey(key)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		return errors.Join(writePEM(certFile, "CERTIFICATE", der), writePEM(keyFile, "PRIVATE KEY", pkcs8))
	}
	return errors.Join(writePEM(s.CA, "CERTIFICATE", caDER), leaf(2, "localhost", x509.ExtKeyUsageServerAuth, s.Cert, s.Key),
		leaf(3, "sluice", x509.ExtKeyUsageClientAuth, s.ClientCert, s.ClientKey))
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
