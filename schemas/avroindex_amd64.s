//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// func runAvroBMI2(p unsafe.Pointer, limit int, steps *avroStep, count int, cells unsafe.Pointer, i int) (at, n, unchecked, first int)
//
// It is runAvro of avroindex.go, but that it leaves the look at texts beyond ASCII
// to its caller: unchecked counts them, first is the first's. How many bytes a field takes is guessed to
// be what it took the last time: see runBMI2.
//
// SI data, R11 limit, R8 the step, R10 steps left, DI cells, R9 its cell,
// R14 the high bits of eight bytes, BX where the field begins, CX its value.
TEXT ·runAvroBMI2(SB), NOSPLIT, $0-80
	MOVQ p+0(FP), SI
	MOVQ limit+8(FP), R11
	MOVQ steps+16(FP), R8
	MOVQ count+24(FP), R10
	MOVQ cells+32(FP), DI
	MOVQ i+40(FP), BX
	MOVQ $0, unchecked+64(FP)
	MOVQ $0, first+72(FP)
	MOVQ $0x8080808080808080, R14

field:
	CMPQ BX, R11
	JGT  out
	MOVBLZX avroStep_do(R8), AX
	MOVQ avroStep_cell(R8), R9
	ADDQ DI, R9
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
	CMPL DX, $0x80
	JAE  long
	CMPL DX, avroStep_last(R8)
	JNE  another
	MOVL avroStep_last(R8), DX

text:
	INCQ CX
	MOVL DX, R12
	SHRL $1, DX
	ANDL $1, R12
	JNZ  out // less than nothing
	LEAQ -const_avroMargin(CX)(DX*1), R13
	CMPQ R13, R11
	JGT  out
	ADDQ $const_avroMargin, R13
	MOVQ (SI)(CX*1), R12
	CMPL DX, $8
	JHI  wide
	LEAL (DX*8), R15
	BZHIQ R15, R12, R12

ascii:
	MOVL CX, Cell_Off(R9)
	MOVL DX, Cell_Len(R9)
	MOVL $(const_EncText + 0x100*const_Present), Cell_Enc(R9)
	MOVQ R13, BX
	TESTQ R14, R12
	JNZ  high

next:
	ADDQ $avroStep__size, R8
	DECQ R10
	JNZ  field

out:
	MOVQ count+24(FP), AX
	SUBQ R10, AX
	MOVQ BX, at+48(FP)
	MOVQ AX, n+56(FP)
	RET

number:
	CMPL AX, $const_doInt
	JHI  other
	MOVQ (SI)(CX*1), R12
	ANDNQ R14, R12, R12
	TZCNTQ R12, DX
	JCS  nine
	SHRL $3, DX
	INCL DX

sized:
	CMPL DX, avroStep_last(R8)
	JNE  anotherNumber
	MOVL avroStep_last(R8), DX

varint:
	CMPL DX, $4
	JHI  wideNumber

varintDone:
	MOVL CX, Cell_Off(R9)
	MOVL DX, Cell_Len(R9)
	MOVL $(const_EncVarint + 0x100*const_Present), Cell_Enc(R9)
	LEAQ (CX)(DX*1), BX
	JMP  next

wideNumber:
	CMPL AX, $const_doInt
	JEQ  out
	JMP  varintDone

another:
	MOVL DX, avroStep_last(R8)
	JMP  text

anotherNumber:
	MOVL DX, avroStep_last(R8)
	JMP  varint

nine:
	CMPB 8(SI)(CX*1), $0
	JLT  out // ten, the last of which is not to be looked at here
	MOVL $9, DX
	JMP  sized

null:
	MOVBLZX avroStep_value(R8), R12
	ADDL DX, R12
	CMPL R12, $2
	JNE  out
	MOVL CX, Cell_Off(R9)
	MOVL $0, Cell_Len(R9)
	MOVL $(const_EncNone + 0x100*(const_Present+const_Null)), Cell_Enc(R9)
	MOVQ CX, BX
	JMP  next

long:
	MOVBLZX 1(SI)(CX*1), R12
	CMPL R12, $0x80
	JAE  out
	ANDL $0x7F, DX
	SHLL $7, R12
	ORL  R12, DX
	INCQ CX
	JMP  text

wide:
	ORQ  -8(SI)(R13*1), R12
	CMPL DX, $16
	JLS  ascii
	ORQ  8(SI)(CX*1), R12
	ORQ  -16(SI)(R13*1), R12
	CMPL DX, $32
	JLS  ascii
	LEAQ 16(CX), R15
	LEAQ -16(R13), AX

wider:
	ORQ  (SI)(R15*1), R12
	ADDQ $8, R15
	CMPQ R15, AX
	JLT  wider
	JMP  ascii

high:
	MOVB $const_encUnchecked, Cell_Enc(R9)
	INCQ unchecked+64(FP)
	CMPQ unchecked+64(FP), $1
	JNE  next
	MOVQ count+24(FP), AX
	SUBQ R10, AX
	MOVQ AX, first+72(FP)
	JMP  next

other:
	CMPL AX, $const_doDouble
	JNE  boolean
	MOVL CX, Cell_Off(R9)
	MOVL $8, Cell_Len(R9)
	MOVL $(const_EncFloat64 + 0x100*const_Present), Cell_Enc(R9)
	LEAQ 8(CX), BX
	JMP  next

boolean:
	CMPL AX, $const_doBoolean
	JNE  out
	MOVBLZX (SI)(CX*1), DX
	CMPL DX, $1
	JHI  out
	MOVL CX, Cell_Off(R9)
	MOVL $1, Cell_Len(R9)
	MOVL $(const_EncFalse + 0x100*const_Present), R12
	SUBL DX, R12
	MOVL R12, Cell_Enc(R9)
	LEAQ 1(CX), BX
	JMP  next
