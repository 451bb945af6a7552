/* SPDX-License-Identifier: MIT */
/*
 * Every VMCS field once: name, encoding, width.
 *
 * SDM vol. 3, "Field Encoding in VMCS" (Appendix B). From this one list come the field constants, the names that
 * `vmcs DOMAIN` prints, and the checker's view. A field constant is a struct of its own type for each width, so that an
 * encoding where a value belongs, or a 16-bit write to a 64-bit field, does not compile.
 * Next to read: vmx_regs.h for the bits inside the control fields, vmx_vcpu.c for who sets what.
 */
#ifndef ARCH_VMX_VMCS_FIELDS_H
#define ARCH_VMX_VMCS_FIELDS_H

#include "hv/lib/types.h"

/* Encoding: bit 0 access (high half), bits 9:1 index, bits 11:10 type, bits 14:13 width. */
enum vmcs_width { VMCS_WIDTH_16 = 0, VMCS_WIDTH_64 = 1, VMCS_WIDTH_32 = 2, VMCS_WIDTH_NATURAL = 3 };
enum vmcs_group { VMCS_GROUP_CONTROL = 0, VMCS_GROUP_EXIT = 1, VMCS_GROUP_GUEST = 2, VMCS_GROUP_HOST = 3 };

#define VMCS_ENCODING_WIDTH(encoding) (((encoding) >> 13) & 3)
#define VMCS_ENCODING_GROUP(encoding) (((encoding) >> 10) & 3)

typedef struct { u32 encoding; } vmcs_field16_t;
typedef struct { u32 encoding; } vmcs_field32_t;
typedef struct { u32 encoding; } vmcs_field64_t;
typedef struct { u32 encoding; } vmcs_field_natural_t;

/* F(name, encoding, width suffix, the name that the SDM gives it) */
#define VMCS_FIELDS(F)                                                                                          \
	/* 16-bit control */                                                                                           \
	F(VPID, 0x0000, 16, "Virtual-processor identifier (VPID)")                                                      \
	F(POSTED_INTERRUPT_NOTIFICATION_VECTOR, 0x0002, 16, "Posted-interrupt notification vector")                     \
	F(EPTP_INDEX, 0x0004, 16, "EPTP index")                                                                         \
	/* 16-bit guest state */                                                                                       \
	F(GUEST_ES_SELECTOR, 0x0800, 16, "Guest ES selector")                                                           \
	F(GUEST_CS_SELECTOR, 0x0802, 16, "Guest CS selector")                                                           \
	F(GUEST_SS_SELECTOR, 0x0804, 16, "Guest SS selector")                                                           \
	F(GUEST_DS_SELECTOR, 0x0806, 16, "Guest DS selector")                                                           \
	F(GUEST_FS_SELECTOR, 0x0808, 16, "Guest FS selector")                                                           \
	F(GUEST_GS_SELECTOR, 0x080a, 16, "Guest GS selector")                                                           \
	F(GUEST_LDTR_SELECTOR, 0x080c, 16, "Guest LDTR selector")                                                       \
	F(GUEST_TR_SELECTOR, 0x080e, 16, "Guest TR selector")                                                           \
	F(GUEST_INTERRUPT_STATUS, 0x0810, 16, "Guest interrupt status")                                                 \
	F(PML_INDEX, 0x0812, 16, "PML index")                                                                           \
	/* 16-bit host state */                                                                                        \
	F(HOST_ES_SELECTOR, 0x0c00, 16, "Host ES selector")                                                             \
	F(HOST_CS_SELECTOR, 0x0c02, 16, "Host CS selector")                                                             \
	F(HOST_SS_SELECTOR, 0x0c04, 16, "Host SS selector")                                                             \
	F(HOST_DS_SELECTOR, 0x0c06, 16, "Host DS selector")                                                             \
	F(HOST_FS_SELECTOR, 0x0c08, 16, "Host FS selector")                                                             \
	F(HOST_GS_SELECTOR, 0x0c0a, 16, "Host GS selector")                                                             \
	F(HOST_TR_SELECTOR, 0x0c0c, 16, "Host TR selector")                                                             \
	/* 64-bit control */                                                                                           \
	F(IO_BITMAP_A_ADDRESS, 0x2000, 64, "Address of I/O bitmap A")                                                   \
	F(IO_BITMAP_B_ADDRESS, 0x2002, 64, "Address of I/O bitmap B")                                                   \
	F(MSR_BITMAP_ADDRESS, 0x2004, 64, "Address of MSR bitmaps")                                                     \
	F(EXIT_MSR_STORE_ADDRESS, 0x2006, 64, "VM-exit MSR-store address")                                              \
	F(EXIT_MSR_LOAD_ADDRESS, 0x2008, 64, "VM-exit MSR-load address")                                                \
	F(ENTRY_MSR_LOAD_ADDRESS, 0x200a, 64, "VM-entry MSR-load address")                                              \
	F(EXECUTIVE_VMCS_POINTER, 0x200c, 64, "Executive-VMCS pointer")                                                 \
	F(PML_ADDRESS, 0x200e, 64, "PML address")                                                                       \
	F(TSC_OFFSET, 0x2010, 64, "TSC offset")                                                                         \
	F(VIRTUAL_APIC_ADDRESS, 0x2012, 64, "Virtual-APIC address")                                                     \
	F(APIC_ACCESS_ADDRESS, 0x2014, 64, "APIC-access address")                                                       \
	F(POSTED_INTERRUPT_DESCRIPTOR_ADDRESS, 0x2016, 64, "Posted-interrupt descriptor address")                       \
	F(VM_FUNCTION_CONTROLS, 0x2018, 64, "VM-function controls")                                                     \
	F(EPT_POINTER, 0x201a, 64, "EPT pointer (EPTP)")                                                                \
	F(EOI_EXIT_BITMAP_0, 0x201c, 64, "EOI-exit bitmap 0")                                                           \
	F(EOI_EXIT_BITMAP_1, 0x201e, 64, "EOI-exit bitmap 1")                                                           \
	F(EOI_EXIT_BITMAP_2, 0x2020, 64, "EOI-exit bitmap 2")                                                           \
	F(EOI_EXIT_BITMAP_3, 0x2022, 64, "EOI-exit bitmap 3")                                                           \
	F(EPTP_LIST_ADDRESS, 0x2024, 64, "EPTP-list address")                                                           \
	F(VMREAD_BITMAP_ADDRESS, 0x2026, 64, "VMREAD-bitmap address")                                                   \
	F(VMWRITE_BITMAP_ADDRESS, 0x2028, 64, "VMWRITE-bitmap address")                                                 \
	F(VIRTUALIZATION_EXCEPTION_INFORMATION_ADDRESS, 0x202a, 64, "Virtualization-exception information address")     \
	F(XSS_EXITING_BITMAP, 0x202c, 64, "XSS-exiting bitmap")                                                         \
	F(ENCLS_EXITING_BITMAP, 0x202e, 64, "ENCLS-exiting bitmap")                                                     \
	F(TSC_MULTIPLIER, 0x2032, 64, "TSC multiplier")                                                                 \
	/* 64-bit exit information */                                                                                  \
	F(GUEST_PHYSICAL_ADDRESS, 0x2400, 64, "Guest-physical address")                                                 \
	/* 64-bit guest state */                                                                                       \
	F(GUEST_VMCS_LINK_POINTER, 0x2800, 64, "VMCS link pointer")                                                     \
	F(GUEST_IA32_DEBUGCTL, 0x2802, 64, "Guest IA32_DEBUGCTL")                                                       \
	F(GUEST_IA32_PAT, 0x2804, 64, "Guest IA32_PAT")                                                                 \
	F(GUEST_IA32_EFER, 0x2806, 64, "Guest IA32_EFER")                                                               \
	F(GUEST_IA32_PERF_GLOBAL_CTRL, 0x2808, 64, "Guest IA32_PERF_GLOBAL_CTRL")                                       \
	F(GUEST_PDPTE0, 0x280a, 64, "Guest PDPTE0")                                                                     \
	F(GUEST_PDPTE1, 0x280c, 64, "Guest PDPTE1")                                                                     \
	F(GUEST_PDPTE2, 0x280e, 64, "Guest PDPTE2")                                                                     \
	F(GUEST_PDPTE3, 0x2810, 64, "Guest PDPTE3")                                                                     \
	F(GUEST_IA32_BNDCFGS, 0x2812, 64, "Guest IA32_BNDCFGS")                                                         \
	/* 64-bit host state */                                                                                        \
	F(HOST_IA32_PAT, 0x2c00, 64, "Host IA32_PAT")                                                                   \
	F(HOST_IA32_EFER, 0x2c02, 64, "Host IA32_EFER")                                                                 \
	F(HOST_IA32_PERF_GLOBAL_CTRL, 0x2c04, 64, "Host IA32_PERF_GLOBAL_CTRL")                                         \
	/* 32-bit control */                                                                                           \
	F(PIN_BASED_CONTROLS, 0x4000, 32, "Pin-based VM-execution controls")                                            \
	F(PRIMARY_PROCESSOR_CONTROLS, 0x4002, 32, "Primary processor-based VM-execution controls")                      \
	F(EXCEPTION_BITMAP, 0x4004, 32, "Exception bitmap")                                                             \
	F(PAGE_FAULT_ERROR_CODE_MASK, 0x4006, 32, "Page-fault error-code mask")                                         \
	F(PAGE_FAULT_ERROR_CODE_MATCH, 0x4008, 32, "Page-fault error-code match")                                       \
	F(CR3_TARGET_COUNT, 0x400a, 32, "CR3-target count")                                                             \
	F(EXIT_CONTROLS, 0x400c, 32, "Primary VM-exit controls")                                                        \
	F(EXIT_MSR_STORE_COUNT, 0x400e, 32, "VM-exit MSR-store count")                                                  \
	F(EXIT_MSR_LOAD_COUNT, 0x4010, 32, "VM-exit MSR-load count")                                                    \
	F(ENTRY_CONTROLS, 0x4012, 32, "VM-entry controls")                                                              \
	F(ENTRY_MSR_LOAD_COUNT, 0x4014, 32, "VM-entry MSR-load count")                                                  \
	F(ENTRY_INTERRUPTION_INFORMATION, 0x4016, 32, "VM-entry interruption-information field")                        \
	F(ENTRY_EXCEPTION_ERROR_CODE, 0x4018, 32, "VM-entry exception error code")                                      \
	F(ENTRY_INSTRUCTION_LENGTH, 0x401a, 32, "VM-entry instruction length")                                          \
	F(TPR_THRESHOLD, 0x401c, 32, "TPR threshold")                                                                   \
	F(SECONDARY_PROCESSOR_CONTROLS, 0x401e, 32, "Secondary processor-based VM-execution controls")                  \
	F(PLE_GAP, 0x4020, 32, "PLE_Gap")                                                                               \
	F(PLE_WINDOW, 0x4022, 32, "PLE_Window")                                                                         \
	/* 32-bit exit information */                                                                                  \
	F(INSTRUCTION_ERROR, 0x4400, 32, "VM-instruction error")                                                        \
	F(EXIT_REASON, 0x4402, 32, "Exit reason")                                                                       \
	F(EXIT_INTERRUPTION_INFORMATION, 0x4404, 32, "VM-exit interruption information")                                \
	F(EXIT_INTERRUPTION_ERROR_CODE, 0x4406, 32, "VM-exit interruption error code")                                  \
	F(IDT_VECTORING_INFORMATION, 0x4408, 32, "IDT-vectoring information field")                                     \
	F(IDT_VECTORING_ERROR_CODE, 0x440a, 32, "IDT-vectoring error code")                                             \
	F(EXIT_INSTRUCTION_LENGTH, 0x440c, 32, "VM-exit instruction length")                                            \
	F(EXIT_INSTRUCTION_INFORMATION, 0x440e, 32, "VM-exit instruction information")                                  \
	/* 32-bit guest state */                                                                                       \
	F(GUEST_ES_LIMIT, 0x4800, 32, "Guest ES limit")                                                                 \
	F(GUEST_CS_LIMIT, 0x4802, 32, "Guest CS limit")                                                                 \
	F(GUEST_SS_LIMIT, 0x4804, 32, "Guest SS limit")                                                                 \
	F(GUEST_DS_LIMIT, 0x4806, 32, "Guest DS limit")                                                                 \
	F(GUEST_FS_LIMIT, 0x4808, 32, "Guest FS limit")                                                                 \
	F(GUEST_GS_LIMIT, 0x480a, 32, "Guest GS limit")                                                                 \
	F(GUEST_LDTR_LIMIT, 0x480c, 32, "Guest LDTR limit")                                                             \
	F(GUEST_TR_LIMIT, 0x480e, 32, "Guest TR limit")                                                                 \
	F(GUEST_GDTR_LIMIT, 0x4810, 32, "Guest GDTR limit")                                                             \
	F(GUEST_IDTR_LIMIT, 0x4812, 32, "Guest IDTR limit")                                                             \
	F(GUEST_ES_ACCESS_RIGHTS, 0x4814, 32, "Guest ES access rights")                                                 \
	F(GUEST_CS_ACCESS_RIGHTS, 0x4816, 32, "Guest CS access rights")                                                 \
	F(GUEST_SS_ACCESS_RIGHTS, 0x4818, 32, "Guest SS access rights")                                                 \
	F(GUEST_DS_ACCESS_RIGHTS, 0x481a, 32, "Guest DS access rights")                                                 \
	F(GUEST_FS_ACCESS_RIGHTS, 0x481c, 32, "Guest FS access rights")                                                 \
	F(GUEST_GS_ACCESS_RIGHTS, 0x481e, 32, "Guest GS access rights")                                                 \
	F(GUEST_LDTR_ACCESS_RIGHTS, 0x4820, 32, "Guest LDTR access rights")                                             \
	F(GUEST_TR_ACCESS_RIGHTS, 0x4822, 32, "Guest TR access rights")                                                 \
	F(GUEST_INTERRUPTIBILITY_STATE, 0x4824, 32, "Guest interruptibility state")                                     \
	F(GUEST_ACTIVITY_STATE, 0x4826, 32, "Guest activity state")                                                     \
	F(GUEST_SMBASE, 0x4828, 32, "Guest SMBASE")                                                                     \
	F(GUEST_IA32_SYSENTER_CS, 0x482a, 32, "Guest IA32_SYSENTER_CS")                                                 \
	F(PREEMPTION_TIMER_VALUE, 0x482e, 32, "VMX-preemption timer value")                                             \
	/* 32-bit host state */                                                                                        \
	F(HOST_IA32_SYSENTER_CS, 0x4c00, 32, "Host IA32_SYSENTER_CS")                                                   \
	/* natural-width control */                                                                                    \
	F(CR0_GUEST_HOST_MASK, 0x6000, _natural, "CR0 guest/host mask")                                                 \
	F(CR4_GUEST_HOST_MASK, 0x6002, _natural, "CR4 guest/host mask")                                                 \
	F(CR0_READ_SHADOW, 0x6004, _natural, "CR0 read shadow")                                                         \
	F(CR4_READ_SHADOW, 0x6006, _natural, "CR4 read shadow")                                                         \
	F(CR3_TARGET_VALUE_0, 0x6008, _natural, "CR3-target value 0")                                                   \
	F(CR3_TARGET_VALUE_1, 0x600a, _natural, "CR3-target value 1")                                                   \
	F(CR3_TARGET_VALUE_2, 0x600c, _natural, "CR3-target value 2")                                                   \
	F(CR3_TARGET_VALUE_3, 0x600e, _natural, "CR3-target value 3")                                                   \
	/* natural-width exit information */                                                                           \
	F(EXIT_QUALIFICATION, 0x6400, _natural, "Exit qualification")                                                   \
	F(IO_RCX, 0x6402, _natural, "I/O RCX")                                                                          \
	F(IO_RSI, 0x6404, _natural, "I/O RSI")                                                                          \
	F(IO_RDI, 0x6406, _natural, "I/O RDI")                                                                          \
	F(IO_RIP, 0x6408, _natural, "I/O RIP")                                                                          \
	F(GUEST_LINEAR_ADDRESS, 0x640a, _natural, "Guest-linear address")                                               \
	/* natural-width guest state */                                                                                \
	F(GUEST_CR0, 0x6800, _natural, "Guest CR0")                                                                     \
	F(GUEST_CR3, 0x6802, _natural, "Guest CR3")                                                                     \
	F(GUEST_CR4, 0x6804, _natural, "Guest CR4")                                                                     \
	F(GUEST_ES_BASE, 0x6806, _natural, "Guest ES base")                                                             \
	F(GUEST_CS_BASE, 0x6808, _natural, "Guest CS base")                                                             \
	F(GUEST_SS_BASE, 0x680a, _natural, "Guest SS base")                                                             \
	F(GUEST_DS_BASE, 0x680c, _natural, "Guest DS base")                                                             \
	F(GUEST_FS_BASE, 0x680e, _natural, "Guest FS base")                                                             \
	F(GUEST_GS_BASE, 0x6810, _natural, "Guest GS base")                                                             \
	F(GUEST_LDTR_BASE, 0x6812, _natural, "Guest LDTR base")                                                         \
	F(GUEST_TR_BASE, 0x6814, _natural, "Guest TR base")                                                             \
	F(GUEST_GDTR_BASE, 0x6816, _natural, "Guest GDTR base")                                                         \
	F(GUEST_IDTR_BASE, 0x6818, _natural, "Guest IDTR base")                                                         \
	F(GUEST_DR7, 0x681a, _natural, "Guest DR7")                                                                     \
	F(GUEST_RSP, 0x681c, _natural, "Guest RSP")                                                                     \
	F(GUEST_RIP, 0x681e, _natural, "Guest RIP")                                                                     \
	F(GUEST_RFLAGS, 0x6820, _natural, "Guest RFLAGS")                                                               \
	F(GUEST_PENDING_DEBUG_EXCEPTIONS, 0x6822, _natural, "Guest pending debug exceptions")                           \
	F(GUEST_IA32_SYSENTER_ESP, 0x6824, _natural, "Guest IA32_SYSENTER_ESP")                                         \
	F(GUEST_IA32_SYSENTER_EIP, 0x6826, _natural, "Guest IA32_SYSENTER_EIP")                                         \
	/* natural-width host state */                                                                                 \
	F(HOST_CR0, 0x6c00, _natural, "Host CR0")                                                                       \
	F(HOST_CR3, 0x6c02, _natural, "Host CR3")                                                                       \
	F(HOST_CR4, 0x6c04, _natural, "Host CR4")                                                                       \
	F(HOST_FS_BASE, 0x6c06, _natural, "Host FS base")                                                               \
	F(HOST_GS_BASE, 0x6c08, _natural, "Host GS base")                                                               \
	F(HOST_TR_BASE, 0x6c0a, _natural, "Host TR base")                                                               \
	F(HOST_GDTR_BASE, 0x6c0c, _natural, "Host GDTR base")                                                           \
	F(HOST_IDTR_BASE, 0x6c0e, _natural, "Host IDTR base")                                                           \
	F(HOST_IA32_SYSENTER_ESP, 0x6c10, _natural, "Host IA32_SYSENTER_ESP")                                           \
	F(HOST_IA32_SYSENTER_EIP, 0x6c12, _natural, "Host IA32_SYSENTER_EIP")                                           \
	F(HOST_RSP, 0x6c14, _natural, "Host RSP")                                                                       \
	F(HOST_RIP, 0x6c16, _natural, "Host RIP")

#define VMCS_DECLARE_FIELD(name, encoding, width, text) static const vmcs_field##width##_t VMCS_##name UNUSED = { encoding };
VMCS_FIELDS(VMCS_DECLARE_FIELD)
#undef VMCS_DECLARE_FIELD

/* Position in the list: for tables indexed by field (the checker's copy of a VMCS, the dump). */
#define VMCS_INDEX_FIELD(name, encoding, width, text) VMCS_INDEX_##name,
enum vmcs_index { VMCS_FIELDS(VMCS_INDEX_FIELD) VMCS_FIELD_COUNT };
#undef VMCS_INDEX_FIELD

struct vmcs_field_info {
	const char *name; /* the SDM's: "Guest CS access rights" */
	u32 encoding;
};
extern const struct vmcs_field_info vmcs_field_info[VMCS_FIELD_COUNT];

#endif
