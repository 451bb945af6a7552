/* SPDX-License-Identifier: MIT */
/*
 * The GDT, TSS and IDT of one CPU.
 *
 * All three stand in struct cpu. There is no user mode: one code and one data segment, and a TSS only for its IST
 * stacks. SDM vol. 3, "Interrupt and Exception Handling" (6), "Task Management in 64-bit Mode" (8.7).
 */
#include "arch/x86/cpu.h"
#include "arch/x86/trap.h"

#define GDT_CODE64 0x00af9b000000ffffull /* present, ring 0, execute/read, accessed, long mode */
#define GDT_DATA 0x00cf93000000ffffull
#define TSS_AVAILABLE 0x89ull
#define GATE_INTERRUPT 0x8e

extern const u8 trap_entries[]; /* trap_entry.S: 16 bytes each */

struct table_pointer {
	u16 limit;
	u64 base;
} PACKED;

static void set_gate(struct idt_gate *gate, u64 entry)
{
	gate->offset_low = (u16)entry;
	gate->offset_middle = (u16)(entry >> 16);
	gate->offset_high = (u32)(entry >> 32);
	gate->selector = SELECTOR_CODE;
	gate->ist = 0;
	gate->type = GATE_INTERRUPT;
	gate->reserved = 0;
}

static void set_tss_descriptor(struct cpu *cpu)
{
	u64 base = (u64)&cpu->tss, limit = sizeof(cpu->tss) - 1;

	cpu->gdt[3] = limit | (base & 0xffffff) << 16 | TSS_AVAILABLE << 40 | (base >> 24 & 0xff) << 56;
	cpu->gdt[4] = base >> 32;
}

void cpu_reload_tss(struct cpu *cpu)
{
	set_tss_descriptor(cpu);
	__asm__ volatile("ltr %w0" ::"r"(SELECTOR_TSS) : "memory");
}

void cpu_load_descriptors(struct cpu *cpu)
{
	struct table_pointer gdt = { 5 * 8 - 1, (u64)cpu->gdt }, idt = { sizeof(cpu->idt) - 1, (u64)cpu->idt };

	cpu->gdt[0] = 0;
	cpu->gdt[1] = GDT_CODE64;
	cpu->gdt[2] = GDT_DATA;
	cpu->tss.io_map_base = sizeof(cpu->tss);
	for (unsigned i = 0; i < 256; i++)
		set_gate(&cpu->idt[i], (u64)trap_entries + i * 16);
	__asm__ volatile("lgdt %0" ::"m"(gdt) : "memory");
	__asm__ volatile("pushq %0\n"
			 "leaq 1f(%%rip), %%rax\n"
			 "pushq %%rax\n"
			 "lretq\n"
			 "1: movl %1, %%eax\n"
			 "movl %%eax, %%ss\n"
			 "movl %%eax, %%ds\n"
			 "movl %%eax, %%es\n"
			 "xorl %%eax, %%eax\n"
			 "movl %%eax, %%fs\n"
			 "movl %%eax, %%gs\n" ::"i"(SELECTOR_CODE),
			 "i"(SELECTOR_DATA)
			 : "rax", "memory");
	__asm__ volatile("lidt %0" ::"m"(idt) : "memory");
	__asm__ volatile("lldt %w0" ::"r"(0) : "memory");
	cpu_reload_tss(cpu);
}

void cpu_set_ist_stacks(struct cpu *cpu, const u64 tops[CPU_IST_COUNT])
{
	for (unsigned i = 0; i < CPU_IST_COUNT; i++) {
		*(struct cpu **)(tops[i] - 8) = cpu;
		cpu->tss.ist[i] = tops[i] - 16;
	}
	cpu_ist_on(cpu);
}
