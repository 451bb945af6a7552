/* SPDX-License-Identifier: MIT */
/* The names of all VMCS fields, for dumps and for the entry checker's messages. */
#include "arch/vmx/vmcs_fields.h"

#define VMCS_FIELD_ROW(name, encoding, width, text) { text, encoding },
const struct vmcs_field_info vmcs_field_info[VMCS_FIELD_COUNT] = { VMCS_FIELDS(VMCS_FIELD_ROW) };
#undef VMCS_FIELD_ROW

/* The width that the list gives each field is the one that its encoding says. */
#define WIDTH_OF_16 VMCS_WIDTH_16
#define WIDTH_OF_32 VMCS_WIDTH_32
#define WIDTH_OF_64 VMCS_WIDTH_64
#define WIDTH_OF__natural VMCS_WIDTH_NATURAL
#define VMCS_CHECK_FIELD(name, encoding, width, text)                                                                   \
	STATIC_ASSERT(VMCS_ENCODING_WIDTH(encoding) == WIDTH_OF_##width, "width of " #name);
VMCS_FIELDS(VMCS_CHECK_FIELD)
