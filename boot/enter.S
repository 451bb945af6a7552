/* SPDX-License-Identifier: MIT */
/*
 * boot_enter: the last instructions of both front doors, the jump to the hypervisor's entry as handoff.h promises it.
 * Next to read: arch/x86/start.S.
 */
#define CR4_PGE (1 << 7)

	.text
	.globl boot_enter
	.type boot_enter, @function
/* rdi entry, rsi bootinfo, rdx image base, rcx cr3, r8 stack top */
boot_enter:
	cli
	cld
	mov %rdi, %rax
	mov %rsi, %rdi
	mov %rdx, %rsi
	/* The firmware's GDT lies in memory that is free from now on. */
	lea gdt(%rip), %rdx
	mov %rdx, gdt_pointer + 2(%rip)
	lgdt gdt_pointer(%rip)
	mov %cr4, %rdx
	and $~CR4_PGE, %rdx
	mov %rdx, %cr4
	mov %rcx, %cr3
	mov %r8, %rsp
	mov $16, %edx
	mov %edx, %ds
	mov %edx, %es
	mov %edx, %ss
	xor %edx, %edx
	mov %edx, %fs
	mov %edx, %gs
	pushq $8
	push %rax
	lretq

	.data
	.balign 8
gdt:
	.quad 0
	.quad 0x00af9a000000ffff /* code, 64-bit */
	.quad 0x00cf92000000ffff /* data */
gdt_end:
	.balign 8
gdt_pointer:
	.word gdt_end - gdt - 1
	.quad 0 /* written above: the image may lie anywhere */
	.section .note.GNU-stack, "", @progbits
