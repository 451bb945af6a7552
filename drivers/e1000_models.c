/* SPDX-License-Identifier: MIT */
/*
 * Which of Intel's cards have these registers. One list: what a driver takes, and what it is called.
 *
 * Left out: fibre and SerDes cards, whose link is another's; the I219, whose PHY must be woken first; the 82576 and its successors,
 * which are another model. Of those listed QEMU has the 82540EM, 82545EM and 82574L; the others are listed by their manuals.
 */
#include "drivers/e1000_internal.h"
#include "hv/lib/string.h"

#define INTEL 0x8086

/* device, name */
#define E1000_MODELS(X)                                                                                                         \
	X(0x100e, "82540EM") X(0x1015, "82540EM") X(0x1016, "82540EP") X(0x1017, "82540EP") X(0x101e, "82540EP")                \
	X(0x100f, "82545EM") X(0x1026, "82545GM") X(0x1010, "82546EB") X(0x101d, "82546EB") X(0x1079, "82546GB")                \
	X(0x1013, "82541EI") X(0x1018, "82541EI") X(0x1076, "82541GI") X(0x1077, "82541GI") X(0x1078, "82541ER") X(0x107c, "82541PI")

#define E1000E_MODELS(X)                                                                                                        \
	X(0x10d3, "82574L") X(0x10f6, "82574LA") X(0x150c, "82583V")                                                            \
	X(0x105e, "82571EB") X(0x10a4, "82571EB") X(0x10bc, "82571EB") X(0x107d, "82572EI") X(0x10b9, "82572EI")                \
	X(0x108b, "82573V") X(0x108c, "82573E") X(0x109a, "82573L")                                                             \
	X(0x1049, "82566MM") X(0x104a, "82566DM") X(0x104b, "82566DC") X(0x104d, "82566MC") X(0x10bd, "82566DM-2")              \
	X(0x10f5, "82567LM") X(0x10bf, "82567LF") X(0x10cb, "82567V") X(0x10cc, "82567LM-2") X(0x10cd, "82567LF-2")             \
	X(0x10ce, "82567V-2") X(0x10de, "82567LM-3") X(0x10df, "82567LF-3") X(0x1501, "82567V-3") X(0x1525, "82567V-4")         \
	X(0x10ea, "82577LM") X(0x10eb, "82577LC") X(0x10ef, "82578DM") X(0x10f0, "82578DC")                                     \
	X(0x1502, "82579LM") X(0x1503, "82579V") X(0x153a, "I217-LM") X(0x153b, "I217-V")

#define MATCH(id, name) { INTEL, id, 0, 0 },
#define NAME(id, name) { id, "Intel " name },

const struct pci_match e1000_matches[] = { E1000_MODELS(MATCH) { 0 } };
const struct pci_match e1000e_matches[] = { E1000E_MODELS(MATCH) { 0 } };

const char *e1000_model_name(u16 device)
{
	static const struct { u16 device; const char *name; } names[] = { E1000_MODELS(NAME) E1000E_MODELS(NAME) };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].device == device)
			return names[i].name;
	return "Intel gigabit card";
}
