/* SPDX-License-Identifier: MIT */
/* EFI_TIME to nanoseconds since 1970. UEFI specification, "GetTime()" (8.3). */
#include "hv/efi_runtime.h"
#include "hv/lib/error.h"

#define NS_PER_SECOND 1000000000ull
#define ZONE_UNKNOWN 0x7ff

static bool is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
	static const u8 days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

int efi_time_to_ns(const struct efi_time *time, u64 *wall_ns)
{
	u64 days = 0;
	s64 seconds;

	if (time->year < 1970 || time->year > 2400 || time->month < 1 || time->month > 12 || time->day < 1 ||
	    time->day > days_in_month(time->year, time->month) || time->hour > 23 || time->minute > 59 ||
	    time->second > 59 || time->nanosecond >= NS_PER_SECOND)
		return ERR_INVALID;
	if (time->timezone_minutes != ZONE_UNKNOWN && (time->timezone_minutes < -1440 || time->timezone_minutes > 1440))
		return ERR_INVALID;
	for (unsigned year = 1970; year < time->year; year++)
		days += 365u + is_leap(year);
	for (unsigned month = 1; month < time->month; month++)
		days += days_in_month(time->year, month);
	days += time->day - 1u;
	seconds = (s64)(days * 86400 + time->hour * 3600u + time->minute * 60u + time->second);
	/* Local time = UTC - zone (the specification's sign). */
	if (time->timezone_minutes != ZONE_UNKNOWN)
		seconds += (s64)time->timezone_minutes * 60;
	if (seconds < 0)
		return ERR_INVALID;
	*wall_ns = (u64)seconds * NS_PER_SECOND + time->nanosecond;
	return OK;
}
