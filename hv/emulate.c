/* SPDX-License-Identifier: MIT */
/*
 * The emulator's callbacks (hv/emulate.h). The instruction is read again from the guest's memory, so it may not be the
 * one that exited; whatever it is, it acts with the guest's own rights on the guest's own machine.
 *
 * At the fast level nothing sleeps: translate refuses with ERR_AGAIN what is not populated, or belongs to a region that
 * is not FAST; so no device sees an access twice when the slow level repeats the instruction.
 */
#include "hv/emulate.h"
#include "hv/cpuid_policy.h"
#include "hv/gmem_internal.h"
#include "hv/gva.h"
#include "hv/insn/insn_emulate.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/vcpu_state.h"

#define CR0_PE BIT64(0)
#define CR0_TS BIT64(3)
#define EFER_LMA BIT64(10)

struct emulation {
	struct vcpu *vcpu;
	struct guest_paging paging;
	bool have_paging;
	u8 cpl;
};

/* May this page be used now? RAM that is there, or MMIO whose device keeps the fast contract, or the slow level. */
static int ready(struct vcpu *vcpu, gpa_t gpa)
{
	const struct io_region *region;

	if (gmem_is_ram(vcpu->vm->gmem, gpa.value)) {
		if (LIKELY(gmem_pointer(vcpu->vm->gmem, gpa.value) != NULL))
			return OK;
		return vcpu->fast_level || gmem_populate(vcpu->vm, gpa) != OK ? ERR_AGAIN : OK;
	}
	if (!vcpu->fast_level)
		return OK;
	region = io_map_find(&vcpu->vm->mmio, gpa.value);
	return !region || region->fast ? OK : ERR_AGAIN;
}

static int translate(void *context, u64 linear, unsigned access, gpa_t *gpa, struct insn_exception *exception)
{
	struct emulation *emulation = context;
	struct guest_walk walk;
	int result;

	if (!emulation->have_paging) {
		gva_paging(emulation->vcpu, &emulation->paging);
		emulation->have_paging = true;
	}
	result = gva_walk(emulation->vcpu, &emulation->paging, linear, access, &walk);
	if (result == ERR_FAULT) {
		*exception = (struct insn_exception){ INSN_VECTOR_PF, true, walk.error_code, linear };
		return ERR_FAULT;
	}
	if (result != OK)
		return ERR_AGAIN;
	*gpa = walk.gpa;
	return ready(emulation->vcpu, walk.gpa);
}

static int read_memory(void *context, gpa_t gpa, unsigned size_bytes, u64 *value)
{
	struct vm *vm = ((struct emulation *)context)->vcpu->vm;

	*value = 0;
	if (gmem_is_ram(vm->gmem, gpa.value))
		return gmem_read_nofault(vm, gpa, value, size_bytes);
	*value = io_map_read(&vm->mmio, gpa.value, size_bytes);
	return OK;
}

static int write_memory(void *context, gpa_t gpa, unsigned size_bytes, u64 value)
{
	struct vm *vm = ((struct emulation *)context)->vcpu->vm;

	if (gmem_is_ram(vm->gmem, gpa.value))
		return gmem_write_nofault(vm, gpa, &value, size_bytes);
	io_map_write(&vm->mmio, gpa.value, size_bytes, value);
	return OK;
}

static u32 port_read(void *context, u16 port, unsigned size_bytes)
{
	return (u32)io_map_read(&((struct emulation *)context)->vcpu->vm->ports, port, size_bytes);
}

static void port_write(void *context, u16 port, unsigned size_bytes, u32 value)
{
	io_map_write(&((struct emulation *)context)->vcpu->vm->ports, port, size_bytes, value);
}

static void get_segment(void *context, enum insn_segment_name name, struct insn_segment *segment)
{
	struct segment from;

	virt_ops->get_segment(((struct emulation *)context)->vcpu, (enum segment_index)name, &from);
	*segment = (struct insn_segment){ from.base, from.limit_bytes, from.selector, from.attributes };
}

static unsigned vector_bytes(void *context)
{
	return vcpu_vector_bytes(((struct emulation *)context)->vcpu);
}

static void vector_read(void *context, unsigned number, unsigned size_bytes, u8 *to)
{
	vcpu_vector_read(((struct emulation *)context)->vcpu, number, size_bytes, to);
}

static void vector_write(void *context, unsigned number, unsigned size_bytes, const u8 *from, bool zero_upper)
{
	vcpu_vector_write(((struct emulation *)context)->vcpu, number, size_bytes, from, zero_upper);
}

static const struct insn_ops emulation_ops = {
	.translate = translate, .read = read_memory, .write = write_memory, .port_read = port_read, .port_write = port_write,
	.segment = get_segment, .vector_bytes = vector_bytes, .vector_read = vector_read, .vector_write = vector_write,
};

/* The bytes that the CPU gave, or those at RIP where they are easy to get; the emulator's own fetch for the rest. */
static enum insn_result fetch(struct vcpu *vcpu, struct insn_cpu *cpu, const struct guest_paging *paging, struct insn *insn)
{
	u8 bytes[INSN_MAX_BYTES];
	u32 available = vcpu->exit.kind == EXIT_NESTED_FAULT ? vcpu->exit.fault.bytes_count : 0;
	int result;

	if (available) {
		memcpy(bytes, vcpu->exit.fault.bytes, sizeof(bytes));
	} else if (cpu->mode == INSN_MODE_64) {
		struct code_address where = { paging->cr0, paging->cr3, paging->cr4, paging->efer, cpu->rip };
		const u8 *code = vcpu_code_bytes(vcpu, &where, &available);

		if (!code)
			return insn_fetch(cpu, insn);
		available = MIN(available, (u32)INSN_MAX_BYTES);
		if (LIKELY(available == INSN_MAX_BYTES))
			memcpy(bytes, code, INSN_MAX_BYTES);
		else
			memcpy(bytes, code, available);
	} else {
		return insn_fetch(cpu, insn);
	}
	result = insn_decode(insn, bytes, available, cpu->mode);
	if (LIKELY(result == OK))
		return INSN_DONE;
	if (result == ERR_AGAIN)
		return insn_fetch(cpu, insn);
	return insn_decode_failed(cpu, result);
}

/*
 * LOCK, and XCHG with memory, which locks by itself: the read and the write of device memory are not torn apart by another
 * vCPU's locked access. (Its plain accesses may come between, as they may on a bus that nobody locks for a device.)
 */
static bool locks_bus(const struct insn *insn)
{
	return (insn->prefixes & INSN_LOCK) ||
	       (insn->map == INSN_MAP_ONE_BYTE && (insn->opcode & 0xfe) == 0x86 && insn->mod != 3);
}

/* False: another vCPU has it, and the fast level does not wait. */
static bool take_bus(struct vcpu *vcpu)
{
	while (__atomic_exchange_n(&vcpu->vm->bus_locked, true, __ATOMIC_ACQUIRE)) {
		if (vcpu->fast_level)
			return false;
		thread_yield();
	}
	return true;
}

static enum insn_result emulate_locked(struct vcpu *vcpu, struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_result result;

	if (!take_bus(vcpu))
		return INSN_RETRY;
	result = insn_emulate(cpu, insn);
	__atomic_store_n(&vcpu->vm->bus_locked, false, __ATOMIC_RELEASE);
	return result;
}

static enum verdict give_up(struct vcpu *vcpu)
{
	if (vcpu->fast_level)
		return VERDICT_SLOW;
	vm_crash(vcpu->vm, "an instruction at %llx that is not emulated touched %s", (unsigned long long)vcpu->regs.rip,
		 vcpu->exit.kind == EXIT_IO ? "a port" : "device memory");
	return VERDICT_STOP;
}

enum verdict emulate_at_rip(struct vcpu *vcpu, const gpa_t *known_gpa)
{
	/* Not zeroed first (-ftrivial-auto-var-init): all four members are set here, before anything reads them. */
	struct emulation emulation __attribute__((uninitialized));
	struct insn_cpu cpu = { .ops = &emulation_ops, .context = &emulation, .gprs = vcpu->regs.gpr, .rip = vcpu->regs.rip,
				.rflags = vcpu->regs.rflags };
	unsigned bits = virt_ops->code_bits(vcpu);
	enum insn_result result;
	struct insn insn;

	if (vcpu->fast_level && vcpu->exit.kind == EXIT_IO) /* strings are long: with interrupts on */
		return VERDICT_SLOW;
	emulation.vcpu = vcpu;
	emulation.have_paging = true;
	gva_paging(vcpu, &emulation.paging);
	cpu.mode = bits == 64 ? INSN_MODE_64 : bits == 32 ? INSN_MODE_32 : INSN_MODE_16;
	emulation.cpl = cpu.cpl = (u8)virt_ops->privilege_level(vcpu);
	cpu.linear_bits = (u8)guest_linear_bits(&emulation.paging);
	cpu.protected_mode = (emulation.paging.cr0 & CR0_PE) && !(vcpu->regs.rflags & RFLAGS_VM);
	cpu.task_switched = emulation.paging.cr0 & CR0_TS;
	if (known_gpa) {
		if (ready(vcpu, *known_gpa) != OK)
			return VERDICT_SLOW;
		cpu.known_gpa = true;
		cpu.known_gpa_write = vcpu->exit.fault.write;
		cpu.gpa = *known_gpa;
	}
	result = fetch(vcpu, &cpu, &emulation.paging, &insn);
	if (result == INSN_DONE)
		result = UNLIKELY(locks_bus(&insn)) ? emulate_locked(vcpu, &cpu, &insn) : insn_emulate(&cpu, &insn);
	vcpu->regs.rflags = cpu.rflags;
	switch (result) {
	case INSN_DONE:
		vcpu->exit.next_rip = vcpu->regs.rip + insn.length;
		if (cpu.mode != INSN_MODE_64)
			vcpu->exit.next_rip = (u32)vcpu->exit.next_rip;
		return VERDICT_NEXT;
	case INSN_CONTINUE: /* with TF after each iteration: its trap is due, though RIP stays */
		if (vcpu->regs.rflags & RFLAGS_TF)
			exit_single_step(vcpu);
		return VERDICT_SAME;
	case INSN_RETRY:
		return VERDICT_SLOW;
	case INSN_EXCEPTION:
		if (cpu.exception.vector == INSN_VECTOR_PF)
			virt_ops->set_system(vcpu, SYSTEM_CR2, cpu.exception.address);
		vcpu_inject_exception(vcpu, cpu.exception.vector, cpu.exception.has_error_code, cpu.exception.error_code);
		return VERDICT_SAME;
	default:
		return give_up(vcpu);
	}
}
