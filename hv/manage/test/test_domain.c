/* SPDX-License-Identifier: MIT */
/* LINK: hv/manage/test/fake_qcow2.c hv/manage/test/fake_volume.c hv/block/file_disk.c hv/block/file_disk_submit.c hv/block/file_system.c hv/block/extent_map.c hv/block/fat_geometry.c hv/block/fat_name.c hv/block/fat_table.c hv/block/fat_volume.c hv/block/fat_directory.c hv/block/fat_entry.c hv/block/fat_path.c hv/block/fat_check.c hv/block/fat_file.c hv/block/fat_data.c hv/block/fat_resize.c hv/rtc_time.c hv/lib/utf8.c hv/manage/store.c hv/manage/domain_store.c */
/* LINK: hv/cpu_topology.c hv/manage/domain_config.c hv/manage/error.c hv/manage/text.c hv/manage/xml_tree.c hv/manage/xml_node.c hv/manage/xml_schema.c hv/manage/xml_entropy.c hv/manage/domain_xml_parse.c hv/manage/domain_xml_tune.c hv/manage/domain_tune_value.c hv/manage/cpu_list.c hv/manage/domain_tune.c hv/manage/domain_xml_platform.c hv/manage/domain_xml_devices.c hv/manage/domain_xml_char.c hv/manage/domain_xml_address.c hv/manage/domain_xml_disk.c hv/manage/domain_iotune_rules.c hv/manage/domain_xml_rng.c hv/manage/domain_xml_nic.c hv/manage/address.c hv/manage/domain_nics.c hv/manage/test/fake_network.c hv/net_port.c hv/manage/domain_xml_format.c hv/kstrdup.c hv/test/random_hosted.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c hv/manage/domain.c hv/manage/domain_define.c hv/manage/domain_life.c hv/manage/domain_disks.c hv/block/image_file.c hv/block/sync.c hv/block/transfer.c hv/block/registry.c hv/block/request.c hv/block/ramdisk.c hv/manage/domain_policy.c hv/manage/domain_hotplug.c hv/manage/domain_memory.c hv/manage/domain_events.c hv/manage/console.c hv/modules.c hv/manage/test/fake_vm.c hv/test/thread_hosted.c hv/test/clock_hosted.c */
/* CFLAGS: -Ibuild/deps/expat/expat/lib */
/* LIBS: build/expat/unit/libexpat.a */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/manage/console.h"
#include "hv/manage/domain_internal.h"
#include "hv/manage/domain_disks.h"
#include "hv/manage/domain_hotplug.h"
#include "hv/manage/domain_memory.h"
#include "hv/manage/domain_tune.h"
#include "hv/manage/test/fake_vm.h"
#include "hv/modules.h"

static struct manage_error error;

static const char *xml(const char *name, const char *more)
{
	static char text[2048];

	snprintf(text, sizeof(text), "<domain type='kvm'><name>%s</name><memory unit='MiB'>64</memory><os><type>hvm</type>"
		 "<kernel>/solera/vmlinuz</kernel></os><features><acpi/></features><devices><serial type='pty'/></devices>%s"
		 "</domain>", name, more);
	return text;
}

static void setup(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	domains_init();
	ck_assert_int_eq(module_add("VMLINUZ", "kernel", 6), OK);
	ck_assert_int_eq(module_add("bad", "", 0), OK);
}

static struct domain *define(const char *name, const char *more)
{
	const char *text = xml(name, more);
	struct domain *domain = NULL;

	ck_assert_msg(domain_define("t.xml", text, strlen(text), &domain, &error) == OK, "%s", error.text);
	return domain;
}

static struct domain_info info_of(struct domain *domain)
{
	struct domain_info info;

	domain_get_info(domain, &info);
	return info;
}

static void wait_state(struct domain *domain, enum domain_state state)
{
	for (int i = 0; i < 2000 && info_of(domain).state != state; i++)
		usleep(1000);
	ck_assert_int_eq(info_of(domain).state, state);
}

/* The reason, or the id, tells of a restart where the state alone does not. */
static void wait_event(u64 *sequence, enum domain_event_kind kind)
{
	struct domain_event event;

	for (int i = 0; i < 2000; i++) {
		while (domain_event_read(sequence, &event)) {
			if (event.kind == kind)
				return;
		}
		usleep(1000);
	}
	ck_abort_msg("event %d did not come", kind);
}

static void remove_domain(struct domain *domain)
{
	if (info_of(domain).id)
		ck_assert_int_eq(domain_destroy(domain, &error), OK);
	if (info_of(domain).persistent)
		ck_assert_int_eq(domain_undefine(domain, &error), OK);
	domain_put(domain);
}

#define refused(call, words)                                                                                      	do {                                                                                                      		ck_assert_int_eq(call, MANAGE_FAILED);                                                            		ck_assert_str_eq(error.text, words);                                                              	} while (0)

START_TEST(start_to_destroy)
{
	struct domain *domain = define("a", "");
	struct domain_info info = info_of(domain);
	u64 pages = fake_host_pages;
	u32 id;

	ck_assert_int_eq(info.state, DOMAIN_SHUTOFF);
	ck_assert_uint_eq(info.id, 0);
	ck_assert_int_eq(domain_start(domain, 0, &error), OK);
	info = info_of(domain);
	id = info.id;
	ck_assert(id != 0);
	ck_assert_str_eq(domain_state_name(info.state), "running");
	ck_assert_str_eq(domain_reason_name(info.state, info.reason), "booted");
	refused(domain_start(domain, 0, &error), "Requested operation is not valid: domain is already running");
	refused(domain_resume(domain, &error), "internal error: domain 'a' not paused");
	ck_assert_int_eq(domain_suspend(domain, &error), OK);
	refused(domain_suspend(domain, &error), "internal error: domain 'a' not running");
	ck_assert_int_eq(domain_resume(domain, &error), OK);
	ck_assert_str_eq(domain_reason_name(DOMAIN_RUNNING, info_of(domain).reason), "unpaused");
	ck_assert_int_eq(domain_inject_nmi(domain, &error), OK);
	ck_assert_int_eq(domain_destroy(domain, &error), OK);
	ck_assert_str_eq(domain_reason_name(DOMAIN_SHUTOFF, info_of(domain).reason), "destroyed");
	refused(domain_destroy(domain, &error), "Requested operation is not valid: domain is not running");
	refused(domain_shutdown(domain, &error), "internal error: domain 'a' not running");
	ck_assert_uint_eq(fake_host_pages, pages);
	ck_assert_uint_eq(fake_vms, 0);
	ck_assert_int_eq(domain_start(domain, DOMAIN_START_PAUSED, &error), OK);
	ck_assert_int_eq(info_of(domain).state, DOMAIN_PAUSED);
	ck_assert_uint_eq(info_of(domain).id, id + 1);
	ck_assert_int_eq(domain_resume(domain, &error), OK);
	remove_domain(domain);
	ck_assert_ptr_null(domain_lookup("a", &error));
	ck_assert_str_eq(error.text, "failed to get domain 'a'");
}
END_TEST

START_TEST(names_and_uuids_are_unique)
{
	struct domain *a = define("a", "<uuid>11111111-1111-4111-8111-111111111111</uuid>"), *same;
	const char *text = xml("b", "<uuid>11111111-1111-4111-8111-111111111111</uuid>");

	refused(domain_define("b.xml", text, strlen(text), NULL, &error),
		"operation failed: domain 'a' is already defined with uuid 11111111-1111-4111-8111-111111111111");
	text = xml("a", "");
	refused(domain_define("b.xml", text, strlen(text), NULL, &error),
		"operation failed: domain 'a' already exists with uuid 11111111-1111-4111-8111-111111111111");
	refused(domain_create("b.xml", text, strlen(text), 0, NULL, &error),
		"operation failed: domain 'a' already exists with uuid 11111111-1111-4111-8111-111111111111");
	same = define("a", "<uuid>11111111-1111-4111-8111-111111111111</uuid><title>new</title>");
	ck_assert_ptr_eq(a, same);
	domain_put(same);
	same = domain_lookup("11111111-1111-4111-8111-111111111111", &error);
	ck_assert_ptr_eq(a, same);
	domain_put(same);
	remove_domain(a);
}
END_TEST

START_TEST(made_uuids_are_version_4)
{
	struct domain *a = define("a", ""), *b = define("b", "");

	ck_assert_uint_eq(info_of(a).uuid.bytes[6] >> 4, 4);
	ck_assert_uint_eq(info_of(a).uuid.bytes[8] >> 6, 2);
	ck_assert(memcmp(info_of(a).uuid.bytes, info_of(b).uuid.bytes, 16) != 0);
	remove_domain(a);
	remove_domain(b);
}
END_TEST

START_TEST(a_refused_start_leaves_nothing)
{
	struct domain *domain = define("big", "");
	const char *text;
	u64 pages = fake_host_pages;

	fake_host_pages = 1000;
	refused(domain_start(domain, 0, &error),
		"out of memory: <memory>: the machine needs 65536 KiB, this host has 4000 KiB free");
	ck_assert_uint_eq(fake_host_pages, 1000);
	fake_host_pages = pages;
	ck_assert_str_eq(domain_reason_name(DOMAIN_SHUTOFF, info_of(domain).reason), "failed");
	ck_assert_uint_eq(info_of(domain).id, 0);
	remove_domain(domain);

	text = "<domain type='kvm'><name>t</name><memory>65536</memory><os><type>hvm</type><kernel>/solera/none</kernel></os></domain>";
	refused(domain_create("t.xml", text, strlen(text), 0, NULL, &error),
		"operation failed: <kernel>: there is no file 'none' in \\solera\\ on the boot medium");
	ck_assert_ptr_null(domain_lookup_by_name("t"));
	text = "<domain type='kvm'><name>t</name><memory>65536</memory><os><type>hvm</type><kernel>/solera/vmlinuz</kernel>"
	       "<initrd>/solera/bad,/solera/none</initrd></os></domain>";
	refused(domain_create("t.xml", text, strlen(text), 0, NULL, &error),
		"operation failed: <initrd>: there is no file 'none' in \\solera\\ on the boot medium");
	text = "<domain type='kvm'><name>t</name><memory>65536</memory><os><type>hvm</type><kernel>/solera/bad</kernel></os></domain>";
	refused(domain_create("t.xml", text, strlen(text), 0, NULL, &error),
		"operation failed: kernel: not a kernel that Solera knows");
	ck_assert_ptr_null(domain_lookup_by_name("t"));
	ck_assert_uint_eq(fake_vms, 0);
}
END_TEST

START_TEST(transient_domains_vanish)
{
	const char *text = xml("t", "");
	struct domain *domain;

	ck_assert_int_eq(domain_create("t.xml", text, strlen(text), 0, &domain, &error), OK);
	ck_assert(!info_of(domain).persistent);
	refused(domain_undefine(domain, &error), "Requested operation is not valid: cannot undefine transient domain");
	refused(domain_set_autostart(domain, true, &error),
		"Requested operation is not valid: cannot set autostart for transient domain");
	ck_assert_int_eq(domain_destroy(domain, &error), OK);
	ck_assert_ptr_null(domain_lookup_by_name("t"));
	domain_put(domain);

	domain = define("t", "");
	ck_assert_int_eq(domain_start(domain, 0, &error), OK);
	ck_assert_int_eq(domain_undefine(domain, &error), OK);
	ck_assert_int_eq(info_of(domain).state, DOMAIN_RUNNING);
	remove_domain(domain);
	ck_assert_ptr_null(domain_lookup_by_name("t"));
}
END_TEST

START_TEST(on_poweroff)
{
	struct domain *d = define("d", ""), *r = define("r", "<on_poweroff>restart</on_poweroff>");
	struct domain *p = define("p", "<on_poweroff>preserve</on_poweroff>");
	u64 sequence = domain_event_next_sequence();
	u32 id;

	fake_shuts_down_at_once = true;
	ck_assert_int_eq(domain_start(d, 0, &error), OK);
	ck_assert_int_eq(domain_start(r, 0, &error), OK);
	ck_assert_int_eq(domain_start(p, 0, &error), OK);
	id = info_of(r).id;
	ck_assert_int_eq(domain_shutdown(d, &error), OK);
	wait_state(d, DOMAIN_SHUTOFF);
	ck_assert_str_eq(domain_reason_name(DOMAIN_SHUTOFF, info_of(d).reason), "shutdown");
	ck_assert_int_eq(domain_shutdown(r, &error), OK);
	wait_event(&sequence, DOMAIN_EVENT_REBOOT);
	ck_assert_int_eq(info_of(r).state, DOMAIN_RUNNING);
	ck_assert_uint_eq(info_of(r).id, id);
	ck_assert_int_eq(domain_shutdown(p, &error), OK);
	wait_state(p, DOMAIN_SHUTDOWN);
	ck_assert(info_of(p).id != 0);
	ck_assert_ptr_nonnull(fake_vm("p"));
	remove_domain(d);
	remove_domain(r);
	remove_domain(p);
	ck_assert_uint_eq(fake_vms, 0);
}
END_TEST

START_TEST(reboot_restarts_whatever_on_poweroff_says)
{
	struct domain *domain = define("a", "");
	u64 sequence = domain_event_next_sequence();

	fake_shuts_down_at_once = true;
	ck_assert_int_eq(domain_start(domain, 0, &error), OK);
	ck_assert_int_eq(domain_reboot(domain, &error), OK);
	wait_event(&sequence, DOMAIN_EVENT_REBOOT);
	ck_assert_int_eq(info_of(domain).state, DOMAIN_RUNNING);
	ck_assert_int_eq(vm_state(fake_vm("a")), VM_RUNNING);
	ck_assert_int_eq(domain_shutdown(domain, &error), OK);
	wait_state(domain, DOMAIN_SHUTOFF);
	remove_domain(domain);
}
END_TEST

START_TEST(on_reboot)
{
	struct domain *r = define("r", ""), *d = define("d", "<on_reboot>destroy</on_reboot>");
	u64 sequence = domain_event_next_sequence();

	ck_assert_int_eq(domain_start(r, 0, &error), OK);
	ck_assert_int_eq(domain_start(d, 0, &error), OK);
	fake_guest_event("r", VM_EVENT_RESET, "port 0xCF9");
	wait_event(&sequence, DOMAIN_EVENT_REBOOT);
	ck_assert_int_eq(vm_state(fake_vm("r")), VM_RUNNING);
	fake_guest_event("d", VM_EVENT_RESET, "triple fault");
	wait_state(d, DOMAIN_SHUTOFF);
	ck_assert_int_eq(domain_reset(r, &error), OK);
	ck_assert_int_eq(vm_state(fake_vm("r")), VM_RUNNING);
	ck_assert_int_eq(domain_suspend(r, &error), OK);
	ck_assert_int_eq(domain_reset(r, &error), OK);
	ck_assert_int_eq(vm_state(fake_vm("r")), VM_CREATED);
	ck_assert_int_eq(domain_resume(r, &error), OK);
	refused(domain_reset(d, &error), "Requested operation is not valid: domain is not running");
	remove_domain(r);
	remove_domain(d);
}
END_TEST

START_TEST(on_crash)
{
	struct domain *d = define("d", ""), *r = define("r", "<on_crash>restart</on_crash>");
	struct domain *p = define("p", "<on_crash>preserve</on_crash>");

	ck_assert_int_eq(domain_start(d, 0, &error), OK);
	ck_assert_int_eq(domain_start(r, 0, &error), OK);
	ck_assert_int_eq(domain_start(p, 0, &error), OK);
	fake_guest_event("d", VM_EVENT_CRASHED, "it jumped into nothing");
	wait_state(d, DOMAIN_CRASHED);
	ck_assert_str_eq(info_of(d).why, "it jumped into nothing");
	ck_assert_uint_eq(info_of(d).id, 0);
	ck_assert_ptr_null(fake_vm("d"));
	fake_guest_event("p", VM_EVENT_CRASHED, "x");
	wait_state(p, DOMAIN_CRASHED);
	ck_assert_ptr_nonnull(fake_vm("p"));
	fake_guest_event("r", VM_EVENT_CRASHED, "x");
	for (int i = 0; i < 2000 && info_of(r).reason != DOMAIN_RUNNING_CRASHED; i++)
		usleep(1000);
	ck_assert_int_eq(info_of(r).state, DOMAIN_RUNNING);
	ck_assert_int_eq(domain_start(d, 0, &error), OK);
	ck_assert_str_eq(info_of(d).why, "");
	remove_domain(d);
	remove_domain(r);
	remove_domain(p);
}
END_TEST

static int notified;

static void notify(void *context)
{
	(void)context;
	__atomic_add_fetch(&notified, 1, __ATOMIC_RELAXED);
}

START_TEST(consoles_keep_and_never_mix)
{
	struct domain *a = define("a", ""), *b = define("b", "");
	struct domain_console_session *first, *second, *other;
	enum domain_console_status status;
	char bytes[100];
	size_t count;

	refused(domain_console_open(a, NULL, false, notify, NULL, &first, &error), "The domain is not running");
	ck_assert_int_eq(domain_start(a, 0, &error), OK);
	ck_assert_int_eq(domain_start(b, 0, &error), OK);
	fake_guest_prints("a", "while nobody looks");
	ck_assert_int_eq(domain_console_open(a, NULL, false, notify, NULL, &first, &error), OK);
	ck_assert_int_eq(domain_console_open(b, "serial0", false, notify, NULL, &other, &error), OK);
	fake_guest_prints("b", "other");
	ck_assert_int_ge(notified, 1);
	count = domain_console_read(first, bytes, sizeof(bytes), &status);
	ck_assert(count == 18 && memcmp(bytes, "while nobody looks", count) == 0);
	count = domain_console_read(other, bytes, sizeof(bytes), &status);
	ck_assert(count == 5 && memcmp(bytes, "other", count) == 0);
	refused(domain_console_open(a, NULL, false, notify, NULL, &second, &error),
		"operation failed: Active console session exists for this domain");
	refused(domain_console_open(a, "serial1", false, notify, NULL, &second, &error),
		"invalid argument: cannot find console device 'serial1'");
	ck_assert_uint_eq(domain_console_write(first, "0123456789abcdefXYZ", 19), 16);
	ck_assert_str_eq(fake_guest_input("a"), "0123456789abcdef");
	ck_assert_int_eq(domain_console_open(a, NULL, true, notify, NULL, &second, &error), OK);
	domain_console_read(first, bytes, sizeof(bytes), &status);
	ck_assert_int_eq(status, DOMAIN_CONSOLE_TAKEN);
	domain_console_close(first);
	fake_guest_prints("a", "last");
	ck_assert_int_eq(domain_destroy(a, &error), OK);
	count = domain_console_read(second, bytes, sizeof(bytes), &status);
	ck_assert_uint_eq(count, 4);
	domain_console_read(second, bytes, sizeof(bytes), &status);
	ck_assert_int_eq(status, DOMAIN_CONSOLE_ENDED);
	ck_assert_uint_eq(domain_console_write(second, "x", 1), 0);
	domain_console_close(second);
	domain_console_close(other);
	remove_domain(a);
	remove_domain(b);
}
END_TEST

/* The first console is the default, as in libvirt; each port has its name. */
START_TEST(virtio_consoles_and_channels_have_names)
{
	static const char text[] = "<domain type='kvm'><name>v</name><memory unit='MiB'>64</memory><os><type>hvm</type>"
		"<kernel>/solera/vmlinuz</kernel></os><devices><serial type='pty'/><channel type='pty'><target type='virtio' name='a'/></channel>"
		"<console type='pty'><target type='virtio'/></console></devices></domain>";
	static const struct { const char *devname; unsigned port; } rows[] = { { NULL, 0 }, { "console0", 0 }, { "channel0", 1 } };
	struct domain_console_session *session;
	enum domain_console_status status;
	struct domain *domain;
	char bytes[100];

	ck_assert_msg(domain_create("v.xml", text, sizeof(text) - 1, 0, &domain, &error) == OK, "%s", error.text);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		fake_port_prints("v", rows[i].port, "hello");
		ck_assert_int_eq(domain_console_open(domain, rows[i].devname, false, notify, NULL, &session, &error), OK);
		ck_assert_uint_eq(domain_console_read(session, bytes, sizeof(bytes), &status), 5);
		domain_console_close(session);
	}
	refused(domain_console_open(domain, "console1", false, notify, NULL, &session, &error),
		"invalid argument: cannot find console device 'console1'");
	ck_assert_int_eq(domain_destroy(domain, &error), OK);
	domain_put(domain);
}
END_TEST

static enum domain_state state_when_told;

static void note_state(void *context)
{
	struct domain *domain = context;

	state_when_told = domain->state;
}

/* Who is told that the console has ended may ask for the state at once; a restart ends no console. */
START_TEST(consoles_end_after_the_state_has_changed)
{
	struct domain *a = define("a", ""), *r = define("r", "<on_poweroff>restart</on_poweroff>");
	struct domain_console_session *session, *restarted;
	enum domain_console_status status;
	char bytes[100];
	u64 sequence;

	ck_assert_int_eq(domain_start(a, 0, &error), OK);
	ck_assert_int_eq(domain_console_open(a, NULL, false, note_state, a, &session, &error), OK);
	ck_assert_int_eq(domain_destroy(a, &error), OK);
	ck_assert_int_eq(state_when_told, DOMAIN_SHUTOFF);
	domain_console_read(session, bytes, sizeof(bytes), &status);
	ck_assert_int_eq(status, DOMAIN_CONSOLE_ENDED);
	domain_console_close(session);
	ck_assert_int_eq(domain_start(r, 0, &error), OK);
	ck_assert_int_eq(domain_console_open(r, NULL, false, notify, NULL, &restarted, &error), OK);
	sequence = domain_event_next_sequence();
	fake_guest_event("r", VM_EVENT_POWEROFF, "ACPI power-off");
	do {
		domain_console_read(restarted, bytes, sizeof(bytes), &status);
		ck_assert_int_eq(status, DOMAIN_CONSOLE_OPEN);
	} while (domain_event_next_sequence() < sequence + 2); /* shut down, rebooted */
	domain_console_close(restarted);
	ck_assert_int_eq(domain_destroy(r, &error), OK);
	remove_domain(a);
	remove_domain(r);
}
END_TEST

static const char plug_xml[] = "<domain type='kvm'><name>plug</name><memory unit='MiB'>64</memory><os><type>hvm</type>"
	"<kernel>/solera/vmlinuz</kernel></os><devices><controller type='pci' model='pcie-root-port'/>"
	"<memballoon model='virtio'/></devices></domain>";
static const char disk_xml[] = "<disk type='file'><source file='/solera/VMLINUZ'/><target dev='vdb'/></disk>";

START_TEST(disks_come_and_go)
{
	struct domain *domain;
	bool left;

	ck_assert_msg(domain_define("p.xml", plug_xml, sizeof(plug_xml) - 1, &domain, &error) == OK, "%s", error.text);
	refused(domain_attach_device(domain, "d", disk_xml, sizeof(disk_xml) - 1, DOMAIN_TUNE_LIVE, &error),
		"Requested operation is not valid: domain is not running");
	ck_assert_int_eq(domain_start(domain, 0, &error), OK);
	refused(domain_attach_device(domain, "d", "<interface/>", 12, DOMAIN_TUNE_LIVE, &error),
		"d:1: <interface>: only disks come and go while a machine lives");
	ck_assert_msg(domain_attach_device(domain, "d", disk_xml, sizeof(disk_xml) - 1, DOMAIN_TUNE_LIVE | DOMAIN_TUNE_CONFIG, &error) == OK,
		      "%s", error.text);
	ck_assert_uint_eq(fake_devices, 1);
	ck_assert_int_eq(domain_attach_device(domain, "d", disk_xml, sizeof(disk_xml) - 1, DOMAIN_TUNE_LIVE, &error), MANAGE_FAILED);
	refused(domain_detach_disk(domain, "vdc", DOMAIN_TUNE_LIVE, &left, &error), "operation failed: disk vdc not found");
	ck_assert_int_eq(domain_detach_device(domain, "d", disk_xml, sizeof(disk_xml) - 1, DOMAIN_TUNE_LIVE, &left, &error), OK);
	ck_assert(left && fake_devices == 0);
	ck_assert_int_eq(domain_destroy(domain, &error), OK);
	ck_assert_int_eq(domain_detach_disk(domain, "vdb", DOMAIN_TUNE_CONFIG, &left, &error), OK);
	refused(domain_detach_disk(domain, "vdb", DOMAIN_TUNE_CONFIG, &left, &error), "invalid argument: no target device vdb");
	remove_domain(domain);
}
END_TEST

START_TEST(memory_is_set_and_refused)
{
	struct domain_memory_stat stats[DOMAIN_MEMORY_STATS_MAX];
	struct domain_info info;
	struct domain *domain;
	u32 count;

	ck_assert_int_eq(domain_define("p.xml", plug_xml, sizeof(plug_xml) - 1, &domain, &error), OK);
	ck_assert_int_eq(domain_set_memory(domain, 32 * 1024 - 5, 0, &error), OK); /* of the next start */
	ck_assert_int_eq(domain_set_max_memory(domain, 48 * 1024, 0, &error), OK);
	domain_get_info(domain, &info);
	ck_assert(info.memory_kib == 48 * 1024 && info.current_memory_kib == 32 * 1024);
	ck_assert_int_eq(domain_start(domain, 0, &error), OK);
	refused(domain_set_memory(domain, 64 * 1024, 0, &error), "invalid argument: cannot set memory higher than max memory");
	refused(domain_set_max_memory(domain, 64 * 1024, 0, &error),
		"Requested operation is not valid: cannot resize the maximum memory on an active domain");
	fake_short_bytes = 5000;
	ck_assert_int_eq(domain_set_memory(domain, 40 * 1024, 0, &error), MANAGE_FAILED);
	ck_assert_ptr_nonnull(strstr(error.text, "this host lacks 5 KiB"));
	fake_short_bytes = 0;
	ck_assert_int_eq(domain_set_memory(domain, 40 * 1024, DOMAIN_TUNE_LIVE | DOMAIN_TUNE_CONFIG, &error), OK);
	ck_assert_int_eq(domain_memory_stats(domain, stats, &count, &error), OK);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(stats[0].name, "actual");
	ck_assert_int_eq(domain_destroy(domain, &error), OK);
	remove_domain(domain);
}
END_TEST

START_TEST(only_the_last_64_kib_of_output_are_kept)
{
	struct domain *a = define("a", "");
	struct domain_console_session *session;
	enum domain_console_status status;
	static char bytes[100000];
	size_t count = 0, part;

	ck_assert_int_eq(domain_start(a, 0, &error), OK);
	for (int i = 0; i < 10000; i++) {
		char line[16];

		snprintf(line, sizeof(line), "%09d\n", i);
		fake_guest_prints("a", line);
	}
	ck_assert_int_eq(domain_console_open(a, NULL, false, notify, NULL, &session, &error), OK);
	while ((part = domain_console_read(session, bytes + count, 1000, &status)))
		count += part;
	ck_assert_uint_eq(count, 65536);
	ck_assert_int_eq(memcmp(bytes + count - 10, "000009999\n", 10), 0);
	domain_console_close(session);
	remove_domain(a);
}
END_TEST

START_TEST(modules_are_defined_and_autostarted)
{
	static const char demo[] = "<domain type='kvm'><name>demo</name><metadata><s:autostart xmlns:s='" SOLERA_DOMAIN_NAMESPACE
		"'/></metadata><memory>65536</memory><os><type>hvm</type><kernel>/solera/vmlinuz</kernel></os></domain>";
	static const char other[] = "<domain type='kvm'><name>other</name><memory>65536</memory><os><type>hvm</type>"
		"<kernel>/solera/vmlinuz</kernel></os></domain>";
	struct domain *domain;
	char *dump;

	ck_assert_int_eq(module_add("demo.XML", demo, strlen(demo)), OK);
	ck_assert_int_eq(module_add("other.xml", other, strlen(other)), OK);
	ck_assert_int_eq(module_add("twice.xml", other, strlen(other)), OK); /* told in the log, nothing else */
	ck_assert_int_eq(module_add("broken.xml", "<domain>", 8), OK);
	domains_load_modules();
	domain = domain_lookup_by_name("demo");
	ck_assert_ptr_nonnull(domain);
	ck_assert_int_eq(info_of(domain).state, DOMAIN_RUNNING);
	dump = domain_dump_xml(domain, false, &error);
	ck_assert_ptr_nonnull(strstr(dump, "<domain type='kvm' id='"));
	ck_assert_ptr_nonnull(strstr(dump, "<solera:autostart"));
	kfree(dump);
	ck_assert_int_eq(domain_set_autostart(domain, false, &error), OK);
	dump = domain_dump_xml(domain, true, &error);
	ck_assert_ptr_null(strstr(dump, "autostart"));
	ck_assert_ptr_nonnull(strstr(dump, "<domain type='kvm'>"));
	kfree(dump);
	remove_domain(domain);
	domain = domain_lookup_by_name("other");
	ck_assert_int_eq(info_of(domain).state, DOMAIN_SHUTOFF);
	remove_domain(domain);
}
END_TEST

START_TEST(redefining_a_running_domain_waits_for_the_next_start)
{
	struct domain *a = define("a", "<uuid>11111111-1111-4111-8111-111111111111</uuid>"), *same;
	char *now, *next;

	ck_assert_int_eq(domain_start(a, 0, &error), OK);
	same = define("a", "<uuid>11111111-1111-4111-8111-111111111111</uuid><title>new</title>");
	now = domain_dump_xml(a, false, &error);
	next = domain_dump_xml(a, true, &error);
	ck_assert_ptr_null(strstr(now, "new"));
	ck_assert_ptr_nonnull(strstr(next, "<title>new</title>"));
	kfree(now);
	kfree(next);
	domain_put(same);
	remove_domain(a);
}
END_TEST

static struct domain *define_with_disk(const char *name, const char *disk)
{
	static char text[2048];
	struct domain *domain = NULL;

	snprintf(text, sizeof(text), "<domain type='kvm'><name>%s</name><memory unit='MiB'>64</memory><os><type>hvm</type>"
		 "<kernel>/solera/vmlinuz</kernel></os><devices>%s</devices></domain>", name, disk);
	ck_assert_msg(domain_define("t.xml", text, strlen(text), &domain, &error) == OK, "%s", error.text);
	return domain;
}

#define DISK(source, more) "<disk type='file'><source file='/solera/" source "'/><target dev='vda'/>" more "</disk>"

/* One writable disk in two running machines is refused; shared or only read it is not. What is not there is named. */
START_TEST(disks_have_one_writer)
{
	static u8 bytes[8192] ALIGNED(4096);
	static const struct { const char *first, *second, *words; } rows[] = {
		{ DISK("d.img", ""), DISK("d.img", ""),
		  "Requested operation is not valid: disk 'vda': /solera/d.img: ram0 is in use by domain one" },
		{ DISK("d.img", ""), DISK("d.img", "<readonly/>"),
		  "Requested operation is not valid: disk 'vda': /solera/d.img: ram0 is in use by domain one" },
		{ DISK("d.img", "<readonly/>"), DISK("d.img", "<readonly/>"), NULL },
		{ DISK("d.img", "<shareable/>"), DISK("d.img", "<shareable/>"), NULL },
		{ DISK("d.img", ""), DISK("e.img", ""),
		  "operation failed: disk 'vda': there is no file 'e.img' in \\solera\\ on the boot medium" },
		{ DISK("d.img", ""), "<disk type='block'><source dev='/dev/sdq'/><target dev='vda'/></disk>",
		  "operation failed: disk 'vda': there is no block device '/dev/sdq' on this host" },
	};
	struct domain_disk_info info;

	ck_assert_int_eq(module_add("d.img", bytes, 8000), OK);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct domain *one = define_with_disk("one", rows[i].first), *two = define_with_disk("two", rows[i].second);

		ck_assert_msg(domain_start(one, 0, &error) == OK, "%s", error.text);
		if (rows[i].words) {
			ck_assert_int_eq(domain_start(two, 0, &error), MANAGE_FAILED);
			ck_assert_pstr_ne(strstr(error.text, strstr(rows[i].words, "disk ")), NULL);
			ck_assert_int_eq(info_of(two).state, DOMAIN_SHUTOFF);
		} else {
			ck_assert_msg(domain_start(two, 0, &error) == OK, "%s", error.text);
			ck_assert_int_eq(domain_destroy(two, &error), OK);
		}
		ck_assert_int_eq(domain_get_disk(one, "vda", true, &info, &error), OK);
		ck_assert_uint_eq(info.capacity_bytes, 8192);
		ck_assert_int_eq(domain_get_disk(one, "vdb", true, &info, &error), MANAGE_FAILED);
		ck_assert_int_eq(domain_destroy(one, &error), OK);
		ck_assert_int_eq(domain_get_disk(one, "/solera/d.img", false, &info, &error), OK);
		ck_assert_int_eq(domain_get_disk(one, "vda", true, &info, &error), MANAGE_FAILED);
		ck_assert(domain_undefine(one, &error) == OK && domain_undefine(two, &error) == OK);
		domain_put(one);
		domain_put(two);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("domain");
	TCase *tcase = tcase_create("domain");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, start_to_destroy);
	tcase_add_test(tcase, names_and_uuids_are_unique);
	tcase_add_test(tcase, made_uuids_are_version_4);
	tcase_add_test(tcase, a_refused_start_leaves_nothing);
	tcase_add_test(tcase, transient_domains_vanish);
	tcase_add_test(tcase, on_poweroff);
	tcase_add_test(tcase, reboot_restarts_whatever_on_poweroff_says);
	tcase_add_test(tcase, on_reboot);
	tcase_add_test(tcase, on_crash);
	tcase_add_test(tcase, consoles_keep_and_never_mix);
	tcase_add_test(tcase, virtio_consoles_and_channels_have_names);
	tcase_add_test(tcase, consoles_end_after_the_state_has_changed);
	tcase_add_test(tcase, only_the_last_64_kib_of_output_are_kept);
	tcase_add_test(tcase, modules_are_defined_and_autostarted);
	tcase_add_test(tcase, redefining_a_running_domain_waits_for_the_next_start);
	tcase_add_test(tcase, disks_have_one_writer);
	tcase_add_test(tcase, disks_come_and_go);
	tcase_add_test(tcase, memory_is_set_and_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}
