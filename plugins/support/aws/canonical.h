// SPDX-License-Identifier: MIT
/* The canonical request of Signature Version 4: path, query and headers in the one form that both
 * sides can compute. */
#ifndef AWS_CANONICAL_H
#define AWS_CANONICAL_H

#include "support/aws/sign.h"
#include "support/aws/text.h"

/* The parts of a URL that are signed; borrowed from it. */
struct url_parts {
	struct weir_slice host; /* with its port unless it is the scheme's own */
	struct weir_slice path; /* "/" when there is none */
	struct weir_slice query;
};

int32_t url_split(struct weir_slice url, struct url_parts *ret_parts);

/* Remembers in `text` when memory was short. */
void canonical_path(struct text *text, struct weir_slice path, uint32_t flags);
void canonical_query(struct text *text, struct weir_slice query);
/* "name:value\n" sorted by name, and their names, joined by ';'. */
void canonical_headers(struct text *text, struct text *names, const struct weir_slice *headers,
		       uint32_t count, struct weir_slice host);

#endif
