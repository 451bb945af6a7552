/* SPDX-License-Identifier: MIT */
/*
 * Firmware run-time services in an address space of their own (efi_runtime.h, arch/x86/efi_call.S).
 *
 * The address space has the host's upper half (our code, our stacks, the IDT) and, below, only the firmware's run-time
 * regions at their physical addresses, with the rights that the memory-attributes table gave them. SetVirtualAddressMap is
 * not called. UEFI specification, "EFI_MEMORY_ATTRIBUTES_TABLE" (4.6) and "Calling Conventions" (2.3.4).
 */
#include "hv/efi_runtime.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_call.h"
#include "arch/x86/paging.h"
#include "arch/x86/trap.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/memory.h"
#include "hv/pages.h"

#define EFI_SYSTEM_TABLE_SIGNATURE 0x5453595320494249ull /* "IBI SYST" */
#define EFI_RUNTIME_SIGNATURE 0x56524553544e5552ull      /* "RUNTSERV" */
#define EFI_MEMORY_XP BIT64(14)
#define EFI_MEMORY_RO BIT64(17)
#define EFI_MEMORY_RUNTIME BIT64(63)
#define EFI_STACK_ORDER 4 /* 64 KiB: more than the specification asks for */

struct efi_system_table {
	u64 signature;
	u32 revision, header_bytes, crc32, reserved;
	u64 vendor;
	u32 firmware_revision, pad;
	u64 console_in_handle, console_in, console_out_handle, console_out, error_handle, error_out;
	u64 runtime_services;
};

struct efi_runtime_services {
	u64 signature;
	u32 revision, header_bytes, crc32, reserved;
	u64 get_time, set_time, get_wakeup_time, set_wakeup_time, set_virtual_address_map, convert_pointer;
	u64 get_variable, get_next_variable_name, set_variable, get_next_high_monotonic_count, reset_system;
};

struct efi_call {
	u64 function, arguments[5], firmware_cr3, stack_top, host_cr3, host_rsp, reserved[6];
	u8 vectors[512] ALIGNED(16); /* FXSAVE area */
};
STATIC_ASSERT(offsetof(struct efi_call, firmware_cr3) == 48, "efi_call.S");
STATIC_ASSERT(offsetof(struct efi_call, host_rsp) == 72, "efi_call.S");
STATIC_ASSERT(offsetof(struct efi_call, vectors) == 128, "efi_call.S");

u64 efi_call(struct efi_call *call);
void efi_call_unwind(void);

static struct {
	bool available;
	hpa_t top_level;
	u64 get_time, reset_system;
	struct efi_call call;
	struct efi_time time; /* in the image: mapped in both address spaces */
} efi;

bool efi_runtime_available(void)
{
	return efi.available;
}

static int map_runtime_regions(u64 *top_level)
{
	for (u32 i = 0; i < host_memory_map.count; i++) {
		const struct memory_range *range = &host_memory_map.ranges[i];
		bool code = range->type == BOOT_MEMORY_RUNTIME_CODE, data = range->type == BOOT_MEMORY_RUNTIME_DATA;
		unsigned flags = 0;

		if (!code && !data && !(range->attributes & EFI_MEMORY_RUNTIME))
			continue;
		if (!(range->attributes & EFI_MEMORY_RO))
			flags |= PAGING_WRITE;
		if (code && !(range->attributes & EFI_MEMORY_XP))
			flags |= PAGING_EXECUTE;
		if (!code && !data)
			flags |= PAGING_UNCACHED;
		if (paging_map_in(top_level, range->base, range->base, range->end - range->base, flags) != OK)
			return ERR_NO_MEMORY;
	}
	return OK;
}

static bool is_runtime_code(u64 address)
{
	u32 i = memory_map_find(&host_memory_map, address);

	return i < host_memory_map.count && address >= host_memory_map.ranges[i].base &&
	       host_memory_map.ranges[i].type == BOOT_MEMORY_RUNTIME_CODE;
}

/* NULL, or what is wrong with the firmware's tables. */
static const char *read_tables(u64 system_table)
{
	const struct efi_system_table *table = memory_firmware_pointer(HPA(system_table), sizeof(*table));
	const struct efi_runtime_services *services;

	if (!table || table->signature != EFI_SYSTEM_TABLE_SIGNATURE)
		return "the system table is not one";
	services = memory_firmware_pointer(HPA(table->runtime_services), sizeof(*services));
	if (!services || services->signature != EFI_RUNTIME_SIGNATURE)
		return "the run-time services table is not one";
	efi.get_time = services->get_time;
	efi.reset_system = services->reset_system;
	if (!is_runtime_code(efi.get_time) || !is_runtime_code(efi.reset_system))
		return "a service stands outside of the run-time code";
	return NULL;
}

void efi_runtime_init(u64 system_table)
{
	const char *wrong;
	hpa_t stack;

	if (!system_table)
		return;
	wrong = read_tables(system_table);
	if (wrong) {
		log_warning("firmware run-time services are not used: %s", wrong);
		return;
	}
	efi.top_level = pages_alloc(0, PAGE_OWNER_TABLE, PAGES_ZERO | PAGES_BELOW_4G);
	stack = pages_alloc(EFI_STACK_ORDER, PAGE_OWNER_STACK, 0);
	if (!efi.top_level.value || !stack.value) {
		log_warning("firmware run-time services are not used: not enough memory");
		return;
	}
	paging_share_upper_half(direct_map(efi.top_level));
	if (map_runtime_regions(direct_map(efi.top_level)) != OK) {
		log_warning("firmware run-time services are not used: their memory cannot be mapped");
		return;
	}
	efi.call.firmware_cr3 = efi.top_level.value;
	efi.call.stack_top = (u64)direct_map(stack) + (PAGE_SIZE << EFI_STACK_ORDER);
	efi.available = true;
}

/* A fault while firmware runs: leave it, and never call it again. Runs on the firmware's stack: no this_cpu() here. */
static bool guard(struct trap_frame *frame)
{
	/* Another CPU may fault by itself meanwhile. */
	if (frame->rsp > efi.call.stack_top || frame->rsp <= efi.call.stack_top - (PAGE_SIZE << EFI_STACK_ORDER))
		return false;
	if (frame->vector == TRAP_NMI || frame->vector == TRAP_MACHINE_CHECK || frame->vector >= TRAP_FIRST_INTERRUPT)
		return false;
	frame->rip = (u64)efi_call_unwind;
	frame->rbx = (u64)&efi.call;
	trap_guard = NULL;
	efi.available = false;
	return true;
}

static u64 call_firmware(u64 function, u64 a, u64 b, u64 c, u64 d)
{
	u64 flags = irq_save(), cr4 = read_cr4(), status;
	bool faulted;

	efi.call.function = function;
	efi.call.arguments[0] = a;
	efi.call.arguments[1] = b;
	efi.call.arguments[2] = c;
	efi.call.arguments[3] = d;
	write_cr4(cr4 | CR4_OSFXSR | CR4_OSXMMEXCPT); /* the firmware may use SSE */
	trap_guard = guard;
	status = efi_call(&efi.call);
	faulted = !trap_guard;
	trap_guard = NULL;
	write_cr4(cr4);
	irq_restore(flags);
	if (faulted)
		log_error("a firmware run-time service faulted; they are not used any more");
	return status;
}

/* Firmware is called on the boot CPU only, one call at a time: it knows of no other CPU. */
struct boot_cpu_call {
	u64 function, a, b, status;
};

static void call_here(void *argument)
{
	struct boot_cpu_call *call = argument;

	if (efi.available)
		call->status = call_firmware(call->function, call->a, call->b, 0, 0);
}

static u64 call_on_boot_cpu(u64 function, u64 a, u64 b)
{
	struct boot_cpu_call call = { function, a, b, ~(u64)0 };

	cpu_call(0, call_here, &call);
	return call.status;
}

int efi_runtime_reset(enum efi_reset kind)
{
	if (!efi.available)
		return ERR_UNSUPPORTED;
	(void)call_on_boot_cpu(efi.reset_system, kind, 0);
	return ERR_IO;
}

int efi_runtime_get_time(u64 *wall_ns)
{
	if (!efi.available)
		return ERR_UNSUPPORTED;
	memset(&efi.time, 0, sizeof(efi.time));
	if (call_on_boot_cpu(efi.get_time, (u64)&efi.time, 0) != 0)
		return ERR_IO;
	return efi_time_to_ns(&efi.time, wall_ns);
}
