/* SPDX-License-Identifier: MIT */
/*
 * Into the guest and out again. Called by vmx_enter (vmx.h), by rules of its own: RDI is the vCPU's register file, RDX
 * points to what HOST_RSP was written with last (a VMWRITE only when the stack's depth changed); all registers but RSP and
 * RBP are lost, so that the compiler keeps nothing in them and nothing needs to be saved here.
 *
 * vmx_resume is the usual way; it fails on a VMCS that was not launched yet, and then it is vmx_launch's turn. They return 0
 * in EAX after a VM exit with the guest's registers saved again; 1: VMfailInvalid, 2: VMfailValid.
 * Called with interrupts off. RIP, RSP and RFLAGS are the VMCS's.
 * SDM vol. 3, "VM Entries" (26) and "VM Exits" (27); the exit leaves RFLAGS = 2, so the direction flag is clear.
 */
#define VMCS_HOST_RSP_ENCODING 0x6c14

#define RAX 0
#define RCX 8
#define RDX 16
#define RBX 24
#define RBP 40
#define RSI 48
#define RDI 56
#define R8 64
#define R9 72
#define R10 80
#define R11 88
#define R12 96
#define R13 104
#define R14 112
#define R15 120

	.text
	.globl vmx_resume, vmx_launch, vmx_exit_stub
	.type vmx_resume, @function
	.type vmx_launch, @function
	.type vmx_exit_stub, @function
	.macro load_guest_registers
	pushq %rbp
	pushq %rdi
	cmpq (%rdx), %rsp
	jne 8f
7:
	movq RAX(%rdi), %rax
	movq RCX(%rdi), %rcx
	movq RDX(%rdi), %rdx
	movq RBX(%rdi), %rbx
	movq RBP(%rdi), %rbp
	movq RSI(%rdi), %rsi
	movq R8(%rdi), %r8
	movq R9(%rdi), %r9
	movq R10(%rdi), %r10
	movq R11(%rdi), %r11
	movq R12(%rdi), %r12
	movq R13(%rdi), %r13
	movq R14(%rdi), %r14
	movq R15(%rdi), %r15
	movq RDI(%rdi), %rdi
	.endm

vmx_launch:
	load_guest_registers
	vmlaunch
	jmp 9f
8:	movq %rsp, (%rdx)
	movl $VMCS_HOST_RSP_ENCODING, %eax
	vmwrite %rsp, %rax
	jmp 7b
	.size vmx_launch, . - vmx_launch

	.balign 64
vmx_resume:
	load_guest_registers
	vmresume
9:	movl $1, %eax           /* still here: CF = VMfailInvalid, ZF = VMfailValid */
	movl $2, %ecx
	cmovzl %ecx, %eax
	popq %rdi
	popq %rbp
	ret
8:	movq %rsp, (%rdx)
	movl $VMCS_HOST_RSP_ENCODING, %eax
	vmwrite %rsp, %rax
	jmp 7b
	.size vmx_resume, . - vmx_resume

	.balign 64
vmx_exit_stub:
	pushq %rdi
	movq 8(%rsp), %rdi
	movq %rax, RAX(%rdi)
	movq %rcx, RCX(%rdi)
	movq %rdx, RDX(%rdi)
	movq %rbx, RBX(%rdi)
	movq %rbp, RBP(%rdi)
	movq %rsi, RSI(%rdi)
	movq %r8, R8(%rdi)
	movq %r9, R9(%rdi)
	movq %r10, R10(%rdi)
	movq %r11, R11(%rdi)
	movq %r12, R12(%rdi)
	movq %r13, R13(%rdi)
	movq %r14, R14(%rdi)
	movq %r15, R15(%rdi)
	popq RDI(%rdi)
	popq %rdi
	popq %rbp
	/* No guest value stays in a register, where speculation could use it before the compiler's code has written it. */
	xorl %eax, %eax
	xorl %ecx, %ecx
	xorl %edx, %edx
	xorl %ebx, %ebx
	xorl %esi, %esi
	xorl %r8d, %r8d
	xorl %r9d, %r9d
	xorl %r10d, %r10d
	xorl %r11d, %r11d
	xorl %r12d, %r12d
	xorl %r13d, %r13d
	xorl %r14d, %r14d
	xorl %r15d, %r15d
	ret
	.size vmx_exit_stub, . - vmx_exit_stub
	.section .note.GNU-stack, "", @progbits
