/* SPDX-License-Identifier: MIT */
/* Motorola MC146818A data sheet, "Time, Calendar, and Alarm Locations": BCD or binary, 12 or 24 hours. */
#include "hv/rtc_time.h"
#include "hv/lib/error.h"

static u32 number(u8 value, bool binary)
{
	return binary ? value : (u32)(value >> 4) * 10 + (value & 15u);
}

static bool is_number(u8 value, bool binary)
{
	return binary || ((value & 15) < 10 && value >> 4 < 10);
}

static bool is_leap(u32 year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static u32 days_of_month(u32 year, u32 month)
{
	static const u8 days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static u32 decode_hour(u8 value, u32 status_b)
{
	u32 hour;

	if (status_b & RTC_B_24_HOURS)
		return number(value, status_b & RTC_B_BINARY);
	hour = number(value & 0x7f, status_b & RTC_B_BINARY) % 12;
	return value & 0x80 ? hour + 12 : hour;
}

int rtc_decode(const struct rtc_registers *r, bool has_century, struct calendar *c)
{
	bool binary = r->status_b & RTC_B_BINARY;
	u32 century = has_century && is_number(r->century, binary) ? number(r->century, binary) : 0;

	if (!is_number(r->second, binary) || !is_number(r->minute, binary) || !is_number(r->hour & 0x7f, binary) ||
	    !is_number(r->day, binary) || !is_number(r->month, binary) || !is_number(r->year, binary))
		return ERR_INVALID;
	c->second = number(r->second, binary);
	c->minute = number(r->minute, binary);
	c->hour = decode_hour(r->hour, r->status_b);
	c->day = number(r->day, binary);
	c->month = number(r->month, binary);
	c->year = number(r->year, binary);
	if (c->year > 99)
		return ERR_INVALID;
	if (century < 19 || century > 99)
		century = c->year < 70 ? 20 : 19;
	c->year += century * 100;
	if (c->year < 1970 || c->month < 1 || c->month > 12 || c->day < 1 || c->day > days_of_month(c->year, c->month) ||
	    c->hour > 23 || c->minute > 59 || c->second > 59)
		return ERR_INVALID;
	return OK;
}

static u64 days_before_year(u32 year)
{
	u64 past = year - 1;

	return past * 365 + past / 4 - past / 100 + past / 400;
}

u64 calendar_to_unix(const struct calendar *c)
{
	u64 days = days_before_year(c->year) - days_before_year(1970) + c->day - 1;

	for (u32 month = 1; month < c->month; month++)
		days += days_of_month(c->year, month);
	return ((days * 24 + c->hour) * 60 + c->minute) * 60 + c->second;
}

void calendar_from_unix(u64 seconds, struct calendar *c)
{
	u64 days = seconds / 86400;
	u32 rest = (u32)(seconds % 86400);

	*c = (struct calendar){ .year = 1970 + (u32)(days / 366), .month = 1, .hour = rest / 3600, .minute = rest / 60 % 60,
				.second = rest % 60 };
	while (days_before_year(c->year + 1) - days_before_year(1970) <= days)
		c->year++;
	days -= days_before_year(c->year) - days_before_year(1970);
	while (days >= days_of_month(c->year, c->month))
		days -= days_of_month(c->year, c->month++);
	c->day = (u32)days + 1;
}
