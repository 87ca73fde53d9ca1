// SPDX-License-Identifier: MIT
/* The filter `parse` as the host sees it: its options, its instances, and the formats by name. */
#include <stdlib.h>

#include "convert.h"
#include "failure.h"
#include "layout.h"
#include "parse.h"
#include "partial.h"

/* Fields that there is room for from the start. */
#define FIELDS_MIN 32

static const struct parse_format *const formats[] = {
	&json_format,   &combined_format, &common_format, &apache_error_format, &nginx_error_format,
	&syslog_format, &csv_format,      &tsv_format,    &cri_format,          &docker_format,
	&regex_format,  &grok_format,     &logfmt_format, &ltsv_format,         &key_value_format};

#define FORMAT_NAMES                                                                          \
	"json|combined|common|apache_error|nginx_error|syslog|csv|tsv|cri|docker|regex|grok|" \
	"logfmt|ltsv|key_value"
#define FORMAT_COUNT (sizeof(formats) / sizeof(formats[0]))

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

/* ---- fields ---------------------------------------------------------------------------------- */

/* What the format finds; of what was there, the text goes where all records parse. */
static void make_fields(const struct parse *parse, struct weir_fields *fields)
{
	if (parse->on_error == PARSE_ON_ERROR_PASS)
		fields->add(fields, weir_slice_of(FAILURE_FIELD));
	else if (!parse->keep)
		fields->remove(fields, parse->field);
	if (parse->count == 0) /* each line brings its own */
		fields->any(fields);
	for (uint32_t i = 0; i < parse->count; i++)
		fields->add(fields, parse->keys[i]);
}

static void parse_fields(void *instance, struct weir_fields *fields)
{
	const struct parse *parse = instance;
	const struct weir_node *types = weir_node_find(parse->options, "types");
	const struct weir_node *time =
		weir_node_find(weir_node_find(parse->options, "time"), "field");

	fields->reads(fields, parse->field, weir_node_find(parse->options, "field"));
	make_fields(parse, fields);
	for (uint32_t i = 0; types && i < types->count; i++)
		fields->reads(fields, types->keys[i], types);
	if (time)
		fields->reads(fields, time->text, time);
}

/* ---- lifecycle ------------------------------------------------------------------------------- */

static int32_t on_error_of(const char *word)
{
	if (strcmp(word, "dead_letter") == 0)
		return PARSE_ON_ERROR_DEAD;
	return strcmp(word, "drop") == 0 ? PARSE_ON_ERROR_DROP : PARSE_ON_ERROR_PASS;
}

static int read_names(struct parse *parse, const struct weir_node *options,
		      struct weir_error *error)
{
	const struct weir_node *names = weir_node_find(options, "names");

	parse->agent_names = weir_slice_equals(names->text, "kinesis_agent");
	if (!parse->agent_names || parse->format->has_agent_names)
		return WEIR_OK;
	(void)weir_fail(error, WEIR_ERR_INVALID,
			"parse: Kinesis Agent has no names for the fields of %s, only for common, "
			"combined, apache_error and syslog",
			parse->format->name);
	error->line = names->line;
	error->column = names->column;
	return WEIR_ERR_INVALID;
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
	if (read_names(parse, options, error) != WEIR_OK)
		return error->code;
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
	partials_destroy(parse, parse->partials);
	converter_destroy(parse->converter);
	time_zone_destroy(parse->zone);
	layouts_destroy(parse->layouts);
	free(parse->table);
	free(parse->own_values);
	free(parse->keys);
	free(parse);
}

static void register_metrics(struct parse *parse)
{
	parse->unparsed_metric =
		parse->host->metric(parse->context, WEIR_METRIC_COUNTER, "unparsed_total",
				    "Records that did not parse");
	parse->type_metric =
		parse->host->metric(parse->context, WEIR_METRIC_COUNTER, "type_errors_total",
				    "Values that their type did not fit");
	parse->time_metric =
		parse->host->metric(parse->context, WEIR_METRIC_COUNTER, "time_errors_total",
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
	parse->options = options;
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
	parse->in_place = parse->format->in_place && !parse->agent_names && !parse->converter;
	register_metrics(parse);
	*ret_instance = parse;
	return WEIR_OK;
}

static const struct weir_option time_options[] = {
	WEIR_OPTION("field", WEIR_TYPE_STRING, NULL, "The parsed field that has the time"),
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_LIST,
	 .element = WEIR_TYPE_STRING,
	 .name = "format",
	 .doc = "Its formats, tried in order: iso8601, rfc3339, epoch, epoch_ms, epoch_us, "
		"epoch_ns "
		"or strptime's directives with %f for fractions"},
	WEIR_OPTION("zone", WEIR_TYPE_STRING, "UTC",
		    "Zone of times that name none: UTC, local, +02:00 or Europe/Paris"),
	WEIR_OPTION_END,
};

static const struct weir_option option_list[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .flags = WEIR_OPTION_REQUIRED,
	 .name = "format",
	 .values = FORMAT_NAMES,
	 .doc = "What the text is"},
	WEIR_OPTION("field", WEIR_TYPE_STRING, "message", "The field to parse"),
	WEIR_OPTION("pattern", WEIR_TYPE_REGEX, NULL,
		    "For regex and grok: the pattern, whose named groups (?<name>...), and in grok "
		    "%{NAME:field} and %{NAME:field:type}, become fields"),
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_MAP,
	 .element = WEIR_TYPE_STRING,
	 .name = "patterns",
	 .doc = "For grok: patterns of your own by name, for use as %{NAME}"},
	WEIR_OPTION("pair_separator", WEIR_TYPE_STRING, "\" \"",
		    "For key_value: what stands between pairs"),
	WEIR_OPTION("value_separator", WEIR_TYPE_STRING, "\"=\"",
		    "For key_value: what stands between a key and its value"),
	WEIR_OPTION("quotes", WEIR_TYPE_STRING, "\"\\\"\"",
		    "For key_value: the bytes that keys and values may be quoted with; empty for "
		    "none"),
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_LIST,
	 .element = WEIR_TYPE_STRING,
	 .name = "columns",
	 .doc = "For csv and tsv: the names of the fields, in order"},
	WEIR_OPTION("delimiter", WEIR_TYPE_STRING, NULL,
		    "For csv and tsv: one byte between values (default: comma, tab)"),
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_SIZE,
	 .name = "max_bytes",
	 .default_text = "1MiB",
	 .min = 1,
	 .max = 64 * 1024 * 1024,
	 .doc = "For cri and docker: a line joined from parts goes on when it is this long"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_DURATION,
	 .name = "partial_timeout",
	 .default_text = "30s",
	 .min = 1,
	 .max = INT64_C(86400000000000),
	 .doc = "For cri and docker: how long the end of a line is waited for"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "names",
	 .default_text = "weir",
	 .values = "weir|kinesis_agent",
	 .doc = "For common, combined, apache_error, syslog, csv and tsv: whose names and values "
		"the fields "
		"have"},
	WEIR_OPTION("keep", WEIR_TYPE_BOOL, "false", "Keep the field that was parsed"),
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "on_error",
	 .default_text = "pass",
	 .values = "pass|dead_letter|drop",
	 .doc = "What to do with a record that doesn't parse; pass adds the field parse_error"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_MAP,
	 .element = WEIR_TYPE_STRING,
	 .name = "types",
	 .doc = "Types of fields by name: string, int, double or bool"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_MAP,
	 .name = "time",
	 .members = time_options,
	 .doc = "Where @timestamp comes from"},
	WEIR_OPTION_END,
};

static const struct weir_filter_ops ops = {
	.struct_size = sizeof(ops),
	.create = parse_create,
	.destroy = parse_destroy,
	.process = parse_process,
	.timer = parse_timer,
	.flush = parse_flush,
	.fields = parse_fields,
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
