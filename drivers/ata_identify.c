/* SPDX-License-Identifier: MIT */
/* Reading of IDENTIFY DEVICE data (ata_identify.h); word numbers are the standard's. */
#include "drivers/ata_identify.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

static u32 word(const u8 *data, unsigned number)
{
	return data[2 * number] | (u32)data[2 * number + 1] << 8;
}

static u32 two_words(const u8 *data, unsigned number)
{
	return word(data, number) | word(data, number + 1) << 16;
}

void ata_text(char *to, const u8 *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		u8 c = words[i ^ 1];

		to[i] = c >= ' ' && c < 0x7f ? (char)c : c ? '?' : ' ';
	}
	while (count && to[count - 1] == ' ')
		count--;
	to[count] = 0;
}

/* Words whose top bits are 01 are valid. */
static bool is_valid(u32 value)
{
	return (value & 0xc000) == 0x4000;
}

static void read_block_sizes(const u8 *data, struct ata_identity *identity)
{
	u32 geometry = word(data, 106);

	identity->logical_block_bytes = 512;
	identity->physical_block_bytes = 512;
	if (!is_valid(geometry))
		return;
	if (geometry & BIT32(12))
		identity->logical_block_bytes = two_words(data, 117) <= 2048 ? two_words(data, 117) * 2 : 0;
	identity->physical_block_bytes = identity->logical_block_bytes << (geometry & BIT32(13) ? geometry & 15 : 0);
}

int ata_identify_read(const u8 data[512], struct ata_identity *identity, const char **why)
{
	u64 blocks;

	memset(identity, 0, sizeof(*identity));
	ata_text(identity->serial, data + 2 * 10, 20);
	ata_text(identity->model, data + 2 * 27, 40);
	read_block_sizes(data, identity);
	identity->lba48 = is_valid(word(data, 83)) && (word(data, 83) & BIT32(10));
	*why = "it has no 48-bit addresses";
	if (!identity->lba48)
		return ERR_UNSUPPORTED;
	*why = "its blocks are neither of 512 nor of 4096 bytes";
	if (identity->logical_block_bytes != 512 && identity->logical_block_bytes != 4096)
		return ERR_UNSUPPORTED;
	blocks = two_words(data, 100) | (u64)two_words(data, 102) << 32;
	*why = "its size is impossible";
	if (blocks == 0 || blocks >= BIT64(48))
		return ERR_UNSUPPORTED;
	identity->sector_count = blocks * (identity->logical_block_bytes / 512);
	if (word(data, 76) != 0xffff && (word(data, 76) & BIT32(8)))
		identity->queue_depth = (word(data, 75) & 31) + 1;
	identity->write_cache = word(data, 85) & BIT32(5);
	identity->fua = is_valid(word(data, 84)) && (word(data, 84) & BIT32(6));
	identity->rotational = word(data, 217) != 1;
	if (word(data, 169) & BIT32(0))
		identity->trim_blocks = word(data, 105) ? word(data, 105) : 1;
	return OK;
}
