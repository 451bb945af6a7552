/* SPDX-License-Identifier: MIT */
/* The hypervisor's ELF, inside of the UEFI application; mk/boot.mk defines EMBEDDED_ELF. */
	.section .rodata
	.globl embedded_elf, embedded_elf_end
	.balign 16
embedded_elf:
	.incbin EMBEDDED_ELF
embedded_elf_end:
	.section .note.GNU-stack, "", @progbits
