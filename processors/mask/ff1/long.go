package ff1

import (
	"math/big"
)

// long runs over strings whose halves do not fit a machine word.
func (c *Cipher) long(x []byte, encrypt bool) {
	n := len(x)
	u := n / 2
	v := n - u
	radix := big.NewInt(int64(c.radix))
	modU := new(big.Int).Exp(radix, big.NewInt(int64(u)), nil)
	modV := new(big.Int).Exp(radix, big.NewInt(int64(v)), nil)
	b := (new(big.Int).Sub(modV, big.NewInt(1)).BitLen() + 7) / 8
	d := 4*((b+3)/4) + 4
	t := len(c.tweak)
	q := make([]byte, (t+1+b+15)/16*16)
	copy(q, c.tweak)
	pr := c.header(n, u)
	s := make([]byte, (d+15)/16*16)
	y := new(big.Int)
	round := func(i int, half *big.Int) *big.Int {
		q[len(q)-b-1] = byte(i)
		half.FillBytes(q[len(q)-b:])
		r := pr
		for o := 0; o < len(q); o += 16 {
			for j := range r {
				r[j] ^= q[o+j]
			}
			c.block.Encrypt(r[:], r[:])
		}
		copy(s, r[:])
		for j := 1; 16*j < d; j++ { // step 6.iii: R, CIPH(R xor 1), ...
			next := r
			for k, o := 15, j; o > 0; k, o = k-1, o>>8 {
				next[k] ^= byte(o)
			}
			c.block.Encrypt(s[16*j:], next[:])
		}
		return y.SetBytes(s[:d])
	}
	na, nb := c.bigNum(x[:u]), c.bigNum(x[u:])
	for k := range rounds {
		i := k
		if !encrypt {
			i = rounds - 1 - k
		}
		mod := modU
		if i&1 == 1 {
			mod = modV
		}
		if encrypt {
			na.Add(na, round(i, nb)).Mod(na, mod)
			na, nb = nb, na
		} else {
			nb.Sub(nb, round(i, na)).Mod(nb, mod)
			na, nb = nb, na
		}
	}
	c.bigStr(x[:u], na)
	c.bigStr(x[u:], nb)
}

func (c *Cipher) bigNum(x []byte) *big.Int {
	v, r, d := new(big.Int), big.NewInt(int64(c.radix)), new(big.Int)
	for _, n := range x {
		v.Add(v.Mul(v, r), d.SetInt64(int64(n)))
	}
	return v
}

func (c *Cipher) bigStr(x []byte, v *big.Int) {
	r, d := big.NewInt(int64(c.radix)), new(big.Int)
	for i := len(x) - 1; i >= 0; i-- {
		v.DivMod(v, r, d)
		x[i] = byte(d.Int64())
	}
}
