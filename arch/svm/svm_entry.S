/* SPDX-License-Identifier: MIT */
/*
 * svm_enter: into the guest and back, with the general registers. Called by svm_enter of svm.h, by rules of its own:
 * RAX is the VMCB's physical address and RDI the vCPU's register file; all registers but RSP and RBP are lost, so that the
 * compiler keeps nothing in them and nothing needs to be saved here.
 *
 * Called with GIF clear and RFLAGS.IF set. VMRUN sets GIF, loads RAX, RSP, RIP, RFLAGS and the segments from the VMCB; the
 * exit clears GIF and puts them back there, and brings the host's RFLAGS (DF clear) and RSP back. The other fourteen
 * registers are ours to switch. FS, GS, TR and the like are the caller's (VMLOAD, VMSAVE).
 * APM vol. 2, "VMRUN Instruction" (15.5.1), "#VMEXIT" (15.6).
 */
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
	.globl svm_enter
	.type svm_enter, @function
	.balign 64
svm_enter:
	pushq %rbp
	pushq %rdi
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
	vmrun %rax
after_vmrun:
	/* Bochs's SVM (2.7) does not end a guest's single step (TF) when the stepped instruction exits: its #DB comes here. */
	.pushsection .fixups, "a"
	.long after_vmrun - ., after_vmrun - .
	.popsection
	/* RAX holds the VMCB's address again, of no use: it carries the register file's. */
	popq %rax
	movq %rdi, RDI(%rax)
	movq %rcx, RCX(%rax)
	movq %rdx, RDX(%rax)
	movq %rbx, RBX(%rax)
	movq %rbp, RBP(%rax)
	movq %rsi, RSI(%rax)
	movq %r8, R8(%rax)
	movq %r9, R9(%rax)
	movq %r10, R10(%rax)
	movq %r11, R11(%rax)
	movq %r12, R12(%rax)
	movq %r13, R13(%rax)
	movq %r14, R14(%rax)
	movq %r15, R15(%rax)
	popq %rbp
	/* No guest value stays in a register, where speculation could use it before the compiler's code has written it. */
	xorl %ecx, %ecx
	xorl %edx, %edx
	xorl %ebx, %ebx
	xorl %esi, %esi
	xorl %edi, %edi
	xorl %r8d, %r8d
	xorl %r9d, %r9d
	xorl %r10d, %r10d
	xorl %r11d, %r11d
	xorl %r12d, %r12d
	xorl %r13d, %r13d
	xorl %r14d, %r14d
	xorl %r15d, %r15d
	ret
	.size svm_enter, . - svm_enter
