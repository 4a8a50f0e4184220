//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// SHA-256 of 16 blocks at once with AVX-512: a register has one word of all of
// them. Z0 to Z7 are the working variables, Z8 to Z23 the last 16 words of the
// message schedule, Z24 to Z31 are scratch. AX points to the constants.

DATA wideSwap<>+0x00(SB)/8, $0x0405060700010203
DATA wideSwap<>+0x08(SB)/8, $0x0c0d0e0f08090a0b
GLOBL wideSwap<>(SB), RODATA|NOPTR, $16

DATA wideBehind<>+0x00(SB)/4, $0x80000000
DATA wideBehind<>+0x04(SB)/4, $0x00000300
GLOBL wideBehind<>(SB), RODATA|NOPTR, $8

// ROUND is one round of FIPS 180-4, 6.2.2, of which T1 and T2 are made in h.
#define ROUND(a, b, c, d, e, f, g, h, w, at) \
	VPADDD         w, h, h             \
	VPRORD         $6, e, Z24          \
	VPRORD         $11, e, Z25         \
	VPRORD         $25, e, Z26         \
	VMOVDQA64      e, Z27              \
	VPADDD.BCST    at(AX), h, h        \
	VPTERNLOGD     $0xCA, g, f, Z27    \
	VPTERNLOGD     $0x96, Z25, Z24, Z26 \
	VPADDD         Z27, h, h           \
	VPRORD         $2, a, Z28          \
	VPRORD         $13, a, Z29         \
	VPRORD         $22, a, Z30         \
	VMOVDQA64      a, Z31              \
	VPADDD         Z26, h, h           \
	VPTERNLOGD     $0xE8, c, b, Z31    \
	VPTERNLOGD     $0x96, Z29, Z28, Z30 \
	VPADDD         h, d, d             \
	VPADDD         Z31, h, h           \
	VPADDD         Z30, h, h

// WORD makes of w the word 16 places on. w1, w9 and w14 are 1, 9 and 14 places on.
#define WORD(w, w1, w9, w14) \
	VPRORD     $7, w1, Z24         \
	VPRORD     $18, w1, Z25        \
	VPSRLD     $3, w1, Z26         \
	VPADDD     w9, w, w            \
	VPRORD     $17, w14, Z27       \
	VPRORD     $19, w14, Z28       \
	VPSRLD     $10, w14, Z29       \
	VPTERNLOGD $0x96, Z25, Z24, Z26 \
	VPTERNLOGD $0x96, Z28, Z27, Z29 \
	VPADDD     Z26, w, w           \
	VPADDD     Z29, w, w

// QUARTER loads the words 4q to 4q+3 of all blocks, at is 16q: first the blocks
// 4m+j side by side for every j, then their words.
#define QUARTER(at, w0, w1, w2, w3) \
	VMOVDQU32     0+at(SI), X24          \
	VMOVDQU32     64+at(SI), X25          \
	VMOVDQU32     128+at(SI), X26          \
	VMOVDQU32     192+at(SI), X27          \
	VINSERTI32X4  $1, 256+at(SI), Z24, Z24 \
	VINSERTI32X4  $1, 320+at(SI), Z25, Z25 \
	VINSERTI32X4  $1, 384+at(SI), Z26, Z26 \
	VINSERTI32X4  $1, 448+at(SI), Z27, Z27 \
	VINSERTI32X4  $2, 512+at(SI), Z24, Z24 \
	VINSERTI32X4  $2, 576+at(SI), Z25, Z25 \
	VINSERTI32X4  $2, 640+at(SI), Z26, Z26 \
	VINSERTI32X4  $2, 704+at(SI), Z27, Z27 \
	VINSERTI32X4  $3, 768+at(SI), Z24, Z24 \
	VINSERTI32X4  $3, 832+at(SI), Z25, Z25 \
	VINSERTI32X4  $3, 896+at(SI), Z26, Z26 \
	VINSERTI32X4  $3, 960+at(SI), Z27, Z27 \
	FLIP(Z0, Z24, Z25, Z26, Z27, w0, w1, w2, w3)

// FLIP transposes four rows of four words, in each quarter of the registers, and
// swaps the bytes of the words. Of blocks that lie side by side, 4m+j in quarter
// m of row j, it makes their words in order, and of words the other way round.
#define FLIP(swap, r0, r1, r2, r3, w0, w1, w2, w3) \
	VPUNPCKLDQ  r1, r0, Z28   \
	VPUNPCKHDQ  r1, r0, Z29   \
	VPUNPCKLDQ  r3, r2, Z30   \
	VPUNPCKHDQ  r3, r2, Z31   \
	VPUNPCKLQDQ Z30, Z28, w0  \
	VPUNPCKHQDQ Z30, Z28, w1  \
	VPUNPCKLQDQ Z31, Z29, w2  \
	VPUNPCKHQDQ Z31, Z29, w3  \
	VPSHUFB     swap, w0, w0    \
	VPSHUFB     swap, w1, w1    \
	VPSHUFB     swap, w2, w2    \
	VPSHUFB     swap, w3, w3

// LOADSTATE loads the 16 states at p, ADDSTATE adds them.
#define LOADSTATE(p) \
	VMOVDQU32 0(p), Z0   \
	VMOVDQU32 64(p), Z1  \
	VMOVDQU32 128(p), Z2 \
	VMOVDQU32 192(p), Z3 \
	VMOVDQU32 256(p), Z4 \
	VMOVDQU32 320(p), Z5 \
	VMOVDQU32 384(p), Z6 \
	VMOVDQU32 448(p), Z7

#define ADDSTATE(p) \
	VPADDD 0(p), Z0, Z0   \
	VPADDD 64(p), Z1, Z1  \
	VPADDD 128(p), Z2, Z2 \
	VPADDD 192(p), Z3, Z3 \
	VPADDD 256(p), Z4, Z4 \
	VPADDD 320(p), Z5, Z5 \
	VPADDD 384(p), Z6, Z6 \
	VPADDD 448(p), Z7, Z7

// STORE writes the quarters of z as half a sum each, of the sums j, 4+j, 8+j, 12+j.
#define STORE(z, x, at) \
	VMOVDQU32     x, at(DX)            \
	VEXTRACTI32X4 $1, z, 128+at(DX)  \
	VEXTRACTI32X4 $2, z, 256+at(DX)  \
	VEXTRACTI32X4 $3, z, 384+at(DX)

// func sixteen(x *Group)
TEXT ·sixteen(SB), NOSPLIT, $0-8
	MOVQ x+0(FP), BX
	LEAQ Group_blocks(BX), SI
	LEAQ Group_inner(BX), DI
	VBROADCASTI32X4 wideSwap<>(SB), Z0
	QUARTER(0, Z8, Z9, Z10, Z11)
	QUARTER(16, Z12, Z13, Z14, Z15)
	QUARTER(32, Z16, Z17, Z18, Z19)
	QUARTER(48, Z20, Z21, Z22, Z23)
	XORL R8, R8

pass:
	LEAQ ·roundConstants(SB), AX
	MOVQ $3, CX
	LOADSTATE(DI)
	ROUND(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, 0)
	ROUND(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z9, 4)
	ROUND(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z10, 8)
	ROUND(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z11, 12)
	ROUND(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z12, 16)
	ROUND(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z13, 20)
	ROUND(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z14, 24)
	ROUND(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z15, 28)
	ROUND(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z16, 32)
	ROUND(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z17, 36)
	ROUND(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z18, 40)
	ROUND(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z19, 44)
	ROUND(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z20, 48)
	ROUND(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z21, 52)
	ROUND(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z22, 56)
	ROUND(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z23, 60)

rounds:
	ADDQ $64, AX
	WORD(Z8, Z9, Z17, Z22)
	ROUND(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, 0)
	WORD(Z9, Z10, Z18, Z23)
	ROUND(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z9, 4)
	WORD(Z10, Z11, Z19, Z8)
	ROUND(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z10, 8)
	WORD(Z11, Z12, Z20, Z9)
	ROUND(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z11, 12)
	WORD(Z12, Z13, Z21, Z10)
	ROUND(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z12, 16)
	WORD(Z13, Z14, Z22, Z11)
	ROUND(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z13, 20)
	WORD(Z14, Z15, Z23, Z12)
	ROUND(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z14, 24)
	WORD(Z15, Z16, Z8, Z13)
	ROUND(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z15, 28)
	WORD(Z16, Z17, Z9, Z14)
	ROUND(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z16, 32)
	WORD(Z17, Z18, Z10, Z15)
	ROUND(Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z17, 36)
	WORD(Z18, Z19, Z11, Z16)
	ROUND(Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z5, Z18, 40)
	WORD(Z19, Z20, Z12, Z17)
	ROUND(Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z4, Z19, 44)
	WORD(Z20, Z21, Z13, Z18)
	ROUND(Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z3, Z20, 48)
	WORD(Z21, Z22, Z14, Z19)
	ROUND(Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z2, Z21, 52)
	WORD(Z22, Z23, Z15, Z20)
	ROUND(Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z1, Z22, 56)
	WORD(Z23, Z8, Z16, Z21)
	ROUND(Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z0, Z23, 60)
	DECQ CX
	JNZ  rounds

	ADDSTATE(DI)
	TESTQ R8, R8
	JNZ  sums

	// The outer block: the digest, 0x80, zeros and its length in bits.
	VMOVDQA64 Z0, Z8
	VMOVDQA64 Z1, Z9
	VMOVDQA64 Z2, Z10
	VMOVDQA64 Z3, Z11
	VMOVDQA64 Z4, Z12
	VMOVDQA64 Z5, Z13
	VMOVDQA64 Z6, Z14
	VMOVDQA64 Z7, Z15
	VPBROADCASTD wideBehind<>+0(SB), Z16
	VPXORD Z17, Z17, Z17
	VPXORD Z18, Z18, Z18
	VPXORD Z19, Z19, Z19
	VPXORD Z20, Z20, Z20
	VPXORD Z21, Z21, Z21
	VPXORD Z22, Z22, Z22
	VPBROADCASTD wideBehind<>+4(SB), Z23
	LEAQ Group_outer(BX), DI
	MOVQ $1, R8
	JMP  pass

sums:
	LEAQ Group_sums(BX), DX
	VBROADCASTI32X4 wideSwap<>(SB), Z16
	FLIP(Z16, Z0, Z1, Z2, Z3, Z8, Z9, Z10, Z11)
	FLIP(Z16, Z4, Z5, Z6, Z7, Z12, Z13, Z14, Z15)
	STORE(Z8, X8, 0)
	STORE(Z9, X9, 32)
	STORE(Z10, X10, 64)
	STORE(Z11, X11, 96)
	STORE(Z12, X12, 16)
	STORE(Z13, X13, 48)
	STORE(Z14, X14, 80)
	STORE(Z15, X15, 112)
	VZEROUPPER
	RET
