package mac

// Lanes is how many texts a Group has room for.
const Lanes = 16

// pairs is up to how many texts two at a time are faster than all at once.
const pairs = 6

// Group is short texts, each under a key of its own, whose codes are made
// together. With AVX-512 one register has a word of all of them, and a code costs
// half of what it costs by Two; without it they go by Two. The zero value is
// empty. It is for one goroutine.
type Group struct {
	inner, outer [8][Lanes]uint32 // the states of keys, A to H, each for all texts
	blocks       [Lanes]Block
	sums         [Lanes]Sum
	keys         [Lanes]*Key // whose states are there
	n            int
	slow         bool // a key is crypto/hmac's
}

// lane is where A to H stand in a state.
var lane = [8]int{3, 2, 7, 6, 1, 0, 5, 4}

// Add takes text; false: it is longer than Short, see Key.Of. A group with Lanes
// texts takes none before Sums was called.
func (g *Group) Add(k *Key, text []byte) bool {
	if !g.blocks[g.n].Fill(text) {
		return false
	}
	if g.keys[g.n] != k {
		g.keys[g.n] = k
		for i, at := range lane {
			g.inner[i][g.n], g.outer[i][g.n] = k.inner[at], k.outer[at]
		}
	}
	g.slow = g.slow || !k.fast
	g.n++
	return true
}

// Len is how many texts it has.
func (g *Group) Len() int { return g.n }

// Sums makes the codes, in order, and empties the group. They stay until the next
// call.
func (g *Group) Sums() []Sum {
	n := g.n
	switch i := 0; {
	case wide && !g.slow && n > pairs:
		sixteen(g)
	default:
		for ; i+1 < n; i += 2 {
			Two(g.keys[i], g.keys[i+1], &g.sums[i], &g.sums[i+1], &g.blocks[i], &g.blocks[i+1])
		}
		if i < n {
			g.keys[i].One(&g.sums[i], &g.blocks[i])
		}
	}
	g.n, g.slow = 0, false
	return g.sums[:n]
}

// Forget leaves nothing of the texts, the codes and the keys. // P1
func (g *Group) Forget() { *g = Group{} }

// String tells nothing of it. // P1
func (g *Group) String() string { return "mac group" }

// GoString tells nothing of it. // P1
func (g *Group) GoString() string { return g.String() }
