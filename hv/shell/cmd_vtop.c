/* SPDX-License-Identifier: MIT */
/*
 * vtop: a live view of all machines and their vCPUs: what each had of the CPUs since the last look.
 *
 *   Run %    of one CPU: the vCPU's thread had it
 *   Steal %  it could have run, and others did
 *   Wait %   it was asleep
 *
 * A look is a copy of counters; machines go on meanwhile. The view is drawn over itself by the escapes that serial terminals and
 * Solera's own screen know.
 */
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_stats.h"
#include "hv/manage/host.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"
#include "hv/shell/shell.h"

#define NS_PER_SECOND 1000000000ull
#define FIRST_LOOK_NS (NS_PER_SECOND / 4)
#define ROWS_MAX 4096u        /* machines and vCPUs together */
#define ROWS_SHOWN 20u        /* what a terminal of 24 lines has room for; more with --all */
#define TEXT_BYTES (64 * KIB) /* of one view */
#define CTRL_C 0x03

struct row {
	u32 id;               /* the machine's */
	s32 vcpu;             /* -1: the machine as a whole */
	u32 cpu;
	char name[20], state[12];
	u64 run_ns, steal_ns, wait_ns, exits; /* since its start */
};

struct look {
	u64 at_ns;
	struct host_cpu_time host;
	u32 count, machines;
	struct row rows[ROWS_MAX];
};

struct view {
	struct look *now, *before;
	struct domain_vcpu *vcpus;
	char *text;
	size_t used;
	bool all;
};

static struct row *new_row(struct look *look)
{
	return look->count < ROWS_MAX ? &look->rows[look->count++] : NULL;
}

static void add_machine(struct view *view, struct domain *domain)
{
	struct look *look = view->now;
	struct domain_info info;
	struct row *whole;
	u32 count = 0;

	domain_get_info(domain, &info);
	if (!info.id || domain_get_vcpus(domain, view->vcpus, DOMAIN_VCPUS_MAX, &count, NULL))
		return;
	whole = new_row(look);
	if (!whole)
		return;
	look->machines++;
	*whole = (struct row){ .id = info.id, .vcpu = -1, .run_ns = info.cpu_time_ns };
	string_copy(whole->name, info.name, sizeof(whole->name));
	string_copy(whole->state, domain_state_name(info.state), sizeof(whole->state));
	for (u32 i = 0; i < count; i++) {
		const struct domain_vcpu *vcpu = &view->vcpus[i];
		struct row *row = new_row(look);

		whole->steal_ns += vcpu->steal_ns;
		whole->wait_ns += vcpu->wait_ns;
		whole->exits += vcpu->exits;
		if (!row)
			return;
		*row = (struct row){ .id = info.id, .vcpu = (s32)vcpu->number, .cpu = vcpu->cpu, .run_ns = vcpu->cpu_time_ns,
				     .steal_ns = vcpu->steal_ns, .wait_ns = vcpu->wait_ns, .exits = vcpu->exits };
		string_copy(row->state, vcpu->state == DOMAIN_VCPU_BLOCKED ? "halted" : "running", sizeof(row->state));
	}
}

static int look_around(struct view *view, struct domain *only, struct manage_error *error)
{
	struct domain **all;
	size_t count;
	int code = OK;

	view->now->count = view->now->machines = 0;
	view->now->at_ns = host_uptime_ns();
	if (host_cpu_time(HOST_ALL_CPUS, &view->now->host) != OK)
		view->now->host = (struct host_cpu_time){ 0 };
	if (only) {
		add_machine(view, only);
		return OK;
	}
	code = domains_all(&all, &count, error);
	if (code)
		return code;
	shell_sort_domains(all, count);
	for (size_t i = 0; i < count; i++)
		add_machine(view, all[i]);
	domains_free(all, count);
	return OK;
}

/* One line; what is left of an older one behind it goes. */
static void add_line(struct view *view, const char *line)
{
	size_t room = TEXT_BYTES - view->used;
	size_t length = format(view->text + view->used, room, "%s\x1b[K\r\n", line);

	view->used += MIN(length, room - 1);
}

/* "37.5", of two counters that grow with time; a machine that is new, or that started anew, counts from 0. */
static void percent(char *text, size_t size, u64 now, u64 before, u64 elapsed_ns)
{
	u64 tenths = (now > before ? now - before : 0) * 1000 / MAX(elapsed_ns, 1u);

	format(text, size, "%llu.%llu", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10));
}

static const struct row *find(const struct look *look, const struct row *wanted)
{
	static const struct row nothing;

	for (u32 i = 0; i < look->count; i++)
		if (look->rows[i].id == wanted->id && look->rows[i].vcpu == wanted->vcpu)
			return &look->rows[i];
	return &nothing;
}

static void add_row(struct view *view, const struct row *row, u64 elapsed_ns)
{
	const struct row *before = find(view->before, row);
	char run[16], steal[16], wait[16], id[12] = "", number[12] = "-", cpu[12] = "-", line[160];
	u64 exits = row->exits > before->exits ? row->exits - before->exits : 0;

	percent(run, sizeof(run), row->run_ns, before->run_ns, elapsed_ns);
	percent(steal, sizeof(steal), row->steal_ns, before->steal_ns, elapsed_ns);
	percent(wait, sizeof(wait), row->wait_ns, before->wait_ns, elapsed_ns);
	if (row->vcpu < 0) {
		format(id, sizeof(id), "%u", row->id);
	} else {
		format(number, sizeof(number), "%d", row->vcpu);
		format(cpu, sizeof(cpu), "%u", row->cpu);
	}
	format(line, sizeof(line), " %-4s %-19s %4s  %-11s %3s %7s %7s %7s %10llu", id, row->name, number, row->state, cpu, run, steal, wait,
	       (unsigned long long)(exits * NS_PER_SECOND / MAX(elapsed_ns, 1u)));
	add_line(view, line);
}

static void add_head(struct view *view, u64 elapsed_ns)
{
	const struct host_cpu_time *now = &view->now->host, *before = &view->before->host;
	u64 all = now->user_ns + now->system_ns + now->idle_ns - before->user_ns - before->system_ns - before->idle_ns;
	char user[16], system[16], idle[16], line[160];

	percent(user, sizeof(user), now->user_ns, before->user_ns, all);
	percent(system, sizeof(system), now->system_ns, before->system_ns, all);
	percent(idle, sizeof(idle), now->idle_ns, before->idle_ns, all);
	format(line, sizeof(line), "%u machines; of all CPUs %s %% in guests, %s %% in Solera, %s %% idle; %llu ms. q: leave",
	       view->now->machines, user, system, idle, (unsigned long long)(elapsed_ns / 1000000));
	add_line(view, line);
	format(line, sizeof(line), " %-4s %-19s %4s  %-11s %3s %7s %7s %7s %10s", "Id", "Name", "vCPU", "State", "CPU", "Run %", "Steal %",
	       "Wait %", "Exits/s");
	add_line(view, line);
}

static void draw(struct shell *shell, struct view *view)
{
	u64 elapsed_ns = view->now->at_ns - view->before->at_ns;
	u32 shown = view->all ? view->now->count : MIN(view->now->count, ROWS_SHOWN);
	char line[80];

	view->used = format(view->text, TEXT_BYTES, "\x1b[H");
	add_head(view, elapsed_ns);
	for (u32 i = 0; i < shown; i++)
		add_row(view, &view->now->rows[i], elapsed_ns);
	if (shown < view->now->count) {
		format(line, sizeof(line), " (%u more rows: name a domain, or --all)", view->now->count - shown);
		add_line(view, line);
	}
	view->used += MIN(format(view->text + view->used, TEXT_BYTES - view->used, "\x1b[J"), TEXT_BYTES - view->used - 1);
	shell_write_raw(shell, view->text, view->used);
}

/* True: q or Ctrl-C was typed before the time was over. */
static bool wait_for_key(struct shell *shell, u64 until_ns)
{
	for (;;) {
		u64 now = host_uptime_ns();
		char keys[16];
		size_t count;

		if (now >= until_ns)
			return false;
		count = shell_read_raw(shell, keys, sizeof(keys), until_ns - now);
		for (size_t i = 0; i < count; i++)
			if (keys[i] == 'q' || keys[i] == 'Q' || keys[i] == CTRL_C)
				return true;
	}
}

static int watch(struct shell *shell, struct view *view, struct domain *only, u64 interval_ns, u64 views)
{
	struct manage_error error;
	int code = look_around(view, only, &error);
	u64 pause_ns = MIN(FIRST_LOOK_NS, interval_ns);

	shell_raw_begin(shell);
	shell_write_raw(shell, "\x1b[2J", 4);
	for (u64 i = 0; !code && (!views || i < views); i++, pause_ns = interval_ns) {
		struct look *old = view->before;

		view->before = view->now;
		view->now = old;
		if (wait_for_key(shell, view->before->at_ns + pause_ns))
			break;
		code = look_around(view, only, &error);
		if (!code)
			draw(shell, view);
	}
	shell_raw_end(shell);
	return code ? shell_error(shell, "%s", error.text) : OK;
}

static int vtop(struct shell *shell, const struct shell_arguments *arguments)
{
	struct view view = { .all = shell_flag(arguments, "all") };
	u64 seconds = 1, views = 0;
	struct domain *only = NULL;
	int code;

	if (shell_number(shell, arguments, "interval", &seconds) < 0 || shell_number(shell, arguments, "count", &views) < 0)
		return ERR_INVALID;
	if (seconds < 1 || seconds > 3600)
		return shell_error(shell, "--interval: from 1 to 3600 seconds");
	if (shell_text(arguments, "domain") && !(only = shell_domain(shell, arguments)))
		return ERR_NOT_FOUND;
	view.now = kzalloc(sizeof(*view.now));
	view.before = kzalloc(sizeof(*view.before));
	view.vcpus = kmalloc(DOMAIN_VCPUS_MAX * sizeof(*view.vcpus));
	view.text = kmalloc(TEXT_BYTES);
	if (view.now && view.before && view.vcpus && view.text)
		code = watch(shell, &view, only, seconds * NS_PER_SECOND, views);
	else
		code = shell_error(shell, "out of memory");
	kfree(view.now);
	kfree(view.before);
	kfree(view.vcpus);
	kfree(view.text);
	if (only)
		domain_put(only);
	return code;
}

static const struct shell_option vtop_options[] = {
	{ .name = "domain", .help = "only this domain", .kind = SHELL_TEXT, .complete = shell_complete_active },
	{ .name = "interval", .help = "seconds between two looks (default 1)", .kind = SHELL_NUMBER, .only_by_name = true },
	{ .name = "count", .help = "ends after so many views", .kind = SHELL_NUMBER, .only_by_name = true },
	{ .name = "all", .help = "all rows, also where they are more than a terminal has", .kind = SHELL_FLAG },
	{ 0 },
};

const struct shell_command shell_commands_vtop[] = {
	{ .name = "vtop", .help = "live view of machines and vCPUs", .options = vtop_options, .function = vtop,
	  .description = "Each second what every machine and vCPU had of the CPUs, until q or Ctrl-C.", .group = SHELL_GROUP_MONITOR },
	{ 0 },
};
