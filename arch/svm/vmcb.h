/* SPDX-License-Identifier: MIT */
/*
 * The virtual machine control block: one page that VMRUN reads and an exit writes. The offset stands at each field.
 * AMD64 APM vol. 2, "VMCB Layout" (appendix B).
 */
#ifndef ARCH_SVM_VMCB_H
#define ARCH_SVM_VMCB_H

#include "hv/lib/types.h"

struct vmcb_segment {
	u16 selector;
	u16 attributes; /* as struct segment's (hv/virt.h) */
	u32 limit;
	u64 base;
};

struct vmcb {
	/* Control area */
	u16 intercept_cr_read, intercept_cr_write; /* 000 */
	u16 intercept_dr_read, intercept_dr_write; /* 004 */
	u32 intercept_exceptions;                  /* 008 */
	u32 intercept[3];                          /* 00c */
	u8 reserved_018[0x3c - 0x18];
	u16 pause_filter_threshold;                /* 03c */
	u16 pause_filter_count;                    /* 03e */
	u64 iopm_base_pa;                          /* 040 */
	u64 msrpm_base_pa;                         /* 048 */
	u64 tsc_offset;                            /* 050 */
	u32 guest_asid;                            /* 058 */
	u8 tlb_control;                            /* 05c */
	u8 reserved_05d[3];
	u64 virtual_interrupt;                     /* 060 */
	u64 interrupt_shadow;                      /* 068: bit 0 */
	u64 exit_code;                             /* 070 */
	u64 exit_info_1;                           /* 078 */
	u64 exit_info_2;                           /* 080 */
	u64 exit_interrupt_info;                   /* 088 */
	u64 nested_control;                        /* 090: bit 0, nested paging */
	u64 avic_apic_bar;                         /* 098 */
	u64 ghcb_pa;                               /* 0a0 */
	u64 event_injection;                       /* 0a8 */
	u64 nested_cr3;                            /* 0b0 */
	u64 lbr_control;                           /* 0b8 */
	u32 clean;                                 /* 0c0 */
	u32 reserved_0c4;
	u64 next_rip;                              /* 0c8 */
	u8 fetched_count;                          /* 0d0 */
	u8 fetched[15];                            /* 0d1 */
	u8 reserved_0e0[0x400 - 0xe0];

	/* State save area, from 400h on; offsets within it */
	struct vmcb_segment es, cs, ss, ds;        /* 000 */
	struct vmcb_segment fs, gs;                /* 040: VMLOAD, VMSAVE */
	struct vmcb_segment gdtr;                  /* 060 */
	struct vmcb_segment ldtr;                  /* 070: VMLOAD, VMSAVE */
	struct vmcb_segment idtr;                  /* 080 */
	struct vmcb_segment tr;                    /* 090: VMLOAD, VMSAVE */
	u8 reserved_0a0[0xcb - 0xa0];
	u8 cpl;                                    /* 0cb */
	u32 reserved_0cc;
	u64 efer;                                  /* 0d0 */
	u8 reserved_0d8[0x148 - 0xd8];
	u64 cr4;                                   /* 148 */
	u64 cr3;                                   /* 150 */
	u64 cr0;                                   /* 158 */
	u64 dr7;                                   /* 160 */
	u64 dr6;                                   /* 168 */
	u64 rflags;                                /* 170 */
	u64 rip;                                   /* 178 */
	u8 reserved_180[0x1d8 - 0x180];
	u64 rsp;                                   /* 1d8 */
	u64 s_cet, ssp, isst_addr;                 /* 1e0 */
	u64 rax;                                   /* 1f8 */
	u64 star, lstar, cstar, sfmask;            /* 200: these to sysenter_eip by VMLOAD, VMSAVE */
	u64 kernel_gs_base;                        /* 220 */
	u64 sysenter_cs, sysenter_esp, sysenter_eip; /* 228 */
	u64 cr2;                                   /* 240 */
	u8 reserved_248[0x268 - 0x248];
	u64 g_pat;                                 /* 268 */
	u64 debugctl;                              /* 270 */
	u64 br_from, br_to, last_excp_from, last_excp_to; /* 278 */
	u8 reserved_298[0xc00 - 0x298];
};

#define VMCB_OFFSET(field, offset) STATIC_ASSERT(offsetof(struct vmcb, field) == (offset), #field)
STATIC_ASSERT(sizeof(struct vmcb) == PAGE_SIZE, "a VMCB is one page");
VMCB_OFFSET(intercept, 0x00c);
VMCB_OFFSET(pause_filter_threshold, 0x03c);
VMCB_OFFSET(iopm_base_pa, 0x040);
VMCB_OFFSET(guest_asid, 0x058);
VMCB_OFFSET(virtual_interrupt, 0x060);
VMCB_OFFSET(exit_code, 0x070);
VMCB_OFFSET(exit_interrupt_info, 0x088);
VMCB_OFFSET(nested_control, 0x090);
VMCB_OFFSET(event_injection, 0x0a8);
VMCB_OFFSET(nested_cr3, 0x0b0);
VMCB_OFFSET(clean, 0x0c0);
VMCB_OFFSET(next_rip, 0x0c8);
VMCB_OFFSET(fetched, 0x0d1);
VMCB_OFFSET(es, 0x400);
VMCB_OFFSET(gdtr, 0x460);
VMCB_OFFSET(tr, 0x490);
VMCB_OFFSET(cpl, 0x4cb);
VMCB_OFFSET(efer, 0x4d0);
VMCB_OFFSET(cr4, 0x548);
VMCB_OFFSET(rip, 0x578);
VMCB_OFFSET(rsp, 0x5d8);
VMCB_OFFSET(rax, 0x5f8);
VMCB_OFFSET(star, 0x600);
VMCB_OFFSET(cr2, 0x640);
VMCB_OFFSET(g_pat, 0x668);
VMCB_OFFSET(last_excp_to, 0x690);

#endif
