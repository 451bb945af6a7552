/* SPDX-License-Identifier: MIT */
/*
 * Loading of the hypervisor's ELF (System V ABI, "Object Files"): link address minus IMAGE_LINK_BASE is the offset
 * from where it is loaded. No relocations: start.S finds out where it is. Next to read: arch/x86/start.S.
 */
#include "boot/image.h"
#include "boot/text.h"

struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

#define ELF_EXECUTABLE 2
#define ELF_X86_64 62
#define SEGMENT_LOAD 1u
#define SEGMENT_EXECUTE 1u

static const struct elf_segment *segment(const uint8_t *file, unsigned int index)
{
	const struct elf_header *header = (const struct elf_header *)file;

	return (const struct elf_segment *)(file + header->phoff) + index;
}

static const char *check_segment(struct image *image, const struct elf_segment *load, size_t file_size)
{
	if (load->filesz > load->memsz || load->offset > file_size || load->filesz > file_size - load->offset)
		return "a segment of the hypervisor lies outside of its file";
	if (load->vaddr < IMAGE_LINK_BASE || load->vaddr - IMAGE_LINK_BASE > IMAGE_SIZE_MAX ||
	    load->memsz > IMAGE_SIZE_MAX - (load->vaddr - IMAGE_LINK_BASE))
		return "a segment of the hypervisor is linked outside of its address range";
	if (load->vaddr - IMAGE_LINK_BASE + load->memsz > image->size_bytes)
		image->size_bytes = load->vaddr - IMAGE_LINK_BASE + load->memsz;
	return NULL;
}

const char *image_check(struct image *image, const uint8_t *file, size_t file_size)
{
	static const uint8_t magic[7] = { 0x7f, 'E', 'L', 'F', 2 /* 64-bit */, 1 /* little-endian */, 1 };
	const struct elf_header *header = (const struct elf_header *)file;
	bool entry_found = false;
	unsigned int i;

	*image = (struct image){ .file = file };
	if (file_size < sizeof(*header))
		return "the hypervisor is not an ELF file";
	for (i = 0; i < sizeof(magic); i++) {
		if (header->ident[i] != magic[i])
			return "the hypervisor is not a 64-bit ELF file";
	}
	if (header->type != ELF_EXECUTABLE || header->machine != ELF_X86_64)
		return "the hypervisor is not an x86-64 executable";
	if (header->phentsize != sizeof(struct elf_segment) || header->phoff % 8 || header->phoff > file_size ||
	    header->phnum > (file_size - header->phoff) / sizeof(struct elf_segment))
		return "the hypervisor's segment table lies outside of its file";
	for (i = 0; i < header->phnum; i++) {
		const struct elf_segment *load = segment(file, i);
		const char *fault;

		if (load->type != SEGMENT_LOAD)
			continue;
		fault = check_segment(image, load, file_size);
		if (fault)
			return fault;
		if ((load->flags & SEGMENT_EXECUTE) && header->entry >= load->vaddr &&
		    header->entry - load->vaddr < load->filesz)
			entry_found = true;
	}
	if (!entry_found)
		return "the hypervisor's entry point lies in none of its segments";
	image->entry_offset = header->entry - IMAGE_LINK_BASE;
	image->size_bytes = (image->size_bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	return NULL;
}

void image_load(const struct image *image, uint8_t *memory)
{
	const struct elf_header *header = (const struct elf_header *)image->file;
	unsigned int i;

	__builtin_memset(memory, 0, image->size_bytes);
	for (i = 0; i < header->phnum; i++) {
		const struct elf_segment *load = segment(image->file, i);

		if (load->type == SEGMENT_LOAD)
			__builtin_memcpy(memory + (load->vaddr - IMAGE_LINK_BASE), image->file + load->offset, load->filesz);
	}
}
