//go:build !purego

#include "textflag.h"

// Five bytes of a sum in each word of eight, the last first: a word's low 40 bits
// are eight digits. Behind its 16 bytes are zeros.
DATA groups<>+0(SB)/8, $0x1010100001020304
DATA groups<>+8(SB)/8, $0x1010100506070809
DATA groups<>+16(SB)/8, $0x1010100a0b0c0d0e
DATA groups<>+24(SB)/8, $0x1010100f10101010
GLOBL groups<>(SB), RODATA|NOPTR, $32

// Where a word's digits begin.
DATA shifts<>+0(SB)/8, $0x00050a0f14191e23
GLOBL shifts<>(SB), RODATA|NOPTR, $8

// RFC 4648, section 6, in lower case.
DATA digits<>+0(SB)/8, $"abcdefgh"
DATA digits<>+8(SB)/8, $"ijklmnop"
DATA digits<>+16(SB)/8, $"qrstuvwx"
DATA digits<>+24(SB)/8, $"yz234567"
GLOBL digits<>(SB), RODATA|NOPTR, $32

// func tokens(p *byte, at *int, sums *Sum, n int)
TEXT ·tokens(SB), NOSPLIT, $0-32
	MOVQ p+0(FP), DI
	MOVQ at+8(FP), SI
	MOVQ sums+16(FP), DX
	MOVQ n+24(FP), CX
	VMOVDQU groups<>(SB), Y1
	VPBROADCASTQ shifts<>(SB), Y2
	VMOVDQU digits<>(SB), Y3
	MOVL $0x03FFFFFF, AX // 26 of them
	KMOVD AX, K1
	TESTQ CX, CX
	JLE  end

next:
	MOVQ (SI), AX
	VMOVDQU (DX), X0
	VPERMB Y0, Y1, Y0
	VPMULTISHIFTQB Y0, Y2, Y0
	VPERMB Y3, Y0, Y0 // by the low five bits
	VMOVDQU8 Y0, K1, (DI)(AX*1)
	ADDQ $8, SI
	ADDQ $32, DX
	DECQ CX
	JNZ  next

end:
	VZEROUPPER
	RET

// func fill(b *Block, p *byte, n int)
TEXT ·fill(SB), NOSPLIT, $0-24
	MOVQ b+0(FP), DI
	MOVQ p+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ $-1, AX
	BZHIQ CX, AX, AX
	KMOVQ AX, K1
	VMOVDQU8.Z (SI), K1, Z0
	VMOVDQU8 Z0, (DI)
	MOVB $0x80, (DI)(CX*1)
	ADDQ $64, CX
	SHLQ $3, CX
	ROLW $8, CX
	MOVW CX, 62(DI)
	VZEROUPPER
	RET
