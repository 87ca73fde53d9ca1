// SPDX-License-Identifier: MIT
/*
 * A filter that counts records per value of a field in tumbling windows.
 *
 * It holds every record that it has counted until the window is over: killed in between, the agent
 * reads them again, and no count is lost. Emits on a timer, when all inputs have ended, and when the
 * host asks for memory.
 */
#include <stdlib.h>
#include <string.h>
#include <weir/plugin.h>

#define GROUPS_MAX 64
#define VALUE_MAX 64

struct group {
	char value[VALUE_MAX];
	uint32_t value_size;
	int64_t count;
};

struct window {
	const struct weir_services *host;
	struct weir_context *context;
	struct weir_slice key;
	uint64_t period_ns;
	struct group groups[GROUPS_MAX];
	uint32_t group_count;
	struct weir_claim **claims; /* one of each batch with a record in this window */
	uint32_t claim_count, claim_capacity;
};

static int32_t window_create(const struct weir_services *host, struct weir_context *context,
			     const struct weir_node *options, void **ret_instance,
			     struct weir_error *error)
{
	struct window *window = calloc(1, sizeof(*window));

	if (!window)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the window");
	window->host = host;
	window->context = context;
	window->key = weir_node_find(options, "key")->text;
	window->period_ns = (uint64_t)weir_node_int(options, "period", 0);
	host->stateful(context);
	*ret_instance = window;
	return WEIR_OK;
}

/* An unfinished window: given back in destroy(), its records are read again. */
static void window_destroy(void *instance)
{
	struct window *window = instance;

	for (uint32_t i = 0; i < window->claim_count; i++)
		window->host->claim_release(window->claims[i]);
	free(window->claims);
	free(window);
}

static struct group *find_group(struct window *window, struct weir_slice value)
{
	struct group *group;

	if (value.size > VALUE_MAX)
		value.size = VALUE_MAX;
	for (uint32_t i = 0; i < window->group_count; i++) {
		group = &window->groups[i];
		if (group->value_size == value.size &&
		    memcmp(group->value, value.data, value.size) == 0)
			return group;
	}
	if (window->group_count == GROUPS_MAX)
		return NULL;
	group = &window->groups[window->group_count++];
	memset(group, 0, sizeof(*group));
	memcpy(group->value, value.data, value.size);
	group->value_size = (uint32_t)value.size;
	return group;
}

static int keep_claim(struct window *window, struct weir_claim *claim)
{
	if (window->claim_count && window->claims[window->claim_count - 1] == claim) {
		window->host->claim_release(claim); /* one per batch will do */
		return 1;
	}
	if (window->claim_count == window->claim_capacity) {
		uint32_t capacity = window->claim_capacity ? 2 * window->claim_capacity : 16;
		void *claims = realloc(window->claims, capacity * sizeof(struct weir_claim *));

		if (!claims)
			return 0;
		window->claims = claims;
		window->claim_capacity = capacity;
	}
	window->claims[window->claim_count++] = claim;
	return 1;
}

/* One record for a group; its line is "VALUE COUNT". */
static int32_t add_record(struct window *window, struct weir_batch *batch,
			  const struct group *group)
{
	struct weir_slice keys[] = {window->key, weir_slice_of("count")};
	struct weir_record *record;
	struct weir_value *row, line;
	char text[VALUE_MAX + 32];
	uint16_t shape;
	uint32_t index;
	int size = snprintf(text, sizeof(text), "%.*s %lld", (int)group->value_size, group->value,
			    (long long)group->count);
	int32_t failed = window->host->batch_reserve(batch, 1, 2, (uint32_t)size);

	if (!failed)
		failed = window->host->batch_shape(batch, keys, 2, &shape);
	if (failed)
		return failed;
	memcpy(weir_batch_text(batch, (uint32_t)size, &line), text, (size_t)size);
	row = weir_batch_row(batch, 2, &index);
	row[0] = line;
	row[0].length = group->value_size;
	row[1] = weir_value_int(group->count);
	record = weir_batch_record(batch);
	record->row = index;
	record->shape = shape;
	record->capacity = 2;
	record->flags = WEIR_RECORD_DERIVED;
	record->line_block = line.block;
	record->line_offset = (uint32_t)line.as.offset;
	record->line_length = line.length;
	record->source = window->host->batch_source(batch, window->claims[0]);
	return WEIR_OK;
}

static void window_emit(struct window *window)
{
	struct weir_batch *batch;
	int32_t failed = WEIR_OK;

	if (window->group_count == 0 || window->host->batch_begin(window->context, &batch) != 0)
		return;
	for (uint32_t i = 0; i < window->group_count && !failed; i++)
		failed = add_record(window, batch, &window->groups[i]);
	/* Also after a failure: what could not be emitted is dealt with, and said. */
	if (failed)
		weir_logf(window->host, window->context, WEIR_LOG_ERROR, NULL, "counts lost: %d",
			  failed);
	for (uint32_t i = 0; i < window->claim_count; i++)
		window->host->batch_claim(batch, window->claims[i]);
	window->claim_count = 0;
	window->group_count = 0;
	window->host->batch_emit(window->context, batch);
}

static int32_t window_process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	struct window *window = instance;
	uint32_t held = 0;

	for (uint32_t i = 0; i < batch->record_count; i++) {
		struct weir_record *record = &batch->records[i];
		const struct weir_value *value = weir_record_find(batch, record, window->key);
		struct group *group;

		if (record->flags & WEIR_RECORD_GONE)
			continue;
		group = find_group(window, value && weir_value_has_text(value)
						   ? weir_value_slice(batch, value)
						   : weir_record_line(batch, record));
		if (!group)
			return weir_fail(error, WEIR_ERR_MEMORY, "more than %d different values",
					 GROUPS_MAX);
		if (window->group_count == 1 && group->count == 0)
			window->host->timer_set(window->context, 0, window->period_ns);
		if (!keep_claim(window, window->host->record_hold(window->context, batch, i)))
			return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a claim");
		group->count++;
		held++;
	}
	weir_logf(window->host, window->context, WEIR_LOG_INFO, NULL, "holding %u more records",
		  held);
	return WEIR_OK;
}

static void window_timer(void *instance, uint32_t id)
{
	(void)id;
	window_emit(instance);
}

/* At a stop the window is not over: its records stay held, and are read and counted again. */
static void window_flush(void *instance, uint32_t why)
{
	if (why != WEIR_FLUSH_STOP)
		window_emit(instance);
}

static const struct weir_option options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .flags = WEIR_OPTION_REQUIRED,
	 .name = "key",
	 .doc = "Field whose values are counted; the line where it is absent"},
	WEIR_OPTION("period", WEIR_TYPE_DURATION, "1s", "Length of a window"),
	WEIR_OPTION_END};

static const struct weir_filter_ops operations = {
	.struct_size = sizeof(operations),
	.create = window_create,
	.destroy = window_destroy,
	.process = window_process,
	.timer = window_timer,
	.flush = window_flush,
};

static const struct weir_plugin plugin = {
	.struct_size = sizeof(plugin),
	.kind = WEIR_FILTER,
	.name = "window",
	.version = "1",
	.summary = "Counts records per value and window",
	.options = options,
	.filter = &operations,
};

static const struct weir_plugin *const all[] = {&plugin};

WEIR_PLUGINS(all);
