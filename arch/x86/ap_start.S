/* SPDX-License-Identifier: MIT */
/*
 * From real mode to the kernel's 64-bit code. This text is copied to a page below 1 MiB and runs only there: all addresses
 * are relative to the page. arch/x86/ap_start.c fills the parameters in; their offsets stand in struct parameters there.
 *
 * Real mode to long mode in one step: PAE and the tables first, then EFER.LME, then CR0.PE and CR0.PG together.
 * SDM vol. 3, "Initializing IA-32e Mode" (9.8.5).
 */
#define MSR_EFER 0xc0000080
#define EFER_LME_NXE 0x900
#define CR4_PAE 0x20
#define CR0_PE_PG 0x80000001
#define SELECTOR_CODE64 8

	.section .rodata.ap_start, "a"
	.balign 16
	.globl ap_start_text, ap_start_text_end, ap_start_parameters
	.code16
ap_start_text:
	cli
	cld
	mov %cs, %ax
	mov %ax, %ds
	/* The stack is for one CPU; whoever comes late or twice stops here. */
	mov $1, %eax
	xchg %eax, taken - ap_start_text
	test %eax, %eax
	jnz stop
	lgdtl gdt_pointer - ap_start_text
	mov $CR4_PAE, %eax
	mov %eax, %cr4
	mov root - ap_start_text, %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_LME_NXE, %eax
	wrmsr
	mov %cr0, %eax
	or $CR0_PE_PG, %eax
	mov %eax, %cr0
	ljmpl *(far_pointer - ap_start_text)
stop:
	cli
	hlt
	jmp stop

	.code64
	.globl ap_start_64
ap_start_64:
	mov stack(%rip), %rsp
	xor %ebp, %ebp          /* the end of every backtrace */
	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	call *entry(%rip)
1:	cli
	hlt
	jmp 1b

	.balign 8
ap_start_parameters:
stack:	.quad 0
entry:	.quad 0
gdt:	.quad 0, 0x00af9b000000ffff
root:	.long 0
taken:	.long 1
far_pointer:
	.long 0
	.word SELECTOR_CODE64
gdt_pointer:
	.word 15
	.long 0
ap_start_text_end:

	.section .note.GNU-stack, "", @progbits
