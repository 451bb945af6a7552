/* SPDX-License-Identifier: MIT */
/* The other CPUs. */
#ifndef HV_SMP_H
#define HV_SMP_H

void smp_stop_others(void); /* a panic: every other CPU halts for good */

#endif
