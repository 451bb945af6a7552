/* SPDX-License-Identifier: MIT */
/*
 * A small assembler for AML, ACPI's byte code: enough for a DSDT written by hand. Pure.
 *
 * What has a length (scope, device, method, package, if) is opened with a function that returns a mark, and closed with
 * aml_close(blob, mark), innermost first. Names are paths: "\\_SB.PCI0", "_CRS"; segments shorter than four are filled
 * with '_'. ACPI Specification, "ACPI Machine Language (AML) Specification" (20). Next to read: vacpi_dsdt.c.
 */
#ifndef HV_DEV_AML_H
#define HV_DEV_AML_H

#include "hv/dev/blob.h"

enum aml_op {
	AML_ZERO = 0x00, AML_ONE = 0x01, AML_NAME = 0x08, AML_BYTE = 0x0a, AML_WORD = 0x0b, AML_DWORD = 0x0c,
	AML_STRING = 0x0d, AML_QWORD = 0x0e, AML_SCOPE = 0x10, AML_BUFFER = 0x11, AML_PACKAGE = 0x12, AML_METHOD = 0x14,
	AML_LOCAL0 = 0x60, AML_ARG0 = 0x68, AML_ARG1 = 0x69, AML_ARG3 = 0x6b, AML_STORE = 0x70, AML_AND = 0x7b,
	AML_OR = 0x7d, AML_CREATE_DWORD_FIELD = 0x8a, AML_LNOT = 0x92, AML_LEQUAL = 0x93, AML_IF = 0xa0, AML_ELSE = 0xa1,
	AML_RETURN = 0xa4,
};

void aml_op(struct blob *aml, enum aml_op op);
void aml_path(struct blob *aml, const char *path); /* a reference, or the name part of a definition */
void aml_integer(struct blob *aml, u64 value);     /* in its shortest form */
void aml_buffer(struct blob *aml, const void *bytes, u32 size_bytes);

u32 aml_open_scope(struct blob *aml, const char *path);
u32 aml_open_device(struct blob *aml, const char *name);
u32 aml_open_method(struct blob *aml, const char *name, unsigned arguments);
u32 aml_open_package(struct blob *aml, u8 elements);
u32 aml_open_if(struct blob *aml);   /* the condition comes first */
u32 aml_open_else(struct blob *aml);
void aml_close(struct blob *aml, u32 mark);

void aml_name(struct blob *aml, const char *name); /* Name (name, …): the value comes next */
void aml_name_integer(struct blob *aml, const char *name, u64 value);
void aml_name_eisa(struct blob *aml, const char *name, const char *id); /* "PNP0A08" as EisaId */
void aml_name_string(struct blob *aml, const char *name, const char *value);

/* Resource descriptors: appended to a blob of their own, which aml_name_resources then puts under a name, with its end. */
enum aml_window { AML_WINDOW_MEMORY = 0, AML_WINDOW_IO = 1, AML_WINDOW_BUS = 2 };
void aml_resource_io(struct blob *resources, u16 base, u8 size);
void aml_resource_irq(struct blob *resources, unsigned irq);
void aml_resource_irq_shared(struct blob *resources, unsigned irq);
void aml_resource_memory(struct blob *resources, u32 base, u32 size);
void aml_resource_window16(struct blob *resources, enum aml_window kind, u16 first, u16 last, u32 size);
void aml_resource_window32(struct blob *resources, u32 first, u32 last);
void aml_resource_window64(struct blob *resources, u64 first, u64 last);
void aml_name_resources(struct blob *aml, const char *name, struct blob *resources); /* and releases them */

#endif
