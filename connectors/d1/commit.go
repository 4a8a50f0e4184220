package d1

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"sluice/connectors/internal/cloudflare"
	"sluice/topology/stream"
)

// uploadBytes is about what one request brings to _sluice_staged.
const uploadBytes = 8_000_000

// stagedAge is how old rows in _sluice_staged are when nobody will commit them.
const stagedAge = 24 * time.Hour

// Upload is part of stream.Sink. Small epochs travel in the payload, large
// ones to _sluice_staged, where the batch that commits them finds them.
func (s *Sink) Upload(ctx context.Context, e stream.Epoch, parts []stream.Part) (stream.Staged, error) {
	st := stream.Staged{Format: 1, Epoch: e}
	p := s.plan(parts)
	if p.Tables == nil {
		return st, nil
	}
	if len(p.raw) > s.cfg.BatchBytes {
		if err := s.bring(ctx, e, &p); err != nil {
			return st, classify(err)
		}
	}
	var err error
	st.Payload, err = p.encode()
	return st, err
}

// bring puts the rows into _sluice_staged; doing it again changes nothing.
func (s *Sink) bring(ctx context.Context, e stream.Epoch, p *payload) error {
	old := strconv.FormatInt(e.Time-stagedAge.Microseconds(), 10)
	ss := append(s.create(), cloudflare.Statement{SQL: `DELETE FROM _sluice_staged WHERE pipeline = ?1 AND sink = ?2 AND time < CAST(?3 AS INTEGER)`,
		Params: params(s.env.Pipeline, e.Sink, old)})
	size := 0
	for i := range p.Tables {
		for j := range p.Tables[i].Ops {
			o := &p.Tables[i].Ops[j]
			if size > 0 && (size+o.Len > uploadBytes || len(ss) >= rowStatements) {
				if _, err := s.client.D1Query(ctx, s.cfg.Database, ss); err != nil {
					return s.unready(err)
				}
				s.setReady(true)
				ss, size = nil, 0
			}
			p.Chunks++
			ss = append(ss, cloudflare.Statement{SQL: `INSERT OR REPLACE INTO _sluice_staged (pipeline, sink, "commit", n, v, time, rows) VALUES (?1, ?2, ?3, CAST(?4 AS INTEGER), 1, CAST(?5 AS INTEGER), ?6)`,
				Params: append(params(s.env.Pipeline, e.Sink, e.Commit, strconv.Itoa(p.Chunks), strconv.FormatInt(e.Time, 10)), p.raw[o.From:o.From+o.Len])})
			size += o.Len
			o.Chunk, o.From, o.Len = p.Chunks, 0, 0
		}
	}
	if _, err := s.client.D1Query(ctx, s.cfg.Database, ss); err != nil {
		return s.unready(err)
	}
	s.setReady(true)
	p.raw = nil
	return nil
}

// unready notes that our own tables may be missing, and makes that error passing.
func (s *Sink) unready(err error) error {
	if cloudflare.ClassOf(err) == cloudflare.ClassSchema {
		s.setReady(false)
		return stream.Retry(string(cloudflare.ClassSchema), 0, err)
	}
	return err
}

// Commit is part of stream.Sink.
func (s *Sink) Commit(ctx context.Context, staged []stream.Staged) error {
	es := make([]stream.Epoch, len(staged))
	ps := make([]payload, len(staged))
	for i, st := range staged {
		var err error
		if ps[i], err = decodePayload(st.Payload); err != nil || st.Format != 1 {
			return errPayload
		}
		es[i] = st.Epoch
	}
	return s.commit(ctx, es, ps)
}

// commit is one transaction, or several where one does not take it.
func (s *Sink) commit(ctx context.Context, es []stream.Epoch, ps []payload) error {
	if len(es) == 0 {
		return nil
	}
	if !contiguous(es) {
		return fmt.Errorf("d1: spans of one commit do not follow each other: %w", stream.ErrFenced) // D3
	}
	shares := split(es, ps, s.most)
	for i := s.behind(es); i < len(shares); i++ {
		if err := s.transact(ctx, shares[i].es, shares[i].ps); err != nil {
			return err
		}
		s.setBehind(es, (i+1)%len(shares))
	}
	s.added(es)
	return nil
}

// transact is one transaction. What D1 says decides: applied; a lost fence; an
// unknown outcome, which is read back; tables that somebody else changed,
// which are read again; or an error to wait for or to mend.
func (s *Sink) transact(ctx context.Context, es []stream.Epoch, ps []payload) (err error) {
	for range 3 {
		var ss []cloudflare.Statement
		var tables map[string]*stored
		if ss, tables, err = s.batch(ctx, es, ps); err != nil {
			if cloudflare.ClassOf(err) == cloudflare.ClassSchema {
				s.setReady(false)
				continue
			}
			return classify(err)
		}
		if _, err = s.client.D1Query(ctx, s.cfg.Database, ss); err == nil {
			s.applied(es, tables)
			return nil
		}
		class, raised := cloudflare.ClassOf(err), raisedBy(err)
		switch {
		case strings.HasPrefix(raised, "sluice_fence_lost"), cloudflare.Ambiguous(err):
			if class == cloudflare.ClassResources { // who reads it has to know what else to do than wait
				err = fmt.Errorf("%w (if it stays so, this is more than D1 does in one transaction: lower commit.bytes of the sink or engine.budget)", err)
			}
			return s.readBack(ctx, es, err)
		case strings.HasPrefix(raised, "sluice_staged_lost"):
			return fmt.Errorf("d1: rows brought for commit %s are gone from _sluice_staged: %w", es[0].Commit, stream.ErrFenced)
		case class == cloudflare.ClassSchema || strings.HasPrefix(raised, "sluice_table_taken"):
			s.setReady(false) // another instance, or a person, changed tables
		case refusedForGood(err):
			return s.blame(ctx, es, ps, err)
		default:
			return classify(err)
		}
	}
	return parked("the tables are not what they were a moment ago: "+err.Error(), "look whether something else alters them")
}

func raisedBy(err error) string {
	var a *cloudflare.APIError
	if errors.As(err, &a) {
		return a.Raised
	}
	return ""
}

// contiguous reports that the spans of a lane over several epochs follow one
// another; the fence compares the first. // D3
func contiguous(es []stream.Epoch) bool {
	at := map[lane]stream.LanePos{}
	for i := range es {
		e := &es[i]
		for _, sp := range e.Spans {
			was, ok := at[sp.Lane]
			if ok && !e.Follows(was, sp) {
				return false
			}
			at[sp.Lane] = e.Move(was, sp)
		}
	}
	return true
}

// batch is the transaction: our tables, the fence, then each epoch with its
// tables' shape, rows, dead letters, ledger and positions. // D6
func (s *Sink) batch(ctx context.Context, es []stream.Epoch, ps []payload) (ss []cloudflare.Statement, tables map[string]*stored, err error) {
	for i := range ps {
		if err := s.learn(ctx, ps[i].Tables); err != nil {
			return nil, nil, err
		}
	}
	s.mu.Lock()
	seen := maps.Clone(s.ledgers[es[0].Sink])
	s.mu.Unlock()
	ss = append(s.create(), s.fence(es, seen)...)
	tables = map[string]*stored{}
	var shapes []cloudflare.Statement
	var rows []cloudflare.Statement
	var refused []stream.Refusal
	for i := range es {
		if i < len(ps) {
			if shapes, rows, err = s.rows(&es[i], &ps[i], tables, shapes, rows, &refused); err != nil {
				return nil, nil, err
			}
		}
		rows = append(rows, s.settle(&es[i])...)
	}
	if refused != nil {
		s.takeBack(ctx, es, ps)
		return nil, nil, stream.Apart(refused, es...)
	}
	if n := len(ss) + len(shapes) + len(rows); n > cloudflare.MaxStatements && len(shapes) > 0 {
		if err := s.early(ctx, shapes); err != nil {
			return nil, nil, err
		}
		shapes = nil
	}
	if n := len(ss) + len(rows); n > cloudflare.MaxStatements {
		err := parked(fmt.Sprintf("one commit takes %d statements, D1 takes %d in a transaction, and rows of one topic stay together", n, cloudflare.MaxStatements),
			"lower commit.bytes and commit.every of this sink")
		if topics := topicsOf(ps); len(topics) == 1 { // split left nothing beside it
			s.takeBack(ctx, es, ps)
			return nil, nil, stream.Apart([]stream.Refusal{{StateError: err, Topics: topics}}, es...)
		}
		return nil, nil, err
	}
	return append(append(ss, shapes...), rows...), tables, nil
}

// rows adds what one epoch does to its tables. Topics whose rows a table cannot
// take as it is go to refused.
func (s *Sink) rows(e *stream.Epoch, p *payload, tables map[string]*stored, shapes, rows []cloudflare.Statement, refused *[]stream.Refusal) (_, _ []cloudflare.Statement, err error) {
	brought := params(s.env.Pipeline, e.Sink, e.Commit, string(jsonText(p.chunks())))
	if p.Chunks > 0 {
		rows = append(rows, cloudflare.Statement{SQL: stagedSQL, Params: brought})
	}
	for i := range p.Tables {
		t := &p.Tables[i]
		ddl, now, err := s.shape(t, tables[lower(t.Name)])
		if state, is := errors.AsType[*stream.StateError](err); is {
			*refused = append(*refused, stream.Refusal{StateError: state, Topics: []string{t.Topic}})
			s.mu.Lock()
			delete(s.tables, lower(t.Name)) // a person may mend the table
			s.mu.Unlock()
			continue
		}
		if err != nil { // D6: rows are never passed over for an error
			return nil, nil, err
		}
		if now == nil {
			continue // nothing to truncate
		}
		shapes = append(shapes, ddl...)
		tables[lower(t.Name)] = now
		rows = append(rows, s.apply(t, now.name, e, p.raw)...)
	}
	if p.Chunks > 0 {
		rows = append(rows, cloudflare.Statement{SQL: unstageSQL + andChunks, Params: brought})
	}
	return shapes, rows, nil
}

// takeBack deletes what was brought for epochs that are dropped: a refused lane is
// tried again and again, and a day of tries would fill the database. A commit that
// is still under way does not find its rows then, and does nothing. What cannot be
// deleted now goes after a day.
func (s *Sink) takeBack(ctx context.Context, es []stream.Epoch, ps []payload) {
	var ss []cloudflare.Statement
	for i := range ps {
		if ps[i].Chunks > 0 {
			ss = append(ss, cloudflare.Statement{SQL: unstageSQL, Params: params(s.env.Pipeline, es[i].Sink, es[i].Commit)})
		}
	}
	if ss == nil {
		return
	}
	if _, err := s.client.D1Query(ctx, s.cfg.Database, ss); err != nil {
		s.env.Log.Warn("d1: rows of a refused commit stay for a day", "error", err)
	}
}

// early makes tables and columns before the commit, when all of it is too much
// for one transaction: empty tables and columns show nobody anything.
func (s *Sink) early(ctx context.Context, shapes []cloudflare.Statement) error {
	const n = 900 // a table takes three
	for len(shapes) > 0 {
		k := min(n, len(shapes))
		if _, err := s.client.D1Query(ctx, s.cfg.Database, append(s.create(), shapes[:k]...)); err != nil {
			return err
		}
		shapes = shapes[k:]
	}
	return nil
}

// applied notes what this process has now seen of the store.
func (s *Sink) applied(es []stream.Epoch, tables map[string]*stored) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = true
	maps.Copy(s.tables, tables)
	for _, e := range es {
		seen := s.seen(e.Sink)
		for _, sp := range e.Spans {
			seen[sp.Lane] = true
		}
	}
}

// seen is what this process knows of a sink's lanes. s.mu is held.
func (s *Sink) seen(sink string) map[lane]bool {
	if s.ledgers[sink] == nil {
		s.ledgers[sink] = map[lane]bool{}
	}
	return s.ledgers[sink]
}

// readBack finds out what became of a commit. // D2
func (s *Sink) readBack(ctx context.Context, es []stream.Epoch, cause error) error {
	sink := es[0].Sink
	last, first := map[lane]string{}, map[lane]int64{}
	to := map[lane]int64{}
	for _, e := range es {
		for _, sp := range e.Spans {
			if _, ok := first[sp.Lane]; !ok {
				first[sp.Lane] = sp.From.Offset
			}
			last[sp.Lane], to[sp.Lane] = e.Commit, sp.To.Offset
		}
	}
	now, err := s.offsets(ctx, sink, stream.SortedLanes(to))
	if err != nil {
		return stream.Retry("unknown_outcome", cloudflare.RetryAfter(err), fmt.Errorf("%w; and reading it back: %w", cause, err))
	}
	s.mu.Lock()
	seen := maps.Clone(s.seen(sink))
	s.mu.Unlock()
	done, before := 0, 0
	for l, n := range to {
		at, known := now[l]
		there, asked := seen[l]
		switch {
		case known && at.next == n && at.commit == last[l]:
			done++
		case known && at.next == first[l] && at.commit != last[l], !known && asked && !there:
			before++
		}
	}
	switch len(to) {
	case done:
		s.applied(es, nil)
		return nil // the reply was lost
	case before:
		if cloudflare.Ambiguous(cause) {
			return stream.Retry("unknown_outcome", cloudflare.RetryAfter(cause), cause) // the fence decides if the first one still comes
		}
	}
	return fmt.Errorf("d1: commit %s: %d of %d lanes are not where they were: %w", es[0].Commit, len(to)-before, len(to), stream.ErrFenced)
}

// classify turns an error of a call that applied nothing into one of stream's
// kinds. Errors of this client hold no row. // P1
func classify(err error) error {
	if err == nil || stream.KindOf(err) == stream.KindState || stream.KindOf(err) == stream.KindRetry {
		return err
	}
	class := cloudflare.ClassOf(err)
	switch {
	case cloudflare.Passing(err) || cloudflare.Ambiguous(err):
		return stream.Retry(string(class), cloudflare.RetryAfter(err), err)
	case class == cloudflare.ClassUnauthorized:
		return parked(err.Error(), "check token: an API token with D1 edit rights for the account; by a bridge, check key and key_id")
	case class == cloudflare.ClassNotFound:
		return parked(err.Error(), "check account: and database: (the id, not the name)")
	case class == cloudflare.ClassTooLarge:
		return parked(err.Error(), "lower commit.bytes of this sink")
	case class != "":
		return parked("the database refused the commit: "+err.Error(), "mend the table or the record's topic; nothing was applied")
	}
	return err
}
