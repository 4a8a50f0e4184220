package d1

import (
	"errors"
	"maps"
	"strings"
	"testing"

	emulator "sluice/connectors/emulator/cloudflare"
	"sluice/schemas"
	"sluice/topology/stream"
)

// refusing is a bench with a row in each of three tables, of which the second
// takes only rows that are like its first.
func refusing(t *testing.T, staged bool) (b *bench, write func() error) {
	b = newBench(t)
	if staged {
		b.s.cfg.BatchBytes = 0
	}
	of := map[string]*schemas.Schema{}
	for _, n := range []string{"one", "two", "three"} {
		of[n] = schema(n, key("id", schemas.Int64), col("v", schemas.String))
		b.ok(b.commit(b.clean(of[n], 0, ins("1", `"a"`))))
	}
	b.a.query(t, `CREATE UNIQUE INDEX two_v ON two (v)`)
	from := maps.Clone(b.at)
	return b, func() error {
		maps.Copy(b.at, from)
		var cs []stream.Clean
		for _, n := range []string{"one", "two", "three"} {
			cs = append(cs, b.clean(of[n], 0, ins("2", `"a"`)))
		}
		return b.commit(cs...)
	}
}

// TestOneTableRefusesRows (held every lane of the commit, for ever): what a table
// refuses of the rows themselves is told of its topic, and leaves nothing. // D3 D6
func TestOneTableRefusesRows(t *testing.T) {
	for name, staged := range map[string]bool{"direct": false, "staged": true} {
		t.Run(name, func(t *testing.T) {
			b, write := refusing(t, staged)
			err := write()
			var e *stream.ApartError
			if !errors.As(err, &e) || len(e.States) != 1 || len(e.States[0].Lanes) != 1 || e.States[0].Lanes[0].Topic != "shop.public.two" {
				t.Fatalf("%v: %+v", err, e)
			}
			b.parked(err, "UNIQUE constraint failed: two.v")
			for _, n := range []string{"one", "two", "three"} {
				b.is(`SELECT count(*) FROM `+n, `[[1]]`)
			}
			b.is(`SELECT count(*) FROM _sluice_staged`, `[[0]]`)
			b.is(`SELECT count(*) FROM _sluice_offsets WHERE next > 1`, `[[0]]`)
			b.a.query(t, `DROP INDEX two_v`)
			b.ok(write())
			b.is(`SELECT (SELECT count(*) FROM one), (SELECT count(*) FROM two), (SELECT count(*) FROM three)`, `[[2,2,2]]`)
		})
	}
}

// TestBlameUnderFaults: an answer that does not come while it is asked which table
// refused is no verdict, and nothing of what is asked is left. // D6
func TestBlameUnderFaults(t *testing.T) {
	for _, k := range []emulator.Kind{emulator.LoseReply, emulator.LoseReply502, emulator.Cut, emulator.Status429, emulator.Status500, emulator.Status503} {
		b, write := refusing(t, false)
		if b.a.emu == nil {
			t.Skip("the faults are the emulator's")
		}
		for skip := range 5 {
			b.a.emu.Fail(emulator.Fault{Kind: k, Skip: 2 + skip}) // Recover and the commit go through
			err := write()
			if kind := stream.KindOf(err); kind != stream.KindRetry && kind != stream.KindState {
				t.Errorf("fault %v of request %d: %v", k, skip, err)
			}
			b.a.emu.Heal()
			b.is(`SELECT (SELECT count(*) FROM one), (SELECT count(*) FROM two), (SELECT count(*) FROM three)`, `[[1,1,1]]`)
			b.is(`SELECT count(*) FROM _sluice_offsets WHERE next > 1`, `[[0]]`)
		}
	}
}

// TestRowTooLargeTogether: two columns that fit, one of which was there already,
// are a row that D1 does not hold.
func TestRowTooLargeTogether(t *testing.T) {
	b := newBench(t)
	s := schema("big", key("id", schemas.Int64), col("v", schemas.String), col("w", schemas.String))
	x := `"` + strings.Repeat("x", 1_100_000) + `"`
	b.ok(b.commit(b.clean(s, 0, ins("1", x, "null")), b.clean(items, 0, ins("1", "null", "null"))))
	err := b.commit(b.clean(s, 0, upd("1", "?", x)), b.clean(items, 0, ins("2", "null", "null")))
	var e *stream.ApartError
	if err == nil {
		t.Skip("the emulator holds more than 2,000,000 bytes a row, as the Workers runtime does")
	}
	if !errors.As(err, &e) || len(e.States) != 1 || e.States[0].Lanes[0].Topic != s.Topic {
		t.Errorf("%v", err)
	}
}
