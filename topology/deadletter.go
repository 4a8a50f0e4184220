package topology

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluice/topology/stream"
)

// Sealer encrypts refused records with AES-256-GCM under a key a day, derived
// from the pipeline's dead letter key. // P2 P5
type Sealer struct {
	secret []byte
	keyID  string
}

// Letter is the raw record inside a sealed dead letter.
type Letter struct {
	Format  int            `json:"v"` // 1
	Time    int64          `json:"time"`
	Key     []byte         `json:"key"`
	Value   []byte         `json:"value"`
	Headers []LetterHeader `json:"headers,omitempty"`
}

// LetterHeader is one header of a Letter, in order; names may repeat.
type LetterHeader struct {
	Key   string `json:"key"`
	Value []byte `json:"value"`
}

// NewSealer takes at least 16 bytes of secret.
func NewSealer(secret, keyID string) (*Sealer, error) {
	if len(secret) < 16 {
		return nil, errors.New("dead_letters: the key has less than 16 bytes: make one with `head -c 32 /dev/urandom | base64`")
	}
	if keyID == "" {
		keyID = "k1"
	}
	return &Sealer{secret: []byte(secret), keyID: keyID}, nil
}

// aead is the cipher of a key id of the form NAME/YYYY-MM-DD.
func (s *Sealer) aead(keyID string) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, s.secret, nil, "sluice dead letter "+keyID, 32)
	if err != nil {
		return nil, err
	}
	b, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(b)
}

// Seal encrypts l; the result opens under the id it returns and for d's id only.
func (s *Sealer) Seal(id string, l Letter, now time.Time) (sealed []byte, keyID string, err error) {
	keyID = s.keyID + "/" + now.UTC().Format(time.DateOnly)
	a, err := s.aead(keyID)
	if err != nil {
		return nil, "", err
	}
	l.Format = 1
	p, err := json.Marshal(l)
	if err != nil {
		return nil, "", errors.New("a record cannot be encoded for its dead letter") // P1: not the cause, it may quote
	}
	return a.Seal(nil, nil, p, []byte(id)), keyID, nil
}

// Open decrypts what Seal made.
func (s *Sealer) Open(d stream.DeadLetter) (l Letter, err error) {
	a, err := s.aead(d.KeyID)
	if err != nil {
		return l, err
	}
	p, err := a.Open(nil, nil, d.Sealed, []byte(d.ID))
	if err != nil {
		return l, fmt.Errorf("dead letter %s: sealed under %s, this key does not open it", d.ID, d.KeyID)
	}
	if err := json.Unmarshal(p, &l); err != nil || l.Format != 1 {
		return l, fmt.Errorf("dead letter %s has a form this version does not read", d.ID)
	}
	return l, nil
}

func (p *Pipeline) openDeadLetters(d DeadLetters) (err error) {
	if d.Home == "" {
		return nil
	}
	for i, o := range p.outs {
		if o.name != d.Home {
			continue
		}
		if _, ok := o.sink.(stream.DeadLetters); !ok {
			return fmt.Errorf("dead_letters: home %q cannot keep dead letters: take a transactional sink", d.Home)
		}
		p.home = i
	}
	if err := guarded(d.Key); err != nil {
		return fmt.Errorf("dead_letters: key: %w", err)
	}
	secret, err := p.env.Secret(d.Key)
	if err != nil {
		return fmt.Errorf("dead_letters: key: %w", err)
	}
	p.sealer, err = NewSealer(secret, d.KeyID)
	return err
}

// guarded tells why the file of a reference is none for a key that opens whole
// records: others may read it. Folders whose modes an orchestrator sets are
// excepted, as for the keys of masks; what is not there the reading says. // P5
func guarded(ref string) error {
	path, ok := strings.CutPrefix(ref, "file:")
	if !ok {
		return nil
	}
	info, err := os.Stat(path)
	full, _ := filepath.Abs(path)
	if err != nil || strings.HasPrefix(full, "/run/secrets/") || strings.HasPrefix(full, "/var/run/secrets/") {
		return nil
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("file:%s: others may read or write it (mode %04o): chmod 600 it", path, mode)
	}
	return nil
}

// ofLog adds the start of a topic's id to a letter's: a topic that is deleted and
// made anew has the same offsets again, and stores keep one letter of an id (the
// later ones were lost).
func ofLog(id, topicID string) string {
	if topicID == "" {
		return id
	}
	return id + "/" + topicID[:min(8, len(topicID))]
}

// ofSink makes the ids of rows that a sink refused its own: two sinks of one
// store may refuse the same row.
func ofSink(letters []stream.DeadLetter, sink string, spans map[stream.Lane]stream.LedgerSpan) {
	for i := range letters {
		d := &letters[i]
		if d.Sealed == nil { // else it opens by its id only
			d.ID = ofLog(d.ID, spans[d.Lane].TopicID) + "/" + sink
		}
	}
}

// letters seals the rejects of b, if the home still needs them. Without a home
// the lane stops: a refused record is never skipped. // P2
func (p *Pipeline) letters(b *stream.Batch, mask uint64) (ds []stream.DeadLetter, err error) {
	for i := range b.Rejects {
		r := &b.Rejects[i]
		p.Observer.rejected(Rejected{Lane: b.Lane, Stage: r.Stage, Code: r.Code, Field: r.Field, Records: 1})
		if p.home < 0 {
			return nil, &stream.StateError{State: stream.StateParked, Lanes: []stream.Lane{b.Lane},
				Why:  fmt.Sprintf("the record at offset %d was refused by %s: %s %s", r.Record.Offset, r.Stage, r.Code, r.Field),
				Todo: "mend the producer or the config, or give the pipeline a dead_letters home"}
		}
		if mask&(1<<p.home) == 0 {
			continue // it has them
		}
		d := stream.DeadLetter{ID: ofLog(fmt.Sprintf("%s/%s/%d/%d", p.env.Pipeline, b.Lane, r.Record.Offset, r.Record.Seq), b.TopicID),
			Lane: b.Lane, Offset: r.Record.Offset, Seq: r.Record.Seq, Time: r.Record.Time, Stage: r.Stage, Code: r.Code, Field: r.Field}
		l := Letter{Time: r.Record.Time, Key: r.Record.Key.Bytes(), Value: r.Record.Value.Bytes()}
		for _, h := range r.Record.Headers {
			l.Headers = append(l.Headers, LetterHeader{h.Key, h.Value.Bytes()})
		}
		if d.Sealed, d.KeyID, err = p.sealer.Seal(d.ID, l, p.env.Now()); err != nil {
			return nil, err
		}
		ds = append(ds, d)
	}
	return ds, nil
}
