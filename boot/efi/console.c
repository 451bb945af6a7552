/* SPDX-License-Identifier: MIT */
/* Words for the person: on the firmware's console, and, for later, in boot_messages. Next to read: files.c. */
#include "boot/efi/efi_boot.h"

#define FAIL_WAIT_SECONDS 60u

static void print(struct efi_boot *boot, const char *s)
{
	SIMPLE_TEXT_OUTPUT_INTERFACE *out = boot->system->ConOut;
	CHAR16 wide[64];
	size_t used = 0;

	if (!out)
		return;
	while (*s) {
		const uint8_t *c = (const uint8_t *)s;
		size_t length = utf8_sequence(c, 4);

		if (length == 2)
			wide[used++] = (CHAR16)((c[0] & 0x1f) << 6 | (c[1] & 0x3f));
		else if (length == 3)
			wide[used++] = (CHAR16)((c[0] & 0xf) << 12 | (c[1] & 0x3f) << 6 | (c[2] & 0x3f));
		else
			wide[used++] = length == 1 ? *c : '?';
		s += length ? length : 1;
		if (used == 63 || !*s) {
			wide[used] = 0;
			out->OutputString(out, wide);
			used = 0;
		}
	}
}

static void print_line(struct efi_boot *boot, struct text *keep, const char *first, __builtin_va_list rest)
{
	const char *s;

	print(boot, "solera: ");
	for (s = first; s; s = __builtin_va_arg(rest, const char *)) {
		print(boot, s);
		if (keep)
			text_append(keep, s);
	}
	print(boot, "\r\n");
	if (keep)
		text_append(keep, "\n");
}

void message(struct efi_boot *boot, const char *first, ...)
{
	__builtin_va_list rest;

	__builtin_va_start(rest, first);
	print_line(boot, &boot->messages, first, rest);
	__builtin_va_end(rest);
}

void show(struct efi_boot *boot, const char *first, ...)
{
	__builtin_va_list rest;

	__builtin_va_start(rest, first);
	print_line(boot, NULL, first, rest);
	__builtin_va_end(rest);
}

static void wait_for_key(struct efi_boot *boot)
{
	EFI_EVENT events[2];
	UINTN count = 0, index;

	if (boot->services->CreateEvent(EVT_TIMER, 0, NULL, NULL, &events[0]) != EFI_SUCCESS)
		return;
	boot->services->SetTimer(events[0], TimerRelative, FAIL_WAIT_SECONDS * 10000000ull);
	count = 1;
	if (boot->system->ConIn)
		events[count++] = boot->system->ConIn->WaitForKey;
	boot->services->WaitForEvent(count, events, &index);
	boot->services->CloseEvent(events[0]);
}

EFI_STATUS fail(struct efi_boot *boot, EFI_STATUS status, const char *first, ...)
{
	__builtin_va_list rest;

	__builtin_va_start(rest, first);
	print_line(boot, NULL, first, rest);
	__builtin_va_end(rest);
	print(boot, "solera: this machine was not started; press a key to return to the firmware\r\n");
	wait_for_key(boot);
	return status;
}

const char *status_text(EFI_STATUS status)
{
	switch (status) {
	case EFI_SUCCESS: return "no error";
	case EFI_INVALID_PARAMETER: return "invalid parameter";
	case EFI_UNSUPPORTED: return "unsupported";
	case EFI_DEVICE_ERROR: return "device error";
	case EFI_OUT_OF_RESOURCES: return "out of memory";
	case EFI_VOLUME_CORRUPTED: return "the volume is corrupted";
	case EFI_NOT_FOUND: return "not found";
	case EFI_ACCESS_DENIED: return "access denied";
	case EFI_NO_MEDIA: return "no medium";
	case EFI_MEDIA_CHANGED: return "the medium was changed";
	case EFI_END_OF_FILE: return "the file ends early";
	case EFI_BUFFER_TOO_SMALL: return "buffer too small";
	default: return "unknown firmware error";
	}
}
