/* SPDX-License-Identifier: MIT */
/*
 * Where another CPU begins after its start-up IPI: from real mode straight to 64-bit mode, on the first CPU's page tables
 * and descriptors, with a stack of its own. smp.c copies the first part to the page that the vector names.
 *
 * smp_first keeps what a CPU finds at that moment: INIT's promises (smp_start.c, the test, looks at them).
 */
	.section .text
	.globl smp_trampoline, smp_trampoline_end
	.code16
smp_trampoline:
	cli
	cld
	movl %cr0, %ebp          /* before anything changes it */
	movl %edx, %esi
	lgdtl %cs:(smp_gdt_pointer - smp_trampoline)
	movl $0x620, %eax        /* PAE, OSFXSR, OSXMMEXCPT */
	movl %eax, %cr4
	movl $page_root, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	movl %eax, %edi
	orl $0x901, %eax         /* LME, NXE, SCE */
	wrmsr
	movl %cr0, %eax
	andl $~0x6000000c, %eax  /* CD, NW, EM, TS */
	orl $0x80010003, %eax    /* PG, WP, MP, PE: 64-bit mode from real mode in one step */
	movl %eax, %cr0
	ljmpl $0x08, $smp_entry
	.balign 4
smp_gdt_pointer:
	.word 10 * 8 - 1
	.long gdt
smp_trampoline_end:

	.code64
smp_entry:
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movl $0xb, %eax
	xorl %ecx, %ecx
	cpuid                    /* EDX: the x2APIC ID */
	andl $7, %edx
	movl %ebp, smp_first(, %rdx, 8)
	movl %edi, smp_first + 4(, %rdx, 8)
	movl %esi, smp_signature(, %rdx, 4)
	leal 1(%rdx), %esp
	shll $13, %esp
	addl $smp_stacks, %esp
	movl %edx, %edi
	xorl %ebp, %ebp
	call smp_main
1:	cli
	hlt
	jmp 1b

	.section .bss
	.balign 4096
smp_stacks: .skip 8 * 8192
	.globl smp_first, smp_signature
smp_first: .skip 8 * 8
smp_signature: .skip 8 * 4
	.section .note.GNU-stack, "", @progbits
