// SPDX-License-Identifier: MIT
/* How sources come to be: new, taken up again, or standing in for one of the past. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pipeline/known.h"
#include "pipeline/source_internal.h"

/* Bytes of an id in hex, with the NUL behind it. */
#define SOURCE_HEX 33

void source_list(struct source *source)
{
	struct pipeline *pipeline = source->pipeline;

	pthread_mutex_lock(&pipeline->lock);
	source->next = pipeline->sources;
	if (source->next)
		source->next->prev = source;
	pipeline->sources = source;
	pthread_mutex_unlock(&pipeline->lock);
}

static void source_link(struct source *source)
{
	source_list(source);
	atomic_fetch_add(&source->pipeline->reading, 1);
	metric_change(source->input->files, 1);
}

static size_t outputs_size(uint32_t count)
{
	return sizeof(struct ledger_outputs) + count * sizeof(uint32_t);
}

int sources_begin(struct pipeline *pipeline)
{
	pipeline->in_order = malloc(outputs_size(pipeline->output_count));
	if (!pipeline->in_order)
		return WEIR_ERR_MEMORY;
	pipeline->in_order->count = pipeline->output_count;
	for (uint32_t i = 0; i < pipeline->output_count; i++) {
		pipeline->in_order->columns[i] = i;
		pipeline->output_names[i] = ledger_name_create(pipeline->outputs[i]->config->name);
		if (!pipeline->output_names[i])
			return WEIR_ERR_MEMORY;
	}
	return 0;
}

void sources_end(struct pipeline *pipeline)
{
	for (uint32_t i = 0; i < PIPELINE_OUTPUTS_MAX; i++)
		ledger_name_unref(pipeline->output_names[i]);
	free(pipeline->in_order);
}

/* Takes up the ledger of an earlier generation, or begins one. */
static int source_join_ledger(struct source *source, struct ledger *ledger,
			      const uint64_t *positions)
{
	const struct pipeline *pipeline = source->pipeline;
	struct ledger_outputs *outputs;

	if (ledger)
		ledger_ref(ledger);
	else
		ledger = ledger_create(pipeline->output_count);
	source->ledger = ledger;
	if (!ledger)
		return WEIR_ERR_MEMORY;
	outputs = ledger_take_up(ledger, pipeline->output_names, pipeline->output_count, positions);
	if (!outputs)
		return WEIR_ERR_MEMORY;
	source->has_outputs =
		memcmp(outputs, pipeline->in_order, outputs_size(outputs->count)) != 0;
	if (!source->has_outputs) {
		free(outputs);
		outputs = pipeline->in_order;
	}
	source->outputs = outputs;
	pthread_mutex_lock(&ledger->lock);
	atomic_store(&ledger->reader, source);
	pthread_mutex_unlock(&ledger->lock);
	return 0;
}

/* In one piece of memory with its id in hex and its name, which ends with a NUL. */
static struct source *source_alloc(uint32_t outputs, const uint8_t id[16], struct weir_slice name)
{
	struct source *source = calloc(1, sizeof(*source) + outputs * sizeof(source->resume[0]) +
						  SOURCE_HEX + name.size + 1);
	static const char digits[] = "0123456789abcdef";
	char *text;

	if (!source)
		return NULL;
	text = (char *)&source->resume[outputs];
	for (uint32_t i = 0; i < 16; i++) {
		text[2 * i] = digits[id[i] >> 4];
		text[2 * i + 1] = digits[id[i] & 15];
	}
	if (name.size)
		memcpy(text + SOURCE_HEX, name.data, name.size);
	source->view.struct_size = sizeof(source->view);
	memcpy(source->view.id, id, 16);
	source->view.hex = (struct weir_slice){text, SOURCE_HEX - 1};
	source->view.name = (struct weir_slice){text + SOURCE_HEX, name.size};
	atomic_store(&source->refs, 1);
	return source;
}

/* Only an input that asks is told what was acknowledged. */
static int source_begin_acks(struct source *source, uint64_t position)
{
	const struct weir_plugin *plugin = source->input->plugin;

	if (!plugin || !plugin->input || !STAGE_OP(plugin->input, acked))
		return 0;
	source->acks = malloc(sizeof(*source->acks));
	if (!source->acks)
		return WEIR_ERR_MEMORY;
	pthread_mutex_init(&source->acks->lock, NULL);
	source->acks->acked = position;
	return 0;
}

void source_free(struct source *source)
{
	ledger_unref(source->ledger);
	if (source->has_outputs)
		free((void *)(uintptr_t)source->outputs);
	if (source->held)
		free(source->held->positions);
	free(source->held);
	if (source->acks)
		pthread_mutex_destroy(&source->acks->lock);
	free(source->acks);
	free(source);
}

static struct source *source_create(struct weir_context *input, const uint8_t id[16],
				    const struct weir_source_spec *spec, const uint64_t *positions,
				    struct ledger *ledger)
{
	struct pipeline *pipeline = input->pipeline;
	uint32_t outputs = pipeline->output_count;
	struct weir_slice name = pipeline->config->source_name
					 ? weir_slice_of(pipeline->config->source_name)
					 : spec->name;
	struct source *source = source_alloc(outputs, id, name);

	if (!source)
		return NULL;
	source->pipeline = pipeline;
	source->input = input;
	if (source_begin_acks(source, spec->position) < 0 ||
	    source_join_ledger(source, ledger, positions) < 0) {
		source_unref(&source->view);
		return NULL;
	}
	memcpy(source->resume, positions, outputs * sizeof(*positions));
	for (uint32_t i = 0; i < outputs; i++)
		if (positions[i] > source->resume_max)
			source->resume_max = positions[i];
	source->user = spec->user;
	source->read_position = spec->position;
	if (spec->position > source->ledger->read_end)
		source->ledger->read_end = spec->position;
	source->is_volatile = (spec->flags & WEIR_SOURCE_VOLATILE) != 0;
	source->task.run = source_run;
	atomic_store(&source->state, SOURCE_IDLE);
	return source;
}

struct source *source_open_reserved(struct weir_context *input, uint64_t position, void *user,
				    struct disk_queue *queue)
{
	const struct weir_source_spec spec = {.struct_size = sizeof(spec),
					      .flags = WEIR_SOURCE_VOLATILE,
					      .user = user,
					      .position = position};
	uint64_t positions[PIPELINE_OUTPUTS_MAX];
	struct source *source;
	uint8_t id[16];

	for (uint32_t i = 0; i < input->pipeline->output_count; i++)
		positions[i] = position;
	pipeline_services.random(id, sizeof(id));
	source = source_create(input, id, &spec, positions, NULL);
	if (source)
		source->queue = queue;
	return source;
}

struct source *source_ghost(const uint8_t id[16], struct weir_slice name)
{
	return source_alloc(0, id, name);
}

struct source *source_shadow(struct weir_context *input, const uint8_t id[16],
			     struct weir_slice name)
{
	const struct weir_source_spec spec = {
		.struct_size = sizeof(spec), .flags = WEIR_SOURCE_VOLATILE, .name = name};
	const uint64_t positions[PIPELINE_OUTPUTS_MAX] = {0};

	return source_create(input, id, &spec, positions, NULL);
}

static void source_durable(void *user)
{
	struct source *source = user;
	int state = SOURCE_NEW;

	if (!atomic_compare_exchange_strong(&source->state, &state, SOURCE_IDLE)) {
		state = SOURCE_NEW_READY;
		if (atomic_compare_exchange_strong(&source->state, &state, SOURCE_QUEUED))
			pipeline_push(source->pipeline, &source->task);
	}
	source_unref(&source->view);
}

static struct state_source source_row(struct source *source, struct weir_slice name,
				      struct weir_slice identity)
{
	struct state_source row = {.pipeline = source->pipeline->config->id,
				   .input = source->input->config->name,
				   .name = name,
				   .identity = identity,
				   .seen_ns = clock_wall_ns()};

	memcpy(row.id, source->view.id, sizeof(row.id));
	source_seen(source);
	return row;
}

static int source_put(struct source *source, struct weir_slice name, struct weir_slice identity,
		      void (*done)(void *user))
{
	struct state_source row = source_row(source, name, identity);
	int status;

	if (done)
		source_ref(source);
	status = state_put_source(source->pipeline->host->state, &row, done, source);
	if (status < 0 && done)
		source_unref(&source->view);
	return status;
}

/* Random, after the time in milliseconds, as in RFC 9562's version 7: ids made one after the other lie
 * side by side in the state database and in a search index. */
static void source_id_make(uint8_t ret_id[16])
{
	uint64_t time = htobe64((uint64_t)(clock_wall_ns() / NS_PER_MS) << 16);

	pipeline_services.random(ret_id, 16);
	memcpy(ret_id, &time, 6);
}

int32_t source_open(struct weir_context *input, const struct weir_source_spec *spec,
		    struct weir_source **ret_source, struct weir_error *error)
{
	struct pipeline *pipeline = input->pipeline;
	uint64_t positions[PIPELINE_OUTPUTS_MAX];
	struct source *source;
	uint8_t id[16];

	for (uint32_t i = 0; i < pipeline->output_count; i++)
		positions[i] = spec->position;
	source_id_make(id);
	source = source_create(input, id, spec, positions, NULL);
	if (!source)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a source");
	if (!source->is_volatile) {
		atomic_store(&source->state, SOURCE_NEW);
		if (source_put(source, spec->name, spec->identity, source_durable) < 0) {
			source_unref(&source->view);
			return weir_fail(error, WEIR_ERR_IO,
					 "can't note the source %.*s in the "
					 "state database",
					 (int)spec->name.size, spec->name.data);
		}
	}
	source_link(source);
	source_mark_dirty(source);
	*ret_source = (struct weir_source *)(void *)source;
	return 0;
}

int32_t source_known(struct weir_context *input, uint32_t index,
		     struct weir_source_state *ret_state)
{
	const struct known_source *known = known_at(input->pipeline, input->config->name, index);

	if (!known)
		return WEIR_ERR_NOT_FOUND;
	/* The caller's struct has the size that it says, which may be that of an older minor. */
	if (!WEIR_HAS(ret_state, seen_ns))
		return WEIR_ERR_INVALID;
	memcpy(ret_state->id, known->id, sizeof(ret_state->id));
	ret_state->name = known->name;
	ret_state->identity = known->identity;
	ret_state->position = known_position(input->pipeline, known);
	ret_state->seen_ns = known->seen_ns;
	return 0;
}

/* The records before had_until that an older generation did not deal with. */
static int source_take_held(struct source *source, struct known_source *known)
{
	if (!known->held.count && !known->held.all)
		return 0;
	source->held = malloc(sizeof(*source->held));
	if (!source->held)
		return WEIR_ERR_MEMORY;
	*source->held = known->held;
	known->held = (struct hold_positions){0};
	hold_sort(source->held);
	return 0;
}

int32_t source_adopt(struct weir_context *input, const uint8_t id[16],
		     const struct weir_source_spec *spec, struct weir_source **ret_source,
		     struct weir_error *error)
{
	struct pipeline *pipeline = input->pipeline;
	struct known_source *known = known_find(pipeline, id);
	struct source *source;
	int stored;

	if (!known)
		return weir_fail(error, WEIR_ERR_NOT_FOUND, "no such source is known");
	source = source_create(input, id, spec, known->positions, known->ledger);
	if (!source || source_take_held(source, known) < 0) {
		if (source)
			source_unref(&source->view);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a source");
	}
	/* Nothing to write: a restart over 100,000 files that did not change. */
	stored = known_is_stored(known, spec->name, spec->identity);
	known->stored = 0;
	source->had_until = known->had_until;
	if (!known->ledger) {
		known->ledger = source->ledger;
		ledger_ref(known->ledger);
	}
	source_link(source);
	if (!stored) {
		source_put(source, spec->name, spec->identity, NULL);
		source_mark_dirty(source);
	}
	*ret_source = (struct weir_source *)(void *)source;
	return 0;
}

void source_update(struct weir_source *handle, struct weir_slice name, struct weir_slice identity)
{
	struct source *source = source_of(handle);
	struct state_source row;

	if (source->is_volatile)
		return;
	/* The view's name stays as it was: batches on their way point at it. */
	row = source_row(source, name, identity);
	(void)state_change_source(source->pipeline->host->state, &row);
}

void source_lag(struct weir_source *handle, uint64_t unread_bytes)
{
	struct source *source = source_of(handle);
	uint64_t before = atomic_exchange(&source->lag, unread_bytes);

	metric_change(source->input->lag_bytes, (int64_t)unread_bytes - (int64_t)before);
}
