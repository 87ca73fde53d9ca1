// SPDX-License-Identifier: MIT
/*
 * An input of three records, the second of which is wrong in the way that its option names: a careless
 * stranger's first try.
 */
#include <stdlib.h>
#include <weir/plugin.h>

struct liar {
	const struct weir_services *host;
	struct weir_context *context;
	const char *lie;
	struct weir_source *source;
};

static int32_t liar_create(const struct weir_services *host, struct weir_context *context,
			   const struct weir_node *options, void **ret_instance,
			   struct weir_error *error)
{
	struct liar *liar = calloc(1, sizeof(*liar));

	if (!liar)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the input");
	liar->host = host;
	liar->context = context;
	liar->lie = weir_node_text(options, "lie");
	*ret_instance = liar;
	return WEIR_OK;
}

static int32_t liar_start(void *instance, uint32_t flags, struct weir_error *error)
{
	struct liar *liar = instance;
	struct weir_source_spec spec = {.struct_size = sizeof(spec), .flags = WEIR_SOURCE_VOLATILE};
	int32_t failed = liar->host->source_open(liar->context, &spec, &liar->source, error);

	(void)flags;
	if (!failed)
		liar->host->source_ready(liar->source);
	return failed;
}

static void liar_stop(void *instance)
{
	(void)instance;
}

static int is(const struct liar *liar, const char *lie)
{
	return strcmp(liar->lie, lie) == 0;
}

static void lie(const struct liar *liar, struct weir_batch *batch, struct weir_record *record)
{
	struct weir_value *value = weir_record_row(batch, record);

	if (is(liar, "shape"))
		record->shape = 1000;
	else if (is(liar, "slots"))
		record->capacity = 0;
	else if (is(liar, "row"))
		record->row = UINT32_MAX;
	else if (is(liar, "line_block"))
		record->line_block = 60000;
	else if (is(liar, "line"))
		record->line_length = UINT32_MAX;
	else if (is(liar, "source"))
		record->source = 77;
	else if (is(liar, "tag"))
		value->tag = 200;
	else if (is(liar, "value_block"))
		value->block = 60000;
	else if (is(liar, "value"))
		value->as.offset = UINT64_MAX - 1;
	else if (is(liar, "overflow"))
		value->length = UINT32_MAX;
	else if (is(liar, "records"))
		batch->record_count = batch->record_capacity + 1;
	else if (is(liar, "used"))
		batch->blocks[batch->arena_block].used = UINT32_MAX;
}

static int32_t liar_read(void *instance, void *source_user, struct weir_batch *batch,
			 struct weir_error *error)
{
	const struct weir_slice message = weir_slice_of("message");
	struct liar *liar = instance;
	struct weir_value text;
	uint16_t shape;

	(void)source_user;
	if (liar->host->batch_reserve(batch, 3, 3, 4) != 0 ||
	    liar->host->batch_shape(batch, &message, 1, &shape) != 0)
		return weir_fail(error, WEIR_ERR_MEMORY, "no room");
	memcpy(weir_batch_text(batch, 4, &text), "text", 4);
	for (uint32_t i = 0; i < 3; i++) {
		struct weir_record *record = weir_batch_record(batch);

		record->shape = shape;
		record->capacity = 1;
		record->line_block = text.block;
		record->line_offset = (uint32_t)text.as.offset;
		record->line_length = text.length;
		record->position = i;
		record->span = 1;
		*weir_batch_row(batch, 1, &record->row) = text;
		if (i == 1)
			lie(liar, batch, record);
		if (is(liar, "records") && i == 1)
			break;
	}
	batch->range_end = 3;
	return WEIR_READ_END;
}

static const struct weir_option options[] = {
	WEIR_OPTION("lie", WEIR_TYPE_STRING, "none", "What to do wrong"), WEIR_OPTION_END};

static const struct weir_input_ops operations = {
	.struct_size = sizeof(operations),
	.create = liar_create,
	.start = liar_start,
	.stop = liar_stop,
	.destroy = free,
	.read = liar_read,
};

static const struct weir_plugin plugin = {
	.struct_size = sizeof(plugin),
	.kind = WEIR_INPUT,
	.name = "liar",
	.version = "1",
	.summary = "Fills a batch wrongly",
	.options = options,
	.input = &operations,
	.short_option = "lie",
};

static const struct weir_plugin *const all[] = {&plugin};
WEIR_PLUGINS(all);
