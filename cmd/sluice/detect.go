package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice/processors/mask/detect"
	"sluice/schemas"
)

// maxText bounds a line that is read.
const maxText = 256 << 20

func detectCommand(a *app) *cobra.Command {
	var x detectFlags
	c := &cobra.Command{
		Use: "detect [FILE|-]", Short: "Find personal data and secrets in texts",
		Long: `Reads texts, one a line: JSON of {"id","text"}, or plain. Prints for each one
{"id","spans":[{"class","start","end","confidence"}]}, start and end being byte
offsets of the UTF-8 text, end behind the last byte. The id of a line without one
is its number, from 1. Empty lines say nothing. A byte order mark at the start is
no text, and what gzip made is read as what it was. Nothing of a text is printed.

Classes: ` + strings.Trim(fmt.Sprint(schemas.Classes()), "[]") + `.

Words and names of files are found as they are written, with capitals where words
begin, and all in capitals.

What hides a value is undone: JSON escapes, percent encoding, full-width digits,
Unicode hyphens and spaces, one level of base64.`,
		Example: "  sluice detect texts.jsonl\n  echo 'call 202-555-0143' | sluice detect\n  sluice detect --min 0.8 --names names.txt mails.jsonl\n  sluice detect --classes email,custom --pattern 'custom=EMP-[0-9]{6}' mails.txt",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			name := "-"
			if len(args) > 0 {
				name = args[0]
			}
			o, err := x.options()
			if err != nil {
				return exit(exitUsage, err)
			}
			in, err := openInput(name, c.InOrStdin())
			if err != nil {
				return exit(exitUsage, err)
			}
			defer in.Close()
			out := bufio.NewWriterSize(a.out, 64<<10)
			texts, err := plainInput(in)
			if err == nil {
				err = detectLines(out, texts, detect.New(o))
			}
			if err != nil {
				return errors.Join(exit(exitUsage, fmt.Errorf("%s: %w", name, err)), out.Flush())
			}
			if err := out.Flush(); err != nil {
				return exit(exitRuntime, err)
			}
			return nil
		},
	}
	x.add(c)
	return c
}

// detectFlags are what detect and profile look for.
type detectFlags struct {
	least                    float64
	names                    string
	classes, patterns, words []string
}

func (x *detectFlags) add(c *cobra.Command) {
	c.Flags().Float64Var(&x.least, "min", detect.Threshold, "least confidence, 0 to 1")
	c.Flags().StringVar(&x.names, "names", "", "file of names of persons, separated by spaces or lines, that are found as class name")
	c.Flags().StringSliceVar(&x.classes, "classes", nil, "only these classes")
	c.Flags().StringArrayVar(&x.patterns, "pattern", nil, "CLASS=REGEX (RE2): what it matches is of the class; more than once")
	c.Flags().StringArrayVar(&x.words, "words", nil, "CLASS=FILE of words and phrases, one a line, that are of the class; more than once")
}

func (x *detectFlags) options() (o detect.Options, err error) {
	if !(x.least > 0 && x.least <= 1) { // nor NaN
		return o, fmt.Errorf("--min: %v is not between 0 and 1", x.least)
	}
	o.Min = float32(x.least)
	for _, n := range x.classes {
		c, err := schemas.ParseClass(n)
		if err != nil {
			return o, fmt.Errorf("--classes: %w", err)
		}
		o.Classes = append(o.Classes, c)
	}
	for _, p := range x.patterns {
		c, expr, err := ofClass("--pattern", p)
		if err != nil {
			return o, err
		}
		r, err := regexp.Compile(expr)
		if err != nil {
			return o, fmt.Errorf("--pattern %v: %w", c, err)
		}
		o.Patterns = append(o.Patterns, detect.Pattern{Class: c, Expr: r, Confidence: 1})
	}
	for _, w := range x.words {
		c, file, err := ofClass("--words", w)
		if err != nil {
			return o, err
		}
		p, err := os.ReadFile(file)
		if err != nil {
			return o, err
		}
		o.Words = append(o.Words, detect.NewDictionary(c, detect.Entries(p)))
	}
	if x.names != "" {
		p, err := os.ReadFile(x.names)
		if err != nil {
			return o, err
		}
		o.Names = detect.NewDictionary(schemas.Name, strings.Fields(string(p)))
	}
	return o, nil
}

// ofClass splits CLASS=VALUE.
func ofClass(flag, s string) (schemas.Class, string, error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok || value == "" {
		return 0, "", fmt.Errorf("%s: not CLASS=VALUE: custom=EMP-[0-9]{6}", flag)
	}
	c, err := schemas.ParseClass(name)
	if err != nil {
		return 0, "", fmt.Errorf("%s: %w", flag, err)
	}
	return c, value, nil
}

// plainInput is in without a byte order mark, unpacked if it is gzip's (RFC 1952).
// UTF-16 and UTF-32 are refused: in them nothing would be found.
func plainInput(in io.Reader) (*bufio.Reader, error) {
	r := bufio.NewReaderSize(in, 1<<20)
	if p, _ := r.Peek(3); len(p) == 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8 {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, err
		}
		r = bufio.NewReaderSize(z, 1<<20)
	}
	p, _ := r.Peek(4)
	switch {
	case bytes.HasPrefix(p, []byte("\xef\xbb\xbf")):
		_, err := r.Discard(3)
		return r, err
	case bytes.HasPrefix(p, []byte("\xff\xfe")) && len(p) == 4 && (p[3] == 0 || p[2] == 0), bytes.HasPrefix(p, []byte("\xfe\xff\x00")), bytes.HasPrefix(p, []byte("\x00\x00\xfe\xff")):
		return nil, errors.New("this is UTF-16 or UTF-32: convert it to UTF-8 first, as with iconv -t UTF-8")
	}
	return r, nil
}

// detectLines prints the findings of every line of in.
func detectLines(out io.Writer, r *bufio.Reader, d *detect.Detector) error {
	var line, text, buf []byte
	var spans []detect.Span
	for n := 1; ; n++ {
		line = line[:0]
		for {
			part, err := r.ReadSlice('\n')
			line = append(line, part...)
			if len(line) > maxText {
				return fmt.Errorf("line %d is longer than %d bytes", n, maxText)
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if err != nil && len(line) == 0 {
				return nil
			}
			break
		}
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(line) == 0 {
			continue
		}
		var id []byte
		if id, text = document(line, text[:0]); id == nil {
			id = strconv.AppendInt(nil, int64(n), 10)
		}
		spans = d.Find(spans[:0], text)
		buf = append(append(append(buf[:0], `{"id":`...), id...), `,"spans":[`...)
		for i, s := range spans {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = append(append(buf, `{"class":"`...), s.Class.String()...)
			buf = strconv.AppendInt(append(buf, `","start":`...), int64(s.Start), 10)
			buf = strconv.AppendInt(append(buf, `,"end":`...), int64(s.End), 10)
			buf = append(strconv.AppendFloat(append(buf, `,"confidence":`...), float64(s.Confidence), 'f', 2, 32), '}')
		}
		if _, err := out.Write(append(buf, "]}\n"...)); err != nil {
			return err
		}
	}
}

// document appends the text of a line to dst: the member text of an object that
// has one, whose id is returned as its JSON, or the line as it is. id is nil if
// there is none.
func document(line, dst []byte) (id, text []byte) {
	var d struct {
		ID   json.RawMessage `json:"id"`
		Text *string         `json:"text"`
	}
	if object := bytes.TrimLeft(line, " \t"); len(object) == 0 || object[0] != '{' || json.Unmarshal(line, &d) != nil || d.Text == nil {
		return nil, append(dst, line...)
	}
	return d.ID, append(dst, *d.Text...)
}
