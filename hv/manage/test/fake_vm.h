/* SPDX-License-Identifier: MIT */
/* A core without hardware: vm_* as hv/vm.h promises, with a guest that does what a test says. */
#ifndef HV_MANAGE_TEST_FAKE_VM_H
#define HV_MANAGE_TEST_FAKE_VM_H

#include "hv/vm_tune.h"

extern u64 fake_host_pages; /* free pages of the pretended host */
extern unsigned fake_vms;   /* machines that exist */
extern bool fake_shuts_down_at_once; /* what the guest does on the power button */

/* The guest of the machine of that name acts. */
void fake_guest_prints(const char *name, const char *text);
void fake_port_prints(const char *name, unsigned port, const char *text); /* a port of its virtio console */
void fake_guest_event(const char *name, enum vm_event_kind kind, const char *reason);
struct vm *fake_vm(const char *name); /* NULL: none */
const char *fake_guest_input(const char *name); /* all that was typed */
extern struct vcpu_cpu_time fake_vcpu_time; /* what every vCPU used */

extern struct vm_tune fake_tune; /* what was applied last, to any of them */

extern bool fake_guest_keeps;  /* it never lets go of a device */
extern unsigned fake_devices;  /* attached while machines run */
extern u64 fake_short_bytes;   /* what the host lacks for any target; 0: nothing */

#endif
