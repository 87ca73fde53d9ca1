// SPDX-License-Identifier: MIT
/* What an item of a `_bulk` answer means for its record. */
#ifndef BULK_FATE_H
#define BULK_FATE_H

#include "support/bulk/bulk_answer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BULK_DELIVERED 1
#define BULK_REPLAYED 2 /* it was there already, under the same id */
#define BULK_RETRY 3    /* passes by itself */
#define BULK_HOLD 4     /* is for an operator: kept, tried again, with an alarm */
#define BULK_DEAD 5     /* the server will never take this record */

/* The index of each record has parts that come from the record: one that is missing is then no
 * reason to hold all others. */
#define BULK_NAMES_FROM_RECORDS 1

uint32_t bulk_fate(const struct bulk_item *item, uint32_t flags);
/* "type: reason (cause)", at most `size` bytes; returns how many. */
uint64_t bulk_explain(const struct bulk_item *item, char *ret_text, uint64_t size);

#ifdef __cplusplus
}
#endif

#endif
