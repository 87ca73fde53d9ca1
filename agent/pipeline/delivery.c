// SPDX-License-Identifier: MIT
/*
 * Deliveries: one batch on its way to one output.
 *
 * A delivery counts the records without outcome. At zero it leaves the output's list, gives up the
 * batch's claims at that output, and drops its reference to the batch. A second outcome for a record
 * is a plugin's mistake: it is logged and does not count.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "pipeline/disk_queue.h"
#include "pipeline/pipeline.h"

struct weir_delivery *delivery_create(struct batch *batch, struct weir_context *output)
{
	uint32_t words = batch_words(batch);
	struct weir_delivery *delivery =
		calloc(1, sizeof(*delivery) + words * 2 * sizeof(uint64_t));

	if (!delivery)
		return NULL;
	delivery->batch = batch;
	delivery->output = output;
	delivery->index = output->index;
	delivery->done = (_Atomic uint64_t *)(delivery->selected + words);
	delivery->view.struct_size = sizeof(delivery->view);
	delivery->view.batch = &batch->view;
	delivery->view.selected = delivery->selected;
	delivery->view.handle = delivery;
	return delivery;
}

void delivery_settle(struct batch *batch, uint32_t output)
{
	for (uint32_t i = 0; i < batch->claim_count; i++)
		source_release(batch->claims[i].claim, (int32_t)output);
}

/* A dead batch is settled as a whole, once every dead-letter output has it. */
static void delivery_settle_dead(struct batch *batch)
{
	for (uint32_t i = 0; i < batch->claim_count; i++)
		source_release(batch->claims[i].claim, batch->claims[i].output);
}

static void delivery_unlink(struct weir_delivery *delivery)
{
	struct weir_context *output = delivery->output;

	pthread_mutex_lock(&output->deliveries_lock);
	if (delivery->prev)
		delivery->prev->next = delivery->next;
	else
		output->deliveries = delivery->next;
	if (delivery->next)
		delivery->next->prev = delivery->prev;
	pthread_mutex_unlock(&output->deliveries_lock);
}

static void delivery_finish(struct weir_delivery *delivery)
{
	struct batch *batch = delivery->batch;
	struct weir_context *output = delivery->output;
	struct pipeline *pipeline = output->pipeline;

	delivery_unlink(delivery);
	if (!output->is_dead_letter)
		delivery_settle(batch, delivery->index);
	else if (atomic_fetch_sub(&batch->deliveries, 1) == 1)
		delivery_settle_dead(batch);
	free(delivery);
	batch_unref(batch);
	pipeline_signal(pipeline);
}

void delivery_write(struct weir_delivery *delivery)
{
	struct weir_context *output = delivery->output;
	const struct weir_output_ops *ops = output->plugin->output;
	struct call call;

	batch_ref(delivery->batch);
	atomic_store(&delivery->remaining, delivery->view.count);
	metric_change(output->in_flight, delivery->view.count);
	pthread_mutex_lock(&output->deliveries_lock);
	delivery->next = output->deliveries;
	if (delivery->next)
		delivery->next->prev = delivery;
	output->deliveries = delivery;
	pthread_mutex_unlock(&output->deliveries_lock);
	if (output->plugin->flags & WEIR_PLUGIN_CONCURRENT) {
		call = call_begin(output);
		ops->write(output->instances[0], &delivery->view);
		call_end(output, call);
		return;
	}
	pthread_mutex_lock(&output->lock);
	call = call_begin(output);
	ops->write(output->instances[0], &delivery->view);
	call_end(output, call);
	pthread_mutex_unlock(&output->lock);
}

/* Marks record i; 0 when it is not of this delivery or has an outcome already. */
static int delivery_mark(struct weir_delivery *delivery, uint32_t i)
{
	uint64_t bit = UINT64_C(1) << (i & 63);

	if (i >= delivery->view.batch->record_count || !(delivery->selected[i >> 6] & bit))
		return 0;
	return !(atomic_fetch_or_explicit(&delivery->done[i >> 6], bit, memory_order_relaxed) &
		 bit);
}

/* A dead letter that cannot be written is where the pipeline must stop: going on would lose it. */
static void delivery_dead_again(struct weir_delivery *delivery, const char *reason,
				struct weir_slice text)
{
	pipeline_fail(delivery->output->pipeline,
		      "the dead letter output refuses records (%s: %.*s); mend or change it, then "
		      "restart: what it refused is read again",
		      reason ? reason : "refused", (int)text.size, text.data ? text.data : "");
}

static void delivery_bury(struct weir_delivery *delivery, const uint32_t *records, uint32_t count,
			  const char *reason, struct weir_slice text)
{
	struct weir_context *output = delivery->output;
	struct batch_dead *dead = calloc(count ? count : 1, sizeof(*dead));
	char *copy = strndup(text.data ? text.data : "", text.size);

	if (dead && copy)
		for (uint32_t i = 0; i < count; i++)
			dead[i] =
				(struct batch_dead){records[i], reason, copy, output->config->name};
	if (!dead || !copy ||
	    dead_letter_send(output->pipeline, delivery->batch, dead, count,
			     (int32_t)delivery->index) < 0)
		pipeline_fail(output->pipeline,
			      "no memory for %u dead letters; they are read again "
			      "after a restart",
			      count);
	free(dead);
	free(copy);
}

/* The records of the call that are new to us, in `ret_records`. */
static uint32_t delivery_take(struct weir_delivery *delivery, const uint32_t *records,
			      uint32_t count, uint32_t *ret_records)
{
	uint32_t taken = 0;

	if (!records) {
		for (uint32_t i = 0; i < delivery->view.batch->record_count; i++)
			if (delivery_mark(delivery, i))
				ret_records[taken++] = i;
		return taken;
	}
	for (uint32_t i = 0; i < count; i++)
		if (delivery_mark(delivery, records[i]))
			ret_records[taken++] = records[i];
	if (taken != count)
		log_line(
			WEIR_LOG_ERROR, delivery->output->origin, "outcome_twice",
			"the plugin gave %u records an outcome that they had already, or that were "
			"not for it",
			count - taken);
	return taken;
}

void delivery_outcome(struct weir_delivery *delivery, const uint32_t *records, uint32_t count,
		      uint32_t outcome, const char *reason, struct weir_slice text)
{
	struct weir_context *output = delivery->output;
	uint32_t taken = delivery->view.count;
	int whole = !records && atomic_load(&delivery->remaining) == delivery->view.count;

	if (!whole || outcome == WEIR_OUTCOME_DEAD) {
		uint32_t limit = records ? count : delivery->view.batch->record_count;
		uint32_t *list = malloc((limit ? limit : 1) * sizeof(*list));

		if (!list) {
			pipeline_fail(output->pipeline, "no memory to note outcomes");
			return;
		}
		taken = delivery_take(delivery, records, count, list);
		if (outcome == WEIR_OUTCOME_DEAD && taken) {
			if (output->is_dead_letter) {
				delivery_dead_again(delivery, reason, text);
				free(list);
				return;
			}
			delivery_bury(delivery, list, taken, reason, text);
		}
		free(list);
	}
	metric_add(outcome == WEIR_OUTCOME_DELIVERED ? output->delivered
		   : outcome == WEIR_OUTCOME_DEAD    ? output->dead
						     : output->dropped,
		   taken);
	metric_change(output->in_flight, -(int64_t)taken);
	if (taken && atomic_fetch_sub(&delivery->remaining, taken) == taken)
		delivery_finish(delivery);
}

/* The records of a delivery that have no outcome yet, as a delivery to the heir. NULL without memory. */
static struct weir_delivery *delivery_rest(const struct weir_delivery *delivery,
					   struct weir_context *heir)
{
	uint32_t words = batch_words(delivery->batch);
	struct weir_delivery *rest = delivery_create(delivery->batch, heir);

	if (!rest)
		return NULL;
	rest->index = delivery->index;
	for (uint32_t i = 0; i < words; i++)
		rest->selected[i] = delivery->selected[i] & ~atomic_load(&delivery->done[i]);
	rest->view.count = atomic_load(&delivery->remaining);
	return rest;
}

/* Takes a delivery without heir for dealt with: the user has taken the output away. */
static void delivery_drop(struct weir_delivery *delivery)
{
	struct weir_context *output = delivery->output;
	struct batch *batch = delivery->batch;

	metric_add(output->dropped, atomic_load(&delivery->remaining));
	if (!output->is_dead_letter)
		delivery_settle(batch, delivery->index);
	else if (atomic_fetch_sub(&batch->deliveries, 1) == 1)
		delivery_settle_dead(batch);
}

uint32_t delivery_pass(struct weir_delivery *take_delivery, struct weir_context *heir)
{
	struct weir_delivery *rest = heir ? delivery_rest(take_delivery, heir) : NULL;
	uint32_t records = atomic_load(&take_delivery->remaining);
	struct batch *batch = take_delivery->batch;

	metric_change(take_delivery->output->in_flight, -(int64_t)records);
	if (!heir) {
		delivery_drop(take_delivery);
	} else if (!rest) {
		pipeline_fail(heir->pipeline, "no memory to take over a delivery");
	} else {
		metric_add(heir->repeated, take_delivery->output->queue ? 0 : records);
		if (heir->queue)
			disk_queue_put(heir->queue, rest);
		else
			delivery_write(rest);
	}
	free(take_delivery);
	batch_unref(batch);
	return rest ? records : 0;
}

uint64_t delivery_pass_on(struct weir_context *output, struct weir_context *heir)
{
	struct weir_delivery *delivery = output->deliveries;
	uint64_t records = 0;

	while (delivery && delivery->next)
		delivery = delivery->next;
	/* The list has the newest first; they go on in the order in which they came. */
	while (delivery) {
		struct weir_delivery *before = delivery->prev;

		delivery_unlink(delivery);
		records += delivery_pass(delivery, heir);
		delivery = before;
	}
	return records;
}

void delivery_abandon(struct weir_context *output)
{
	while (output->deliveries) {
		struct weir_delivery *delivery = output->deliveries;
		struct batch *batch = delivery->batch;

		/* What came from a queue on disk is in it still. */
		if (!output->queue)
			metric_change(output->in_flight,
				      -(int64_t)atomic_load(&delivery->remaining));
		delivery_unlink(delivery);
		free(delivery);
		batch_unref(batch);
	}
}
