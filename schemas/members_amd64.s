//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// func runBMI2(p unsafe.Pointer, m *marks, names *name, cells *Cell, count, i, limit, from int) (at, n int, named bool)
//
// It is run of members.go, instruction for instruction what that says, with one
// load, one shift and one count of zeros between the place of one member and
// that of the next.
//
// SI text, DI marks, R8 the name, R9 its cell, R10 names left, R11 limit,
// R12 from, BX where the member begins, CX where its value begins.
TEXT ·runBMI2(SB), NOSPLIT, $0-81
	MOVQ p+0(FP), SI
	MOVQ m+8(FP), DI
	MOVQ names+16(FP), R8
	MOVQ cells+24(FP), R9
	MOVQ count+32(FP), R10
	MOVQ i+40(FP), BX
	MOVQ limit+48(FP), R11
	MOVQ from+56(FP), R12

member:
	MOVL name_size(R8), AX
	LEAQ (BX)(AX*1), CX
	CMPQ CX, R11
	JGT  unlike
	MOVQ (SI)(BX*1), DX
	ANDQ name_mask(R8), DX
	CMPQ DX, name_head(R8)
	JNE  unlike
	CMPL AX, $8
	JLE  value
	MOVQ -8(SI)(CX*1), DX
	CMPQ DX, name_tail(R8)
	JNE  unlike
	CMPL AX, $16
	JLE  value
	MOVQ 8(SI)(BX*1), DX
	CMPQ DX, name_second(R8)
	JNE  unlike
	MOVQ -16(SI)(CX*1), DX
	CMPQ DX, name_third(R8)
	JNE  unlike

value:
	MOVBLZX (SI)(CX*1), DX
	CMPL DX, $0x22 // a quote
	JNE  digit
	LEAQ 1(BX)(AX*1), R13 // where the text begins
	MOVQ R13, DX
	MOVL R13, R15
	SHRQ $3, DX
	ANDL $7, R15
	MOVQ marks_stop(DI)(DX*1), AX
	MOVQ marks_high(DI)(DX*1), DX
	SHRXQ R15, AX, AX
	SHRXQ R15, DX, DX
	TZCNTQ AX, R15
	JCS  named // it is longer than what is seen
	BLSMSKQ AX, AX
	TESTQ AX, DX
	JNZ  named // it is not ASCII
	LEAQ (R13)(R15*1), AX
	CMPQ AX, R11
	JGT  named
	CMPB (SI)(AX*1), $0x22
	JNE  named // it has an escape or a control character
	LEAQ 1(R13)(R15*1), BX
	ADDL R12, R13
	MOVL R13, Cell_Off(R9)
	MOVL R15, Cell_Len(R9)
	MOVL $(const_EncText + 0x100*const_Present), Cell_Enc(R9)

behind:
	CMPB (SI)(BX*1), $0x2C // a comma
	JNE  last
	ADDQ $name__size, R8
	ADDQ $Cell__size, R9
	DECQ R10
	JNZ  member

	// No name is left, or none that is alike.
unlike:
	MOVQ count+32(FP), AX
	SUBQ R10, AX
	MOVQ BX, at+64(FP)
	MOVQ AX, n+72(FP)
	MOVB $0, named+80(FP)
	RET

last:
	DECQ R10
	JMP  unlike

named:
	MOVQ count+32(FP), AX
	SUBQ R10, AX
	MOVQ CX, at+64(FP)
	MOVQ AX, n+72(FP)
	MOVB $1, named+80(FP)
	RET

digit:
	LEAL -0x30(DX), AX
	CMPL AX, $9
	JHI  literal
	MOVQ CX, R13
	MOVL CX, R15
	SHRQ $3, R13
	ANDL $7, R15
	MOVQ marks_other(DI)(R13*1), AX
	SHRXQ R15, AX, AX
	TZCNTQ AX, R15
	JCS  named
	LEAQ (CX)(R15*1), BX
	CMPQ BX, R11
	JGT  named
	CMPL DX, $0x30
	JEQ  zero

integer:
	MOVBLZX (SI)(BX*1), DX
	CMPL DX, $0x2E // a point
	JEQ  named
	ORL  $0x20, DX
	CMPL DX, $0x65 // an exponent
	JEQ  named
	ADDL R12, CX
	MOVL CX, Cell_Off(R9)
	MOVL R15, Cell_Len(R9)
	MOVL $(const_EncInt + 0x100*const_Present), Cell_Enc(R9)
	JMP  behind

zero:
	CMPQ R15, $1
	JEQ  integer
	JMP  named

literal:
	MOVL (SI)(CX*1), DX
	LEAQ 4(CX), BX
	CMPL DX, $0x6C6C756E // null
	JNE  true
	ADDL R12, CX
	MOVL CX, Cell_Off(R9)
	MOVL $0, Cell_Len(R9)
	MOVL $(const_EncNone + 0x100*(const_Present+const_Null)), Cell_Enc(R9)
	JMP  behind

true:
	CMPL DX, $0x65757274
	JNE  named
	ADDL R12, CX
	MOVL CX, Cell_Off(R9)
	MOVL $4, Cell_Len(R9)
	MOVL $(const_EncTrue + 0x100*const_Present), Cell_Enc(R9)
	JMP  behind
