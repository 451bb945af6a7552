/* SPDX-License-Identifier: MIT */
/*
 * The run loop's inner half, and the decoder: from an exit code to the neutral exit (struct vm_exit), one row per code,
 * with the kind, the instruction that the code stands for, and a decoder for operands where there are some.
 *
 * svm_vcpu_run is the exit path's hardware half: it loads what a VMRUN does not switch (VMLOAD), enters and decodes until
 * a handler wants the slow level, and puts the host's state back. All of a fast exit but its handler is in line here.
 *
 * The address after the instruction comes from the CPU (next RIP) or from the instruction's own bytes. Where the bytes
 * are not that instruction (another vCPU changed them), next_rip stays 0 and the core enters the guest again.
 * APM vol. 2, "SVM Intercept Exit Codes" (appendix C). Next to read: hv/exit.c.
 */
#include "arch/svm/svm.h"
#include "arch/x86/cpu.h"
#include "hv/insn/insn.h"
#include "hv/lib/string.h"

#define CODES 0xb0
#define CODE_WRMSR CODES /* our own: SVM has one code for both, and bit 0 of EXITINFO1 */

struct exit_decoder {
	u32 bytes, mask; /* of the instruction without prefixes */
	u8 length;       /* its length; 0: the code stands for no instruction, or decode finds it out */
	u8 kind;         /* enum exit_kind */
	u8 instruction;  /* enum insn_exit */
	void (*decode)(struct vcpu *vcpu, const struct vmcb *vmcb); /* without length: may be NULL */
};

static enum insn_mode code_mode(const struct vmcb *vmcb)
{
	if ((vmcb->efer & EFER_LMA) && (vmcb->cs.attributes & SEGMENT_L))
		return INSN_MODE_64;
	return vmcb->cs.attributes & SEGMENT_DB ? INSN_MODE_32 : INSN_MODE_16;
}

/* The bytes at the guest's RIP, copied, the second page only when the first one's bytes do not suffice. */
static unsigned copy_code(struct vcpu *vcpu, struct code_address *where, const u8 *first, u32 available, u8 bytes[15])
{
	u32 count = MIN(available, 15u);

	memcpy(bytes, first, count);
	if (count < 15) {
		where->linear += count;
		first = vcpu_code_bytes(vcpu, where, &available);
		if (first) {
			available = MIN(available, 15 - count);
			memcpy(bytes + count, first, available);
			count += available;
		}
	}
	return count;
}

/* Not inlined: prefixes, page ends, and codes that stand for two instructions. */
static __attribute__((noinline)) int length_slow(struct vcpu *vcpu, struct code_address *where, const u8 *code,
						  u32 available, enum insn_mode mode, enum insn_exit which)
{
	u8 bytes[15];
	unsigned count = copy_code(vcpu, where, code, available, bytes);
	int length = insn_exit_length_slow(bytes, count, mode, which);

	if (length == ERR_INVALID && which == INSN_EXIT_WBINVD)
		length = insn_exit_length_slow(bytes, count, mode, INSN_EXIT_WBNOINVD);
	if (length == ERR_INVALID && which == INSN_EXIT_WBINVD) /* QEMU 7.2's TCG reports INVD so */
		length = insn_exit_length_slow(bytes, count, mode, INSN_EXIT_INVD);
	return length;
}

/* Any mode, any bytes. False: they are not this instruction. */
static __attribute__((noinline)) bool next_rip_slow(struct vcpu *vcpu, const struct vmcb *vmcb, enum insn_exit which)
{
	struct code_address where = { vmcb->cr0, vmcb->cr3, vmcb->cr4, vmcb->efer, vmcb->rip };
	enum insn_mode mode = code_mode(vmcb);
	const u8 *code;
	u32 available;
	int length;

	if (mode != INSN_MODE_64)
		where.linear = (u32)(vmcb->cs.base + vmcb->rip);
	code = vcpu_code_bytes(vcpu, &where, &available);
	if (UNLIKELY(!code))
		return false;
	length = length_slow(vcpu, &where, code, available, mode, which);
	if (length <= 0)
		return false;
	vcpu->exit.next_rip = mode == INSN_MODE_64 ? vmcb->rip + (u64)length : (u32)(vmcb->rip + (u64)length);
	return true;
}

/* Here: 64-bit code from the page that executed last, without prefixes, not at the page's very end. */
static ALWAYS_INLINE bool next_rip(struct vcpu *vcpu, const struct vmcb *vmcb, const struct exit_decoder *decoder)
{
	u64 rip = vmcb->rip;
	const u8 *code;
	u32 word;

	if (virt_features.next_rip) {
		vcpu->exit.next_rip = vmcb->next_rip;
		return true;
	}
	if (UNLIKELY(!(vmcb->efer & EFER_LMA) || !(vmcb->cs.attributes & SEGMENT_L)))
		return next_rip_slow(vcpu, vmcb, decoder->instruction);
	code = vcpu_cached_code(vcpu, vmcb->cr3, rip, PAGE_SIZE - sizeof(word));
	if (UNLIKELY(!code))
		return next_rip_slow(vcpu, vmcb, decoder->instruction);
	__builtin_memcpy(&word, code, sizeof(word));
	if (UNLIKELY((word & decoder->mask) != decoder->bytes))
		return next_rip_slow(vcpu, vmcb, decoder->instruction);
	vcpu->exit.next_rip = rip + decoder->length;
	return true;
}

/* EXITINFO1's low bits to size, direction, string and REP, as in struct vm_exit's io.word; the port is in bits 31 to 16. */
#define IO_WORD(info)                                                                                             \
	((u64)((info) >> 4 & 7) << 16 | (u64)((info) & 1) << 24 | (u64)((info) >> 2 & 1) << 32 | (u64)((info) >> 3 & 1) << 40)
#define IO_WORDS_8(info)                                                                                          \
	IO_WORD(info), IO_WORD((info) + 1), IO_WORD((info) + 2), IO_WORD((info) + 3), IO_WORD((info) + 4),        \
	IO_WORD((info) + 5), IO_WORD((info) + 6), IO_WORD((info) + 7)
#define IO_WORDS_32(info) IO_WORDS_8(info), IO_WORDS_8((info) + 8), IO_WORDS_8((info) + 16), IO_WORDS_8((info) + 24)
static const u64 io_words[128] = { IO_WORDS_32(0u), IO_WORDS_32(32u), IO_WORDS_32(64u), IO_WORDS_32(96u) };

static __attribute__((noinline)) void decode_string_io(struct vcpu *vcpu, u64 info)
{
	vcpu->exit.io.address_bytes = info & SVM_IOIO_ADDRESS_16 ? 2 : info & SVM_IOIO_ADDRESS_32 ? 4 : 8;
	vcpu->exit.io.segment = SVM_IOIO_SEGMENT(info);
}

static ALWAYS_INLINE void decode_io(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	u32 info = (u32)vmcb->exit_info_1;

	vcpu->exit.next_rip = vmcb->exit_info_2;
	vcpu->exit.io.word = io_words[info % ARRAY_SIZE(io_words)] | info >> 16;
	if (UNLIKELY(info & SVM_IOIO_STRING))
		decode_string_io(vcpu, info);
}

static void decode_nested_fault(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	u64 info = vmcb->exit_info_1;

	vcpu->exit.fault.gpa = GPA(vmcb->exit_info_2);
	vcpu->exit.fault.present = info & SVM_NPF_PRESENT;
	vcpu->exit.fault.write = info & SVM_NPF_WRITE;
	vcpu->exit.fault.fetch = info & SVM_NPF_FETCH;
	vcpu->exit.fault.in_table_walk = info & SVM_NPF_TABLE_WALK;
	vcpu->exit.fault.bytes_count = 0;
	vcpu->exit.fault.code = NULL;
	if (virt_features.decode_assists && !vcpu->exit.fault.fetch) {
		vcpu->exit.fault.bytes_count = vmcb->fetched_count & 15u;
		memcpy(vcpu->exit.fault.bytes, vmcb->fetched, sizeof(vmcb->fetched));
	}
	if (LIKELY((vmcb->efer & EFER_LMA) && (vmcb->cs.attributes & SEGMENT_L)))
		vcpu->exit.fault.code = vcpu->exit.fault.bytes_count == sizeof(vmcb->fetched) ?
			vcpu->exit.fault.bytes : vcpu_cached_code(vcpu, vmcb->cr3, vmcb->rip, PAGE_SIZE - 16);
}

/* MOV to and from CR8, CR4, DR0 to DR3: which register, from the bytes where the CPU does not say. */
static void decode_move(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	u64 code = vmcb->exit_code;
	bool debug = code >= SVM_EXIT_DR_READ, write = code & 0x10;
	enum insn_exit which = debug ? (write ? INSN_EXIT_MOV_TO_DR : INSN_EXIT_MOV_FROM_DR) :
				       (write ? INSN_EXIT_MOV_TO_CR : INSN_EXIT_MOV_FROM_CR);
	struct code_address where = { vmcb->cr0, vmcb->cr3, vmcb->cr4, vmcb->efer, vmcb->rip };
	enum insn_mode mode = code_mode(vmcb);
	struct insn insn;
	u8 bytes[15];
	const u8 *from;
	u32 available;
	int length;

	vcpu->exit.move.number = code & 15;
	vcpu->exit.move.write = write;
	vcpu->exit.move.gpr = 0xff;
	if (mode != INSN_MODE_64)
		where.linear = (u32)(vmcb->cs.base + vmcb->rip);
	from = vcpu_code_bytes(vcpu, &where, &available);
	if (!from)
		return;
	available = copy_code(vcpu, &where, from, available, bytes);
	length = insn_exit_decode(&insn, bytes, available, mode, which);
	if (length <= 0)
		return;
	vcpu->exit.move.gpr = insn.rm;
	vcpu->exit.next_rip = mode == INSN_MODE_64 ? vmcb->rip + (u64)length : (u32)(vmcb->rip + (u64)length);
}

/* The guest's handler sees DR7.GD clear. APM vol. 2, "Intercepts" (15.12.2) has the CPU do it before the exit; Bochs's (2.7) does not. */
static void end_general_detection(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	if (svm->vmcb->dr7 & BIT64(13)) {
		svm->vmcb->dr7 &= ~BIT64(13);
		svm_changed(svm, SVM_CLEAN_DRX);
	}
}

static void decode_exception(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	u8 vector = (u8)(vmcb->exit_code - SVM_EXIT_EXCEPTION);

	if (vector == 1 && svm_end_own_step(vcpu)) {
		vcpu->exit.kind = EXIT_NMI_WINDOW;
		return;
	}
	if (vector == 1)
		end_general_detection(vcpu);
	if (vector == 18)
		vcpu->exit.kind = EXIT_MACHINE_CHECK;
	vcpu->exit.exception.vector = vector;
	vcpu->exit.exception.has_error_code = vector == 17;
	vcpu->exit.exception.error_code = vector == 17 ? 0 : (u32)vmcb->exit_info_1;
	vcpu->exit.exception.address = vmcb->exit_info_2;
}

static void decode_iret(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	(void)vmcb;
	svm_end_nmi(vcpu, svm_of(vcpu)->vmcb);
}

static void decode_failure(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	vcpu->exit.failure.code = vmcb->exit_code;
}

#define PLAIN(kind) { 0, 0, 0, EXIT_##kind, 0, NULL }
#define INSTRUCTION(kind, which)                                                                                  \
	{ INSN_BYTES_##which, INSN_LENGTH_MASK(INSN_LENGTH_##which), INSN_LENGTH_##which, EXIT_##kind, INSN_EXIT_##which, NULL }
#define DECODED(kind, decode) { 0, 0, 0, EXIT_##kind, 0, decode }

/* Codes without a row are of intercepts that are off: EXIT_UNKNOWN. */
static const struct exit_decoder decoders[CODES + 1] = {
	[SVM_EXIT_CR_READ ... SVM_EXIT_CR_WRITE + 15] = DECODED(CR_ACCESS, decode_move),
	[SVM_EXIT_DR_READ ... SVM_EXIT_DR_WRITE + 15] = DECODED(DR_ACCESS, decode_move),
	[SVM_EXIT_EXCEPTION ... SVM_EXIT_EXCEPTION + 31] = DECODED(EXCEPTION, decode_exception),
	[SVM_EXIT_INTR] = PLAIN(INTERRUPT),
	[SVM_EXIT_NMI] = PLAIN(NMI),
	[SVM_EXIT_SMI] = PLAIN(INTERRUPT),
	[SVM_EXIT_INIT] = PLAIN(INIT),
	[SVM_EXIT_VINTR] = PLAIN(INTERRUPT_WINDOW),
	[SVM_EXIT_RDTSC] = INSTRUCTION(RDTSC, RDTSC),
	[SVM_EXIT_RDPMC] = INSTRUCTION(RDPMC, RDPMC),
	[SVM_EXIT_CPUID] = INSTRUCTION(CPUID, CPUID),
	[SVM_EXIT_RSM] = PLAIN(UNDEFINED),
	[SVM_EXIT_IRET] = DECODED(NMI_WINDOW, decode_iret),
	[SVM_EXIT_INVD] = INSTRUCTION(INVD, INVD),
	[SVM_EXIT_PAUSE] = INSTRUCTION(PAUSE, PAUSE),
	[SVM_EXIT_HLT] = INSTRUCTION(HLT, HLT),
	[SVM_EXIT_INVLPGA] = PLAIN(UNDEFINED),
	[SVM_EXIT_IOIO] = DECODED(IO, decode_io),
	[SVM_EXIT_MSR] = INSTRUCTION(MSR_READ, RDMSR),
	[CODE_WRMSR] = INSTRUCTION(MSR_WRITE, WRMSR),
	[SVM_EXIT_TASK_SWITCH] = DECODED(TASK_SWITCH, decode_failure),
	[SVM_EXIT_FERR_FREEZE] = PLAIN(INTERRUPT),
	[SVM_EXIT_SHUTDOWN] = DECODED(SHUTDOWN, decode_failure),
	[SVM_EXIT_VMRUN] = PLAIN(UNDEFINED),
	[SVM_EXIT_VMMCALL] = INSTRUCTION(HYPERCALL, VMMCALL),
	[SVM_EXIT_VMLOAD ... SVM_EXIT_SKINIT] = PLAIN(UNDEFINED),
	[SVM_EXIT_WBINVD] = INSTRUCTION(WBINVD, WBINVD),
	[SVM_EXIT_MONITOR] = PLAIN(UNDEFINED),
	[SVM_EXIT_MWAIT ... SVM_EXIT_MWAIT_CONDITIONAL] = PLAIN(UNDEFINED),
	[SVM_EXIT_XSETBV] = INSTRUCTION(XSETBV, XSETBV),
	[SVM_EXIT_RDPRU] = PLAIN(UNDEFINED),
	[SVM_EXIT_INVLPGB ... SVM_EXIT_INVLPGB_ILLEGAL] = PLAIN(UNDEFINED),
	[SVM_EXIT_MCOMMIT ... SVM_EXIT_TLBSYNC] = PLAIN(UNDEFINED),
};

static __attribute__((noinline)) const struct exit_decoder *decoder_of_rare(u64 code)
{
	static const struct exit_decoder nested_fault = DECODED(NESTED_FAULT, decode_nested_fault);
	static const struct exit_decoder invalid = DECODED(ENTRY_FAILED, decode_failure);
	static const struct exit_decoder never = DECODED(UNKNOWN, decode_failure);

	return code == SVM_EXIT_NPF ? &nested_fault : SVM_EXIT_IS_INVALID(code) ? &invalid : &never;
}

static ALWAYS_INLINE const struct exit_decoder *decoder_of(const struct vmcb *vmcb)
{
	u64 code = vmcb->exit_code;

	if (code == SVM_EXIT_MSR && (vmcb->exit_info_1 & 1))
		code = CODE_WRMSR;
	else if (UNLIKELY(code >= CODES))
		return decoder_of_rare(code);
	return &decoders[code];
}

/* Fills vcpu->exit. False: the bytes at RIP are not the instruction that exited; the guest executes what is there now. */
static ALWAYS_INLINE bool decode_exit(struct vcpu *vcpu, const struct vmcb *vmcb, const struct exit_decoder *decoder)
{
	vcpu->exit.kind = decoder->kind;
	vcpu->exit.in_delivery = false;
	if (UNLIKELY(vmcb->exit_interrupt_info & SVM_EVENT_VALID))
		svm_save_interrupted_event(vcpu, vmcb);
	if (LIKELY(decoder->length))
		return next_rip(vcpu, vmcb, decoder);
	if (LIKELY(decoder->kind == EXIT_IO)) {
		decode_io(vcpu, vmcb);
		return true;
	}
	vcpu->exit.next_rip = 0;
	if (decoder->decode)
		decoder->decode(vcpu, vmcb);
	return true;
}

/* An exception at the fast level is our bug; its handler wants the host's TR for the panic. */
static void load_host_state(struct cpu *cpu)
{
	struct svm_cpu *svm_cpu = cpu->virt;

	svm_vmload(svm_cpu->host_state);
	cpu->load_host_state = NULL;
	cpu_ist_on(cpu);
}

static ALWAYS_INLINE void write_registers(struct vcpu *vcpu, struct vmcb *vmcb)
{
	vmcb->rip = vcpu->regs.rip;
	vmcb->rflags = vcpu->regs.rflags;
	vmcb->rax = vcpu->regs.gpr[GPR_RAX];
	vmcb->rsp = vcpu->regs.gpr[GPR_RSP];
	if (UNLIKELY(vcpu->event.valid))
		svm_write_event(vcpu, vmcb);
}

static ALWAYS_INLINE void read_registers(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	vcpu->regs.gpr[GPR_RAX] = vmcb->rax;
	vcpu->regs.gpr[GPR_RSP] = vmcb->rsp;
	vcpu->regs.rip = vmcb->rip;
	vcpu->regs.rflags = vmcb->rflags;
}

/* What the last entry carried besides the registers: the VMCB is clean again, and V_IRQ may have been taken. */
static __attribute__((noinline)) void after_exit(struct vcpu *vcpu, struct svm_vcpu *svm)
{
	svm->vmcb->tlb_control = SVM_TLB_KEEP;
	svm->vmcb->clean = SVM_CLEAN_ALL;
	svm->after_exit = false;
	if (svm->offering)
		svm_look_at_offer(vcpu);
	svm->after_exit |= svm->offering;
}

/* The exit's handler, and what it wants. True: enter again. */
static ALWAYS_INLINE bool handle_exit(struct vcpu *vcpu, struct vmcb *vmcb, unsigned kind)
{
	enum verdict verdict = exit_handle(vcpu, kind);

	if (LIKELY(verdict == VERDICT_NEXT)) {
		vmcb->interrupt_shadow = 0;
		exit_advance(vcpu);
		return true;
	}
	if (verdict == VERDICT_SAME)
		return true;
	exit_leave(vcpu);
	return false;
}

/* The same steps as in the loop below, for whoever looks on. */
static __attribute__((noinline)) bool watched_exit(struct vcpu *vcpu, struct vmcb *vmcb)
{
	const struct exit_decoder *decoder = decoder_of(vmcb);
	bool again = true;

	exit_watch_begin(vcpu);
	read_registers(vcpu, vmcb);
	if (svm_of(vcpu)->after_exit)
		after_exit(vcpu, svm_of(vcpu));
	if (decode_exit(vcpu, vmcb, decoder)) {
		vcpu->exit.raw[0] = vmcb->exit_code;
		vcpu->exit.raw[1] = vmcb->exit_info_1;
		vcpu->exit.raw[2] = vmcb->exit_info_2;
		vcpu->exit.raw[3] = vmcb->exit_interrupt_info;
		exit_watch_decoded(vcpu);
		again = handle_exit(vcpu, vmcb, decoder->kind);
	}
	if (again)
		exit_watch_done(vcpu);
	return again;
}

static ALWAYS_INLINE bool handle_one_exit(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	struct vmcb *vmcb = svm->vmcb;
	const struct exit_decoder *decoder;

	if (UNLIKELY(READ_ONCE(vcpu->watched)))
		return watched_exit(vcpu, vmcb);
	read_registers(vcpu, vmcb);
	if (UNLIKELY(svm->after_exit))
		after_exit(vcpu, svm);
	decoder = decoder_of(vmcb);
	if (UNLIKELY(!decode_exit(vcpu, vmcb, decoder)))
		return true;
	return handle_exit(vcpu, vmcb, decoder->kind);
}

void svm_vcpu_run(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	struct cpu *cpu;

	svm_clgi();
	cpu = this_cpu();
	vcpu_load_cpu_state(vcpu);
	svm_take_asid(svm, cpu->virt, cpu->index);
	cpu_ist_off(cpu);
	cpu->load_host_state = load_host_state;
	svm_vmload(svm->vmcb_pa);
	write_cr2(svm->vmcb->cr2); /* VMRUN does it, too; Bochs's (2.7) does not */
	svm->loaded = true;
	vcpu->exit_pending = false;
	if (vcpu->instruction_done) { /* at the slow level */
		svm->vmcb->interrupt_shadow = 0;
		vcpu->instruction_done = false;
	}
	vcpu_guest_time_begin(vcpu);
	do {
		if (UNLIKELY(READ_ONCE(vcpu->requests)) && !vcpu_prepare_entry(vcpu))
			break;
		svm = svm_of(vcpu);
		write_registers(vcpu, svm->vmcb);
		if (VIRT_CHECKS_ENTRIES && UNLIKELY(vcpu->check_due) && !vcpu_entry_is_sound(vcpu))
			break;
		vcpu = svm_enter(vcpu, svm->vmcb_pa);
	} while (handle_one_exit(vcpu));
	vcpu_guest_time_end(vcpu);
	svm = svm_of(vcpu);
	svm_vmsave(svm->vmcb_pa);
	svm->loaded = false;
	load_host_state(cpu);
	svm_stgi();
}

const char *svm_exit_name(u64 code)
{
	static const struct { u16 code; const char *name; } names[] = {
#define X(name, value) { value, #name },
		SVM_EXITS(X)
#undef X
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].code == code)
			return names[i].name;
	if (SVM_EXIT_IS_INVALID(code))
		return "VMEXIT_INVALID";
	if (code < 0x60) {
		static const char *const groups[] = { "CR_READ", "CR_WRITE", "DR_READ", "DR_WRITE", "EXCEPTION", "EXCEPTION" };

		return groups[code >> 4];
	}
	return "unknown";
}
