/* SPDX-License-Identifier: MIT */
/* See storage_argument.h. */
#include "hv/shell/storage_argument.h"
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"

int shell_pool(struct shell *shell, const struct shell_arguments *arguments, struct pool_info *info)
{
	const char *name = shell_text(arguments, "pool");
	struct manage_error error;

	return pool_find(name, info, &error) ? shell_fail(shell, &error, "failed to get pool '%s'", name) : OK;
}

int shell_volume(struct shell *shell, const struct shell_arguments *arguments, struct volume_info *info)
{
	const char *name = shell_text(arguments, "vol"), *pool = shell_text(arguments, "pool");
	struct pool_info pool_info;
	struct manage_error error;
	int code = pool ? shell_pool(shell, arguments, &pool_info) : OK;

	if (code)
		return code;
	if (volume_find(pool, name, info, &error))
		return shell_fail(shell, &error, "failed to get vol '%s'%s", name, pool ? "" : ", specifying --pool might help");
	return OK;
}

void shell_complete_pools(struct shell_completions *completions)
{
	struct pool_info *all;
	size_t count;

	if (pools_all(&all, &count, NULL))
		return;
	for (size_t i = 0; i < count; i++)
		shell_complete(completions, all[i].config.name);
	kfree(all);
}

void storage_size_text(char text[STORAGE_SIZE_TEXT], u64 bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned unit = 0, shift;
	u64 whole, rest, hundredths;

	while (unit + 1 < ARRAY_SIZE(units) && bytes >> (10 * (unit + 1)))
		unit++;
	shift = 10 * unit;
	whole = bytes >> shift;
	rest = bytes - (whole << shift);
	if (shift > 40) { /* so that 100 times it fits; the digits lost do not show */
		rest >>= shift - 40;
		shift = 40;
	}
	hundredths = (rest * 100 + ((u64)1 << shift) / 2) >> shift;
	format(text, STORAGE_SIZE_TEXT, "%llu.%02llu %s", (unsigned long long)(whole + hundredths / 100),
	       (unsigned long long)(hundredths % 100), units[unit]);
}

static int unknown_suffix(struct shell *shell, const char *text, const char *suffix)
{
	shell_error(shell, "Malformed size %s", text);
	return shell_error(shell, "invalid argument: unknown suffix '%s'", suffix);
}

int storage_size(struct shell *shell, const char *text, u64 *bytes)
{
	static const char letters[] = "bkmgtpe";
	const char *at = text, *letter;
	u64 value = 0, base = 1024, scale = 1;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (value > (~(u64)0 - 9) / 10)
			return shell_error(shell, "Scaled numeric value '%s' for <--capacity> option is malformed or out of range", text);
		value = value * 10 + (u64)(*at - '0');
	}
	if (at == text)
		return shell_error(shell, "Scaled numeric value '%s' for <--capacity> option is malformed or out of range", text);
	if (*at) {
		letter = strchr(letters, *at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
		if (!letter)
			return unknown_suffix(shell, text, at);
		if (at[1] == 'B' && !at[2] && *letter != 'b')
			base = 1000; /* KB; KiB and K are 1024 */
		else if (at[1] && !(string_equal(at + 1, "iB") && *letter != 'b') && !string_equal(at, "bytes"))
			return unknown_suffix(shell, text, at);
		for (long i = letter - letters; i; i--)
			scale *= base;
	}
	if (value > ~(u64)0 / scale)
		return shell_error(shell, "Scaled numeric value '%s' for <--capacity> option is malformed or out of range", text);
	*bytes = value * scale;
	return OK;
}

#define BAR_CELLS 40u

static bool tell(void *context, u64 done, u64 total)
{
	struct storage_progress *progress = context;
	unsigned percent = (unsigned)(total >= 100 ? MIN(done / (total / 100), 100ull) : 100);
	char bar[BAR_CELLS + 1];

	if (shell_interrupted(progress->shell))
		return false;
	if (progress->shown == percent + 1 || (!progress->shown && done >= total))
		return true; /* what is done at once needs no bar */
	for (unsigned i = 0; i < BAR_CELLS; i++)
		bar[i] = i < percent * BAR_CELLS / 100 ? '#' : '.';
	bar[BAR_CELLS] = 0;
	shell_print(progress->shell, "\r[%s] %3u %%", bar, percent);
	progress->shown = percent + 1;
	return true;
}

void storage_progress_begin(struct storage_progress *progress, struct shell *shell)
{
	*progress = (struct storage_progress){ .progress = { tell, progress }, .shell = shell };
}

void storage_progress_end(struct storage_progress *progress)
{
	if (progress->shown)
		shell_print(progress->shell, "\n");
}
