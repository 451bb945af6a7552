/* SPDX-License-Identifier: MIT */
/*
 * The UEFI front door, \EFI\BOOT\BOOTX64.EFI: from the firmware to the hypervisor's entry, top to bottom.
 *
 * Loads the embedded hypervisor, reads the files of \solera\, asks the firmware about the machine, ends boot services
 * and enters as boot/handoff.h says. Next to read: files.c, firmware.c, memory.c; then arch/x86/start.S.
 */
#include "boot/efi/efi_boot.h"
#include "boot/identity.h"
#include "boot/image.h"

extern const uint8_t embedded_elf[], embedded_elf_end[];

EFI_STATUS efi_main(EFI_HANDLE image_handle, EFI_SYSTEM_TABLE *system);

static bool allocate_record(struct efi_boot *boot)
{
	char *messages = allocate_pages(boot, MESSAGES_BYTES);

	boot->info = allocate_pages(boot, sizeof(*boot->info));
	boot->modules = allocate_pages(boot, MODULES_MAX * sizeof(*boot->modules));
	if (!boot->info || !boot->modules || !messages)
		return false;
	text_init(&boot->messages, messages, MESSAGES_BYTES);
	boot->info->magic = BOOTINFO_MAGIC;
	boot->info->version = BOOTINFO_VERSION;
	boot->info->door = BOOT_DOOR_EFI;
	boot->info->modules = (uint64_t)(uintptr_t)boot->modules;
	boot->info->boot_messages = (uint64_t)(uintptr_t)messages;
	return true;
}

/* Solera's tables have four levels, and the number cannot change while paging is on. SDM vol. 3, "Enabling Paging" (4.1.2). */
static bool has_five_levels(void)
{
	uint64_t cr4;

	__asm__("mov %%cr4, %0" : "=r"(cr4));
	return cr4 & 1u << 12;
}

EFI_STATUS efi_main(EFI_HANDLE image_handle, EFI_SYSTEM_TABLE *system)
{
	struct efi_boot boot = { .image = image_handle, .system = system, .services = system->BootServices };
	struct image image;
	const char *fault;
	uint8_t *memory;
	EFI_STATUS status;

	/* Reading gigabytes can take longer than the firmware's five minutes for a boot loader. */
	boot.services->SetWatchdogTimer(0, 0, 0, NULL);
	if (!allocate_record(&boot))
		return fail(&boot, EFI_OUT_OF_RESOURCES, "no memory for the boot record", NULL);
	if (has_five_levels())
		return fail(&boot, EFI_UNSUPPORTED, "the firmware runs with five-level paging, which Solera cannot take over: "
			    "turn 5-level paging (LA57) off in the firmware's settings", NULL);
	fault = image_check(&image, embedded_elf, (size_t)(embedded_elf_end - embedded_elf));
	if (fault)
		return fail(&boot, EFI_LOAD_ERROR, fault, NULL);
	memory = allocate_image(&boot, image.size_bytes);
	if (!memory)
		return fail(&boot, EFI_OUT_OF_RESOURCES, "no memory for the hypervisor", NULL);
	image_load(&image, memory);
	boot.info->image_base = (uint64_t)(uintptr_t)memory;
	boot.info->image_size_bytes = image.size_bytes;

	read_files(&boot);
	describe_firmware(&boot);
	if (!prepare_exit(&boot))
		return fail(&boot, EFI_OUT_OF_RESOURCES, "no memory for page tables and memory map", NULL);
	status = exit_boot_services(&boot);
	if (EFI_ERROR(status))
		return status; /* no service may be called any more, so nothing can be said either */

	identity_build(boot.tables, boot.identity_end, boot.gib_pages);
	boot_enter(boot.info->image_base + image.entry_offset, (uint64_t)(uintptr_t)boot.info, boot.info->image_base,
		   (uint64_t)(uintptr_t)boot.tables, (uint64_t)(uintptr_t)boot.stack_top);
}
