//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// The SHA extensions' rounds (Intel SDM, SHA256RNDS2): a state is two registers,
// ABEF and CDGH; X0 has two message words and their constants. AX points to the
// constants of FIPS 180-4, 4.2.2, X13 is scratch and X14 swaps bytes of words.

DATA ·roundConstants+0x00(SB)/8, $0x71374491428a2f98
DATA ·roundConstants+0x08(SB)/8, $0xe9b5dba5b5c0fbcf
DATA ·roundConstants+0x10(SB)/8, $0x59f111f13956c25b
DATA ·roundConstants+0x18(SB)/8, $0xab1c5ed5923f82a4
DATA ·roundConstants+0x20(SB)/8, $0x12835b01d807aa98
DATA ·roundConstants+0x28(SB)/8, $0x550c7dc3243185be
DATA ·roundConstants+0x30(SB)/8, $0x80deb1fe72be5d74
DATA ·roundConstants+0x38(SB)/8, $0xc19bf1749bdc06a7
DATA ·roundConstants+0x40(SB)/8, $0xefbe4786e49b69c1
DATA ·roundConstants+0x48(SB)/8, $0x240ca1cc0fc19dc6
DATA ·roundConstants+0x50(SB)/8, $0x4a7484aa2de92c6f
DATA ·roundConstants+0x58(SB)/8, $0x76f988da5cb0a9dc
DATA ·roundConstants+0x60(SB)/8, $0xa831c66d983e5152
DATA ·roundConstants+0x68(SB)/8, $0xbf597fc7b00327c8
DATA ·roundConstants+0x70(SB)/8, $0xd5a79147c6e00bf3
DATA ·roundConstants+0x78(SB)/8, $0x1429296706ca6351
DATA ·roundConstants+0x80(SB)/8, $0x2e1b213827b70a85
DATA ·roundConstants+0x88(SB)/8, $0x53380d134d2c6dfc
DATA ·roundConstants+0x90(SB)/8, $0x766a0abb650a7354
DATA ·roundConstants+0x98(SB)/8, $0x92722c8581c2c92e
DATA ·roundConstants+0xa0(SB)/8, $0xa81a664ba2bfe8a1
DATA ·roundConstants+0xa8(SB)/8, $0xc76c51a3c24b8b70
DATA ·roundConstants+0xb0(SB)/8, $0xd6990624d192e819
DATA ·roundConstants+0xb8(SB)/8, $0x106aa070f40e3585
DATA ·roundConstants+0xc0(SB)/8, $0x1e376c0819a4c116
DATA ·roundConstants+0xc8(SB)/8, $0x34b0bcb52748774c
DATA ·roundConstants+0xd0(SB)/8, $0x4ed8aa4a391c0cb3
DATA ·roundConstants+0xd8(SB)/8, $0x682e6ff35b9cca4f
DATA ·roundConstants+0xe0(SB)/8, $0x78a5636f748f82ee
DATA ·roundConstants+0xe8(SB)/8, $0x8cc7020884c87814
DATA ·roundConstants+0xf0(SB)/8, $0xa4506ceb90befffa
DATA ·roundConstants+0xf8(SB)/8, $0xc67178f2bef9a3f7
GLOBL ·roundConstants(SB), RODATA|NOPTR, $256

DATA swap<>+0x00(SB)/8, $0x0405060700010203
DATA swap<>+0x08(SB)/8, $0x0c0d0e0f08090a0b
GLOBL swap<>(SB), RODATA|NOPTR, $16

// The words behind a digest of 32 bytes in the outer block.
DATA behind<>+0x00(SB)/8, $0x0000000080000000
DATA behind<>+0x08(SB)/8, $0
DATA behind<>+0x10(SB)/8, $0
DATA behind<>+0x18(SB)/8, $0x0000030000000000
GLOBL behind<>(SB), RODATA|NOPTR, $32

// FOUR is four rounds.
#define FOUR(ABEF, CDGH, m, at) \
	MOVO m, X0                  \
	PADDD at(AX), X0            \
	SHA256RNDS2 X0, ABEF, CDGH  \
	PSHUFD $0x0E, X0, X0        \
	SHA256RNDS2 X0, CDGH, ABEF

// NEXT ends the words that come four rounds later: last has those of these
// rounds, before the ones before them.
#define NEXT(last, before, next) \
	MOVO last, X13         \
	PALIGNR $4, before, X13 \
	PADDD X13, next        \
	SHA256MSG2 last, next

// STEP is FOUR with what the message schedule does meanwhile.
#define STEP(ABEF, CDGH, last, before, next, at) \
	MOVO last, X0               \
	PADDD at(AX), X0            \
	SHA256RNDS2 X0, ABEF, CDGH  \
	NEXT(last, before, next)    \
	PSHUFD $0x0E, X0, X0        \
	SHA256RNDS2 X0, CDGH, ABEF  \
	SHA256MSG1 last, before

// WORDS loads the words of the block at p.
#define WORDS(p, a, b, c, d) \
	MOVOU 0(p), a  \
	MOVOU 16(p), b \
	MOVOU 32(p), c \
	MOVOU 48(p), d \
	PSHUFB X14, a  \
	PSHUFB X14, b  \
	PSHUFB X14, c  \
	PSHUFB X14, d

// DIGEST makes of a state the words A to D and E to H.
#define DIGEST(ABEF, CDGH) \
	PSHUFD $0x1B, ABEF, ABEF   \
	PSHUFD $0xB1, CDGH, CDGH   \
	MOVO ABEF, X13             \
	PBLENDW $0xF0, CDGH, ABEF  \
	PALIGNR $8, X13, CDGH

// ROUNDS is one block: a to d have its words.
#define ROUNDS(ABEF, CDGH, a, b, c, d) \
	FOUR(ABEF, CDGH, a, 0) \
	FOUR(ABEF, CDGH, b, 16) \
	SHA256MSG1 b, a \
	FOUR(ABEF, CDGH, c, 32) \
	SHA256MSG1 c, b \
	STEP(ABEF, CDGH, d, c, a, 48) \
	STEP(ABEF, CDGH, a, d, b, 64) \
	STEP(ABEF, CDGH, b, a, c, 80) \
	STEP(ABEF, CDGH, c, b, d, 96) \
	STEP(ABEF, CDGH, d, c, a, 112) \
	STEP(ABEF, CDGH, a, d, b, 128) \
	STEP(ABEF, CDGH, b, a, c, 144) \
	STEP(ABEF, CDGH, c, b, d, 160) \
	STEP(ABEF, CDGH, d, c, a, 176) \
	STEP(ABEF, CDGH, a, d, b, 192) \
	FOUR(ABEF, CDGH, b, 208) \
	NEXT(b, a, c) \
	FOUR(ABEF, CDGH, c, 224) \
	NEXT(c, b, d) \
	FOUR(ABEF, CDGH, d, 240)

// ROUNDS2 is ROUNDS of two texts, the one between the other: a round waits for
// the one before it for twice as long as the processor is busy with it.
#define ROUNDS2 \
	FOUR(X1, X2, X3, 0) \
	FOUR(X7, X8, X9, 0) \
	FOUR(X1, X2, X4, 16) \
	SHA256MSG1 X4, X3 \
	FOUR(X7, X8, X10, 16) \
	SHA256MSG1 X10, X9 \
	FOUR(X1, X2, X5, 32) \
	SHA256MSG1 X5, X4 \
	FOUR(X7, X8, X11, 32) \
	SHA256MSG1 X11, X10 \
	STEP(X1, X2, X6, X5, X3, 48) \
	STEP(X7, X8, X12, X11, X9, 48) \
	STEP(X1, X2, X3, X6, X4, 64) \
	STEP(X7, X8, X9, X12, X10, 64) \
	STEP(X1, X2, X4, X3, X5, 80) \
	STEP(X7, X8, X10, X9, X11, 80) \
	STEP(X1, X2, X5, X4, X6, 96) \
	STEP(X7, X8, X11, X10, X12, 96) \
	STEP(X1, X2, X6, X5, X3, 112) \
	STEP(X7, X8, X12, X11, X9, 112) \
	STEP(X1, X2, X3, X6, X4, 128) \
	STEP(X7, X8, X9, X12, X10, 128) \
	STEP(X1, X2, X4, X3, X5, 144) \
	STEP(X7, X8, X10, X9, X11, 144) \
	STEP(X1, X2, X5, X4, X6, 160) \
	STEP(X7, X8, X11, X10, X12, 160) \
	STEP(X1, X2, X6, X5, X3, 176) \
	STEP(X7, X8, X12, X11, X9, 176) \
	STEP(X1, X2, X3, X6, X4, 192) \
	STEP(X7, X8, X9, X12, X10, 192) \
	FOUR(X1, X2, X4, 208) \
	NEXT(X4, X3, X5) \
	FOUR(X7, X8, X10, 208) \
	NEXT(X10, X9, X11) \
	FOUR(X1, X2, X5, 224) \
	NEXT(X5, X4, X6) \
	FOUR(X7, X8, X11, 224) \
	NEXT(X11, X10, X12) \
	FOUR(X1, X2, X6, 240) \
	FOUR(X7, X8, X12, 240)

// func hasSHA() bool
TEXT ·hasSHA(SB), NOSPLIT, $0-1
	MOVB $0, ret+0(FP)
	XORL AX, AX
	XORL CX, CX
	CPUID
	CMPL AX, $7
	JLT  none
	MOVL $7, AX
	XORL CX, CX
	CPUID
	SHRL $29, BX
	ANDL $1, BX
	MOVB BX, ret+0(FP)

none:
	RET

// func blocks(h *state, p *byte, n int)
TEXT ·blocks(SB), NOSPLIT, $0-24
	MOVQ h+0(FP), DI
	MOVQ p+8(FP), SI
	MOVQ n+16(FP), BX
	LEAQ ·roundConstants(SB), AX
	MOVOU swap<>(SB), X14
	MOVOU 0(DI), X1
	MOVOU 16(DI), X2
	TESTQ BX, BX
	JLE  end

block:
	MOVO X1, X7
	MOVO X2, X8
	WORDS(SI, X3, X4, X5, X6)
	ROUNDS(X1, X2, X3, X4, X5, X6)
	PADDD X7, X1
	PADDD X8, X2
	ADDQ $64, SI
	DECQ BX
	JNZ  block
	MOVOU X1, 0(DI)
	MOVOU X2, 16(DI)

end:
	RET

// func one(k *Key, b *Block, sum *Sum)
TEXT ·one(SB), NOSPLIT, $0-24
	MOVQ k+0(FP), DI
	MOVQ b+8(FP), SI
	MOVQ sum+16(FP), DX
	LEAQ ·roundConstants(SB), AX
	MOVOU swap<>(SB), X14
	MOVOU Key_inner+0(DI), X1
	MOVOU Key_inner+16(DI), X2
	MOVO X1, X7
	MOVO X2, X8
	WORDS(SI, X3, X4, X5, X6)
	ROUNDS(X1, X2, X3, X4, X5, X6)
	PADDD X7, X1
	PADDD X8, X2
	DIGEST(X1, X2)
	MOVO X1, X3
	MOVO X2, X4
	MOVOU behind<>+0(SB), X5
	MOVOU behind<>+16(SB), X6
	MOVOU Key_outer+0(DI), X1
	MOVOU Key_outer+16(DI), X2
	MOVO X1, X7
	MOVO X2, X8
	ROUNDS(X1, X2, X3, X4, X5, X6)
	PADDD X7, X1
	PADDD X8, X2
	DIGEST(X1, X2)
	PSHUFB X14, X1
	PSHUFB X14, X2
	MOVOU X1, 0(DX)
	MOVOU X2, 16(DX)
	RET

// ADD adds the state at p, which the rounds began with.
#define ADD(p, at, ABEF, CDGH) \
	MOVOU at+0(p), X13  \
	PADDD X13, ABEF     \
	MOVOU at+16(p), X13 \
	PADDD X13, CDGH

// func two(k1, k2 *Key, b1, b2 *Block, sum1, sum2 *Sum)
TEXT ·two(SB), NOSPLIT, $0-48
	MOVQ k1+0(FP), DI
	MOVQ k2+8(FP), R8
	MOVQ b1+16(FP), SI
	MOVQ b2+24(FP), R9
	LEAQ ·roundConstants(SB), AX
	MOVOU swap<>(SB), X14
	MOVOU Key_inner+0(DI), X1
	MOVOU Key_inner+16(DI), X2
	MOVOU Key_inner+0(R8), X7
	MOVOU Key_inner+16(R8), X8
	WORDS(SI, X3, X4, X5, X6)
	WORDS(R9, X9, X10, X11, X12)
	ROUNDS2
	ADD(DI, Key_inner, X1, X2)
	ADD(R8, Key_inner, X7, X8)
	DIGEST(X1, X2)
	DIGEST(X7, X8)
	MOVO X1, X3
	MOVO X2, X4
	MOVO X7, X9
	MOVO X8, X10
	MOVOU behind<>+0(SB), X5
	MOVOU behind<>+16(SB), X6
	MOVO X5, X11
	MOVO X6, X12
	MOVOU Key_outer+0(DI), X1
	MOVOU Key_outer+16(DI), X2
	MOVOU Key_outer+0(R8), X7
	MOVOU Key_outer+16(R8), X8
	ROUNDS2
	ADD(DI, Key_outer, X1, X2)
	ADD(R8, Key_outer, X7, X8)
	DIGEST(X1, X2)
	DIGEST(X7, X8)
	PSHUFB X14, X1
	PSHUFB X14, X2
	PSHUFB X14, X7
	PSHUFB X14, X8
	MOVQ sum1+32(FP), DX
	MOVQ sum2+40(FP), R10
	MOVOU X1, 0(DX)
	MOVOU X2, 16(DX)
	MOVOU X7, 0(R10)
	MOVOU X8, 16(R10)
	RET
