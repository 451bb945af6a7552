/* SPDX-License-Identifier: MIT */
/* LINK: hv/insn/insn_mov.c hv/insn/insn_decode.c hv/insn/insn_opcodes.c hv/insn/insn_emulate.c hv/insn/insn_operand.c hv/insn/insn_alu.c hv/insn/insn_string.c hv/insn/insn_stack.c hv/insn/insn_vector.c */
/* Any bytes, any registers: the short way for moves and the general one agree. */
#include <stdlib.h>
#include "hv/insn/test/mov_compare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct { u8 bytes[INSN_MOV_BYTES]; u64 gprs[16], rip, to_read; } input = { 0 };
	bool known;

	memcpy(&input, data, size < sizeof(input) ? size : sizeof(input));
	if (mov_compare(input.bytes, input.gprs, input.rip, input.to_read, &known))
		abort();
	return 0;
}
