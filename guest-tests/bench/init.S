/* SPDX-License-Identifier: MIT */
/*
 * The bench's first process: takes the time-stamp counter as its first act and turns the machine off as its next one.
 *
 * What it found stands in RBX then, where whoever ran the machine reads it: nothing is printed, so nothing is added to what
 * is measured. R12 says that it was this program that ended. tools/bench.d/boot-linux runs it, with Solera and without.
 */
#define SYS_IOPL 172
#define PM1_CONTROL 0x604 /* of a Q35, on QEMU's board as on ours */
#define SLEEP_ENABLE 0x2000 /* with sleep type 0: S5 */

	.globl _start
_start:
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	movq %rax, %rbx
	movabsq $0x736f6c657261, %r12 /* "solera" */
	movl $SYS_IOPL, %eax
	movl $3, %edi
	syscall
	movl $PM1_CONTROL, %edx
	movl $SLEEP_ENABLE, %eax
	outw %ax, %dx
1:	jmp 1b
	.section .note.GNU-stack, "", @progbits
