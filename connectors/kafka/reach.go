package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// endTries is how often a connection may be ended by the broker before the
// first answer: so brokers refuse a password or a client without TLS, and so
// do proxies in front of one that starts.
const endTries = 5

// reach waits for the cluster to answer. An error that waiting does not mend
// (credentials, certificates) is returned: the clients would try for ever
// without a word.
func (s *Source) reach(ctx context.Context) error {
	// Without retries of its own the client says why it got no answer.
	probe, err := kgo.NewClient(append(slices.Clone(s.opts), kgo.RequestRetries(0))...)
	if err != nil {
		return err
	}
	defer probe.Close()
	ends := 0
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := probe.Ping(ctx)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		var end *kgo.ErrFirstReadEOF
		if errors.As(err, &end) || errors.Is(err, io.EOF) {
			ends++
		}
		if refused(err) {
			return fmt.Errorf("%w: check sasl and tls of the connection", err)
		}
		if ends == endTries {
			return errors.New("the broker ends every connection before it answers: sasl (mechanism, user, password) or tls of the connection is wrong")
		}
		s.env.Log.Warn("kafka: the cluster does not answer, trying again", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// refused reports errors that only a person mends.
func refused(err error) bool {
	for _, e := range []error{kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState, kerr.GroupAuthorizationFailed, kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed} {
		if errors.Is(err, e) {
			return true
		}
	}
	var verify *tls.CertificateVerificationError
	var remote *net.OpError // crypto/tls keeps the alert's type to itself
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	return errors.As(err, &verify) || errors.As(err, &remote) && remote.Op == "remote error" && strings.Contains(remote.Err.Error(), "certificate") || errors.As(err, &host) || errors.As(err, &unknown)
}

// OnGroupManageError is kgo.HookGroupManageError: the member client polls
// nothing, so this is the one place its errors are seen.
func (s *Source) OnGroupManageError(err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed) {
		return
	}
	s.env.Log.Warn("kafka: the membership is in trouble, the client tries again", "group", s.cfg.Group, "error", err)
	switch {
	case refused(err):
		err = fmt.Errorf("group %s: %w: check the user's rights", s.cfg.Group, err)
	case errors.Is(err, kerr.FencedInstanceID): // joining again would take the lanes back, without end
		err = fmt.Errorf("group %s: %w: another process runs with instance_id %s", s.cfg.Group, err, s.cfg.Instance)
	case errors.Is(err, kerr.InconsistentGroupProtocol):
		err = fmt.Errorf("group %s: %w: other members share lanes out in another way: stop them, or give the source another group", s.cfg.Group, err)
	default:
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fatal == nil {
		s.fatal = err
	}
	s.poke()
}

// anyPipeline is the client id of members of versions that do not say their pipeline.
const anyPipeline = "sluice"

// clientID is how a member of the group says whose it is.
func (s *Source) clientID() string { return anyPipeline + "-" + s.env.Pipeline }

// amongOurs refuses to take lanes in a group that is somebody else's too: Kafka
// would share the lanes out between them, and what it gives to one never comes to
// the other (each store lacked the half of them, and nobody said so). A member that
// wants none of the topics takes nothing from this one. Where the group may not be
// described that is said, and lanes are taken all the same: the right to READ a
// group is not always one to see who else does.
func (s *Source) amongOurs(ctx context.Context) error {
	g, err := s.Readers(ctx)
	if err != nil {
		s.env.Log.Warn("kafka: whether another pipeline has this group is not known, and what Kafka gives to it never comes here: let the user DESCRIBE the group",
			"group", s.cfg.Group, "error", err)
		return nil
	}
	for _, r := range g.Readers {
		if r.Client != anyPipeline && r.Client != s.clientID() && (len(r.Topics) == 0 || slices.ContainsFunc(r.Topics, s.cfg.reads)) {
			return fmt.Errorf("group %s has a member with client id %q at %s, which does not run pipeline %s: what Kafka gives to it never comes here: stop it, or give one of the two another group",
				s.cfg.Group, r.Client, r.Host, s.env.Pipeline)
		}
	}
	return nil
}

// ended is what ends Run besides its context.
func (s *Source) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fatal
}
