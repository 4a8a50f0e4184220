package detect

import (
	"bytes"
	"encoding/binary"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/net/publicsuffix"

	"sluice/schemas"
)

// Limits of RFC 5321, sections 4.5.3.1.1 and 4.5.3.1.2.
const (
	maxLocal  = 64
	maxDomain = 255
)

// email looks at the @ at i and returns the place to go on.
func (d *Detector) email(i int) int {
	p := d.p
	e, confidence := d.domain(i + 1)
	if e == 0 {
		return i + 1
	}
	s := d.local(i)
	if s < 0 || i-s > maxLocal {
		return i + 1
	}
	// user@host:path of scp and git, and user:password@host of a URL.
	before := p[max(0, s-40):s]
	if k := bytes.LastIndex(before, []byte("://")); k >= 0 && !bytes.ContainsAny(before[k+3:], " /?\t\n\"'<>") {
		user := max(0, s-40) + k + 3 // or the part that local took
		if c := bytes.IndexByte(p[user:i], ':'); c >= 0 && user+c+1 < i {
			d.add(schemas.Secret, user+c+1, i, 0.8)
		}
		return e
	}
	if d.at(e) == ':' && (word(d.at(e+1)) && !digit(d.at(e+1)) || d.at(e+1) == '/' && d.at(e+2) != '/') && bytes.Equal(p[s:i], []byte("git")) {
		return e
	}
	if d.at(e) == ':' && (d.at(e+1) == '~' || d.at(e+1) == '/' && d.at(e+2) != '/') || d.login(s) { // jane@host.example.org:/srv
		return e
	}
	if d.at(e) == '@' || d.at(e) == '/' && digit(d.at(e+1)) && confidence < 0.9 {
		return e
	}
	if d.at(s-1) == '@' && !word(d.at(s-2)) { // @jane@social.example is a handle
		return e
	}
	if d.at(s-1) == '<' && d.message(s-1) {
		return e
	}
	if d.at(e) == '_' && p[s] == '_' && s+1 < i { // emphasis
		s++
	}
	d.add(schemas.Email, s, e, confidence)
	return e
}

// message reports a message's name before the < at i (RFC 5322 section 3.6.4):
// it has an address's form and is no mailbox.
func (d *Detector) message(i int) bool {
	p := d.p
	for i > 0 && p[i-1] == ' ' {
		i--
	}
	for _, name := range [...]string{"message-id:", "in-reply-to:", "references:"} {
		if s := i - len(name); s >= 0 && bytes.EqualFold(p[s:i], []byte(name)) {
			return true
		}
	}
	return false
}

// login reports a command at the start of the line that takes user@host at s.
func (d *Detector) login(s int) bool {
	p, least := d.p, max(0, s-96)
	if s < 4 || p[s-1] != ' ' {
		return false
	}
	i := bytes.LastIndexByte(p[least:s], '\n') + 1 + least
	for i < s && (p[i] == ' ' || p[i] == '$' || p[i] == '#' || p[i] == '>' || p[i] == '`') {
		i++
	}
	e := i
	for e < s && letter(p[e]) {
		e++
	}
	return look(logins, p[i:e]) && !bytes.ContainsAny(p[e:s], ",;|&@") || look(logins, d.wordBefore(s))
}

var logins = set("ssh", "scp", "sftp", "rsync", "mosh")

// local is where the local part before the @ at i begins, -1 if there is none.
func (d *Detector) local(i int) int {
	p := d.p
	if i > 1 && p[i-1] == '"' { // "a quoted one"@example.org
		for s := i - 2; s >= 0 && i-s <= maxLocal; s-- {
			if p[s] == '"' && (s == 0 || p[s-1] != '\\') {
				if s == i-2 || s > 0 && word(p[s-1]) {
					return -1
				}
				return s
			}
			if p[s] == '\n' {
				break
			}
		}
		return -1
	}
	s := i
	for s > 0 && chars[p[s-1]]&charLocal != 0 && i-s <= maxLocal+8 {
		if p[s-1] < 0x80 {
			s--
			continue
		}
		r, n := utf8.DecodeLastRune(p[:s])
		if !named(r) || s < i && p[s] < 0x80 && n > 2 { // 邮箱jane@example.com
			break
		}
		s -= n
	}
	for s < i && p[s] < 0x80 && !word(p[s]) && (p[s] != '+' || s+1 < i && p[s+1] < 0x80 && !word(p[s+1])) { // quotes, bullets, dots
		s++
	}
	if s == i || p[i-1] == '.' || bytes.Contains(p[s:i], []byte("..")) {
		return -1
	}
	if bytes.Count(p[s:i], star) > 1 { // j***@example.org was masked
		return -1
	}
	return s
}

var star = []byte("*")

// named reports a character beyond ASCII that names are written with.
func named(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) }

// domain is the end of the domain that begins at i and how sure that is, 0 if
// there is none.
func (d *Detector) domain(i int) (end int, confidence float32) {
	p := d.p
	if d.at(i) == '[' { // an address literal: user@[192.0.2.1]
		if k := bytes.IndexByte(p[i:min(len(p), i+48)], ']'); k > 0 {
			if n := d.ipv4End(i + 1); n == i+k || bytes.HasPrefix(p[i:], []byte("[IPv6:")) {
				return i + k + 1, 0.8
			}
		}
		return 0, 0
	}
	e := i
	for e < len(p) && e-i <= maxDomain && chars[p[e]]&charDomain != 0 {
		if p[e] == '.' && (e == i || p[e-1] == '.' || p[e-1] == '-') {
			break
		}
		if p[e] < 0x80 {
			e++
			continue
		}
		r, n := utf8.DecodeRune(p[e:])
		if !named(r) || n > 2 && e > i && p[e-1] < 0x80 && p[e-1] != '.' && bytes.IndexByte(p[i:e], '.') > 0 { // jane@example.com谢谢
			break
		}
		e += n
	}
	for e > i && (p[e-1] == '.' || p[e-1] == '-') {
		e--
	}
	dot := bytes.LastIndexByte(p[i:e], '.')
	if dot <= 0 || p[i] == '-' {
		return 0, 0
	}
	tld := p[i+dot+1 : e]
	if d.at(e) == '_' && word(d.at(e+1)) || len(tld) < 2 || bytes.IndexByte(tld, '-') >= 0 && !bytes.HasPrefix(tld, []byte("xn--")) {
		return 0, 0
	}
	high := false
	for _, c := range tld {
		if digit(c) && !bytes.HasPrefix(tld, []byte("xn--")) {
			return 0, 0
		}
		high = high || c >= 0x80
	}
	if high || look(reserved, tld) {
		return e, 0.95
	}
	name := d.tld[:copy(d.tld[:], tld)]
	for k := range name {
		if name[k]-'A' < 26 {
			name[k] |= 0x20
		}
	}
	if d.assigned(name) {
		return e, 0.98
	}
	if look(files, name) {
		return 0, 0
	}
	return e, 0.6
}

// answer is what the public suffix list says of a label.
type answer struct {
	label    [8]byte
	assigned bool
}

// assigned reports a top-level domain of the root zone, in lower case. The list
// allocates at each question, so that the last answers are kept.
func (d *Detector) assigned(label []byte) bool {
	var key [8]byte
	if len(label) > len(key) {
		return ask(label)
	}
	copy(key[:], label)
	x := &d.tlds[binary.LittleEndian.Uint64(key[:])*0x9e3779b97f4a7c15>>56]
	if x.label != key {
		x.label, x.assigned = key, ask(label)
	}
	return x.assigned
}

// ask asks of the last label alone, and the list keeps nothing of it.
func ask(label []byte) bool {
	_, icann := publicsuffix.PublicSuffix(unsafe.String(unsafe.SliceData(label), len(label)))
	return icann
}

// reserved are names that never lead anywhere and stand in every test (RFC 2606,
// RFC 6761, RFC 6762), and those of private networks.
var reserved = set("example", "test", "invalid", "localhost", "local", "internal", "corp", "lan", "home", "onion", "fake", "dev")

// files are what file names end in that nobody has as a domain.
var files = set("png", "jpg", "jpeg", "gif", "svg", "webp", "bmp", "ico", "pdf", "txt", "csv", "json", "xml", "html", "htm", "css", "js", "jsx", "ts",
	"tsx", "go", "rb", "java", "jar", "war", "gz", "tgz", "bz", "xz", "tar", "rar", "log", "yaml", "yml", "toml", "ini", "cfg", "conf", "exe", "dll",
	"sql", "db", "bak", "tmp", "lock", "min", "map", "so", "dylib", "whl", "egg", "deb", "rpm", "dmg", "iso", "mp", "wav", "avi", "mkv", "doc",
	"docx", "xls", "xlsx", "ppt", "pptx", "service", "target", "timer", "socket")

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

// maxWord is how long a word can be that is looked up, in bytes.
const maxWord = 40

// look is what m has for p in lower case: Latin, Greek and Cyrillic letters.
func look[T any](m map[string]T, p []byte) (v T) {
	if len(p) > maxWord {
		return v
	}
	var b [maxWord]byte
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c-'A' < 26:
			c |= 0x20
		case c < 0xc3 || c > 0xd0 || i+1 == len(p):
		default: // letters of two bytes, whose lower case stands beside them
			next := p[i+1]
			switch {
			case c == 0xc3 && next >= 0x80 && next <= 0x9e: // À to Þ
				next += 0x20
			case c == 0xd0 && next >= 0x90 && next <= 0x9f: // А to П
				next += 0x20
			case c == 0xd0 && next >= 0xa0 && next <= 0xaf: // Р to Я
				c, next = 0xd1, next-0x20
			case c == 0xce && next >= 0x91 && next <= 0x9f: // Α to Ο
				next += 0x20
			case c == 0xce && next >= 0xa0 && next <= 0xa9: // Π to Ω
				c, next = 0xcf, next-0x20
			}
			b[i] = c
			i++
			c = next
		}
		b[i] = c
	}
	return m[string(b[:len(p)])]
}
