/* SPDX-License-Identifier: MIT */
/* Looking into a machine for people: its nested page table. The machine may run; what is seen may be a moment old. */
#ifndef HV_INSPECT_H
#define HV_INSPECT_H

#include "hv/vm.h"

struct inspect_nested {
	const char *format; /* "NPT", "EPT" */
	unsigned count;     /* entries read, the root's first */
	u64 entries[4];
	bool ram;           /* the address is the machine's RAM (a page comes with its first touch) */
	bool present;       /* what follows holds only then */
	u64 hpa, page_bytes;
	bool read, write, execute, accessed, dirty;
};
void inspect_nested_walk(struct vm *vm, u64 gpa, struct inspect_nested *walk);

#endif
