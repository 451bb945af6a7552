/* SPDX-License-Identifier: MIT */
/* The virtual address space, drawn in docs/memory-map.md. Also read by the assembler and the linker script. */
#ifndef ARCH_X86_LAYOUT_H
#define ARCH_X86_LAYOUT_H

#ifdef __ASSEMBLER__
#define LAYOUT_ADDRESS(x) x
#else
#define LAYOUT_ADDRESS(x) x##ull
#endif

#define DIRECT_MAP_BASE LAYOUT_ADDRESS(0xffff800000000000) /* all RAM, read-write, no-execute */
#define STACK_AREA_BASE LAYOUT_ADDRESS(0xffffc00000000000) /* 32 KiB slots: 16 KiB unmapped, 16 KiB stack */
#define VMAP_AREA_BASE LAYOUT_ADDRESS(0xffffd00000000000)  /* MMIO and other mapped ranges */
#define VMAP_AREA_END LAYOUT_ADDRESS(0xffffe00000000000)
#define IMAGE_BASE LAYOUT_ADDRESS(0xffffffff80000000)

#define STACK_BYTES 16384
#define STACK_SLOT_BYTES 32768

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TSS 0x18

#endif
