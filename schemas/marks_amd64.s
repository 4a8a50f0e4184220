//go:build !purego

#include "textflag.h"

// Offsets of the bit sets in marks: each has 256+8 bytes.
#define HIGH 264
#define OTHER 528

// Byte j is the one character with j in its low four bits that ends or
// escapes a string: VPSHUFB finds it, and a comparison tells whether it is the
// one that was looked up. 0xFF is none: VPSHUFB answers 0 for bytes above 0x7F.
DATA specials<>+0x00(SB)/8, $0xFFFFFFFFFF22FFFF
DATA specials<>+0x08(SB)/8, $0xFFFFFF5CFFFFFFFF
GLOBL specials<>(SB), RODATA|NOPTR, $16

// func marks512(p *byte, n int, m *marks)
TEXT ·marks512(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), BX
	MOVQ m+16(FP), DI
	VBROADCASTI32X4 specials<>(SB), Z1
	MOVQ $0x2020202020202020, AX
	VPBROADCASTQ AX, Z2 // the first character that is no control character
	MOVQ $0x3030303030303030, AX
	VPBROADCASTQ AX, Z3 // '0'
	MOVQ $0x0909090909090909, AX
	VPBROADCASTQ AX, Z4
	SUBQ $64, BX
	JLT rest

block:
	VMOVDQU64 (SI), Z0

mark:
	VPSHUFB Z0, Z1, Z5
	VPCMPEQB Z5, Z0, K1
	VPCMPUB $1, Z2, Z0, K2 // below a space
	VPMOVB2M Z0, K3
	VPSUBB Z3, Z0, Z6
	VPCMPUB $6, Z4, Z6, K4 // above nine
	KORQ K1, K2, K1
	KMOVQ K1, (DI)
	KMOVQ K3, HIGH(DI)
	KMOVQ K4, OTHER(DI)
	ADDQ $64, SI
	ADDQ $8, DI
	SUBQ $64, BX
	JGE block

rest:
	// BX is the number of bytes left less 64: -64 when there are none.
	LEAQ 64(BX), CX
	TESTQ CX, CX
	JLE done
	MOVQ $-1, AX
	SHLQ CX, AX
	NOTQ AX
	KMOVQ AX, K5
	VMOVDQU8.Z (SI), K5, Z0 // reads only these bytes: the others are zero
	MOVQ $-64, BX
	JMP mark

done:
	MOVQ $-1, AX
	MOVQ AX, (DI)
	MOVQ $0, HIGH(DI)
	MOVQ AX, OTHER(DI)
	VZEROUPPER
	RET

// func marks256(p *byte, blocks int, m *byte)
TEXT ·marks256(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ blocks+8(FP), BX
	MOVQ m+16(FP), DI
	TESTQ BX, BX
	JZ none
	VBROADCASTI128 specials<>(SB), Y1
	MOVQ $0x1F1F1F1F1F1F1F1F, AX
	VMOVQ AX, X2
	VPBROADCASTQ X2, Y2 // the last control character
	MOVQ $0x3030303030303030, AX
	VMOVQ AX, X3
	VPBROADCASTQ X3, Y3 // '0'
	MOVQ $0x0909090909090909, AX
	VMOVQ AX, X4
	VPBROADCASTQ X4, Y4

half:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y8
	VPSHUFB Y0, Y1, Y5
	VPSHUFB Y8, Y1, Y9
	VPCMPEQB Y5, Y0, Y5
	VPCMPEQB Y9, Y8, Y9
	VPMINUB Y2, Y0, Y6
	VPMINUB Y2, Y8, Y10
	VPCMPEQB Y6, Y0, Y6
	VPCMPEQB Y10, Y8, Y10
	VPOR Y5, Y6, Y5
	VPOR Y9, Y10, Y9
	VPMOVMSKB Y5, AX
	VPMOVMSKB Y9, CX
	SHLQ $32, CX
	ORQ CX, AX
	MOVQ AX, (DI)
	VPMOVMSKB Y0, AX
	VPMOVMSKB Y8, CX
	SHLQ $32, CX
	ORQ CX, AX
	MOVQ AX, HIGH(DI)
	VPSUBB Y3, Y0, Y5
	VPSUBB Y3, Y8, Y9
	VPMINUB Y4, Y5, Y6
	VPMINUB Y4, Y9, Y10
	VPCMPEQB Y6, Y5, Y5
	VPCMPEQB Y10, Y9, Y9
	VPMOVMSKB Y5, AX
	VPMOVMSKB Y9, CX
	SHLQ $32, CX
	ORQ CX, AX
	NOTQ AX
	MOVQ AX, OTHER(DI)
	ADDQ $64, SI
	ADDQ $8, DI
	DECQ BX
	JNZ half
	VZEROUPPER

none:
	RET
