package detect

import "bytes"

// said is what a word is about. Words of scripts without spaces are sentences:
// they are searched.
func said(w []byte) about {
	if a := meaning(w); a != 0 {
		return a
	}
	// Thai begins with e0 b8, kana, Han and Hangul with e3 and above; they stand beside Latin without a space.
	k := 0
	for k < len(w) && w[k] < 0xe3 && (w[k] != 0xe0 || k+1 == len(w) || w[k+1] < 0xb8) {
		k++
	}
	if k == len(w) {
		return 0
	}
	var a about
	for i := range unspaced {
		if bytes.Contains(w[k:], unspaced[i].word) {
			a |= unspaced[i].about
		}
	}
	return a
}

// unspaced are the words of contexts in scripts without spaces.
var unspaced = func() (out []struct {
	word  []byte
	about about
}) {
	for w, a := range contexts {
		if w[0] >= 0xe3 || w[0] == 0xe0 && w[1] >= 0xb8 {
			out = append(out, struct {
				word  []byte
				about about
			}{[]byte(w), a})
		}
	}
	return out
}()

// meaning is what a word is about, by contexts.
func meaning(w []byte) about {
	// Most words are none of them, which their ends and their length tell.
	n := len(w)
	if n == 0 || n > maxWord || w[0]|w[n-1] < 0x80 && ends[int(w[0]&31)<<5|int(w[n-1]&31)]>>min(n, 31)&1 == 0 {
		return 0
	}
	if n > 3 && w[1]|w[n-2] < 0x80 && inner[int(w[1]&31)<<5|int(w[n-2]&31)]>>min(n, 31)&1 == 0 {
		return 0
	}
	if n > 5 && w[2]|w[n-3] < 0x80 && core[int(w[2]&31)<<5|int(w[n-3]&31)]>>min(n, 31)&1 == 0 {
		return 0
	}
	return look(contexts, w)
}

// ends has a bit for the length of each word of contexts by its first and last
// letter, inner by those beside them, core by those beside these; letters of ASCII.
var ends, inner, core = func() (t, u, v [1024]uint32) {
	for w := range contexts {
		n := len(w)
		t[int(w[0]&31)<<5|int(w[n-1]&31)] |= 1 << min(n, 31)
		if n > 3 {
			u[int(w[1]&31)<<5|int(w[n-2]&31)] |= 1 << min(n, 31)
		}
		if n > 5 {
			v[int(w[2]&31)<<5|int(w[n-3]&31)] |= 1 << min(n, 31)
		}
	}
	return t, u, v
}()
