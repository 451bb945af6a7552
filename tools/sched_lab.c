/* SPDX-License-Identifier: MIT */
/*
 * The scheduling laboratory: Solera's own policy on virtual CPUs. Reads a workload, runs it in the simulator, prints what each
 * got beside its ideal share, and draws who ran when. tools/sched-lab builds and starts it; docs/course/4-scheduling.md uses it.
 *
 *   cpus 2
 *   seconds 1
 *   machine web shares 2048 quota 50000 period 100000     (quota and period in microseconds: the whole machine's cap)
 *     vcpu spin
 *     vcpu burst 2ms sleep 8ms random cpus 0-1
 *   host shell burst 100us sleep 20ms
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hv/manage/cpu_list.h"
#include "hv/lib/error.h"
#include "hv/test/sched_sim.h"

#define PIECES_MAX 200000
#define WIDTH 1200
#define ROW 26

struct piece {
	u32 cpu, actor;
	u64 from, to;
};

static struct {
	struct sim *sim;
	struct sim_group *group;
	u64 duration, shown_from, shown_to;
	struct piece *pieces;
	u32 piece_count;
	unsigned line;
} lab = { .duration = SIM_SECOND };

static void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "sched-lab: ");
	if (lab.line)
		fprintf(stderr, "line %u: ", lab.line);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(1);
}

static u64 number(const char *word)
{
	char *end;
	unsigned long long value = word ? strtoull(word, &end, 10) : 0;

	if (!word || end == word || *end)
		fail("'%s' is not a number", word ? word : "");
	return value;
}

static u64 duration(const char *word)
{
	char *end;
	double value = word ? strtod(word, &end) : 0;

	if (!word || end == word || value < 0)
		fail("'%s' is not a duration such as 100us, 2ms, 1s", word ? word : "");
	if (!strcmp(end, "us"))
		return (u64)(value * 1e3);
	if (!strcmp(end, "ms"))
		return (u64)(value * 1e6);
	if (!strcmp(end, "s"))
		return (u64)(value * 1e9);
	fail("'%s' has no unit: us, ms or s", word);
}

static void need_cpus(void)
{
	if (!lab.sim)
		fail("a workload begins with 'cpus N'");
}

/* The words after a vcpu's or a host task's own. */
static void read_task(const char *name, struct sim_group *group, char **save)
{
	struct sim_actor *actor;
	const char *word;
	u64 period = 100000, quota = 0;

	need_cpus();
	actor = sim_add_actor(lab.sim, name, group, 0, 0);
	while ((word = strtok_r(NULL, " \t\n", save))) {
		if (!strcmp(word, "spin"))
			actor->burst = 0;
		else if (!strcmp(word, "burst"))
			actor->burst = duration(strtok_r(NULL, " \t\n", save));
		else if (!strcmp(word, "sleep"))
			actor->sleep = duration(strtok_r(NULL, " \t\n", save));
		else if (!strcmp(word, "random"))
			actor->random = true;
		else if (!strcmp(word, "period"))
			period = number(strtok_r(NULL, " \t\n", save));
		else if (!strcmp(word, "quota"))
			quota = number(strtok_r(NULL, " \t\n", save));
		else if (!strcmp(word, "cpus")) {
			const char *list = strtok_r(NULL, " \t\n", save);

			if (!list || cpu_list_parse(&actor->task.allowed, list))
				fail("'%s' is not a list of CPUs such as 0-3,^2", list ? list : "");
			if (cpu_mask_next(&actor->task.allowed, 0) >= lab.sim->cpu_count)
				fail("none of CPUs %s is there: there are 0 to %u", list, lab.sim->cpu_count - 1);
		} else {
			fail("'%s' is not known; a task has: spin, burst, sleep, random, cpus, quota, period", word);
		}
	}
	if (actor->burst && !actor->sleep)
		fail("a burst needs a sleep after it");
	sched_cap_set(&actor->task.own, period * 1000, quota * 1000);
}

static void read_machine(char **save)
{
	const char *name = strtok_r(NULL, " \t\n", save), *word;
	u64 shares = 1024, period = 100000, quota = 0;

	need_cpus();
	if (!name)
		fail("a machine has a name");
	while ((word = strtok_r(NULL, " \t\n", save))) {
		u64 value = number(strtok_r(NULL, " \t\n", save));

		if (!strcmp(word, "shares"))
			shares = value;
		else if (!strcmp(word, "period"))
			period = value;
		else if (!strcmp(word, "quota"))
			quota = value;
		else
			fail("'%s' is not known; a machine has: shares, period, quota", word);
	}
	if (shares < SCHED_WEIGHT_MIN || shares > SCHED_WEIGHT_MAX)
		fail("shares are %u to %u", SCHED_WEIGHT_MIN, SCHED_WEIGHT_MAX);
	lab.group = sim_add_group(lab.sim, name, (u32)shares);
	sched_cap_set(&lab.group->group.whole, period * 1000, quota * 1000);
}

static void read_line(char *text)
{
	char *save, *word = strtok_r(text, " \t\n", &save), name[32];

	if (!word || *word == '#')
		return;
	if (!strcmp(word, "cpus")) {
		u64 count = number(strtok_r(NULL, " \t\n", &save));

		if (lab.sim || count < 1 || count > SIM_CPUS_MAX)
			fail("'cpus N' stands once and first, N is 1 to %d", SIM_CPUS_MAX);
		lab.sim = sim_new((u32)count, 1);
	} else if (!strcmp(word, "seconds")) {
		lab.duration = number(strtok_r(NULL, " \t\n", &save)) * SIM_SECOND;
	} else if (!strcmp(word, "machine")) {
		read_machine(&save);
	} else if (!strcmp(word, "vcpu")) {
		if (!lab.group)
			fail("a vcpu belongs to the machine above it, and there is none");
		snprintf(name, sizeof(name), "%.20s/%u", lab.group->name, lab.sim->actor_count);
		read_task(name, lab.group, &save);
	} else if (!strcmp(word, "host")) {
		word = strtok_r(NULL, " \t\n", &save);
		read_task(word ? word : "host", NULL, &save);
	} else {
		fail("'%s' is not known: cpus, seconds, machine, vcpu, host", word);
	}
}

static void note(void *context, u32 cpu, const struct sim_actor *actor, u64 from, u64 to)
{
	struct piece *last = lab.piece_count ? &lab.pieces[lab.piece_count - 1] : NULL;
	u32 index = (u32)(actor - lab.sim->actors);

	(void)context;
	if (to <= lab.shown_from || from >= lab.shown_to)
		return;
	if (last && last->cpu == cpu && last->actor == index && last->to == from) {
		last->to = to;
		return;
	}
	if (lab.piece_count < PIECES_MAX)
		lab.pieces[lab.piece_count++] = (struct piece){ cpu, index, from, to };
}

static void print_results(void)
{
	const struct sim *sim = lab.sim;

	printf("%-24s %10s %10s %10s %12s %9s %6s\n", "task", "got", "ideal", "off", "max latency", "switches", "moves");
	for (u32 i = 0; i < sim->actor_count; i++) {
		const struct sim_actor *actor = &sim->actors[i];
		double got = 100.0 * (double)actor->got / (double)lab.duration, ideal = 100.0 * actor->ideal / (double)lab.duration;

		printf("%-24s %8.2f %% %8.2f %% %+8.2f %% %9.2f ms %9lu %6lu\n", actor->name, got, ideal, got - ideal,
		       (double)actor->most_latency / 1e6, actor->switches, actor->moves);
	}
	for (u32 c = 0; c < sim->cpu_count; c++)
		printf("CPU %u was idle for %.1f %% of the time\n", c, 100.0 * (double)sim->idle[c] / (double)lab.duration);
	printf("%lu decisions. The ideal holds for tasks that never sleep; sleepers leave it early.\n", sim->picks);
}

static void write_svg(const char *path)
{
	FILE *file = fopen(path, "w");
	const struct sim *sim = lab.sim;
	double scale = (double)WIDTH / (double)(lab.shown_to - lab.shown_from);
	unsigned height = sim->cpu_count * ROW + 40 + sim->actor_count * 16;

	if (!file)
		fail("%s cannot be written", path);
	fprintf(file, "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%u' font-family='sans-serif' font-size='11'>\n", WIDTH + 80,
		height);
	fprintf(file, "<title>%.1f ms to %.1f ms</title>\n", (double)lab.shown_from / 1e6, (double)lab.shown_to / 1e6);
	for (u32 c = 0; c < sim->cpu_count; c++)
		fprintf(file, "<text x='4' y='%u'>CPU %u</text><rect x='60' y='%u' width='%d' height='20' fill='#eee'/>\n", c * ROW + 20, c,
			c * ROW + 6, WIDTH);
	for (u32 i = 0; i < lab.piece_count; i++) {
		const struct piece *piece = &lab.pieces[i];
		u64 from = MAX(piece->from, lab.shown_from), to = MIN(piece->to, lab.shown_to);

		fprintf(file, "<rect x='%.2f' y='%u' width='%.2f' height='20' fill='hsl(%u,65%%,60%%)'><title>%s %.2f-%.2f ms</title></rect>\n",
			60 + (double)(from - lab.shown_from) * scale, piece->cpu * ROW + 6, (double)(to - from) * scale,
			piece->actor * 137 % 360, sim->actors[piece->actor].name, (double)from / 1e6, (double)to / 1e6);
	}
	for (u32 i = 0; i < sim->actor_count; i++)
		fprintf(file, "<rect x='60' y='%u' width='10' height='10' fill='hsl(%u,65%%,60%%)'/><text x='76' y='%u'>%s</text>\n",
			sim->cpu_count * ROW + 20 + i * 16, i * 137 % 360, sim->cpu_count * ROW + 29 + i * 16, sim->actors[i].name);
	fprintf(file, "</svg>\n");
	fclose(file);
}

static void read_workload(const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "r") : stdin;
	char text[512];

	if (!file)
		fail("%s cannot be read", path);
	while (fgets(text, sizeof(text), file)) {
		lab.line++;
		read_line(text);
	}
	lab.line = 0;
	if (!lab.sim || !lab.sim->actor_count)
		fail("%s has no tasks", path);
}

int main(int argc, char **argv)
{
	const char *svg = NULL, *workload = NULL;
	u64 from = 0, length = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--svg") && i + 1 < argc)
			svg = argv[++i];
		else if (!strcmp(argv[i], "--from") && i + 1 < argc)
			from = duration(argv[++i]);
		else if (!strcmp(argv[i], "--length") && i + 1 < argc)
			length = duration(argv[++i]);
		else if (argv[i][0] != '-' || !argv[i][1])
			workload = argv[i];
		else
			workload = NULL, i = argc;
	}
	if (!workload) {
		fprintf(stderr, "usage: sched-lab [--svg FILE [--from TIME] [--length TIME]] WORKLOAD\n");
		return 2;
	}
	read_workload(workload);
	lab.pieces = malloc(PIECES_MAX * sizeof(*lab.pieces));
	lab.shown_from = from;
	lab.shown_to = from + (length ? length : 200 * 1000000ull);
	lab.sim->with_ideal = true;
	lab.sim->rates_old = true;
	if (svg)
		lab.sim->ran = note;
	sim_run(lab.sim, lab.duration);
	print_results();
	if (svg)
		write_svg(svg);
	free(lab.pieces);
	sim_free(lab.sim);
	return 0;
}
