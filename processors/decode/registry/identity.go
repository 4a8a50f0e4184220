package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
)

// identify gives the registry's connections the certificates of the
// configuration. Without any they are everybody's.
func (r *Registry) identify() error {
	if r.cfg.CA == "" && r.cfg.Cert == "" {
		return nil
	}
	t, ok := r.out.HTTP.(*http.Transport)
	if !ok {
		return errors.New("registry: ca and cert need connections of our own")
	}
	t = t.Clone()
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if r.cfg.CA != "" {
		p, err := r.out.Secret(r.cfg.CA)
		if err != nil {
			return fmt.Errorf("registry: ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM([]byte(p)) {
			return errors.New("registry: ca: it has no certificate in PEM")
		}
		t.TLSClientConfig.RootCAs = pool
	}
	if r.cfg.Cert != "" {
		cert, err := r.out.Secret(r.cfg.Cert)
		if err != nil {
			return fmt.Errorf("registry: cert: %w", err)
		}
		key, err := r.out.Secret(r.cfg.Key)
		if err != nil {
			return fmt.Errorf("registry: key: %w", err)
		}
		pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
		if err != nil {
			return errors.New("registry: cert and key: they are no pair in PEM") // the error may hold what was read // P1
		}
		t.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	r.out.HTTP = t
	return nil
}
