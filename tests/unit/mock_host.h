// SPDX-License-Identifier: MIT
/*
 * A host for tests of one plugin: struct weir_services over plain memory, in one header.
 *
 * Stricter than the real host: every batch_reserve() moves every array and hands out exactly what
 * was asked for (unless `roomy` is set, for benchmarks), so that a stale pointer or a reservation
 * that is too small shows under AddressSanitizer. Claims are counted: mock_host_destroy() fails an
 * assertion when one is leaked or given up twice. One thread only.
 *
 * Members that it does not implement are NULL; a test sets its own in mock.services. The context
 * that plugins get is mock_context(&mock).
 */
#ifndef MOCK_HOST_H
#define MOCK_HOST_H

#undef NDEBUG /* the checks are the point, also in release builds */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <weir/plugin.h>

#define MOCK_LIST_MAX 64                          /* metrics */
#define MOCK_BLOCK_MIN 65536                      /* bytes of a block when `roomy` */
#define MOCK_READ_NS INT64_C(1700000000000000000) /* 2023-11-14T22:13:20Z: read_ns of batches */

struct mock_metric {
	char name[64];
	int64_t value;
	uint32_t kind;
};

/* A record that was sent to the dead letter. */
struct mock_dead {
	uint32_t record;
	char reason[64];
	char text[256];
};

struct mock_host;

struct mock_claim {
	struct mock_host *host;
	struct mock_claim *next;
	uint32_t refs; /* 0: given up; freed with the host */
	struct weir_source_view source;
	uint64_t position;
};

struct mock_batch {
	struct weir_batch batch; /* first, so that the plugin's pointer is ours */
	struct mock_host *host;
	struct mock_batch *next;
	struct mock_claim **claims; /* that it took by batch_claim() */
	uint32_t claim_count;
};

struct mock_host {
	struct weir_services services;
	int roomy;
	int stateful;      /* stateful() was called */
	int reserve_fails; /* batch_reserve() answers WEIR_ERR_MEMORY */
	int64_t now_ns;    /* wall clock, when not 0 */
	int64_t read_ns;   /* of new batches */
	int64_t memory;    /* sum of memory_charge() */
	uint32_t full;     /* as output_full() said last */
	int64_t claims_live;
	int claims_may_stay;
	struct mock_claim *claims; /* all there ever were */
	uint64_t timers[8];        /* delay last set; WEIR_TIMER_OFF at first */
	uint32_t reserve_calls, shape_calls, hold_calls, log_lines;
	char log_last[1024];
	struct mock_metric metrics[MOCK_LIST_MAX];
	uint32_t metric_count;
	struct weir_shape **shapes;
	uint32_t shape_count;
	struct mock_dead *dead;
	uint32_t dead_count;
	struct mock_batch *emitted; /* by batch_emit(), oldest first */
	uint32_t emitted_count;
	struct weir_source_view source; /* of the batches that mock_batch_lines() makes */
};

static inline struct weir_context *mock_context(struct mock_host *host)
{
	return (struct weir_context *)(void *)host;
}

static inline struct mock_host *mock_of_context(struct weir_context *context)
{
	return (struct mock_host *)(void *)context;
}

static inline struct mock_batch *mock_of_batch(struct weir_batch *batch)
{
	return (struct mock_batch *)(void *)batch;
}

/* ---- log, metrics, clocks, timers ------------------------------------------------------------ */

static inline void mock_log(struct weir_context *context, uint32_t level, const char *code,
			    struct weir_slice text)
{
	struct mock_host *host = mock_of_context(context);

	(void)level;
	host->log_lines++;
	(void)snprintf(host->log_last, sizeof(host->log_last), "%s: %.*s", code ? code : "-",
		       (int)text.size, text.data ? text.data : "");
}

static inline struct weir_metric *mock_metric_new(struct weir_context *context, uint32_t kind,
						  const char *name, const char *help)
{
	struct mock_host *host = mock_of_context(context);
	struct mock_metric *metric = &host->metrics[host->metric_count++];

	assert(host->metric_count <= MOCK_LIST_MAX && help && help[0]);
	metric->kind = kind;
	(void)snprintf(metric->name, sizeof(metric->name), "%s", name);
	return (struct weir_metric *)(void *)metric;
}

/* Named "name{value}", with the first label's value. */
static inline struct weir_metric *mock_metric_labelled(struct weir_context *context, uint32_t kind,
						       const char *name, const char *help,
						       const struct weir_label *labels,
						       uint32_t count)
{
	char full[64];

	assert(count > 0);
	(void)snprintf(full, sizeof(full), "%s{%.*s}", name, (int)labels[0].value.size,
		       labels[0].value.data);
	return mock_metric_new(context, kind, full, help);
}

static inline void mock_metric_add(struct weir_metric *handle, int64_t amount)
{
	struct mock_metric *metric = (struct mock_metric *)(void *)handle;

	metric->value = metric->kind == WEIR_METRIC_GAUGE ? amount : metric->value + amount;
}

/* The value of a metric; INT64_MIN when the plugin has none of that name. */
static inline int64_t mock_metric_value(const struct mock_host *host, const char *name)
{
	for (uint32_t i = 0; i < host->metric_count; i++)
		if (strcmp(host->metrics[i].name, name) == 0)
			return host->metrics[i].value;
	return INT64_MIN;
}

static inline int64_t mock_clock_ns(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t mock_wall_ns(void)
{
	return mock_clock_ns(CLOCK_REALTIME);
}

static inline uint64_t mock_monotonic_ns(void)
{
	return (uint64_t)mock_clock_ns(CLOCK_MONOTONIC);
}

static inline void mock_random(void *ret_bytes, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		((uint8_t *)ret_bytes)[i] = (uint8_t)rand();
}

static inline int32_t mock_timer_set(struct weir_context *context, uint32_t id, uint64_t delay_ns)
{
	if (id >= 8)
		return WEIR_ERR_INVALID;
	mock_of_context(context)->timers[id] = delay_ns;
	return WEIR_OK;
}

static inline void mock_memory_charge(struct weir_context *context, int64_t bytes)
{
	mock_of_context(context)->memory += bytes;
}

static inline void mock_output_full(struct weir_context *context, uint32_t full)
{
	mock_of_context(context)->full = full;
}

/* ---- batch memory ---------------------------------------------------------------------------- */

/* A copy of `count` elements in new memory for `capacity`; frees the old. */
static inline void *mock_move(void *old, size_t size, size_t count, size_t capacity)
{
	void *moved = calloc(capacity ? capacity : 1, size);

	assert(moved);
	if (count)
		memcpy(moved, old, size * count);
	free(old);
	return moved;
}

static inline void mock_block_add(struct weir_batch *batch, uint32_t size)
{
	struct weir_block_view *block;

	batch->blocks = mock_move(batch->blocks, sizeof(*batch->blocks), batch->block_count,
				  batch->block_count + 1);
	block = &batch->blocks[batch->block_count];
	block->data = calloc(1, size + WEIR_BLOCK_PADDING);
	assert(block->data);
	block->size = size;
	block->used = 0;
	batch->arena_block = batch->block_count++;
}

static inline int32_t mock_batch_reserve(struct weir_batch *batch, uint32_t records,
					 uint32_t values, uint32_t text_bytes)
{
	struct mock_host *host = mock_of_batch(batch)->host;
	const struct weir_block_view *arena = NULL;

	host->reserve_calls++;
	if (host->reserve_fails)
		return WEIR_ERR_MEMORY;
	if (!host->roomy || batch->record_capacity - batch->record_count < records) {
		batch->record_capacity = batch->record_count + records;
		batch->records = mock_move(batch->records, sizeof(*batch->records),
					   batch->record_count, batch->record_capacity);
	}
	if (!host->roomy || batch->value_capacity - batch->value_count < values) {
		batch->value_capacity = batch->value_count + values;
		batch->values = mock_move(batch->values, sizeof(*batch->values), batch->value_count,
					  batch->value_capacity);
	}
	if (batch->block_count)
		arena = &batch->blocks[batch->arena_block];
	if (text_bytes && (!arena || arena->size - arena->used < text_bytes))
		mock_block_add(batch, host->roomy && text_bytes < MOCK_BLOCK_MIN ? MOCK_BLOCK_MIN
										 : text_bytes);
	return WEIR_OK;
}

static inline int mock_shape_is(const struct weir_shape *shape, const struct weir_slice *keys,
				uint32_t count)
{
	if (shape->count != count)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		if (shape->keys[i]->name.size != keys[i].size ||
		    memcmp(shape->keys[i]->name.data, keys[i].data, keys[i].size) != 0)
			return 0;
	return 1;
}

/* With quotes and a colon; at most six times as long and three more. */
static inline uint64_t mock_key_json(struct weir_slice name, char *out)
{
	char *start = out;

	*out++ = '"';
	for (uint64_t i = 0; i < name.size; i++) {
		unsigned char c = (unsigned char)name.data[i];

		if (c < 0x20) {
			out += sprintf(out, "\\u%04x", c);
			continue;
		}
		if (c == '"' || c == '\\')
			*out++ = '\\';
		*out++ = (char)c;
	}
	*out++ = '"';
	*out++ = ':';
	return (uint64_t)(out - start);
}

static inline const struct weir_key *mock_key_new(struct weir_slice name)
{
	struct weir_key *key = calloc(1, sizeof(*key) + 7 * name.size + 5);
	char *text;

	assert(key);
	text = (char *)(key + 1);
	if (name.size)
		memcpy(text, name.data, name.size);
	key->name = (struct weir_slice){text, name.size};
	text += name.size + 1;
	key->json = (struct weir_slice){text, mock_key_json(name, text)};
	for (uint64_t i = 0; i < name.size; i++)
		key->hash = key->hash * 31 + (uint8_t)name.data[i];
	return key;
}

/* The host's one shape with these keys; lives as long as the host. */
static inline const struct weir_shape *mock_shape(struct mock_host *host,
						  const struct weir_slice *keys, uint32_t count)
{
	const struct weir_key **pointers;
	struct weir_shape *shape;

	for (uint32_t i = 0; i < host->shape_count; i++)
		if (mock_shape_is(host->shapes[i], keys, count))
			return host->shapes[i];
	host->shapes = mock_move(host->shapes, sizeof(struct weir_shape *), host->shape_count,
				 host->shape_count + 1);
	shape = calloc(1, sizeof(*shape) + count * sizeof(*pointers));
	assert(shape);
	pointers = (const struct weir_key **)(void *)(shape + 1);
	for (uint32_t i = 0; i < count; i++)
		pointers[i] = mock_key_new(keys[i]);
	host->shapes[host->shape_count++] = shape;
	shape->struct_size = sizeof(*shape);
	shape->id = host->shape_count;
	shape->count = count;
	shape->keys = pointers;
	return shape;
}

static inline int32_t mock_batch_shape(struct weir_batch *batch, const struct weir_slice *keys,
				       uint32_t count, uint16_t *ret_shape)
{
	struct mock_host *host = mock_of_batch(batch)->host;
	const struct weir_shape *shape = mock_shape(host, keys, count);

	host->shape_calls++;
	for (uint32_t i = 0; i < batch->shape_count; i++)
		if (batch->shapes[i] == shape) {
			*ret_shape = (uint16_t)i;
			return WEIR_OK;
		}
	batch->shapes = mock_move(batch->shapes, sizeof(struct weir_shape *), batch->shape_count,
				  batch->shape_count + 1);
	batch->shapes[batch->shape_count] = shape;
	*ret_shape = (uint16_t)batch->shape_count++;
	return WEIR_OK;
}

/* The index of a source in the batch, added if it is new (by its id). */
static inline uint32_t mock_source_index(struct weir_batch *batch,
					 const struct weir_source_view *source)
{
	for (uint32_t i = 0; i < batch->source_count; i++)
		if (memcmp(batch->sources[i]->id, source->id, sizeof(source->id)) == 0)
			return i;
	batch->sources = mock_move(batch->sources, sizeof(struct weir_source_view *),
				   batch->source_count, batch->source_count + 1);
	batch->sources[batch->source_count] = source;
	return batch->source_count++;
}

static inline struct weir_batch *mock_batch_new(struct mock_host *host)
{
	struct mock_batch *made = calloc(1, sizeof(*made));

	assert(made);
	made->host = host;
	made->batch.struct_size = sizeof(made->batch);
	made->batch.read_ns = host->read_ns;
	return &made->batch;
}

/* ---- claims and batches of a filter's own ---------------------------------------------------- */

static inline struct weir_claim *mock_record_hold(struct weir_context *context,
						  struct weir_batch *batch, uint32_t record)
{
	struct mock_host *host = mock_of_context(context);
	struct mock_claim *claim = calloc(1, sizeof(*claim));

	assert(claim && record < batch->record_count);
	batch->records[record].flags |= WEIR_RECORD_HELD;
	host->hold_calls++;
	host->claims_live++;
	claim->host = host;
	claim->refs = 1;
	claim->next = host->claims;
	host->claims = claim;
	claim->source = *batch->sources[batch->records[record].source];
	claim->position = batch->records[record].position;
	return (struct weir_claim *)(void *)claim;
}

static inline struct weir_claim *mock_claim_ref(struct weir_claim *handle)
{
	struct mock_claim *claim = (struct mock_claim *)(void *)handle;

	assert(claim->refs > 0);
	claim->refs++;
	return handle;
}

static inline void mock_claim_release(struct weir_claim *handle)
{
	struct mock_claim *claim = (struct mock_claim *)(void *)handle;

	assert(claim->refs > 0);
	if (--claim->refs == 0)
		claim->host->claims_live--;
}

static inline int32_t mock_batch_begin(struct weir_context *context, struct weir_batch **ret_batch)
{
	*ret_batch = mock_batch_new(mock_of_context(context));
	return WEIR_OK;
}

static inline void mock_batch_claim(struct weir_batch *batch, struct weir_claim *take_claim)
{
	struct mock_batch *own = mock_of_batch(batch);

	own->claims = mock_move(own->claims, sizeof(struct mock_claim *), own->claim_count,
				own->claim_count + 1);
	own->claims[own->claim_count++] = (struct mock_claim *)(void *)take_claim;
}

static inline uint32_t mock_batch_source(struct weir_batch *batch, const struct weir_claim *handle)
{
	const struct mock_claim *claim = (const struct mock_claim *)(const void *)handle;

	return mock_source_index(batch, &claim->source);
}

static inline int32_t mock_batch_emit(struct weir_context *context, struct weir_batch *take_batch)
{
	struct mock_host *host = mock_of_context(context);
	struct mock_batch **end = &host->emitted;

	while (*end)
		end = &(*end)->next;
	*end = mock_of_batch(take_batch);
	host->emitted_count++;
	return WEIR_OK;
}

static inline void mock_record_dead(struct weir_context *context, struct weir_batch *batch,
				    uint32_t record, const char *reason, struct weir_slice text)
{
	struct mock_host *host = mock_of_context(context);
	struct mock_dead *dead;

	assert(record < batch->record_count && reason);
	host->dead =
		mock_move(host->dead, sizeof(*host->dead), host->dead_count, host->dead_count + 1);
	dead = &host->dead[host->dead_count++];
	batch->records[record].flags |= WEIR_RECORD_DEAD;
	dead->record = record;
	(void)snprintf(dead->reason, sizeof(dead->reason), "%s", reason);
	(void)snprintf(dead->text, sizeof(dead->text), "%.*s", (int)text.size,
		       text.data ? text.data : "");
}

static inline void mock_stateful(struct weir_context *context)
{
	mock_of_context(context)->stateful = 1;
}

/* ---- for tests ------------------------------------------------------------------------------- */

static inline void mock_host_create(struct mock_host *host)
{
	memset(host, 0, sizeof(*host));
	host->services = (struct weir_services){
		.struct_size = sizeof(host->services),
		.abi_major = WEIR_ABI_MAJOR,
		.abi_minor = WEIR_ABI_MINOR,
		.log = mock_log,
		.metric = mock_metric_new,
		.metric_labelled = mock_metric_labelled,
		.metric_add = mock_metric_add,
		.wall_ns = mock_wall_ns,
		.monotonic_ns = mock_monotonic_ns,
		.random = mock_random,
		.timer_set = mock_timer_set,
		.batch_reserve = mock_batch_reserve,
		.batch_shape = mock_batch_shape,
		.stateful = mock_stateful,
		.record_dead = mock_record_dead,
		.record_hold = mock_record_hold,
		.claim_ref = mock_claim_ref,
		.claim_release = mock_claim_release,
		.batch_begin = mock_batch_begin,
		.batch_claim = mock_batch_claim,
		.batch_source = mock_batch_source,
		.batch_emit = mock_batch_emit,
		.memory_charge = mock_memory_charge,
		.output_full = mock_output_full,
	};
	host->read_ns = MOCK_READ_NS;
	for (uint32_t i = 0; i < 8; i++)
		host->timers[i] = WEIR_TIMER_OFF;
	host->source.struct_size = sizeof(host->source);
	host->source.name = weir_slice_of("/var/log/test.log");
	host->source.hex = weir_slice_of("00000000000000000000000000000000");
}

static inline void mock_batch_free(struct weir_batch *batch)
{
	struct mock_batch *own;

	if (!batch)
		return;
	own = mock_of_batch(batch);
	for (uint32_t i = 0; i < own->claim_count; i++)
		mock_claim_release((struct weir_claim *)(void *)own->claims[i]);
	for (uint32_t i = 0; i < batch->block_count; i++)
		free(batch->blocks[i].data);
	free(own->claims);
	free(batch->records);
	free(batch->values);
	free(batch->blocks);
	free((void *)(uintptr_t)batch->shapes);
	free((void *)(uintptr_t)batch->sources);
	free(own);
}

/* Takes the oldest emitted batch; NULL when there is none. The caller frees it. */
static inline struct weir_batch *mock_take_emitted(struct mock_host *host)
{
	struct mock_batch *first = host->emitted;

	if (!first)
		return NULL;
	host->emitted = first->next;
	host->emitted_count--;
	return &first->batch;
}

/* Free the batches first, and destroy the plugin's instance. */
static inline void mock_host_destroy(struct mock_host *host)
{
	struct weir_batch *batch;

	while ((batch = mock_take_emitted(host)))
		mock_batch_free(batch);
	for (uint32_t i = 0; i < host->shape_count; i++) {
		for (uint32_t k = 0; k < host->shapes[i]->count; k++)
			free((void *)(uintptr_t)host->shapes[i]->keys[k]);
		free(host->shapes[i]);
	}
	free(host->shapes);
	free(host->dead);
	while (host->claims) {
		struct mock_claim *claim = host->claims;

		host->claims = claim->next;
		free(claim);
	}
	assert(host->claims_live == 0 || host->claims_may_stay);
}

/*
 * A batch as an input makes it: one record per line of the text, each with the one field `message`,
 * all slices of one block. `spare` slots follow each row. The positions are those in the text.
 */
static inline struct weir_batch *mock_batch_lines(struct mock_host *host, struct weir_slice text,
						  uint32_t spare)
{
	struct weir_batch *batch = mock_batch_new(host);
	const struct weir_slice key = {"message", 7};
	uint32_t lines = 0;
	uint16_t shape;
	struct weir_value whole = {.tag = WEIR_STRING};
	char *copy;

	for (uint64_t i = 0; i < text.size; i++)
		lines += text.data[i] == '\n' || i + 1 == text.size;
	(void)mock_batch_reserve(batch, lines, lines * (1 + spare), (uint32_t)text.size + 1);
	(void)mock_batch_shape(batch, &key, 1, &shape);
	copy = weir_batch_text(batch, (uint32_t)text.size, &whole);
	assert(copy);
	if (text.size)
		memcpy(copy, text.data, text.size);
	for (uint64_t at = 0; at < text.size;) {
		const char *end = memchr(text.data + at, '\n', text.size - at);
		uint64_t length = end ? (uint64_t)(end - text.data) - at : text.size - at;
		struct weir_record *record = weir_batch_record(batch);

		record->shape = shape;
		record->capacity = (uint16_t)(1 + spare);
		record->line_block = whole.block;
		record->line_offset = (uint32_t)(whole.as.offset + at);
		record->line_length = (uint32_t)length;
		record->source = mock_source_index(batch, &host->source);
		record->position = at;
		record->span = (uint32_t)length + (end != NULL);
		*weir_batch_row(batch, record->capacity, &record->row) =
			weir_value_text(WEIR_STRING, 0, record->line_block, record->line_offset,
					record->line_length);
		at += length + 1;
	}
	return batch;
}

/* The text of a record's field; size is UINT64_MAX when it has none or it is no text. */
static inline struct weir_slice mock_field(const struct weir_batch *batch, uint32_t record,
					   const char *name)
{
	const struct weir_value *value =
		weir_record_find(batch, &batch->records[record], weir_slice_of(name));
	struct weir_slice none = {NULL, UINT64_MAX};

	return value && weir_value_has_text(value) ? weir_value_slice(batch, value) : none;
}

/* True when the field is there as text and equals `text`. */
static inline int mock_field_is(const struct weir_batch *batch, uint32_t record, const char *name,
				const char *text)
{
	struct weir_slice found = mock_field(batch, record, name);

	return found.size != UINT64_MAX && weir_slice_equals(found, text);
}

#endif
