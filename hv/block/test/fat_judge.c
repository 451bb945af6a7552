/* SPDX-License-Identifier: MIT */
/* See fat_judge.h. */
#define _GNU_SOURCE
#include "hv/block/test/fat_judge.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static char findings[8192];

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command))
		perror(command);
}

static const char *file_path(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	if (!folder[0]) {
		strcpy(folder, "/tmp/solera-fat-XXXXXX");
		assert(mkdtemp(folder));
		atexit(remove_folder);
	}
	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void save(const char *name, const void *data, size_t size)
{
	FILE *file = fopen(file_path(name), "wb");

	assert(file && (size == 0 || fwrite(data, size, 1, file) == 1));
	fclose(file);
}

static u8 *load(const char *name, size_t *size)
{
	FILE *file = fopen(file_path(name), "rb");
	u8 *data;

	if (!file)
		return NULL;
	fseek(file, 0, SEEK_END);
	*size = (size_t)ftell(file);
	rewind(file);
	data = malloc(*size + 1);
	assert(*size == 0 || fread(data, *size, 1, file) == 1);
	fclose(file);
	return data;
}

u8 *fat_image_make(const char *options, u32 sectors)
{
	char command[512];
	u8 *image;
	size_t size;

	snprintf(command, sizeof(command), "truncate -s %u '%s' && mkfs.fat -F 32 %s '%s' >/dev/null 2>&1", sectors * 512,
		 file_path("new.img"), options, file_path("new.img"));
	assert(system(command) == 0);
	image = load("new.img", &size);
	unlink(file_path("new.img"));
	assert(size == sectors * 512);
	return image;
}

static bool is_harmless(const char *line, bool power_cut)
{
	static const char *const always[] = { "fsck.fat ", "/", "Leaving filesystem unchanged", "\n",
					      "Warning: Filesystem is FAT32 according", "  but has only ", "  This may lead" };
	static const char *const after_cut[] = { "Reclaimed ", "Free cluster summary wrong", "FATs differ but appear to be intact",
						 "  Auto-correcting", "  Using first FAT", "  Truncating file to", "Auto-" };

	for (unsigned i = 0; i < ARRAY_SIZE(always); i++)
		if (strncmp(line, always[i], strlen(always[i])) == 0)
			return true;
	if (strstr(line, " files, ") && strstr(line, " clusters"))
		return true;
	for (unsigned i = 0; power_cut && i < ARRAY_SIZE(after_cut); i++)
		if (strncmp(line, after_cut[i], strlen(after_cut[i])) == 0)
			return true;
	return power_cut && strstr(line, "cluster chain length is >");
}

const char *fat_judge(const u8 *image, size_t size_bytes, bool power_cut)
{
	char command[512], line[1024];
	FILE *pipe;

	save("judge.img", image, size_bytes);
	snprintf(command, sizeof(command), "fsck.fat -n '%s' 2>&1", file_path("judge.img"));
	pipe = popen(command, "r");
	assert(pipe);
	findings[0] = 0;
	while (fgets(line, sizeof(line), pipe))
		if (!is_harmless(line, power_cut) && strlen(findings) + strlen(line) < sizeof(findings))
			strcat(findings, line);
	pclose(pipe);
	return findings;
}

u8 *fat_mtools_read(const u8 *image, size_t size_bytes, const char *path, size_t *length)
{
	char command[1024];

	save("mtools.img", image, size_bytes);
	unlink(file_path("out"));
	snprintf(command, sizeof(command), "LC_ALL=C.UTF-8 mcopy -n -i '%s' '::%s' '%s' 2>/dev/null", file_path("mtools.img"), path, file_path("out"));
	if (system(command))
		return NULL;
	return load("out", length);
}

void fat_mtools_command(u8 *image, size_t size_bytes, const char *command, const char *arguments)
{
	char line[1024];
	size_t size;
	u8 *changed;

	save("mtools.img", image, size_bytes);
	snprintf(line, sizeof(line), "LC_ALL=C.UTF-8 %s -i '%s' %s", command, file_path("mtools.img"), arguments);
	assert(system(line) == 0);
	changed = load("mtools.img", &size);
	assert(size == size_bytes);
	memcpy(image, changed, size);
	free(changed);
}

void fat_mtools_write(u8 *image, size_t size_bytes, const char *path, const void *data, size_t length)
{
	char arguments[512];

	save("in", data, length);
	snprintf(arguments, sizeof(arguments), "'%s' '::%s'", file_path("in"), path);
	fat_mtools_command(image, size_bytes, "mcopy -o", arguments);
}
