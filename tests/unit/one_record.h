// SPDX-License-Identifier: MIT
/* A batch of records that all have the same fields, for tests of what reads records. */
#ifndef ONE_RECORD_H
#define ONE_RECORD_H

#include "mock_host.h"

#define ONE_RECORD_FIELDS_MAX 32
#define ONE_RECORD_TIME (1431857103 * INT64_C(1000000000)) /* 2015-05-17T10:05:03Z */

struct test_field {
	const char *name;
	struct weir_value value;
	const char *text; /* NULL when the value is not text */
};

#define STRING(n, t)                                  \
	{                                             \
		(n), {WEIR_STRING, 0, 0, 0, {0}}, (t) \
	}
#define TEXT(n, g, f, t)                        \
	{                                       \
		(n), {(g), (f), 0, 0, {0}}, (t) \
	}
#define VALUE(n, g, i)                           \
	{                                        \
		(n), {(g), 0, 0, 0, {(i)}}, NULL \
	}

static inline struct weir_value one_record_value(struct weir_batch *batch,
						 const struct test_field *field)
{
	struct weir_value place = {0};
	uint32_t size;

	if (!field->text)
		return field->value;
	size = (uint32_t)strlen(field->text);
	memcpy(weir_batch_text(batch, size, &place), field->text, size);
	return weir_value_text(field->value.tag, field->value.flags, place.block, place.as.offset,
			       size);
}

/* The host must be created; the batch is the caller's. `spare` slots follow each row. */
static inline struct weir_batch *one_record_batch(struct mock_host *host,
						  const struct test_field *fields, uint32_t count,
						  uint32_t records, uint32_t spare)
{
	struct weir_batch *batch = mock_batch_new(host);
	struct weir_slice keys[ONE_RECORD_FIELDS_MAX];
	uint32_t bytes = 1;
	uint16_t shape;

	for (uint32_t i = 0; i < count; i++) {
		keys[i] = weir_slice_of(fields[i].name);
		bytes += fields[i].text ? (uint32_t)strlen(fields[i].text) : 0;
	}
	(void)mock_batch_reserve(batch, records, records * (count + spare), records * bytes);
	(void)mock_batch_shape(batch, keys, count, &shape);
	for (uint32_t r = 0; r < records; r++) {
		struct weir_record *record = weir_batch_record(batch);
		struct weir_value *row = weir_batch_row(batch, count + spare, &record->row);

		record->shape = shape;
		record->capacity = (uint16_t)(count + spare);
		record->timestamp_ns = ONE_RECORD_TIME;
		record->position = 42;
		record->source = mock_source_index(batch, &host->source);
		for (uint32_t i = 0; i < count; i++)
			row[i] = one_record_value(batch, &fields[i]);
	}
	return batch;
}

#endif
