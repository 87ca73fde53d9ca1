// SPDX-License-Identifier: MIT
/*
 * A line with an expression, then bytes for the fields of a record. What must hold besides not
 * crashing: an error points into the text and says something; selecting over a batch agrees with
 * the truth for one record; a value's text lies in its block.
 */
#include "../unit/one_record.h"

#include "expr/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct mock_host host;
	struct weir_batch *batch;
};

static struct weir_value put(struct weir_batch *batch, uint8_t tag, uint8_t flags,
			     struct weir_slice text)
{
	struct weir_value place;

	memcpy(weir_batch_text(batch, (uint32_t)text.size, &place), text.data, text.size);
	return weir_value_text(tag, flags, place.block, place.as.offset, place.length);
}

/* Two records: one with text, one with a map, a list and numbers; all of them from `bytes`. */
static void world_create(struct world *world, struct weir_slice bytes)
{
	static const struct test_field fields[] = {
		VALUE("a", WEIR_NULL, 0), VALUE("b", WEIR_INT, 7), VALUE("a.b", WEIR_ABSENT, 0)};
	static const struct weir_slice empty = {"", 0};
	struct weir_slice text = bytes.size ? bytes : empty;
	struct weir_value *row;

	mock_host_create(&world->host);
	world->host.roomy = 1;
	world->batch = one_record_batch(&world->host, fields, 3, 3, 0);
	(void)mock_batch_reserve(world->batch, 0, 0, 6 * (uint32_t)text.size + 65536);
	row = world->batch->values;
	row[0] = put(world->batch, WEIR_STRING, 0, text);
	row[3] = put(world->batch, WEIR_MAP, 0, text);
	row[4] = put(world->batch, WEIR_LIST, 0, text);
	row[6] = put(world->batch, WEIR_INT, WEIR_VALUE_TEXT, text);
	row[7] = put(world->batch, WEIR_DOUBLE, WEIR_VALUE_TEXT, text);
	row[8] = put(world->batch, WEIR_BYTES, 0, text);
}

static void world_destroy(struct world *world)
{
	mock_batch_free(world->batch);
	mock_host_destroy(&world->host);
}

static void check_value(struct world *world, struct weir_expr *expr, uint32_t record)
{
	struct weir_value value;
	struct weir_slice text;

	if (expr_text(expr, world->batch, record, &text) == WEIR_OK && text.size)
		assert(memchr(text.data, 0, text.size) || text.data[text.size - 1]);
	if (expr_value(expr, world->batch, record, &value) == WEIR_OK &&
	    weir_value_has_text(&value))
		assert(value.as.offset + value.length <= world->batch->blocks[value.block].used);
}

/* For one record `null == 1 or (E)` takes another way through the evaluation than E for a batch. */
static void check_truth(struct world *world, struct weir_expr *expr, struct weir_slice source)
{
	char *wrapped = malloc(source.size + 32);
	struct weir_slice text = {wrapped, 0};
	struct weir_expr *other = NULL;
	uint64_t selected = 0;

	text.size = (size_t)sprintf(wrapped, "null == 1 or (");
	memcpy(wrapped + text.size, source.data, source.size);
	text.size += source.size;
	wrapped[text.size++] = ')';
	expr_select(expr, world->batch, &selected);
	if (expr_compile(text, &other, NULL) == WEIR_OK) {
		for (uint32_t i = 0; i < world->batch->record_count; i++) {
			assert(expr_text(other, world->batch, i, &text) == WEIR_OK);
			assert(weir_slice_equals(text, selected >> i & 1 ? "true" : "false"));
		}
	}
	expr_free(other);
	free(wrapped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	struct weir_slice source = {(const char *)data, end ? (size_t)(end - data) : size};
	struct weir_slice bytes = {(const char *)(end ? end + 1 : data + size),
				   end ? size - source.size - 1 : 0};
	struct weir_error error = {0};
	struct weir_expr *expr = NULL;
	struct world world;

	if (expr_compile(source, &expr, &error) != WEIR_OK) {
		assert(error.text[0] && error.offset <= source.size + 1);
		return 0;
	}
	world_create(&world, bytes);
	for (uint32_t i = 0; i < world.batch->record_count; i++)
		check_value(&world, expr, i);
	check_truth(&world, expr, source);
	world_destroy(&world);
	expr_free(expr);
	return 0;
}
