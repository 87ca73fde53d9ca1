// SPDX-License-Identifier: MIT
/*
 * The action line that goes before each record of a `_bulk` body:
 *
 *     {"create":{"_index":"web-2026.01.31","_id":"<source>-<position>","routing":"eu"}}
 *
 * An index that is the same for all records is in the URL instead. The id is that of the record: 32
 * hex digits of its source, its position, and its ordinal where that is not 0. It says which bytes of
 * which file the record was made of, so sending it twice changes nothing.
 */
#ifndef ACTION_H
#define ACTION_H

#include <pthread.h>

#include "index_name.h"

/* The server's bound on _id, in bytes; one that is longer fails the whole request. Taken for routing
 * values too. */
#define ACTION_ID_MAX 512
/* Every byte of id and routing may become six. */
#define ACTION_SIZE_MAX (INDEX_NAME_MAX + 2 * 6 * ACTION_ID_MAX + 128)

struct action_style {
	const struct weir_services *host;
	struct index_name index;
	struct weir_expr *id, *routing; /* may be NULL */
	uint32_t no_id;                 /* the server makes them up */
	uint32_t index_in_url;
	pthread_mutex_t lock; /* expressions work for one thread at a time */
};

/* A record that has none of it, or none that can be used. */
struct action_problem {
	const char *reason; /* short word */
	char text[160];
};

/* No two records differ in it. */
int action_is_constant(const struct action_style *style);
/* Longest id of a record: 32 hex digits, position and ordinal. */
#define ACTION_RECORD_ID_MAX 80
/* The id that a record has by itself; its size. */
uint32_t action_record_id(const struct weir_batch *batch, uint32_t record,
			  char ret_id[ACTION_RECORD_ID_MAX]);
/* Around action_write(), where there are expressions. */
void action_lock(struct action_style *style);
void action_unlock(struct action_style *style);
/* Its size with the newline, or 0 and the problem. The memo is for the actions of one body. */
uint32_t action_write(const struct action_style *style, const struct weir_batch *batch,
		      uint32_t record, struct index_memo *memo, char ret_text[ACTION_SIZE_MAX],
		      struct action_problem *ret_problem);
/* The size alone; takes the lock where it needs it. */
uint32_t action_size(struct action_style *style, const struct weir_batch *batch, uint32_t record,
		     struct action_problem *ret_problem);

#endif
