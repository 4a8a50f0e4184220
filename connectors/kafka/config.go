// Package kafka reads topics as a member of a consumer group and writes topics
// in transactions. The client is franz-go.
package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"sluice/topology"
)

// Connection is how to reach a cluster.
type Connection struct {
	Brokers []string `yaml:"brokers" plan:"-" check:"brokers"` // host:port
	TLS     TLS      `yaml:"tls" plan:"-"`
	SASL    SASL     `yaml:"sasl" plan:"-"`
}

// TLS of a connection; cert and key make it mutual.
type TLS struct {
	Enabled    bool   `yaml:"enabled"`
	CA         string `yaml:"ca"` // path of PEM; empty: the system's
	Cert       string `yaml:"cert"`
	Key        string `yaml:"key"`
	ServerName string `yaml:"server_name"`
}

// SASL of a connection. Password, Token and ClientSecret are references.
type SASL struct {
	Mechanism    string `yaml:"mechanism"` // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER; empty: none
	Username     string `yaml:"username"`
	Password     string `yaml:"password" check:"secret"`
	Token        string `yaml:"token" check:"secret"` // of OAUTHBEARER: a static token,
	TokenURL     string `yaml:"token_url"`            // or client credentials (RFC 6749 section 4.4)
	ClientID     string `yaml:"client_id"`
	ClientSecret string `yaml:"client_secret" check:"secret"`
}

var mechanisms = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"}

// hostForm is a name or an address: no scheme, no path, no quotes of a web page.
var hostForm = regexp.MustCompile(`^[\p{L}\p{N}._:%-]+$`)

func (c *Connection) validate() error {
	var errs []error
	if len(c.Brokers) == 0 {
		errs = append(errs, errors.New("brokers: name at least one, as host:port"))
	}
	for _, b := range c.Brokers {
		host, port, err := net.SplitHostPort(b)
		if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 1 || n > 65535 || !hostForm.MatchString(host) {
			errs = append(errs, fmt.Errorf("brokers: %q: want host:port, as kafka:9092", b))
		}
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		errs = append(errs, errors.New("tls: cert and key go together"))
	}
	s := c.SASL
	switch s.Mechanism {
	case "":
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
		if s.Username == "" || s.Password == "" {
			errs = append(errs, fmt.Errorf("sasl: %s needs username and password, the password as env:NAME or file:PATH", s.Mechanism))
		}
	case "OAUTHBEARER":
		if s.Token == "" && (s.TokenURL == "" || s.ClientID == "" || s.ClientSecret == "") {
			errs = append(errs, errors.New("sasl: OAUTHBEARER needs token, or token_url with client_id and client_secret"))
		}
	default:
		errs = append(errs, fmt.Errorf("sasl: mechanism %q%s", s.Mechanism, topology.Suggest(s.Mechanism, mechanisms)))
	}
	return errors.Join(errs...)
}

// options are the client's options of a connection.
func (c *Connection) options(env topology.Env) ([]kgo.Opt, error) {
	opts := []kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.ClientID("sluice"), kgo.DisableClientMetrics()}
	if c.TLS.Enabled || c.TLS.CA != "" || c.TLS.Cert != "" {
		t, err := c.TLS.config()
		if err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
		opts = append(opts, kgo.DialTLSConfig(t))
	} else if env.Dial != nil {
		opts = append(opts, kgo.Dialer(env.Dial))
	}
	m, err := c.SASL.mechanism(env)
	if err != nil {
		return nil, fmt.Errorf("sasl: %w", err)
	}
	if m != nil {
		opts = append(opts, kgo.SASL(m))
	}
	return opts, nil
}

func (t *TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		p, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(p) {
			return nil, fmt.Errorf("%s holds no PEM certificate", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func (s *SASL) mechanism(env topology.Env) (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "":
		return nil, nil
	case "OAUTHBEARER":
		return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
			token, err := s.token(ctx, env)
			return oauth.Auth{Token: token}, err
		}), nil
	}
	pass, err := env.Secret(s.Password)
	if err != nil {
		return nil, err
	}
	switch s.Mechanism {
	case "SCRAM-SHA-256":
		return scram.Auth{User: s.Username, Pass: pass}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: s.Username, Pass: pass}.AsSha512Mechanism(), nil
	}
	return plain.Auth{User: s.Username, Pass: pass}.AsMechanism(), nil
}

// token is asked for at every connection: a reference that is a file may be
// renewed beside the process.
func (s *SASL) token(ctx context.Context, env topology.Env) (string, error) {
	if s.Token != "" {
		return env.Secret(s.Token)
	}
	secret, err := env.Secret(s.ClientSecret)
	if err != nil {
		return "", err
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.ClientID}, "client_secret": {secret}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", errors.New("token_url is no URL")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := (&http.Client{Transport: env.HTTP, Timeout: 20 * time.Second}).Do(req)
	if err != nil {
		return "", fmt.Errorf("token_url: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	var a struct {
		Token string `json:"access_token"`
	}
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(body, &a) != nil || a.Token == "" {
		return "", fmt.Errorf("token_url answered %s without an access_token", resp.Status)
	}
	return a.Token, nil
}

// Config of the source.
type Config struct {
	Connection `yaml:",inline"`

	Topics   []string `yaml:"topics" check:"topics"`   // names, globs (shop.*), or /regular expressions/
	Exclude  []string `yaml:"exclude" check:"exclude"` // the same
	Group    string   `yaml:"group" plan:"-"`          // default sluice-PIPELINE
	Instance string   `yaml:"instance_id" plan:"-"`    // static membership
	Protocol string   `yaml:"protocol" plan:"-"`       // classic (default) or consumer (KIP-848, brokers from 4.3)

	SessionTimeout   topology.Duration `yaml:"session_timeout" plan:"-"`   // default 45s
	RebalanceTimeout topology.Duration `yaml:"rebalance_timeout" plan:"-"` // default 60s; half of it is for committing what is revoked
	Fetch            Fetch             `yaml:"fetch" plan:"-"`
}

// Fetch sizes. Bytes are of compressed data; less is asked for where it would
// become more than 48 MiB when it is decompressed, of all brokers together.
type Fetch struct {
	MaxBytes     topology.Size     `yaml:"max_bytes"`           // default 16MiB
	PartitionMax topology.Size     `yaml:"max_partition_bytes"` // default 1MiB
	MaxWait      topology.Duration `yaml:"max_wait"`            // default 500ms
}

// Default is the source's config before the file.
var Default = Config{
	Protocol:       "classic",
	SessionTimeout: topology.Duration(45 * time.Second), RebalanceTimeout: topology.Duration(60 * time.Second),
	Fetch: Fetch{MaxBytes: 16 << 20, PartitionMax: 1 << 20, MaxWait: topology.Duration(500 * time.Millisecond)},
}

// topicForm is a topic's name (Kafka's Topic.java), or a glob of them.
var topicForm = regexp.MustCompile(`^[a-zA-Z0-9._*-]+$`)

// Validate finds mistakes before anything runs.
func (c *Config) Validate() error {
	errs := []error{c.Connection.validate()}
	if len(c.Topics) == 0 {
		errs = append(errs, errors.New("topics: name at least one"))
	}
	for _, t := range append(append([]string{}, c.Topics...), c.Exclude...) {
		if _, err := regexp.Compile(pattern(t)); err != nil || !strings.HasPrefix(t, "/") && !topicForm.MatchString(t) {
			errs = append(errs, fmt.Errorf("topics: %q is no name, glob or /regular expression/", t))
		}
	}
	if c.Protocol != "classic" && c.Protocol != "consumer" {
		errs = append(errs, fmt.Errorf("protocol %q%s", c.Protocol, topology.Suggest(c.Protocol, []string{"classic", "consumer"})))
	}
	return errors.Join(errs...)
}

// pattern is the anchored regular expression of a name, glob or /expression/.
func pattern(t string) string {
	if len(t) > 2 && t[0] == '/' && t[len(t)-1] == '/' {
		return "^(?:" + t[1:len(t)-1] + ")$"
	}
	return "^" + strings.ReplaceAll(regexp.QuoteMeta(t), `\*`, ".*") + "$"
}

// plainNames reports whether every topic is a name and none is excluded: the
// client takes exclusions beside patterns only.
func (c *Config) plainNames() bool {
	return len(c.Exclude) == 0 && !slices.ContainsFunc(c.Topics, func(t string) bool { return strings.ContainsAny(t, "*/") })
}

// excluded are the patterns of topics that are not read: those of the file, and
// sluice's own, which a pattern such as * would else match: a pipeline that
// reads the ledger its commits write never comes to an end. (It also makes the
// client evaluate patterns, not the broker, which has another grammar.)
func (c *Config) excluded() []string {
	ps := patterns(c.Exclude)
	if !slices.ContainsFunc(c.Topics, func(t string) bool { return strings.HasPrefix(strings.TrimPrefix(t, "/"), "_sluice_") }) {
		ps = append(ps, "^_sluice_.*$")
	}
	return ps
}

func patterns(ts []string) (ps []string) {
	for _, t := range ts {
		ps = append(ps, pattern(t))
	}
	return ps
}

// reads reports whether the source reads topic.
func (c *Config) reads(topic string) bool {
	match := func(ps []string) bool {
		return slices.ContainsFunc(ps, func(p string) bool { return regexp.MustCompile(p).MatchString(topic) })
	}
	return match(patterns(c.Topics)) && !match(c.excluded())
}
