package detect

import "sluice/schemas"

// ssn looks for a US social security number, or an ITIN, which has its form.
// Sources: SSA, "Social Security Number Randomization" (no area 000, 666, 900 to
// 999; no group 00; no serial 0000); IRS Publication 1915 for ITIN.
func (v *view) ssn() int {
	if len(v.digits) != 9 || v.plus || v.paren {
		return 0
	}
	confidence := float32(0)
	switch sep := v.sep(); {
	case v.bare():
	case v.shape(3, 6), v.shape(5, 4): // badly written, and said to be one
		if sep != '-' && sep != ' ' || v.context().near&(aboutSSN|aboutTax) == 0 || v.zip() {
			return 0
		}
	case !v.shape(3, 2, 4):
		return 0
	case sep == '-':
		confidence = 0.9
	case sep == ' ' && !v.inner:
		confidence = 0.7
	case sep == '.':
		confidence = 0.65
	case sep == '/' && v.context().near&aboutSSN != 0:
		confidence = 0.6
	case sep != ' ':
		return 0
	}
	class := schemas.SSN
	switch c := v.context(); {
	case c.near&aboutSSN != 0, c.any&aboutSSN != 0 && c.near&(against|aboutOther) == 0:
		confidence = 0.95
	case c.near&aboutPhone != 0 && v.sep() != '-': // my number is 372 13 7567
		return 0
	case c.near&aboutTax != 0 && v.digits[0] == '9': // an ITIN has words of its own
		confidence = 0.9
	case v.bare(), confidence == 0:
		return 0
	case c.near&against != 0 && c.own&aboutSSN != 0:
		confidence -= 0.2
	case c.near&against != 0:
		confidence -= 0.5
	}
	d := v.digits
	area, mid, serial := int(d[0]-'0')*100+int(d[1]-'0')*10+int(d[2]-'0'), int(d[3]-'0')*10+int(d[4]-'0'), string(d[5:]) != "0000"
	switch {
	case area >= 900 && (mid >= 50 && mid <= 65 || mid >= 70 && mid <= 88 || mid >= 90 && mid <= 92 || mid >= 94):
		class = schemas.ITIN
	case area == 0 || area == 666 || area >= 900 || mid == 0 || !serial || neverIssued(d), confidence < 0.95 && !distinct(d):
		return v.end // of that form, and not one: it is nothing else either
	}
	v.d.add(class, v.start, v.end, confidence)
	return v.end
}

// neverIssued are numbers that were printed on cards for show and in examples.
func neverIssued(d []byte) bool {
	return string(d) == "078051120" || string(d) == "219099999"
}
