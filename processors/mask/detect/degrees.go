package detect

import (
	"bytes"

	"sluice/schemas"
)

// sphere looks for a place in degrees, minutes and seconds at the digit i, whose degrees
// end at k: 40°26'46"N 79°58'56"W, N 40° 26.767', W 79° 58.933'. Without a letter that
// says where from it counts a temperature or an angle. The second number may lack where
// the first one has minutes.
func (d *Detector) sphere(i, k int) int {
	s, e, fine := d.bearing(i, k)
	if e == 0 {
		return 0
	}
	next := e
	for next < len(d.p) && next-e < 4 && (d.p[next] == ' ' || d.p[next] == ',' || d.p[next] == ';' || d.p[next] == '/') {
		next++
	}
	if hemisphere(d.at(next)) && !letter(d.at(next+1)) { // before the number
		next++
		for d.at(next) == ' ' {
			next++
		}
	}
	if end := next; next > e || hemisphere(d.at(e-1)) {
		for end < len(d.p) && digit(d.p[end]) {
			end++
		}
		if _, more, _ := d.bearing(next, end); end > next && more > 0 {
			e, fine = more, true
		}
	}
	if !fine {
		return 0
	}
	d.add(schemas.Coordinates, s, e, 0.85)
	return e
}

// bearing is one of the two: where it begins, with the letter before it, its end, 0
// for none, and whether it has minutes.
func (d *Detector) bearing(i, k int) (s, e int, fine bool) {
	p := d.p
	if k-i > 3 || !bytes.HasPrefix(p[k:], degree) {
		return 0, 0, false
	}
	e = d.blank(k + len(degree))
	for marks := 0; marks < 2 && digit(d.at(e)); marks++ { // minutes, seconds
		m := e
		for m < len(p) && (digit(p[m]) || p[m] == '.' && digit(d.at(m+1))) && m-e < 10 {
			m++
		}
		n := prime(p[m:])
		if n == 0 {
			break // it belongs to something else
		}
		e, fine = d.blank(m+n), true
	}
	switch s = i; {
	case hemisphere(d.at(e)) && !letter(d.at(e+1)):
		return s, e + 1, fine
	case hemisphere(d.at(s-1)) && !letter(d.at(s-2)):
		s--
	case d.at(s-1) == ' ' && hemisphere(d.at(s-2)) && !letter(d.at(s-3)):
		s -= 2
	default:
		return 0, 0, false
	}
	for e > k && p[e-1] == ' ' {
		e--
	}
	return s, e, fine
}

// blank is behind the space at e, if there is one.
func (d *Detector) blank(e int) int {
	if d.at(e) == ' ' {
		return e + 1
	}
	return e
}

var degree = []byte("°")

// prime is the length of a mark of minutes or seconds, 0 for none.
func prime(p []byte) int {
	for _, m := range [...]string{"″", "′", "”", "’", "''", "\"", "'"} {
		if len(p) >= len(m) && string(p[:len(m)]) == m {
			return len(m)
		}
	}
	return 0
}

// hemisphere reports a letter of the compass: O is west or east in Romance languages
// and in German.
func hemisphere(c byte) bool { return c == 'N' || c == 'S' || c == 'E' || c == 'W' || c == 'O' }
