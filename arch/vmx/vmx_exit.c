/* SPDX-License-Identifier: MIT */
/*
 * The run loop's inner half, and the decoder: VT-x's exit reasons into the neutral struct vm_exit.
 *
 * Mirrors arch/svm/svm_exit.c. The decoder reads of the VMCS only what the exit's kind needs; it saves an event whose
 * delivery was interrupted before anything else. SDM vol. 3, "VM Exits" (27) and "VMX Basic Exit Reasons" (Appendix C).
 * What the core then does with a kind stands in hv/exit.c.
 */
#include "arch/vmx/vmx.h"
#include "arch/x86/cpu.h"

static void decode_io(struct vm_exit *exit)
{
	u64 qualification = vmread_natural(VMCS_EXIT_QUALIFICATION);
	u32 information;

	exit->kind = EXIT_IO;
	exit->io.port = (u16)(qualification >> 16);
	exit->io.size_bytes = (u8)((qualification & 7) + 1);
	exit->io.in = qualification & BIT64(3);
	exit->io.string = qualification & BIT64(4);
	exit->io.rep = qualification & BIT64(5);
	exit->io.address_bytes = 8;
	exit->io.segment = SEGMENT_DS;
	if (!exit->io.string)
		return;
	information = vmread32(VMCS_EXIT_INSTRUCTION_INFORMATION);
	exit->io.address_bytes = (u8)(2u << ((information >> 7) & 3));
	exit->io.segment = exit->io.in ? SEGMENT_ES : (u8)((information >> 15) & 7);
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
	exit->raw[1] = qualification;
	exit->raw[2] = exit->fault.gpa.value;
	if (qualification & EPT_VIOLATION_NMI_UNBLOCKING)
		block_nmi_again(vmx);
}

static void decode_exception(struct vmx_vcpu *vmx, struct vm_exit *exit)
{
	u32 info = vmread32(VMCS_EXIT_INTERRUPTION_INFORMATION);

	exit->raw[3] = info;
	if (INTERRUPTION_TYPE(info) == INTERRUPTION_NMI) {
		exit->kind = EXIT_NMI;
		return;
	}
	exit->kind = INTERRUPTION_VECTOR(info) == 18 ? EXIT_MACHINE_CHECK : EXIT_EXCEPTION;
	exit->exception.vector = INTERRUPTION_VECTOR(info);
	exit->exception.has_error_code = info & INTERRUPTION_ERROR_CODE_VALID;
	exit->exception.error_code = exit->exception.has_error_code ? vmread32(VMCS_EXIT_INTERRUPTION_ERROR_CODE) : 0;
	exit->exception.address = vmread_natural(VMCS_EXIT_QUALIFICATION);
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

static void read_rsp(struct vmx_vcpu *vmx)
{
	if (vmx->rsp_known)
		return;
	vmx->rsp = vmread_natural(VMCS_GUEST_RSP);
	vmx->vcpu->regs.gpr[GPR_RSP] = vmx->rsp;
	vmx->rsp_known = true;
}

static void read_length(struct vm_exit *exit, u64 rip)
{
	exit->next_rip = rip + vmread32(VMCS_EXIT_INSTRUCTION_LENGTH);
}

static void decode_other(struct vmx_vcpu *vmx, struct vm_exit *exit, u32 reason)
{
	exit->raw[1] = vmread_natural(VMCS_EXIT_QUALIFICATION);
	switch ((u16)reason) {
	case VMX_EXIT_EXCEPTION_OR_NMI: decode_exception(vmx, exit); break;
	case VMX_EXIT_IO: decode_io(exit); break;
	case VMX_EXIT_CR_ACCESS: decode_cr(exit); break;
	case VMX_EXIT_MOV_DR: decode_dr(exit); break;
	case VMX_EXIT_EPT_VIOLATION: decode_ept_violation(vmx, exit); break;
	default:
		exit->kind = EXIT_UNKNOWN;
		exit->failure.code = reason;
		return;
	}
	/* String I/O, MOV with RSP and what is emulated need RSP; the plain port access does not. */
	if (exit->kind != EXIT_IO || exit->io.string)
		read_rsp(vmx);
	if (exit->kind == EXIT_IO || exit->kind == EXIT_CR_ACCESS || exit->kind == EXIT_DR_ACCESS)
		read_length(exit, vmx->rip);
}

void vmx_decode_exit(struct vmx_vcpu *vmx)
{
	struct vcpu *vcpu = vmx->vcpu;
	struct vm_exit *exit = &vcpu->exit;
	u32 reason = vmread32(VMCS_EXIT_REASON);

	vmx->rip = vcpu->regs.rip = vmread_natural(VMCS_GUEST_RIP);
	vmx->rflags = vcpu->regs.rflags = vmread_natural(VMCS_GUEST_RFLAGS);
	vmx->rsp_known = false;
	exit->raw[0] = reason;
	if (UNLIKELY(reason & VMX_EXIT_REASON_ENTRY_FAILURE)) {
		exit->kind = EXIT_ENTRY_FAILED;
		exit->failure.code = reason;
		exit->raw[1] = vmread_natural(VMCS_EXIT_QUALIFICATION);
		read_rsp(vmx);
		return;
	}
	vmx_keep_event(vmx);
	if (reason < ARRAY_SIZE(simple_reasons) && simple_reasons[reason].known) {
		exit->kind = simple_reasons[reason].kind;
		if (simple_reasons[reason].length == HAS_LENGTH)
			read_length(exit, vmx->rip);
		else
			exit->next_rip = 0;
	} else {
		exit->next_rip = 0;
		decode_other(vmx, exit, reason);
	}
	if (exit->kind == EXIT_INTERRUPT_WINDOW)
		vmx_set_primary(vmx, 0, PRIMARY_INTERRUPT_WINDOW_EXITING);
	else if (exit->kind == EXIT_NMI_WINDOW)
		vmx_set_primary(vmx, 0, PRIMARY_NMI_WINDOW_EXITING);
}

/* VMLAUNCH or VMRESUME itself failed: a control or host-state rule (SDM vol. 3, "VM-Instruction Error Numbers"). */
void vmx_decode_entry_failure(struct vmx_vcpu *vmx, int failure)
{
	struct vm_exit *exit = &vmx->vcpu->exit;

	exit->kind = EXIT_ENTRY_FAILED;
	exit->in_delivery = false;
	exit->next_rip = 0;
	exit->failure.code = failure == 2 ? vmread32(VMCS_INSTRUCTION_ERROR) : 0;
	exit->raw[0] = exit->failure.code;
	read_rsp(vmx);
}

/* What handlers changed since the last exit goes into the VMCS. */
static void write_changed_registers(struct vmx_vcpu *vmx)
{
	struct vcpu_registers *regs = &vmx->vcpu->regs;

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
static inline void write_state(struct vmx_vcpu *vmx)
{
	struct vcpu *vcpu = vmx->vcpu;

	if (vcpu->instruction_done) {
		vmx_end_shadow();
		vcpu->instruction_done = false;
	}
	if (UNLIKELY(vmx->offered >= 0))
		vmx_inject_offered(vmx);
	if (UNLIKELY(vcpu->event.valid))
		vmx_write_event(vmx);
	if (UNLIKELY(vmx->flush_pending))
		vmx_flush_now(vmx);
	write_changed_registers(vmx);
}

/*
 * Interrupts are off from here to the end of the loop: an interrupt that comes while the guest runs exits with
 * EXIT_INTERRUPT and is taken when they go on again; one that comes before the entry makes the entry exit at once.
 */
void vmx_vcpu_run(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = vmx_of(vcpu);
	int failure;

	irq_disable();
	vcpu_load_cpu_state(vcpu);
	vmx_make_current(vmx);
	vmx_load_switched(vmx);
	write_dr6(vmx->dr6);
	vmx->running = true;
	vcpu->exit_pending = false;
	do {
		if (UNLIKELY(READ_ONCE(vcpu->requests)) && !vcpu_prepare_entry(vcpu))
			break;
		write_state(vmx);
		failure = vmx_enter(vcpu, vmx->launched, &vmx->host_rsp);
		if (UNLIKELY(failure)) {
			vmx_decode_entry_failure(vmx, failure);
			continue;
		}
		vmx->launched = true;
		vmx_decode_exit(vmx);
	} while (exit_fast(vcpu));
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

	return reason < ARRAY_SIZE(names) && names[reason][0] ? names[reason] : "unknown";
}
