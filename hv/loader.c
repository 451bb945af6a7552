/* SPDX-License-Identifier: MIT */
/*
 * Direct boot: the machine's kernel file into its memory by the pure loaders, then vCPU 0's registers.
 *
 * It makes the memory map (low RAM with the PC's holes, high RAM, the board's tables) and translates a kernel_entry into
 * segments and control registers. Errors are words in vm->reason. Next to read: loader_image.h, loader_linux.c.
 */
#include "hv/loader.h"
#include "hv/lib/string.h"
#include "hv/loader_image.h"

#define EBDA_BASE 0x9fc00ull
#define VIDEO_BASE 0xa0000ull
#define BIOS_BASE 0xf0000ull

static int write_guest(void *context, u64 address, const void *from, size_t size_bytes)
{
	return gmem_write(context, GPA(address), from, size_bytes);
}

static int zero_guest(void *context, u64 address, size_t size_bytes)
{
	return gmem_zero(context, GPA(address), size_bytes);
}

static const struct kernel_memory_ops guest_memory = { write_guest, zero_guest };

static unsigned add_range(struct memory_range *map, unsigned count, u64 base, u64 end, enum memory_kind kind)
{
	if (end > base)
		map[count++] = (struct memory_range){ base, end - base, kind };
	return count;
}

/* RAM from base to end, but for the board's tables, which may lie in it. */
static unsigned add_ram(struct memory_range *map, unsigned count, u64 base, u64 end, u64 tables, u64 tables_end)
{
	if (tables >= tables_end || tables < base || tables_end > end)
		return add_range(map, count, base, end, MEMORY_RAM);
	count = add_range(map, count, base, tables, MEMORY_RAM);
	count = add_range(map, count, tables, tables_end, MEMORY_ACPI);
	return add_range(map, count, tables_end, end, MEMORY_RAM);
}

static unsigned make_map(struct vm *vm, struct memory_range map[KERNEL_MAP_MAX])
{
	const struct board_ops *board = vm_board();
	u64 tables = 0, tables_bytes = 0, low = vm->low_ram_bytes;
	unsigned count = 0;

	if (board && board->tables_memory)
		board->tables_memory(vm, &tables, &tables_bytes);
	count = add_range(map, count, 0, MIN(low, EBDA_BASE), MEMORY_RAM);
	count = add_range(map, count, EBDA_BASE, VIDEO_BASE, MEMORY_RESERVED);
	count = add_range(map, count, BIOS_BASE, MIB, MEMORY_RESERVED);
	count = add_ram(map, count, MIB, low, tables, tables + tables_bytes);
	count = add_range(map, count, VM_ECAM_BASE, VM_ECAM_BASE + 256 * MIB, MEMORY_RESERVED);
	return add_ram(map, count, VM_HIGH_RAM_BASE, VM_HIGH_RAM_BASE + vm->high_ram_bytes, tables, tables + tables_bytes);
}

#define CODE_32 (SEGMENT_G | SEGMENT_DB | SEGMENT_P | SEGMENT_S | 11u)
#define CODE_64 (SEGMENT_G | SEGMENT_L | SEGMENT_P | SEGMENT_S | 11u)
#define DATA_32 (SEGMENT_G | SEGMENT_DB | SEGMENT_P | SEGMENT_S | 3u)
#define BUSY_TSS (SEGMENT_P | 11u)
#define CR0_PE BIT64(0)
#define CR0_ET BIT64(4)
#define CR0_PG BIT64(31)
#define CR4_PAE BIT64(5)
#define EFER_LME BIT64(8)
#define EFER_LMA BIT64(10)

static void set_segments(struct vcpu *vcpu, const struct kernel_entry *entry)
{
	struct segment code = { 0, ~0u, entry->code_selector, entry->mode == KERNEL_LONG_64 ? CODE_64 : CODE_32 };
	struct segment data = { 0, ~0u, entry->data_selector, DATA_32 };
	struct segment task = { 0, 0x67, 0, BUSY_TSS }, none = { 0, 0, 0, 0 };

	virt_ops->set_segment(vcpu, SEGMENT_CS, &code);
	for (enum segment_index index = SEGMENT_ES; index <= SEGMENT_GS; index++)
		if (index != SEGMENT_CS)
			virt_ops->set_segment(vcpu, index, &data);
	virt_ops->set_segment(vcpu, SEGMENT_LDTR, &none);
	virt_ops->set_segment(vcpu, SEGMENT_TR, &task);
}

static void set_registers(struct vcpu *vcpu, const struct kernel_entry *entry)
{
	struct descriptor_table gdt = { entry->gdt_base, entry->gdt_limit }, idt = { 0, 0 };
	bool is_64 = entry->mode == KERNEL_LONG_64;

	vcpu->regs = (struct vcpu_registers){ .rip = entry->rip, .rflags = RFLAGS_FIXED };
	vcpu->regs.gpr[GPR_RAX] = entry->rax;
	vcpu->regs.gpr[GPR_RBX] = entry->rbx;
	vcpu->regs.gpr[GPR_RSI] = entry->rsi;
	vcpu->regs.gpr[GPR_RSP] = entry->rsp;
	virt_ops->set_table(vcpu, false, &gdt);
	virt_ops->set_table(vcpu, true, &idt);
	virt_ops->set_system(vcpu, SYSTEM_CR3, entry->cr3);
	virt_ops->set_system(vcpu, SYSTEM_CR4, is_64 ? CR4_PAE : 0);
	virt_ops->set_system(vcpu, SYSTEM_EFER, is_64 ? EFER_LME | EFER_LMA : 0);
	virt_ops->set_system(vcpu, SYSTEM_CR0, CR0_PE | CR0_ET | (is_64 ? CR0_PG : 0));
	set_segments(vcpu, entry);
}

static int load(struct vm *vm, const char **error)
{
	const struct board_ops *board = vm_board();
	struct memory_range map[KERNEL_MAP_MAX];
	struct kernel_module modules[KERNEL_MODULES_MAX];
	struct kernel_request request = {
		.image = vm->config.kernel, .image_bytes = vm->config.kernel_bytes,
		.modules = modules, .module_count = vm->config.module_count,
		.command_line = vm->config.command_line ? vm->config.command_line : "",
		.map = map, .map_count = make_map(vm, map),
		.rsdp = board && board->rsdp ? board->rsdp(vm).value : 0,
		.memory = &guest_memory, .context = vm,
	};
	struct kernel_entry entry;
	char words[KERNEL_ERROR_MAX];
	int result;

	STATIC_ASSERT(KERNEL_ERROR_MAX <= sizeof(vm->reason), "the words must fit");
	if (request.module_count > KERNEL_MODULES_MAX) {
		*error = "more modules than a kernel can be given (32)";
		return ERR_RANGE;
	}
	for (unsigned i = 0; i < request.module_count; i++)
		modules[i] = (struct kernel_module){ vm->config.modules[i].data, vm->config.modules[i].size_bytes,
						     vm->config.modules[i].name };
	result = kernel_load(&request, &entry, words);
	if (result != OK) {
		string_copy(vm->reason, words, sizeof(vm->reason));
		*error = vm->reason;
		return result;
	}
	set_registers(vm->vcpus[0], &entry);
	return OK;
}

const struct loader_ops direct_loader = { load };
