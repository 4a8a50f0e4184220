//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// A cell is three words, Off, Len, and Enc with Flags: 16 of them are three
// registers. Which of their words are the lengths of all, from the first two and
// then from those and the third; and the same of the encodings.
DATA lens<>+0(SB)/8, $0x0000000400000001
DATA lens<>+8(SB)/8, $0x0000000a00000007
DATA lens<>+16(SB)/8, $0x000000100000000d
DATA lens<>+24(SB)/8, $0x0000001600000013
DATA lens<>+32(SB)/8, $0x0000001c00000019
DATA lens<>+40(SB)/8, $0x000000000000001f
DATA lens<>+48(SB)/8, $0x0000000000000000
DATA lens<>+56(SB)/8, $0x0000000000000000
GLOBL lens<>(SB), RODATA|NOPTR, $64

DATA lensToo<>+0(SB)/8, $0x0000000100000000
DATA lensToo<>+8(SB)/8, $0x0000000300000002
DATA lensToo<>+16(SB)/8, $0x0000000500000004
DATA lensToo<>+24(SB)/8, $0x0000000700000006
DATA lensToo<>+32(SB)/8, $0x0000000900000008
DATA lensToo<>+40(SB)/8, $0x000000120000000a
DATA lensToo<>+48(SB)/8, $0x0000001800000015
DATA lensToo<>+56(SB)/8, $0x0000001e0000001b
GLOBL lensToo<>(SB), RODATA|NOPTR, $64

DATA encs<>+0(SB)/8, $0x0000000500000002
DATA encs<>+8(SB)/8, $0x0000000b00000008
DATA encs<>+16(SB)/8, $0x000000110000000e
DATA encs<>+24(SB)/8, $0x0000001700000014
DATA encs<>+32(SB)/8, $0x0000001d0000001a
DATA encs<>+40(SB)/8, $0x0000000000000000
DATA encs<>+48(SB)/8, $0x0000000000000000
DATA encs<>+56(SB)/8, $0x0000000000000000
GLOBL encs<>(SB), RODATA|NOPTR, $64

DATA encsToo<>+0(SB)/8, $0x0000000100000000
DATA encsToo<>+8(SB)/8, $0x0000000300000002
DATA encsToo<>+16(SB)/8, $0x0000000500000004
DATA encsToo<>+24(SB)/8, $0x0000000700000006
DATA encsToo<>+32(SB)/8, $0x0000000900000008
DATA encsToo<>+40(SB)/8, $0x0000001300000010
DATA encsToo<>+48(SB)/8, $0x0000001900000016
DATA encsToo<>+56(SB)/8, $0x0000001f0000001c
GLOBL encsToo<>(SB), RODATA|NOPTR, $64

DATA small<>+0(SB)/4, $15
DATA small<>+4(SB)/4, $1
DATA small<>+8(SB)/4, $32
DATA small<>+12(SB)/4, $31
DATA small<>+16(SB)/4, $const_encInt
DATA small<>+20(SB)/4, $const_encVarint
GLOBL small<>(SB), RODATA|NOPTR, $24

// func suspectsWide(cells *schemas.Cell, n int, screens *screen, halves *[2][16]uint32) uint64
TEXT ·suspectsWide(SB), NOSPLIT, $0-40
	MOVQ cells+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ screens+16(FP), DI
	MOVQ halves+24(FP), DX
	VMOVDQU32 0(DX), Z16
	VMOVDQU32 64(DX), Z17
	VPBROADCASTD small<>+0(SB), Z18
	VPBROADCASTD small<>+4(SB), Z19
	VPBROADCASTD small<>+8(SB), Z20
	VPBROADCASTD small<>+12(SB), Z21
	VPBROADCASTD small<>+16(SB), Z22
	VPBROADCASTD small<>+20(SB), Z23
	XORL AX, AX
	XORL BX, BX
	MOVL $16, R11

sixteen:
	MOVQ CX, R8
	CMPQ R8, R11
	CMOVQGT R11, R8
	LEAQ (R8)(R8*2), R9
	MOVQ $-1, R10
	BZHIQ R9, R10, R10 // of the words of what cells are left
	KMOVW R10, K1
	SHRQ $16, R10
	KMOVW R10, K2
	SHRQ $16, R10
	KMOVW R10, K3
	VMOVDQU32.Z 0(SI), K1, Z0
	VMOVDQU32.Z 64(SI), K2, Z1
	VMOVDQU32.Z 128(SI), K3, Z2
	VMOVDQU32 lens<>(SB), Z3
	VMOVDQU32 lensToo<>(SB), Z4
	VMOVDQU32 encs<>(SB), Z5
	VMOVDQU32 encsToo<>(SB), Z6
	VPERMI2D Z1, Z0, Z3
	VPERMI2D Z1, Z0, Z5
	VPERMI2D Z2, Z3, Z4 // lengths
	VPERMI2D Z2, Z5, Z6
	VPANDD Z18, Z6, Z6  // encodings

	VMOVDQU32 screen_accept(DI), Z7
	VPSRLVD Z6, Z7, Z7
	VPTESTNMD Z19, Z7, K1 // no encoding of the column's

	VPCMPEQD Z22, Z6, K2
	VPCMPUD $5, screen_ints(DI), Z4, K2, K3 // not less
	VPCMPEQD Z23, Z6, K2
	VPCMPUD $5, screen_varints(DI), Z4, K2, K4
	KORW K3, K1, K1
	KORW K4, K1, K1

	VPERMD Z16, Z6, Z8 // lengths of placeholders of the encoding
	VPTESTMD Z20, Z4, K2
	VPERMD Z17, Z6, K2, Z8
	VPANDD Z21, Z4, Z9
	VPSRLVD Z9, Z8, Z8
	VPTESTMD Z19, Z8, K3
	KORW K3, K1, K1

	KMOVW K1, R9
	SHLXQ BX, R9, R9
	ORQ R9, AX
	ADDQ $16, BX
	ADDQ $192, SI
	ADDQ $screen__size, DI
	SUBQ $16, CX
	JGT sixteen
	VZEROUPPER
	MOVQ AX, ret+32(FP)
	RET
