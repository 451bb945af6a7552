/* SPDX-License-Identifier: MIT */
/*
 * The entry of every test kernel: by PVH or Multiboot, in 32-bit protected mode without paging, to test_start in 64-bit
 * mode with the first 4 GiB identity-mapped in 2 MiB pages.
 *
 * PVH: EBX = struct hvm_start_info; Multiboot: EAX = 0x2badb002, EBX = information. Xen docs/misc/pvh.pandoc;
 * Multiboot Specification 0.6.96, "Machine state" (3.2).
 */
#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_FLAGS 0x00000003

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 4, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long start32

	.section .multiboot, "a"
	.balign 4
	.long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

	.section .text.start, "ax"
	.code32
	.globl start32
start32:
	cli
	cld
	movl $stack_top, %esp
	movl %eax, boot_magic
	movl %ebx, boot_information
	/* Four tables of 512 entries of 2 MiB. */
	movl $page_directories, %edi
	movl $0x83, %eax
	xorl %ecx, %ecx
1:	movl %eax, (%edi, %ecx, 8)
	movl $0, 4(%edi, %ecx, 8)
	addl $0x200000, %eax
	incl %ecx
	cmpl $2048, %ecx
	jne 1b
	movl $page_directories + 3, %eax
	xorl %ecx, %ecx
2:	movl %eax, page_pointers(, %ecx, 8)
	addl $4096, %eax
	incl %ecx
	cmpl $4, %ecx
	jne 2b
	movl $page_pointers + 3, page_root
	movl $page_root, %eax
	movl %eax, %cr3
	movl %cr4, %eax
	orl $0x620, %eax /* PAE, OSFXSR, OSXMMEXCPT */
	movl %eax, %cr4
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x901, %eax /* LME, NXE, SCE */
	wrmsr
	movl %cr0, %eax
	andl $~0xc, %eax /* EM, TS */
	orl $0x80010002, %eax /* PG, WP, MP */
	movl %eax, %cr0
	lgdt gdt_pointer
	ljmp $0x08, $start64
	.code64
start64:
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movl $stack_top, %esp
	xorl %ebp, %ebp
	call test_start
3:	cli
	hlt
	jmp 3b

	/* Exceptions and interrupts: one stub a vector, all to trap_common. */
	.altmacro
	.macro stub vector
	.balign 16
	.if (\vector == 8) || ((\vector >= 10) && (\vector <= 14)) || (\vector == 17) || (\vector == 21) || (\vector == 29) || (\vector == 30)
	nop
	nop
	.else
	pushq $0
	.endif
	pushq $\vector
	jmp trap_common
	.endm
	.globl trap_stubs
	.balign 16
trap_stubs:
	.set i, 0
	.rept 256
	stub %i
	.set i, i + 1
	.endr

trap_common:
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rbx
	pushq %rbp
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, %rdi
	cld
	movq %rsp, %rbx
	andq $-16, %rsp
	call trap_handle
	movq %rbx, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rbp
	popq %rbx
	popq %rdx
	popq %rcx
	popq %rax
	addq $16, %rsp
	iretq

	/* int trap_try(void (*function)(void *), void *argument, struct trap_context *context): 0, or 1 when it trapped. */
	.globl trap_try
trap_try:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdx)
	leaq 1f(%rip), %rax
	movq %rax, 8(%rdx)
	movq %rdi, %rax
	movq %rsi, %rdi
	subq $8, %rsp
	call *%rax
	addq $8, %rsp
	xorl %eax, %eax
	jmp 2f
1:	movl $1, %eax
2:	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret

	.section .data
	.balign 16
	.globl gdt
gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 08: 64-bit code */
	.quad 0x00cf93000000ffff /* 10: data */
	.quad 0x00cf9b000000ffff /* 18: 32-bit code */
	.quad 0x00009b000000ffff /* 20: 16-bit code */
	.quad 0x000093000000ffff /* 28: 16-bit data */
	.quad 0x00cff3000000ffff /* 30: user data */
	.quad 0x00affb000000ffff /* 38: user 64-bit code */
	.quad 0, 0               /* 40: TSS, by test_start */
gdt_end:
	.globl gdt_pointer
gdt_pointer:
	.word gdt_end - gdt - 1
	.quad gdt
	.globl boot_magic, boot_information
boot_magic: .long 0
boot_information: .long 0

	.section .bss
	.balign 4096
	.globl page_root, page_pointers, page_directories
page_root: .skip 4096
page_pointers: .skip 4096
page_directories: .skip 16384
	.skip 32768
stack_top:
	.section .note.GNU-stack, "", @progbits
