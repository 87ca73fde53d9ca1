// SPDX-License-Identifier: MIT
/*
 * A list of field names, and the clearing of those fields, or of all others, in a batch.
 *
 * A cleared field is absent: its slot stays in the row, so that no row moves and no shape is made.
 * The slots are looked up once per shape and batch. One thread at a time.
 */
#ifndef SUPPORT_FIELDLIST_H
#define SUPPORT_FIELDLIST_H

#include <weir/plugin.h>

#define FIELDLIST_LISTED 1 /* clear the fields that are listed */
#define FIELDLIST_OTHERS 2 /* clear all but them */

struct fieldlist;

/* `names` is a list of strings that lives as long as the fieldlist. */
int32_t fieldlist_create(const struct weir_node *names, int which, struct fieldlist **ret_list,
			 struct weir_error *error);
void fieldlist_destroy(struct fieldlist *list);
int32_t fieldlist_clear(struct fieldlist *list, struct weir_batch *batch, struct weir_error *error);
/* Says the same of the fields that records can have, and that those listed are read. */
void fieldlist_fields(const struct fieldlist *list, struct weir_fields *fields);

#endif
