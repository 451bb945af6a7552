/* SPDX-License-Identifier: MIT */
/* See cpu_list.h. As libvirt's virBitmapParse: in order, so that "^2" takes away what stands before it. */
#include "hv/manage/cpu_list.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"

static int read_number(const char **at, u32 *number)
{
	const char *text = *at;
	u32 value = 0;

	if (*text < '0' || *text > '9')
		return ERR_INVALID;
	for (; *text >= '0' && *text <= '9'; text++) {
		value = value * 10 + (u32)(*text - '0');
		if (value >= CPU_MAX)
			return ERR_RANGE;
	}
	*at = text;
	*number = value;
	return OK;
}

static int read_item(const char **at, struct cpu_mask *mask)
{
	bool away = **at == '^';
	u32 first, last;
	int code;

	*at += away;
	code = read_number(at, &first);
	last = first;
	if (!code && !away && **at == '-') {
		(*at)++;
		code = read_number(at, &last);
	}
	if (code || last < first)
		return code ? code : ERR_INVALID;
	for (u32 i = first; i <= last; i++) {
		if (away)
			cpu_mask_clear(mask, i);
		else
			cpu_mask_set(mask, i);
	}
	return OK;
}

int cpu_list_parse(struct cpu_mask *mask, const char *text)
{
	struct cpu_mask parsed = { { 0 } };

	for (;;) {
		int code = read_item(&text, &parsed);

		if (code)
			return code;
		if (!*text)
			break;
		if (*text++ != ',')
			return ERR_INVALID;
	}
	if (cpu_mask_empty(&parsed))
		return ERR_INVALID;
	*mask = parsed;
	return OK;
}

size_t cpu_list_format(char *text, size_t size, const struct cpu_mask *mask, u32 count)
{
	size_t at = 0;

	text[0] = '\0';
	for (u32 i = 0; i < count; i++) {
		u32 last = i;

		if (!cpu_mask_has(mask, i))
			continue;
		while (last + 1 < count && cpu_mask_has(mask, last + 1))
			last++;
		at += format(text + at, size - at, last > i ? "%s%u-%u" : "%s%u", at ? "," : "", i, last);
		at = MIN(at, size - 1);
		i = last;
	}
	return at;
}

struct cpu_mask cpu_list_first(u32 count)
{
	struct cpu_mask mask = { { 0 } };

	for (u32 i = 0; i < MIN(count, CPU_MAX); i++)
		cpu_mask_set(&mask, i);
	return mask;
}
