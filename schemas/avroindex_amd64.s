//go:build !purego

#include "go_asm.h"
#include "textflag.h"

DATA shortest<>+0(SB)/8, $0xC0C0C0C0C0C0C0C0
DATA shortest<>+8(SB)/8, $0xFEFEFEFEFEFEFEFE
GLOBL shortest<>(SB), RODATA|NOPTR, $16

// func runAvroAVX2(text unsafe.Pointer, from, limit int, steps *avroStep, count int, cells unsafe.Pointer, i int) (at, n int, unchecked uint64)
//
// It is runAvro of avroguess.go, but that it leaves the look at texts beyond ASCII
// to its caller (unchecked has a bit for each step, of 64 at most), and that it
// reads what is not guessed, too, where steps say read.
//
// SI text less from, R11 limit, R8 the step, R10 steps left, DI cells, R9 the
// cell's offset, BX where the field begins, CX its value, DX how long that is,
// R13 where the field ends, R15 unchecked.
TEXT ·runAvroAVX2(SB), NOSPLIT, $0-80
	MOVQ text+0(FP), SI
	SUBQ from+8(FP), SI
	MOVQ limit+16(FP), R11
	MOVQ steps+24(FP), R8
	MOVQ count+32(FP), R10
	MOVQ cells+40(FP), DI
	MOVQ i+48(FP), BX
	XORL R15, R15

field:
	VMOVDQU (SI)(BX*1), X0
	VPXOR avroGuess_expect(R8), X0, X0
	VPTEST avroGuess_mask(R8), X0
	JNE  out
	MOVL avroGuess_total(R8), R13
	ADDQ BX, R13
	CMPQ R13, R11
	JGT  far
	MOVBLZX avroGuess_skip(R8), CX
	MOVL avroStep_cell(R8), R9
	MOVQ avroGuess_like+Cell_Len(R8), AX
	ADDQ BX, CX
	MOVL avroGuess_text(R8), DX
	MOVQ R13, BX
	MOVL CX, Cell_Off(DI)(R9*1)
	MOVQ AX, Cell_Len(DI)(R9*1)
	VMOVDQU (SI)(CX*1), Y1
	VPMOVMSKB Y1, R12
	CMPL DX, $32
	JHI  wide
	BZHIL DX, R12, R12

checked:
	TESTL R12, R12
	JNE  high

next:
	ADDQ $avroStep__size, R8
	DECQ R10
	JNZ  field

out:
	MOVQ count+32(FP), AX
	SUBQ R10, AX
	MOVQ BX, at+56(FP)
	MOVQ AX, n+64(FP)
	MOVQ R15, unchecked+72(FP)
	VZEROUPPER
	RET

	// The 32 bytes at CX are looked at: those behind them follow, the last ones
	// with some before.
wide:
	VMOVDQU -32(SI)(R13*1), Y2
	VPOR Y1, Y2, Y1
	ADDQ $32, CX
	SUBQ $32, R13

wider:
	CMPQ CX, R13
	JGE  looked
	VPOR (SI)(CX*1), Y1, Y1
	ADDQ $32, CX
	JMP  wider

looked:
	VPMOVMSKB Y1, R12
	JMP  checked

	// Not ASCII. Where it is characters of two bytes (Latin, Greek, Cyrillic,
	// Hebrew, Arabic), C2 to DF and then 80 to BF, it is looked at here: R12 has the
	// high bits of its bytes, AX of the next ones, that is of a character's first.
high:
	CMPL DX, $32
	JHI  leave
	VPADDB Y1, Y1, Y2
	VPMOVMSKB Y2, AX
	VPADDB Y2, Y2, Y2
	VPMOVMSKB Y2, CX
	VPBROADCASTQ shortest<>(SB), Y2
	VPBROADCASTQ shortest<>+8(SB), Y3
	VPAND Y1, Y3, Y3
	VPCMPEQB Y2, Y3, Y3
	VPMOVMSKB Y3, R13
	ORL  R13, CX // of three bytes and more, or C0 and C1
	ANDL R12, AX
	TESTL AX, CX
	JNE  leave
	XORL AX, R12 // those behind the first
	SHLQ $1, AX
	CMPQ AX, R12
	JEQ  next

leave:
	MOVQ count+32(FP), AX
	SUBQ R10, AX
	BTSQ AX, R15
	JMP  next

	// No guess, or one that goes beyond the limit.
far:
	CMPB avroStep_read(R8), $0
	JEQ  out
	MOVBLZX avroStep_do(R8), AX
	MOVL avroStep_cell(R8), R9
	MOVQ BX, CX
	CMPL AX, $const_optional
	JLT  value
	MOVBLZX (SI)(BX*1), DX
	INCQ CX
	CMPB DX, avroStep_value(R8)
	JNE  null
	ANDL $0x7F, AX

value:
	CMPL AX, $const_doText
	JNE  number
	MOVBLZX (SI)(CX*1), DX // twice the length
	INCQ CX
	CMPL DX, $0x80
	JAE  long

text:
	SHRL $1, DX
	JCS  out // less than nothing
	LEAQ (CX)(DX*1), R13
	CMPQ R13, R11
	JGT  out
	MOVQ R13, BX
	MOVL CX, Cell_Off(DI)(R9*1)
	MOVL DX, Cell_Len(DI)(R9*1)
	MOVL $(const_EncText + 0x100*const_Present), Cell_Enc(DI)(R9*1)
	VMOVDQU (SI)(CX*1), Y1
	VPMOVMSKB Y1, R12
	CMPL DX, $32
	JHI  wide
	BZHIL DX, R12, R12
	JMP  checked

long:
	MOVBLZX (SI)(CX*1), R12
	INCQ CX
	CMPL R12, $0x80
	JAE  out
	ANDL $0x7F, DX
	SHLL $7, R12
	ORL  R12, DX
	JMP  text

number:
	CMPL AX, $const_doInt
	JHI  other
	MOVQ $0x8080808080808080, DX
	MOVQ (SI)(CX*1), R12
	ANDNQ DX, R12, R12
	TZCNTQ R12, DX
	JCS  out // more than eight bytes
	SHRL $3, DX
	INCL DX
	MOVL $(const_EncVarint + 0x100*const_Present), R12
	CMPL DX, $4
	JLS  done
	CMPL AX, $const_doInt
	JEQ  out

	// A value of DX bytes at CX, whose encoding and flags are R12.
done:
	LEAQ (CX)(DX*1), R13
	CMPQ R13, R11
	JGT  out
	MOVQ R13, BX
	MOVL CX, Cell_Off(DI)(R9*1)
	MOVL DX, Cell_Len(DI)(R9*1)
	MOVL R12, Cell_Enc(DI)(R9*1)
	JMP  next

null:
	MOVBLZX avroStep_value(R8), R12
	ADDL DX, R12
	CMPL R12, $2
	JNE  out
	XORL DX, DX
	MOVL $(const_EncNone + 0x100*(const_Present+const_Null)), R12
	JMP  done

other:
	MOVL $8, DX
	MOVL $(const_EncFloat64 + 0x100*const_Present), R12
	CMPL AX, $const_doDouble
	JEQ  done
	CMPL AX, $const_doBoolean
	JNE  out
	MOVBLZX (SI)(CX*1), AX
	CMPL AX, $1
	JHI  out
	MOVL $1, DX
	MOVL $(const_EncFalse + 0x100*const_Present), R12
	SUBL AX, R12
	JMP  done
