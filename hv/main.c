/* SPDX-License-Identifier: MIT */
/*
 * From the entry to the prompt: plain calls, top to bottom. Also the one place that knows all parts by name.
 * Next to read: hv/thread.c, hv/run.c.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/early_console.h"
#include "arch/x86/msr.h"
#include "boot/handoff.h"
#include "hv/boot_record.h"
#include "hv/clock_internal.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/log.h"
#include "hv/memory.h"
#include "hv/pages.h"
#include "hv/stack_protector.h"
#include "hv/version.h"

NORETURN void hv_main(const struct bootinfo *info, u64 image_base);

/* The first sink: what matters to people, on COM1. */
static void early_sink(enum log_level level, u64 time_ns, const char *text)
{
	char line[LOG_TEXT_MAX + 32];
	size_t length;

	if (level > LOG_INFO)
		return;
	length = format(line, sizeof(line), "[%5llu.%06llu] %s\n", (unsigned long long)(time_ns / 1000000000),
			(unsigned long long)(time_ns / 1000 % 1000000), text);
	early_console_write(line, length);
}

/* What start-up needs threads for, up to the prompt. */
static void main_thread(void *argument)
{
	struct pages_stats stats;

	(void)argument;
	pages_stats(&stats);
	log_info("memory: %llu MiB usable, %llu MiB free, %llu KiB used by Solera", (unsigned long long)(stats.total_pages >> 8),
		 (unsigned long long)(stats.free_pages >> 8), (unsigned long long)(memory_host_bytes() / KIB));
}

void hv_main(const struct bootinfo *info, u64 image_base)
{
	clock_set_start(rdtsc());
	stack_protector_init();
	early_console_init();
	log_set_sink(early_sink);
	cpu_load_descriptors(&boot_cpu);
	log_notice("Solera %s (%s)", solera_version, solera_config);
	if (info->magic != BOOTINFO_MAGIC || info->version != BOOTINFO_VERSION)
		panic("the hand-over record has the wrong magic or version: boot loader and hypervisor are of different builds");
	memory_init(info);
	boot_record_take(direct_map(HPA((u64)info)));
	log_info("image at %llx, firmware %s", (unsigned long long)image_base, boot_record.firmware);
	log_debug("memory used by Solera: %llu KiB", (unsigned long long)(memory_host_bytes() / KIB));
	main_thread(NULL);
	cpu_halt_forever();
}
