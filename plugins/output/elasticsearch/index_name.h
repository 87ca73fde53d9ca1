// SPDX-License-Identifier: MIT
/*
 * The name of the index that a record goes to: literal text, parts of the record's own @timestamp in
 * UTC (%Y %m %d %H), and {expressions}.
 *
 *     errors-%Y.%m.%d        {service}-%Y.%m        logs-{coalesce(team, "none")}
 *
 * Never of the time of sending: a record that is sent again after a crash goes to the same index,
 * where its id is known. Literal text is checked when the agent starts; what an expression yields is
 * put in lower case, and '_' stands for what a name cannot hold.
 */
#ifndef INDEX_NAME_H
#define INDEX_NAME_H

#include <weir/plugin.h>

/* Elasticsearch's bound, in bytes. */
#define INDEX_NAME_MAX 255
#define INDEX_PARTS_MAX 32

struct index_part {
	struct weir_slice text;   /* literal */
	struct weir_expr *expr;   /* or an expression */
	struct weir_slice source; /* of it, in the node's text */
	char date;                /* or a letter of strftime's */
};

struct index_name {
	const struct weir_services *host;
	const struct weir_node *written;
	struct index_part parts[INDEX_PARTS_MAX];
	uint32_t count;
	uint32_t has_date, has_expr; /* neither: the same for all records */
	uint32_t size;               /* of each name, unless has_expr: a date's width is fixed */
};

/* A name that was made, with the hour it is good for: made again only when that has passed. Zeroed
 * to begin with; for one thread, and one index_name. */
struct index_memo {
	char text[INDEX_NAME_MAX];
	uint32_t size;
	int64_t hour; /* since 1970 */
};

int32_t index_name_compile(const struct weir_services *host, const struct weir_node *node,
			   struct index_name *ret_name, struct weir_error *error);
/* Leaves the name in the memo; its size, or 0 and why in ret_why. One thread at a time when it
 * has_expr. */
uint32_t index_name_render(const struct index_name *name, const struct weir_batch *batch,
			   uint32_t record, struct index_memo *memo, char *ret_why,
			   size_t why_size);
/* Says what its expressions read. */
void index_name_fields(const struct index_name *name, struct weir_fields *fields);
void index_name_done(struct index_name *name);

#endif
