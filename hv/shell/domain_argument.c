/* SPDX-License-Identifier: MIT */
/* See domain_argument.h. */
#include "hv/shell/domain_argument.h"
#include "hv/lib/string.h"

struct domain *shell_domain(struct shell *shell, const struct shell_arguments *arguments)
{
	struct manage_error error;
	struct domain *domain = domain_lookup(shell_text(arguments, "domain"), &error);

	if (!domain)
		shell_error(shell, "%s", error.text);
	return domain;
}

void shell_tell_kept(struct shell *shell, struct domain *domain)
{
	struct domain_info info;

	domain_get_info(domain, &info);
	if (*info.kept)
		shell_print(shell, "%s\n", info.kept);
}

static void complete(struct shell_completions *completions, bool active, bool inactive)
{
	struct domain **all;
	size_t count;

	if (domains_all(&all, &count, NULL))
		return;
	for (size_t i = 0; i < count; i++) {
		struct domain_info info;

		domain_get_info(all[i], &info);
		if (info.id ? active : inactive)
			shell_complete(completions, info.name);
	}
	domains_free(all, count);
}

void shell_complete_domains(struct shell_completions *completions)
{
	complete(completions, true, true);
}

void shell_complete_active(struct shell_completions *completions)
{
	complete(completions, true, false);
}

void shell_complete_inactive(struct shell_completions *completions)
{
	complete(completions, false, true);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool comes_before(const struct domain_info *a, const struct domain_info *b)
{
	const char *x = a->name, *y = b->name;

	if (a->id && b->id)
		return a->id < b->id;
	if (a->id || b->id)
		return a->id != 0;
	while (*x && lower(*x) == lower(*y))
		x++, y++;
	return (u8)lower(*x) < (u8)lower(*y);
}

/* By insertion: there are few, and they come nearly sorted. */
void shell_sort_domains(struct domain **domains, size_t count)
{
	struct domain_info info, other;

	for (size_t i = 1; i < count; i++) {
		struct domain *moved = domains[i];
		size_t at = i;

		domain_get_info(moved, &info);
		for (; at > 0; at--) {
			domain_get_info(domains[at - 1], &other);
			if (!comes_before(&info, &other))
				break;
			domains[at] = domains[at - 1];
		}
		domains[at] = moved;
	}
}
