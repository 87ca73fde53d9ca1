// SPDX-License-Identifier: MIT
/*
 * The answer of Elasticsearch's and OpenSearch's `_bulk`, by simdjson; the only file that knows it is
 * bulk_answer.cpp.
 *
 * An answer is usable only when it is whole, valid JSON with exactly one item for each record that
 * was sent, each of the action that was sent and with a status. `errors` is not looked at: the items
 * say it themselves, and a proxy that made up an answer would not get both right.
 *
 *     {"errors":true,"items":[{"create":{"_id":"a","status":201}},
 *                             {"create":{"_id":"b","status":400,"error":{"type":..,"reason":..}}}]}
 *
 * One thread at a time.
 */
#ifndef BULK_ANSWER_H
#define BULK_ANSWER_H

#include <weir/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bulk_answer;

/* Texts without escapes; empty when the answer has none. */
struct bulk_item {
	uint32_t status; /* 100 to 599 */
	struct weir_slice id;
	struct weir_slice type, reason; /* of the error */
	struct weir_slice cause;        /* the reason of what caused it */
};

struct bulk_answer *bulk_answer_create(void); /* NULL without memory */
void bulk_answer_destroy(struct bulk_answer *answer);
/*
 * NULL and `expected` items, which live until the next call; or a constant text that says what is
 * wrong with the answer. `action` is the action of every record: create or index.
 */
const char *bulk_answer_read(struct bulk_answer *answer, struct weir_slice text, const char *action,
			     uint32_t expected, const struct bulk_item **ret_items);

#ifdef __cplusplus
}
#endif

#endif
