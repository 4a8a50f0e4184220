package schemas

// Brief reads p if it is an object of all these members, in this order, spelled as
// most writers do, with integers and ASCII texts without escapes as values: the
// key of nearly every record, and a scan's preparations take longer than to read
// one. Its cells are those that a scan gives. false: p is to be scanned, and cells
// may hold anything; they are of as many names.
func (n *Names) Brief(p []byte, cells []Cell) bool {
	i, before := 0, byte('{')
	for k := range n.list {
		lit := n.list[k].lit
		v := i + 1 + len(lit)
		if lit == "" || v >= len(p) || p[i] != before || string(p[i+1:v]) != lit {
			return false
		}
		before, i = ',', v
		switch ch := p[v]; {
		case ch == '"':
			v++
			for i = v; i < len(p) && p[i] != '"' && p[i] != '\\' && p[i] >= ' ' && p[i] < 0x80; {
				i++
			}
			if i == len(p) || p[i] != '"' {
				return false
			}
			cells[k].set(v, i, EncText)
			i++
		case ch-'0' <= 9:
			i = digitsEnd(p, v)
			if ch == '0' && i > v+1 {
				return false
			}
			cells[k].set(v, i, EncInt)
		default:
			return false
		}
		if i >= len(p) {
			return false
		}
	}
	return i > 0 && i == len(p)-1 && p[i] == '}' // behind an integer it is no fraction
}
