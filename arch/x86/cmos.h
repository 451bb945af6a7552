/* SPDX-License-Identifier: MIT */
/* The CMOS clock's registers. */
#ifndef ARCH_X86_CMOS_H
#define ARCH_X86_CMOS_H

#include "hv/lib/types.h"

/*
 * A consistent set: second, minute, hour, day, month, year, century (0 where century_register is 0), status B.
 * False: the clock does not answer or never stops updating.
 */
bool cmos_read_clock(u8 century_register, u8 registers[8]);

#endif
