// SPDX-License-Identifier: MIT
#include "packing.h"

#include <stdlib.h>

static const char newline[] = "\n";

/* A record's tags, lengths and the place of its key in an aggregate, and half of what the aggregate
 * itself takes: there are two records in it, or none. */
#define KPL_RECORD_OVERHEAD 14
#define KPL_HALF_ENVELOPE ((AGGREGATE_ENVELOPE + 3 + 1) / 2)
/* The partition key of all records, of which Firehose knows none. */
static const struct weir_slice kpl_key = {"a", 1};

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
		return packing->as_kpl ? size + KPL_RECORD_OVERHEAD + KPL_HALF_ENVELOPE : size;
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

static void begin_request(const char *stream, struct body *body)
{
	body_add_string(body, "{\"DeliveryStreamName\":\"");
	body_add_json(body, weir_slice_of(stream));
	body_add_string(body, "\",\"Records\":[");
}

static int32_t compose_lines(const struct packing *packing, const struct batching_request *request,
			     struct body *body)
{
	struct batching_cursor cursor = {request, 0, 0};
	struct batching_record record;
	uint64_t filled = 0;
	int first = 1;

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
	return 0;
}

/* ---- aggregates ---- */

struct kpl_pack {
	struct aggregate aggregate;
	int is_open; /* more may join it */
};

/* Adds the record to the pack, or begins a new one with it: 1; 0; or WEIR_ERR_MEMORY. What is too large
 * for any pack begins one and ends it. */
static int kpl_begins(const struct packing *packing, struct kpl_pack *pack,
		      const struct batching_record *record)
{
	struct aggregate_record what = {.partition_key = kpl_key,
					.data_size = size_of(packing, record)};
	int code = 0;

	if (pack->is_open)
		code = aggregate_add(&pack->aggregate, &what, packing->pack_size);
	if (code)
		return code < 0 ? code : 0;
	aggregate_done(&pack->aggregate);
	code = aggregate_add(&pack->aggregate, &what, packing->pack_size);
	pack->is_open = code > 0;
	return code < 0 ? code : 1;
}

/* 0 without memory. */
static uint32_t kpl_groups(const struct packing *packing, const struct batching_request *request,
			   uint32_t *ret_sizes)
{
	struct batching_cursor cursor = {request, 0, 0};
	struct batching_record record;
	struct kpl_pack pack = {0};
	uint32_t count = 0;
	int begun = 0;

	while (begun >= 0 && batching_next(&cursor, &record)) {
		begun = kpl_begins(packing, &pack, &record);
		if (begun > 0)
			ret_sizes[count++] = 0;
		if (begun >= 0)
			ret_sizes[count - 1]++;
	}
	aggregate_done(&pack.aggregate);
	return begun < 0 ? 0 : count;
}

static char *put_data(const struct packing *packing, const struct batching_record *record, char *to)
{
	if (record->data.size)
		memcpy(to, record->data.data, record->data.size);
	to += record->data.size;
	if (packing->newline)
		*to++ = '\n';
	return to;
}

/* The next `count` records, two or more, as one. */
static int32_t add_pack(const struct packing *packing, struct batching_cursor *cursor,
			uint32_t count, struct hasher *hasher, struct body *body)
{
	struct batching_cursor ahead = *cursor;
	struct kpl_pack pack = {0};
	struct batching_record record;
	int32_t code = 0;
	char *text, *at;

	for (uint32_t i = 0; i < count && code >= 0; i++) {
		batching_next(&ahead, &record);
		code = kpl_begins(packing, &pack, &record);
	}
	text = code < 0 ? NULL : malloc(aggregate_size(&pack.aggregate));
	at = text ? aggregate_write_head(&pack.aggregate, text) : NULL;
	for (uint32_t i = 0; at && i < count; i++) {
		struct aggregate_record what = {.hash_index = AGGREGATE_NO_KEY};

		batching_next(cursor, &record);
		what.data_size = size_of(packing, &record);
		at = put_data(packing, &record, aggregate_write_record(&what, at));
	}
	at = at ? aggregate_write_digest(hasher, text, at) : NULL;
	if (at)
		body_add_base64(body, (struct weir_slice){text, (uint64_t)(at - text)});
	aggregate_done(&pack.aggregate);
	free(text);
	return at ? 0 : WEIR_ERR_MEMORY;
}

static int32_t compose_kpl(const struct packing *packing, const struct batching_request *request,
			   struct body *body)
{
	struct batching_cursor cursor = {request, 0, 0};
	uint32_t *sizes = calloc(request->records, sizeof(*sizes));
	struct hasher *hasher = hasher_create();
	uint32_t count = sizes && hasher ? kpl_groups(packing, request, sizes) : 0;
	int32_t code = count ? 0 : WEIR_ERR_MEMORY;

	for (uint32_t i = 0; i < count && code == 0; i++) {
		struct batching_record record;

		body_add_string(body, i == 0 ? "{\"Data\":\"" : ",{\"Data\":\"");
		if (sizes[i] > 1) {
			code = add_pack(packing, &cursor, sizes[i], hasher, body);
		} else {
			batching_next(&cursor, &record);
			add_data(packing, &record, body);
		}
		body_end_base64(body);
		body_add_string(body, "\"}");
	}
	body_add_string(body, "]}");
	hasher_destroy(hasher);
	free(sizes);
	return code;
}

/* ---- both ---- */

int32_t packing_compose(const struct packing *packing, const char *stream,
			const struct batching_request *request, struct body *body)
{
	int32_t code;

	begin_request(stream, body);
	code = packing->as_kpl ? compose_kpl(packing, request, body)
			       : compose_lines(packing, request, body);
	return code ? code : body->failed ? WEIR_ERR_MEMORY : 0;
}

uint32_t packing_groups(const struct packing *packing, const struct batching_request *request,
			uint32_t *ret_sizes)
{
	struct batching_cursor cursor = {request, 0, 0};
	struct batching_record record;
	uint64_t filled = 0;
	uint32_t count = 0;

	if (packing->as_kpl)
		return kpl_groups(packing, request, ret_sizes);
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
