package detect

import (
	"bytes"
	"sync"

	"sluice/processors/mask/detect/phone"
	"sluice/schemas"
)

// largest are the calling codes whose national forms are known without a code:
// those of the 40 largest countries by people with phones, and their neighbours
// that share a plan.
var largest = [...]int{1, 7, 20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 54, 55, 56, 57, 58, 60, 61, 62, 63, 64, 65, 66,
	81, 82, 84, 86, 90, 91, 92, 94, 98, 212, 213, 233, 234, 254, 351, 353, 358, 420, 421, 852, 880, 886, 966, 971, 972}

// plans are the largest, read on first use.
var plans = sync.OnceValue(func() (out []*phone.Plan) {
	for _, code := range largest {
		if p := phone.Of(code); p != nil {
			out = append(out, p)
		}
	}
	return out
})

// phone looks for a phone number and returns its end, 0 if it is none.
func (v *view) phone() int {
	n := len(v.digits)
	if n < 6 || n > 17 || n == 6 && !v.headed() {
		return 0
	}
	for i := range v.groups {
		if g := v.groups[i].len(); g > 15 || g == 1 && i > 1 && i < len(v.groups)-1 && !v.plus && !(i == 2 && v.abroad()) && v.context().near&aboutPhone == 0 {
			return 0
		}
	}
	if v.article() || v.dotted() || v.dates() || v.amount() {
		return 0
	}
	if v.trailed() || v.coded() {
		return 0
	}
	confidence := v.dialled()
	if confidence < v.d.min {
		return 0
	}
	end := v.end
	if p := v.d.p[v.start:end]; v.paren && v.d.at(end) == ')' && bytes.Count(p, []byte("(")) > bytes.Count(p, []byte(")")) {
		end++
	}
	end = v.extension(end)
	v.d.add(schemas.Phone, v.start, end, confidence)
	return end
}

// dialled is how sure it is that the digits are dialled.
func (v *view) dialled() float32 {
	d := v.digits
	switch {
	case v.plus:
		return v.international(d, 0.95)
	case len(d) >= 10 && d[0] == '0' && d[1] == '0' && d[2] != '0':
		return v.prefixed(d[2:])
	case len(d) >= 12 && string(d[:3]) == "011" && !v.bare():
		return v.prefixed(d[3:])
	}
	c := v.context()
	if v.inner && c.near&aboutPhone == 0 { // a part of what spaces join
		return 0
	}
	if at := v.d.at; at(v.start-1) == '#' && v.keyed() && c.any&aboutPhone == 0 || at(v.end) == '#' && at(v.start-1) == ',' && (at(v.start-2) == ',' || digit(at(v.start-2))) { // 202-555-0143,,5550144# for the meeting
		return 0
	}
	confidence := max(v.american(), v.national())
	if confidence == 0 && c.any&^aboutPhone == 0 && v.beside() {
		confidence = 0.6
	}
	switch {
	case c.near&aboutPhone != 0, c.any&aboutPhone != 0 && c.near&against == 0:
		if confidence > 0 {
			return max(confidence, 0.85)
		}
		if v.called() && len(d) <= 15 && c.near&aboutPhone != 0 && (!v.bare() || c.apart <= 1 && !c.later) {
			return 0.6 // a number that nobody has, in its form
		}
		return 0
	case c.near&against != 0 && c.any&aboutPhone == 0, c.near&aboutPassport != 0 && v.keyed() && !c.later, c.near&aboutTax != 0 && c.apart == 0 && !v.paren && len(d) == 9:
		confidence -= 0.4
	case c.near&against != 0:
		confidence -= 0.3
	}
	return confidence
}

// prefixed is for digits behind the 00 or 011 that is dialled for +. Order
// numbers begin with zeros, too: the number has to be one, or said to be.
func (v *view) prefixed(d []byte) float32 {
	c := v.context()
	plan, national := phone.Split(d)
	switch {
	case c.near&aboutPhone != 0:
		if x := v.international(d, 0.85); x > 0 || c.apart > 0 || c.later || !distinct(v.digits) {
			return x
		}
		return 0.6 // a number that nobody has, said to be one
	case c.near&against != 0 || plan == nil || len(d) < 9:
		return 0
	case d[0] == '1' && v.shape(3, 3, 3, 4) && v.sep() == '-':
		return 0.7
	case !plan.Valid(national) && !(plan.Trunk != 0 && v.paren && plan.Valid(national[1:])):
		return 0
	case v.bare():
		return 0.6
	case v.groups[0].len() == 2 || v.groups[0].len() == 3 && d[0] == '1' || v.groups[0].len()-2 >= codeLen(plan):
		return 0.8
	}
	return 0
}

// international is for digits that begin with a calling code.
func (v *view) international(d []byte, sure float32) float32 {
	plan, national := phone.Split(d)
	about := v.context().any&aboutPhone != 0
	if plan == nil {
		if about && len(d) >= 8 && len(d) <= 15 {
			return 0.55
		}
		return 0
	}
	n := len(national)
	if n < 4 || n > 14 {
		return 0
	}
	if plan.Valid(national) {
		return sure
	}
	// +44 (0)20 7946 0958
	if plan.Trunk != 0 && national[0] == plan.Trunk && plan.Valid(national[1:]) {
		return sure - 0.05
	}
	apart := len(v.groups) > 2 || v.paren
	if v.plus && v.bare() && !v.loose && len(d) >= 11 && len(d) <= 15 && v.start > 0 && v.d.at(v.start-1) != '\n' { // mistyped or made up; not a patch's line
		return 0.55
	}
	switch {
	case v.loose && !about:
		return 0
	case plan.Possible(n) && (apart || about):
		return sure - 0.15
	case plan.Possible(n) && n >= 8 && v.plus:
		return sure - 0.3
	case about && n >= 5, apart && n >= 7 && v.plus:
		return 0.55
	}
	return 0
}

// codeLen is how many digits a plan's calling code has.
func codeLen(p *phone.Plan) int {
	switch {
	case p.Code < 10:
		return 1
	case p.Code < 100:
		return 2
	}
	return 3
}

// american is for the North American plan's 3-3-4 with or without the 1.
func (v *view) american() float32 {
	d, g := v.digits, v.groups
	switch len(d) {
	case 11:
		if d[0] != '1' {
			return 0
		}
		d = d[1:]
		if !v.bare() && g[0].len() == 1 {
			g = g[1:]
		} else if !v.bare() && g[0].len() != 4 {
			return 0
		}
	case 10:
	default:
		return 0
	}
	about := v.about()
	if d[0] < '2' || d[3] < '2' || d[1] == '9' && d[2] == '9' {
		// Nobody has it, but it is written like one: what is made up is not to be told from what is mistyped.
		parted := v.shape(3, 3, 4) || v.shape(1, 3, 3, 4) && d[0] >= '2'
		if parted && string(d[:3]) != "000" && (v.paren || v.sep() == '-' || v.sep() == '.' && d[0] >= '2' || string(d[:3]) == "555") {
			return 0.55
		}
		return 0
	}
	if v.bare() {
		if about {
			return 0.8
		}
		return 0
	}
	if len(g) == 2 && (v.paren || about) && (g[0].len() == 3 && g[1].len() == 7 || g[0].len() == 6 && g[1].len() == 4) {
		return 0.7
	}
	if len(g) != 3 || (g[0].len() != 3 && g[0].len() != 4) || g[1].len() != 3 || g[2].len() != 4 {
		return 0
	}
	a, b := g[1].sep, g[2].sep
	switch {
	case v.paren:
		return 0.9
	case a == '-' && b == '-':
		return 0.85
	case a == '.' && b == '.':
		return 0.75
	case a == ' ' && b == ' ':
		return 0.65
	case a == ' ' && b == '.' && g[2].gap > 1:
		return 0.55
	case a == '/' && (b == '-' || b == '.' || b == ' '), a == ' ' && b == '-', a == '-' && b == ' ', a == '.' && b == '-':
		return 0.7
	}
	return 0
}

// about reports that words say a phone number: the nearest that says anything,
// or any where the form says it too.
func (v *view) about() bool {
	c := v.context()
	if c.apart > 1 && v.bare() && len(v.digits) < 9 { // as many numbers have
		return false
	}
	return c.near&aboutPhone != 0 || c.any&aboutPhone != 0 && c.near&against == 0 && !v.bare()
}

// national is for the forms inside other countries.
func (v *view) national() float32 {
	d := v.digits
	about := v.about()
	if len(d) < 7 || len(d) > 13 {
		return 0
	}
	if v.bare() && !about {
		if len(d) == 11 && d[0] == '0' && pocket(d) && v.inSomePlan() {
			return 0.55
		}
		return 0
	}
	known := v.inSomePlan()
	switch {
	case about && known:
		return 0.85
	case about:
		return 0
	case !known:
		if d[0] == '0' && v.paren && len(d) >= 9 {
			return 0.6
		}
		return 0
	}
	if v.shape(5, 4) && v.sep() == '-' && !v.paren { // ZIP+4
		return 0
	}
	last := v.groups[len(v.groups)-1].len()
	if last < 2 || len(v.groups) > 6 {
		return 0
	}
	switch {
	case d[0] == '0' && d[1] != '0' && len(d) >= 9 && v.sep() != '.', d[0] == '0' && v.shape(2, 2, 2, 2, 2):
		if v.groups[0].len() == 1 && !v.paren && v.sep() != ' ' { // 0-306-40615-2
			return 0
		}
		return 0.75
	case v.paren && len(d) >= 8:
		return 0.7
	case d[0] == '8' && len(d) == 11 && v.groups[0].len() == 1 && (v.shape(1, 3, 3, 2, 2) || v.shape(1, 3, 3, 4)): // Russia
		return 0.7
	case len(d) == 10 && v.shape(5, 5) && d[0] >= '6' && v.sep() == ' ': // India
		return 0.6
	case len(d) == 11 && v.shape(2, 5, 4) && d[2] == '9': // Brazil
		return 0.6
	case len(d) == 11 && v.shape(3, 4, 4) && d[0] == '1' && d[1] >= '3': // China
		return 0.65
	case len(d) == 9 && v.shape(3, 2, 2, 2) && (d[0] == '6' || d[0] == '7' || d[0] == '9'): // Spain
		return 0.6
	case len(d) == 10 && v.shape(3, 3, 2, 2) && v.sep() != '.': // Russia, Turkey without the trunk digit
		return 0.55
	}
	return 0
}

// pocket reports eleven digits that begin like mobile numbers of Britain,
// Germany, Japan or Korea do: one in a hundred of other numbers does.
func pocket(d []byte) bool {
	switch {
	case d[1] == '7':
		return d[2] >= '4' && d[2] != '6'
	case d[1] == '1':
		return d[2] >= '5' && d[2] <= '7' || d[2] == '0'
	}
	return d[2] == '0' && d[1] >= '7'
}

// inSomePlan reports that some country has the number, as it is dialled there.
func (v *view) inSomePlan() bool {
	d := v.digits
	for _, plan := range plans() {
		if plan.Trunk != 0 && d[0] == plan.Trunk && plan.Valid(d[1:]) {
			return true
		}
		if (d[0] != '0' || plan.Trunk != '0') && plan.Valid(d) {
			return true
		}
	}
	return false
}

// called reports the form of a number that is dialled: 7 to 15 digits, alone or
// in groups of two and more.
func (v *view) called() bool {
	if string(v.digits[:3]) == "000" && v.headed() && len(v.digits) > 7 {
		return bytes.Count(v.digits, []byte("0")) < len(v.digits)-2
	}
	if v.bare() {
		return len(v.digits) <= 13 && v.digits[0] != '0' || len(v.digits) == 6 || len(v.digits) >= 9 && string(v.digits[:3]) != "000"
	}
	if string(v.digits[:3]) == "000" {
		return false
	}
	for i := range v.groups {
		if g := v.groups[i].len(); g < 2 && i > 1 || g > 10 {
			return false
		}
	}
	return true
}

// extension is the end of an extension that follows, or end.
func (v *view) extension(end int) int {
	p, i := v.d.p, end
	for i < len(p) && i-end < 2 && (p[i] == ' ' || p[i] == ',' || p[i] == '.' || p[i] == '+') {
		i++
	}
	s := i
	for i < len(p) && letter(p[i]) {
		i++
	}
	switch {
	case i == s && v.d.at(i) == '#' && digit(v.d.at(i+1)):
		i++
	case i == s || !look(extensions, p[s:i]):
		return end
	}
	for i < len(p) && (p[i] == '.' || p[i] == ' ' || p[i] == ':' || p[i] == '+') && i-s < 14 {
		i++
	}
	k := i
	for k < len(p) && digit(p[k]) {
		k++
	}
	if k == i || k-i > 6 || word(v.d.at(k)) || (v.d.at(k) == '.' || v.d.at(k) == '-') && digit(v.d.at(k+1)) { // #10.20.30.40
		return end
	}
	return k
}

var extensions = set("x", "ext", "extn", "extension", "durchwahl", "poste", "anexo", "ramal", "interno", "доб")
