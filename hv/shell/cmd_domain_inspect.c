/* SPDX-License-Identifier: MIT */
/* For students and for debugging: exits, trace, vcpu-regs, npt-walk, gva-walk. */
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_stats.h"
#include "hv/manage/inspect.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"

#define NS_PER_SECOND 1000000000ull
#define POLL_NS 20000000ull

/* Rows where something happened since *before (NULL: since the start), with their rate when a second lies between. */
static void print_exits(struct shell *shell, const struct domain_exit_kind *now, const struct domain_exit_kind *before,
			u32 count, bool all)
{
	u64 total = 0;

	shell_print(shell, " %-18s %12s %14s\n", "Exit", before ? "per second" : "count", "mean host ns");
	shell_print(shell, "-----------------------------------------------\n");
	for (u32 i = 0; i < count; i++) {
		u64 exits = now[i].count - (before ? before[i].count : 0);
		u64 timed = now[i].timed - (before ? before[i].timed : 0);
		u64 host_ns = now[i].host_ns - (before ? before[i].host_ns : 0);

		total += exits;
		if (!exits && !all)
			continue;
		shell_print(shell, " %-18s %12llu ", now[i].name, (unsigned long long)exits);
		if (timed)
			shell_print(shell, "%14llu\n", (unsigned long long)(host_ns / timed));
		else
			shell_print(shell, "%14s\n", "-");
	}
	shell_print(shell, " %-18s %12llu\n", "all", (unsigned long long)total);
}

/* --vcpu N, or what is meant without it; false: no number, and the person was told. */
static bool vcpu_option(struct shell *shell, const struct shell_arguments *arguments, u32 missing, u32 *vcpu)
{
	u64 number = missing;

	if (shell_number(shell, arguments, "vcpu", &number) < 0)
		return false;
	*vcpu = number > DOMAIN_VCPUS_MAX && number != missing ? DOMAIN_VCPUS_MAX : (u32)number;
	return true;
}

static int exits(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	struct domain_exit_kind *kinds = kmalloc(2 * DOMAIN_EXIT_KINDS_MAX * sizeof(*kinds));
	struct domain_exit_kind *before = kinds + DOMAIN_EXIT_KINDS_MAX;
	struct manage_error error;
	bool all = shell_flag(arguments, "all");
	u32 count, vcpu;
	int code = OK;

	if (!domain || !kinds) {
		code = domain ? shell_error(shell, "out of memory") : ERR_NOT_FOUND;
	} else if (!vcpu_option(shell, arguments, DOMAIN_EXITS_OF_ALL, &vcpu)) {
		code = ERR_INVALID;
	} else if (domain_get_exits(domain, vcpu, kinds, DOMAIN_EXIT_KINDS_MAX, &count, &error)) {
		code = shell_error(shell, "%s", error.text);
	} else if (!shell_flag(arguments, "live")) {
		/* For good: until --live ends, or the machine. */
		if (shell_flag(arguments, "timed") && domain_time_exits(domain, true, &error))
			code = shell_error(shell, "%s", error.text);
		print_exits(shell, kinds, NULL, count, all);
	} else {
		do {
			/* Again each time: another session that looked may have stopped it. */
			if ((code = domain_time_exits(domain, true, &error)) != OK)
				break;
			memcpy(before, kinds, count * sizeof(*kinds));
			if (shell_sleep(shell, NS_PER_SECOND))
				break;
			code = domain_get_exits(domain, vcpu, kinds, DOMAIN_EXIT_KINDS_MAX, &count, &error);
			if (!code)
				print_exits(shell, kinds, before, count, all);
		} while (!code);
		(void)domain_time_exits(domain, false, &error);
	}
	kfree(kinds);
	domain_put(domain);
	return code;
}

static void show_trace(struct shell *shell, struct domain *domain, u32 vcpu, u64 sequence, u64 limit)
{
	u64 expected = sequence, shown = 0;
	struct domain_info info;
	char text[160];

	do {
		while (!shell_interrupted(shell) && (!limit || shown < limit) &&
		       domain_trace_read(domain, vcpu, &sequence, text, sizeof(text))) {
			if (sequence > expected + 1)
				shell_print(shell, "(%llu exits were not shown: the machine is faster than this terminal)\n",
					    (unsigned long long)(sequence - expected - 1));
			expected = sequence;
			shell_print(shell, "%s\n", text);
			shown++;
		}
		domain_get_info(domain, &info);
	} while (info.id && (!limit || shown < limit) && !shell_sleep(shell, POLL_NS));
}

static int trace(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain;
	u64 sequence, limit = 0;
	struct manage_error error;
	u32 vcpu;
	int code = OK;

	if (!vcpu_option(shell, arguments, 0, &vcpu) || shell_number(shell, arguments, "count", &limit) < 0)
		return ERR_INVALID;
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	if (domain_trace_start(domain, vcpu, shell_text(arguments, "kinds"), &sequence, &error)) {
		code = shell_error(shell, "%s", error.text);
	} else {
		show_trace(shell, domain, vcpu, sequence, limit);
		domain_trace_stop(domain, vcpu);
	}
	domain_put(domain);
	return code;
}

static int vcpu_regs(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	struct manage_error error;
	char *text;
	u32 vcpu;

	if (!domain)
		return ERR_NOT_FOUND;
	if (!vcpu_option(shell, arguments, DOMAIN_ALL_VCPUS, &vcpu)) {
		domain_put(domain);
		return ERR_INVALID;
	}
	text = domain_get_registers(domain, vcpu, &error);
	domain_put(domain);
	if (!text)
		return shell_error(shell, "%s", error.text);
	shell_write(shell, text, strlen(text));
	kfree(text);
	return OK;
}

static const char *size_name(u64 bytes)
{
	switch (bytes) {
	case 4 * KIB: return "4 KiB";
	case 2 * MIB: return "2 MiB";
	case 4 * MIB: return "4 MiB";
	case 1 * GIB: return "1 GiB";
	default: return "no paging";
	}
}

static void indent(struct shell *shell, u32 depth)
{
	for (u32 i = 0; i < depth; i++)
		shell_print(shell, "   ");
}

static int npt_walk(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain;
	struct domain_nested_walk walk;
	struct manage_error error;
	u64 gpa = 0;
	int code;

	if (shell_number(shell, arguments, "gpa", &gpa) < 0)
		return ERR_INVALID;
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	code = domain_walk_nested(domain, gpa, &walk, &error);
	domain_put(domain);
	if (code)
		return shell_error(shell, "%s", error.text);
	shell_print(shell, "%s of guest-physical %016llx\n", walk.format, (unsigned long long)gpa);
	for (u32 i = 0; i < walk.levels; i++) {
		indent(shell, i);
		shell_print(shell, "`- level %u, entry %3u: %016llx\n", 4 - i, (unsigned)(gpa >> (39 - 9 * i) & 511),
			    (unsigned long long)walk.entry[i]);
	}
	indent(shell, walk.levels);
	if (walk.present)
		shell_print(shell, "=> host-physical %016llx, a page of %s, %c%c%c%s%s\n", (unsigned long long)walk.hpa,
			    size_name(walk.page_bytes), walk.read ? 'r' : '-', walk.write ? 'w' : '-', walk.execute ? 'x' : '-',
			    walk.accessed ? ", accessed" : "", walk.dirty ? ", dirty" : "");
	else
		shell_print(shell, "=> not mapped: %s\n", walk.ram ? "RAM that the guest has not touched yet"
			    : "not RAM: an access is a device's, or nobody's");
	return OK;
}

static int gva_walk(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain;
	struct domain_guest_walk walk;
	struct manage_error error;
	u64 gva = 0;
	u32 depth = 0, vcpu;
	int code;

	if (shell_number(shell, arguments, "gva", &gva) < 0 || !vcpu_option(shell, arguments, 0, &vcpu))
		return ERR_INVALID;
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	code = domain_walk_guest(domain, vcpu, gva, &walk, &error);
	domain_put(domain);
	if (code)
		return shell_error(shell, "%s", error.text);
	shell_print(shell, "guest-virtual %016llx, paging: %s, CR3 %016llx\n", (unsigned long long)gva, walk.mode,
		    (unsigned long long)walk.cr3);
	if (!walk.canonical) {
		shell_print(shell, "=> not canonical: an access raises #GP (#SS on the stack) before any table is read\n");
		return OK;
	}
	for (; depth < walk.steps && depth < ARRAY_SIZE(walk.step); depth++) {
		indent(shell, depth);
		shell_print(shell, "`- level %u, entry at %016llx: %016llx\n", walk.step[depth].level,
			    (unsigned long long)walk.step[depth].address, (unsigned long long)walk.step[depth].entry);
	}
	indent(shell, depth);
	if (walk.mapped)
		shell_print(shell, "=> guest-physical %016llx, a page of %s, %s, %s, %s%s\n", (unsigned long long)walk.gpa,
			    size_name(walk.page_bytes), walk.user ? "user" : "supervisor", walk.writable ? "writable" : "read-only",
			    walk.no_execute ? "no-execute" : "executable", walk.dirty ? ", dirty" : "");
	else
		shell_print(shell, "=> not mapped: a page fault with error code %x\n", walk.error_code);
	return OK;
}

#define VCPU_OPTION(without) \
	{ .name = "vcpu", .help = "number of the vCPU (" without ")", .kind = SHELL_NUMBER, .only_by_name = true }

static const struct shell_option registers_options[] = { DOMAIN_OPTION(active), VCPU_OPTION("default: all"), { 0 } };
static const struct shell_option exits_options[] = {
	DOMAIN_OPTION(active),
	{ .name = "live", .help = "each second what happened in it and what it cost, until Ctrl-C", .kind = SHELL_FLAG },
	{ .name = "timed", .help = "time them from now on", .kind = SHELL_FLAG },
	{ .name = "all", .help = "also the kinds that did not happen", .kind = SHELL_FLAG },
	VCPU_OPTION("default: all, summed"),
	{ 0 },
};
static const struct shell_option trace_options[] = {
	DOMAIN_OPTION(active),
	{ .name = "kinds", .help = "kinds of exit, as CPUID,IO; without it all but INTERRUPT", .kind = SHELL_TEXT },
	{ .name = "count", .help = "ends after so many lines", .kind = SHELL_NUMBER, .only_by_name = true },
	VCPU_OPTION("default 0"),
	{ 0 },
};
static const struct shell_option npt_options[] = {
	DOMAIN_OPTION(active),
	{ .name = "gpa", .help = "guest-physical address", .kind = SHELL_NUMBER, .required = true },
	{ 0 },
};
static const struct shell_option gva_options[] = {
	DOMAIN_OPTION(active),
	{ .name = "gva", .help = "guest-virtual (linear) address", .kind = SHELL_NUMBER, .required = true },
	VCPU_OPTION("default 0"),
	{ 0 },
};

const struct shell_command shell_commands_domain_inspect[] = {
	{ .name = "exits", .help = "a domain's exits by kind", .options = exits_options, .function = exits,
	  .description = "How often each kind of exit happened, and what it cost in Solera where that was measured.",
	  .group = SHELL_GROUP_DEVICES },
	{ .name = "gva-walk", .help = "walk the guest's own page tables", .options = gva_options, .function = gva_walk,
	  .description = "Each level of the guest's page tables on the way from a guest-virtual address. Stops it for the moment.",
	  .group = SHELL_GROUP_DEVICES },
	{ .name = "npt-walk", .help = "walk the nested page table", .options = npt_options, .function = npt_walk,
	  .description = "Each level of the nested page table on the way from a guest-physical to a host-physical address.",
	  .group = SHELL_GROUP_DEVICES },
	{ .name = "trace", .help = "each exit in words", .options = trace_options, .function = trace,
	  .description = "Shows the exits of one vCPU as they happen, until Ctrl-C or --count.", .group = SHELL_GROUP_DEVICES },
	{ .name = "vcpu-regs", .help = "a domain's registers", .options = registers_options, .function = vcpu_regs,
	  .description = "The registers of each vCPU; of a crashed domain those that it had then. Stops it for the moment.",
	  .group = SHELL_GROUP_DEVICES },
	{ 0 },
};
