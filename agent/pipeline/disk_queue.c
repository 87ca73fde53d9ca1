// SPDX-License-Identifier: MIT
#include "pipeline/disk_queue_internal.h"

#include <stdlib.h>
#include <string.h>

/* Of a pipeline's memory for records that are read back: enough for many requests, and the larger part
 * stays with the inputs. */
#define SHARE_OF_MEMORY 4

/* ---- life --------------------------------------------------------------------------------------- */

static void queue_metrics(struct disk_queue *queue)
{
	struct weir_context *output = queue->output;

	queue->bytes = stage_metric(output, WEIR_METRIC_GAUGE, "weir_spool_bytes",
				    "Bytes that the output's queue on disk takes", NULL);
	queue->limit = stage_metric(output, WEIR_METRIC_GAUGE, "weir_spool_limit_bytes",
				    "Most that the output's queue on disk may take", NULL);
	queue->written = stage_metric(output, WEIR_METRIC_COUNTER, "weir_spool_records_total",
				      "Records written to the output's queue on disk", NULL);
	queue->damaged =
		stage_metric(output, WEIR_METRIC_COUNTER, "weir_spool_damaged_bytes_total",
			     "Bytes of the output's queue on disk that were damaged", NULL);
	metric_set(queue->limit, (int64_t)output->config->buffer_bytes);
}

int disk_queue_create(struct weir_context *output, struct disk_queue **ret_queue,
		      struct weir_error *error)
{
	struct disk_queue *queue = calloc(1, sizeof(*queue));
	pthread_condattr_t monotonic;

	if (!queue)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a queue on disk");
	queue->output = output;
	queue->instance = queue;
	queue->config.name = output->config->name;
	queue->config.plugin = &disk_queue_plugin;
	queue->input.pipeline = output->pipeline;
	queue->input.config = &queue->config;
	queue->input.plugin = &disk_queue_plugin;
	queue->input.origin = output->origin;
	queue->input.instances = &queue->instance;
	queue->input.instance_count = 1;
	queue->waiting_end = &queue->waiting;
	queue->group_end = &queue->group;
	queue->own_first = UINT64_MAX;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_mutex_init(&queue->closing, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&queue->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	queue_metrics(queue);
	*ret_queue = queue;
	return 0;
}

int disk_queue_start(struct disk_queue *queue, struct weir_error *error)
{
	const struct pipeline *pipeline = queue->output->pipeline;
	int status;

	queue->queues = 0;
	for (uint32_t i = 0; i < pipeline->output_count; i++)
		queue->queues += pipeline->outputs[i]->queue != NULL;
	status = pthread_create(&queue->writer, NULL, disk_queue_thread, queue);
	if (status != 0)
		return weir_fail(error, WEIR_ERR_IO,
				 "can't start a thread for the queue on disk: %s",
				 strerror(status));
	queue->started = 1;
	return 0;
}

/* Ends the writer; what it could not write is the group. */
static void queue_join(struct disk_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->stopping = 1;
	pthread_cond_signal(&queue->wake);
	pthread_mutex_unlock(&queue->lock);
	pthread_join(queue->writer, NULL);
	queue->started = 0;
	disk_queue_take(queue);
}

static struct weir_delivery *queue_take_first(struct disk_queue *queue)
{
	struct weir_delivery *first = queue->group;

	if (first)
		queue->group = first->next;
	if (!queue->group)
		queue->group_end = &queue->group;
	return first;
}

void disk_queue_stop(struct disk_queue *queue)
{
	struct weir_delivery *delivery;

	if (!queue || !queue->started)
		return;
	queue_join(queue);
	while ((delivery = queue_take_first(queue))) {
		struct batch *batch = delivery->batch;

		free(delivery);
		batch_unref(batch);
	}
}

/* Those that the queue has are on their way already. */
static void queue_forget_written(struct weir_delivery *delivery)
{
	uint32_t written = 0;

	for (uint32_t i = 0; i < delivery->queued; i++) {
		uint64_t bit = UINT64_C(1) << (i & 63);

		written += (delivery->selected[i >> 6] & bit) != 0;
		delivery->selected[i >> 6] &= ~bit;
	}
	delivery->view.count -= written;
}

uint64_t disk_queue_hand_over(struct disk_queue *queue, struct weir_context *heir)
{
	struct weir_delivery *delivery;
	uint64_t records = 0;

	if (!queue || !queue->started)
		return 0;
	queue_join(queue);
	while ((delivery = queue_take_first(queue))) {
		queue_forget_written(delivery);
		atomic_store(&delivery->remaining, delivery->view.count);
		records += delivery_pass(delivery, heir);
	}
	return records;
}

void disk_queue_retire(struct disk_queue *queue, int is_astray)
{
	if (!queue || !queue->source)
		return;
	queue->source->astray = is_astray;
	/* It is on no list: who is about to tell the queue what was acknowledged is waited for here. */
	source_await_acks(queue->source);
}

void disk_queue_succeed(struct disk_queue *queue, const struct disk_queue *before)
{
	if (queue && before)
		atomic_store(&queue->own_first, atomic_load(&before->own_first));
}

int disk_queue_is_idle(struct disk_queue *queue)
{
	int idle;

	if (!queue)
		return 1;
	pthread_mutex_lock(&queue->lock);
	/* The group is the writer's while it is busy. */
	idle = !queue->waiting && !atomic_load(&queue->busy) && !queue->group;
	pthread_mutex_unlock(&queue->lock);
	return idle;
}

void disk_queue_close(struct disk_queue *queue)
{
	struct spool *spool;

	if (!queue)
		return;
	pthread_mutex_lock(&queue->closing);
	spool = atomic_exchange(&queue->spool, NULL);
	pthread_mutex_unlock(&queue->closing);
	spool_close(spool);
}

void disk_queue_destroy(struct disk_queue *queue)
{
	if (!queue)
		return;
	disk_queue_stop(queue);
	disk_queue_close(queue);
	/* A pipeline that is retired, and no more than what records of it stand on, keeps the source. */
	if (queue->source && atomic_load(&queue->output->pipeline->retired))
		source_list(queue->source);
	else if (queue->source)
		source_unref(&queue->source->view);
	spool_chunk_done(&queue->chunk);
	pthread_cond_destroy(&queue->wake);
	pthread_mutex_destroy(&queue->lock);
	pthread_mutex_destroy(&queue->closing);
	free(queue);
}

/* ---- questions ---------------------------------------------------------------------------------- */

int disk_queue_is_drained(struct disk_queue *queue)
{
	struct spool *spool = atomic_load(&queue->spool);
	int idle;

	pthread_mutex_lock(&queue->lock);
	idle = !queue->waiting && !atomic_load(&queue->busy);
	pthread_mutex_unlock(&queue->lock);
	return idle && spool && spool_is_drained(spool);
}

void disk_queue_status(struct disk_queue *queue, struct buffer *out)
{
	if (!queue) {
		buffer_text(out, "null");
		return;
	}
	buffer_printf(out, "{\"bytes\":%lld,\"limit\":%lld,\"durable\":%s}",
		      (long long)metric_get(queue->bytes), (long long)metric_get(queue->limit),
		      queue->output->config->buffer_durable ? "true" : "false");
}

int64_t disk_queue_share(const struct config_pipeline *config, int64_t memory_bytes)
{
	for (size_t i = 0; !config->without_buffers && i < config->output_count; i++)
		if (config->outputs[i].buffer_bytes)
			return memory_bytes / SHARE_OF_MEMORY;
	return 0;
}
