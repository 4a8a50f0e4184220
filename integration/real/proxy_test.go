package real

import (
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// proxy stands between Sluice and a store and can be cut: connections break in
// the middle of whatever they carry and new ones are refused at once, or, when
// it is silent, are taken and never answered.
type proxy struct {
	t      *testing.T
	target string // host:port

	Address string // as the store's, with the proxy's port

	mu    sync.Mutex
	l     net.Listener
	state string // "", "cut" or "silent"
	conns map[net.Conn]bool
}

func newProxy(t *testing.T, address string) *proxy {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, target: u.Host, l: l, conns: map[net.Conn]bool{}}
	p.Address = strings.Replace(address, u.Host, l.Addr().String(), 1)
	t.Cleanup(func() { l.Close(); p.set("cut") })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.carry(c)
		}
	}()
	return p
}

// set changes the state and breaks every connection.
func (p *proxy) set(state string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = state
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// keep notes c, unless the state refuses it.
func (p *proxy) keep(c net.Conn) (state string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != "cut" {
		p.conns[c] = true
	}
	return p.state
}

func (p *proxy) carry(c net.Conn) {
	defer c.Close()
	switch p.keep(c) {
	case "cut":
		return
	case "silent":
		_, _ = io.Copy(io.Discard, c)
		return
	}
	up, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer up.Close()
	if p.keep(up) != "" {
		return
	}
	go func() { _, _ = io.Copy(up, c); up.Close() }()
	_, _ = io.Copy(c, up)
}
