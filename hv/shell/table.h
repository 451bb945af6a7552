/* SPDX-License-Identifier: MIT */
/*
 * Columns as virsh prints them: a blank before each column, three between, a line of dashes under the header, each
 * column as wide as its widest cell.
 *
 *   struct shell_table table;
 *   shell_table_begin(&table, 3, "Id", "Name", "State");
 *   shell_table_row(&table, "1", "test", "running");
 *   shell_table_end(&table, shell);              prints and frees; an error for want of memory is told there
 */
#ifndef HV_SHELL_TABLE_H
#define HV_SHELL_TABLE_H

#include "hv/lib/types.h"

struct shell;

#define SHELL_TABLE_COLUMNS_MAX 12

struct shell_table {
	char *cells; /* rows of NUL-terminated cells, one after the other */
	size_t size_bytes, capacity_bytes;
	unsigned columns, rows;
	unsigned width[SHELL_TABLE_COLUMNS_MAX];
	bool no_memory;
};

void shell_table_begin(struct shell_table *table, unsigned columns, ...); /* the headers, const char * each */
void shell_table_row(struct shell_table *table, ...);                     /* as many cells; copied */
void shell_table_end(struct shell_table *table, struct shell *shell);

#endif
