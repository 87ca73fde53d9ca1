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
		delivery_settle(batch, output->index);
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
		ops->write(output->instances[0], &delivery->view);
		return;
	}
	pthread_mutex_lock(&output->lock);
	ops->write(output->instances[0], &delivery->view);
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
			     (int32_t)output->index) < 0)
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

void delivery_abandon(struct weir_context *output)
{
	while (output->deliveries) {
		struct weir_delivery *delivery = output->deliveries;
		struct batch *batch = delivery->batch;

		delivery_unlink(delivery);
		free(delivery);
		batch_unref(batch);
	}
}
