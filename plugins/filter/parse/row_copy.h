// SPDX-License-Identifier: MIT
/* A record's fields outside of any batch: names, values and text of its own. */
#ifndef PARSE_ROW_COPY_H
#define PARSE_ROW_COPY_H

#include "parse.h"

struct row_copy {
	struct weir_slice *names;
	struct weir_value *values; /* those with text: offsets into `text` */
	char *text;
	uint32_t count;
	uint32_t text_size;
};

/* -1 without memory. The copy is then empty. */
int row_copy_take(struct row_copy *copy, const struct weir_batch *batch,
		  const struct weir_record *record);
void row_copy_free(struct row_copy *copy);
/* Makes it the record's row. Values, text_size bytes and the record must be reserved. An error is
 * the host's. */
int row_copy_put(const struct row_copy *copy, const struct weir_services *host,
		 struct weir_batch *batch, struct weir_record *record);

#endif
