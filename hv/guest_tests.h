/* SPDX-License-Identifier: MIT */
/* Runs the test kernels that came with the boot (modules NAME.gtest), one after the other: boot option guest-tests. */
#ifndef HV_GUEST_TESTS_H
#define HV_GUEST_TESTS_H

#include "hv/lib/types.h"

struct block_device;
/* A disk of 1 MiB that each test's machine has, in slot 3; before guest_tests_run. */
void guest_tests_set_disk(struct block_device *disk);
/* Says per test how it ended, and at the end how many of each; the log carries the tests' own lines. Thread context. */
void guest_tests_run(void);

#endif
