// SPDX-License-Identifier: MIT
/*
 * Any bytes as lines for the filter parse. The first byte chooses the format and its options; see
 * `modes`. What must hold, besides that nothing reads or writes where it shouldn't:
 *
 *   - every text lies within the used part of its block;
 *   - what is said to be plain needs no escapes and is UTF-8, what is said to be a number is one by
 *     JSON's grammar, maps and lists are JSON without line breaks;
 *   - the keys of a shape are different;
 *   - combined's quick reader finds what its careful one finds;
 *   - a line of JSON gives among others what it gives alone;
 *   - every claim is given up once at the end.
 */
#include "../unit/mock_host.h"
#include "../unit/mock_options.h"

#include "batch/json.h"
#include "filter/parse/json_text.h"
#include "filter/parse/number.h"
#include "filter/parse/parse.h"
#include "support/timeparse/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const struct weir_plugin_list weir_plugins;

static const char *const modes[] = {
	"{\"format\":\"json\"}",
	"{\"format\":\"combined\"}",
	"{\"format\":\"common\"}",
	"{\"format\":\"apache_error\"}",
	"{\"format\":\"nginx_error\"}",
	"{\"format\":\"syslog\"}",
	"{\"format\":\"csv\",\"columns\":[\"a\",\"b\",\"c\"],\"types\":{\"a\":\"int\",\"b\":"
	"\"double\"}}",
	"{\"format\":\"tsv\",\"columns\":[\"a\",\"b\"],\"keep\":true,\"types\":{\"a\":\"bool\"}}",
	"{\"format\":\"cri\",\"max_bytes\":64}",
	"{\"format\":\"docker\",\"max_bytes\":64}",
	"{\"format\":\"regex\",\"pattern\":\"(?<a>\\\\d+)?(?<b>.*?)(?<c>x)?$\"}",
	"{\"format\":\"json\",\"types\":{\"a\":\"int\",\"b\":\"double\",\"c\":\"bool\",\"d\":"
	"\"string\"},"
	"\"time\":{\"field\":\"t\",\"format\":[\"iso8601\",\"%d/%b/%Y:%T.%f %z\",\"epoch_ms\"]},"
	"\"on_error\":\"drop\"}",
	NULL, /* MODE_ZONE */
	NULL, /* MODE_TIME */
	"{\"format\":\"logfmt\",\"types\":{\"a\":\"int\"}}",
	"{\"format\":\"ltsv\"}",
	"{\"format\":\"key_value\"}",
	"{\"format\":\"key_value\",\"pair_separator\":\"; \",\"value_separator\":\":=\",\"quotes\":"
	"\"'|\"}",
	"{\"format\":\"grok\",\"pattern\":\"%{COMBINEDAPACHELOG}|%{SYSLOGLINE}|%{URI:uri} "
	"%{PATH:path:int}|%{TIMESTAMP_ISO8601:t}(?: %{NUMBER:n:double}|%{QS:n})*\"}",
	"{\"format\":\"combined\",\"names\":\"kinesis_agent\"}",
	"{\"format\":\"common\",\"names\":\"kinesis_agent\"}",
	"{\"format\":\"apache_error\",\"names\":\"kinesis_agent\"}",
	"{\"format\":\"syslog\",\"names\":\"kinesis_agent\"}",
	NULL, /* MODE_GROK */
};
#define MODES (sizeof(modes) / sizeof(modes[0]))
#define MODE_JSON_TYPES 11
#define MODE_ZONE 12
#define MODE_TIME 13
#define MODE_AGENT_COMBINED 19
#define MODE_AGENT_COMMON 20
#define MODE_GROK (MODES - 1)

/* ---- what must hold -------------------------------------------------------------------------- */

static const char *json_skip(const char *at, const char *end);

static const char *json_skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++) {
		assert((unsigned char)*at >= 0x20);
		at += *at == '\\';
	}
	assert(at < end);
	return at + 1;
}

static const char *json_skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

static const char *json_skip_nested(const char *at, const char *end, char close)
{
	at = json_skip_space(at + 1, end);
	if (at < end && *at == close)
		return at + 1;
	for (;;) {
		if (close == '}') {
			at = json_skip_space(at, end);
			assert(at < end && *at == '"');
			at = json_skip_space(json_skip_string(at, end), end);
			assert(at < end && *at == ':');
			at++;
		}
		at = json_skip_space(json_skip(json_skip_space(at, end), end), end);
		assert(at < end);
		if (*at == close)
			return at + 1;
		assert(*at == ',');
		at++;
	}
}

/* Past one JSON value; aborts when it is none. */
static const char *json_skip(const char *at, const char *end)
{
	const char *from = at;

	assert(at < end);
	if (*at == '"')
		return json_skip_string(at, end);
	if (*at == '{' || *at == '[')
		return json_skip_nested(at, end, *at == '{' ? '}' : ']');
	while (at < end && !strchr(",]} \t", *at))
		at++;
	if (at - from == 4 && (memcmp(from, "true", 4) == 0 || memcmp(from, "null", 4) == 0))
		return at;
	if (at - from == 5 && memcmp(from, "false", 5) == 0)
		return at;
	assert(number_tag(from, (uint32_t)(at - from)) != WEIR_STRING);
	return at;
}

static void check_json(struct weir_slice text, char first)
{
	assert(text.size >= 2 && text.data[0] == first && utf8_valid(text));
	assert(json_escapes_valid(text.data, (uint32_t)text.size));
	assert(json_skip(text.data, text.data + text.size) == text.data + text.size);
}

static void check_plain(struct weir_slice text)
{
	assert(utf8_valid(text));
	for (uint64_t i = 0; i < text.size; i++)
		assert((unsigned char)text.data[i] >= 0x20 && text.data[i] != '"' &&
		       text.data[i] != '\\');
}

static void check_value(const struct weir_batch *batch, const struct weir_value *value)
{
	struct weir_slice text;

	assert(value->tag <= WEIR_LIST);
	if (!weir_value_has_text(value))
		return;
	assert(value->block < batch->block_count);
	assert(value->as.offset + value->length <= batch->blocks[value->block].used);
	text = weir_value_slice(batch, value);
	if (value->tag == WEIR_STRING && (value->flags & WEIR_VALUE_PLAIN))
		check_plain(text);
	else if (value->tag == WEIR_INT || value->tag == WEIR_DOUBLE)
		assert(number_tag(text.data, (uint32_t)text.size) != WEIR_STRING);
	else if (value->tag == WEIR_MAP || value->tag == WEIR_LIST)
		check_json(text, value->tag == WEIR_MAP ? '{' : '[');
}

static void check_batch(const struct weir_batch *batch)
{
	for (uint32_t i = 0; i < batch->record_count; i++) {
		const struct weir_record *record = &batch->records[i];
		const struct weir_shape *shape = batch->shapes[record->shape];

		assert(shape->count <= record->capacity);
		assert(record->row + record->capacity <= batch->value_count);
		assert(record->line_offset + record->line_length <=
		       batch->blocks[record->line_block].used);
		for (uint32_t slot = 0; slot < shape->count; slot++) {
			check_value(batch, &batch->values[record->row + slot]);
			assert(weir_shape_find(shape, shape->keys[slot]->name) == (int32_t)slot);
		}
	}
}

/* The same fields with the same texts; flags may differ. */
static void check_same_record(const struct weir_batch *a, uint32_t i, const struct weir_batch *b,
			      uint32_t k)
{
	const struct weir_shape *shape = a->shapes[a->records[i].shape];

	assert(shape == b->shapes[b->records[k].shape]);
	assert(a->records[i].timestamp_ns == b->records[k].timestamp_ns);
	assert(a->records[i].flags == b->records[k].flags);
	for (uint32_t slot = 0; slot < shape->count; slot++) {
		const struct weir_value *x = &a->values[a->records[i].row + slot];
		const struct weir_value *y = &b->values[b->records[k].row + slot];

		assert(x->tag == y->tag && x->length == y->length);
		assert(x->length == 0 || memcmp(weir_value_slice(a, x).data,
						weir_value_slice(b, y).data, x->length) == 0);
	}
}

static void check_same(const struct weir_batch *a, const struct weir_batch *b)
{
	for (uint32_t i = 0; i < a->record_count; i++)
		check_same_record(a, i, b, i);
}

/* ---- one input ------------------------------------------------------------------------------- */

/* A scan that finds every line special, so that the careful reader gets it. */
static void scan_nothing(const char *text, uint32_t size, struct scan *ret_scan)
{
	(void)text;
	(void)size;
	ret_scan->special = 1;
	ret_scan->quote_count = 0;
}

static struct weir_batch *process(struct mock_host *host, void *instance, struct weir_slice lines)
{
	const struct weir_filter_ops *ops = weir_plugins.plugins[0]->filter;
	struct weir_batch *batch = mock_batch_lines(host, lines, 0);
	struct weir_error error;

	assert(ops->process(instance, batch, &error) == WEIR_OK);
	check_batch(batch);
	return batch;
}

static void check_readers(struct mock_host *host, struct parse *parse, struct weir_slice lines,
			  const struct weir_batch *quick)
{
	struct weir_batch *careful;

	parse->scan = scan_nothing;
	careful = process(host, parse, lines);
	check_same(quick, careful);
	mock_batch_free(careful);
	parse->scan = scan_portable;
	careful = process(host, parse, lines);
	check_same(quick, careful);
	mock_batch_free(careful);
}

/* A line among others gives what it gives alone. */
static void check_alone(struct mock_host *host, void *instance, const struct weir_batch *batch)
{
	for (uint32_t i = 0; i < batch->record_count; i++) {
		struct weir_slice line = weir_record_line(batch, &batch->records[i]);
		char *copy = malloc(line.size + 1);
		struct weir_batch *alone;

		assert(copy);
		memcpy(copy, line.data, line.size);
		copy[line.size] = '\n';
		alone = process(host, instance, (struct weir_slice){copy, line.size + 1});
		check_same_record(batch, i, alone, 0);
		mock_batch_free(alone);
		free(copy);
	}
}

static void fuzz_lines(uint32_t mode, struct weir_slice lines)
{
	const struct weir_plugin *plugin = weir_plugins.plugins[0];
	struct mock_host host;
	struct mock_pool pool = {.count = 0};
	struct weir_batch *batch;
	struct weir_error error;
	void *instance;

	mock_host_create(&host);
	assert(plugin->filter->create(&host.services, mock_context(&host),
				      mock_options(&pool, plugin->options, modes[mode]), &instance,
				      &error) == WEIR_OK);
	batch = process(&host, instance, lines);
	if (mode == 1 || mode == 2 || mode == MODE_AGENT_COMBINED || mode == MODE_AGENT_COMMON)
		check_readers(&host, instance, lines, batch);
	mock_batch_free(batch);
	batch = process(&host, instance, lines); /* with what was remembered */
	if (mode == 0 || mode == MODE_JSON_TYPES)
		check_alone(&host, instance, batch);
	mock_batch_free(batch);
	plugin->filter->flush(instance, WEIR_FLUSH_END);
	while ((batch = mock_take_emitted(&host))) {
		check_batch(batch);
		mock_batch_free(batch);
	}
	assert(host.memory == 0 && host.claims_live == 0);
	plugin->filter->destroy(instance);
	mock_host_destroy(&host);
	mock_pool_free(&pool);
}

static void fuzz_zone(const uint8_t *data, size_t size)
{
	static const int64_t moments[] = {INT64_C(-99999999999), -1, 0, 951782400, 1700000000,
					  INT64_C(99999999999)};
	struct time_zone *zone;

	if (time_zone_from_file(data, size, &zone) != WEIR_OK)
		return;
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++)
		(void)time_zone_to_utc(zone, moments[i]);
	time_zone_destroy(zone);
}

/* A format, a zero byte, a text. */
static void fuzz_time(const char *data, size_t size)
{
	const char *text = memchr(data, '\0', size);
	struct time_format *format;
	struct weir_error error;
	int64_t ns;

	if (!text || time_format_create(data, NULL, &format, &error) != WEIR_OK)
		return;
	text++;
	(void)time_format_parse(format, text, size - (size_t)(text - data), MOCK_READ_NS, &ns);
	time_format_destroy(format);
}

/* Puts an option in the place of the one that the text of the options gave. */
static void option_set(struct weir_node *options, const char *name, const struct weir_node *node)
{
	const struct weir_node **items = (const struct weir_node **)(uintptr_t)options->items;

	for (uint32_t i = 0; i < options->count; i++)
		if (weir_slice_equals(options->keys[i], name))
			items[i] = node;
}

static struct weir_node *grok_options(struct mock_pool *pool, struct weir_slice pattern,
				      struct weir_slice own)
{
	static const struct weir_slice name = {"A", 1};
	struct weir_node *options = mock_node(pool, WEIR_TYPE_MAP);
	struct weir_node *patterns = mock_node(pool, WEIR_TYPE_MAP);
	const struct weir_node **item = mock_pool_take(pool, sizeof(*item));

	*item = mock_scalar_node(pool, WEIR_TYPE_STRING, own);
	patterns->count = 1;
	patterns->items = item;
	patterns->keys = &name;
	*options = *mock_options(pool, weir_plugins.plugins[0]->options,
				 "{\"format\":\"grok\",\"pattern\":\"x\",\"patterns\":{}}");
	option_set(options, "pattern", mock_scalar_node(pool, WEIR_TYPE_REGEX, pattern));
	option_set(options, "patterns", patterns);
	return options;
}

/* A pattern, a zero byte, the text of the pattern %{A}, a zero byte, lines. */
static void fuzz_grok(const char *data, size_t size)
{
	const char *own = memchr(data, '\0', size), *end = data + size;
	const char *lines = own ? memchr(own + 1, '\0', (size_t)(end - own - 1)) : NULL;
	const struct weir_filter_ops *ops = weir_plugins.plugins[0]->filter;
	struct mock_pool pool = {.count = 0};
	struct mock_host host;
	const struct weir_node *options;
	struct weir_error error;
	void *instance;

	if (!lines)
		return;
	options = grok_options(&pool, (struct weir_slice){data, (uint64_t)(own - data)},
			       (struct weir_slice){own + 1, (uint64_t)(lines - own - 1)});
	mock_host_create(&host);
	if (ops->create(&host.services, mock_context(&host), options, &instance, &error) ==
	    WEIR_OK) {
		lines++;
		mock_batch_free(process(&host, instance,
					(struct weir_slice){lines, (uint64_t)(end - lines)}));
		ops->destroy(instance);
	}
	mock_host_destroy(&host);
	mock_pool_free(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || data[0] >= MODES)
		return 0;
	if (data[0] == MODE_ZONE)
		fuzz_zone(data + 1, size - 1);
	else if (data[0] == MODE_TIME)
		fuzz_time((const char *)data + 1, size - 1);
	else if (data[0] == MODE_GROK)
		fuzz_grok((const char *)data + 1, size - 1);
	else
		fuzz_lines(data[0], (struct weir_slice){(const char *)data + 1, size - 1});
	return 0;
}
