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

/* F(name, encoding, width suffix) */
#define VMCS_FIELDS(F)                                                                                          \
	/* 16-bit control */                                                                                           \
	F(VPID, 0x0000, 16)                                                                                            \
	F(POSTED_INTERRUPT_NOTIFICATION_VECTOR, 0x0002, 16)                                                            \
	F(EPTP_INDEX, 0x0004, 16)                                                                                      \
	/* 16-bit guest state */                                                                                       \
	F(GUEST_ES_SELECTOR, 0x0800, 16)                                                                               \
	F(GUEST_CS_SELECTOR, 0x0802, 16)                                                                               \
	F(GUEST_SS_SELECTOR, 0x0804, 16)                                                                               \
	F(GUEST_DS_SELECTOR, 0x0806, 16)                                                                               \
	F(GUEST_FS_SELECTOR, 0x0808, 16)                                                                               \
	F(GUEST_GS_SELECTOR, 0x080a, 16)                                                                               \
	F(GUEST_LDTR_SELECTOR, 0x080c, 16)                                                                             \
	F(GUEST_TR_SELECTOR, 0x080e, 16)                                                                               \
	F(GUEST_INTERRUPT_STATUS, 0x0810, 16)                                                                          \
	F(PML_INDEX, 0x0812, 16)                                                                                       \
	/* 16-bit host state */                                                                                        \
	F(HOST_ES_SELECTOR, 0x0c00, 16)                                                                                \
	F(HOST_CS_SELECTOR, 0x0c02, 16)                                                                                \
	F(HOST_SS_SELECTOR, 0x0c04, 16)                                                                                \
	F(HOST_DS_SELECTOR, 0x0c06, 16)                                                                                \
	F(HOST_FS_SELECTOR, 0x0c08, 16)                                                                                \
	F(HOST_GS_SELECTOR, 0x0c0a, 16)                                                                                \
	F(HOST_TR_SELECTOR, 0x0c0c, 16)                                                                                \
	/* 64-bit control */                                                                                           \
	F(IO_BITMAP_A_ADDRESS, 0x2000, 64)                                                                             \
	F(IO_BITMAP_B_ADDRESS, 0x2002, 64)                                                                             \
	F(MSR_BITMAP_ADDRESS, 0x2004, 64)                                                                              \
	F(EXIT_MSR_STORE_ADDRESS, 0x2006, 64)                                                                          \
	F(EXIT_MSR_LOAD_ADDRESS, 0x2008, 64)                                                                           \
	F(ENTRY_MSR_LOAD_ADDRESS, 0x200a, 64)                                                                          \
	F(EXECUTIVE_VMCS_POINTER, 0x200c, 64)                                                                          \
	F(PML_ADDRESS, 0x200e, 64)                                                                                     \
	F(TSC_OFFSET, 0x2010, 64)                                                                                      \
	F(VIRTUAL_APIC_ADDRESS, 0x2012, 64)                                                                            \
	F(APIC_ACCESS_ADDRESS, 0x2014, 64)                                                                             \
	F(POSTED_INTERRUPT_DESCRIPTOR_ADDRESS, 0x2016, 64)                                                             \
	F(VM_FUNCTION_CONTROLS, 0x2018, 64)                                                                            \
	F(EPT_POINTER, 0x201a, 64)                                                                                     \
	F(EOI_EXIT_BITMAP_0, 0x201c, 64)                                                                               \
	F(EOI_EXIT_BITMAP_1, 0x201e, 64)                                                                               \
	F(EOI_EXIT_BITMAP_2, 0x2020, 64)                                                                               \
	F(EOI_EXIT_BITMAP_3, 0x2022, 64)                                                                               \
	F(EPTP_LIST_ADDRESS, 0x2024, 64)                                                                               \
	F(VMREAD_BITMAP_ADDRESS, 0x2026, 64)                                                                           \
	F(VMWRITE_BITMAP_ADDRESS, 0x2028, 64)                                                                          \
	F(VIRTUALIZATION_EXCEPTION_INFORMATION_ADDRESS, 0x202a, 64)                                                    \
	F(XSS_EXITING_BITMAP, 0x202c, 64)                                                                              \
	F(ENCLS_EXITING_BITMAP, 0x202e, 64)                                                                            \
	F(TSC_MULTIPLIER, 0x2032, 64)                                                                                  \
	/* 64-bit exit information */                                                                                  \
	F(GUEST_PHYSICAL_ADDRESS, 0x2400, 64)                                                                          \
	/* 64-bit guest state */                                                                                       \
	F(GUEST_VMCS_LINK_POINTER, 0x2800, 64)                                                                         \
	F(GUEST_IA32_DEBUGCTL, 0x2802, 64)                                                                             \
	F(GUEST_IA32_PAT, 0x2804, 64)                                                                                  \
	F(GUEST_IA32_EFER, 0x2806, 64)                                                                                 \
	F(GUEST_IA32_PERF_GLOBAL_CTRL, 0x2808, 64)                                                                     \
	F(GUEST_PDPTE0, 0x280a, 64)                                                                                    \
	F(GUEST_PDPTE1, 0x280c, 64)                                                                                    \
	F(GUEST_PDPTE2, 0x280e, 64)                                                                                    \
	F(GUEST_PDPTE3, 0x2810, 64)                                                                                    \
	F(GUEST_IA32_BNDCFGS, 0x2812, 64)                                                                              \
	/* 64-bit host state */                                                                                        \
	F(HOST_IA32_PAT, 0x2c00, 64)                                                                                   \
	F(HOST_IA32_EFER, 0x2c02, 64)                                                                                  \
	F(HOST_IA32_PERF_GLOBAL_CTRL, 0x2c04, 64)                                                                      \
	/* 32-bit control */                                                                                           \
	F(PIN_BASED_CONTROLS, 0x4000, 32)                                                                              \
	F(PRIMARY_PROCESSOR_CONTROLS, 0x4002, 32)                                                                      \
	F(EXCEPTION_BITMAP, 0x4004, 32)                                                                                \
	F(PAGE_FAULT_ERROR_CODE_MASK, 0x4006, 32)                                                                      \
	F(PAGE_FAULT_ERROR_CODE_MATCH, 0x4008, 32)                                                                     \
	F(CR3_TARGET_COUNT, 0x400a, 32)                                                                                \
	F(EXIT_CONTROLS, 0x400c, 32)                                                                                   \
	F(EXIT_MSR_STORE_COUNT, 0x400e, 32)                                                                            \
	F(EXIT_MSR_LOAD_COUNT, 0x4010, 32)                                                                             \
	F(ENTRY_CONTROLS, 0x4012, 32)                                                                                  \
	F(ENTRY_MSR_LOAD_COUNT, 0x4014, 32)                                                                            \
	F(ENTRY_INTERRUPTION_INFORMATION, 0x4016, 32)                                                                  \
	F(ENTRY_EXCEPTION_ERROR_CODE, 0x4018, 32)                                                                      \
	F(ENTRY_INSTRUCTION_LENGTH, 0x401a, 32)                                                                        \
	F(TPR_THRESHOLD, 0x401c, 32)                                                                                   \
	F(SECONDARY_PROCESSOR_CONTROLS, 0x401e, 32)                                                                    \
	F(PLE_GAP, 0x4020, 32)                                                                                         \
	F(PLE_WINDOW, 0x4022, 32)                                                                                      \
	/* 32-bit exit information */                                                                                  \
	F(INSTRUCTION_ERROR, 0x4400, 32)                                                                               \
	F(EXIT_REASON, 0x4402, 32)                                                                                     \
	F(EXIT_INTERRUPTION_INFORMATION, 0x4404, 32)                                                                   \
	F(EXIT_INTERRUPTION_ERROR_CODE, 0x4406, 32)                                                                    \
	F(IDT_VECTORING_INFORMATION, 0x4408, 32)                                                                       \
	F(IDT_VECTORING_ERROR_CODE, 0x440a, 32)                                                                        \
	F(EXIT_INSTRUCTION_LENGTH, 0x440c, 32)                                                                         \
	F(EXIT_INSTRUCTION_INFORMATION, 0x440e, 32)                                                                    \
	/* 32-bit guest state */                                                                                       \
	F(GUEST_ES_LIMIT, 0x4800, 32)                                                                                  \
	F(GUEST_CS_LIMIT, 0x4802, 32)                                                                                  \
	F(GUEST_SS_LIMIT, 0x4804, 32)                                                                                  \
	F(GUEST_DS_LIMIT, 0x4806, 32)                                                                                  \
	F(GUEST_FS_LIMIT, 0x4808, 32)                                                                                  \
	F(GUEST_GS_LIMIT, 0x480a, 32)                                                                                  \
	F(GUEST_LDTR_LIMIT, 0x480c, 32)                                                                                \
	F(GUEST_TR_LIMIT, 0x480e, 32)                                                                                  \
	F(GUEST_GDTR_LIMIT, 0x4810, 32)                                                                                \
	F(GUEST_IDTR_LIMIT, 0x4812, 32)                                                                                \
	F(GUEST_ES_ACCESS_RIGHTS, 0x4814, 32)                                                                          \
	F(GUEST_CS_ACCESS_RIGHTS, 0x4816, 32)                                                                          \
	F(GUEST_SS_ACCESS_RIGHTS, 0x4818, 32)                                                                          \
	F(GUEST_DS_ACCESS_RIGHTS, 0x481a, 32)                                                                          \
	F(GUEST_FS_ACCESS_RIGHTS, 0x481c, 32)                                                                          \
	F(GUEST_GS_ACCESS_RIGHTS, 0x481e, 32)                                                                          \
	F(GUEST_LDTR_ACCESS_RIGHTS, 0x4820, 32)                                                                        \
	F(GUEST_TR_ACCESS_RIGHTS, 0x4822, 32)                                                                          \
	F(GUEST_INTERRUPTIBILITY_STATE, 0x4824, 32)                                                                    \
	F(GUEST_ACTIVITY_STATE, 0x4826, 32)                                                                            \
	F(GUEST_SMBASE, 0x4828, 32)                                                                                    \
	F(GUEST_IA32_SYSENTER_CS, 0x482a, 32)                                                                          \
	F(PREEMPTION_TIMER_VALUE, 0x482e, 32)                                                                          \
	/* 32-bit host state */                                                                                        \
	F(HOST_IA32_SYSENTER_CS, 0x4c00, 32)                                                                           \
	/* natural-width control */                                                                                    \
	F(CR0_GUEST_HOST_MASK, 0x6000, _natural)                                                                       \
	F(CR4_GUEST_HOST_MASK, 0x6002, _natural)                                                                       \
	F(CR0_READ_SHADOW, 0x6004, _natural)                                                                           \
	F(CR4_READ_SHADOW, 0x6006, _natural)                                                                           \
	F(CR3_TARGET_VALUE_0, 0x6008, _natural)                                                                        \
	F(CR3_TARGET_VALUE_1, 0x600a, _natural)                                                                        \
	F(CR3_TARGET_VALUE_2, 0x600c, _natural)                                                                        \
	F(CR3_TARGET_VALUE_3, 0x600e, _natural)                                                                        \
	/* natural-width exit information */                                                                           \
	F(EXIT_QUALIFICATION, 0x6400, _natural)                                                                        \
	F(IO_RCX, 0x6402, _natural)                                                                                    \
	F(IO_RSI, 0x6404, _natural)                                                                                    \
	F(IO_RDI, 0x6406, _natural)                                                                                    \
	F(IO_RIP, 0x6408, _natural)                                                                                    \
	F(GUEST_LINEAR_ADDRESS, 0x640a, _natural)                                                                      \
	/* natural-width guest state */                                                                                \
	F(GUEST_CR0, 0x6800, _natural)                                                                                 \
	F(GUEST_CR3, 0x6802, _natural)                                                                                 \
	F(GUEST_CR4, 0x6804, _natural)                                                                                 \
	F(GUEST_ES_BASE, 0x6806, _natural)                                                                             \
	F(GUEST_CS_BASE, 0x6808, _natural)                                                                             \
	F(GUEST_SS_BASE, 0x680a, _natural)                                                                             \
	F(GUEST_DS_BASE, 0x680c, _natural)                                                                             \
	F(GUEST_FS_BASE, 0x680e, _natural)                                                                             \
	F(GUEST_GS_BASE, 0x6810, _natural)                                                                             \
	F(GUEST_LDTR_BASE, 0x6812, _natural)                                                                           \
	F(GUEST_TR_BASE, 0x6814, _natural)                                                                             \
	F(GUEST_GDTR_BASE, 0x6816, _natural)                                                                           \
	F(GUEST_IDTR_BASE, 0x6818, _natural)                                                                           \
	F(GUEST_DR7, 0x681a, _natural)                                                                                 \
	F(GUEST_RSP, 0x681c, _natural)                                                                                 \
	F(GUEST_RIP, 0x681e, _natural)                                                                                 \
	F(GUEST_RFLAGS, 0x6820, _natural)                                                                              \
	F(GUEST_PENDING_DEBUG_EXCEPTIONS, 0x6822, _natural)                                                            \
	F(GUEST_IA32_SYSENTER_ESP, 0x6824, _natural)                                                                   \
	F(GUEST_IA32_SYSENTER_EIP, 0x6826, _natural)                                                                   \
	/* natural-width host state */                                                                                 \
	F(HOST_CR0, 0x6c00, _natural)                                                                                  \
	F(HOST_CR3, 0x6c02, _natural)                                                                                  \
	F(HOST_CR4, 0x6c04, _natural)                                                                                  \
	F(HOST_FS_BASE, 0x6c06, _natural)                                                                              \
	F(HOST_GS_BASE, 0x6c08, _natural)                                                                              \
	F(HOST_TR_BASE, 0x6c0a, _natural)                                                                              \
	F(HOST_GDTR_BASE, 0x6c0c, _natural)                                                                            \
	F(HOST_IDTR_BASE, 0x6c0e, _natural)                                                                            \
	F(HOST_IA32_SYSENTER_ESP, 0x6c10, _natural)                                                                    \
	F(HOST_IA32_SYSENTER_EIP, 0x6c12, _natural)                                                                    \
	F(HOST_RSP, 0x6c14, _natural)                                                                                  \
	F(HOST_RIP, 0x6c16, _natural)

#define VMCS_DECLARE_FIELD(name, encoding, width) static const vmcs_field##width##_t VMCS_##name UNUSED = { encoding };
VMCS_FIELDS(VMCS_DECLARE_FIELD)
#undef VMCS_DECLARE_FIELD

/* Position in the list: for tables indexed by field (the checker's copy of a VMCS, the dump). */
#define VMCS_INDEX_FIELD(name, encoding, width) VMCS_INDEX_##name,
enum vmcs_index { VMCS_FIELDS(VMCS_INDEX_FIELD) VMCS_FIELD_COUNT };
#undef VMCS_INDEX_FIELD

struct vmcs_field_info {
	const char *name;
	u32 encoding;
};
extern const struct vmcs_field_info vmcs_field_info[VMCS_FIELD_COUNT];

#endif
