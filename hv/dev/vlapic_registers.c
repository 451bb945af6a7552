/* SPDX-License-Identifier: MIT */
/*
 * The local APIC's registers: one table of meaning for the xAPIC page and for the x2APIC MSRs.
 *
 * The two faces differ in manners: a reserved bit or register is #GP in x2APIC mode, and is ignored or recorded in the
 * error status register on the page. Here "false" means such a thing; each face turns it into its own.
 */
#include "hv/dev/vlapic.h"
#include "hv/lib/error.h"

/* SDM vol. 3, "Local APIC Register Address Map" (table 11-1); AMD APM vol. 2, "APIC Registers": offset / 16. */
enum {
	REG_ID = 0x02, REG_VERSION = 0x03, REG_TPR = 0x08, REG_APR = 0x09, REG_PPR = 0x0a, REG_EOI = 0x0b, REG_RRD = 0x0c,
	REG_LDR = 0x0d, REG_DFR = 0x0e, REG_SVR = 0x0f, REG_ISR = 0x10, REG_TMR = 0x18, REG_IRR = 0x20, REG_ESR = 0x28,
	REG_LVT_CMCI = 0x2f, REG_ICR_LOW = 0x30, REG_ICR_HIGH = 0x31, REG_LVT = 0x32, REG_TIMER_INITIAL = 0x38,
	REG_TIMER_CURRENT = 0x39, REG_TIMER_DIVIDE = 0x3e, REG_SELF_IPI = 0x3f, REG_COUNT = 0x40,
};

#define VERSION_WORD ((LVT_COUNT - 1u) << 16 | 0x14u)
#define SVR_WRITABLE 0x3ffu
#define DFR_ONES 0x0fffffffu
#define LDR_WRITABLE 0xff000000u
#define DIVIDE_WRITABLE 0xbu
#define ICR_WRITABLE (MASK32(19, 18) | MASK32(15, 14) | MASK32(11, 0))
#define ICR_STATUS BIT32(12) /* always 0 here: a message has arrived when the write ends */
#define LVT_READ_ONLY (BIT32(12) | BIT32(14))

static const u32 lvt_writable[LVT_COUNT] = {
	[LVT_TIMER] = MASK32(18, 16) | LVT_VECTOR,
	[LVT_THERMAL] = LVT_MASKED | MASK32(10, 8) | LVT_VECTOR,
	[LVT_PERFORMANCE] = LVT_MASKED | MASK32(10, 8) | LVT_VECTOR,
	[LVT_LINT0] = LVT_MASKED | BIT32(15) | BIT32(13) | MASK32(10, 8) | LVT_VECTOR,
	[LVT_LINT1] = LVT_MASKED | BIT32(15) | BIT32(13) | MASK32(10, 8) | LVT_VECTOR,
	[LVT_ERROR] = LVT_MASKED | LVT_VECTOR,
};

static u32 bits_of(const u64 set[4], u32 word)
{
	word = (u32)index_nospec(word, 8);
	return (u32)(__atomic_load_n(&set[word / 2], __ATOMIC_RELAXED) >> (word & 1 ? 32 : 0));
}

bool vlapic_register_read(struct vlapic *vlapic, u32 index, u64 *value)
{
	const struct vlapic_state *state = &vlapic->state;
	bool x2apic = vlapic_x2apic(vlapic);

	if (UNLIKELY(vlapic->end_armed))
		vlapic_pv_settle(vlapic, false);
	switch (index) {
	case REG_ID: *value = x2apic ? vlapic->id : vlapic->id << 24; return true;
	case REG_VERSION: *value = VERSION_WORD; return true;
	case REG_TPR: *value = *vlapic->tpr; return true;
	case REG_PPR: *value = vlapic_processor_priority(vlapic); return true;
	case REG_APR: case REG_RRD: *value = 0; return !x2apic;
	case REG_LDR: *value = state->ldr; return true;
	case REG_DFR: *value = state->dfr; return !x2apic;
	case REG_SVR: *value = state->svr; return true;
	case REG_ISR ... REG_ISR + 7: *value = bits_of(state->isr, index - REG_ISR); return true;
	case REG_TMR ... REG_TMR + 7: *value = bits_of(state->tmr, index - REG_TMR); return true;
	case REG_IRR ... REG_IRR + 7: *value = bits_of(state->irr, index - REG_IRR); return true;
	case REG_ESR: *value = state->esr; return true;
	case REG_ICR_LOW: *value = state->icr_low | (x2apic ? (u64)state->icr_high << 32 : 0); return true;
	case REG_ICR_HIGH: *value = state->icr_high; return !x2apic;
	case REG_LVT ... REG_LVT + LVT_COUNT - 1:
		*value = state->lvt[index_nospec(index - REG_LVT, LVT_COUNT)];
		return true;
	case REG_TIMER_INITIAL: *value = state->timer_initial; return true;
	case REG_TIMER_CURRENT: *value = vlapic_timer_current(vlapic); return true;
	case REG_TIMER_DIVIDE: *value = state->timer_divide; return true;
	case REG_EOI: *value = 0; return !x2apic; /* write-only: 0 on the page */
	default: *value = 0; return false;
	}
}

static bool write_svr(struct vlapic *vlapic, u32 value)
{
	WRITE_ONCE(vlapic->state.svr, value & SVR_WRITABLE);
	if (!(value & SVR_ENABLE))
		for (unsigned i = 0; i < LVT_COUNT; i++)
			vlapic->state.lvt[i] |= LVT_MASKED;
	vlapic_priority_changed(vlapic);
	return !(value & ~SVR_WRITABLE);
}

static bool write_lvt(struct vlapic *vlapic, u32 which, u32 value)
{
	bool clean = !(value & ~(lvt_writable[which] | LVT_READ_ONLY));

	value &= lvt_writable[which];
	if (!(vlapic->state.svr & SVR_ENABLE))
		value |= LVT_MASKED;
	if (which == LVT_TIMER)
		vlapic_timer_write_lvt(vlapic, value);
	else
		WRITE_ONCE(vlapic->state.lvt[which], value);
	if (which == LVT_LINT0) /* the PIC may reach this CPU now */
		vcpu_request(vlapic->vcpu, VCPU_REQUEST_EVENT);
	return clean;
}

static bool write_icr(struct vlapic *vlapic, u32 low, u32 high)
{
	vlapic->state.icr_low = low & ICR_WRITABLE;
	vlapic->state.icr_high = high;
	vlapic_send_ipi(vlapic, vlapic->state.icr_low, vlapic_x2apic(vlapic) ? high : high >> 24);
	return true;
}

static bool write_esr(struct vlapic *vlapic)
{
	vlapic->state.esr = __atomic_exchange_n(&vlapic->state.esr_pending, 0, __ATOMIC_RELAXED);
	return true;
}

/* What both faces share; value is 32 bits wide. False: reserved bits were set (the write is done without them). */
static bool write_common(struct vlapic *vlapic, u32 index, u32 value)
{
	switch (index) {
	case REG_TPR: vlapic_set_tpr(vlapic, value); return !(value & ~0xffu);
	case REG_EOI: vlapic_end_of_interrupt(vlapic); return true;
	case REG_SVR: return write_svr(vlapic, value);
	case REG_ESR: return write_esr(vlapic);
	case REG_LVT ... REG_LVT + LVT_COUNT - 1:
		return write_lvt(vlapic, (u32)index_nospec(index - REG_LVT, LVT_COUNT), value);
	case REG_TIMER_INITIAL: vlapic_timer_write_initial(vlapic, value); return true;
	case REG_TIMER_DIVIDE: vlapic_timer_write_divide(vlapic, value & DIVIDE_WRITABLE); return true;
	default: return false;
	}
}

/* Bits that make a WRMSR #GP; a register that is not listed cannot be written at all. */
static bool x2apic_value_is_bad(u32 index, u64 value)
{
	switch (index) {
	case REG_TPR: case REG_SELF_IPI: return value > 0xff;
	case REG_EOI: case REG_ESR: return value != 0;
	case REG_SVR: return (value & ~(u64)SVR_WRITABLE) != 0;
	case REG_ICR_LOW: return (value & (MASK64(31, 20) | MASK64(17, 16) | BIT64(13))) != 0;
	case REG_LVT ... REG_LVT + LVT_COUNT - 1:
		return (value & ~(u64)(lvt_writable[index_nospec(index - REG_LVT, LVT_COUNT)] | LVT_READ_ONLY)) != 0;
	case REG_TIMER_INITIAL: return value > 0xffffffff;
	case REG_TIMER_DIVIDE: return (value & ~(u64)DIVIDE_WRITABLE) != 0;
	default: return true;
	}
}

static bool x2apic_write(struct vlapic *vlapic, u32 index, u64 value)
{
	if (x2apic_value_is_bad(index, value))
		return false;
	if (index == REG_SELF_IPI) {
		if (value < 16)
			vlapic_error(vlapic, ESR_SEND_ILLEGAL);
		else
			vlapic_accept(vlapic, (u8)value, false);
		return true;
	}
	if (index == REG_ICR_LOW)
		return write_icr(vlapic, (u32)value, (u32)(value >> 32));
	(void)write_common(vlapic, index, (u32)value);
	return true;
}

/* False: there is no such register, or it is read-only. */
static bool xapic_write(struct vlapic *vlapic, u32 index, u32 value)
{
	struct vlapic_state *state = &vlapic->state;

	switch (index) {
	case REG_LDR: WRITE_ONCE(state->ldr, value & LDR_WRITABLE); return true;
	case REG_DFR: WRITE_ONCE(state->dfr, value | DFR_ONES); return true;
	case REG_ICR_LOW: return write_icr(vlapic, value, state->icr_high);
	case REG_ICR_HIGH: state->icr_high = value & 0xff000000u; return true;
	case REG_ID: case REG_VERSION: case REG_APR: case REG_PPR: case REG_RRD: case REG_TIMER_CURRENT:
	case REG_ISR ... REG_ESR - 1:
		return true; /* read-only: ignored */
	case REG_TPR: case REG_EOI: case REG_SVR: case REG_ESR: case REG_TIMER_INITIAL: case REG_TIMER_DIVIDE:
	case REG_LVT ... REG_LVT + LVT_COUNT - 1:
		(void)write_common(vlapic, index, value);
		return true;
	default:
		return false;
	}
}

bool vlapic_register_write(struct vlapic *vlapic, u32 index, u64 value)
{
	return vlapic_x2apic(vlapic) ? x2apic_write(vlapic, index, value) : xapic_write(vlapic, index, (u32)value);
}

/* SDM vol. 3, "x2APIC State Transitions": off, xAPIC, x2APIC; only some steps are legal. */
bool vlapic_base_write(struct vlapic *vlapic, u64 value)
{
	u64 old = vlapic->state.apic_base;
	bool enabled = value & APIC_BASE_EN, extended = value & APIC_BASE_EXTD;

	if ((value & ~(APIC_BASE_EN | APIC_BASE_EXTD | APIC_BASE_BSP)) != VLAPIC_BASE)
		return false;
	if (extended && (!enabled || !(old & APIC_BASE_EN)))
		return false;
	if ((old & APIC_BASE_EXTD) && enabled && !extended)
		return false;
	if (!enabled && (old & APIC_BASE_EN))
		vlapic_init_state(vlapic); /* switched off: the registers are lost */
	WRITE_ONCE(vlapic->state.apic_base, value);
	if (extended && !(old & APIC_BASE_EXTD)) {
		vlapic->state.ldr = (vlapic->id >> 4) << 16 | BIT32(vlapic->id & 15);
		vlapic->state.icr_high = 0;
	}
	vcpu_request(vlapic->vcpu, VCPU_REQUEST_EVENT);
	return true;
}

/* The page. Registers are aligned to 16 bytes and 32 bits wide; a narrower read gets its bytes. */
static u64 page_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vlapic *vlapic = vlapic_bus_current(device);
	u64 value = 0;

	if (!vlapic || !vlapic_enabled(vlapic) || vlapic_x2apic(vlapic))
		return ~(u64)0;
	if ((offset & 15) + size_bytes > 4)
		return 0;
	if (!vlapic_register_read(vlapic, (u32)(offset >> 4), &value))
		vlapic_error(vlapic, ESR_ILLEGAL_REGISTER);
	return value >> (8 * (offset & 3));
}

static void page_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vlapic *vlapic = vlapic_bus_current(device);

	if (!vlapic || !vlapic_enabled(vlapic) || vlapic_x2apic(vlapic) || (offset & 15) || size_bytes < 4)
		return;
	if (!vlapic_register_write(vlapic, (u32)(offset >> 4), (u32)value))
		vlapic_error(vlapic, ESR_ILLEGAL_REGISTER);
}

static const struct io_ops page_ops = { page_read, page_write };

int vlapic_claim(struct vlapic_bus *bus, struct io_map *mmio)
{
	const struct io_region region = { VLAPIC_BASE, PAGE_SIZE, &page_ops, bus, "lapic", true };

	return io_map_add(mmio, &region);
}
