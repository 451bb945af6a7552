/* SPDX-License-Identifier: MIT */
/* The real-time clock's calendar: seconds since 1970, dates, registers in BCD or binary, 12 or 24 hours, the alarm. */
#include "hv/dev/vrtc.h"

#define B_24_HOURS BIT32(1)
#define B_BINARY BIT32(2)
#define HOUR_PM 0x80u
#define ALARM_ANY 0xc0u
#define SECONDS_PER_DAY 86400

static s64 floor_div(s64 n, s64 d)
{
	return n / d - (n % d < 0);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years begin in March, so that leap days end them. */
static s64 days_of(s64 year, u32 month, u32 day)
{
	s64 y = month > 2 ? year : year - 1, era = floor_div(y, 400), year_of_era = y - era * 400;
	s64 day_of_year = (153 * (s64)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

void vrtc_date_from_seconds(struct vrtc_date *date, s64 seconds)
{
	s64 days = floor_div(seconds, SECONDS_PER_DAY), rest = seconds - days * SECONDS_PER_DAY;
	s64 z = days + 719468, era = floor_div(z, 146097), day_of_era = z - era * 146097;
	s64 year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	s64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	s64 month = (5 * day_of_year + 2) / 153; /* from March */

	date->day = (u32)(day_of_year - (153 * month + 2) / 5 + 1);
	date->month = (u32)(month < 10 ? month + 3 : month - 9);
	date->year = year_of_era + era * 400 + (date->month <= 2);
	date->hour = (u32)(rest / 3600);
	date->minute = (u32)(rest / 60 % 60);
	date->second = (u32)(rest % 60);
	date->weekday = (u32)(days + 4 - floor_div(days + 4, 7) * 7) + 1;
}

s64 vrtc_date_to_seconds(const struct vrtc_date *date)
{
	u32 month = MAX(MIN(date->month, 12u), 1u), day = MAX(MIN(date->day, 31u), 1u);

	return days_of(date->year, month, day) * SECONDS_PER_DAY + (s64)MIN(date->hour, 23u) * 3600 +
	       (s64)MIN(date->minute, 59u) * 60 + (s64)MIN(date->second, 59u);
}

static u8 encode(u32 value, u8 b)
{
	return (u8)(b & B_BINARY ? value : value % 10 | value / 10 << 4);
}

static u32 decode(u8 value, u8 b)
{
	return b & B_BINARY ? value : (value & 15u) + 10u * (value >> 4);
}

static u8 encode_hour(u32 hour, u8 b)
{
	u32 twelve = hour % 12 ? hour % 12 : 12;

	return b & B_24_HOURS ? encode(hour, b) : (u8)(encode(twelve, b) | (hour >= 12 ? HOUR_PM : 0));
}

static u32 decode_hour(u8 value, u8 b)
{
	u32 hour;

	if (b & B_24_HOURS)
		return decode(value, b);
	hour = decode(value & 0x7f, b) % 12;
	return hour + (value & HOUR_PM ? 12 : 0);
}

void vrtc_date_to_registers(const struct vrtc_date *date, u8 *cmos)
{
	u8 b = cmos[RTC_B];

	cmos[RTC_SECONDS] = encode(date->second, b);
	cmos[RTC_MINUTES] = encode(date->minute, b);
	cmos[RTC_HOURS] = encode_hour(date->hour, b);
	cmos[RTC_DAY_OF_WEEK] = encode(date->weekday, b);
	cmos[RTC_DAY] = encode(date->day, b);
	cmos[RTC_MONTH] = encode(date->month, b);
	cmos[RTC_YEAR] = encode((u32)(date->year - floor_div(date->year, 100) * 100), b);
	cmos[RTC_CENTURY] = encode((u32)(floor_div(date->year, 100) % 100), b);
}

void vrtc_date_from_registers(struct vrtc_date *date, const u8 *cmos)
{
	u8 b = cmos[RTC_B];

	date->second = decode(cmos[RTC_SECONDS], b);
	date->minute = decode(cmos[RTC_MINUTES], b);
	date->hour = decode_hour(cmos[RTC_HOURS], b);
	date->weekday = decode(cmos[RTC_DAY_OF_WEEK], b);
	date->day = decode(cmos[RTC_DAY], b);
	date->month = decode(cmos[RTC_MONTH], b);
	date->year = (s64)decode(cmos[RTC_CENTURY], b) * 100 + decode(cmos[RTC_YEAR], b);
}

static bool alarm_matches(u8 alarm, u32 value, u32 decoded)
{
	return alarm >= ALARM_ANY || decoded == value;
}

s64 vrtc_next_alarm(const u8 *cmos, s64 after)
{
	u8 b = cmos[RTC_B];
	u32 hour = decode_hour(cmos[RTC_HOURS_ALARM], b);
	u32 minute = decode(cmos[RTC_MINUTES_ALARM], b), second = decode(cmos[RTC_SECONDS_ALARM], b);
	s64 t = after + 1, limit = after + 1 + SECONDS_PER_DAY;

	while (t < limit) { /* at most 25 + 60 + 60 steps: each mismatch skips the whole hour, minute or second */
		s64 in_day = t - floor_div(t, SECONDS_PER_DAY) * SECONDS_PER_DAY;

		if (!alarm_matches(cmos[RTC_HOURS_ALARM], (u32)(in_day / 3600), hour))
			t += 3600 - in_day % 3600;
		else if (!alarm_matches(cmos[RTC_MINUTES_ALARM], (u32)(in_day / 60 % 60), minute))
			t += 60 - in_day % 60;
		else if (!alarm_matches(cmos[RTC_SECONDS_ALARM], (u32)(in_day % 60), second))
			t++;
		else
			return t;
	}
	return -1;
}
