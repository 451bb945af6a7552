/* SPDX-License-Identifier: MIT */
/*
 * The Multiboot2 front door's first instructions: header, 32-bit entry, first page tables, the way to 64-bit mode.
 *
 * Multiboot2 specification, "OS image format" (3.1) and "Machine state" (3.3). GRUB may load this anywhere below
 * 4 GiB (the relocatable tag: on UEFI machines low memory can be taken), so each address is relative to the code's own.
 * Next to read: main.c.
 */
#define HEADER_MAGIC 0xe85250d6
#define LOADER_MAGIC 0x36d76289
#define CR0_PE 0x1
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define PRESENT_WRITE 0x3
#define LARGE 0x80

	.section .multiboot, "a"
	.balign 8
header:
	.long HEADER_MAGIC, 0, header_end - header, 0x100000000 - (HEADER_MAGIC + (header_end - header))
	/* Modules start on pages. */
	.balign 8
	.short 6, 0
	.long 8
	/* A framebuffer of 32 bits a pixel, if there is one; any size. */
	.balign 8
	.short 5, 1
	.long 20, 1024, 768, 32
	/* May be loaded anywhere from 1 MiB to 4 GiB, on a page, low if possible. */
	.balign 8
	.short 10, 0
	.long 24, 0x100000, 0xfffff000, 0x1000, 1
	.balign 8
	.short 0, 0
	.long 8
header_end:

	.section .text.start, "ax"
	.code32
	.globl multiboot2_entry
multiboot2_entry:
	cli
	cld
	cmp $LOADER_MAGIC, %eax
	jne stop
	/* No stack yet, and no place that is known but the loader's record: its reserved word takes the return address. */
	lea 8(%ebx), %esp
	call 1f
1:	pop %ebp
	lea (stack_top - 1b)(%ebp), %esp
	mov $0x80000001, %eax
	push %ebx
	cpuid
	pop %ebx
	bt $29, %edx /* AMD APM vol. 3, "Function 8000_0001h": long mode */
	jnc stop_no_long_mode

	/* The first 4 GiB, in 2 MiB pages. */
	lea (pml4 - 1b)(%ebp), %edi
	lea (pdpt - 1b)(%ebp), %esi
	lea PRESENT_WRITE(%esi), %eax
	mov %eax, (%edi)
	lea (page_directories + PRESENT_WRITE - 1b)(%ebp), %eax
	xor %ecx, %ecx
2:	mov %eax, (%esi, %ecx, 8)
	add $0x1000, %eax
	inc %ecx
	cmp $4, %ecx
	jne 2b
	lea (page_directories - 1b)(%ebp), %esi
	mov $(PRESENT_WRITE | LARGE), %eax
	xor %ecx, %ecx
3:	mov %eax, (%esi, %ecx, 8)
	add $0x200000, %eax
	inc %ecx
	cmp $2048, %ecx
	jne 3b

	/* AMD APM vol. 2, "Enabling and Activating Long Mode" (14.6.1). */
	mov %cr4, %eax
	or $CR4_PAE, %eax
	mov %eax, %cr4
	mov %edi, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_LME, %eax
	wrmsr
	mov %cr0, %eax
	or $(CR0_PG | CR0_PE), %eax
	mov %eax, %cr0
	lea (first_gdt - 1b)(%ebp), %eax
	mov %eax, (first_gdt_pointer + 2 - 1b)(%ebp)
	lgdt (first_gdt_pointer - 1b)(%ebp)
	lea (entry_64 - 1b)(%ebp), %eax
	push $8
	push %eax
	lret

stop_no_long_mode:
	mov $0xb8000, %edi
	lea (no_long_mode_text - 1b)(%ebp), %esi
	mov $0x4f, %ah
4:	lodsb
	test %al, %al
	jz stop
	stosw
	jmp 4b
stop:
	cli
	hlt
	jmp stop

	.code64
entry_64:
	mov $16, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %ebx, %edi
	call multiboot2_main

	.section .rodata
no_long_mode_text:
	.asciz "Solera needs a 64-bit CPU"

	.data
	.balign 8
first_gdt:
	.quad 0
	.quad 0x00af9a000000ffff /* code, 64-bit */
	.quad 0x00cf92000000ffff /* data */
	.balign 8
first_gdt_pointer:
	.word . - first_gdt - 1
	.quad 0

	.bss
	.balign 4096
pml4:
	.skip 4096
pdpt:
	.skip 4096
page_directories:
	.skip 4 * 4096
	.skip 16384
stack_top:
	.section .note.GNU-stack, "", @progbits
