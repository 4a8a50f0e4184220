package registry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// gate answers one path only when it is told to, others at once.
type gate struct {
	slow string
	open chan struct{}
	came chan struct{}
	n    atomic.Int64
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == g.slow {
		if g.n.Add(1) == 1 {
			close(g.came)
		}
		<-g.open
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(`{"schema":"\"long\""}`)), Header: http.Header{}}, nil
}

// TestOneAsks: those who need an id that is asked for wait for one answer, and
// whoever needs another one does not wait at all.
func TestOneAsks(t *testing.T) {
	g := &gate{slow: "/schemas/ids/1", open: make(chan struct{}), came: make(chan struct{})}
	r, err := Open(Config{URL: "http://r"}, Outside{HTTP: g, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := r.Schema(ID{N: 1}); err != nil {
				t.Error(err)
			}
		})
	}
	<-g.came
	if _, err := r.Schema(ID{N: 2}); err != nil { // would wait for ever behind a lock
		t.Error(err)
	}
	close(g.open)
	all.Wait()
	if n := g.n.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// TestLies: whatever a registry answers, an error says what is wrong with it, at
// once the second time.
func TestLies(t *testing.T) {
	now := time.Unix(0, 0)
	deep := strings.Repeat(`{\"type\":\"array\",\"items\":`, 100) + `\"int\"` + strings.Repeat("}", 100)
	s := &server{answers: map[string]string{
		"/schemas/ids/1":         `200 <html><body>Sign in</body></html>`,
		"/schemas/ids/2":         `302 `,
		"/schemas/ids/3":         `200 {"schema":"` + strings.Repeat(" ", maxSchema) + `"}`,
		"/schemas/ids/4":         `200 {"schema":"{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"b\",\"type\":\"B\"}]}","references":[{"name":"B","subject":"b","version":1}]}`,
		"/subjects/b/versions/1": `200 {"schema":"{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"a\",\"type\":\"A\"}]}","references":[{"name":"A","subject":"a","version":1}]}`,
		"/subjects/a/versions/1": `200 {"schema":"{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"b\",\"type\":\"B\"}]}","references":[{"name":"B","subject":"b","version":1}]}`,
		"/schemas/ids/5":         `200 {"schema":"` + deep + `"}`,
		"/schemas/ids/6":         `200 {}`,
		"/schemas/ids/7":         `200 {"schema":"{\"type\":\"array\"}","schemaType":"JSON"}`,
		"/schemas/ids/8":         `200 {"schema":"\"int\"","references":[{"subject":"gone","version":1}]}`,
	}}
	r := open(t, Config{URL: "http://r"}, s, &now)
	for id, want := range map[uint64]string{1: "Confluent API", 2: "302", 3: "larger than", 4: "not defined", 5: "deeper", 6: "neither a name", 7: "object", 8: "no schema"} {
		_, err := r.Schema(ID{N: id})
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 300 {
			t.Errorf("%d: %.300v, want %q", id, err, want)
		}
		n := len(s.asked)
		if _, second := r.Schema(ID{N: id}); len(s.asked) != n || second == nil || second.Error() != err.Error() {
			t.Errorf("%d: asked again at once: %v", id, second)
		}
	}
}

// TestJSONSchema: as Confluent's converter writes it, and plain.
func TestJSONSchema(t *testing.T) {
	now := time.Unix(0, 0)
	s := &server{answers: map[string]string{
		"/schemas/ids/1": `200 {"schemaType":"JSON","schema":"{\"type\":\"object\",\"title\":\"s.t.Value\",\"properties\":{\"n\":{\"connect.index\":1,\"oneOf\":[{\"type\":\"null\"},{\"type\":\"number\",\"title\":\"org.apache.kafka.connect.data.Decimal\",\"connect.type\":\"bytes\",\"connect.parameters\":{\"scale\":\"2\"}}]},\"id\":{\"type\":\"integer\",\"connect.index\":0,\"connect.type\":\"int32\"},\"odd\":{\"$ref\":\"#/x\"}},\"required\":[\"id\"]}"}`,
	}}
	r := open(t, Config{URL: "http://r"}, s, &now)
	a, err := r.Schema(ID{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"type":"struct","optional":false,"name":"s.t.Value","fields":[{"type":"int32","optional":false,"field":"id"},{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","field":"n","parameters":{"scale":"2"}}]}`; string(a.Connect()) != want {
		t.Errorf("%s", a.Connect())
	}
	if out, err := a.AppendJSON([]byte("x"), []byte(`{"id":1}`)); err != nil || string(out) != `x{"id":1}` {
		t.Errorf("%s %v", out, err)
	}
}

// TestClientCertificate: a registry that wants to know who asks.
func TestClientCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sluice"}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"schema":"\"long\""}`)
	}))
	pool := x509.NewCertPool()
	pool.AddCert(ours)
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	srv.StartTLS()
	defer srv.Close()
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	secrets := map[string]string{"file:ca": block("CERTIFICATE", srv.Certificate().Raw), "file:cert": block("CERTIFICATE", der), "file:key": block("EC PRIVATE KEY", private), "file:bad": "no PEM"}
	try := func(c Config) error {
		c.URL = srv.URL
		r, err := Open(c, Outside{HTTP: &http.Transport{}, Now: time.Now, Wait: func(time.Duration) {}, Secret: func(ref string) (string, error) { return secrets[ref], nil }})
		if err != nil {
			return err
		}
		_, err = r.Schema(ID{N: 1})
		return err
	}
	if err := try(Config{CA: "file:ca", Cert: "file:cert", Key: "file:key"}); err != nil {
		t.Error(err)
	}
	if err := try(Config{CA: "file:ca"}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("without a certificate: %v", err)
	}
	if err := try(Config{CA: "file:ca", Cert: "file:cert", Key: "file:bad"}); err == nil || !strings.Contains(err.Error(), "no pair") {
		t.Errorf("%v", err)
	}
	for _, c := range []Config{{URL: "https://r", Cert: "file:c"}, {URL: "http://r", CA: "file:c"}} {
		if c.Validate() == nil {
			t.Errorf("%+v passes", c)
		}
	}
}
