package d1

import (
	"testing"

	"sluice/schemas"
	"sluice/topology/stream"
)

// TestRetypedForgets: a row whose value goes to another column of its name no
// longer has the old one, whether the process knows of both types or not.
func TestRetypedForgets(t *testing.T) {
	b := newBench(t)
	id := key("id", schemas.Int64)
	next := col("score__string", schemas.String)
	next.Of = "score"
	both := schema("g", id, col("score", schemas.Int64), next)
	b.ok(b.commit(b.clean(both, 0, ins("1", "7", "null"), ins("2", "null", `"x"`), ins("3", "8", "null"), ins("4", "9", "null"))))

	x := b.a.bench(t) // a restart, which sees a text first
	x.at = b.at
	x.ok(x.commit(x.clean(schema("g", id, col("score", schemas.String)), 0, upd("1", `"y"`), upd("2", "null"), upd("3", "null"))))
	x.is(`SELECT id, score, score__string FROM g ORDER BY id`, `[[1,null,"y"],[2,null,null],[3,null,null],[4,9,null]]`)

	y := b.a.bench(t) // and one which sees a number
	y.at = x.at
	y.ok(y.commit(y.clean(schema("g", id, col("score", schemas.Int64)), 0, upd("1", "5"), upd("4", "1"))))
	y.is(`SELECT id, score, score__string FROM g ORDER BY id`, `[[1,5,null],[2,null,null],[3,null,null],[4,1,null]]`)
}

// TestRetypedTogether: rows of two layouts that name the same two columns the
// other way round are in one commit, into no table and into one.
func TestRetypedTogether(t *testing.T) {
	id := key("id", schemas.Int64)
	of := func(name string, typ schemas.Kind) (f schemas.Field) {
		f = col(name, typ)
		f.Of = "n"
		return f
	}
	one := schema("h", id, col("n", schemas.Int64), of("n__string", schemas.String))
	two := schema("h", id, col("n", schemas.String), of("n__int64", schemas.Int64))
	b := newBench(t)
	for i, want := range []string{`[[1,1,null,1],[2,null,"x",1],[3,null,"y",1],[4,4,null,1]]`, `[[1,2,null,1],[2,null,"z",1],[3,null,"w",1],[4,5,null,1]]`} {
		w1, w2 := b.s.Writer(), b.s.Writer()
		var c1, c2 stream.Clean
		if i == 0 {
			c1, c2 = b.clean(one, 0, ins("1", "1", "null"), ins("2", "null", `"x"`)), b.clean(two, 1, ins("3", `"y"`, "null"), ins("4", "null", "4"))
		} else {
			c1, c2 = b.clean(one, 0, upd("1", "2", "null"), upd("2", "null", `"z"`)), b.clean(two, 1, upd("3", `"w"`, "null"), upd("4", "null", "5"))
		}
		b.write(w1, c1)
		b.write(w2, c2)
		e, p := b.seal([]stream.Clean{c1, c2}, w1, w2)
		b.ok(b.finish(e, p))
		b.is(`SELECT id, coalesce(n, n__int64), n__string, (n IS NOT NULL) + (n__int64 IS NOT NULL) + (n__string IS NOT NULL) FROM h ORDER BY id`, want)
	}
}

// TestTwoFirstValuesStrict: what auto keeps apart parks with strict and freeze.
func TestTwoFirstValuesStrict(t *testing.T) {
	for _, evolve := range []string{"strict", "freeze"} {
		b := newBench(t, func(c *Config) { c.Evolve = evolve })
		id := key("id", schemas.Int64)
		w1, w2 := b.s.Writer(), b.s.Writer()
		c1, c2 := b.clean(schema("h", id, col("n", schemas.Int64)), 0, ins("1", "1")), b.clean(schema("h", id, col("n", schemas.Float64)), 1, ins("2", "1.5"))
		b.write(w1, c1)
		b.write(w2, c2)
		e, p := b.seal([]stream.Clean{c1, c2}, w1, w2)
		b.parked(b.finish(e, p), "n")
	}
}

// TestRetypedUnavailable: a value that the source did not send again stays,
// whichever column of its name it is in.
func TestRetypedUnavailable(t *testing.T) {
	b := newBench(t)
	id := key("id", schemas.Int64)
	next := col("doc__string", schemas.String)
	next.Of = "doc"
	both := schema("g", id, col("doc", schemas.JSON), next, col("n", schemas.Int64))
	b.ok(b.commit(b.clean(both, 0, ins("1", "null", `"x"`, "1"), ins("2", "null", `"y"`, "1"))))
	b.ok(b.commit(b.clean(both, 0, upd("1", "?", "null", "2"), upd("2", "null", `"z"`, "2"), upd("2", "?", "null", "3"))))
	b.is(`SELECT id, doc, doc__string, n FROM g ORDER BY id`, `[[1,null,"x",2],[2,null,"z",3]]`)

	// A value of the first type, by who knows of no other, and then it is not sent again.
	one := schema("g", id, col("doc", schemas.JSON), col("n", schemas.Int64))
	b.ok(b.commit(b.clean(one, 0, upd("1", `{"a":1}`, "4")), b.clean(both, 0, upd("1", "?", "null", "5"))))
	b.is(`SELECT id, doc, doc__string, n FROM g WHERE id = 1`, `[[1,"{\"a\":1}",null,5]]`)
}

// TestRetypedElsewhere: lanes that come from another instance bring rows in
// columns that this one did not know of.
func TestRetypedElsewhere(t *testing.T) {
	b := newBench(t)
	id := key("id", schemas.Int64)
	b.ok(b.commit(b.clean(schema("g", id, col("score", schemas.Int64)), 0, ins("1", "7"))))
	x := b.a.bench(t)
	x.at = b.at
	x.ok(x.commit(x.clean(schema("g", id, col("score", schemas.String)), 0, upd("1", `"y"`))))
	b.at = x.at
	b.ok(b.commit(b.clean(schema("g", id, col("score", schemas.Int64)), 0, upd("1", "8"))))
	b.is(`SELECT id, score, score__string FROM g`, `[[1,8,null]]`)
}
