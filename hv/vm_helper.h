/* SPDX-License-Identifier: MIT */
/*
 * A machine's threads that are no vCPUs: they do its I/O, so their time is the machine's. They stand in its share group, share
 * emulator_quota among them, and run where emulatorpin says. For devices and hv/vm_tune.c; thread context.
 */
#ifndef HV_VM_HELPER_H
#define HV_VM_HELPER_H

#include "hv/lib/cpu_mask.h"
#include "hv/lib/types.h"

struct vm;
struct thread;

/* The name gets the machine's before it ("demo/virtio-disk0"). NULL: no memory. */
struct thread *vm_helper_create(struct vm *vm, const char *name, void (*function)(void *argument), void *argument);
void vm_helper_join(struct vm *vm, struct thread *thread); /* waits for its end and frees it */
/* Of those that there are and those to come. ERR_RANGE: none of the CPUs runs; nothing is changed then. */
MUST_CHECK int vm_helpers_set_affinity(struct vm *vm, const struct cpu_mask *cpus);

#endif
