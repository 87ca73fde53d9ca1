// SPDX-License-Identifier: MIT
#include "packing.h"

uint64_t packing_measure(const struct packing *packing, const struct batching_record *record,
			 struct batching_refusal *ret_refusal)
{
	uint64_t key = keys_size(packing->keys, record, ret_refusal);
	uint64_t size = record->data.size + packing->newline + key;

	if (key == 0 || size <= packing->record_max)
		return key ? size : 0;
	ret_refusal->reason = "too_large";
	snprintf(ret_refusal->text, sizeof(ret_refusal->text),
		 "data and partition key are %llu bytes; Kinesis takes %llu (see max_record)",
		 (unsigned long long)size, (unsigned long long)packing->record_max);
	return 0;
}

struct packing_cursor packing_first(const struct packing *packing,
				    const struct batching_request *request)
{
	struct packing_cursor cursor = {.records = {request, 0, 0}};

	packing->keys->host->random(&cursor.seed, sizeof(cursor.seed));
	return cursor;
}

int packing_next(const struct packing *packing, struct packing_cursor *cursor,
		 struct packed *ret_packed)
{
	static const char newline[] = "\n";
	struct batching_refusal refusal;
	struct batching_record record;

	if (!batching_next(&cursor->records, &record))
		return 0;
	if (keys_of(packing->keys, &record, &cursor->seed, &cursor->keys, &refusal))
		return WEIR_ERR_INTERNAL;
	ret_packed->partition_key =
		(struct weir_slice){cursor->keys.partition, cursor->keys.partition_size};
	ret_packed->hash_key = (struct weir_slice){cursor->keys.hash, cursor->keys.hash_size};
	ret_packed->pieces[0] = record.data;
	ret_packed->piece_count = 1;
	ret_packed->size = record.data.size + packing->newline;
	if (packing->newline && record.newline)
		ret_packed->pieces[0].size++;
	else if (packing->newline)
		ret_packed->pieces[ret_packed->piece_count++] = (struct weir_slice){newline, 1};
	return 1;
}

uint32_t packing_count(const struct packing *packing, const struct batching_request *request)
{
	(void)packing;
	return request->records;
}
