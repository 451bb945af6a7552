/* SPDX-License-Identifier: MIT */
/* Calendar and the CMOS clock's formats. Pure. */
#ifndef HV_RTC_TIME_H
#define HV_RTC_TIME_H

#include "hv/lib/types.h"

struct rtc_registers { /* as read */
	u8 second, minute, hour, day, month, year, century, status_b;
};

struct calendar {
	u32 year, month, day, hour, minute, second; /* UTC; month and day from 1 */
};

#define RTC_B_24_HOURS BIT32(1)
#define RTC_B_BINARY BIT32(2)

/* ERR_INVALID: no possible time (a dead battery). has_century: the century register is there and was read. */
MUST_CHECK int rtc_decode(const struct rtc_registers *registers, bool has_century, struct calendar *calendar);
/* Seconds since 1970-01-01; years 1970 to 9999. */
u64 calendar_to_unix(const struct calendar *calendar);
void calendar_from_unix(u64 seconds, struct calendar *calendar);

#endif
