package recording

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"sluice/topology/stream"
)

const lines = `{"topic":"a","partition":0,"offset":5,"timestamp":7,"key":"az==","value":"dg==","headers":[["h","eA=="],["n",null]]}
{"topic":"a","partition":0,"offset":7,"timestamp":8,"key":null,"value":null,"headers":[]}

{"topic":"a","partition":1,"offset":0,"timestamp":9,"key":null,"value":"","headers":[]}
{"topic":"a","partition":1,"offset":0,"timestamp":9,"key":null,"value":"","headers":[]}`

func read(t *testing.T, in io.Reader) (out []string, err error) {
	t.Helper()
	r, err := NewReader(in)
	for err == nil {
		var b *stream.Batch
		if b, err = r.Next(); err == nil {
			s := fmt.Sprintf("%v [%d,%d)", b.Lane, b.From.Offset, b.To.Offset)
			for _, rec := range b.Records {
				s += fmt.Sprintf(" %d@%d", rec.Offset, rec.Time)
				for _, v := range []stream.View{rec.Key, rec.Value} {
					if v.IsNil() {
						s += " null"
					} else {
						s += fmt.Sprintf(" %q", v.Bytes())
					}
				}
				for _, h := range rec.Headers {
					s += fmt.Sprintf(" %s=%q", h.Key, h.Value.Bytes())
				}
			}
			out = append(out, s)
			b.Release()
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return out, err
}

// TestReader: null is not empty, gaps and repeated offsets stay, gzip or not.
func TestReader(t *testing.T) {
	want := []string{`a/0 [5,8) 5@7000 "k" "v" h="x" n="" 7@8000 null null`, `a/1 [0,1) 0@9000 null ""`, `a/1 [0,1) 0@9000 null ""`}
	text := strings.Replace(lines, "az==", "aw==", 1)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	for _, in := range []io.Reader{strings.NewReader(text), &z} {
		got, err := read(t, in)
		if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%v\n%s", err, strings.Join(got, "\n"))
		}
	}
}

// TestBadLines: the line's number, and nothing of what stands in it. // P1
func TestBadLines(t *testing.T) {
	ok := `{"topic":"a","partition":0,"offset":1,"timestamp":1,"key":null,"value":null,"headers":[]}` + "\n"
	for _, bad := range []string{`{"topic":"secret"`, `["secret"]`, `{"secret":1}`, `{"topic":"","partition":0,"offset":1}`, `{"topic":"secret","partition":0,"offset":-1}`,
		`{"topic":"secret","partition":0,"offset":2,"value":"!!"}`, `{"topic":"t","partition":0,"offset":2,"headers":[["secret","!!"]]}`, `{"topic":"t","partition":0,"offset":2,"headers":[[null,null]]}`} {
		_, err := read(t, strings.NewReader(ok+bad))
		if err == nil || !strings.Contains(err.Error(), "line 2") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// FuzzReader: no text makes it panic, and what it reads is within the text.
func FuzzReader(f *testing.F) {
	f.Add([]byte(lines))
	f.Fuzz(func(t *testing.T, p []byte) {
		if _, err := read(t, bytes.NewReader(p)); err != nil {
			return
		}
	})
}
