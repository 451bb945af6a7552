/* SPDX-License-Identifier: MIT */
/* The two 8259s of a PC: moved out of the exceptions' way and masked; the I/O APIC does their work. */
#ifndef ARCH_X86_PIC_H
#define ARCH_X86_PIC_H

void pic_mask_all(void);

#endif
