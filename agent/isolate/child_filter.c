// SPDX-License-Identifier: MIT
/* A filter in its process: its calls, and the services by which it marks, holds and sends on records. */
#include <stdlib.h>
#include <unistd.h>

#include "isolate/child.h"

/* By which the agent keeps a record; here, a number. */
struct weir_claim {
	struct child *child;
	uint64_t number;
	struct source *source; /* with a reference, or NULL */
	_Atomic uint32_t refs;
};

static int put_dead(struct buffer *list, uint32_t record, const char *reason,
		    struct weir_slice text)
{
	const uint64_t number = record;
	const struct weir_slice texts[2] = {weir_slice_of(reason ? reason : ""), text};

	return did_put(list, DID_DEAD, &number, texts);
}

static struct child_emission *emission_of(struct weir_batch *view)
{
	return batch_of(view)->pipeline;
}

static void filter_record_dead(struct weir_context *context, struct weir_batch *view,
			       uint32_t record, const char *reason, struct weir_slice text)
{
	struct child *child = child_of(context);
	struct child_emission *emission = emission_of(view);

	if (view->records[record].flags & WEIR_RECORD_GONE)
		return;
	view->records[record].flags |= WEIR_RECORD_DEAD;
	if (put_dead(emission == &child->changed ? &child->did : &emission->dead, record, reason,
		     text) < 0)
		_exit(1);
}

static struct weir_claim *filter_record_hold(struct weir_context *context, struct weir_batch *view,
					     uint32_t record)
{
	struct child *child = child_of(context);
	struct weir_claim *claim = calloc(1, sizeof(*claim));
	uint64_t numbers[2] = {record, 0};

	if (!claim)
		_exit(1);
	view->records[record].flags |= WEIR_RECORD_HELD;
	claim->child = child;
	claim->number = numbers[1] = ++child->claims;
	atomic_store(&claim->refs, 1);
	if (view->records[record].source < view->source_count) {
		claim->source =
			(struct source *)(uintptr_t)view->sources[view->records[record].source];
		source_ref(claim->source);
	}
	child_did(child, DID_HOLD, numbers, NULL);
	return claim;
}

static struct weir_claim *filter_claim_ref(struct weir_claim *claim)
{
	atomic_fetch_add(&claim->refs, 1);
	return claim;
}

static void filter_claim_release(struct weir_claim *claim)
{
	if (!claim || atomic_fetch_sub(&claim->refs, 1) != 1)
		return;
	child_did(claim->child, DID_RELEASE, &claim->number, NULL);
	if (claim->source)
		source_unref(&claim->source->view);
	free(claim);
}

static int32_t filter_batch_begin(struct weir_context *context, struct weir_batch **ret_batch)
{
	struct child *child = child_of(context);
	struct child_emission *emission = calloc(1, sizeof(*emission));

	if (emission)
		emission->batch = batch_acquire(&child->pipeline->pool);
	if (!emission || !emission->batch) {
		free(emission);
		return WEIR_ERR_MEMORY;
	}
	emission->batch->pipeline = emission;
	*child->last_emission = emission;
	child->last_emission = &emission->next;
	*ret_batch = &emission->batch->view;
	return 0;
}

static void filter_batch_claim(struct weir_batch *view, struct weir_claim *claim)
{
	struct child_emission *emission = emission_of(view);

	/* The agent must still have it when it takes the batch. */
	if (parcel_put(&emission->claims, claim->number) < 0 ||
	    buffer_append(&emission->owed, &claim, sizeof(claim)) < 0)
		_exit(1);
}

static void release_owed(struct child_emission *emission)
{
	for (size_t at = 0; at < emission->owed.size; at += sizeof(struct weir_claim *)) {
		struct weir_claim *claim;

		memcpy(&claim, emission->owed.data + at, sizeof(claim));
		filter_claim_release(claim);
	}
	buffer_clear(&emission->owed);
}

static uint32_t filter_batch_source(struct weir_batch *view, const struct weir_claim *claim)
{
	struct child_emission *emission = emission_of(view);
	struct weir_claim *kept = (struct weir_claim *)(uintptr_t)claim;
	uint32_t index = 0;
	int added = 0;

	if (!claim || !claim->source)
		return 0;
	if (batch_add_source(batch_of(view), &claim->source->view, &index, &added) < 0)
		_exit(1);
	if (added) {
		source_ref(claim->source);
		filter_claim_ref(kept); /* the agent finds the source by it */
		if (parcel_put(&emission->sources, claim->number) < 0 ||
		    buffer_append(&emission->owed, &kept, sizeof(kept)) < 0)
			_exit(1);
	}
	return index;
}

/* Described here, in its place among what the filter does; freed when the call has been answered. */
static int32_t filter_batch_emit(struct weir_context *context, struct weir_batch *view)
{
	struct child *child = child_of(context);
	struct child_emission *emission = emission_of(view);
	struct buffer image = {0};

	if (emission == &child->changed || emission->is_sent ||
	    image_describe(emission->batch, &child->rows.area, 0, 0, &image) < 0)
		_exit(1);
	emission->is_sent = 1;
	child_did(child, DID_EMIT, NULL,
		  (const struct weir_slice[]){{emission->claims.data, emission->claims.size},
					      {emission->sources.data, emission->sources.size},
					      {emission->dead.data, emission->dead.size},
					      {image.data, image.size}});
	buffer_done(&image);
	release_owed(emission);
	return 0;
}

static int32_t filter_timer_set(struct weir_context *context, uint32_t id, uint64_t delay_ns)
{
	const uint64_t numbers[2] = {id, delay_ns};

	if (id >= STAGE_TIMERS)
		return WEIR_ERR_INVALID;
	child_did(child_of(context), DID_TIMER, numbers, NULL);
	return 0;
}

static void filter_stateful(struct weir_context *context)
{
	context->stateful = 1;
	child_did(child_of(context), DID_STATEFUL, NULL, NULL);
}

void child_filter_services(struct weir_services *services)
{
	services->timer_set = filter_timer_set;
	services->stateful = filter_stateful;
	services->record_dead = filter_record_dead;
	services->record_hold = filter_record_hold;
	services->claim_ref = filter_claim_ref;
	services->claim_release = filter_claim_release;
	services->batch_begin = filter_batch_begin;
	services->batch_claim = filter_batch_claim;
	services->batch_source = filter_batch_source;
	services->batch_emit = filter_batch_emit;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void emission_done(struct child_emission *emission)
{
	release_owed(emission);
	if (emission->batch)
		batch_unref(emission->batch);
	buffer_done(&emission->owed);
	buffer_done(&emission->claims);
	buffer_done(&emission->sources);
	buffer_done(&emission->dead);
	*emission = (struct child_emission){0};
}

static void free_emissions(struct child *child)
{
	while (child->emissions) {
		struct child_emission *emission = child->emissions;

		child->emissions = emission->next;
		emission_done(emission);
		free(emission);
	}
	child->last_emission = &child->emissions;
}

static int process(struct child *child, const struct message *message, struct weir_error *error)
{
	struct weir_context *stage = child->stage;
	struct batch *batch;
	struct buffer image = {0};
	struct child_emission *changed = &child->changed;
	uint32_t blocks, shapes;
	struct call call;
	int status;

	child->rows.area.used = message->b;
	batch = batch_acquire(&child->pipeline->pool);
	if (!batch || image_read(batch, &child->text.area, &child->rows.area, message->a) < 0)
		_exit(1);
	changed->batch = batch;
	batch->pipeline = changed;
	blocks = batch->view.arena_block;
	shapes = batch->view.shape_count;
	call = call_begin(stage);
	status = stage->plugin->filter->process(stage->instances[0], &batch->view, error);
	call_end(stage, call);
	if (image_describe(batch, &child->rows.area, blocks, shapes, &image) < 0)
		_exit(1);
	child_did(child, DID_CHANGE, NULL,
		  (const struct weir_slice[]){{changed->claims.data, changed->claims.size},
					      {changed->sources.data, changed->sources.size},
					      {image.data, image.size}});
	buffer_done(&image);
	release_owed(changed);
	return status;
}

static void timer(struct child *child, uint64_t id)
{
	struct weir_context *stage = child->stage;
	struct call call = call_begin(stage);

	if (STAGE_OP(stage->plugin->filter, timer))
		stage->plugin->filter->timer(stage->instances[0], (uint32_t)id);
	call_end(stage, call);
}

static void flush(struct child *child, uint64_t why)
{
	struct weir_context *stage = child->stage;
	struct call call = call_begin(stage);

	if (STAGE_OP(stage->plugin->filter, flush))
		stage->plugin->filter->flush(stage->instances[0], (uint32_t)why);
	call_end(stage, call);
}

/* What the last call made has been taken by now. */
void child_filter_done(struct child *child)
{
	free_emissions(child);
	emission_done(&child->changed);
	child->rows.area.used = 0;
}

int child_filter_call(struct child *child, const struct message *message, struct weir_error *error)
{
	child_filter_done(child);
	if (message->what == CALL_PROCESS)
		return process(child, message, error);
	if (message->what == CALL_TIMER)
		timer(child, message->a);
	else if (message->what == CALL_FLUSH)
		flush(child, message->a);
	return 0;
}
