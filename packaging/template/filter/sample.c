/*
 * The filter sample: puts a text before the field that it is told.
 *
 * It gets batches of records and changes them in place. As it is one of many instances, one per worker
 * of the agent, it needs no lock. For a filter that holds records back see stateful() and
 * record_hold() in weir/services.h.
 */
#include <stdlib.h>
#include <weir/plugin.h>

struct sample_filter {
	const struct weir_services *host;
	struct weir_slice field;
	struct weir_slice prefix;
	const struct weir_node *written; /* the option that names the field */
};

/* The options have been checked and defaults filled in. They stay valid until destroy(). */
static int32_t sample_create(const struct weir_services *host, struct weir_context *context,
			     const struct weir_node *options, void **ret_instance,
			     struct weir_error *error)
{
	struct sample_filter *filter = calloc(1, sizeof(*filter));

	(void)context;
	if (!filter)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the filter");
	filter->host = host;
	filter->written = weir_node_find(options, "field");
	filter->field = filter->written->text;
	filter->prefix = weir_node_find(options, "prefix")->text;
	*ret_instance = filter;
	return WEIR_OK;
}

static void sample_destroy(void *instance)
{
	free(instance);
}

/* The field of a record when it is there and is text, else NULL. */
static struct weir_value *field_of(const struct sample_filter *filter,
				   const struct weir_batch *batch, const struct weir_record *record)
{
	struct weir_value *value;

	if (record->flags & WEIR_RECORD_GONE)
		return NULL;
	value = weir_record_find(batch, record, filter->field);
	return value && value->tag == WEIR_STRING ? value : NULL;
}

/* The field's new text. The old one may be the line itself, which others see: it is never changed. */
static void put_prefix(const struct sample_filter *filter, struct weir_batch *batch,
		       struct weir_value *value)
{
	struct weir_slice old = weir_value_slice(batch, value);
	struct weir_value whole;
	char *text = weir_batch_text(batch, (uint32_t)(filter->prefix.size + old.size), &whole);

	if (!text) /* cannot be: process() has reserved it */
		return;
	memcpy(text, filter->prefix.data, filter->prefix.size);
	memcpy(text + filter->prefix.size, old.data, old.size);
	*value = whole;
}

static int32_t sample_process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	const struct sample_filter *filter = instance;
	uint64_t bytes = 0;

	/* Room is asked for once per batch. That may move the arrays: nothing is kept across it. */
	for (uint32_t i = 0; i < batch->record_count; i++) {
		const struct weir_value *value = field_of(filter, batch, &batch->records[i]);

		bytes += value ? filter->prefix.size + value->length : 0;
	}
	if (bytes > UINT32_MAX || filter->host->batch_reserve(batch, 0, 0, (uint32_t)bytes) != 0)
		return weir_fail(error, WEIR_ERR_MEMORY, "no room for a batch of longer fields");
	for (uint32_t i = 0; i < batch->record_count; i++) {
		struct weir_value *value = field_of(filter, batch, &batch->records[i]);

		if (value)
			put_prefix(filter, batch, value);
	}
	return WEIR_OK;
}

/* For `weir check`, which warns of fields that no record can have. Nothing is added or taken away. */
static void sample_fields(void *instance, struct weir_fields *fields)
{
	const struct sample_filter *filter = instance;

	fields->reads(fields, filter->field, filter->written);
}

static const struct weir_option options[] = {
	WEIR_OPTION("field", WEIR_TYPE_STRING, "message", "Field to change"),
	WEIR_OPTION("prefix", WEIR_TYPE_STRING, "", "What to put before its text"),
	WEIR_OPTION_END,
};

static const struct weir_filter_ops operations = {
	.struct_size = sizeof(operations),
	.create = sample_create,
	.destroy = sample_destroy,
	.process = sample_process,
	.fields = sample_fields,
};

static const struct weir_plugin plugin = {
	.struct_size = sizeof(plugin),
	.kind = WEIR_FILTER,
	.name = "sample",
	.version = VERSION,
	.summary = "Puts a text before a field",
	.options = options,
	.filter = &operations,
};

static const struct weir_plugin *const all[] = {&plugin};
WEIR_PLUGINS(all);
