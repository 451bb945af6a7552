/* SPDX-License-Identifier: MIT */
/* LINK: hv/manage/test/fake_qcow2.c hv/block/file_disk.c hv/block/file_disk_submit.c hv/block/file_system.c hv/block/extent_map.c hv/block/fat_geometry.c hv/block/fat_name.c hv/block/fat_table.c hv/block/fat_volume.c hv/block/fat_directory.c hv/block/fat_entry.c hv/block/fat_path.c hv/block/fat_check.c hv/block/fat_file.c hv/block/fat_data.c hv/block/fat_resize.c hv/rtc_time.c hv/manage/store.c hv/manage/domain_store.c */
/* LINK: hv/manage/pool.c hv/manage/pool_xml.c hv/manage/volume.c hv/manage/volume_copy.c hv/block/qcow2_create.c hv/block/qcow2_header.c hv/shell/cmd_pool.c hv/shell/cmd_volume.c hv/shell/storage_argument.c hv/block/partition.c hv/block/partition_table.c hv/block/partition_gpt.c hv/block/partition_mbr.c hv/lib/crc32.c */
/* LINK: hv/cpu_topology.c hv/manage/domain_config.c hv/manage/error.c hv/manage/text.c hv/manage/xml_tree.c hv/manage/xml_node.c hv/manage/xml_schema.c hv/manage/xml_entropy.c hv/manage/domain_xml_parse.c hv/manage/domain_xml_tune.c hv/manage/domain_tune_value.c hv/manage/cpu_list.c hv/manage/domain_tune.c hv/shell/cmd_domain_tune.c hv/manage/domain_xml_platform.c hv/manage/domain_xml_devices.c hv/manage/domain_xml_char.c hv/manage/domain_xml_address.c hv/manage/domain_xml_disk.c hv/manage/domain_iotune_rules.c hv/manage/domain_xml_rng.c hv/manage/domain_xml_nic.c hv/manage/address.c hv/manage/domain_nics.c hv/manage/test/fake_network.c hv/net_port.c hv/manage/domain_xml_format.c hv/kstrdup.c hv/test/random_hosted.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c hv/manage/domain.c hv/manage/domain_define.c hv/manage/domain_life.c hv/manage/domain_disks.c hv/block/image_file.c hv/block/sync.c hv/block/transfer.c hv/block/registry.c hv/block/request.c hv/block/ramdisk.c hv/manage/domain_policy.c hv/manage/domain_hotplug.c hv/manage/domain_memory.c hv/manage/domain_events.c hv/manage/console.c hv/modules.c hv/manage/test/fake_vm.c hv/test/thread_hosted.c hv/test/clock_hosted.c hv/shell/shell.c hv/shell/line_editor.c hv/shell/line_keys.c hv/shell/history.c hv/shell/split.c hv/shell/arguments.c hv/shell/complete.c hv/shell/table.c hv/shell/help.c hv/lib/utf8.c hv/shell/domain_argument.c hv/shell/cmd_domain_list.c hv/shell/cmd_domain_info.c hv/shell/cmd_domain_disks.c hv/shell/cmd_domain_iotune.c hv/manage/domain_iotune.c hv/shell/cmd_domain_stats.c hv/shell/cmd_domain_cpu.c hv/shell/cmd_vtop.c hv/shell/cmd_domain_life.c hv/shell/cmd_domain_define.c hv/shell/cmd_domain_edit.c hv/shell/edit_screen.c hv/shell/text_editor.c hv/shell/text_buffer.c hv/shell/text_keys.c hv/shell/cmd_domain_console.c hv/shell/cmd_capabilities.c hv/manage/capabilities.c hv/manage/domain_stats.c */
/* CFLAGS: -Ibuild/deps/expat/expat/lib */
/* LIBS: build/expat/unit/libexpat.a */
/* FORK: modules and domains stay */
/*
 * The domain verbs, hosted, over the management core and a fake machine. The text that virsh has too is compared with
 * virsh itself by tools/test/virsh-oracle.sh, which runs this program with SOLERA_SHELL_COMMANDS=FILE.
 */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/manage/domain_internal.h"
#include "hv/manage/host.h"
#include "hv/manage/test/fake_vm.h"
#include "hv/modules.h"
#include "hv/shell/commands.h"
#include "hv/shell/shell.h"

const struct shell_command *const shell_command_tables[] = {
	shell_commands_domain_life, shell_commands_domain_define, shell_commands_domain_edit, shell_commands_domain_console, shell_commands_domain_info,
	shell_commands_domain_list, shell_commands_domain_stats, shell_commands_domain_cpu, shell_commands_vtop,
	shell_commands_capabilities, shell_commands_pool, shell_commands_volume, NULL,
};

const struct shell_command *shell_command_find(const char *name)
{
	for (const struct shell_command *const *table = shell_command_tables; *table; table++) {
		for (const struct shell_command *command = *table; command->name; command++) {
			if (strcmp(command->name, name) == 0)
				return command;
		}
	}
	return NULL;
}

void host_node(struct host_node *node)
{
	*node = (struct host_node){ .cpus = 8, .memory_kib = 2097152 };
}

/* A tenth of a second more each time that it is asked, so that nobody waits for one. */
u64 host_uptime_ns(void)
{
	static u64 now;

	return now += 100000000;
}

int host_cpu_time(u32 cpu, struct host_cpu_time *time)
{
	static u64 user;

	(void)cpu;
	user += 500000000;
	*time = (struct host_cpu_time){ .user_ns = user, .system_ns = user / 2, .idle_ns = user / 2 };
	return OK;
}

static struct shell shell;
static char output[1 << 18];
static size_t used;
static const char *keys = "";

static void put(void *context, const char *bytes, size_t count)
{
	(void)context;
	ck_assert_uint_lt(used + count, sizeof(output));
	memcpy(output + used, bytes, count);
	used += count;
	output[used] = '\0';
}

#define PAUSE "\xfe" /* among keys: nothing more is typed for a moment, so that the screen is drawn */

static size_t read_keys(void *context, char *bytes, size_t max, u64 timeout_ns)
{
	size_t count = MIN(strlen(keys), max);

	(void)context;
	if (*keys == PAUSE[0]) {
		keys++;
		return 0;
	}
	if (!count && timeout_ns == SHELL_FOREVER)
		usleep(1000);
	memcpy(bytes, keys, count);
	keys += count;
	return count;
}

static bool wait_interrupt(void *context, u64 timeout_ns)
{
	(void)context;
	usleep((useconds_t)(timeout_ns / 1000));
	return false;
}

static void set_row(void *context, const struct line_row *row)
{
	(void)context, (void)row;
}

static void nothing(void *context)
{
	(void)context;
}

static void hold_log(void *context, bool hold)
{
	(void)context, (void)hold;
}

static unsigned columns(void *context)
{
	(void)context;
	return 80;
}

static const struct shell_terminal terminal = {
	.write = put, .write_raw = put, .read = read_keys, .wait_interrupt = wait_interrupt, .set_row = set_row,
	.clear = nothing, .hold_log = hold_log, .wake = nothing, .columns = columns,
};

/* Until the policy thread has carried out what the last command led to. */
static void settle(void)
{
	for (int i = 0; i < 2000; i++) {
		struct domain **all;
		bool busy = false;
		size_t count;

		ck_assert_int_eq(domains_all(&all, &count, NULL), OK);
		for (size_t d = 0; d < count; d++) {
			mutex_lock(&all[d]->operation);
			busy = busy || __atomic_load_n(&all[d]->pending_events, __ATOMIC_ACQUIRE);
			mutex_unlock(&all[d]->operation);
		}
		domains_free(all, count);
		if (!busy)
			return;
		usleep(1000);
	}
}

static const char *run(const char *line)
{
	used = 0;
	output[0] = '\0';
	(void)shell_execute(&shell, line);
	settle();
	return output;
}

#define A_XML "<domain type='kvm'><name>a</name><uuid>11111111-1111-4111-8111-111111111111</uuid><title>A machine</title>" 	"<memory>65536</memory><os><type>hvm</type><kernel>/solera/vmlinuz</kernel></os><features><acpi/></features>"       	"<devices><serial type='pty'/></devices></domain>"

static void setup(void)
{
	shell_init(&shell, &terminal, NULL);
	keys = "";
	fake_shuts_down_at_once = true;
	domains_init();
	ck_assert_int_eq(module_add("vmlinuz", "kernel", 6), OK);
	ck_assert_int_eq(module_add("a.xml", A_XML, strlen(A_XML)), OK);
}

START_TEST(a_life)
{
	ck_assert_str_eq(run("define a.xml"), "Domain 'a' defined from a.xml\n\n");
	ck_assert_str_eq(run("define \\\\solera\\\\a.xml"), "Domain 'a' defined from \\solera\\a.xml\n\n");
	ck_assert_str_eq(run("start a --paused"), "Domain 'a' started\n\n");
	ck_assert_str_eq(run("domstate a --reason"), "paused (starting up)\n\n");
	ck_assert_str_eq(run("resume 1"), "Domain '1' resumed\n\n");
	ck_assert_str_eq(run("list --title"), " Id   Name   State     Title\n----------------------------------\n"
			 " 1    a      running   A machine\n\n");
	fake_guest_event("a", VM_EVENT_CRASHED, "it jumped into nothing");
	settle();
	ck_assert_str_eq(run("domstate a --reason"), "crashed (panicked: it jumped into nothing)\n\n");
	ck_assert_ptr_nonnull(strstr(run("dominfo a"), "State:          crashed\nCrash reason:   it jumped into nothing\n"));
	ck_assert_str_eq(run("list --all --state-other --name"), "a\n\n");
	ck_assert_str_eq(run("undefine a"), "Domain 'a' has been undefined\nIt will be there again at the next boot: the "
			 "boot medium has its file.\n\n");
}
END_TEST

START_TEST(console_shows_and_types)
{
	run("define a.xml");
	run("start a");
	fake_guest_prints("a", "login: ");
	keys = "root\x1d";
	ck_assert_str_eq(run("console a"), "Connected to domain 'a'\nEscape character is ^] (Ctrl + ])\nlogin: \n\n");
	ck_assert_str_eq(fake_guest_input("a"), "root");
	keys = "0123456789abcdefghijklmnopqrstuvwxyz";
	fake_guest_prints("a", "more");
	keys = "0123456789abcdefghijklmnopqrstuvwxyz\x1d";
	run("console a");
	ck_assert_int_eq(strncmp(fake_guest_input("a"), "root0123456789abcdef", 20), 0);
	ck_assert_str_eq(run("console a --devname serial1"),
			 "error: invalid argument: cannot find console device 'serial1'\n\n");
	run("destroy a");
	ck_assert_str_eq(run("console a"), "error: The domain is not running\n\n");
}
END_TEST

START_TEST(statistics)
{
	struct vm *vm;

	run("define a.xml");
	run("start a");
	vm = fake_vm("a");
	vm->vcpus[0]->exits[EXIT_CPUID] = 7;
	fake_vcpu_time = (struct vcpu_cpu_time){ .total_ns = 2500000000, .guest_ns = 2400000000 };
	vm->vcpus[0]->mode = VCPU_HALTED;
	ck_assert_str_eq(run("domstats a"), "Domain: 'a'\n  state.state=1\n  state.reason=1\n  cpu.time=2400000000\n"
		"  cpu.user=2400000000\n  cpu.system=0\n  balloon.current=65536\n  balloon.maximum=65536\n  balloon.rss=4096\n  vcpu.current=1\n  vcpu.maximum=1\n  vcpu.0.state=2\n"
		"  vcpu.0.time=2500000000\n  vcpu.0.wait=5\n  vcpu.0.halted=yes\n  vcpu.0.exits.sum=7\n  net.count=0\n  block.count=0\n"
		"  vm.cpuid_exits.sum=7\n  vm.nested_tables.cur=12288\n  vm.zeroing.bytes.sum=2097152\n  vm.zeroing.time.sum=262144\n\n");
	ck_assert_str_eq(run("domstats --list-inactive"), "\n");
	ck_assert_str_eq(run("vcpuinfo a"), "VCPU:           0\nCPU:            0\nState:          blocked\n"
			 "CPU time:       2.5s\nCPU Affinity:   yyyyyyyy\n\n");
	ck_assert_str_eq(run("event --event lifecycle --timeout 1"), "event loop timed out\nevents received: 0\n\n");
}
END_TEST

/* Shown where the machine is and where its helpers were; virsh-oracle.sh compares the words with virsh's. */
START_TEST(cpu_time_by_cpu)
{
	run("define a.xml");
	run("start a");
	fake_vcpu_time = (struct vcpu_cpu_time){ .total_ns = 2500000000, .guest_ns = 2400000000 };
	ck_assert_str_eq(run("cpu-stats a --count 2"), "CPU0:\n\tcpu_time             2.500000000 seconds\n"
		"\tvcpu_time            2.500000000 seconds\nCPU1:\n\tcpu_time             0.500000000 seconds\n"
		"\tvcpu_time            0.000000000 seconds\n\n");
	ck_assert_str_eq(run("cpu-stats a --total"), "Total:\n\tcpu_time             3.000000000 seconds\n"
		"\tuser_time            2.400000000 seconds\n\tsystem_time          0.600000000 seconds\n\n");
	ck_assert_ptr_nonnull(strstr(run("cpu-stats a"), "CPU7:\n"));
	ck_assert_ptr_nonnull(strstr(output, "Total:\n"));
	ck_assert_str_eq(run("cpu-stats a --start 8"), "error: Start CPU 8 is out of range (min: 0, max: 7)\n\n");
	ck_assert_str_eq(run("cpu-stats a --start 18446744073709551615"),
			 "error: Start CPU 18446744073709551615 is out of range (min: 0, max: 7)\n\n");
}
END_TEST

START_TEST(live_view)
{
	run("define a.xml");
	run("start a");
	fake_vcpu_time = (struct vcpu_cpu_time){ .total_ns = 2500000000, .guest_ns = 2400000000 };
	keys = "xq";
	run("vtop");
	ck_assert_ptr_null(strstr(output, "machines;")); /* left before the first view */
	keys = "";
	run("vtop --count 1");
	ck_assert_ptr_nonnull(strstr(output, "1 machines; of all CPUs 50.0 % in guests, 25.0 % in Solera, 25.0 % idle; "));
	ck_assert_ptr_nonnull(strstr(output, " 1    a                      -  running       -     0.0     0.0     0.0          0\x1b[K\r\n"));
	ck_assert_ptr_nonnull(strstr(output, "                             0  running       0     0.0     0.0     0.0          0\x1b[K\r\n"));
	ck_assert_str_eq(run("vtop nosuch"), "error: failed to get domain 'nosuch'\n\n");
	ck_assert_str_eq(run("vtop --interval 0"), "error: --interval: from 1 to 3600 seconds\n\n");
	keys = "\x03";
	ck_assert_ptr_null(strstr(run("vtop a"), "machines;"));
}
END_TEST

START_TEST(dates)
{
	struct vm *vm;

	run("define a.xml");
	run("start a");
	vm = fake_vm("a");
	/* 2024-02-29 23:59:59 UTC, whatever the build machine's clock says. */
	vm->config.wall_clock_offset_ns = 1709251199ull * 1000000000u + 500000000u - clock_wall_ns();
	ck_assert_str_eq(run("domtime a --pretty"), "Time: 2024-02-29 23:59:59\n\n");
	ck_assert_str_eq(run("domtime a"), "Time: 1709251199\n\n");
}
END_TEST

START_TEST(pasted)
{
	keys = A_XML "\r";
	ck_assert_ptr_nonnull(strstr(run("define"), "Domain 'a' defined from pasted text\nIt lives until power-off"));
	keys = "<domain type='kvm'>\r<graphics/></domain>\r";
	ck_assert_ptr_nonnull(strstr(run("define"),
		"error: Failed to define domain from pasted text\n"
		"error: pasted text:2: <graphics>: not supported by this version of Solera\n"));
}
END_TEST

#define CUT_ALL "\x1b[1;5H" TWENTY_CUTS TWENTY_CUTS TWENTY_CUTS
#define TWENTY_CUTS "\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15"

START_TEST(edited_on_the_screen)
{
	keys = A_XML "\r";
	run("define");
	keys = PAUSE "\x18"; /* Ctrl-X at once */
	ck_assert_ptr_nonnull(strstr(run("edit a"), "Domain 'a' XML configuration not changed.\n"));
	ck_assert_ptr_nonnull(strstr(output, "\x1b[2;1H<domain type='"));
	ck_assert_ptr_nonnull(strstr(output, "a.xml: line 1 of "));
	keys = "\x1b[B\x0b\x13\x18n"; /* Down, Ctrl-K: no name; Ctrl-S is refused; Ctrl-X, n */
	ck_assert_ptr_nonnull(strstr(run("edit a"), "Domain 'a' XML configuration not changed.\n"));
	keys = CUT_ALL "<domain type='kvm'>\r  <nome/>\r</domain>\x13" PAUSE "\x18n";
	run("edit a");
	ck_assert_ptr_nonnull(strstr(output, "Failed, try again: a.xml:2: <nome>: not supported by this version of Solera"));
	ck_assert_ptr_nonnull(strstr(output, "a.xml (changed): line 2 of 3, column 1"));
	ck_assert_ptr_nonnull(strstr(output, "Domain 'a' XML configuration not changed.\n"));
	keys = CUT_ALL "<domain type='kvm'><name>a</name><uuid>11111111-1111-4111-8111-111111111111</uuid>"
	       "<memory>131072</memory><os>\r<type>hvm</type><kernel>/solera/vmlinuz</kernel></os></domain>\x18y";
	run("edit a");
	ck_assert_ptr_nonnull(strstr(output, "Domain 'a' XML configuration edited.\nIt lives until power-off"));
	ck_assert_ptr_nonnull(strstr(run("dominfo a"), "Max memory:     131072 KiB\n"));
	ck_assert_ptr_nonnull(strstr(run("edit b"), "error: failed to get domain 'b'"));
}
END_TEST

/* Every file of the folder becomes a file of the boot medium. */
static void add_files(const char *list)
{
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", list);
	for (char *path = strtok(copy, " "); path; path = strtok(NULL, " ")) {
		char *bytes = malloc(1 << 20);
		FILE *file = fopen(path, "r");

		ck_assert_ptr_nonnull(file);
		ck_assert_int_eq(module_add(strrchr(path, '/') + 1, bytes, fread(bytes, 1, 1 << 20, file)), OK);
		fclose(file);
	}
}

START_TEST(commands_from_a_file)
{
	const char *commands = getenv("SOLERA_SHELL_COMMANDS"), *to = getenv("SOLERA_SHELL_OUTPUT");
	char line[4096];
	FILE *in, *out;

	if (!commands)
		return;
	add_files(getenv("SOLERA_SHELL_FILES"));
	in = fopen(commands, "r");
	out = fopen(to, "w");
	ck_assert(in && out);
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		fprintf(out, "# %s\n%s", line, run(line));
	}
	fclose(in);
	fclose(out);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("domain_commands");
	TCase *tcase = tcase_create("domain_commands");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, setup, NULL);
	if (getenv("SOLERA_SHELL_COMMANDS")) {
		tcase_add_test(tcase, commands_from_a_file);
	} else {
		tcase_add_test(tcase, a_life);
		tcase_add_test(tcase, console_shows_and_types);
		tcase_add_test(tcase, statistics);
		tcase_add_test(tcase, cpu_time_by_cpu);
		tcase_add_test(tcase, live_view);
		tcase_add_test(tcase, dates);
		tcase_add_test(tcase, pasted);
		tcase_add_test(tcase, edited_on_the_screen);
	}
	suite_add_tcase(suite, tcase);
	return suite;
}
