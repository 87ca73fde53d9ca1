// SPDX-License-Identifier: MIT
/*
 * A status alone doesn't say whose fault it is: some of the 400s are the cluster's or the
 * configuration's, and would send every record to the dead letter.
 */
#include "support/bulk/bulk_fate.h"

/* Errors of the cluster or the configuration that come with a status of the client's. */
static const struct {
	const char *type;
	const char *words; /* of the reason; NULL = any */
} held[] = {
	{"cluster_block_exception", NULL}, /* read-only, or the disk is full */
	{"index_closed_exception", NULL},
	{"illegal_argument_exception", "pipeline with id ["}, /* ... does not exist */
	{"illegal_argument_exception", "maximum shards open"},
	{"validation_exception", "maximum shards open"},
};

static int is_held(const struct bulk_item *item)
{
	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
		if (weir_slice_equals(item->type, held[i].type) &&
		    (!held[i].words ||
		     (item->reason.size && memmem(item->reason.data, item->reason.size,
						  held[i].words, strlen(held[i].words)))))
			return 1;
	return 0;
}

static uint32_t fate_of_missing(const struct bulk_item *item, uint32_t flags)
{
	if (weir_slice_equals(item->type, "index_not_found_exception") &&
	    !(flags & BULK_NAMES_FROM_RECORDS))
		return BULK_HOLD;
	return BULK_DEAD;
}

uint32_t bulk_fate(const struct bulk_item *item, uint32_t flags)
{
	if (item->status >= 200 && item->status < 300)
		return BULK_DELIVERED;
	if (is_held(item))
		return BULK_HOLD;
	switch (item->status) {
	case 401:
	case 403:
		return BULK_HOLD;
	case 404:
		return fate_of_missing(item, flags);
	case 408:
	case 429:
		return BULK_RETRY;
	case 409:
		return item->type.size == 0 ||
				       weir_slice_equals(item->type,
							 "version_conflict_engine_exception")
			       ? BULK_REPLAYED
			       : BULK_RETRY;
	}
	return item->status >= 400 && item->status < 500 ? BULK_DEAD : BULK_RETRY;
}

static uint64_t append(char *to, uint64_t at, uint64_t size, const char *before,
		       struct weir_slice text, const char *after)
{
	int room = at < size ? (int)(size - at) : 0, made;

	if (text.size == 0 || room == 0)
		return at;
	made = snprintf(to + at, (size_t)room, "%s%.*s%s", before,
			(int)(text.size < size ? text.size : size), text.data, after);
	if (made < 0)
		return at;
	return at + (uint64_t)(made < room ? made : room - 1);
}

uint64_t bulk_explain(const struct bulk_item *item, char *ret_text, uint64_t size)
{
	uint64_t at = append(ret_text, 0, size, "", item->type, "");

	at = append(ret_text, at, size, at ? ": " : "", item->reason, "");
	at = append(ret_text, at, size, " (", item->cause, ")");
	if (at)
		return at;
	return (uint64_t)snprintf(ret_text, size, "status %u", item->status);
}
