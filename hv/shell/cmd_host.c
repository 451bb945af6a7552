/* SPDX-License-Identifier: MIT */
/* Commands about the host: what it is, how much it has, what its CPUs do, its clock, its power switch. */
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/host.h"
#include "hv/shell/commands.h"

#define NS_PER_SECOND 1000000000ull

static int version(struct shell *shell, const struct shell_arguments *arguments)
{
	(void)arguments;
	shell_print(shell, "Running hypervisor: Solera %s\n", host_version());
	shell_print(shell, "Build: %s\n", host_build());
	return OK;
}

static int nodeinfo(struct shell *shell, const struct shell_arguments *arguments)
{
	struct host_node node;

	(void)arguments;
	host_node(&node);
	shell_print(shell, "%-20s %s\n", "CPU model:", node.cpu_model);
	shell_print(shell, "%-20s %u\n", "CPU(s):", node.cpus);
	shell_print(shell, "%-20s %u MHz\n", "CPU frequency:", node.mhz);
	shell_print(shell, "%-20s %u\n", "CPU socket(s):", node.sockets);
	shell_print(shell, "%-20s %u\n", "Core(s) per socket:", node.cores_per_socket);
	shell_print(shell, "%-20s %u\n", "Thread(s) per core:", node.threads_per_core);
	shell_print(shell, "%-20s %u\n", "NUMA cell(s):", node.numa_cells);
	shell_print(shell, "%-20s %llu KiB\n", "Memory size:", (unsigned long long)node.memory_kib);
	return OK;
}

/* What is Solera's own, and last its sum; guests' RAM, their nested tables and the boot's modules stand apart. */
static int print_memory_uses(struct shell *shell)
{
	struct host_memory_use uses[HOST_MEMORY_USES_MAX];
	u32 count = host_memory_uses(uses);

	for (u32 i = 0; i < count; i++)
		shell_print(shell, "%-7s: %20llu KiB\n", uses[i].what, (unsigned long long)uses[i].kib);
	shell_print(shell, "%-7s: %20llu\n", "objects", (unsigned long long)host_live_objects());
	return OK;
}

static int nodememstats(struct shell *shell, const struct shell_arguments *arguments)
{
	struct host_memory memory;
	struct host_node node;
	u64 cell = 0;
	int given = shell_number(shell, arguments, "cell", &cell);

	if (given < 0)
		return given;
	host_node(&node);
	if (given && cell >= node.numa_cells) {
		shell_error(shell, "Unable to get number of memory stats");
		return shell_error(shell, "invalid argument: NUMA cell %llu: this host has %u",
				   (unsigned long long)cell, node.numa_cells);
	}
	if (shell_flag(arguments, "uses"))
		return print_memory_uses(shell);
	host_memory(&memory);
	shell_print(shell, "%-7s: %20llu KiB\n", "total", (unsigned long long)memory.total_kib);
	shell_print(shell, "%-7s: %20llu KiB\n", "free", (unsigned long long)memory.free_kib);
	shell_print(shell, "%-7s: %20llu KiB\n", "buffers", (unsigned long long)memory.buffers_kib);
	shell_print(shell, "%-7s: %20llu KiB\n", "cached", (unsigned long long)memory.cached_kib);
	return OK;
}

static void print_percent(struct shell *shell, const char *name, u64 part, u64 whole)
{
	u64 tenths = whole ? (part * 1000 + whole / 2) / whole : 0;

	shell_print(shell, "%-15s %3llu.%llu%%\n", name, (unsigned long long)(tenths / 10),
		    (unsigned long long)(tenths % 10));
}

static int print_cpu_percent(struct shell *shell, u32 cpu, const struct host_cpu_time *before)
{
	struct host_cpu_time now;
	u64 user, system, idle, iowait, total;

	if (shell_sleep(shell, NS_PER_SECOND))
		return ERR_INTERRUPTED;
	if (host_cpu_time(cpu, &now) != OK)
		return ERR_NOT_FOUND;
	user = now.user_ns - before->user_ns;
	system = now.system_ns - before->system_ns;
	idle = now.idle_ns - before->idle_ns;
	iowait = now.iowait_ns - before->iowait_ns;
	total = user + system + idle + iowait;
	print_percent(shell, "usage:", user + system, total);
	print_percent(shell, "user:", user, total);
	print_percent(shell, "system:", system, total);
	print_percent(shell, "idle:", idle, total);
	print_percent(shell, "iowait:", iowait, total);
	return OK;
}

static int nodecpustats(struct shell *shell, const struct shell_arguments *arguments)
{
	struct host_cpu_time time;
	u64 number = 0;
	int given = shell_number(shell, arguments, "cpu", &number);
	u32 cpu = given > 0 ? (u32)MIN(number, (u64)HOST_ALL_CPUS - 1) : HOST_ALL_CPUS;

	if (given < 0)
		return given;
	if (host_cpu_time(cpu, &time) != OK) {
		shell_error(shell, "Unable to get node cpu stats");
		return shell_error(shell, "invalid argument: Invalid cpuNum in nodeGetCPUStats: %llu",
				   (unsigned long long)number);
	}
	if (shell_flag(arguments, "percent"))
		return print_cpu_percent(shell, cpu, &time);
	shell_print(shell, "%-15s %20llu\n", "user:", (unsigned long long)time.user_ns);
	shell_print(shell, "%-15s %20llu\n", "system:", (unsigned long long)time.system_ns);
	shell_print(shell, "%-15s %20llu\n", "idle:", (unsigned long long)time.idle_ns);
	shell_print(shell, "%-15s %20llu\n", "iowait:", (unsigned long long)time.iowait_ns);
	return OK;
}

/* All CPUs of the host that run are numbered without holes; others are left out at start. */
static int nodecpumap(struct shell *shell, const struct shell_arguments *arguments)
{
	struct host_node node;

	host_node(&node);
	shell_print(shell, "%-15s %u\n%-15s %u\n%-15s ", "CPUs present:", node.cpus, "CPUs online:", node.cpus, "CPU map:");
	if (shell_flag(arguments, "pretty")) {
		shell_print(shell, node.cpus > 1 ? "0-%u\n\n" : "%u\n\n", node.cpus - 1);
		return OK;
	}
	for (u32 i = 0; i < node.cpus; i++)
		shell_write(shell, "y", 1);
	shell_print(shell, "\n\n");
	return OK;
}

/* Days since 1970-01-01 to a date of the Gregorian calendar, counted in years that begin in March. */
static void date_of_days(u64 days, unsigned *year, unsigned *month, unsigned *day)
{
	u64 shifted = days + 719468; /* from 0000-03-01 */
	u64 era = shifted / 146097, day_of_era = shifted % 146097;
	u64 year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	u64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	u64 from_march = (5 * day_of_year + 2) / 153;

	*day = (unsigned)(day_of_year - (153 * from_march + 2) / 5 + 1);
	*month = (unsigned)(from_march < 10 ? from_march + 3 : from_march - 9);
	*year = (unsigned)(year_of_era + era * 400 + (*month <= 2));
}

static int date(struct shell *shell, const struct shell_arguments *arguments)
{
	static const char days[][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	u64 seconds = host_wall_ns() / NS_PER_SECOND, second = seconds % 86400;
	unsigned year, month, day;

	(void)arguments;
	date_of_days(seconds / 86400, &year, &month, &day);
	shell_print(shell, "%s %s %2u %02u:%02u:%02u UTC %u\n", days[seconds / 86400 % 7], months[month - 1], day,
		    (unsigned)(second / 3600), (unsigned)(second / 60 % 60), (unsigned)(second % 60), year);
	return OK;
}

static int uptime(struct shell *shell, const struct shell_arguments *arguments)
{
	u64 seconds = host_uptime_ns() / NS_PER_SECOND;
	unsigned hours = (unsigned)(seconds / 3600 % 24), minutes = (unsigned)(seconds / 60 % 60);

	(void)arguments;
	shell_print(shell, "up ");
	if (seconds >= 86400)
		shell_print(shell, "%llu day%s, ", (unsigned long long)(seconds / 86400),
			    seconds >= 2 * 86400 ? "s" : "");
	shell_print(shell, "%02u:%02u:%02u\n", hours, minutes, (unsigned)(seconds % 60));
	return OK;
}

static const struct shell_option nodememstats_options[] = {
	{ .name = "cell", .kind = SHELL_NUMBER, .help = "prints specified cell statistics only." },
	{ .name = "uses", .kind = SHELL_FLAG, .help = "prints what memory is used for; solera is the sum of Solera's own." },
	{ 0 },
};
static const struct shell_option nodecpustats_options[] = {
	{ .name = "cpu", .kind = SHELL_NUMBER, .help = "prints specified cpu statistics only." },
	{ .name = "percent", .kind = SHELL_FLAG, .help = "prints by percentage during 1 second." },
	{ 0 },
};

static const struct shell_option nodecpumap_options[] = {
	{ .name = "pretty", .kind = SHELL_FLAG, .help = "return human readable output" },
	{ 0 },
};

const struct shell_command shell_commands_host[] = {
	{ .name = "date", .group = SHELL_GROUP_HOST, .function = date, .help = "show the host's date and time (UTC)" },
	{ .name = "nodecpumap", .group = SHELL_GROUP_HOST, .function = nodecpumap, .options = nodecpumap_options,
	  .help = "node cpu map", .description = "Displays the node's total number of CPUs, the number of online CPUs and the list of online CPUs." },
	{ .name = "nodecpustats", .group = SHELL_GROUP_HOST, .function = nodecpustats, .options = nodecpustats_options,
	  .help = "Prints cpu stats of the node.", .description = "Returns cpu stats of the node, in nanoseconds." },
	{ .name = "nodeinfo", .group = SHELL_GROUP_HOST, .function = nodeinfo, .help = "node information",
	  .description = "Returns basic information about the node." },
	{ .name = "nodememstats", .group = SHELL_GROUP_HOST, .function = nodememstats, .options = nodememstats_options,
	  .help = "Prints memory stats of the node.", .description = "Returns memory stats of the node, in kilobytes." },
	{ .name = "uptime", .group = SHELL_GROUP_HOST, .function = uptime, .help = "show how long the host has been running" },
	{ .name = "version", .group = SHELL_GROUP_HOST, .function = version, .help = "show version" },
	{ 0 },
};
