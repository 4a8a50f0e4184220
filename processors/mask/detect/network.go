package detect

import (
	"bytes"
	"net/netip"
	"unsafe"

	"sluice/schemas"
)

// ipv4End is the end of an IPv4 address at i, 0 if there is none.
func (d *Detector) ipv4End(i int) int {
	p := d.p
	for part := range 4 {
		n, s := 0, i
		for i < len(p) && digit(p[i]) && i-s < 4 {
			n = n*10 + val(p[i])
			i++
		}
		if i == s || n > 255 || i-s > 1 && p[s] == '0' {
			return 0
		}
		if part < 3 {
			if i >= len(p) || p[i] != '.' {
				return 0
			}
			i++
		}
	}
	return i
}

// ipv4 looks for an IPv4 address at the digit i, with or without a prefix
// length. What a word says is a version is none.
func (d *Detector) ipv4(i int) int {
	e := d.ipv4End(i)
	if e == 0 || word(d.at(e)) || d.at(e) == '.' && digit(d.at(e+1)) || d.at(e) == '-' && word(d.at(e+1)) {
		return 0
	}
	if d.at(e) == '/' && digit(d.at(e+1)) {
		k := e + 1
		for digit(d.at(k)) {
			k++
		}
		if k-e <= 3 && !word(d.at(k)) {
			e = k
		}
	}
	confidence := float32(0.85)
	if w := d.wordBefore(i); look(versions, w) {
		confidence = 0.3
	}
	d.add(schemas.IP, i, e, confidence)
	return e
}

var versions = set("version", "ver", "v", "release", "firmware", "build", "driver", "upgrade", "upgraded", "updated", "chrome", "firefox")

// wordBefore is the word before i, behind spaces and punctuation.
func (d *Detector) wordBefore(i int) []byte {
	e := i
	for e > 0 && i-e < 4 && !letter(d.p[e-1]) {
		e--
	}
	s := e
	for s > 0 && letter(d.p[s-1]) {
		s--
	}
	return d.p[s:e]
}

// hardware looks at the word [s, e) for the beginning of a MAC or an IPv6
// address, and returns the end of it, or 0.
func (d *Detector) hardware(s, e int) int {
	p := d.p
	c := d.at(e)
	if e-s == 4 && (c == '.' || d.at(s-1) == '.') {
		return d.dotted(s)
	}
	if c != ':' && (c != '-' || e-s != 2) {
		return 0
	}
	for _, x := range p[s:e] {
		if chars[x]&charHex == 0 {
			return 0
		}
	}
	if e-s == 2 && len(p)-s >= 17 {
		mac := true
		for i := range 17 {
			x := p[s+i]
			if i%3 == 2 {
				mac = mac && x == c
			} else {
				mac = mac && chars[x]&charHex != 0
			}
		}
		if mac && !word(d.at(s+17)) && d.at(s+17) != c {
			d.add(schemas.MAC, s, s+17, 0.9)
			return s + 17
		}
	}
	if c != ':' || e-s > 4 || d.at(s-1) == ':' {
		return 0
	}
	i, colons := s, 0
	for i < len(p) && i-s < 45 && (chars[p[i]]&charHex != 0 || p[i] == ':' || p[i] == '.' && digit(d.at(i+1))) {
		if p[i] == ':' {
			colons++
		}
		i++
	}
	if colons < 3 && !bytes.Contains(p[s:i], []byte("::")) || word(d.at(i)) {
		return 0
	}
	if p[i-1] == ':' && (i < s+2 || p[i-2] != ':') {
		i--
	}
	a, err := netip.ParseAddr(unsafe.String(&p[s], i-s)) // keeps nothing of it without a zone
	if err != nil || !a.Is6() {
		return 0
	}
	d.add(schemas.IP, s, i, 0.9)
	return i
}

// dotted looks for a MAC address as switches write it, one of whose parts, of four, is
// at s: 001a.2b3c.4d5e. One of digits alone may be any number.
func (d *Detector) dotted(s int) int {
	for back := 0; back < 2 && s >= 5 && d.p[s-1] == '.' && hex4(d.p[s-5:s-1]); back++ {
		s -= 5
	}
	e := s + 14
	if e > len(d.p) || word(d.at(s-1)) || d.at(s-1) == '.' || word(d.at(e)) || d.at(e) == '.' && word(d.at(e+1)) {
		return 0
	}
	p := d.p[s:e]
	if p[4] != '.' || p[9] != '.' || !hex4(p[:4]) || !hex4(p[5:9]) || !hex4(p[10:]) || bytes.IndexFunc(p, func(r rune) bool { return r >= 'A' }) < 0 {
		return 0
	}
	d.add(schemas.MAC, s, e, 0.85)
	return e
}

func hex4(p []byte) bool {
	return chars[p[0]]&chars[p[1]]&chars[p[2]]&chars[p[3]]&charHex != 0
}

// compass is behind a sign of degrees and a letter of the compass at e, if they stand there.
func (d *Detector) compass(e int) int {
	k := e
	if bytes.HasPrefix(d.p[k:], degree) {
		k += len(degree)
		e = k
	}
	if k = d.blank(k); hemisphere(d.at(k)) && !word(d.at(k+1)) {
		return k + 1
	}
	return e
}

// coordinates looks for latitude and longitude in degrees at the digit i: two
// decimals with four digits behind the point and a comma or space between.
func (d *Detector) coordinates(i int) int {
	p := d.p
	degrees := func(i int, most int) int {
		n, s := 0, i
		for i < len(p) && digit(p[i]) && i-s < 4 {
			n = n*10 + val(p[i])
			i++
		}
		if i == s || i-s > 3 || n > most || i >= len(p) || p[i] != '.' {
			return 0
		}
		s = i + 1
		for i++; i < len(p) && digit(p[i]); i++ {
		}
		if i-s < 4 || word(d.at(i)) {
			return 0
		}
		return i
	}
	e := degrees(i, 90)
	if e == 0 {
		return 0
	}
	k := d.compass(e)
	for from := k; k < len(p) && k-from < 3 && (p[k] == ',' || p[k] == ' ' || p[k] == ';'); {
		k++
	}
	if k == e {
		return 0
	}
	if d.at(k) == '-' {
		k++
	}
	if to := degrees(k, 180); to > 0 {
		to = d.compass(to)
		s := i
		if d.at(i-1) == '-' {
			s--
		}
		d.add(schemas.Coordinates, s, to, 0.8)
		return to
	}
	return 0
}
