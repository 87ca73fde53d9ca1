// SPDX-License-Identifier: MIT
#include "packing.h"

static const char newline[] = "\n";

static uint64_t size_of(const struct packing *packing, const struct batching_record *record)
{
	return record->data.size + packing->newline;
}

/* Whether a record of `size` bytes begins a new Firehose record. */
static int begins(const struct packing *packing, uint64_t filled, uint64_t size)
{
	return filled == 0 || packing->pack_size == 0 || filled + size > packing->pack_size;
}

uint64_t packing_measure(const struct packing *packing, const struct batching_record *record,
			 struct batching_refusal *ret_refusal)
{
	uint64_t size = size_of(packing, record);

	if (size > 0 && size <= FIREHOSE_RECORD_MAX)
		return size;
	ret_refusal->reason = size ? "too_large" : "empty";
	snprintf(ret_refusal->text, sizeof(ret_refusal->text),
		 "the record is %llu bytes; Firehose takes 1 to %u", (unsigned long long)size,
		 FIREHOSE_RECORD_MAX);
	return 0;
}

static void add_data(const struct packing *packing, const struct batching_record *record,
		     struct body *body)
{
	struct weir_slice data = record->data;

	data.size += packing->newline && record->newline;
	body_add_base64(body, data);
	if (packing->newline && !record->newline)
		body_add_base64(body, (struct weir_slice){newline, 1});
}

int32_t packing_compose(const struct packing *packing, const char *stream,
			const struct batching_request *request, struct body *body)
{
	struct batching_cursor cursor = {request, 0, 0};
	struct batching_record record;
	uint64_t filled = 0;
	int first = 1;

	body_add_string(body, "{\"DeliveryStreamName\":\"");
	body_add_json(body, weir_slice_of(stream));
	body_add_string(body, "\",\"Records\":[");
	while (batching_next(&cursor, &record)) {
		if (begins(packing, filled, size_of(packing, &record))) {
			body_end_base64(body);
			body_add_string(body, first ? "{\"Data\":\"" : "\"},{\"Data\":\"");
			filled = 0;
		}
		add_data(packing, &record, body);
		filled += size_of(packing, &record);
		first = 0;
	}
	body_end_base64(body);
	body_add_string(body, "\"}]}");
	return body->failed ? WEIR_ERR_MEMORY : 0;
}

uint32_t packing_groups(const struct packing *packing, const struct batching_request *request,
			uint32_t *ret_sizes)
{
	struct batching_cursor cursor = {request, 0, 0};
	struct batching_record record;
	uint64_t filled = 0;
	uint32_t count = 0;

	while (batching_next(&cursor, &record)) {
		if (begins(packing, filled, size_of(packing, &record))) {
			ret_sizes[count++] = 0;
			filled = 0;
		}
		ret_sizes[count - 1]++;
		filled += size_of(packing, &record);
	}
	return count;
}
