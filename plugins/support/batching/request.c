// SPDX-License-Identifier: MIT
/*
 * Bodies are built from the parts each time they are needed, so that a request can be split at any
 * record without keeping a slice per record.
 */
#include "support/batching/request.h"

#include <stdlib.h>

/* Indices handed to the host at a time. */
#define OUTCOME_CHUNK 512

static const char newline[] = "\n";

/* ---- entries ---- */

uint32_t entry_next(const struct entry *entry, uint32_t record)
{
	uint32_t count = entry->view.batch->record_count;

	while (record < count) {
		uint64_t bits = entry->view.selected[record >> 6] >> (record & 63);

		if (bits) {
			record += (uint32_t)__builtin_ctzll(bits);
			return record < count ? record : count;
		}
		record = (record | 63) + 1;
	}
	return count;
}

uint64_t entry_size(const struct entry *entry, uint32_t record)
{
	if (entry->sizes)
		return entry->sizes[record];
	if (entry->encoding)
		return entry->encoding->starts[record + 1] - entry->encoding->starts[record];
	return (uint64_t)entry->view.batch->records[record].line_length + 1;
}

void entry_record(const struct entry *entry, uint32_t index, struct batching_record *ret_record)
{
	const struct weir_batch *batch = entry->view.batch;
	const struct weir_record *record = &batch->records[index];
	const struct weir_encoding *encoding = entry->encoding;
	const struct weir_block_view *block;
	struct weir_slice data;

	if (encoding) {
		data.data = encoding->data + encoding->starts[index];
		data.size = encoding->starts[index + 1] - encoding->starts[index];
		data.size -= data.size > 0;
		*ret_record = (struct batching_record){batch, index, 1, data};
		return;
	}
	block = &batch->blocks[record->line_block];
	data = weir_record_line(batch, record);
	*ret_record = (struct batching_record){batch, index, 0, data};
	ret_record->newline = (uint64_t)record->line_offset + record->line_length < block->used &&
			      data.data[data.size] == '\n';
}

void entry_free(struct entry *entry)
{
	if (!entry)
		return;
	free(entry->sizes);
	free(entry->selected);
	free(entry);
}

void entry_settle(struct entry *entry, uint32_t count)
{
	/* Acquire and release: whoever frees it has seen all that others did with it. */
	if (atomic_fetch_sub_explicit(&entry->left, count, memory_order_acq_rel) == count)
		entry_free(entry);
}

/* ---- requests ---- */

struct batching_request *request_create(void)
{
	struct batching_request *request = calloc(1, sizeof(*request));

	if (request) {
		request->http.struct_size = sizeof(request->http);
		request->http.user = request;
	}
	return request;
}

static void free_body(struct batching_request *request)
{
	free((void *)(uintptr_t)request->http.body);
	if (request->composed_size)
		request->options->host->memory_charge(request->options->context,
						      -(int64_t)request->composed_size);
	if (request->composed && request->options->discard)
		request->options->discard(request->options->user, request);
	free(request->composed);
	request->composed = NULL;
	request->composed_size = 0;
	request->http.body = NULL;
	request->http.body_count = 0;
	request->http.body_size = 0;
}

void request_free(struct batching_request *request)
{
	if (!request)
		return;
	free_body(request);
	free(request->parts);
	free(request);
}

int request_add(struct batching_request *request, const struct batching_part *part, uint64_t bytes)
{
	if (request->part_count == request->part_capacity) {
		uint32_t capacity = request->part_capacity ? 2 * request->part_capacity : 8;
		struct batching_part *parts = realloc(request->parts, capacity * sizeof(*parts));

		if (!parts)
			return WEIR_ERR_MEMORY;
		request->parts = parts;
		request->part_capacity = capacity;
	}
	request->parts[request->part_count++] = *part;
	request->records += part->count;
	request->bytes += bytes;
	return 0;
}

/* ---- bodies ---- */

struct body {
	struct weir_slice *slices;
	uint32_t count, capacity;
	uint64_t size;
};

static int body_add(struct body *body, const char *data, uint64_t size)
{
	struct weir_slice *last = body->count ? &body->slices[body->count - 1] : NULL;

	body->size += size;
	if (last && last->data + last->size == data) {
		last->size += size;
		return 0;
	}
	if (size == 0)
		return 0;
	if (body->count == body->capacity) {
		uint32_t capacity = body->capacity ? 2 * body->capacity : 16;
		struct weir_slice *slices = realloc(body->slices, capacity * sizeof(*slices));

		if (!slices)
			return WEIR_ERR_MEMORY;
		body->slices = slices;
		body->capacity = capacity;
	}
	body->slices[body->count++] = (struct weir_slice){data, size};
	return 0;
}

/* The line with the newline that follows it in its block; with one of ours where none does. */
static int body_add_line(struct body *body, const struct weir_batch *batch, uint32_t index)
{
	const struct weir_record *record = &batch->records[index];
	const struct weir_block_view *block = &batch->blocks[record->line_block];
	const char *line = (const char *)block->data + record->line_offset;
	uint64_t end = (uint64_t)record->line_offset + record->line_length;

	if (end < block->used && line[record->line_length] == '\n')
		return body_add(body, line, (uint64_t)record->line_length + 1);
	return body_add(body, line, record->line_length) || body_add(body, newline, 1);
}

static int body_add_record(struct body *body, const struct entry *entry, uint32_t record)
{
	const struct weir_encoding *encoding = entry->encoding;

	if (!encoding)
		return body_add_line(body, entry->view.batch, record);
	return body_add(body, encoding->data + encoding->starts[record], entry_size(entry, record));
}

static int body_add_part(struct body *body, const struct batching_part *part,
			 struct weir_slice separator)
{
	uint32_t record = entry_next(part->entry, part->begin);
	int failed = 0;

	for (; record < part->end && !failed; record = entry_next(part->entry, record + 1)) {
		if (separator.size && body->size > 1) /* not after the prefix alone */
			failed |= body_add(body, separator.data, separator.size);
		failed |= body_add_record(body, part->entry, record);
	}
	return failed;
}

static int request_compose(struct batching_request *request, const struct batching_options *options)
{
	int code;

	request->options = options;
	request->http.record_count = request->records;
	code = options->compose(options->user, request);
	if (request->composed_size)
		options->host->memory_charge(options->context, (int64_t)request->composed_size);
	return code;
}

int request_build(struct batching_request *request, const struct batching_options *options)
{
	struct body body = {0};
	int failed;

	free_body(request);
	if (options->compose)
		return request_compose(request, options);
	failed = body_add(&body, options->prefix.data, options->prefix.size);
	for (uint32_t i = 0; i < request->part_count && !failed; i++)
		failed |= body_add_part(&body, &request->parts[i], options->separator);
	failed |= body_add(&body, options->suffix.data, options->suffix.size);
	if (failed) {
		free(body.slices);
		return WEIR_ERR_MEMORY;
	}
	request->http.body = body.slices;
	request->http.body_count = body.count;
	request->http.body_size = body.size;
	request->http.record_count = request->records;
	return 0;
}

/* ---- halves ---- */

/* Cuts a part behind its first `count` selected records; returns the rest. */
static struct batching_part part_cut(struct batching_part *part, uint32_t count)
{
	struct batching_part rest = *part;
	uint32_t record = entry_next(part->entry, part->begin);

	for (uint32_t i = 0; i < count; i++)
		record = entry_next(part->entry, record + 1);
	rest.begin = record;
	rest.count = part->count - count;
	part->end = record;
	part->count = count;
	return rest;
}

uint64_t request_part_bytes(const struct batching_part *part)
{
	uint32_t record = entry_next(part->entry, part->begin);
	uint64_t bytes = 0;

	for (; record < part->end; record = entry_next(part->entry, record + 1))
		bytes += entry_size(part->entry, record);
	return bytes;
}

int request_halve(struct batching_request *request, struct batching_request **ret_second)
{
	struct batching_request *second = request_create();
	uint32_t first_records = request->records / 2, before = 0, at = 0;
	struct batching_part cut;

	if (!second)
		return WEIR_ERR_MEMORY;
	while (before + request->parts[at].count <= first_records)
		before += request->parts[at++].count;
	second->http.attempt = request->http.attempt;
	second->parts = calloc(request->part_count - at, sizeof(*second->parts));
	if (!second->parts) {
		request_free(second);
		return WEIR_ERR_MEMORY;
	}
	second->part_capacity = request->part_count - at;
	cut = request->parts[at]; /* nothing fails from here on */
	if (first_records > before)
		cut = part_cut(&request->parts[at], first_records - before);
	request_add(second, &cut, request_part_bytes(&cut));
	for (uint32_t i = at + 1; i < request->part_count; i++)
		request_add(second, &request->parts[i], request_part_bytes(&request->parts[i]));
	request->part_count = first_records > before ? at + 1 : at;
	request->records = first_records;
	request->bytes -= second->bytes < request->bytes ? second->bytes : request->bytes;
	*ret_second = second;
	return 0;
}

/* ---- outcomes ---- */

static void part_outcome(const struct batching_part *part, const struct weir_services *host,
			 uint32_t outcome, const char *reason, struct weir_slice text)
{
	struct weir_delivery *delivery = part->entry->view.handle;
	uint32_t records[OUTCOME_CHUNK], count = 0;
	uint32_t record = entry_next(part->entry, part->begin);

	if (part->count == part->entry->view.count) {
		host->outcome(delivery, NULL, 0, outcome, reason, text);
		return;
	}
	for (uint32_t done = 0; done < part->count;) {
		for (; record < part->end && count < OUTCOME_CHUNK;
		     record = entry_next(part->entry, record + 1))
			records[count++] = record;
		done += count;
		if (done == part->count) /* the host may free the batch at the last one */
			record = part->end;
		host->outcome(delivery, records, count, outcome, reason, text);
		count = 0;
	}
}

void request_outcome(struct batching_request *request, const struct weir_services *host,
		     uint32_t outcome, const char *reason, struct weir_slice text)
{
	for (uint32_t i = 0; i < request->part_count; i++) {
		part_outcome(&request->parts[i], host, outcome, reason, text);
		entry_settle(request->parts[i].entry, request->parts[i].count);
	}
}

int batching_next(struct batching_cursor *cursor, struct batching_record *ret_record)
{
	const struct batching_request *request = cursor->request;

	for (; cursor->part < request->part_count; cursor->part++, cursor->record = 0) {
		const struct batching_part *part = &request->parts[cursor->part];
		uint32_t from = cursor->record > part->begin ? cursor->record : part->begin;
		uint32_t record = entry_next(part->entry, from);

		if (record >= part->end)
			continue;
		entry_record(part->entry, record, ret_record);
		cursor->record = record + 1;
		return 1;
	}
	return 0;
}

/* ---- a fate for each ---- */

/* The records that are to be sent again, as the request's new parts. */
struct rest {
	struct batching_part *parts;
	uint32_t count, records;
	uint64_t bytes;
};

static void rest_add(struct rest *rest, struct entry *entry, uint32_t record, int follows)
{
	struct batching_part *last = rest->count ? &rest->parts[rest->count - 1] : NULL;

	if (!follows || !last || last->entry != entry)
		rest->parts[rest->count++] = (struct batching_part){entry, record, record + 1, 1};
	else
		*last = (struct batching_part){entry, last->begin, record + 1, last->count + 1};
	rest->records++;
	rest->bytes += entry_size(entry, record);
}

/* Nothing of the delivery is read once its last record may have had its outcome. */
static void part_fates(const struct batching_part *part, const struct weir_services *host,
		       const struct batching_fate *fates, uint32_t *records, struct rest *rest)
{
	struct entry *entry = part->entry;
	struct weir_delivery *delivery = entry->view.handle;
	const struct weir_slice none = {NULL, 0};
	uint32_t record = entry_next(entry, part->begin), delivered = 0, settled = 0;

	for (uint32_t i = 0; i < part->count; i++, record = entry_next(entry, record + 1)) {
		records[i] = record;
		if (fates[i].outcome == 0)
			rest_add(rest, entry, record, i > 0 && fates[i - 1].outcome == 0);
	}
	for (uint32_t i = 0; i < part->count; i++) {
		if (fates[i].outcome == 0)
			continue;
		settled++;
		if (fates[i].outcome == WEIR_OUTCOME_DELIVERED)
			records[delivered++] = records[i];
		else
			host->outcome(delivery, &records[i], 1, fates[i].outcome, fates[i].reason,
				      fates[i].text);
	}
	if (delivered)
		host->outcome(delivery, records, delivered, WEIR_OUTCOME_DELIVERED, NULL, none);
	if (settled)
		entry_settle(entry, settled);
}

int request_settle(struct batching_request *request, const struct weir_services *host,
		   const struct batching_fate *fates)
{
	uint32_t *records = calloc(request->records, sizeof(*records));
	struct rest rest = {.parts = calloc(request->records, sizeof(*rest.parts))};
	uint32_t first = 0;

	if (!records || !rest.parts) {
		free(records);
		free(rest.parts);
		return WEIR_ERR_MEMORY;
	}
	free_body(request); /* it may point into what is gone with the last outcome */
	for (uint32_t i = 0; i < request->part_count; i++) {
		uint32_t count = request->parts[i].count;

		part_fates(&request->parts[i], host, fates + first, records, &rest);
		first += count;
	}
	free(records);
	free(request->parts);
	request->parts = rest.parts;
	request->part_capacity = request->records;
	request->part_count = rest.count;
	request->records = rest.records;
	request->bytes = rest.bytes;
	return 0;
}
