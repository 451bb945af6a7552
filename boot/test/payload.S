/* SPDX-License-Identifier: MIT */
/* Entry of the test payload: it is linked at -2 GiB, runs at its physical address, so everything is RIP-relative. */
	.text
	.globl payload_entry
payload_entry:
	lea payload_stack_top(%rip), %rsp
	call payload_main
	.bss
	.balign 16
	.skip 16384
payload_stack_top:
	.section .note.GNU-stack, "", @progbits
