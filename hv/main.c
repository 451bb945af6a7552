/* SPDX-License-Identifier: MIT */
/*
 * From the entry to the prompt: plain calls, top to bottom. Also the one place that knows all parts by name.
 * Next to read: hv/thread.c, hv/run.c.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_call.h"
#include "arch/x86/early_console.h"
#include "arch/x86/fpu.h"
#include "arch/x86/msr.h"
#include "boot/handoff.h"
#include "drivers/ahci.h"
#include "drivers/e1000.h"
#include "drivers/nvme.h"
#include "drivers/pci.h"
#include "drivers/usb/usb.h"
#include "drivers/virtio_host_blk.h"
#include "drivers/virtio_host_net.h"
#include "hv/block/partition.h"
#include "hv/block/ramdisk.h"
#include "hv/boot_record.h"
#include "hv/clock.h"
#include "hv/clock_internal.h"
#include "hv/exit.h"
#include "hv/guest_tests.h"
#include "hv/host_cpu.h"
#include "hv/host_console.h"
#include "hv/host_firmware.h"
#include "hv/interrupt.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/dev/pc.h"
#include "hv/device_model.h"
#include "hv/efi_runtime.h"
#include "hv/loader.h"
#include "hv/log.h"
#include "hv/manage/domain.h"
#include "hv/manage/host_validate.h"
#include "hv/manage/network.h"
#include "hv/manage/nodedev.h"
#include "hv/manage/pool.h"
#include "hv/manage/store.h"
#include "hv/memory.h"
#include "hv/modules.h"
#include "hv/pages.h"
#include "hv/power.h"
#include "hv/selftest.h"
#include "hv/smp.h"
#include "hv/stack_protector.h"
#include "hv/thread.h"
#include "hv/timer.h"
#include "hv/tsc_watch.h"
#include "hv/version.h"
#include "hv/virt_start.h"
#include "hv/vmap.h"
#include "virtio/models.h"

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

static struct pci_device_list host_pci;

static void *map_registers(u64 address, u64 size_bytes)
{
	return vmap(HPA(address), size_bytes, VMAP_UNCACHED);
}

/* Finds the host's PCI devices, and tells everybody who asks for them or for the firmware's tables. */
static void host_devices_init(void)
{
	static const struct pci_driver *const drivers[] = { &nvme_driver, &ahci_driver, &virtio_host_blk_driver, &xhci_driver, &virtio_host_net_driver, &e1000_driver, &e1000e_driver, NULL };
	struct pci_ecam_range ranges[ACPI_MAX_MCFG];
	struct pages_stats stats;
	const struct pci_config *config;
	char unusable[200];
	struct virt_words words;

	for (u32 i = 0; i < host_acpi.mcfg_count; i++)
		ranges[i] = (struct pci_ecam_range){ host_acpi.mcfg[i].base, host_acpi.mcfg[i].segment,
						     host_acpi.mcfg[i].first_bus, host_acpi.mcfg[i].last_bus };
	config = pci_access_init(ranges, host_acpi.mcfg_count, map_registers);
	power_init(&host_acpi, config);
	if (pci_enumerate(&host_pci, config, ranges, host_acpi.mcfg_count) == OK)
		log_info("PCI: %u functions, %u with a driver", host_pci.count, pci_bind(&host_pci, drivers));
	usb_start();
	partitions_scan_all();
	nodedev_init(&(struct nodedev_host){ &host_pci, host_smbios.present ? &host_smbios : NULL, usb_for_each });
	pages_stats(&stats);
	host_validate_init(&(struct host_facts){ host_acpi.present, host_acpi.iommu.dmar, host_acpi.iommu.ivrs,
						 host_acpi.iommu.interrupt_remapping, stats.total_pages * (PAGE_SIZE / KIB) });
	virt_words_read(&words);
	if (!host_validate_usable(&words, unusable, sizeof(unusable)))
		log_warning("%s (virt-host-validate says more)", unusable);
}

extern const struct virt_ops svm_virt_ops, vmx_virt_ops;

/* Machines of guest tests have a disk. */
static void guest_tests_disk(void)
{
	struct block_device *disk;

	if (boot_option("guest-tests", NULL, 0) && ramdisk_create(MIB, &disk) == OK)
		guest_tests_set_disk(disk);
}

/* The hardware's virtualisation, the other CPUs with it, and what a machine is made of. */
static void machines_init(void)
{
	static const struct virt_ops *const backends[] = { &svm_virt_ops, &vmx_virt_ops };

	virt_start(backends, ARRAY_SIZE(backends));
	smp_start();
	tsc_watch_start();
	exit_start(!boot_option("no_fast", NULL, 0));
	vm_set_board(&pc_board);
	device_model_register(&virtio_balloon_model);
	device_model_register(&virtio_blk_model);
	device_model_register(&virtio_console_model);
	device_model_register(&virtio_net_model);
	device_model_register(&virtio_rng_model);
	device_model_register(&virtio_scsi_model);
	vm_set_loader(&direct_loader);
	guest_tests_disk();
	guest_tests_run();
}

/* The files of the boot medium, then the machines that they describe. */
static void domains_start(void)
{
	for (u32 i = 0; i < boot_record.info.module_count; i++) {
		const struct boot_module *module = &boot_record.modules[i];

		if (module_add(module->name, direct_map(HPA(module->base)), module->size_bytes))
			log_warning("%s: left out: there is a file of that name, or no memory", module->name);
	}
	store_find();
	networks_init();
	pools_load_store();
	domains_init();
	domains_load_modules();
}

/* How long it took, and how much of that nobody had anything to do, because a disk's answer was waited for. */
static void say_ready(void)
{
	struct host_cpu_ns times = { 0 };
	struct pages_stats stats;
	u64 now = clock_ns();

	if (host_cpu_ns(0, &times) != OK)
		times.idle = 0;
	pages_stats(&stats);
	log_info("memory: %llu MiB usable, %llu MiB free, %llu KiB used by Solera; ready %llu.%03llu ms after entry, %llu.%03llu of them idle",
		 (unsigned long long)(stats.total_pages >> 8), (unsigned long long)(stats.free_pages >> 8),
		 (unsigned long long)(memory_host_bytes() / KIB), (unsigned long long)(now / NS_PER_MS),
		 (unsigned long long)(now / NS_PER_US % 1000), (unsigned long long)(times.idle / NS_PER_MS),
		 (unsigned long long)(times.idle / NS_PER_US % 1000));
}

/* What start-up needs threads for, up to the prompt. */
static void main_thread(void *argument)
{
	(void)argument;
	clock_start_wall();
	host_devices_init();
	machines_init();
	domains_start();
	say_ready();
	if (boot_option("selftest", NULL, 0))
		selftest_run();
	host_console_start();
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
	host_console_early();
	host_firmware_read();
	log_info("image at %llx, firmware %s", (unsigned long long)image_base, boot_record.firmware);
	fpu_enable_cpu();
	clock_start(&host_acpi);
	interrupts_init(&host_acpi);
	efi_runtime_init(boot_record.info.efi_system_table);
	smp_set_ist_stacks();
	cpu_call_init();
	timers_init_cpu();
	threads_init_cpu();
	irq_enable();
	if (!thread_create("main", main_thread, NULL))
		panic("no memory for the first thread");
	thread_idle_loop();
}
