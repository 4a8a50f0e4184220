package schemas

import "math"

// ISO 8601 dates and times as Debezium, Java and people write them, in the
// proleptic Gregorian calendar: years may be signed and longer than four
// digits (`-4712-01-02`, `+294276-12-31`; year 0 is 1 BC), fractions have one to
// twelve digits of which six count, a zone is Z or +hh[[:]mm[:ss]].

// daysOf is the number of days from 1970-01-01 to a civil date.
// Algorithm: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
func daysOf(y int64, m, d int) int64 {
	if m <= 2 {
		y--
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	mp := int64(m+9) % 12
	doy := (153*mp+2)/5 + int64(d) - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 719468
}

func daysIn(y int64, m int) int {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// digits reads between lo and hi decimal digits.
func digits(p []byte, lo, hi int) (v int64, n int, ok bool) {
	for n < len(p) && n < hi && p[n]-'0' <= 9 {
		v = v*10 + int64(p[n]-'0')
		n++
	}
	return v, n, n >= lo
}

// pair reads exactly two digits.
func pair(p []byte) (int, bool) {
	if len(p) < 2 || p[0]-'0' > 9 || p[1]-'0' > 9 {
		return 0, false
	}
	return int(p[0]-'0')*10 + int(p[1]-'0'), true
}

// parseDate reads a date at the front of p.
func parseDate(p []byte) (days int64, rest []byte, err error) {
	sign := int64(1)
	if len(p) > 0 && (p[0] == '-' || p[0] == '+') {
		if p[0] == '-' {
			sign = -1
		}
		p = p[1:]
	}
	y, n, ok := digits(p, 4, 9)
	p = p[n:]
	if !ok || len(p) < 6 || p[0] != '-' || p[3] != '-' {
		return 0, nil, ErrSyntax
	}
	y *= sign
	m, ok1 := pair(p[1:])
	d, ok2 := pair(p[4:])
	if !ok1 || !ok2 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, nil, ErrSyntax
	}
	return daysOf(y, m, d), p[6:], nil
}

// parseClock reads [-]h+:mm[:ss[.f]] at the front of p as microseconds. Hours
// may exceed a day: MariaDB's TIME does.
func parseClock(p []byte) (us int64, rest []byte, err error) {
	neg := len(p) > 0 && p[0] == '-'
	if neg {
		p = p[1:]
	}
	h, n, ok := digits(p, 1, 7)
	p = p[n:]
	if !ok || len(p) < 3 || p[0] != ':' {
		return 0, nil, ErrSyntax
	}
	m, ok := pair(p[1:])
	p = p[3:]
	if !ok || m > 59 {
		return 0, nil, ErrSyntax
	}
	us = (h*60 + int64(m)) * 60 * microsPerSecond
	if len(p) > 0 && p[0] == ':' {
		s, ok := pair(p[1:])
		if !ok || s > 60 { // 60 is a leap second; it reads as the next minute
			return 0, nil, ErrSyntax
		}
		us += int64(s) * microsPerSecond
		p = p[3:]
		if len(p) > 0 && (p[0] == '.' || p[0] == ',') {
			frac, n, ok := digits(p[1:], 1, 12)
			if !ok {
				return 0, nil, ErrSyntax
			}
			for i := n; i < 6; i++ {
				frac *= 10
			}
			for i := 6; i < n; i++ {
				frac /= 10
			}
			us += frac
			p = p[1+n:]
		}
	}
	if neg {
		us = -us
	}
	return us, p, nil
}

// parseZone reads all of p as a zone, in microseconds east of UTC. Nothing is UTC.
func parseZone(p []byte) (int64, error) {
	if len(p) == 0 || len(p) == 1 && (p[0] == 'Z' || p[0] == 'z') {
		return 0, nil
	}
	sign := int64(1)
	switch p[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, ErrSyntax
	}
	p = p[1:]
	var secs int64
	for unit := int64(3600); unit > 0; unit /= 60 {
		v, ok := pair(p)
		if !ok || v > 59 || unit == 3600 && v > 18 {
			return 0, ErrSyntax
		}
		secs += int64(v) * unit
		if p = p[2:]; len(p) == 0 {
			return sign * secs * microsPerSecond, nil
		}
		if p[0] == ':' {
			p = p[1:]
		}
	}
	return 0, ErrSyntax
}

// parseTimestamp reads all of p as a date with or without a time and zone.
func parseTimestamp(p []byte) (int64, error) {
	switch string(p) {
	case "infinity":
		return infinityMicros, nil
	case "-infinity":
		return negInfinityMicros, nil
	}
	days, rest, err := parseDate(p)
	if err != nil {
		return 0, err
	}
	var us int64
	if len(rest) > 0 && (rest[0] == 'T' || rest[0] == ' ' || rest[0] == 't') {
		if us, rest, err = parseClock(rest[1:]); err != nil {
			return 0, err
		}
		if us < 0 || us > microsPerDay+microsPerSecond {
			return 0, ErrSyntax
		}
		if len(rest) > 0 && rest[0] == ' ' {
			rest = rest[1:]
		}
	}
	off, err := parseZone(rest)
	if err != nil {
		return 0, err
	}
	const most = math.MaxInt64/microsPerDay - 2
	if days > most || days < -most {
		return 0, ErrRange
	}
	return days*microsPerDay + us - off, nil
}
