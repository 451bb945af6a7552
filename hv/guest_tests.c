/* SPDX-License-Identifier: MIT */
/*
 * The runner of guest-tests/ (hv/guest_tests.h). Each test is a machine of its own with the test ports; its end is the
 * exit port, or a deadline. `guest-tests=NAME` runs only that one; `guest-tests-beside=NAME` has that one run beside all others.
 */
#include "hv/guest_tests.h"
#include "hv/boot_record.h"
#include "hv/clock.h"
#include "hv/device_model.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/vm.h"

#define TEST_MEMORY (16 * MIB)
#define TEST_DEADLINE_NS (30 * NS_PER_S)
#define SUFFIX ".gtest"
#define SMP_PREFIX "smp_"
#define SMP_VCPUS 4u /* of the machines of tests with that prefix */
#define ENDS_PREFIX "ends_"
#define ENDS_MAX 64u      /* starts of such a test */
#define BUTTON_NS (NS_PER_S / 2)

struct outcome {
	struct waitqueue wait;
	bool ended;        /* (a) */
	enum vm_event_kind kind;
	char reason[120];
	u64 code;
};

static void ended(void *context, struct vm *vm, enum vm_event_kind kind, const char *reason, u64 code)
{
	struct outcome *outcome = context;

	(void)vm;
	outcome->kind = kind;
	outcome->code = code;
	string_copy(outcome->reason, reason, sizeof(outcome->reason));
	__atomic_store_n(&outcome->ended, true, __ATOMIC_SEQ_CST);
	waitqueue_wake_all(&outcome->wait);
}

/* A guest's console, line by line into the log. */
struct line_log {
	const char *name;
	u32 length;
	char line[200];
	bool seen_end;
};

static void console_received(void *context, const char *bytes, size_t count)
{
	struct line_log *log = context;

	for (size_t i = 0; i < count; i++) {
		if (bytes[i] != '\n' && (u8)bytes[i] >= ' ')
			log->line[log->length++] = bytes[i];
		if (bytes[i] != '\n' && log->length < sizeof(log->line) - 1)
			continue;
		log->line[log->length] = 0;
		log->length = 0;
		log_notice("%s| %s", log->name, log->line);
	}
}

static struct block_device *test_disk; /* (c) NULL: none */

void guest_tests_set_disk(struct block_device *disk)
{
	test_disk = disk;
}

static bool has_prefix(const char *name, const char *prefix)
{
	return !memcmp(name, prefix, strlen(prefix));
}

/* Until the machine has ended by itself; false: not in time. */
static bool wait_for_end(struct vm *vm, struct outcome *outcome, bool press_button)
{
	u64 deadline = clock_ns() + TEST_DEADLINE_NS;

	if (press_button && !waitqueue_wait_until(&outcome->wait, outcome->ended, clock_ns() + BUTTON_NS))
		vm_power_button(vm);
	return waitqueue_wait_until(&outcome->wait, outcome->ended, deadline);
}

/*
 * A test whose name begins with "ends_" is about ways in which a machine ends: it runs again after each reset (of the same machine)
 * and each power-off (in a new one), and is told on its command line which start it is and how the last one ended. The
 * power button is pressed when it has run for half a second. False: it cannot go on.
 */
static bool begin_again(struct vm **vm, struct vm_config *config, struct outcome *outcome, char *command_line, size_t size, u32 starts)
{
	const char *error = "";
	bool reset = outcome->kind == VM_EVENT_RESET;

	if (starts >= ENDS_MAX || (!reset && outcome->kind != VM_EVENT_POWEROFF))
		return false;
	format(command_line, size, "start=%u %s=%s", starts, reset ? "reset" : "off", outcome->reason);
	outcome->ended = false;
	if (!reset) {
		vm_destroy(*vm);
		*vm = NULL;
		return !vm_create(config, vm, &error) && !vm_resume(*vm);
	}
	return !vm_reset(*vm, &error) && !vm_resume(*vm);
}

/* Runs one; true: it passed. */
static bool run_one(const struct boot_module *module, const char *name)
{
	struct vm_config config = { .memory_bytes = TEST_MEMORY, .vcpu_count = 1, .serial_count = 2, .acpi = true, .test_ports = true, .command_line = "" };
	const struct device_spec disk = { .model = "virtio-blk", .alias = "virtio-disk0", .slot = 3,
					  .disk = { .device = test_disk, .serial = "guest-test" } };
	struct outcome outcome = { .ended = false };
	const char *error = "", *how;
	bool in_time, passed = false, ends;
	char command_line[160] = "";
	u32 starts = 0;
	struct vm *vm;

	waitqueue_init(&outcome.wait, "guest test");
	string_copy(config.name, name, sizeof(config.name));
	config.command_line = command_line;
	ends = has_prefix(config.name, ENDS_PREFIX);
	if (has_prefix(config.name, SMP_PREFIX))
		config.vcpu_count = SMP_VCPUS;
	config.kernel = boot_module_find(module->name, &(u64){ 0 });
	config.kernel_bytes = module->size_bytes;
	config.devices = &disk;
	config.device_count = test_disk ? 1 : 0;
	config.listener.event = ended;
	config.listener.context = &outcome;
	log_notice("guest-test %s: begins", name);
	if (vm_create(&config, &vm, &error)) {
		log_notice("guest-test %s: FAILED to start: %s", name, error);
		return false;
	}
	if (vm_resume(vm))
		log_error("guest-test %s: does not run", name);
	do {
		in_time = wait_for_end(vm, &outcome, ends);
	} while (in_time && ends && begin_again(&vm, &config, &outcome, command_line, sizeof(command_line), ++starts));
	if (!vm) {
		log_notice("guest-test %s: FAILED to start again", name);
		return false;
	}
	if (!in_time) {
		how = "ran out of time";
		vm_stop(vm);
	} else if (outcome.kind == VM_EVENT_EXIT) {
		passed = outcome.code == 0;
		how = passed ? "passed" : "failed";
	} else {
		how = outcome.reason;
	}
	log_notice("guest-test %s: %s%s (rip %llx)", name, passed ? "" : "FAILED: ", how, (unsigned long long)vm->vcpus[0]->regs.rip);
	vm_destroy(vm);
	return passed;
}

static void print_exits(const struct vm *vm)
{
	const struct vcpu *vcpu = vm->vcpus[0];
	u64 total = 0;

	for (unsigned kind = 0; kind < EXIT_KIND_COUNT; kind++) {
		if (vcpu->exits[kind])
			log_notice("exits %s %llu", exit_kind_name(kind), (unsigned long long)vcpu->exits[kind]);
		total += vcpu->exits[kind];
	}
	log_notice("exits total %llu, at the slow level %llu, unknown MSRs read %llu, written %llu", (unsigned long long)total,
		   (unsigned long long)vcpu->slow_exits, (unsigned long long)vcpu->unknown_msr_reads,
		   (unsigned long long)vcpu->unknown_msr_writes);
}

/*
 * guest-linux[=verbose]: the demo machine's kernel and initrd with the benches' pinned command line, its console in the
 * log, until it powers off or a minute of its time is over.
 */
static void run_linux(void)
{
	static struct line_log console = { .name = "linux" };
	struct vm_config config = { .memory_bytes = 256 * MIB, .vcpu_count = 1, .serial_count = 1, .acpi = true, .test_ports = true, .name = "linux" };
	struct outcome outcome = { .ended = false };
	struct vm_module initrd = { .name = "demo-initrd" };
	struct char_device *serial;
	const char *error = "";
	char how[16];
	struct vm *vm;
	u64 size;

	if (!boot_option("guest-linux", how, sizeof(how)))
		return;
	waitqueue_init(&outcome.wait, "guest linux");
	config.kernel = boot_module_find("demo-vmlinuz", &size);
	config.kernel_bytes = size;
	initrd.data = boot_module_find("demo-initrd", &size);
	initrd.size_bytes = size;
	config.modules = &initrd;
	config.module_count = 1;
	config.command_line = string_equal(how, "verbose") ?
		"console=ttyS0 earlyprintk=serial,ttyS0,115200 mitigations=off nokaslr ignore_loglevel" :
		"console=ttyS0 quiet mitigations=off nokaslr";
	config.listener.event = ended;
	config.listener.context = &outcome;
	if (!config.kernel || vm_create(&config, &vm, &error)) {
		log_error("guest-linux: %s", config.kernel ? error : "there is no module demo-vmlinuz");
		return;
	}
	serial = vm_serial(vm, 0);
	if (serial) {
		serial->context = &console;
		serial->received = console_received;
		if (serial->attached)
			serial->attached(serial);
	}
	if (vm_resume(vm))
		log_error("guest-linux: does not run");
	if (!waitqueue_wait_until(&outcome.wait, outcome.ended, clock_ns() + 60 * NS_PER_S))
		string_copy(outcome.reason, "ran out of time", sizeof(outcome.reason));
	vm_stop(vm);
	log_notice("guest-linux: ended: %s (rip %llx)", outcome.reason, (unsigned long long)vm->vcpus[0]->regs.rip);
	print_exits(vm);
	vm_destroy(vm);
}

/* A machine that does not end: company for those that are tested. NULL: none was wanted. */
static struct vm *start_beside(const char *name)
{
	static struct outcome outcome; /* nobody waits for it */
	struct vm_config config = { .memory_bytes = TEST_MEMORY, .vcpu_count = 1, .acpi = true, .test_ports = true, .command_line = "" };
	char module[64 + sizeof(SUFFIX)];
	const char *error = "there is no such kernel";
	struct vm *vm = NULL;
	u64 size = 0;

	waitqueue_init(&outcome.wait, "beside");
	format(module, sizeof(module), "%s" SUFFIX, name);
	string_copy(config.name, name, sizeof(config.name));
	config.kernel = boot_module_find(module, &size);
	config.kernel_bytes = size;
	config.listener.event = ended;
	config.listener.context = &outcome;
	if (!config.kernel || vm_create(&config, &vm, &error) || vm_resume(vm))
		log_error("guest-tests-beside=%s: %s", name, error);
	return vm;
}

static void end_beside(struct vm *vm)
{
	log_notice("guest-tests: beside them %s halted %llu times", vm->name, (unsigned long long)vm->vcpus[0]->exits[EXIT_HLT]);
	vm_stop(vm);
	vm_destroy(vm);
}

void guest_tests_run(void)
{
	char only[64], name[64], beside[64] = "";
	u32 passed = 0, failed = 0;
	struct vm *company = NULL;

	run_linux();
	if (!boot_option("guest-tests", only, sizeof(only)))
		return;
	if (boot_option("guest-tests-beside", beside, sizeof(beside)))
		company = start_beside(beside);
	for (u32 i = 0; i < boot_record.info.module_count; i++) {
		const struct boot_module *module = &boot_record.modules[i];
		size_t length = strnlen(module->name, sizeof(module->name)), suffix = sizeof(SUFFIX) - 1;

		if (length <= suffix || !string_equal(module->name + length - suffix, SUFFIX))
			continue;
		string_copy(name, module->name, MIN(sizeof(name), length - suffix + 1));
		if ((only[0] && !string_equal(only, name)) || (beside[0] && string_equal(beside, name)))
			continue;
		if (run_one(module, name))
			passed++;
		else
			failed++;
	}
	if (company)
		end_beside(company);
	log_notice("guest-tests: %u passed, %u failed", passed, failed);
}
