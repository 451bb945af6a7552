/* SPDX-License-Identifier: MIT */
/*
 * Where Solera keeps what a person defined: files in \solera\store\ of a FAT32 file system, found at boot.
 *
 * The place is the first partition (in the order of disks) that has the folder \solera\store, else the first with a folder \solera:
 * the medium that Solera booted from, if it lies on a disk that Solera drives. The file system is mounted for each use and let go
 * again, so that a machine may have the disk meanwhile (then nothing is kept, and the person is told). Each write is a new copy, a
 * flush, and a switch in one sector (fat_replace): a cut of power leaves the old text or the new one. Thread context; sleeps.
 * Next to read: store.c, domain_store.c.
 */
#ifndef HV_MANAGE_STORE_H
#define HV_MANAGE_STORE_H

#include "hv/lib/types.h"

#define STORE_WORDS_MAX 200
#define STORE_FILE_MAX (1u << 20)

/* Looks for the place, once, after the drivers. Tells the log. */
void store_find(void);
/* "sda1:\solera\store"; false: there is no place. */
bool store_place(char *text, size_t size);

/* folder: "domains", "pools"; name: a file's. OK, or an error with words that go on after "until power-off: ". */
MUST_CHECK int store_write(const char *folder, const char *name, const void *data, u32 size_bytes, char words[STORE_WORDS_MAX]);
/* OK also when it is not there. */
MUST_CHECK int store_remove(const char *folder, const char *name, char words[STORE_WORDS_MAX]);
/* Each file of the folder, in its order on the disk; data has a zero byte behind. visit may use the store. Tells the log of what fails. */
void store_for_each(const char *folder, void (*visit)(void *context, const char *name, const char *data, u32 size_bytes),
		    void *context);

#endif
