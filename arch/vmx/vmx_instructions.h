/* SPDX-License-Identifier: MIT */
/*
 * The VMX instructions, typed. Each fails by CF (no current VMCS) or ZF (VMfailValid, with a number in the VMCS);
 * SDM vol. 3, "Conventions" (31.2). A failing VMREAD or VMWRITE of ours is our bug, so it panics in debug builds only
 * (vmx_vcpu.c checks each field once when a VMCS is made).
 */
#ifndef ARCH_VMX_VMX_INSTRUCTIONS_H
#define ARCH_VMX_VMX_INSTRUCTIONS_H

#include "arch/vmx/vmcs_fields.h"
#include "arch/vmx/vmx_regs.h"
#include "hv/lib/log.h"

static inline bool vmxon(hpa_t region)
{
	bool failed;

	__asm__ volatile("vmxon %1; setna %0" : "=qm"(failed) : "m"(region.value) : "cc", "memory");
	return !failed;
}

static inline void vmxoff(void)
{
	__asm__ volatile("vmxoff" ::: "cc", "memory");
}

static inline bool vmclear(hpa_t vmcs)
{
	bool failed;

	__asm__ volatile("vmclear %1; setna %0" : "=qm"(failed) : "m"(vmcs.value) : "cc", "memory");
	return !failed;
}

static inline bool vmptrld(hpa_t vmcs)
{
	bool failed;

	__asm__ volatile("vmptrld %1; setna %0" : "=qm"(failed) : "m"(vmcs.value) : "cc", "memory");
	return !failed;
}

static inline u64 vmread_encoding(u64 encoding)
{
	u64 value;
#ifdef SOLERA_DEBUG
	bool failed;

	__asm__ volatile("vmread %2, %0; setna %1" : "=r"(value), "=qm"(failed) : "r"(encoding) : "cc");
	BUG_ON(failed);
#else
	__asm__ volatile("vmread %1, %0" : "=r"(value) : "r"(encoding) : "cc");
#endif
	return value;
}

static inline void vmwrite_encoding(u64 encoding, u64 value)
{
#ifdef SOLERA_DEBUG
	bool failed;

	__asm__ volatile("vmwrite %1, %2; setna %0" : "=qm"(failed) : "r"(value), "r"(encoding) : "cc", "memory");
	BUG_ON(failed);
#else
	__asm__ volatile("vmwrite %0, %1" ::"r"(value), "r"(encoding) : "cc", "memory");
#endif
}

/* For fields that a CPU may lack, and values that it may refuse: false, without a word. */
static inline bool vmread_try(u64 encoding, u64 *value)
{
	bool failed;

	__asm__ volatile("vmread %2, %0; setna %1" : "=r"(*value), "=qm"(failed) : "r"(encoding) : "cc");
	return !failed;
}

static inline bool vmwrite_try(u64 encoding, u64 value)
{
	bool failed;

	__asm__ volatile("vmwrite %1, %2; setna %0" : "=qm"(failed) : "r"(value), "r"(encoding) : "cc", "memory");
	return !failed;
}

static inline u16 vmread16(vmcs_field16_t field) { return (u16)vmread_encoding(field.encoding); }
static inline u32 vmread32(vmcs_field32_t field) { return (u32)vmread_encoding(field.encoding); }
static inline u64 vmread64(vmcs_field64_t field) { return vmread_encoding(field.encoding); }
static inline u64 vmread_natural(vmcs_field_natural_t field) { return vmread_encoding(field.encoding); }
static inline void vmwrite16(vmcs_field16_t field, u16 value) { vmwrite_encoding(field.encoding, value); }
static inline void vmwrite32(vmcs_field32_t field, u32 value) { vmwrite_encoding(field.encoding, value); }
static inline void vmwrite64(vmcs_field64_t field, u64 value) { vmwrite_encoding(field.encoding, value); }
static inline void vmwrite_natural(vmcs_field_natural_t field, u64 value) { vmwrite_encoding(field.encoding, value); }

/* Forgets what the CPU cached of one EPT (by its pointer) or of all. */
static inline void invept(enum invept_type type, u64 eptp)
{
	struct { u64 eptp, reserved; } descriptor = { eptp, 0 };
	bool failed;

	__asm__ volatile("invept %1, %2; setna %0" : "=qm"(failed) : "m"(descriptor), "r"((u64)type) : "cc", "memory");
	BUG_ON(failed);
}

static inline void invvpid(enum invvpid_type type, u16 vpid, u64 address)
{
	struct { u64 vpid, address; } descriptor = { vpid, address };
	bool failed;

	__asm__ volatile("invvpid %1, %2; setna %0" : "=qm"(failed) : "m"(descriptor), "r"((u64)type) : "cc", "memory");
	BUG_ON(failed);
}

#endif
