/* SPDX-License-Identifier: MIT */
/*
 * The run loop's inner half, and the decoder: VT-x's exit reasons into the neutral struct vm_exit.
 *
 * All of a fast exit but its handler is in line here. It costs six VMREADs (reason, RIP, RFLAGS, IDT-vectoring
 * information, length, interruptibility) and one VMWRITE (RIP); port I/O one VMREAD more, RSP only where it is needed.
 *
 * Mirrors arch/svm/svm_exit.c. The decoder reads of the VMCS only what the exit's kind needs; it saves an event whose
 * delivery was interrupted before anything else. SDM vol. 3, "VM Exits" (27) and "VMX Basic Exit Reasons" (Appendix C).
 * What the core then does with a kind stands in hv/exit.c.
 */
#include "arch/vmx/vmx.h"
#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"

static void read_rsp(struct vmx_vcpu *vmx)
{
	if (vmx->rsp_known)
		return;
	vmx->rsp = vmread_natural(VMCS_GUEST_RSP);
	vmx->vcpu->regs.gpr[GPR_RSP] = vmx->rsp;
	vmx->rsp_known = true;
}

static ALWAYS_INLINE void read_length(struct vm_exit *exit, u64 rip)
{
	exit->next_rip = rip + vmread32(VMCS_EXIT_INSTRUCTION_LENGTH);
}

/* The qualification's low bits to size, direction, string and REP, as in struct vm_exit's io.word; the port is in bits 31 to 16. */
#define IO_WORD(q)                                                                                                \
	((u64)(((q) & 7) + 1) << 16 | (u64)((q) >> 3 & 1) << 24 | (u64)((q) >> 4 & 1) << 32 | (u64)((q) >> 5 & 1) << 40)
#define IO_WORDS_8(q)                                                                                             \
	IO_WORD(q), IO_WORD((q) + 1), IO_WORD((q) + 2), IO_WORD((q) + 3), IO_WORD((q) + 4), IO_WORD((q) + 5),      \
	IO_WORD((q) + 6), IO_WORD((q) + 7)
#define IO_WORDS_32(q) IO_WORDS_8(q), IO_WORDS_8((q) + 8), IO_WORDS_8((q) + 16), IO_WORDS_8((q) + 24)
#define QUALIFICATION_IO_STRING BIT32(4)
static const u64 io_words[64] = { IO_WORDS_32(0u), IO_WORDS_32(32u) };

static __attribute__((noinline)) void decode_string_io(struct vmx_vcpu *vmx, struct vm_exit *exit)
{
	u32 information = vmread32(VMCS_EXIT_INSTRUCTION_INFORMATION);

	exit->io.address_bytes = (u8)(2u << ((information >> 7) & 3));
	exit->io.segment = exit->io.in ? SEGMENT_ES : (u8)((information >> 15) & 7);
	read_rsp(vmx);
}

static ALWAYS_INLINE void decode_io(struct vmx_vcpu *vmx, struct vm_exit *exit)
{
	u32 qualification = (u32)vmread_natural(VMCS_EXIT_QUALIFICATION);

	exit->kind = EXIT_IO;
	exit->io.word = io_words[qualification % ARRAY_SIZE(io_words)] | qualification >> 16;
	read_length(exit, vmx->rip);
	if (UNLIKELY(qualification & QUALIFICATION_IO_STRING))
		decode_string_io(vmx, exit);
}

/* The qualification of a CR access: number 3:0, type 5:4 (to, from, CLTS, LMSW), register 11:8. */
static void decode_cr(struct vm_exit *exit)
{
	u64 qualification = vmread_natural(VMCS_EXIT_QUALIFICATION);
	unsigned type = (qualification >> 4) & 3;

	exit->kind = EXIT_CR_ACCESS;
	exit->move.number = (u8)(qualification & 15);
	exit->move.write = type != 1;
	exit->move.gpr = type <= 1 ? (u8)((qualification >> 8) & 15) : 0xff; /* CLTS, LMSW: the core decodes */
}

static void decode_dr(struct vm_exit *exit)
{
	u64 qualification = vmread_natural(VMCS_EXIT_QUALIFICATION);

	exit->kind = EXIT_DR_ACCESS;
	exit->move.number = (u8)(qualification & 7);
	exit->move.write = !(qualification & BIT64(4));
	exit->move.gpr = (u8)((qualification >> 8) & 15);
}

/*
 * IRET unblocked NMIs and then faulted: block them again (SDM vol. 3, "Information About NMI Unblocking Due to IRET"
 * 27.2.3); not when the exit interrupted a delivery, where the bit has no meaning.
 */
static void block_nmi_again(struct vmx_vcpu *vmx)
{
	if (!vmx->vcpu->exit.in_delivery)
		vmwrite32(VMCS_GUEST_INTERRUPTIBILITY_STATE,
			  vmread32(VMCS_GUEST_INTERRUPTIBILITY_STATE) | INTERRUPTIBILITY_NMI);
}

static void decode_ept_violation(struct vmx_vcpu *vmx, struct vm_exit *exit)
{
	u64 qualification = vmread_natural(VMCS_EXIT_QUALIFICATION);

	exit->kind = EXIT_NESTED_FAULT;
	exit->fault.gpa = GPA(vmread64(VMCS_GUEST_PHYSICAL_ADDRESS));
	exit->fault.write = qualification & EPT_VIOLATION_WRITE;
	exit->fault.fetch = qualification & EPT_VIOLATION_FETCH;
	exit->fault.present = qualification & (EPT_VIOLATION_READABLE | EPT_VIOLATION_WRITABLE | EPT_VIOLATION_EXECUTABLE);
	exit->fault.in_table_walk = (qualification & EPT_VIOLATION_LINEAR_VALID) && !(qualification & EPT_VIOLATION_FINAL);
	exit->fault.bytes_count = 0;
	exit->fault.code = NULL;
	if ((vmread32(VMCS_GUEST_CS_ACCESS_RIGHTS) & ACCESS_RIGHTS_L) && (vmread64(VMCS_GUEST_IA32_EFER) & EFER_LMA))
		exit->fault.code = vcpu_cached_code(vmx->vcpu, vmread_natural(VMCS_GUEST_CR3), vmx->rip, PAGE_SIZE - 16);
	if (qualification & EPT_VIOLATION_NMI_UNBLOCKING)
		block_nmi_again(vmx);
}

/*
 * A #DB exits before DR6 is written: what it would have got stands in the qualification, as positive bits, and the guest's
 * handler wants to see it. B3 to B0 are replaced, BD and BS are added. DR7.GD is not cleared either, as the delivery would
 * have done: the handler could not touch a debug register. SDM vol. 3, "Exit Qualification" (27.2.1), "Debug Registers" (18.2.4).
 */
static void complete_debug_registers(struct vcpu *vcpu, u64 qualification)
{
	u64 dr7 = vmx_get_system(vcpu, SYSTEM_DR7);
	u64 dr6 = vmx_get_system(vcpu, SYSTEM_DR6);

	vmx_set_system(vcpu, SYSTEM_DR6, (dr6 & ~MASK64(3, 0)) | (qualification & (MASK64(3, 0) | BIT64(13) | BIT64(14))));
	if (dr7 & BIT64(13))
		vmx_set_system(vcpu, SYSTEM_DR7, dr7 & ~BIT64(13));
}

static void decode_exception(struct vmx_vcpu *vmx, struct vm_exit *exit)
{
	u32 info = vmread32(VMCS_EXIT_INTERRUPTION_INFORMATION);

	if (INTERRUPTION_TYPE(info) == INTERRUPTION_NMI) {
		exit->kind = EXIT_NMI;
		/* The exit took it: the host's handler runs now, and its IRET lets the next one in. */
		__asm__ volatile("int $2" ::: "memory");
		return;
	}
	exit->kind = INTERRUPTION_VECTOR(info) == 18 ? EXIT_MACHINE_CHECK : EXIT_EXCEPTION;
	exit->exception.vector = INTERRUPTION_VECTOR(info);
	exit->exception.has_error_code = info & INTERRUPTION_ERROR_CODE_VALID;
	exit->exception.error_code = exit->exception.has_error_code ? vmread32(VMCS_EXIT_INTERRUPTION_ERROR_CODE) : 0;
	exit->exception.address = vmread_natural(VMCS_EXIT_QUALIFICATION);
	if (exit->exception.vector == 1)
		complete_debug_registers(vmx->vcpu, exit->exception.address);
	if ((info & INTERRUPTION_NMI_UNBLOCKING) && exit->exception.vector != 8)
		block_nmi_again(vmx);
}

enum length_use { NO_LENGTH, HAS_LENGTH };

/* Reasons whose exit is only a kind: one row each. */
static const struct { u8 known, kind, length; } simple_reasons[] = {
	[VMX_EXIT_EXTERNAL_INTERRUPT] = { 1, EXIT_INTERRUPT, NO_LENGTH },
	[VMX_EXIT_TRIPLE_FAULT] = { 1, EXIT_SHUTDOWN, NO_LENGTH },
	[VMX_EXIT_INIT] = { 1, EXIT_INIT, NO_LENGTH },
	[VMX_EXIT_SIPI] = { 1, EXIT_SIPI, NO_LENGTH },
	[VMX_EXIT_INTERRUPT_WINDOW] = { 1, EXIT_INTERRUPT_WINDOW, NO_LENGTH },
	[VMX_EXIT_NMI_WINDOW] = { 1, EXIT_NMI_WINDOW, NO_LENGTH },
	[VMX_EXIT_TASK_SWITCH] = { 1, EXIT_TASK_SWITCH, NO_LENGTH },
	[VMX_EXIT_CPUID] = { 1, EXIT_CPUID, HAS_LENGTH },
	[VMX_EXIT_GETSEC] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_HLT] = { 1, EXIT_HLT, HAS_LENGTH },
	[VMX_EXIT_INVD] = { 1, EXIT_INVD, HAS_LENGTH },
	[VMX_EXIT_INVLPG] = { 1, EXIT_INVLPG, HAS_LENGTH },
	[VMX_EXIT_RDPMC] = { 1, EXIT_RDPMC, HAS_LENGTH },
	[VMX_EXIT_RDTSC] = { 1, EXIT_RDTSC, HAS_LENGTH },
	[VMX_EXIT_RSM] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_VMCALL] = { 1, EXIT_HYPERCALL, HAS_LENGTH },
	[VMX_EXIT_VMCLEAR] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_VMLAUNCH] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_VMPTRLD] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_VMPTRST] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_VMREAD] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_VMRESUME] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_VMWRITE] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_VMXOFF] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_VMXON] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_RDMSR] = { 1, EXIT_MSR_READ, HAS_LENGTH },
	[VMX_EXIT_WRMSR] = { 1, EXIT_MSR_WRITE, HAS_LENGTH },
	[VMX_EXIT_MWAIT] = { 1, EXIT_MWAIT, HAS_LENGTH },
	[VMX_EXIT_MONITOR] = { 1, EXIT_MONITOR, HAS_LENGTH },
	[VMX_EXIT_PAUSE] = { 1, EXIT_PAUSE, HAS_LENGTH },
	[VMX_EXIT_ENTRY_FAILURE_MACHINE_CHECK] = { 1, EXIT_MACHINE_CHECK, NO_LENGTH },
	[VMX_EXIT_TPR_BELOW_THRESHOLD] = { 1, EXIT_TASK_PRIORITY, NO_LENGTH },
	[VMX_EXIT_GDTR_IDTR_ACCESS] = { 1, EXIT_DESCRIPTOR_TABLE, HAS_LENGTH },
	[VMX_EXIT_LDTR_TR_ACCESS] = { 1, EXIT_DESCRIPTOR_TABLE, HAS_LENGTH },
	[VMX_EXIT_INVEPT] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_RDTSCP] = { 1, EXIT_RDTSC, HAS_LENGTH },
	[VMX_EXIT_PREEMPTION_TIMER] = { 1, EXIT_SLICE_END, NO_LENGTH },
	[VMX_EXIT_INVVPID] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_WBINVD] = { 1, EXIT_WBINVD, HAS_LENGTH },
	[VMX_EXIT_XSETBV] = { 1, EXIT_XSETBV, HAS_LENGTH },
	[VMX_EXIT_INVPCID] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_VMFUNC] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_ENCLS] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_XSAVES] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
	[VMX_EXIT_XRSTORS] = { 1, EXIT_UNDEFINED, HAS_LENGTH },
};

/* Reasons with operands, or with something to be done first. */
static __attribute__((noinline)) void decode_other(struct vmx_vcpu *vmx, struct vm_exit *exit, u32 reason)
{
	exit->next_rip = 0;
	read_rsp(vmx); /* CR accesses may be of RSP; what is emulated needs it */
	switch (reason) {
	case VMX_EXIT_EXCEPTION_OR_NMI: decode_exception(vmx, exit); return;
	case VMX_EXIT_CR_ACCESS: decode_cr(exit); break;
	case VMX_EXIT_MOV_DR: decode_dr(exit); break;
	case VMX_EXIT_EPT_VIOLATION: decode_ept_violation(vmx, exit); return;
	case VMX_EXIT_NMI_WINDOW: vmx_set_primary(vmx, 0, PRIMARY_NMI_WINDOW_EXITING); return;
	default:
		if (reason < ARRAY_SIZE(simple_reasons) && simple_reasons[reason].known)
			return;
		exit->kind = reason & VMX_EXIT_REASON_ENTRY_FAILURE ? EXIT_ENTRY_FAILED : EXIT_UNKNOWN;
		exit->failure.code = reason;
		return;
	}
	read_length(exit, vmx->rip);
}

static ALWAYS_INLINE void decode_exit(struct vmx_vcpu *vmx, struct vcpu *vcpu)
{
	struct vm_exit *exit = &vcpu->exit;
	u32 reason = vmread32(VMCS_EXIT_REASON);

	vmx->rip = vcpu->regs.rip = vmread_natural(VMCS_GUEST_RIP);
	vmx->rflags = vcpu->regs.rflags = vmread_natural(VMCS_GUEST_RFLAGS);
	vmx->rsp_known = false;
	exit->in_delivery = false;
	if (UNLIKELY(vmread32(VMCS_IDT_VECTORING_INFORMATION) & INTERRUPTION_VALID) && !(reason & VMX_EXIT_REASON_ENTRY_FAILURE))
		vmx_keep_event(vmx);
	if (reason == VMX_EXIT_IO) {
		decode_io(vmx, exit);
		return;
	}
	if (UNLIKELY(reason >= ARRAY_SIZE(simple_reasons))) {
		decode_other(vmx, exit, reason);
		return;
	}
	exit->kind = simple_reasons[reason].kind;
	if (LIKELY(simple_reasons[reason].length == HAS_LENGTH))
		read_length(exit, vmx->rip);
	else if (reason != VMX_EXIT_INTERRUPT_WINDOW) /* there, all that is to be known; what takes the interrupt closes it */
		decode_other(vmx, exit, reason);
}

/* VMLAUNCH or VMRESUME itself failed: a control or host-state rule (SDM vol. 3, "VM-Instruction Error Numbers"). */
void vmx_decode_entry_failure(struct vmx_vcpu *vmx, int failure)
{
	struct vm_exit *exit = &vmx->vcpu->exit;

	exit->kind = EXIT_ENTRY_FAILED;
	exit->in_delivery = false;
	exit->next_rip = 0;
	/* The failure's number, with a mark that tells it from an exit reason. */
	exit->failure.code = VMX_INSTRUCTION_FAILED | (failure == 2 ? vmread32(VMCS_INSTRUCTION_ERROR) : 0);
	read_rsp(vmx);
}

/* What handlers changed since the last exit goes into the VMCS. */
static ALWAYS_INLINE void write_changed_registers(struct vmx_vcpu *vmx, struct vcpu *vcpu)
{
	const struct vcpu_registers *regs = &vcpu->regs;

	if (regs->rip != vmx->rip) {
		vmwrite_natural(VMCS_GUEST_RIP, regs->rip);
		vmx->rip = regs->rip;
	}
	if (regs->rflags != vmx->rflags) {
		vmwrite_natural(VMCS_GUEST_RFLAGS, regs->rflags);
		vmx->rflags = regs->rflags;
	}
	if (vmx->rsp_known && regs->gpr[GPR_RSP] != vmx->rsp)
		vmwrite_natural(VMCS_GUEST_RSP, regs->gpr[GPR_RSP]);
}

/* Everything between the handlers' work and the entry itself. */
static ALWAYS_INLINE void write_state(struct vmx_vcpu *vmx, struct vcpu *vcpu)
{
	if (UNLIKELY(vmx->offered >= 0))
		vmx_inject_offered(vmx);
	if (UNLIKELY(vcpu->event.valid))
		vmx_write_event(vmx);
	if (UNLIKELY(vmx->flush_pending))
		vmx_flush_now(vmx);
	write_changed_registers(vmx, vcpu);
}

/* VMRESUME failed; after a VMCLEAR that is as it should be, and VMLAUNCH is due. False: an exit is there to be decoded. */
static __attribute__((noinline)) bool entry_failed(struct vmx_vcpu *vmx, int failure)
{
	if (failure == VMX_FAIL_VALID && !vmx->launched) {
		struct vcpu *vcpu = vmx->vcpu;

		failure = vmx_enter(&vcpu, vmx_launch, &vmx->host_rsp);
		vmx->launched = !failure;
	}
	if (!failure)
		return false;
	vmx_decode_entry_failure(vmx, failure);
	return true;
}

/* The exit's handler, and what it wants. True: enter again. */
static ALWAYS_INLINE bool handle_exit(struct vcpu *vcpu)
{
	enum verdict verdict = exit_handle(vcpu, vcpu->exit.kind);

	if (LIKELY(verdict == VERDICT_NEXT)) {
		vmx_end_shadow();
		exit_advance(vcpu);
		return true;
	}
	if (verdict == VERDICT_SAME)
		return true;
	exit_leave(vcpu);
	return false;
}

/* The same steps as in the loop below, for whoever looks on. */
static __attribute__((noinline)) bool watched_exit(struct vmx_vcpu *vmx, struct vcpu *vcpu)
{
	bool again;

	exit_watch_begin(vcpu);
	decode_exit(vmx, vcpu);
	vcpu->exit.raw[0] = vmread32(VMCS_EXIT_REASON);
	vcpu->exit.raw[1] = vmread_natural(VMCS_EXIT_QUALIFICATION);
	vcpu->exit.raw[2] = vmread64(VMCS_GUEST_PHYSICAL_ADDRESS);
	vcpu->exit.raw[3] = vmread32(VMCS_EXIT_INTERRUPTION_INFORMATION);
	exit_watch_decoded(vcpu);
	again = handle_exit(vcpu);
	if (again)
		exit_watch_done(vcpu);
	return again;
}

static ALWAYS_INLINE bool handle_one_exit(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = vmx_of(vcpu);

	if (UNLIKELY(READ_ONCE(vcpu->watched)))
		return watched_exit(vmx, vcpu);
	decode_exit(vmx, vcpu);
	return handle_exit(vcpu);
}

/*
 * Interrupts are off from here to the end of the loop: an interrupt that comes while the guest runs exits with
 * EXIT_INTERRUPT and is taken when they go on again; one that comes before the entry makes the entry exit at once. Bochs
 * keeps it back while the guest's IF is 0: so after many exits in a row the loop ends once, whatever happens.
 */
#define FAST_EXITS_IN_A_ROW 1024u

void vmx_vcpu_run(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = vmx_of(vcpu);
	u32 left = FAST_EXITS_IN_A_ROW;
	int failure;

	irq_disable();
	vcpu_load_cpu_state(vcpu);
	vmx_make_current(vmx);
	vmx_load_switched(vmx);
	write_dr6(vmx->dr6);
	vmx->running = true;
	vcpu->exit_pending = false;
	if (vcpu->instruction_done) { /* at the slow level */
		vmx_end_shadow();
		vcpu->instruction_done = false;
	}
	vcpu_guest_time_begin(vcpu);
	do {
		if (UNLIKELY(READ_ONCE(vcpu->requests)) && !vcpu_prepare_entry(vcpu))
			break;
		vmx = vmx_of(vcpu);
		write_state(vmx, vcpu);
		if (VIRT_CHECKS_ENTRIES && UNLIKELY(vcpu->check_due) && !vcpu_entry_is_sound(vcpu))
			break;
		failure = vmx_enter(&vcpu, vmx_resume, &vmx->host_rsp);
		if (UNLIKELY(failure) && entry_failed(vmx_of(vcpu), failure)) {
			exit_leave(vcpu);
			break;
		}
	} while (handle_one_exit(vcpu) && LIKELY(--left));
	vcpu_guest_time_end(vcpu);
	vmx = vmx_of(vcpu);
	read_rsp(vmx);
	vmx->running = false;
	vmx->dr6 = read_dr6();
	irq_enable();
}

/* The SDM's names, for traces. */
const char *vmx_exit_name(u64 raw_code)
{
	static const char *const names[] = {
		"exception or NMI", "external interrupt", "triple fault", "INIT signal", "start-up IPI", "I/O SMI",
		"other SMI", "interrupt window", "NMI window", "task switch", "CPUID", "GETSEC", "HLT", "INVD", "INVLPG",
		"RDPMC", "RDTSC", "RSM", "VMCALL", "VMCLEAR", "VMLAUNCH", "VMPTRLD", "VMPTRST", "VMREAD", "VMRESUME",
		"VMWRITE", "VMXOFF", "VMXON", "control-register access", "MOV DR", "I/O instruction", "RDMSR", "WRMSR",
		"VM-entry failure: guest state", "VM-entry failure: MSR loading", "", "MWAIT", "monitor trap flag", "",
		"MONITOR", "PAUSE", "VM-entry failure: machine check", "", "TPR below threshold", "APIC access",
		"virtualized EOI", "GDTR or IDTR access", "LDTR or TR access", "EPT violation", "EPT misconfiguration",
		"INVEPT", "RDTSCP", "VMX-preemption timer", "INVVPID", "WBINVD", "XSETBV", "APIC write", "RDRAND", "INVPCID",
		"VMFUNC", "ENCLS", "RDSEED", "page-modification log full", "XSAVES", "XRSTORS",
	};
	u64 reason = raw_code & 0xffff;

	if (raw_code & VMX_INSTRUCTION_FAILED)
		return reason == 7 ? "VM entry with invalid control fields" :
		       reason == 8 ? "VM entry with invalid host-state fields" : "VMLAUNCH or VMRESUME failed";
	return reason < ARRAY_SIZE(names) && names[reason][0] ? names[reason] : "unknown";
}
