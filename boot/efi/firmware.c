/* SPDX-License-Identifier: MIT */
/*
 * What the firmware tells of the machine: its tables, the framebuffer, the CPUs.
 *
 * UEFI specification, "EFI Configuration Table" (4.6), "Graphics Output Protocol" (12.9); PI specification vol. 2,
 * "MP Services Protocol" (13.4). Nothing here is needed to boot: what is missing stays 0. Next to read: memory.c.
 */
#include "boot/efi/efi_boot.h"

static const EFI_GUID acpi_20_guid = ACPI_20_TABLE_GUID;
static const EFI_GUID acpi_guid = ACPI_TABLE_GUID;
static const EFI_GUID smbios_3_guid = { 0xf2fd1544, 0x9794, 0x4a2c, { 0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94 } };
static const EFI_GUID smbios_guid = SMBIOS_TABLE_GUID;
static EFI_GUID graphics_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
static EFI_GUID mp_services_guid = { 0x3fdda605, 0xa76e, 0x4f46, { 0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08 } };

struct mp_processor {
	UINT64 id;
	UINT32 status; /* bit 0 boot CPU, 1 enabled, 2 healthy: as in struct boot_cpu */
	UINT32 package, core, thread;
	UINT32 extended_location[6];
};

/* Only what is called here; the protocol goes on. */
struct mp_services {
	EFI_STATUS (EFIAPI *get_number_of_processors)(struct mp_services *this, UINTN *count, UINTN *enabled);
	EFI_STATUS (EFIAPI *get_processor_info)(struct mp_services *this, UINTN index, struct mp_processor *cpu);
};

bool guid_equal(const EFI_GUID *a, const EFI_GUID *b)
{
	return __builtin_memcmp(a, b, sizeof(*a)) == 0;
}

uint64_t vendor_table(struct efi_boot *boot, const EFI_GUID *guid)
{
	UINTN i;

	for (i = 0; i < boot->system->NumberOfTableEntries; i++) {
		EFI_CONFIGURATION_TABLE *table = &boot->system->ConfigurationTable[i];

		if (guid_equal(&table->VendorGuid, guid))
			return (uint64_t)(uintptr_t)table->VendorTable;
	}
	return 0;
}

static bool describe_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics, struct boot_framebuffer *out)
{
	EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info;
	uint32_t used;

	if (!graphics->Mode || !graphics->Mode->Info || !graphics->Mode->FrameBufferBase)
		return false;
	info = graphics->Mode->Info;
	*out = (struct boot_framebuffer){
		.base = graphics->Mode->FrameBufferBase, .size_bytes = graphics->Mode->FrameBufferSize,
		.width = info->HorizontalResolution, .height = info->VerticalResolution,
		.stride_bytes = info->PixelsPerScanLine * 4,
	};
	switch (info->PixelFormat) {
	case PixelRedGreenBlueReserved8BitPerColor: out->format = BOOT_PIXEL_RGBX; break;
	case PixelBlueGreenRedReserved8BitPerColor: out->format = BOOT_PIXEL_BGRX; break;
	case PixelBitMask:
		out->format = BOOT_PIXEL_MASK;
		out->red_mask = info->PixelInformation.RedMask;
		out->green_mask = info->PixelInformation.GreenMask;
		out->blue_mask = info->PixelInformation.BlueMask;
		/* A pixel is as wide as its highest mask bit says; only 32-bit pixels are promised onward. */
		used = out->red_mask | out->green_mask | out->blue_mask | info->PixelInformation.ReservedMask;
		if (!(used >> 24))
			return false;
		break;
	default: return false; /* PixelBltOnly: no memory to draw in */
	}
	/* Some firmware reports a stride or size of 0, or one that is too small for its own picture. */
	if (info->PixelsPerScanLine < info->HorizontalResolution)
		out->stride_bytes = out->width * 4;
	if (out->size_bytes < (uint64_t)out->stride_bytes * out->height)
		out->size_bytes = (uint64_t)out->stride_bytes * out->height;
	return out->width && out->height;
}

/* The console's own screen first; a virtual one there has no framebuffer, then any other. */
static void describe_framebuffer(struct efi_boot *boot)
{
	EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics;
	UINTN count = 0, i;
	EFI_HANDLE *handles;

	if (!EFI_ERROR(boot->services->HandleProtocol(boot->system->ConsoleOutHandle, &graphics_guid,
						      (void **)&graphics)) &&
	    describe_mode(graphics, &boot->info->framebuffer))
		return;
	boot->info->framebuffer = (struct boot_framebuffer){ 0 };
	if (EFI_ERROR(boot->services->LocateHandleBuffer(ByProtocol, &graphics_guid, NULL, &count, &handles)))
		return;
	for (i = 0; i < count; i++) {
		if (!EFI_ERROR(boot->services->HandleProtocol(handles[i], &graphics_guid, (void **)&graphics)) &&
		    describe_mode(graphics, &boot->info->framebuffer))
			break;
		boot->info->framebuffer = (struct boot_framebuffer){ 0 };
	}
	boot->services->FreePool(handles);
}

static void describe_cpus(struct efi_boot *boot)
{
	struct mp_services *mp;
	struct boot_cpu *cpus;
	UINTN count, enabled, i;

	if (EFI_ERROR(boot->services->LocateProtocol(&mp_services_guid, NULL, (void **)&mp)) ||
	    EFI_ERROR(mp->get_number_of_processors(mp, &count, &enabled)) || count == 0 || count > 65536)
		return;
	cpus = allocate_pages(boot, count * sizeof(*cpus));
	if (!cpus)
		return;
	for (i = 0; i < count; i++) {
		struct mp_processor cpu = { 0 };

		if (EFI_ERROR(mp->get_processor_info(mp, i, &cpu)))
			continue;
		cpus[boot->info->cpu_count].apic_id = (uint32_t)cpu.id;
		cpus[boot->info->cpu_count++].flags = cpu.status & 7;
	}
	boot->info->cpus = (uint64_t)(uintptr_t)cpus;
}

static void describe_vendor(struct efi_boot *boot)
{
	char version[DECIMAL_MAX];
	struct text name;

	text_init(&name, boot->info->firmware, sizeof(boot->info->firmware));
	/* A name that is too long stays out; the versions still stand there. */
	if (boot->system->FirmwareVendor &&
	    utf16_to_utf8((const uint16_t *)boot->system->FirmwareVendor, 40, name.at, 41)) {
		while (name.at[name.length])
			name.length++;
		text_append(&name, " ");
	}
	text_append(&name, "(UEFI ");
	text_append(&name, decimal(boot->system->Hdr.Revision >> 16, version));
	text_append(&name, ".");
	text_append(&name, decimal((boot->system->Hdr.Revision & 0xffff) / 10, version));
	text_append(&name, ")");
}

void describe_firmware(struct efi_boot *boot)
{
	struct bootinfo *info = boot->info;

	info->rsdp = vendor_table(boot, &acpi_20_guid);
	if (!info->rsdp)
		info->rsdp = vendor_table(boot, &acpi_guid);
	info->smbios = vendor_table(boot, &smbios_3_guid);
	if (!info->smbios)
		info->smbios = vendor_table(boot, &smbios_guid);
	info->efi_system_table = (uint64_t)(uintptr_t)boot->system;
	describe_framebuffer(boot);
	describe_cpus(boot);
	describe_vendor(boot);
}
