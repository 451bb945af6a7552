/* SPDX-License-Identifier: MIT */
/*
 * Live views of a machine's insides, for students and for debugging: registers, page-table walks, exits.
 * The control block has a file of its own, control_block.h.
 * What needs the vCPU to stand still pauses the machine for that moment. Thread context.
 */
#ifndef HV_MANAGE_INSPECT_H
#define HV_MANAGE_INSPECT_H

#include "hv/manage/domain.h"

#define DOMAIN_ALL_VCPUS (~(u32)0)
/*
 * The registers of one vCPU or of all as text, of the running machine or (all) of the one that crashed; NULL with *error.
 * kmalloc.
 */
char *domain_get_registers(struct domain *domain, u32 vcpu, struct manage_error *error);

struct domain_nested_walk {
	const char *format; /* "NPT", "EPT" */
	u32 levels;         /* entries read; entry[0] is the root's, level 4 */
	u64 entry[4];
	bool ram, present;
	u64 hpa, page_bytes;
	bool read, write, execute, accessed, dirty;
};
MUST_CHECK int domain_walk_nested(struct domain *domain, u64 gpa, struct domain_nested_walk *walk,
				  struct manage_error *error);

struct domain_guest_walk {
	const char *mode; /* "4-level" */
	u64 cr3;
	u32 steps;
	struct { u64 address, entry; u32 level; } step[5];
	bool canonical;   /* else any access is a general-protection fault, before the tables are looked at */
	bool mapped;      /* else error_code of the page fault that a read by the kernel would get */
	u32 error_code;
	u64 gpa, page_bytes;
	bool writable, user, no_execute, dirty;
};
MUST_CHECK int domain_walk_guest(struct domain *domain, u32 vcpu, u64 linear, struct domain_guest_walk *walk,
				 struct manage_error *error);

/*
 * The exit trace of one vCPU. kinds: names divided by commas ("CPUID,IO"), NULL: all but interrupts. The vCPU runs slower
 * while it is on. *sequence: where reading begins. Read gives one line in words; false: nothing new yet.
 */
MUST_CHECK int domain_trace_start(struct domain *domain, u32 vcpu, const char *kinds, u64 *sequence,
				  struct manage_error *error);
void domain_trace_stop(struct domain *domain, u32 vcpu);
bool domain_trace_read(struct domain *domain, u32 vcpu, u64 *sequence, char *text, size_t size);

#endif
