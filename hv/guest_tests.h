/* SPDX-License-Identifier: MIT */
/* Runs the test kernels that came with the boot (modules NAME.gtest), one after the other: boot option guest-tests. */
#ifndef HV_GUEST_TESTS_H
#define HV_GUEST_TESTS_H

#include "hv/lib/types.h"

/* Says per test how it ended, and at the end how many of each; the log carries the tests' own lines. Thread context. */
void guest_tests_run(void);

#endif
