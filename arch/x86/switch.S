/* SPDX-License-Identifier: MIT */
/*
 * struct thread *thread_switch(struct thread *from, u64 *from_rsp, u64 to_rsp): leaves one stack for another.
 * Callee-saved registers are on the stack that is left; interrupts are off. Returns, on the other stack, the thread
 * that was left. A new thread's stack is built by thread_stack_init so that the first return goes to thread_first.
 */
	.text
	.balign 16
	.globl thread_switch
thread_switch:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rsi)
	mov %rdx, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	mov %rdi, %rax
	ret

	.globl thread_first
thread_first:
	mov %rax, %rdi
	xor %ebp, %ebp
	call thread_start
	ud2

	.section .note.GNU-stack, "", @progbits
