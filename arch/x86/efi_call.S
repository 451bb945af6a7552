/* SPDX-License-Identifier: MIT */
/*
 * Into firmware and out again: u64 efi_call(struct efi_call *call), hv/efi_runtime.c.
 *
 * Changes to the firmware's address space and stack, calls by the Microsoft x64 convention (UEFI specification, "x64
 * Platforms", 2.3.4: arguments in RCX, RDX, R8, R9, then the stack above 32 bytes of shadow space), and changes back. The
 * x87/SSE registers, which may hold a guest's values, are saved around the call. Interrupts are off.
 * efi_call_unwind is where a fault in the firmware ends: with RBX = call again and everything else unknown.
 */
#define FUNCTION 0
#define ARGUMENTS 8
#define FIRMWARE_CR3 48
#define STACK_TOP 56
#define HOST_CR3 64
#define HOST_RSP 72
#define VECTORS 128

	.text
	.globl efi_call, efi_call_unwind
	.type efi_call, @function
	.type efi_call_unwind, @function
efi_call:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rdi, %rbx
	fxsave64 VECTORS(%rbx)
	movq %rsp, HOST_RSP(%rbx)
	movq %cr3, %rax
	movq %rax, HOST_CR3(%rbx)
	movq FIRMWARE_CR3(%rbx), %rax
	movq %rax, %cr3
	movq STACK_TOP(%rbx), %rsp
	subq $48, %rsp
	movq ARGUMENTS+32(%rbx), %rax
	movq %rax, 32(%rsp)
	movq ARGUMENTS(%rbx), %rcx
	movq ARGUMENTS+8(%rbx), %rdx
	movq ARGUMENTS+16(%rbx), %r8
	movq ARGUMENTS+24(%rbx), %r9
	call *FUNCTION(%rbx)
1:	cli
	cld
	movq HOST_CR3(%rbx), %rcx
	movq %rcx, %cr3
	movq HOST_RSP(%rbx), %rsp
	fxrstor64 VECTORS(%rbx)
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
efi_call_unwind:
	movabsq $0x8000000000000015, %rax /* EFI_ABORTED */
	jmp 1b
	.size efi_call, . - efi_call
	.section .note.GNU-stack, "", @progbits
