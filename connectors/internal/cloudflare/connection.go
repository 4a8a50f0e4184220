package cloudflare

import (
	"context"
	"errors"
	"fmt"

	"sluice/topology"
)

// API is what sinks call: a [Client] of the public REST API, or a [Bridge].
type API interface {
	D1Query(ctx context.Context, database string, statements []Statement) ([]StatementResult, error)
	QueuePush(ctx context.Context, queue string, messages []Message) error
	KVPut(ctx context.Context, namespace string, pairs []Pair) error
	KVDelete(ctx context.Context, namespace string, keys []string) error
	KVGet(ctx context.Context, namespace string, keys []string) (map[string]string, error)
	KVBatch() int // pairs or keys that one KVPut or KVDelete takes
}

// Connection is the part of a sink's YAML that says how Cloudflare is reached.
type Connection struct {
	Via string `yaml:"via" plan:"-"` // api (default) or bridge

	Account  string `yaml:"account" plan:"-"`              // account id
	Token    string `yaml:"token" plan:"-" check:"secret"` // env:NAME or file:PATH: an API token with edit rights for the product // P5
	API      string `yaml:"api" plan:"-"`                  // default the public API
	Requests int    `yaml:"requests" plan:"-"`             // requests of this account in five minutes; 0: no limit

	Bridge       string `yaml:"bridge" plan:"-"`                       // address of the Worker of deploy/worker
	Key          string `yaml:"key" plan:"-" check:"secret"`           // env:NAME or file:PATH: 64 hexadecimal digits, as in its secret SLUICE_KEYS // P5
	KeyID        string `yaml:"key_id" plan:"-"`                       // which of its keys
	AccessID     string `yaml:"access_id" plan:"-"`                    // a Cloudflare Access service token, where Access stands before the Worker
	AccessSecret string `yaml:"access_secret" plan:"-" check:"secret"` // env:NAME or file:PATH // P5
}

// DefaultConnection are the values of fields that are left out.
func DefaultConnection() Connection {
	return Connection{Via: "api", API: DefaultBaseURL, Requests: DefaultRequests, KeyID: "k1"}
}

// Check finds mistakes that need no I/O; product is for the messages.
func (c *Connection) Check(product string) (errs []error) {
	need := func(value, name, what string) {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s is missing: give %s", name, what))
		}
	}
	switch known := []string{"api", "bridge"}; c.Via {
	case "api":
		need(c.Account, "account", "the account id, 32 hexadecimal digits")
		need(c.Token, "token", "a reference to an API token with "+product+" edit rights, as env:CLOUDFLARE_API_TOKEN")
		if c.Bridge != "" {
			errs = append(errs, errors.New("bridge is for `via: bridge`"))
		}
	case "bridge":
		need(c.Bridge, "bridge", "the Worker's address, as https://sluice-bridge.example.com")
		need(c.Key, "key", "a reference to one of the keys in the Worker's SLUICE_KEYS, as env:SLUICE_BRIDGE_KEY")
		if (c.AccessID == "") != (c.AccessSecret == "") {
			errs = append(errs, errors.New("access_id and access_secret belong together"))
		}
	default:
		errs = append(errs, fmt.Errorf("via: %q is unknown%s", c.Via, topology.Suggest(c.Via, known)))
	}
	if c.Requests < 0 {
		errs = append(errs, errors.New("requests is below 0: 0 means no limit"))
	}
	return errs
}

// Open makes the client without any request.
func (c *Connection) Open(env topology.Env) (API, error) {
	if c.Via == "bridge" {
		key, err := env.Secret(c.Key)
		if err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		b := BridgeConfig{Address: c.Bridge, KeyID: c.KeyID, Key: key, AccessID: c.AccessID, HTTP: env.HTTP, Now: env.Now}
		if c.AccessSecret != "" {
			if b.AccessSecret, err = env.Secret(c.AccessSecret); err != nil {
				return nil, fmt.Errorf("access_secret: %w", err)
			}
		}
		return NewBridge(b)
	}
	token, err := env.Secret(c.Token)
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return New(Config{BaseURL: c.API, AccountID: c.Account, Token: token, HTTP: env.HTTP, Limiter: Shared(env.Shared, c.Account, c.Requests, env.Now)})
}
