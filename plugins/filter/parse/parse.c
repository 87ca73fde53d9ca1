// SPDX-License-Identifier: MIT
/*
 * The filter `parse`: turns the text of one field, usually the whole line, into fields.
 *
 * Values are slices of the block that the line lies in; nothing is copied unless it has to be
 * unescaped. A parsed record gets a new row; one that doesn't parse keeps its own. Either way the
 * original line stays what it was.
 */
#include "parse.h"

#include <stdlib.h>

#include "convert.h"
#include "failure.h"
#include "layout.h"
#include "partial.h"

/* Text is reserved in pieces of at least this size, so that small needs don't open many blocks. */
#define TEXT_PIECE 65536
/* Fields that there is room for from the start. */
#define FIELDS_MIN 32

static const struct parse_format *const formats[] = {
	&json_format,        &combined_format, &common_format, &apache_error_format,
	&nginx_error_format, &syslog_format,   &csv_format,    &tsv_format,
	&cri_format,         &docker_format,   &regex_format};

#define FORMAT_NAMES "json|combined|common|apache_error|nginx_error|syslog|csv|tsv|cri|docker|regex"
#define FORMAT_COUNT (sizeof(formats) / sizeof(formats[0]))

/* ---- room for what formats make -------------------------------------------------------------- */

char *parse_text(struct parse *parse, uint32_t size, struct weir_value *ret_value)
{
	char *text = weir_batch_text(parse->batch, size, ret_value);

	if (text || parse->host->batch_reserve(parse->batch, 0, 0,
					       size < TEXT_PIECE ? TEXT_PIECE : size) != WEIR_OK)
		return text;
	return weir_batch_text(parse->batch, size, ret_value);
}

void parse_text_cut(struct parse *parse, struct weir_value *value, uint32_t size)
{
	parse->batch->blocks[value->block].used -= value->length - size;
	value->length = size;
}

int parse_grow(struct parse *parse, uint32_t capacity)
{
	struct weir_value *values;
	struct weir_slice *keys;

	if (capacity <= parse->capacity)
		return WEIR_OK;
	values = realloc(parse->values, capacity * sizeof(*values));
	if (!values)
		return WEIR_ERR_MEMORY;
	parse->values = values;
	keys = realloc(parse->keys, capacity * sizeof(*keys));
	if (!keys)
		return WEIR_ERR_MEMORY;
	parse->keys = keys;
	parse->capacity = capacity;
	return WEIR_OK;
}

int parse_keys(struct parse *parse, const char *const *names, uint32_t count,
	       struct weir_error *error)
{
	if (parse_grow(parse, count) != WEIR_OK)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for %u fields", count);
	for (uint32_t i = 0; i < count; i++)
		parse->keys[i] = weir_slice_of(names[i]);
	parse->count = count;
	parse->width = count + PARSE_SPARE;
	return WEIR_OK;
}

int parse_row(struct parse *parse, uint32_t count, struct weir_value **ret_row)
{
	struct weir_batch *batch = parse->batch;
	uint32_t width = count + PARSE_SPARE, left;

	if (batch->value_capacity - batch->value_count < width) {
		left = batch->record_count - parse->record;
		if (width > parse->width)
			parse->width = width;
		if (parse->host->batch_reserve(batch, 0, left * parse->width, 0) != WEIR_OK)
			return WEIR_ERR_MEMORY;
	}
	/* As weir_batch_row() does it, but what is filled anyway needs no zeros. */
	*ret_row = batch->values + batch->value_count;
	memset(*ret_row + count, 0, PARSE_SPARE * sizeof(**ret_row));
	batch->value_count += width;
	return WEIR_OK;
}

void parse_row_set(struct parse *parse, struct weir_value *row, uint32_t count, uint16_t shape)
{
	struct weir_record *record = &parse->batch->records[parse->record];

	record->row = (uint32_t)(row - parse->batch->values);
	record->capacity = (uint16_t)(count + PARSE_SPARE);
	record->shape = shape;
}

/* ---- one record ------------------------------------------------------------------------------ */

/* The slot of the field to parse, or -1. */
static int32_t source_slot(struct parse *parse, const struct weir_shape *from)
{
	if (parse->from != from) {
		parse->from = from;
		parse->from_slot = weir_shape_find(from, parse->field);
	}
	return parse->from_slot;
}

/* NULL, or why there is nothing to parse. */
static const char *take_line(struct parse *parse, const struct weir_record *record,
			     struct line *ret_line)
{
	const struct weir_batch *batch = parse->batch;
	int32_t slot = source_slot(parse, batch->shapes[record->shape]);
	const struct weir_value *value;

	if (slot < 0)
		return "the record has no such field";
	value = &batch->values[record->row + (uint32_t)slot];
	if (!weir_value_has_text(value))
		return value->tag == WEIR_ABSENT ? "the record has no such field"
						 : "the field is not text";
	ret_line->text = (const char *)batch->blocks[value->block].data + value->as.offset;
	ret_line->size = value->length;
	ret_line->block = value->block;
	ret_line->offset = value->as.offset;
	return NULL;
}

static int commit(struct parse *parse, const struct weir_shape *from)
{
	const struct layout *layout;
	const struct weir_value *old;
	struct weir_value *row;
	uint32_t count;
	int result = layout_find(parse, from, &layout);

	parse->last = result == WEIR_OK ? layout : NULL;
	if (result != WEIR_OK)
		return result;
	if (layout->convert_count || layout->has_time)
		converter_apply(parse, layout, parse->values);
	count = layout->parsed + layout->carried;
	result = parse_row(parse, count, &row);
	if (result != WEIR_OK)
		return result;
	memcpy(row, parse->values, parse->count * sizeof(*row));
	old = weir_record_row(parse->batch, &parse->batch->records[parse->record]);
	for (uint32_t i = 0; i < layout->carried; i++)
		row[layout->parsed + i] = old[layout->carry[i]];
	parse_row_set(parse, row, count, layout->index);
	if (parse->time_ns != PARSE_NO_TIME)
		parse->batch->records[parse->record].timestamp_ns = parse->time_ns;
	return WEIR_OK;
}

static int record_parse(struct parse *parse)
{
	const struct weir_record *record = &parse->batch->records[parse->record];
	const struct weir_shape *from = parse->batch->shapes[record->shape];
	struct line line;
	const char *reason = take_line(parse, record, &line);

	parse->time_ns = PARSE_NO_TIME;
	parse->reference_ns = record->timestamp_ns;
	parse->carried = from->count;
	parse->held = 0;
	if (!reason)
		reason = parse->format->parse(parse, &line);
	if (parse->held)
		return WEIR_OK;
	return reason ? failure_apply(parse, reason) : commit(parse, from);
}

/* ---- the batch ------------------------------------------------------------------------------- */

static void batch_enter(struct parse *parse, struct weir_batch *batch)
{
	parse->batch = batch;
	parse->batches++;
	parse->from = NULL;
	parse->marked_from = NULL;
	parse->reason_text = NULL;
	if (parse->last && !parse->last->lasting)
		parse->last = NULL;
}

static void count_failures(struct parse *parse)
{
	if (parse->unparsed)
		parse->host->metric_add(parse->unparsed_metric, parse->unparsed);
	if (parse->type_errors)
		parse->host->metric_add(parse->type_metric, parse->type_errors);
	if (parse->time_errors)
		parse->host->metric_add(parse->time_metric, parse->time_errors);
	parse->unparsed = parse->type_errors = parse->time_errors = 0;
}

int parse_batch(struct parse *parse, struct weir_batch *batch, struct weir_error *error)
{
	int result;

	batch_enter(parse, batch);
	result = parse->host->batch_reserve(batch, 0, batch->record_count * parse->width, 0);
	for (parse->record = 0; result == WEIR_OK && parse->record < batch->record_count;
	     parse->record++)
		if (!(batch->records[parse->record].flags & WEIR_RECORD_GONE))
			result = record_parse(parse);
	count_failures(parse);
	parse->batch = NULL;
	if (result != WEIR_OK)
		return weir_fail(error, result,
				 "parse: no memory for a batch of %u records; raise memory_limit",
				 batch->record_count);
	return WEIR_OK;
}

static int32_t parse_process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	return parse_batch(instance, batch, error);
}

static void parse_timer(void *instance, uint32_t id)
{
	struct parse *parse = instance;

	(void)id;
	if (parse->partials)
		partials_timer(parse, parse->partials);
}

/* On stop, what is held stays unacknowledged and is read again by the next run. */
static void parse_flush(void *instance, uint32_t why)
{
	struct parse *parse = instance;

	if (parse->partials && why != WEIR_FLUSH_STOP)
		partials_release(parse, parse->partials, UINT64_MAX);
}

/* ---- lifecycle ------------------------------------------------------------------------------- */

static int32_t on_error_of(const char *word)
{
	if (strcmp(word, "dead_letter") == 0)
		return PARSE_ON_ERROR_DEAD;
	return strcmp(word, "drop") == 0 ? PARSE_ON_ERROR_DROP : PARSE_ON_ERROR_PASS;
}

static int read_options(struct parse *parse, const struct weir_node *options,
			struct weir_error *error)
{
	const char *name = weir_node_text(options, "format");
	const struct weir_node *zone = weir_node_find(weir_node_find(options, "time"), "zone");

	for (uint32_t i = 0; name && i < FORMAT_COUNT; i++)
		if (strcmp(formats[i]->name, name) == 0)
			parse->format = formats[i];
	if (!parse->format)
		return weir_fail(error, WEIR_ERR_INVALID, "parse: the format must be one of %s",
				 FORMAT_NAMES);
	parse->field = weir_node_find(options, "field")->text;
	parse->keep = (int32_t)weir_node_int(options, "keep", 0);
	parse->on_error = on_error_of(weir_node_text(options, "on_error"));
	if (time_zone_create(zone ? zone->text.data : NULL, &parse->zone, error) != WEIR_OK) {
		error->line = zone ? zone->line : 0;
		error->column = zone ? zone->column : 0;
		return error->code;
	}
	return converter_create(options, parse->zone, &parse->converter, error);
}

static void parse_destroy(void *instance)
{
	struct parse *parse = instance;

	if (!parse)
		return;
	if (parse->format && parse->format->destroy)
		parse->format->destroy(parse);
	partials_destroy(parse->partials);
	converter_destroy(parse->converter);
	time_zone_destroy(parse->zone);
	layouts_destroy(parse->layouts);
	free(parse->table);
	free(parse->values);
	free(parse->keys);
	free(parse);
}

static void register_metrics(struct parse *parse)
{
	parse->unparsed_metric = parse->host->metric(parse->context, WEIR_METRIC_COUNTER, "unparsed",
						     "Records that did not parse");
	parse->type_metric = parse->host->metric(parse->context, WEIR_METRIC_COUNTER, "type_errors",
						 "Values that their type did not fit");
	parse->time_metric = parse->host->metric(parse->context, WEIR_METRIC_COUNTER, "time_errors",
						 "Times that no format fitted");
}

static int32_t parse_create(const struct weir_services *host, struct weir_context *context,
			    const struct weir_node *options, void **ret_instance,
			    struct weir_error *error)
{
	struct parse *parse = calloc(1, sizeof(*parse));
	int result;

	if (!parse)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	parse->host = host;
	parse->context = context;
	parse->scan = scan_best();
	result = layouts_create(&parse->layouts);
	if (result == WEIR_OK)
		result = parse_grow(parse, FIELDS_MIN);
	if (result != WEIR_OK)
		(void)weir_fail(error, result, "parse: no memory");
	else
		result = read_options(parse, options, error);
	if (result == WEIR_OK)
		result = parse->format->create(parse, options, error);
	if (result != WEIR_OK) {
		parse_destroy(parse);
		return result;
	}
	register_metrics(parse);
	*ret_instance = parse;
	return WEIR_OK;
}

static const struct weir_option time_options[] = {
	WEIR_OPTION("field", WEIR_TYPE_STRING, NULL, "The parsed field that has the time"),
	{.struct_size = sizeof(struct weir_option), .type = WEIR_TYPE_LIST,
	 .element = WEIR_TYPE_STRING, .name = "format",
	 .doc = "Its formats, tried in order: iso8601, rfc3339, epoch, epoch_ms, epoch_us, epoch_ns "
		"or strptime's directives with %f for fractions"},
	WEIR_OPTION("zone", WEIR_TYPE_STRING, "UTC",
		    "Zone of times that name none: UTC, local, +02:00 or Europe/Paris"),
	WEIR_OPTION_END,
};

static const struct weir_option option_list[] = {
	{.struct_size = sizeof(struct weir_option), .type = WEIR_TYPE_STRING,
	 .flags = WEIR_OPTION_REQUIRED, .name = "format", .values = FORMAT_NAMES,
	 .doc = "What the text is"},
	WEIR_OPTION("field", WEIR_TYPE_STRING, "message", "The field to parse"),
	WEIR_OPTION("pattern", WEIR_TYPE_REGEX, NULL,
		    "For regex: the pattern, whose named groups (?<name>...) become fields"),
	{.struct_size = sizeof(struct weir_option), .type = WEIR_TYPE_LIST,
	 .element = WEIR_TYPE_STRING, .name = "columns",
	 .doc = "For csv and tsv: the names of the fields, in order"},
	WEIR_OPTION("delimiter", WEIR_TYPE_STRING, NULL,
		    "For csv and tsv: one byte between values (default: comma, tab)"),
	{.struct_size = sizeof(struct weir_option), .type = WEIR_TYPE_SIZE, .name = "max_bytes",
	 .default_text = "1MiB", .min = 1, .max = 64 * 1024 * 1024,
	 .doc = "For cri and docker: a line joined from parts goes on when it is this long"},
	{.struct_size = sizeof(struct weir_option), .type = WEIR_TYPE_DURATION,
	 .name = "partial_timeout", .default_text = "30s", .min = 1,
	 .max = INT64_C(86400000000000),
	 .doc = "For cri and docker: how long the end of a line is waited for"},
	WEIR_OPTION("keep", WEIR_TYPE_BOOL, "false", "Keep the field that was parsed"),
	{.struct_size = sizeof(struct weir_option), .type = WEIR_TYPE_STRING, .name = "on_error",
	 .default_text = "pass", .values = "pass|dead_letter|drop",
	 .doc = "What to do with a record that doesn't parse; pass adds the field parse_error"},
	{.struct_size = sizeof(struct weir_option), .type = WEIR_TYPE_MAP,
	 .element = WEIR_TYPE_STRING, .name = "types",
	 .doc = "Types of fields by name: string, int, double or bool"},
	{.struct_size = sizeof(struct weir_option), .type = WEIR_TYPE_MAP, .name = "time",
	 .members = time_options, .doc = "Where @timestamp comes from"},
	WEIR_OPTION_END,
};

static const struct weir_filter_ops ops = {
	.struct_size = sizeof(ops),
	.create = parse_create,
	.destroy = parse_destroy,
	.process = parse_process,
	.timer = parse_timer,
	.flush = parse_flush,
};

static const struct weir_plugin parse_plugin = {
	.struct_size = sizeof(parse_plugin),
	.kind = WEIR_FILTER,
	.name = "parse",
	.version = WEIR_VERSION,
	.summary = "Turns a line into fields",
	.options = option_list,
	.filter = &ops,
	.short_option = "format",
};

static const struct weir_plugin *const plugins[] = {&parse_plugin};
WEIR_PLUGINS(plugins);
