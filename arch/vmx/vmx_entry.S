/* SPDX-License-Identifier: MIT */
/*
 * Into the guest and out again.
 *
 *   int vmx_enter(struct vcpu *vcpu, bool launched, u64 *host_rsp)
 *
 * Loads the guest's general registers from vcpu->regs (the first member of struct vcpu), enters with VMRESUME or
 * VMLAUNCH, and returns 0 after a VM exit with the guest's registers saved again; 1: VMfailInvalid, 2: VMfailValid.
 * Called with interrupts off. RIP, RSP and RFLAGS are the VMCS's. *host_rsp is what HOST_RSP was written with last, so
 * that the VMWRITE is made only when the stack depth changed.
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
	.globl vmx_enter, vmx_exit_stub
	.type vmx_enter, @function
	.type vmx_exit_stub, @function
vmx_enter:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %rdi
	cmpq (%rdx), %rsp
	je 1f
	movq %rsp, (%rdx)
	movl $VMCS_HOST_RSP_ENCODING, %eax
	vmwrite %rsp, %rax
1:	testl %esi, %esi        /* no instruction from here to the jump changes ZF */
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
	jz 2f
	vmresume
	jmp 3f
2:	vmlaunch
3:	movl $1, %eax           /* still here: CF = VMfailInvalid, ZF = VMfailValid */
	movl $2, %ecx
	cmovzl %ecx, %eax
	popq %rdi
	jmp 4f

vmx_exit_stub:
	pushq %rdi
	movq 8(%rsp), %rdi
	movq %rax, RAX(%rdi)
	movq %rcx, RCX(%rdi)
	movq %rdx, RDX(%rdi)
	movq %rbx, RBX(%rdi)
	movq %rbp, RBP(%rdi)
	movq %rsi, RSI(%rdi)
	popq RDI(%rdi)
	movq %r8, R8(%rdi)
	movq %r9, R9(%rdi)
	movq %r10, R10(%rdi)
	movq %r11, R11(%rdi)
	movq %r12, R12(%rdi)
	movq %r13, R13(%rdi)
	movq %r14, R14(%rdi)
	movq %r15, R15(%rdi)
	popq %rdi
	/* No guest value stays where speculation could use it as an address. */
	xorl %eax, %eax
	xorl %ecx, %ecx
	xorl %edx, %edx
	xorl %esi, %esi
	xorl %r8d, %r8d
	xorl %r9d, %r9d
	xorl %r10d, %r10d
	xorl %r11d, %r11d
4:	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size vmx_enter, . - vmx_enter
	.section .note.GNU-stack, "", @progbits
