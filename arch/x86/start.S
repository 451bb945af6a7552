/* SPDX-License-Identifier: MIT */
/*
 * The first instructions of Solera, at a physical address under the front door's identity map (boot/handoff.h).
 *
 * Copies the lower half of the front door's top-level table, so that all that bootinfo names stays reachable, adds the
 * image at its final address with 2 MiB pages, and jumps there. hv/main.c replaces these tables by the final ones.
 * In: RDI = physical address of struct bootinfo, RSI = physical address of the image, interrupts off.
 */
#include "arch/x86/layout.h"

#define PTE_PRESENT_WRITE 3
#define PTE_LARGE 0x80
#define MSR_EFER 0xc0000080
#define EFER_NXE 0x800

	.section .text.boot_entry, "ax"
	.globl start
start:
	cli
	cld
	/* The tables stand in .bss: physical = image base (rsi) + offset. */
	lea boot_pml4(%rip), %rbx
	lea boot_pdpt(%rip), %rcx
	lea boot_pd(%rip), %rdx

	/* Lower half: the front door's. Every CPU that can nest has 4-level paging; the door leaves 5-level mode off. */
	mov %cr3, %rax
	and $~0xfff, %rax
	xor %r8d, %r8d
1:	mov (%rax,%r8,8), %r9
	mov %r9, (%rbx,%r8,8)
	inc %r8d
	cmp $256, %r8d
	jne 1b

	lea PTE_PRESENT_WRITE(%rcx), %rax
	mov %rax, 511*8(%rbx)
	lea PTE_PRESENT_WRITE(%rdx), %rax
	mov %rax, 510*8(%rcx)
	/* The image: from its base on, as many 2 MiB pages as it is long. */
	lea PTE_PRESENT_WRITE+PTE_LARGE(%rsi), %rax
	mov $(image_size_2m), %r9d
	xor %r8d, %r8d
2:	mov %rax, (%rdx,%r8,8)
	add $0x200000, %rax
	inc %r8d
	cmp %r9d, %r8d
	jne 2b

	/* NX bits are about to be used; the firmware's own tables may use them already. */
	mov %rsi, %r12
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_NXE, %eax
	wrmsr
	mov %r12, %rsi

	mov %rbx, %cr3
	movabs $start_high, %rax
	jmp *%rax

	.text
start_high:
	lea boot_stack_top-16(%rip), %rsp
	lea boot_cpu(%rip), %rax
	mov %rax, 8(%rsp)       /* the top slot: this_cpu() */
	xor %ebp, %ebp          /* the end of every backtrace */
	call hv_main
	ud2

	.section .bss.tables, "aw", @nobits
	.balign 4096
	.globl boot_pml4
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pd:
	.skip 4096

	/* A stack slot as all others: the lower half becomes unmapped with the final tables. */
	.section .bss.stack, "aw", @nobits
	.balign STACK_SLOT_BYTES
	.globl boot_stack_guard
boot_stack_guard:
	.skip STACK_SLOT_BYTES - STACK_BYTES
	.globl boot_stack
boot_stack:
	.skip STACK_BYTES
	.globl boot_stack_top
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
