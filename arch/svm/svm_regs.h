/* SPDX-License-Identifier: MIT */
/*
 * AMD-V's own registers, exit codes and intercept bits, with the manual's names.
 * AMD64 APM vol. 2, "SVM Intercept Exit Codes" (appendix C), "VMCB Layout" (appendix B); vol. 3, CPUID 8000_000Ah.
 */
#ifndef ARCH_SVM_SVM_REGS_H
#define ARCH_SVM_SVM_REGS_H

#include "hv/lib/types.h"

#define MSR_VM_CR 0xc0010114u
#define VM_CR_LOCK BIT64(3)
#define VM_CR_SVMDIS BIT64(4)
#define MSR_VM_HSAVE_PA 0xc0010117u

#define CPUID_SVM_LEAF 0x8000000au
#define CPUID_SVM_EDX_NP BIT32(0)
#define CPUID_SVM_EDX_NRIPS BIT32(3)
#define CPUID_SVM_EDX_VMCB_CLEAN BIT32(5)
#define CPUID_SVM_EDX_FLUSH_BY_ASID BIT32(6)
#define CPUID_SVM_EDX_DECODE_ASSISTS BIT32(7)
#define CPUID_SVM_EDX_PAUSE_FILTER BIT32(10)
#define CPUID_SVM_EDX_VNMI BIT32(25)

/* Exit codes: name, value. */
#define SVM_EXITS(X)                                                                                              \
	X(INTR, 0x60) X(NMI, 0x61) X(SMI, 0x62) X(INIT, 0x63) X(VINTR, 0x64) X(CR0_SEL_WRITE, 0x65)               \
	X(IDTR_READ, 0x66) X(GDTR_READ, 0x67) X(LDTR_READ, 0x68) X(TR_READ, 0x69)                                 \
	X(IDTR_WRITE, 0x6a) X(GDTR_WRITE, 0x6b) X(LDTR_WRITE, 0x6c) X(TR_WRITE, 0x6d)                             \
	X(RDTSC, 0x6e) X(RDPMC, 0x6f) X(PUSHF, 0x70) X(POPF, 0x71) X(CPUID, 0x72) X(RSM, 0x73) X(IRET, 0x74)      \
	X(SWINT, 0x75) X(INVD, 0x76) X(PAUSE, 0x77) X(HLT, 0x78) X(INVLPG, 0x79) X(INVLPGA, 0x7a) X(IOIO, 0x7b)   \
	X(MSR, 0x7c) X(TASK_SWITCH, 0x7d) X(FERR_FREEZE, 0x7e) X(SHUTDOWN, 0x7f) X(VMRUN, 0x80) X(VMMCALL, 0x81)  \
	X(VMLOAD, 0x82) X(VMSAVE, 0x83) X(STGI, 0x84) X(CLGI, 0x85) X(SKINIT, 0x86) X(RDTSCP, 0x87) X(ICEBP, 0x88) \
	X(WBINVD, 0x89) X(MONITOR, 0x8a) X(MWAIT, 0x8b) X(MWAIT_CONDITIONAL, 0x8c) X(XSETBV, 0x8d) X(RDPRU, 0x8e) \
	X(EFER_WRITE_TRAP, 0x8f) X(INVLPGB, 0xa0) X(INVLPGB_ILLEGAL, 0xa1) X(INVPCID, 0xa2) X(MCOMMIT, 0xa3)      \
	X(TLBSYNC, 0xa4) X(BUSLOCK, 0xa5) X(IDLE_HLT, 0xa6) X(NPF, 0x400) X(AVIC_INCOMPLETE_IPI, 0x401)           \
	X(AVIC_NOACCEL, 0x402)

enum svm_exit_code {
	SVM_EXIT_CR_READ = 0x00, SVM_EXIT_CR_WRITE = 0x10, SVM_EXIT_DR_READ = 0x20, SVM_EXIT_DR_WRITE = 0x30,
	SVM_EXIT_EXCEPTION = 0x40, /* plus the register's or vector's number */
#define X(name, value) SVM_EXIT_##name = value,
	SVM_EXITS(X)
#undef X
};
/* VMRUN refused the VMCB: -1 in 64 bits; QEMU's TCG writes only the lower 32. */
#define SVM_EXIT_IS_INVALID(code) ((u32)(code) == ~(u32)0)

/* Offset 00ch */
#define SVM_INTERCEPT_INTR BIT32(0)
#define SVM_INTERCEPT_NMI BIT32(1)
#define SVM_INTERCEPT_SMI BIT32(2)
#define SVM_INTERCEPT_INIT BIT32(3)
#define SVM_INTERCEPT_VINTR BIT32(4)
#define SVM_INTERCEPT_RDPMC BIT32(15)
#define SVM_INTERCEPT_CPUID BIT32(18)
#define SVM_INTERCEPT_RSM BIT32(19)
#define SVM_INTERCEPT_IRET BIT32(20)
#define SVM_INTERCEPT_INVD BIT32(22)
#define SVM_INTERCEPT_PAUSE BIT32(23)
#define SVM_INTERCEPT_HLT BIT32(24)
#define SVM_INTERCEPT_INVLPGA BIT32(26)
#define SVM_INTERCEPT_IOIO BIT32(27)
#define SVM_INTERCEPT_MSR BIT32(28)
#define SVM_INTERCEPT_FERR_FREEZE BIT32(30)
#define SVM_INTERCEPT_SHUTDOWN BIT32(31)
/* Offset 010h */
#define SVM_INTERCEPT2_VMRUN BIT32(0)
#define SVM_INTERCEPT2_VMMCALL BIT32(1)
#define SVM_INTERCEPT2_VMLOAD BIT32(2)
#define SVM_INTERCEPT2_VMSAVE BIT32(3)
#define SVM_INTERCEPT2_STGI BIT32(4)
#define SVM_INTERCEPT2_CLGI BIT32(5)
#define SVM_INTERCEPT2_SKINIT BIT32(6)
#define SVM_INTERCEPT2_WBINVD BIT32(9)
#define SVM_INTERCEPT2_MONITOR BIT32(10)
#define SVM_INTERCEPT2_MWAIT BIT32(11)
#define SVM_INTERCEPT2_XSETBV BIT32(13)
#define SVM_INTERCEPT2_RDPRU BIT32(14)
/* Offset 014h */
#define SVM_INTERCEPT3_INVLPGB BIT32(0)
#define SVM_INTERCEPT3_INVLPGB_ILLEGAL BIT32(1)
#define SVM_INTERCEPT3_MCOMMIT BIT32(3)
#define SVM_INTERCEPT3_TLBSYNC BIT32(4)

/* Offset 060h: virtual interrupt control. APM vol. 2, "Virtual Interrupts" (15.21.4). */
#define V_TPR_MASK MASK64(3, 0)
#define V_IRQ BIT64(8)
#define V_INTR_PRIO(priority) ((u64)(priority) << 16)
#define V_IGN_TPR BIT64(20)
#define V_INTR_MASKING BIT64(24)
#define V_INTR_VECTOR(vector) ((u64)(vector) << 32)

/* Offsets 088h and 0a8h: EXITINTINFO and EVENTINJ. APM vol. 2, "Event Injection" (15.20). */
#define SVM_EVENT_TYPE_INTR 0u
#define SVM_EVENT_TYPE_NMI 2u
#define SVM_EVENT_TYPE_EXCEPTION 3u
#define SVM_EVENT_TYPE_SOFT 4u
#define SVM_EVENT_TYPE(info) ((u32)((info) >> 8) & 7u)
#define SVM_EVENT_HAS_ERROR BIT64(11)
#define SVM_EVENT_VALID BIT64(31)

/* Offset 05ch: TLB_CONTROL */
enum svm_tlb_control { SVM_TLB_KEEP = 0, SVM_TLB_FLUSH_ALL = 1, SVM_TLB_FLUSH_ASID = 3 };

/* IOIO's EXITINFO1. APM vol. 2, "IOIO Intercept" (15.10). */
#define SVM_IOIO_IN BIT64(0)
#define SVM_IOIO_STRING BIT64(2)
#define SVM_IOIO_REP BIT64(3)
#define SVM_IOIO_SIZE(info) ((u8)(((info) >> 4) & 7))
#define SVM_IOIO_ADDRESS_16 BIT64(7)
#define SVM_IOIO_ADDRESS_32 BIT64(8)
#define SVM_IOIO_SEGMENT(info) ((u8)(((info) >> 10) & 7))

/* NPF's EXITINFO1: a page-fault error code with two bits more. APM vol. 2, "Nested versus Guest Page Faults" (15.25.6). */
#define SVM_NPF_PRESENT BIT64(0)
#define SVM_NPF_WRITE BIT64(1)
#define SVM_NPF_FETCH BIT64(4)
#define SVM_NPF_TABLE_WALK BIT64(33)

/* Clean bits, offset 0c0h: set = unchanged since the last VMRUN here. APM vol. 2, "VMCB State Caching" (15.15). */
#define SVM_CLEAN_INTERCEPTS BIT32(0) /* intercepts, TSC offset, pause filter */
#define SVM_CLEAN_IOPM BIT32(1)
#define SVM_CLEAN_ASID BIT32(2)
#define SVM_CLEAN_TPR BIT32(3)        /* the word at 060h */
#define SVM_CLEAN_NP BIT32(4)         /* nested CR3, guest PAT */
#define SVM_CLEAN_CRX BIT32(5)
#define SVM_CLEAN_DRX BIT32(6)
#define SVM_CLEAN_DT BIT32(7)         /* GDTR, IDTR */
#define SVM_CLEAN_SEG BIT32(8)        /* CS, DS, SS, ES, CPL */
#define SVM_CLEAN_CR2 BIT32(9)
#define SVM_CLEAN_LBR BIT32(10)
#define SVM_CLEAN_ALL MASK32(10, 0)

static inline void svm_clgi(void) { __asm__ volatile("clgi" ::: "memory"); }
static inline void svm_stgi(void) { __asm__ volatile("stgi" ::: "memory"); }
static inline void svm_vmload(hpa_t vmcb) { __asm__ volatile("vmload" ::"a"(vmcb.value) : "memory"); }
static inline void svm_vmsave(hpa_t vmcb) { __asm__ volatile("vmsave" ::"a"(vmcb.value) : "memory"); }

#endif
