/* SPDX-License-Identifier: MIT */
/*
 * From one thread's stack to another's: void switch_stacks(u64 *save_rsp, u64 load_rsp).
 *
 * The callee-saved registers go onto the old stack and come from the new one; all others are dead across a call by the
 * ABI. RFLAGS need not be kept: both sides have interrupts off. A new thread's stack is prepared by hv/thread.c so that
 * the first switch to it returns into thread_entry. The code uses general registers only, so there is nothing else.
 */
	.text
	.globl switch_stacks, thread_entry
	.type switch_stacks, @function
	.type thread_entry, @function
switch_stacks:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size switch_stacks, . - switch_stacks

thread_entry:
	xorl %ebp, %ebp         /* backtraces end here */
	call thread_begin
	ud2
	.size thread_entry, . - thread_entry
	.section .note.GNU-stack, "", @progbits
