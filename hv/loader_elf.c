/* SPDX-License-Identifier: MIT */
/*
 * ELF kernels: PT_LOAD segments to their physical addresses, the entry point, and Xen's note that names the PVH entry.
 * Source: Tool Interface Standard, "Executable and Linking Format" and the System V ABI's ELF-64 tables.
 */
#include "hv/loader_place.h"
#include "hv/lib/string.h"

#define PT_LOAD 1u
#define PT_NOTE 4u
#define EM_386 3u
#define EM_X86_64 62u
#define XEN_ELFNOTE_PHYS32_ENTRY 18u
#define SEGMENTS_MAX 64u
/* A hostile file could make us look at notes for ever. */
#define NOTES_MAX 256u

struct segment { u32 type; u64 offset, virtual, physical, file_bytes, memory_bytes, align; };

bool elf_probe(const void *image, size_t image_bytes)
{
	const u8 *file = image;

	return image_bytes >= 52 && memcmp(file, "\x7f" "ELF", 4) == 0;
}

int elf_open(struct placement *placement, struct elf_image *elf)
{
	const u8 *file = placement->request->image;
	u64 bytes = placement->request->image_bytes;

	if (!elf_probe(file, bytes))
		return place_error(placement, ERR_INVALID, "ELF: the file is no ELF file");
	elf->is_64 = file[4] == 2;
	if ((file[4] != 1 && file[4] != 2) || file[5] != 1)
		return place_error(placement, ERR_UNSUPPORTED, "ELF: class %u, data %u; only little-endian ELF32 and ELF64 are known",
				   file[4], file[5]);
	unsigned machine = file_u16(file + 18);
	if (machine != (elf->is_64 ? EM_X86_64 : EM_386))
		return place_error(placement, ERR_UNSUPPORTED, "ELF%u: machine %u is not x86", elf->is_64 ? 64 : 32, machine);
	if (elf->is_64 && bytes < 64)
		return place_error(placement, ERR_INVALID, "ELF: the file ends inside its header");
	elf->entry_virtual = elf->is_64 ? file_u64(file + 24) : file_u32(file + 24);
	elf->program_headers = elf->is_64 ? file_u64(file + 32) : file_u32(file + 28);
	elf->program_header_bytes = file_u16(file + (elf->is_64 ? 54 : 42));
	elf->program_header_count = file_u16(file + (elf->is_64 ? 56 : 44));
	if (elf->program_header_bytes != (elf->is_64 ? 56 : 32))
		return place_error(placement, ERR_INVALID, "ELF: program headers of %u bytes", elf->program_header_bytes);
	if (elf->program_header_count == 0 || elf->program_header_count > SEGMENTS_MAX)
		return place_error(placement, ERR_INVALID, "ELF: %u program headers; 1 to %u are possible", elf->program_header_count,
				   SEGMENTS_MAX);
	u64 table = (u64)elf->program_header_count * elf->program_header_bytes;
	if (elf->program_headers > bytes || table > bytes - elf->program_headers)
		return place_error(placement, ERR_INVALID, "ELF: truncated: program headers at 0x%llx, the file has 0x%llx bytes",
				   (unsigned long long)elf->program_headers, (unsigned long long)bytes);
	return OK;
}

static int read_segment(struct placement *placement, const struct elf_image *elf, unsigned index, struct segment *segment)
{
	const u8 *at = (const u8 *)placement->request->image + elf->program_headers + (u64)index * elf->program_header_bytes;
	u64 bytes = placement->request->image_bytes;

	if (elf->is_64)
		*segment = (struct segment){ file_u32(at), file_u64(at + 8), file_u64(at + 16), file_u64(at + 24), file_u64(at + 32),
					     file_u64(at + 40), file_u64(at + 48) };
	else
		*segment = (struct segment){ file_u32(at), file_u32(at + 4), file_u32(at + 8), file_u32(at + 12), file_u32(at + 16),
					     file_u32(at + 20), file_u32(at + 28) };
	if (segment->type != PT_LOAD && segment->type != PT_NOTE)
		return OK;
	if (segment->offset > bytes || segment->file_bytes > bytes - segment->offset)
		return place_error(placement, ERR_INVALID, "ELF: truncated: segment %u lies at 0x%llx + 0x%llx, the file has 0x%llx bytes", index,
				   (unsigned long long)segment->offset, (unsigned long long)segment->file_bytes, (unsigned long long)bytes);
	if (segment->type == PT_LOAD && segment->file_bytes > segment->memory_bytes)
		return place_error(placement, ERR_INVALID, "ELF: segment %u has more bytes in the file (0x%llx) than in memory (0x%llx)", index,
				   (unsigned long long)segment->file_bytes, (unsigned long long)segment->memory_bytes);
	return OK;
}

static int load_segment(struct placement *placement, unsigned index, const struct segment *segment)
{
	int result;

	if (segment->physical >= 4 * GIB || segment->memory_bytes > 4 * GIB - segment->physical)
		return place_error(placement, ERR_RANGE, "ELF: segment %u at 0x%llx, 0x%llx bytes, is not below 4 GiB", index,
				   (unsigned long long)segment->physical, (unsigned long long)segment->memory_bytes);
	result = place_at(placement, segment->physical, segment->memory_bytes, "ELF: a segment");
	if (result == OK)
		result = place_write(placement, segment->physical, (const u8 *)placement->request->image + segment->offset,
				     segment->file_bytes);
	if (result == OK)
		result = place_zero(placement, segment->physical + segment->file_bytes, segment->memory_bytes - segment->file_bytes);
	return result;
}

int elf_load(struct placement *placement, struct elf_image *elf)
{
	bool found = false, any = false;
	struct segment segment;

	for (unsigned i = 0; i < elf->program_header_count; i++) {
		int result = read_segment(placement, elf, i, &segment);

		if (result != OK)
			return result;
		if (segment.type != PT_LOAD || segment.memory_bytes == 0)
			continue;
		result = load_segment(placement, i, &segment);
		if (result != OK)
			return result;
		any = true;
		if (!found && elf->entry_virtual - segment.virtual < segment.memory_bytes) {
			elf->entry_physical = elf->entry_virtual - segment.virtual + segment.physical;
			found = true;
		}
	}
	if (!any)
		return place_error(placement, ERR_INVALID, "ELF: the file has nothing to load");
	if (!found) /* some kernels give the physical entry where the virtual one belongs */
		elf->entry_physical = elf->entry_virtual;
	return OK;
}

/* One PT_NOTE: name and descriptor sizes are padded to 4 bytes. */
static int find_note(const u8 *at, u64 left, u64 *entry)
{
	for (unsigned i = 0; i < NOTES_MAX && left >= 12; i++) {
		u64 name_bytes = file_u32(at), data_bytes = file_u32(at + 4);
		u32 type = file_u32(at + 8);
		u64 data_at = 12 + ALIGN_UP(name_bytes, 4u), next = data_at + ALIGN_UP(data_bytes, 4u);

		if (data_at > left || data_bytes > left - data_at)
			return ERR_NOT_FOUND;
		if (type == XEN_ELFNOTE_PHYS32_ENTRY && name_bytes == 4 && memcmp(at + 12, "Xen", 4) == 0 && data_bytes >= 4) {
			*entry = data_bytes >= 8 ? file_u64(at + data_at) : file_u32(at + data_at);
			return OK;
		}
		if (next > left)
			return ERR_NOT_FOUND;
		at += next;
		left -= next;
	}
	return ERR_NOT_FOUND;
}

int elf_find_pvh_entry(struct placement *placement, const struct elf_image *elf, u64 *entry)
{
	struct segment segment;

	for (unsigned i = 0; i < elf->program_header_count; i++) {
		int result = read_segment(placement, elf, i, &segment);

		if (result != OK)
			return result;
		if (segment.type == PT_NOTE && find_note((const u8 *)placement->request->image + segment.offset, segment.file_bytes, entry) == OK)
			return OK;
	}
	return ERR_NOT_FOUND;
}
