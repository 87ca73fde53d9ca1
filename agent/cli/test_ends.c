// SPDX-License-Identifier: MIT
#include "cli/test_ends.h"

#include <stdlib.h>

#include "batch/json.h"
#include "expr/instant.h"

/* Text that goes into one batch, about; a longer line goes whole. */
#define FEED_BYTES (64u << 10)

/* ---- what was got ---- */

void test_records_init(struct test_records *records)
{
	*records = (struct test_records){0};
	pthread_mutex_init(&records->lock, NULL);
}

void test_records_done(struct test_records *records)
{
	for (size_t i = 0; i < records->count; i++)
		free(records->items[i]);
	free(records->items);
	pthread_mutex_destroy(&records->lock);
}

static int records_grow(struct test_records *records)
{
	size_t capacity = records->capacity ? records->capacity * 2 : 16;
	char **items = realloc(records->items, capacity * sizeof(*items));

	if (!items)
		return WEIR_ERR_MEMORY;
	records->items = items;
	records->capacity = capacity;
	return 0;
}

static void records_add(struct test_records *records, struct weir_slice json)
{
	char *copy = strndup(json.data, json.size);

	pthread_mutex_lock(&records->lock);
	if (copy && (records->count < records->capacity || records_grow(records) == 0)) {
		records->items[records->count++] = copy;
	} else {
		records->failed = 1;
		free(copy);
	}
	pthread_mutex_unlock(&records->lock);
}

/* ---- the output ---- */

struct collect {
	const struct weir_services *host;
	struct test_records *records;
};

static int32_t collect_create(const struct weir_services *host, struct weir_context *context,
			      const struct weir_node *options, void **ret_instance,
			      struct weir_error *error)
{
	const struct test_collect_options *own = (const void *)options;
	struct collect *collect = calloc(1, sizeof(*collect));

	(void)context;
	if (!collect)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory to keep records");
	collect->host = host;
	collect->records = own->records;
	*ret_instance = collect;
	return 0;
}

static void collect_stop(void *instance)
{
	(void)instance;
}

static void collect_write(void *instance, const struct weir_delivery_view *delivery)
{
	const struct weir_encode_spec spec = {.struct_size = sizeof(spec),
					      .format = WEIR_ENCODE_JSON,
					      .meta = WEIR_META_TIMESTAMP | WEIR_META_SOURCE |
						      WEIR_META_POSITION};
	const struct collect *collect = instance;
	const struct weir_encoding *encoding = NULL;

	if (collect->host->encode(delivery->handle, &spec, &encoding) < 0)
		collect->records->failed = 1;
	for (uint32_t i = 0; encoding && i < encoding->count; i++) {
		uint32_t start = encoding->starts[i], end = encoding->starts[i + 1];

		if (weir_selected(delivery, i) && end > start)
			records_add(collect->records,
				    (struct weir_slice){encoding->data + start, end - start - 1});
	}
	collect->host->outcome(delivery->handle, NULL, 0, WEIR_OUTCOME_DELIVERED, NULL,
			       (struct weir_slice){NULL, 0});
}

static const struct weir_output_ops collect_ops = {
	.struct_size = sizeof(collect_ops),
	.create = collect_create,
	.stop = collect_stop,
	.destroy = free,
	.write = collect_write,
};

const struct weir_plugin test_collect_plugin = {
	.struct_size = sizeof(test_collect_plugin),
	.kind = WEIR_OUTPUT,
	.name = "test_collect",
	.version = WEIR_VERSION,
	.summary = "Keeps what a pipeline under test delivers",
	.output = &collect_ops,
};

/* ---- the input ---- */

struct feed {
	const struct weir_services *host;
	struct weir_context *context;
	struct weir_source *source;
	const char *text;
	size_t size, at;
	const struct weir_node *records;
};

static int32_t feed_create(const struct weir_services *host, struct weir_context *context,
			   const struct weir_node *options, void **ret_instance,
			   struct weir_error *error)
{
	const struct test_feed_options *own = (const void *)options;
	struct feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory to feed records");
	*feed = (struct feed){.host = host,
			      .context = context,
			      .text = own->text,
			      .size = own->size,
			      .records = own->records};
	*ret_instance = feed;
	return 0;
}

static int32_t feed_start(void *instance, uint32_t flags, struct weir_error *error)
{
	struct feed *feed = instance;
	const struct weir_source_spec spec = {.struct_size = sizeof(spec),
					      .flags = WEIR_SOURCE_VOLATILE,
					      .name = weir_slice_of("input"),
					      .identity = weir_slice_of("input"),
					      .user = feed};
	int32_t status = feed->host->source_open(feed->context, &spec, &feed->source, error);

	(void)flags;
	if (status == 0)
		feed->host->source_ready(feed->source);
	return status;
}

static void feed_stop(void *instance)
{
	(void)instance;
}

/* One line as a record whose text begins at `offset` of the block; what it takes of the source. */
static uint32_t feed_line(const struct feed *feed, struct weir_batch *batch, uint16_t shape,
			  uint32_t offset)
{
	const char *line = feed->text + feed->at;
	const char *newline = memchr(line, '\n', feed->size - feed->at);
	uint32_t size = (uint32_t)(newline ? newline - line : (ptrdiff_t)(feed->size - feed->at));
	struct weir_record *record = weir_batch_record(batch);

	record->shape = shape;
	record->capacity = 1;
	record->line_block = (uint16_t)batch->arena_block;
	record->line_offset = offset;
	record->line_length = size;
	record->position = feed->at;
	record->span = size + (newline != NULL);
	*weir_batch_row(batch, 1, &record->row) =
		weir_value_text(WEIR_STRING, 0, record->line_block, offset, size);
	return record->span;
}

static size_t feed_chunk(const struct feed *feed)
{
	const char *newline;

	if (feed->size - feed->at <= FEED_BYTES)
		return feed->size - feed->at;
	newline = memchr(feed->text + feed->at + FEED_BYTES, '\n',
			 feed->size - feed->at - FEED_BYTES);
	return newline ? (size_t)(newline + 1 - feed->text) - feed->at : feed->size - feed->at;
}

/* ---- records that the test gives ---- */

/* Maps and lists are JSON text in a record. */
static void node_json(struct buffer *out, const struct weir_node *node)
{
	int is_map = node->type == WEIR_TYPE_MAP;

	if (node->type == WEIR_TYPE_STRING)
		json_append_string(out, node->text);
	else if (!is_map && node->type != WEIR_TYPE_LIST)
		node->type == WEIR_TYPE_BOOL
			? buffer_text(out, node->i64 ? "true" : "false")
			: buffer_append(out,
					node->type == WEIR_TYPE_NULL ? "null" : node->text.data,
					node->type == WEIR_TYPE_NULL ? 4 : node->text.size);
	if (!is_map && node->type != WEIR_TYPE_LIST)
		return;
	buffer_text(out, is_map ? "{" : "[");
	for (uint32_t i = 0; i < node->count; i++) {
		buffer_text(out, i ? "," : "");
		if (is_map) {
			json_append_string(out, node->keys[i]);
			buffer_text(out, ":");
		}
		node_json(out, node->items[i]);
	}
	buffer_text(out, is_map ? "}" : "]");
}

static int feed_text(const struct feed *feed, struct weir_batch *batch, uint8_t tag,
		     struct weir_slice text, struct weir_value *ret_value)
{
	char *room;

	if (feed->host->batch_reserve(batch, 0, 0, (uint32_t)text.size) < 0)
		return WEIR_ERR_MEMORY;
	room = weir_batch_text(batch, (uint32_t)text.size, ret_value);
	if (!room)
		return WEIR_ERR_MEMORY;
	if (text.size)
		memcpy(room, text.data, text.size);
	ret_value->tag = tag;
	return 0;
}

static int feed_value(const struct feed *feed, struct weir_batch *batch,
		      const struct weir_node *node, struct weir_value *ret_value)
{
	struct buffer json = {0};
	int status = 0;

	if (node->type == WEIR_TYPE_NULL)
		*ret_value = weir_value_null();
	else if (node->type == WEIR_TYPE_BOOL)
		*ret_value = weir_value_bool((int)node->i64);
	else if (node->type == WEIR_TYPE_INT)
		*ret_value = weir_value_int(node->i64);
	else if (node->type == WEIR_TYPE_DOUBLE)
		*ret_value = weir_value_double(node->f64);
	else if (node->type == WEIR_TYPE_STRING)
		status = feed_text(feed, batch, WEIR_STRING, node->text, ret_value);
	else {
		node_json(&json, node);
		status = feed_text(feed, batch, node->type == WEIR_TYPE_MAP ? WEIR_MAP : WEIR_LIST,
				   (struct weir_slice){json.data, json.size}, ret_value);
		buffer_done(&json);
	}
	return status;
}

static int feed_record(const struct feed *feed, struct weir_batch *batch,
		       const struct weir_node *map, uint32_t number)
{
	struct weir_value *values = calloc(map->count, sizeof(*values));
	struct weir_slice *keys = calloc(map->count, sizeof(*keys));
	int64_t time_ns = batch->read_ns;
	struct weir_record *record;
	uint32_t count = 0;
	uint16_t shape;
	int status = values && keys ? 0 : WEIR_ERR_MEMORY;

	for (uint32_t i = 0; i < map->count && status == 0; i++) {
		if (weir_slice_equals(map->keys[i], "@timestamp")) {
			instant_parse(map->items[i]->text, &time_ns);
			continue;
		}
		keys[count] = map->keys[i];
		status = feed_value(feed, batch, map->items[i], &values[count++]);
	}
	if (status == 0)
		status = feed->host->batch_shape(batch, keys, count, &shape);
	if (status == 0)
		status = feed->host->batch_reserve(batch, 1, count, 0);
	if (status == 0) {
		record = weir_batch_record(batch);
		record->shape = shape;
		record->capacity = (uint16_t)count;
		record->timestamp_ns = time_ns;
		record->position = number;
		record->span = 1;
		memcpy(weir_batch_row(batch, count, &record->row), values, count * sizeof(*values));
	}
	free(values);
	free(keys);
	return status;
}

static int32_t feed_records(const struct feed *feed, struct weir_batch *batch,
			    struct weir_error *error)
{
	for (uint32_t i = 0; i < feed->records->count; i++)
		if (feed_record(feed, batch, feed->records->items[i], i) < 0)
			return weir_fail(error, WEIR_ERR_MEMORY,
					 "no memory for the records of the test");
	batch->range_end = feed->records->count;
	return WEIR_READ_END;
}

static int32_t feed_read(void *instance, void *source_user, struct weir_batch *batch,
			 struct weir_error *error)
{
	const struct weir_slice key = weir_slice_of("message");
	struct feed *feed = instance;
	size_t chunk = feed->records ? 0 : feed_chunk(feed);
	uint16_t shape;
	uint32_t offset;

	(void)source_user;
	if (feed->records)
		return feed_records(feed, batch, error);
	if (feed->host->batch_reserve(batch, 0, 0, (uint32_t)chunk) < 0 ||
	    feed->host->batch_shape(batch, &key, 1, &shape) < 0)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the input of the test");
	offset = batch->blocks[batch->arena_block].used;
	memcpy(weir_batch_text(batch, (uint32_t)chunk, NULL), feed->text + feed->at, chunk);
	for (size_t end = feed->at + chunk; feed->at < end;) {
		uint32_t span;

		if (feed->host->batch_reserve(batch, 1, 1, 0) < 0)
			return weir_fail(error, WEIR_ERR_MEMORY,
					 "no memory for the input of the test");
		span = feed_line(feed, batch, shape, offset);
		feed->at += span;
		offset += span;
	}
	batch->range_end = feed->at;
	return feed->at < feed->size ? WEIR_READ_MORE : WEIR_READ_END;
}

static const struct weir_input_ops feed_ops = {
	.struct_size = sizeof(feed_ops),
	.create = feed_create,
	.start = feed_start,
	.stop = feed_stop,
	.destroy = free,
	.read = feed_read,
};

const struct weir_plugin test_feed_plugin = {
	.struct_size = sizeof(test_feed_plugin),
	.kind = WEIR_INPUT,
	.name = "test_feed",
	.version = WEIR_VERSION,
	.summary = "Reads the input of a test",
	.input = &feed_ops,
};
