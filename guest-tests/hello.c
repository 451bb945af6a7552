/* SPDX-License-Identifier: MIT */
/* The first thing that ever ran under Solera: it says so. */
#include "guest-tests/lib/guest.h"

void test_main(void)
{
	report(true, "a guest runs");
	report(cpuid(0x40000000, 0).ebx == 0x4b4d564b, "the hypervisor leaves carry KVM's signature");
}
