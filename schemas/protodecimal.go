package schemas

import (
	"math/big"
	"strconv"
)

// A confluent.type.Decimal says its scale itself, and the schema says one, too:
// Confluent's converter writes the same in both. Where they differ, the value is
// brought to the schema's scale, if that is exact.

// maxUnscaled bounds the integer of a decimal that is brought to another scale.
const maxUnscaled = 4096

// decimal appends v in the base64 of Connect's Decimal, or as a VariableScaleDecimal.
func (r *protoReader) decimal(dst []byte, f *protoField, v []byte) []byte {
	p, scale, ok := protoDecimalOf(v)
	if !ok {
		return r.fail(dst)
	}
	if len(p) == 0 {
		p = zeroByte
	}
	if f.kind == protoVarDecimal {
		dst = strconv.AppendInt(append(dst, `{"scale":`...), int64(scale), 10)
		return append(appendBase64JSON(append(dst, `,"value":`...), p), '}')
	}
	if scale != f.scale {
		if p, ok = rescaled(p, scale, f.scale); !ok {
			return r.fail(dst)
		}
	}
	return appendBase64JSON(dst, p)
}

var zeroByte = []byte{0}

// rescaled is the unscaled integer p, in two's complement, at another scale.
func rescaled(p []byte, from, to int) ([]byte, bool) {
	if len(p) > maxUnscaled {
		return nil, false
	}
	n := new(big.Int).SetBytes(p)
	if p[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(p))))
	}
	if n.Sign() == 0 {
		return zeroByte, true
	}
	diff := to - from
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(diff, -diff))), nil)
	if diff < 0 {
		var rest big.Int
		if n.QuoRem(n, power, &rest); rest.Sign() != 0 {
			return nil, false
		}
	} else {
		n.Mul(n, power)
	}
	size := n.BitLen()/8 + 1
	if n.Sign() < 0 {
		n.Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	out := n.FillBytes(make([]byte, size))
	return out, true
}
