/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic with its status flags, in plain C, for operands of 1, 2, 4 and 8 bytes. Flags that the manuals leave undefined
 * are as most CPUs have them. Checked against the CPU of the build machine by test/test_insn_native.c.
 */
#include "hv/insn/insn_internal.h"

static u64 flags_of_result(unsigned size_bytes, u64 result)
{
	u64 flags = 0;

	if (!(result & size_mask(size_bytes)))
		flags |= FLAG_ZF;
	if (result >> (8 * size_bytes - 1) & 1)
		flags |= FLAG_SF;
	if (!__builtin_parity((unsigned)result & 0xff))
		flags |= FLAG_PF;
	return flags;
}

static u64 add(unsigned size_bytes, u64 a, u64 b, u64 carry, u64 *flags)
{
	unsigned top = 8 * size_bytes - 1;
	u64 result = (a + b + carry) & size_mask(size_bytes), now = flags_of_result(size_bytes, result);

	if (((a & b) | ((a | b) & ~result)) >> top & 1)
		now |= FLAG_CF;
	if (((a ^ result) & (b ^ result)) >> top & 1)
		now |= FLAG_OF;
	*flags = (*flags & ~(u64)FLAGS_STATUS) | now | ((a ^ b ^ result) & FLAG_AF);
	return result;
}

static u64 subtract(unsigned size_bytes, u64 a, u64 b, u64 borrow, u64 *flags)
{
	unsigned top = 8 * size_bytes - 1;
	u64 result = (a - b - borrow) & size_mask(size_bytes), now = flags_of_result(size_bytes, result);

	if (((~a & b) | ((~a | b) & result)) >> top & 1)
		now |= FLAG_CF;
	if (((a ^ b) & (a ^ result)) >> top & 1)
		now |= FLAG_OF;
	*flags = (*flags & ~(u64)FLAGS_STATUS) | now | ((a ^ b ^ result) & FLAG_AF);
	return result;
}

static u64 logic(unsigned size_bytes, u64 result, u64 *flags)
{
	*flags = (*flags & ~(u64)FLAGS_STATUS) | flags_of_result(size_bytes, result);
	return result;
}

u64 alu_binary(enum alu operation, unsigned size_bytes, u64 a, u64 b, u64 *flags)
{
	u64 mask = size_mask(size_bytes);

	a &= mask, b &= mask;
	switch (operation) {
	case ALU_ADD: return add(size_bytes, a, b, 0, flags);
	case ALU_OR: return logic(size_bytes, a | b, flags);
	case ALU_ADC: return add(size_bytes, a, b, *flags & FLAG_CF, flags);
	case ALU_SBB: return subtract(size_bytes, a, b, *flags & FLAG_CF, flags);
	case ALU_AND: return logic(size_bytes, a & b, flags);
	case ALU_XOR: return logic(size_bytes, a ^ b, flags);
	default: return subtract(size_bytes, a, b, 0, flags);
	}
}

u64 alu_increment(unsigned size_bytes, u64 a, bool down, u64 *flags)
{
	u64 carry = *flags & FLAG_CF, result;

	result = alu_binary(down ? ALU_SUB : ALU_ADD, size_bytes, a, 1, flags);
	*flags = (*flags & ~(u64)FLAG_CF) | carry;
	return result;
}

static void set_flag(u64 *flags, u64 flag, bool on)
{
	*flags = on ? *flags | flag : *flags & ~flag;
}

/* Rotates touch only CF and OF. OF is what the last step of a rotate by one would give, whatever the count. */
static u64 rotate(unsigned operation, unsigned size_bytes, u64 a, unsigned count, u64 *flags)
{
	unsigned bits = 8 * size_bytes;
	u64 top = (u64)1 << (bits - 1);

	for (count = operation < 2 ? count % bits : count % (bits + 1); count; count--) {
		bool carry = *flags & FLAG_CF, out = operation & 1 ? a & 1 : a & top;
		bool in = operation < 2 ? out : carry;

		a = operation & 1 ? a >> 1 | (in ? top : 0) : (a << 1 | in) & size_mask(size_bytes);
		set_flag(flags, FLAG_CF, out);
	}
	return a;
}

static u64 shift(unsigned operation, unsigned size_bytes, u64 a, unsigned count, u64 *flags)
{
	unsigned bits = 8 * size_bytes;
	u64 result;
	bool carry, overflow;

	if (operation == 4 || operation == 6) { /* shl */
		result = count < bits ? (a << count) & size_mask(size_bytes) : 0;
		carry = count <= bits && a >> (bits - count) & 1;
		overflow = (result >> (bits - 1) & 1) != carry;
	} else if (operation == 5) { /* shr */
		result = count < bits ? a >> count : 0;
		carry = count <= bits && a >> (count - 1) & 1;
		overflow = a >> (bits - 1) & 1;
	} else { /* sar */
		s64 wide = (s64)sign_extend(a, size_bytes);

		result = (u64)(wide >> MIN(count, 63u)) & size_mask(size_bytes);
		carry = (u64)(wide >> MIN(count - 1, 63u)) & 1;
		overflow = false;
	}
	logic(size_bytes, result, flags);
	set_flag(flags, FLAG_CF, carry);
	set_flag(flags, FLAG_OF, overflow);
	return result;
}

u64 alu_shift(unsigned operation, unsigned size_bytes, u64 a, unsigned count, u64 *flags)
{
	u64 result, top;

	a &= size_mask(size_bytes);
	count &= size_bytes == 8 ? 63 : 31;
	if (count == 0)
		return a;
	if (operation >= 4)
		return shift(operation, size_bytes, a, count, flags);
	result = rotate(operation, size_bytes, a, count, flags);
	top = result >> (8 * size_bytes - 1) & 1;
	/* Through the carry by a whole turn: CF is the old one. Plain rotates by a multiple of the size still set CF. */
	if (operation == 0)
		set_flag(flags, FLAG_CF, result & 1);
	if (operation == 1)
		set_flag(flags, FLAG_CF, top);
	if (operation & 1)
		set_flag(flags, FLAG_OF, top != (result >> (8 * size_bytes - 2) & 1));
	else
		set_flag(flags, FLAG_OF, top != (*flags & FLAG_CF));
	return result;
}

bool alu_condition(unsigned condition, u64 flags)
{
	bool sign = !(flags & FLAG_SF) != !(flags & FLAG_OF), result;

	switch (condition >> 1 & 7) {
	case 0: result = flags & FLAG_OF; break;
	case 1: result = flags & FLAG_CF; break;
	case 2: result = flags & FLAG_ZF; break;
	case 3: result = flags & (FLAG_CF | FLAG_ZF); break;
	case 4: result = flags & FLAG_SF; break;
	case 5: result = flags & FLAG_PF; break;
	case 6: result = sign; break;
	default: result = sign || flags & FLAG_ZF;
	}
	return result != (condition & 1);
}
