// SPDX-License-Identifier: MIT
/* Costs some 70 instructions for a record with one value: plugins of the agent itself go without. */
#include "batch/batch_check.h"

#include <weir/plugin.h>

/* True when a text of a block ends within it. */
static inline int is_inside(const struct weir_batch *batch, uint32_t block, uint64_t offset,
			    uint32_t length)
{
	uint64_t size;

	if (block >= batch->block_count)
		return 0;
	size = batch->blocks[block].size;
	return offset <= size && length <= size - offset;
}

static inline int is_value(const struct weir_batch *batch, const struct weir_value *value)
{
	return value->tag <= WEIR_LIST &&
	       (!weir_value_has_text(value) ||
		is_inside(batch, value->block, value->as.offset, value->length));
}

/* NULL when the record is sound. */
static const char *fault_of(const struct weir_batch *batch, const struct weir_record *record)
{
	uint32_t keys;

	if (record->shape >= batch->shape_count)
		return "its shape is none of the batch";
	keys = batch->shapes[record->shape]->count;
	if (record->capacity < keys)
		return "its row has fewer slots than its shape has keys";
	if (record->row > batch->value_count || record->capacity > batch->value_count - record->row)
		return "its row goes beyond the values of the batch";
	if (!is_inside(batch, record->line_block, record->line_offset, record->line_length))
		return "its line is not inside a block";
	if (record->source >= batch->source_count)
		return "its source is none of the batch";
	for (uint32_t i = 0; i < keys; i++)
		if (!is_value(batch, &batch->values[record->row + i]))
			return "one of its values is of no kind, or its text is not inside a block";
	return NULL;
}

static int check_counts(const struct weir_batch *batch, struct weir_error *error)
{
	if (batch->record_count > batch->record_capacity ||
	    batch->value_count > batch->value_capacity)
		return weir_fail(error, WEIR_ERR_INVALID,
				 "it has put more records or values into the batch than it had "
				 "reserved");
	for (uint32_t i = 0; i < batch->block_count; i++)
		if (batch->blocks[i].used > batch->blocks[i].size)
			return weir_fail(error, WEIR_ERR_INVALID,
					 "it has put more text into the batch than it had "
					 "reserved");
	return 0;
}

int batch_check(const struct weir_batch *batch, struct weir_error *error)
{
	int result = check_counts(batch, error);

	for (uint32_t i = 0; !result && i < batch->record_count; i++) {
		const char *fault = fault_of(batch, &batch->records[i]);

		if (fault)
			result = weir_fail(error, WEIR_ERR_INVALID, "record %u of the batch: %s", i,
					   fault);
	}
	return result;
}
