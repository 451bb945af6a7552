/* SPDX-License-Identifier: MIT */
/*
 * From an exit code to the neutral exit (struct vm_exit): one row per code, with the kind, the instruction that the code
 * stands for, and a decoder for operands where there are some.
 *
 * The address after the instruction comes from the CPU (next RIP) or from the instruction's own bytes. Where the bytes
 * are not that instruction (another vCPU changed them), next_rip stays 0 and the core enters the guest again.
 * APM vol. 2, "SVM Intercept Exit Codes" (appendix C). Next to read: hv/exit.c.
 */
#include "arch/svm/svm.h"
#include "arch/x86/msr.h"
#include "hv/insn/insn.h"
#include "hv/lib/string.h"

#define CODES 0xb0
#define CR4_LA57 BIT64(12)

struct exit_decoder {
	u8 kind;        /* enum exit_kind */
	u8 instruction; /* enum insn_exit plus one, 0: none */
	u8 write_bit;   /* of EXITINFO1: where it is set, the next kind and the next instruction are meant */
	void (*decode)(struct vcpu *vcpu, const struct vmcb *vmcb);
};

unsigned svm_code_bits(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = svm_of(vcpu)->vmcb;

	if ((vmcb->efer & EFER_LMA) && (vmcb->cs.attributes & SEGMENT_L))
		return 64;
	return vmcb->cs.attributes & SEGMENT_DB ? 32 : 16;
}

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

/* Any mode, any bytes. */
static __attribute__((noinline)) u64 next_rip_slow(struct vcpu *vcpu, const struct vmcb *vmcb, enum insn_exit which)
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
		return 0;
	length = length_slow(vcpu, &where, code, available, mode, which);
	if (length <= 0)
		return 0;
	return mode == INSN_MODE_64 ? vmcb->rip + (u64)length : (u32)(vmcb->rip + (u64)length);
}

/* Here: 64-bit code from the page that executed last, without prefixes, not at the page's very end. */
static inline u64 next_rip(struct vcpu *vcpu, const struct vmcb *vmcb, enum insn_exit which)
{
	u64 rip = vmcb->rip;
	const u8 *code;
	u32 word, length;

	if (virt_features.next_rip)
		return vmcb->next_rip;
	if (UNLIKELY(!(vmcb->efer & EFER_LMA) || !(vmcb->cs.attributes & SEGMENT_L) || (vmcb->cr4 & CR4_LA57) ||
		     which >= INSN_EXIT_PLAIN_COUNT || (rip & PAGE_MASK) > PAGE_SIZE - sizeof(word)))
		return next_rip_slow(vcpu, vmcb, which);
	code = vcpu_cached_code(vcpu, vmcb->cr3, rip);
	if (UNLIKELY(!code))
		return next_rip_slow(vcpu, vmcb, which);
	__builtin_memcpy(&word, code, sizeof(word));
	length = insn_plain[which].length;
	if (UNLIKELY((word & (BIT32(8 * length) - 1)) != insn_plain[which].bytes))
		return next_rip_slow(vcpu, vmcb, which);
	return rip + length;
}

static void decode_io(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	u64 info = vmcb->exit_info_1;

	vcpu->exit.next_rip = vmcb->exit_info_2;
	vcpu->exit.io.port = (u16)(info >> 16);
	vcpu->exit.io.size_bytes = SVM_IOIO_SIZE(info);
	vcpu->exit.io.in = info & SVM_IOIO_IN;
	vcpu->exit.io.string = info & SVM_IOIO_STRING;
	if (LIKELY(!(info & SVM_IOIO_STRING)))
		return;
	vcpu->exit.io.rep = info & SVM_IOIO_REP;
	vcpu->exit.io.address_bytes = info & SVM_IOIO_ADDRESS_16 ? 2 : info & SVM_IOIO_ADDRESS_32 ? 4 : 8;
	vcpu->exit.io.segment = SVM_IOIO_SEGMENT(info);
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
	if (virt_features.decode_assists && !vcpu->exit.fault.fetch) {
		vcpu->exit.fault.bytes_count = MIN(vmcb->fetched_count & 15u, 15u);
		memcpy(vcpu->exit.fault.bytes, vmcb->fetched, sizeof(vcpu->exit.fault.bytes));
	}
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

static void decode_exception(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	u8 vector = (u8)(vmcb->exit_code - SVM_EXIT_EXCEPTION);

	if (vector == 1 && svm_end_own_step(vcpu)) {
		vcpu->exit.kind = EXIT_NMI_WINDOW;
		return;
	}
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

#define PLAIN(kind) { EXIT_##kind, 0, 0, NULL }
#define INSTRUCTION(kind, which) { EXIT_##kind, INSN_EXIT_##which + 1, 0, NULL }
#define DECODED(kind, decode) { EXIT_##kind, 0, 0, decode }

/* Codes without a row are of intercepts that are off: EXIT_UNKNOWN. */
static const struct exit_decoder decoders[CODES] = {
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
	[SVM_EXIT_MSR] = { EXIT_MSR_READ, INSN_EXIT_RDMSR + 1, 1, NULL },
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

void svm_decode_exit(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	static const struct exit_decoder nested_fault = DECODED(NESTED_FAULT, decode_nested_fault);
	static const struct exit_decoder invalid = DECODED(ENTRY_FAILED, decode_failure);
	static const struct exit_decoder never = DECODED(UNKNOWN, decode_failure);
	u64 code = vmcb->exit_code;
	const struct exit_decoder *decoder;
	u32 write;

	_Static_assert(EXIT_MSR_WRITE == EXIT_MSR_READ + 1 && INSN_EXIT_WRMSR == INSN_EXIT_RDMSR + 1, "write_bit");
	if (LIKELY(code < CODES))
		decoder = &decoders[code];
	else
		decoder = code == SVM_EXIT_NPF ? &nested_fault : code == SVM_EXIT_INVALID ? &invalid : &never;
	if (UNLIKELY(vcpu->trace != NULL)) {
		vcpu->exit.raw[0] = code;
		vcpu->exit.raw[1] = vmcb->exit_info_1;
		vcpu->exit.raw[2] = vmcb->exit_info_2;
		vcpu->exit.raw[3] = vmcb->exit_interrupt_info;
	}
	write = decoder->write_bit & (u32)vmcb->exit_info_1;
	vcpu->exit.kind = (u8)(decoder->kind + write);
	if (LIKELY(decoder->instruction)) {
		vcpu->exit.next_rip = next_rip(vcpu, vmcb, decoder->instruction - 1 + write);
		return;
	}
	vcpu->exit.next_rip = 0;
	if (decoder->decode)
		decoder->decode(vcpu, vmcb);
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
	if (code == SVM_EXIT_INVALID)
		return "INVALID";
	if (code < 0x60) {
		static const char *const groups[] = { "CR_READ", "CR_WRITE", "DR_READ", "DR_WRITE", "EXCEPTION", "EXCEPTION" };

		return groups[code >> 4];
	}
	return "unknown";
}
