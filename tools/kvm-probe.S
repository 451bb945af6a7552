/* SPDX-License-Identifier: MIT */
/*
 * A boot sector that answers one question: does a guest of this KVM see SVM or VMX? Ends QEMU by isa-debug-exit:
 * exit status 33 (0x10) for yes, 35 (0x11) for no. Used by solera-run and nothing else.
 */
	.code16
	.globl _start
_start:
	mov $0x80000000, %eax
	cpuid
	cmp $0x80000001, %eax
	jb no_svm
	mov $0x80000001, %eax
	cpuid
	test $0x4, %ecx /* AMD APM vol. 3, "Function 8000_0001h": ECX.SVM */
	jnz yes
no_svm:
	mov $1, %eax
	cpuid
	test $0x20, %ecx /* SDM vol. 2, "CPUID": leaf 1, ECX.VMX */
	jnz yes
	mov $0x11, %al
	jmp answer
yes:
	mov $0x10, %al
answer:
	out %al, $0xf4
	cli
	hlt
	.org 510
	.word 0xaa55
