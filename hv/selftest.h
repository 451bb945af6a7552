/* SPDX-License-Identifier: MIT */
/* Tests that need the real machine: threads, timers, interrupts, memory rights. Run by the command-line option "selftest". */
#ifndef HV_SELFTEST_H
#define HV_SELFTEST_H

void selftest_run(void); /* thread context; prints "selftest: PASS name" or "selftest: FAIL name", at last "selftest: done, N failed" */

#endif
