/* SPDX-License-Identifier: MIT */
/*
 * What the firmware tells of the machine: its tables, the framebuffer, the CPUs.
 *
 * UEFI specification, "Graphics Output Protocol" (12.9); PI specification vol. 2,
 * "MP Services Protocol" (13.4). Nothing here is needed to boot: what is missing stays 0. Next to read: memory.c.
 */
#include "boot/efi/efi_boot.h"

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
	struct efi_tables tables;

	efi_find_tables(boot->system, &tables);
	info->rsdp = tables.rsdp;
	info->smbios = tables.smbios;
	info->efi_system_table = (uint64_t)(uintptr_t)boot->system;
	describe_framebuffer(boot);
	describe_cpus(boot);
	describe_vendor(boot);
}
