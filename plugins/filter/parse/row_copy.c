// SPDX-License-Identifier: MIT
#include "row_copy.h"

#include <stdlib.h>

/* Bytes of all names and texts. */
static uint64_t text_needed(const struct weir_shape *shape, const struct weir_value *row)
{
	uint64_t size = 1;

	for (uint32_t slot = 0; slot < shape->count; slot++) {
		size += shape->keys[slot]->name.size;
		if (weir_value_has_text(&row[slot]))
			size += row[slot].length;
	}
	return size;
}

int row_copy_take(struct row_copy *copy, const struct weir_batch *batch,
		  const struct weir_record *record)
{
	const struct weir_shape *shape = batch->shapes[record->shape];
	const struct weir_value *row = weir_record_row(batch, record);
	char *names;

	copy->text = malloc(text_needed(shape, row));
	copy->names = calloc(shape->count + 1, sizeof(*copy->names));
	copy->values = calloc(shape->count + 1, sizeof(*copy->values));
	if (!copy->text || !copy->names || !copy->values) {
		row_copy_free(copy);
		return -1;
	}
	copy->count = shape->count;
	copy->text_size = 0;
	for (uint32_t slot = 0; slot < shape->count; slot++) {
		struct weir_slice text;

		copy->values[slot] = row[slot];
		if (!weir_value_has_text(&row[slot]))
			continue;
		text = weir_value_slice(batch, &row[slot]);
		memcpy(copy->text + copy->text_size, text.data, text.size);
		copy->values[slot].as.offset = copy->text_size;
		copy->text_size += (uint32_t)text.size;
	}
	names = copy->text + copy->text_size;
	for (uint32_t slot = 0; slot < shape->count; slot++) {
		struct weir_slice name = shape->keys[slot]->name;

		if (name.size)
			memcpy(names, name.data, name.size);
		copy->names[slot] = (struct weir_slice){names, name.size};
		names += name.size;
	}
	return 0;
}

void row_copy_free(struct row_copy *copy)
{
	free(copy->names);
	free(copy->values);
	free(copy->text);
	*copy = (struct row_copy){.count = 0};
}

int row_copy_put(const struct row_copy *copy, const struct weir_services *host,
		 struct weir_batch *batch, struct weir_record *record)
{
	struct weir_value *row = weir_batch_row(batch, copy->count, &record->row), text;
	char *to = weir_batch_text(batch, copy->text_size, &text);

	if (!row || !to)
		return WEIR_ERR_MEMORY;
	if (copy->text_size)
		memcpy(to, copy->text, copy->text_size);
	for (uint32_t slot = 0; slot < copy->count; slot++) {
		row[slot] = copy->values[slot];
		if (!weir_value_has_text(&row[slot]))
			continue;
		row[slot].block = text.block;
		row[slot].as.offset += text.as.offset;
	}
	record->capacity = (uint16_t)copy->count;
	return host->batch_shape(batch, copy->names, copy->count, &record->shape);
}
