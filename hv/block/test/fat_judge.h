/* SPDX-License-Identifier: MIT */
/*
 * FAT32 images for hosted tests, made by mkfs.fat and judged by fsck.fat and mtools: programs that are not ours. Files stand in
 * a folder of the test's own.
 */
#ifndef HV_BLOCK_TEST_FAT_JUDGE_H
#define HV_BLOCK_TEST_FAT_JUDGE_H

#include "hv/lib/types.h"

/* An empty file system of so many sectors (caller frees). options: further ones of mkfs.fat. */
u8 *fat_image_make(const char *options, u32 sectors);
/* What fsck.fat -n finds, "" when all is well. power_cut: lost clusters, a longer chain and old counts are no findings. */
const char *fat_judge(const u8 *image, size_t size_bytes, bool power_cut);
/* The file's bytes as mtools read them; NULL: it is not there. Caller frees. */
u8 *fat_mtools_read(const u8 *image, size_t size_bytes, const char *path, size_t *length);
/* Copies bytes in with mtools. */
void fat_mtools_write(u8 *image, size_t size_bytes, const char *path, const void *data, size_t length);
void fat_mtools_command(u8 *image, size_t size_bytes, const char *command, const char *arguments);

#endif
