/* SPDX-License-Identifier: MIT */
/*
 * Registers and descriptors of Intel's gigabit cards, with the manual's names: "PCI/PCI-X Family of Gigabit Ethernet Controllers
 * Software Developer's Manual" (8254x), and the data sheet of the 82574, whose part of them is marked so.
 */
#ifndef DRIVERS_E1000_REGS_H
#define DRIVERS_E1000_REGS_H

#include "hv/lib/types.h"

enum e1000_register {
	E1000_CTRL = 0x0000, E1000_STATUS = 0x0008, E1000_EERD = 0x0014, E1000_CTRL_EXT = 0x0018,
	E1000_ICR = 0x00c0, E1000_ITR = 0x00c4, E1000_IMS = 0x00d0, E1000_IMC = 0x00d8,
	E1000_EIAC_82574 = 0x00dc, E1000_IAM = 0x00e0, E1000_IVAR_82574 = 0x00e4,
	E1000_RCTL = 0x0100, E1000_TCTL = 0x0400, E1000_TIPG = 0x0410,
	E1000_RDBAL = 0x2800, E1000_RDBAH = 0x2804, E1000_RDLEN = 0x2808, E1000_RDH = 0x2810, E1000_RDT = 0x2818, E1000_RDTR = 0x2820,
	E1000_RADV = 0x282c,
	E1000_TDBAL = 0x3800, E1000_TDBAH = 0x3804, E1000_TDLEN = 0x3808, E1000_TDH = 0x3810, E1000_TDT = 0x3818, E1000_TIDV = 0x3820,
	E1000_TXDCTL = 0x3828,
	/* Statistics: cleared by reading. */
	E1000_CRCERRS = 0x4000, E1000_RXERRC = 0x400c, E1000_MPC = 0x4010, E1000_RLEC = 0x4040, E1000_RNBC = 0x40a0, E1000_RUC = 0x40a4,
	E1000_ROC = 0x40ac,
	E1000_RXCSUM = 0x5000, E1000_RFCTL = 0x5008, E1000_MTA = 0x5200, E1000_RAL0 = 0x5400, E1000_RAH0 = 0x5404,
	E1000_REGISTERS_BYTES = 0x6000,
};
#define E1000_MTA_WORDS 128u

#define E1000_CTRL_FD BIT32(0)
#define E1000_CTRL_MASTER_DISABLE BIT32(2) /* PCI Express */
#define E1000_CTRL_LRST BIT32(3)
#define E1000_CTRL_ASDE BIT32(5)
#define E1000_CTRL_SLU BIT32(6)
#define E1000_CTRL_ILOS BIT32(7)
#define E1000_CTRL_FRCSPD BIT32(11)
#define E1000_CTRL_FRCDPX BIT32(12)
#define E1000_CTRL_RST BIT32(26)
#define E1000_CTRL_VME BIT32(30)
#define E1000_CTRL_PHY_RST BIT32(31)

#define E1000_STATUS_FD BIT32(0)
#define E1000_STATUS_LU BIT32(1)
#define E1000_STATUS_SPEED(status) ((status) >> 6 & 3) /* 10, 100, 1000, 1000 Mb/s */
#define E1000_STATUS_MASTER_ENABLED BIT32(19)          /* PCI Express */

#define E1000_CTRL_EXT_DRV_LOAD BIT32(28)
#define E1000_CTRL_EXT_PBA_SUPPORT BIT32(31)           /* 82574, with MSI-X */

/* Causes of interrupts: ICR, IMS, IMC. */
#define E1000_INT_TXDW BIT32(0)
#define E1000_INT_LSC BIT32(2)
#define E1000_INT_RXDMT0 BIT32(4)
#define E1000_INT_RXO BIT32(6)
#define E1000_INT_RXT0 BIT32(7)
#define E1000_INT_RXQ0_82574 BIT32(20)
#define E1000_INT_OTHER_82574 BIT32(24)
#define E1000_IVAR_82574_ALL_TO_0 (BIT32(3) | BIT32(11) | BIT32(19)) /* receive queue 0, transmit queue 0, others: valid, vector 0 */

#define E1000_RCTL_EN BIT32(1)
#define E1000_RCTL_UPE BIT32(3)
#define E1000_RCTL_MPE BIT32(4)
#define E1000_RCTL_BAM BIT32(15)
#define E1000_RCTL_SECRC BIT32(26)                     /* buffers of 2,048 bytes: zeros */

#define E1000_TCTL_EN BIT32(1)
#define E1000_TCTL_PSP BIT32(3)
#define E1000_TCTL_COLLISIONS (0x0fu << 4 | 0x40u << 12)
#define E1000_TCTL_MULR BIT32(28)                      /* PCI Express */
#define E1000_TIPG_COPPER (8u | 8u << 10 | 6u << 20)
#define E1000_TXDCTL_COUNT_DESC BIT32(22)              /* PCI Express: must be set */
#define E1000_RXCSUM_IPOFL BIT32(8)
#define E1000_RXCSUM_TUOFL BIT32(9)
#define E1000_RAH_AV BIT32(31)

#define E1000_EERD_START BIT32(0)
#define E1000_EERD_DONE BIT32(4)                       /* 8254x; the word's number from bit 8 on */
#define E1000_EERD_DONE_EXPRESS BIT32(1)               /* PCI Express; from bit 2 on */

/* "Legacy Receive Descriptor Format" */
struct e1000_receive_descriptor {
	u64 address;
	u16 length, checksum;
	u8 status, errors;
	u16 special;
};
STATIC_ASSERT(sizeof(struct e1000_receive_descriptor) == 16, "e1000_receive_descriptor");
#define E1000_RXD_DD 0x01u
#define E1000_RXD_EOP 0x02u
#define E1000_RXD_IXSM 0x04u
#define E1000_RXD_TCPCS 0x20u
#define E1000_RXD_TCPE 0x20u     /* errors: of the transport's sum */
#define E1000_RXD_BAD_FRAME 0x97u /* errors: CE, SE, SEQ, CXE, RXE */

/* "Legacy Transmit Descriptor Format" */
struct e1000_transmit_descriptor {
	u64 address;
	u16 length;
	u8 checksum_offset, command, status, checksum_start;
	u16 special;
};
STATIC_ASSERT(sizeof(struct e1000_transmit_descriptor) == 16, "e1000_transmit_descriptor");
#define E1000_TXD_EOP 0x01u
#define E1000_TXD_IFCS 0x02u
#define E1000_TXD_RS 0x08u
#define E1000_TXD_DD 0x01u

#endif
