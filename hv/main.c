/* SPDX-License-Identifier: MIT */
/*
 * From the entry to the prompt: plain calls, top to bottom. Also the one place that knows all parts by name.
 * Next to read: hv/thread.c, hv/run.c.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/early_console.h"
#include "arch/x86/lapic.h"
#include "arch/x86/msr.h"
#include "arch/x86/paging.h"
#include "boot/handoff.h"
#include "hv/clock_internal.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/log.h"
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
	log_info("image at %llx, firmware %.64s", (unsigned long long)image_base, info->firmware);
	paging_enable_features();
	panic("nothing more to do yet");
}
