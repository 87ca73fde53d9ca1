// SPDX-License-Identifier: MIT
#include "pipeline/disk_queue_internal.h"

#include "base/log.h"

/* ---- what source.c sees: an input --------------------------------------------------------------- */

static int64_t queue_source(void *user, struct weir_batch *batch, const uint8_t id[16],
			    struct weir_slice name)
{
	struct source *ghost;
	uint32_t index;
	int added;

	(void)user;
	for (uint32_t i = 1; i < batch->source_count; i++)
		if (memcmp(batch->sources[i]->id, id, 16) == 0)
			return i;
	ghost = source_ghost(id, name);
	if (!ghost)
		return WEIR_ERR_MEMORY;
	if (batch_add_source(batch_of(batch), &ghost->view, &index, &added) < 0) {
		source_unref(&ghost->view);
		return WEIR_ERR_MEMORY;
	}
	return index;
}

static void queue_report_damage(struct disk_queue *queue, const struct spool_damage *damage,
				int is_own)
{
	if (damage->records == 0 && damage->bytes == 0)
		return;
	log_line(WEIR_LOG_ERROR, queue->output->origin, "spool_damaged",
		 "%llu records and %llu bytes of the queue on disk are damaged and were skipped "
		 "(segment %08x, near byte %u)",
		 (unsigned long long)damage->records, (unsigned long long)damage->bytes,
		 (uint32_t)(damage->position >> 32), (uint32_t)damage->position);
	metric_add(queue->damaged, (int64_t)damage->bytes);
	metric_add(queue->output->lost, (int64_t)damage->records);
	if (is_own)
		metric_change(queue->output->in_flight, -(int64_t)damage->records);
	else
		metric_add(queue->output->queued_before, (int64_t)damage->records);
}

static int is_own(const struct disk_queue *queue, uint64_t end)
{
	return end > atomic_load(&queue->own_first);
}

static void queue_wake(struct disk_queue *queue, int room)
{
	pthread_mutex_lock(&queue->lock);
	queue->room |= room;
	pthread_cond_signal(&queue->wake);
	pthread_mutex_unlock(&queue->lock);
}

/* What was read back and is not done with fills the queue's share of the memory. queue_acked() wakes it. */
static int queue_share_is_used(struct disk_queue *queue)
{
	const struct pipeline *pipeline = queue->output->pipeline;
	const struct budget *budget = &pipeline->memory->budget;
	int64_t share = disk_queue_share(pipeline->config, budget->hard) / queue->queues;
	int64_t batches = (int64_t)ledger_claims(queue->source->ledger);

	return batches && (batches + 1) * atomic_load(&budget->estimate) > share;
}

static int32_t queue_read(void *instance, void *source_user, struct weir_batch *batch,
			  struct weir_error *error)
{
	struct disk_queue *queue = instance;
	struct spool *spool = atomic_load(&queue->spool);
	struct spool_damage damage = {0};
	struct weir_error why = {0};
	uint64_t end;
	int status;

	(void)source_user;
	if (!spool || queue_share_is_used(queue))
		return WEIR_READ_IDLE;
	status = spool_read(spool, batch, queue_source, NULL, &end, &damage, &why);
	queue_report_damage(queue, &damage, is_own(queue, end));
	if (status < 0) {
		atomic_store(&queue->read_failed, 1);
		queue_wake(queue, 0);
		return weir_fail(error, status, "the queue on disk can't be read: %s", why.text);
	}
	if (status == 0)
		return WEIR_READ_IDLE;
	batch->range_end = end;
	return WEIR_READ_MORE;
}

static void queue_acked(void *instance, void *source_user, uint64_t position)
{
	struct disk_queue *queue = instance;
	struct spool *spool;
	int freed = 0;

	(void)source_user;
	pthread_mutex_lock(&queue->closing);
	spool = atomic_load(&queue->spool);
	if (spool)
		freed = spool_acked(spool, position);
	pthread_mutex_unlock(&queue->closing);
	if (!spool)
		return;
	if (!atomic_exchange(&queue->unsaved, 1) || freed)
		queue_wake(queue, freed);
	source_ready((struct weir_source *)(void *)queue->source);
}

static const struct weir_input_ops queue_ops = {
	.struct_size = sizeof(queue_ops),
	.read = queue_read,
	.acked = queue_acked,
};

const struct weir_plugin disk_queue_plugin = {
	.struct_size = sizeof(disk_queue_plugin),
	.kind = WEIR_INPUT,
	.name = "buffer",
	.input = &queue_ops,
};

/* ---- reading back ------------------------------------------------------------------------------- */

/* The records of the batch, for the output and no other. */
static struct weir_delivery *queue_delivery(struct disk_queue *queue, struct batch *batch)
{
	struct weir_delivery *delivery;

	if (batch_freeze(batch) < 0)
		return NULL;
	delivery = delivery_create(batch, queue->output);
	if (!delivery)
		return NULL;
	for (uint32_t i = 0; i < batch->view.record_count; i++)
		delivery->selected[i >> 6] |= UINT64_C(1) << (i & 63);
	memcpy(batch->alive, delivery->selected, batch_words(batch) * sizeof(uint64_t));
	memcpy(batch->routed, delivery->selected, batch_words(batch) * sizeof(uint64_t));
	delivery->view.count = batch->view.record_count;
	return delivery;
}

void disk_queue_dispatch(struct disk_queue *queue, struct batch *take_batch)
{
	struct pipeline *pipeline = queue->output->pipeline;
	struct batch *batch = take_batch;
	uint32_t count = batch->view.record_count;
	struct weir_delivery *delivery = count ? queue_delivery(queue, batch) : NULL;

	if (count && !delivery) {
		pipeline_fail(pipeline, "no memory for records of the queue on disk");
		batch_unref(batch);
		return;
	}
	for (uint32_t i = 0; i < pipeline->output_count; i++)
		if (i != queue->output->index)
			delivery_settle(batch, i);
	if (is_own(queue, batch->view.range_end))
		metric_change(queue->output->in_flight, -(int64_t)count);
	else
		metric_add(queue->output->queued_before, count);
	if (delivery)
		delivery_write(delivery);
	else
		delivery_settle(batch, queue->output->index);
	batch_unref(batch);
}
