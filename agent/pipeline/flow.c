// SPDX-License-Identifier: MIT
/*
 * The way of a batch: through the filters, past the dead letter, to the outputs that want it.
 *
 * Runs on the worker that read the batch, or that runs a filter's timer; a batch that a filter emits
 * goes on from the filter after it, in the same call. When flow_run() returns, the batch is on its
 * way to the outputs or has nothing left to deliver.
 */
#include <stdlib.h>

#include "base/log.h"
#include "expr/expr.h"
#include "pipeline/disk_queue.h"
#include "pipeline/pipeline.h"

/* ---- routing ---- */

/* Bits of the records that are still there. Returns how many. */
static uint32_t flow_alive(const struct weir_batch *view, uint64_t *ret_bits)
{
	uint32_t alive = 0;

	for (uint32_t at = 0; at < view->record_count; at += 64) {
		const struct weir_record *records = view->records + at;
		uint32_t count = view->record_count - at;
		uint64_t bits = 0;

		for (uint32_t i = 0; i < 64 && i < count; i++)
			bits |= (uint64_t)((records[i].flags & WEIR_RECORD_GONE) == 0) << i;
		ret_bits[at >> 6] = bits;
		alive += (uint32_t)__builtin_popcountll(bits);
	}
	return alive;
}

/* After a restart: leaves out what this output had already. */
static void flow_skip_had(const struct weir_batch *view, uint32_t output, uint64_t *selected)
{
	for (uint32_t i = 0; i < view->record_count; i++) {
		const struct weir_record *record = &view->records[i];
		const struct source *source =
			(const struct source *)(const void *)view->sources[record->source];

		if (record->position < source->resume[output] &&
		    !(record->flags & WEIR_RECORD_DERIVED))
			selected[i >> 6] &= ~(UINT64_C(1) << (i & 63));
	}
}

static int flow_catching_up(const struct weir_batch *view)
{
	for (uint32_t i = 0; i < view->source_count; i++) {
		const struct source *source = (const struct source *)(const void *)view->sources[i];

		if (view->record_count && view->records[0].position < source->resume_max)
			return 1;
	}
	return 0;
}

static uint32_t flow_count(const uint64_t *bits, uint32_t words)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < words; i++)
		count += (uint32_t)__builtin_popcountll(bits[i]);
	return count;
}

/* A delivery for the output, or NULL when it wants none of the batch's `count` records. */
static struct weir_delivery *flow_select(struct batch *batch, struct weir_context *output,
					 uint32_t count, int catching_up)
{
	uint32_t words = batch_words(batch);
	uint32_t wanted = count;
	struct weir_delivery *delivery = delivery_create(batch, output);

	if (!delivery) {
		pipeline_fail(output->pipeline, "no memory for a delivery");
		return NULL;
	}
	memcpy(delivery->selected, batch->alive, words * sizeof(uint64_t));
	if (output->when) {
		memset(delivery->selected, 0, words * sizeof(uint64_t));
		expr_select(output->when[scheduler_worker()], &batch->view, delivery->selected);
		for (uint32_t i = 0; i < words; i++)
			delivery->selected[i] &= batch->alive[i];
		wanted = flow_count(delivery->selected, words);
	}
	for (uint32_t i = 0; i < words; i++)
		batch->routed[i] |= delivery->selected[i];
	delivery->view.count = wanted;
	if (catching_up) {
		flow_skip_had(&batch->view, output->index, delivery->selected);
		delivery->view.count = flow_count(delivery->selected, words);
	}
	metric_add(output->unselected, count - wanted);
	metric_add(output->had, wanted - delivery->view.count);
	if (delivery->view.count == 0) {
		free(delivery);
		return NULL;
	}
	return delivery;
}

static void flow_tap(struct pipeline *pipeline, struct batch *batch, uint32_t at, const char *stage,
		     const uint64_t *selected)
{
	tap_offer(&pipeline->host->taps, pipeline->config->name, at, stage, &batch->view, selected,
		  pipeline->host->host_name);
}

static void flow_tap_outputs(struct pipeline *pipeline, struct batch *batch,
			     struct weir_delivery *const *deliveries)
{
	for (uint32_t i = 0; i < pipeline->output_count; i++)
		if (deliveries[i])
			flow_tap(pipeline, batch, TAP_OUTPUT, pipeline->outputs[i]->config->name,
				 deliveries[i]->selected);
}

static void flow_dispatch(struct pipeline *pipeline, struct batch *batch)
{
	uint32_t words = batch_words(batch);
	struct weir_delivery *deliveries[PIPELINE_OUTPUTS_MAX];
	uint32_t count;
	int catching_up;

	if (batch_freeze(batch) < 0) {
		pipeline_fail(pipeline, "no memory to route a batch");
		batch_unref(batch);
		return;
	}
	count = flow_alive(&batch->view, batch->alive);
	catching_up = flow_catching_up(&batch->view);
	for (uint32_t i = 0; i < pipeline->output_count; i++)
		deliveries[i] =
			count ? flow_select(batch, pipeline->outputs[i], count, catching_up) : NULL;
	metric_add(pipeline->routed, count);
	if (batch->is_tapped) {
		flow_tap(pipeline, batch, TAP_ROUTED, NULL, NULL);
		flow_tap_outputs(pipeline, batch, deliveries);
	}
	if (count)
		metric_add(pipeline->unrouted, count - flow_count(batch->routed, words));
	for (uint32_t i = 0; i < pipeline->output_count; i++) {
		if (deliveries[i] && pipeline->outputs[i]->queue)
			disk_queue_put(pipeline->outputs[i]->queue, deliveries[i]);
		else if (deliveries[i])
			delivery_write(deliveries[i]);
		else if (pipeline->state != PIPELINE_FAILED)
			delivery_settle(batch, i);
	}
	batch_unref(batch);
}

/* ---- filters ---- */

static int flow_filter(struct weir_context *filter, struct batch *batch)
{
	const struct weir_filter_ops *ops = filter->plugin->filter;
	struct weir_error error = {0};
	struct call call;
	int32_t status;

	if (filter->stateful)
		pthread_mutex_lock(&filter->lock);
	call = call_begin(filter);
	status = ops->process(stage_instance(filter), &batch->view, &error);
	call_end(filter, call);
	if (filter->stateful)
		pthread_mutex_unlock(&filter->lock);
	if (status < 0)
		pipeline_fail(filter->pipeline, "filter %s: %s", filter->config->name, error.text);
	return status;
}

/* Marks the records for which `when` is false as dropped, so that the filter leaves them alone;
 * bit i of `aside`: record i is one of them. */
static void flow_put_aside(struct weir_expr *when, struct weir_batch *view, uint64_t *aside)
{
	expr_select(when, view, aside);
	for (uint32_t i = 0; i < view->record_count; i++) {
		uint64_t bit = UINT64_C(1) << (i & 63);

		if (view->records[i].flags & WEIR_RECORD_GONE) {
			aside[i >> 6] &= ~bit;
			continue;
		}
		aside[i >> 6] ^= bit;
		if (aside[i >> 6] & bit)
			view->records[i].flags |= WEIR_RECORD_DROPPED;
	}
}

static int flow_filter_when(struct weir_context *filter, struct batch *batch)
{
	struct weir_batch *view = &batch->view;
	uint32_t count = view->record_count;
	uint64_t *aside;
	int status;

	if (!filter->when)
		return flow_filter(filter, batch);
	aside = calloc(count / 64 + 1, sizeof(*aside));
	if (!aside) {
		pipeline_fail(filter->pipeline, "filter %s: no memory for `when`",
			      filter->config->name);
		return WEIR_ERR_MEMORY;
	}
	flow_put_aside(filter->when[scheduler_worker()], view, aside);
	status = flow_filter(filter, batch);
	for (uint32_t i = 0; i < count; i++)
		if (aside[i >> 6] >> (i & 63) & 1)
			view->records[i].flags &= (uint16_t)~WEIR_RECORD_DROPPED;
	free(aside);
	return status;
}

/* Counts what filters dropped, and buries the dead. */
static int flow_account(struct pipeline *pipeline, struct batch *batch)
{
	if (batch->dead_count &&
	    dead_letter_send(pipeline, batch, batch->dead, batch->dead_count, -1) < 0) {
		pipeline_fail(pipeline, "no memory for %u dead letters", batch->dead_count);
		return WEIR_ERR_MEMORY;
	}
	return 0;
}

/* How many records of a batch left it, and how: each is counted once. */
struct flow_left {
	uint32_t dead, held, dropped;
};

static struct flow_left flow_left(const struct batch *batch)
{
	struct flow_left left = {.dead = batch->dead_count};

	for (uint32_t i = 0; i < batch->view.record_count; i++) {
		uint32_t gone = batch->view.records[i].flags & WEIR_RECORD_GONE;

		if (!gone)
			continue;
		left.held += (gone & (WEIR_RECORD_HELD | WEIR_RECORD_DEAD)) == WEIR_RECORD_HELD;
		left.dropped += gone == WEIR_RECORD_DROPPED;
	}
	return left;
}

void flow_made(struct weir_context *filter, const struct batch *batch)
{
	struct flow_left left = flow_left(batch);

	metric_add(filter->filter_made, batch->view.record_count - left.held - left.dropped);
	metric_add(filter->filter_dead, left.dead);
}

static void flow_tap_input(struct pipeline *pipeline, struct batch *batch)
{
	const struct source *source = (const struct source *)(const void *)batch->view.sources[0];

	if (source->input)
		flow_tap(pipeline, batch, TAP_INPUT, source->input->config->name, NULL);
}

/* Nobody holds any more of its records back. */
static void flow_leave_group(struct batch *batch)
{
	hold_group_unref(batch->group);
	batch->group = NULL;
}

void flow_run(struct pipeline *pipeline, struct batch *take_batch, uint32_t filter)
{
	struct batch *batch = take_batch;
	/* What an input read is all there, but for what it called dead or what was left out. */
	struct flow_left left = filter || batch->skipped
					? flow_left(batch)
					: (struct flow_left){.dead = batch->dead_count};

	batch->is_tapped = tap_any(&pipeline->host->taps);
	if (batch->is_tapped && filter == 0 && batch->view.source_count)
		flow_tap_input(pipeline, batch);
	for (; filter < pipeline->filter_count; filter++) {
		struct weir_context *stage = pipeline->filters[filter];
		struct flow_left before = left;

		if (flow_filter_when(stage, batch) < 0) {
			/* The claims stay held: all of the batch is read again. */
			flow_leave_group(batch);
			batch_unref(batch);
			return;
		}
		left = flow_left(batch);
		metric_add(stage->filter_dropped, left.dropped - before.dropped);
		metric_add(stage->filter_held, left.held - before.held);
		metric_add(stage->filter_dead, left.dead - before.dead);
		if (batch->is_tapped)
			flow_tap(pipeline, batch, TAP_FILTER, stage->config->name, NULL);
	}
	flow_leave_group(batch);
	if (flow_account(pipeline, batch) < 0) {
		batch_unref(batch);
		return;
	}
	flow_dispatch(pipeline, batch);
}
