/* SPDX-License-Identifier: MIT */
/*
 * Reads the files that stand directly in \solera\ of the volume that this program was started from.
 *
 * cmdline.txt becomes the command line, every other file a module. Names that begin with a dot are left alone: they
 * are what other systems leave behind. One bad file costs a message, never the boot. Next to read: memory.c.
 */
#include "boot/efi/efi_boot.h"

/* Some firmware fails on reads of many megabytes at once. */
#define READ_CHUNK_BYTES (8 * MIB_BYTES)
#define SHOW_PROGRESS_BYTES (64 * MIB_BYTES)
#define COMMAND_LINE_FILE "cmdline.txt"
#define COMMAND_LINE_FILE_MAX 65536u
/* EFI_FILE_INFO with the longest name that FAT allows, and room to spare. */
#define FILE_INFO_BYTES 2048u

static EFI_GUID loaded_image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
static EFI_GUID file_system_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;

static EFI_STATUS read_whole(EFI_FILE_HANDLE file, uint8_t *to, uint64_t size)
{
	uint64_t done = 0;

	while (done < size) {
		UINTN count = size - done < READ_CHUNK_BYTES ? size - done : READ_CHUNK_BYTES;
		EFI_STATUS status = file->Read(file, &count, to + done);

		if (EFI_ERROR(status))
			return status;
		if (count == 0)
			return EFI_END_OF_FILE;
		done += count;
	}
	return EFI_SUCCESS;
}

static void read_command_line(struct efi_boot *boot, EFI_FILE_HANDLE file, uint64_t size)
{
	uint8_t *raw = allocate_pages(boot, COMMAND_LINE_FILE_MAX);
	char *clean = allocate_pages(boot, COMMAND_LINE_MAX);
	unsigned int faults;
	EFI_STATUS status;

	if (!raw || !clean) {
		message(boot, COMMAND_LINE_FILE ": no memory to read it", NULL);
		return;
	}
	status = read_whole(file, raw, size < COMMAND_LINE_FILE_MAX ? size : COMMAND_LINE_FILE_MAX);
	if (EFI_ERROR(status)) {
		message(boot, COMMAND_LINE_FILE ": cannot be read: ", status_text(status), NULL);
		return;
	}
	faults = command_line_clean(raw, size < COMMAND_LINE_FILE_MAX ? size : COMMAND_LINE_FILE_MAX, clean);
	if (faults & COMMAND_LINE_UTF16)
		message(boot, COMMAND_LINE_FILE ": is UTF-16 text; save it as UTF-8. It was ignored", NULL);
	if (faults & COMMAND_LINE_NOT_TEXT)
		message(boot, COMMAND_LINE_FILE ": bytes that are no UTF-8 text were dropped", NULL);
	if (faults & COMMAND_LINE_TOO_LONG)
		message(boot, COMMAND_LINE_FILE ": longer than 4095 bytes, cut there", NULL);
	boot->info->command_line = (uint64_t)(uintptr_t)clean;
	free_pages(boot, raw, COMMAND_LINE_FILE_MAX);
}

static void read_module(struct efi_boot *boot, EFI_FILE_HANDLE file, const char *name, uint64_t size)
{
	struct boot_module *module = &boot->modules[boot->info->module_count];
	uint64_t room = (size + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	bool too_large = false;
	char mib[DECIMAL_MAX];
	EFI_STATUS status;
	uint8_t *at;

	decimal((size + MIB_BYTES - 1) / MIB_BYTES, mib);
	if (boot->info->module_count == MODULES_MAX) {
		message(boot, "skipped ", name, ": more than 1024 files", NULL);
		return;
	}
	if (room < size)
		room = 0, too_large = true;
	else if (room == 0)
		room = PAGE_BYTES;
	at = too_large ? NULL : allocate_module(boot, room, &too_large);
	if (!at) {
		if (too_large)
			message(boot, "skipped ", name, ": ", mib, " MiB would leave less than a quarter of memory free", NULL);
		else
			message(boot, "skipped ", name, ": no ", mib, " MiB of memory in one piece", NULL);
		return;
	}
	if (size >= SHOW_PROGRESS_BYTES)
		show(boot, "reading ", name, ", ", mib, " MiB", NULL);
	status = read_whole(file, at, size);
	if (EFI_ERROR(status)) {
		message(boot, "skipped ", name, ": cannot be read: ", status_text(status), NULL);
		free_pages(boot, at, room);
		return;
	}
	__builtin_memset(at + size, 0, room - size);
	module->base = (uint64_t)(uintptr_t)at;
	module->size_bytes = size;
	__builtin_memcpy(module->name, name, BOOT_MODULE_NAME_MAX);
	boot->info->module_count++;
}

static void read_entry(struct efi_boot *boot, EFI_FILE_HANDLE folder, EFI_FILE_INFO *entry, UINTN entry_bytes)
{
	UINTN units = (entry_bytes - SIZE_OF_EFI_FILE_INFO) / sizeof(CHAR16);
	char name[BOOT_MODULE_NAME_MAX];
	EFI_FILE_HANDLE file;
	EFI_STATUS status;

	if ((entry->Attribute & EFI_FILE_DIRECTORY) || entry->FileName[0] == L'.')
		return;
	if (!utf16_to_utf8((const uint16_t *)entry->FileName, units, name, sizeof(name))) {
		message(boot, "skipped a file: its name is longer than 255 bytes", NULL);
		return;
	}
	status = folder->Open(folder, &file, entry->FileName, EFI_FILE_MODE_READ, 0);
	if (EFI_ERROR(status)) {
		message(boot, "skipped ", name, ": cannot be opened: ", status_text(status), NULL);
		return;
	}
	if (text_equal_ignore_case(name, COMMAND_LINE_FILE))
		read_command_line(boot, file, entry->FileSize);
	else
		read_module(boot, file, name, entry->FileSize);
	file->Close(file);
}

static void read_folder(struct efi_boot *boot, EFI_FILE_HANDLE folder, EFI_FILE_INFO *entry)
{
	for (;;) {
		UINTN size = FILE_INFO_BYTES;
		EFI_STATUS status = folder->Read(folder, &size, entry);

		if (EFI_ERROR(status)) {
			message(boot, "the list of files in \\solera cannot be read: ", status_text(status), NULL);
			return;
		}
		if (size <= SIZE_OF_EFI_FILE_INFO) /* 0: the end of the folder */
			return;
		read_entry(boot, folder, entry, size);
	}
}

void read_files(struct efi_boot *boot)
{
	EFI_FILE_HANDLE root, folder;
	EFI_FILE_IO_INTERFACE *volume;
	EFI_LOADED_IMAGE *self;
	EFI_FILE_INFO *entry;
	EFI_STATUS status;

	status = boot->services->HandleProtocol(boot->image, &loaded_image_guid, (void **)&self);
	if (!EFI_ERROR(status))
		status = boot->services->HandleProtocol(self->DeviceHandle, &file_system_guid, (void **)&volume);
	if (!EFI_ERROR(status))
		status = volume->OpenVolume(volume, &root);
	if (EFI_ERROR(status)) {
		message(boot, "no files: not started from a volume that the firmware can read", NULL);
		return;
	}
	entry = allocate_pages(boot, FILE_INFO_BYTES);
	status = root->Open(root, &folder, (CHAR16 *)L"\\solera", EFI_FILE_MODE_READ, 0);
	if (!entry || EFI_ERROR(status))
		message(boot, "no files: folder \\solera: ", status_text(entry ? status : EFI_OUT_OF_RESOURCES), NULL);
	else {
		read_folder(boot, folder, entry);
		folder->Close(folder);
	}
	root->Close(root);
}
