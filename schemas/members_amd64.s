//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// func runBMI2(p unsafe.Pointer, m *marks, names *name, cells *Cell, lengths *int32, count, i, limit, from int) (at, n int, check uint64, named bool)
//
// It is run of members.go, with one load, one shift and one count of zeros
// between the place of one member and that of the next. Where a text is as long
// as the one before it, not even those: that it is so again is a branch,
// which the processor predicts, and goes on with the next member meanwhile.
// Numbers are too seldom as long as the one before them (measured: a fourth of
// all time where most members are numbers).
// check has the bits, modulo 64, of the names whose texts go beyond ASCII: they are
// marked encUnchecked.
//
// Places count from the window's first byte, at p, and cells from from bytes
// before it. Nothing is read from limit+margin on, which may be the text's end.
//
// SI text, DI marks, R8 the name, R9 its cell, R14 the length, R10 names left,
// R11 limit, R12 from, BX where the member begins, CX where its value begins.
TEXT ·runBMI2(SB), NOSPLIT, $0-97
	MOVQ p+0(FP), SI
	MOVQ m+8(FP), DI
	MOVQ names+16(FP), R8
	MOVQ cells+24(FP), R9
	MOVQ lengths+32(FP), R14
	MOVQ count+40(FP), R10
	MOVQ i+48(FP), BX
	MOVQ limit+56(FP), R11
	MOVQ from+64(FP), R12
	MOVQ $0, check+88(FP)

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
	ANDQ AX, DX
	CMPL R15, (R14)
	JNE  another
	MOVL (R14), R15

text:
	LEAQ -6(R13)(R15*1), AX
	CMPQ AX, R11
	JGT  named
	CMPB 6(SI)(AX*1), $0x22
	JNE  escape
	LEAQ 1(R13)(R15*1), BX
	ADDL R12, R13
	MOVL R13, Cell_Off(R9)
	MOVL R15, Cell_Len(R9)
	MOVL $(const_EncText + 0x100*const_Present), Cell_Enc(R9)
	TESTQ DX, DX
	JNZ  high

behind:
	CMPB (SI)(BX*1), $0x2C // a comma
	JNE  last
	ADDQ $name__size, R8
	ADDQ $Cell__size, R9
	ADDQ $4, R14
	DECQ R10
	JNZ  member

	// No name is left, or none that is alike.
unlike:
	MOVQ count+40(FP), AX
	SUBQ R10, AX
	MOVQ BX, at+72(FP)
	MOVQ AX, n+80(FP)
	MOVB $0, named+96(FP)
	RET

last:
	DECQ R10
	JMP  unlike

named:
	MOVQ count+40(FP), AX
	SUBQ R10, AX
	MOVQ CX, at+72(FP)
	MOVQ AX, n+80(FP)
	MOVB $1, named+96(FP)
	RET

digit:
	MOVQ CX, BX // where the digits begin
	CMPL DX, $0x2D // a minus
	JEQ  minus

digits:
	LEAL -0x30(DX), AX
	CMPL AX, $9
	JHI  literal
	MOVQ BX, R13
	MOVL BX, R15
	SHRQ $3, R13
	ANDL $7, R15
	MOVQ marks_other(DI)(R13*1), AX
	SHRXQ R15, AX, AX
	TZCNTQ AX, R15
	JCS  named
	CMPL DX, $0x30
	JEQ  zero

point:
	LEAQ (BX)(R15*1), R13
	CMPQ R13, R11
	JGT  named
	CMPB (SI)(R13*1), $0x2E
	JEQ  fraction
	MOVL $(const_EncInt + 0x100*const_Present), R13

number:
	ADDQ R15, BX
	LEAQ -7(BX), AX
	CMPQ AX, R11
	JGT  named
	MOVBLZX (SI)(BX*1), DX
	ORL  $0x20, DX
	CMPL DX, $0x65 // an exponent
	JEQ  named
	MOVL BX, AX
	SUBL CX, AX
	ADDL R12, CX
	MOVL CX, Cell_Off(R9)
	MOVL AX, Cell_Len(R9)
	MOVL R13, Cell_Enc(R9)
	JMP  behind

	// Of the marks, in AX, the lowest is the point's; the next one is behind the fraction.
fraction:
	BLSRQ AX, AX
	LEAQ 1(R15), DX
	TZCNTQ AX, R15
	JCS  named
	CMPQ R15, DX
	JEQ  named // no digit
	MOVL $(const_EncFloat + 0x100*const_Present), R13
	JMP  number

minus:
	INCQ BX
	MOVBLZX (SI)(BX*1), DX
	JMP  digits

zero:
	CMPQ R15, $1
	JEQ  point
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
	JNE  false
	ADDL R12, CX
	MOVL CX, Cell_Off(R9)
	MOVL $4, Cell_Len(R9)
	MOVL $(const_EncTrue + 0x100*const_Present), Cell_Enc(R9)
	JMP  behind

false:
	CMPL DX, $0x736C6166
	JNE  named
	CMPB 4(SI)(CX*1), $0x65
	JNE  named
	LEAQ 5(CX), BX
	ADDL R12, CX
	MOVL CX, Cell_Off(R9)
	MOVL $5, Cell_Len(R9)
	MOVL $(const_EncFalse + 0x100*const_Present), Cell_Enc(R9)
	JMP  behind

another:
	MOVL R15, (R14)
	JMP  text

	// The text is not ASCII: the caller looks at it.
high:
	MOVB $const_encUnchecked, Cell_Enc(R9)
	MOVQ count+40(FP), AX
	SUBQ R10, AX
	MOVQ check+88(FP), DX
	BTSQ AX, DX
	MOVQ DX, check+88(FP)
	JMP  behind

	// AX is 6 before what ended the text: a backslash, mostly before one of few characters.
escape:
	ADDL R12, R13
	MOVL R13, Cell_Off(R9)
	LEAQ ·unescape(SB), DX
	ADDQ $6, AX

again:
	CMPB (SI)(AX*1), $0x5C
	JNE  closed
	MOVBLZX 1(SI)(AX*1), R13
	CMPB (DX)(R13*1), $0 // a hexadecimal one, or none
	JEQ  named
	LEAQ 2(AX), R13
	CMPQ R13, R11
	JGT  named
	MOVQ R13, AX
	MOVL R13, R15
	SHRQ $3, AX
	ANDL $7, R15
	MOVQ marks_stop(DI)(AX*1), AX
	SHRXQ R15, AX, AX
	TZCNTQ AX, R15
	JCS  named
	LEAQ -6(R13)(R15*1), AX
	CMPQ AX, R11
	JGT  named
	ADDQ $6, AX
	JMP  again

closed:
	CMPB (SI)(AX*1), $0x22
	JNE  named // a control character
	LEAQ 1(AX), BX
	ADDL R12, AX
	SUBL Cell_Off(R9), AX
	MOVL AX, Cell_Len(R9)
	MOVL $(const_EncJSONString + 0x100*const_Present), Cell_Enc(R9)
	JMP  behind
