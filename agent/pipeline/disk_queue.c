// SPDX-License-Identifier: MIT
#include "pipeline/disk_queue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "spool/spool.h"

/* Of a pipeline's memory for records that are read back: enough for many requests, and the larger part
 * stays with the inputs. */
#define SHARE_OF_MEMORY 4
#define SAVE_NS (STATE_COMMIT_MS * NS_PER_MS)
#define FLUSH_NS NS_PER_SECOND
#define RETRY_NS NS_PER_SECOND
#define HANDOVER_NS (100 * NS_PER_MS)
#define NEVER UINT64_MAX

struct disk_queue {
	struct weir_context *output;
	struct weir_context input; /* the stage that source.c sees */
	struct config_stage config;
	void *instance; /* this, as input.instances has it */
	struct source *source;
	int64_t share; /* of the pipeline's memory, in bytes, for what is read back */

	pthread_mutex_t lock; /* guards what follows, to the blank line */
	pthread_cond_t wake;
	struct weir_delivery *waiting, **waiting_end;
	int started, stopping;
	int room;        /* something was acknowledged since the queue was found full */
	uint64_t due_ns; /* when the writer has something to do without being woken */

	pthread_mutex_t
		closing; /* held by who acknowledges, so that the spool is not closed under it */

	/* Of the writer. */
	pthread_t writer;
	struct spool *_Atomic spool; /* NULL until it is open, and again when it is closed */
	struct weir_delivery *group, **group_end; /* taken and not yet synced */
	struct spool_chunk chunk;
	int full, stalled;
	_Atomic uint64_t own_first; /* position: what is behind it was written by this process */
	uint64_t save_due_ns, flush_due_ns, retry_due_ns, reread_due_ns;
	_Atomic int unsaved;     /* something was acknowledged since the last save */
	_Atomic int read_failed; /* try again later */
	_Atomic int busy;        /* the writer has a group at hand */

	struct weir_metric *bytes, *limit, *written, *damaged;
};

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
	int64_t batches = (int64_t)ledger_claims(queue->source->ledger);
	int64_t estimate = atomic_load(&queue->output->pipeline->memory->budget.estimate);

	return batches && (batches + 1) * estimate > queue->share;
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

static const struct weir_plugin queue_plugin = {
	.struct_size = sizeof(queue_plugin),
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

/* ---- writing ------------------------------------------------------------------------------------ */

void disk_queue_put(struct disk_queue *queue, struct weir_delivery *delivery)
{
	batch_ref(delivery->batch);
	metric_change(queue->output->in_flight, delivery->view.count);
	delivery->next = NULL;
	pthread_mutex_lock(&queue->lock);
	*queue->waiting_end = delivery;
	queue->waiting_end = &delivery->next;
	pthread_cond_signal(&queue->wake);
	pthread_mutex_unlock(&queue->lock);
}

static void queue_stall(struct disk_queue *queue, const char *why)
{
	char text[WEIR_ERROR_TEXT];

	snprintf(text, sizeof(text),
		 "its queue on disk can't be written (%s); trying again every second: free some "
		 "space under state_dir if it is full",
		 why);
	queue->stalled = 1;
	queue->retry_due_ns = clock_monotonic_ns() + RETRY_NS;
	stage_stalled(queue->output, weir_slice_of(text));
}

static void queue_unstall(struct disk_queue *queue)
{
	if (queue->stalled)
		stage_stalled(queue->output, (struct weir_slice){NULL, 0});
	queue->stalled = 0;
	queue->retry_due_ns = 0;
}

/* The source's records are dealt with here: the spool has them. */
static void queue_settle(struct weir_delivery *delivery)
{
	struct batch *batch = delivery->batch;
	struct pipeline *pipeline = delivery->output->pipeline;

	delivery_settle(batch, delivery->index);
	free(delivery);
	batch_unref(batch);
	pipeline_signal(pipeline);
}

static void queue_bury(struct disk_queue *queue, struct weir_delivery *delivery, uint32_t record)
{
	struct weir_context *output = queue->output;
	char text[] = "the record is larger than a quarter of the queue on disk";
	struct batch_dead dead = {record, "too_large_for_buffer", text, output->config->name};

	if (dead_letter_send(output->pipeline, delivery->batch, &dead, 1,
			     (int32_t)delivery->index) < 0)
		pipeline_fail(output->pipeline, "no memory for a dead letter");
	metric_add(output->dead, 1);
	metric_change(output->in_flight, -1);
}

static void queue_report_lost(struct disk_queue *queue, const struct spool_lost *lost)
{
	uint64_t all = lost->earlier + lost->own;

	if (all == 0)
		return;
	log_line(WEIR_LOG_WARNING, queue->output->origin, "spool_lost",
		 "the queue on disk is full: its oldest %llu records were dropped, as `full: "
		 "drop_oldest` says",
		 (unsigned long long)all);
	metric_add(queue->output->lost, (int64_t)all);
	metric_add(queue->output->queued_before, (int64_t)lost->earlier);
	metric_change(queue->output->in_flight, -(int64_t)lost->own);
}

/* Appends what of the delivery is not in yet: 0, SPOOL_FULL, or an error. */
static int queue_append(struct disk_queue *queue, struct spool *spool,
			struct weir_delivery *delivery, struct weir_error *error)
{
	const struct weir_batch *batch = delivery->view.batch;
	int status = 0;

	while (status == 0 && delivery->queued < batch->record_count) {
		uint32_t at = delivery->queued;
		uint32_t too_large;
		struct spool_lost lost = {0};

		status = spool_chunk_build(&queue->chunk, batch, delivery->selected, &at,
					   spool_record_max(spool), &too_large);
		if (status < 0)
			return weir_fail(error, status, "no memory");
		status = spool_append(spool, &queue->chunk, &lost, error);
		queue_report_lost(queue, &lost);
		if (status != 0)
			return status;
		delivery->queued = at;
		metric_add(queue->written, queue->chunk.records);
		if (too_large != UINT32_MAX)
			queue_bury(queue, delivery, too_large);
	}
	return status;
}

/* Settles those of the group that are in as a whole. */
static void queue_settle_group(struct disk_queue *queue)
{
	while (queue->group && queue->group->queued == queue->group->view.batch->record_count) {
		struct weir_delivery *delivery = queue->group;

		queue->group = delivery->next;
		if (!queue->group)
			queue->group_end = &queue->group;
		queue_settle(delivery);
	}
}

/* Appends and syncs the group as far as that goes. */
static void queue_write(struct disk_queue *queue, struct spool *spool)
{
	uint32_t cuts = spool_cuts(spool);
	struct weir_error error = {0};
	int status = 0;

	for (struct weir_delivery *d = queue->group; status == 0 && d; d = d->next)
		status = queue_append(queue, spool, d, &error);
	if (spool_sync(spool, &error) < 0)
		status = WEIR_ERR_IO;
	queue->full = status == SPOOL_FULL;
	if (spool_cuts(spool) != cuts) {
		for (struct weir_delivery *d = queue->group; d; d = d->next)
			d->queued = 0;
	} else {
		queue_settle_group(queue);
	}
	if (status < 0)
		queue_stall(queue, error.text);
	else
		queue_unstall(queue);
	if (!spool_is_drained(spool))
		source_ready((struct weir_source *)(void *)queue->source);
	if (queue->flush_due_ns == 0 && !queue->output->config->buffer_durable)
		queue->flush_due_ns = clock_monotonic_ns() + FLUSH_NS;
	metric_set(queue->bytes, (int64_t)spool_bytes(spool));
}

/* ---- the writer's thread ------------------------------------------------------------------------ */

/* A folder that a power cut can take away is no place for what must not be lost: that above is synced. */
static int make_folder(const char *path, struct weir_error *error)
{
	char parent[PATH_MAX];
	char *slash;
	int fd;

	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0
				       : weir_fail(error, WEIR_ERR_IO, "can't make %s: %s", path,
						   strerror(errno));
	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (slash)
		*slash = '\0';
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!fsync(fd);
		close(fd);
	}
	return 0;
}

/* STATE_DIR/spool/PIPELINE/OUTPUT, made where it is missing. */
static int queue_folder(struct disk_queue *queue, char ret_path[PATH_MAX], struct weir_error *error)
{
	const struct pipeline *pipeline = queue->output->pipeline;
	const char *const parts[] = {"spool", pipeline->config->id, queue->output->config->name};
	int status = 0;

	snprintf(ret_path, PATH_MAX, "%s", pipeline->host->state_dir);
	for (unsigned i = 0; status == 0 && i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t size = strlen(ret_path);

		if (snprintf(ret_path + size, PATH_MAX - size, "/%s", parts[i]) >=
		    (int)(PATH_MAX - size))
			return weir_fail(error, WEIR_ERR_INVALID,
					 "the name of state_dir is too long");
		status = make_folder(ret_path, error);
	}
	return status;
}

static void queue_opened(struct disk_queue *queue, struct spool *spool, int reset)
{
	if (spool_first(spool) < atomic_load(&queue->own_first))
		atomic_store(&queue->own_first, spool_first(spool));
	if (reset)
		log_line(WEIR_LOG_ERROR, queue->output->origin, "spool_reset",
			 "how far the queue on disk was delivered is not known any more: all of it "
			 "is sent again");
	if (!spool_is_drained(spool))
		log_line(WEIR_LOG_INFO, queue->output->origin, "spool_taken_up",
			 "the queue on disk has %llu KiB from before; they are sent first",
			 (unsigned long long)spool_bytes(spool) >> 10);
	metric_set(queue->bytes, (int64_t)spool_bytes(spool));
	atomic_store(&queue->spool, spool);
	source_ready((struct weir_source *)(void *)queue->source);
	queue_unstall(queue);
}

static int queue_open_spool(struct disk_queue *queue, struct weir_error *error)
{
	const struct config_stage *config = queue->output->config;
	const struct spool_options options = {.limit_bytes = config->buffer_bytes,
					      .durable = config->buffer_durable,
					      .drop_oldest = config->buffer_drops};
	struct spool *spool;
	char path[PATH_MAX];
	int reset;
	int status = queue_folder(queue, path, error);

	if (status == 0)
		status = spool_open(path, &options, &spool, &reset, error);
	if (status < 0)
		return status;
	queue->source = source_open_reserved(&queue->input, spool_start(spool), queue, queue);
	if (!queue->source) {
		spool_close(spool);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory");
	}
	queue_opened(queue, spool, reset);
	return 0;
}

static void queue_open(struct disk_queue *queue)
{
	struct weir_error error = {0};
	int status = queue_open_spool(queue, &error);

	/* The generation before this one still has it, or `weir spool repair`. */
	if (status == WEIR_ERR_REFUSED)
		queue->retry_due_ns = clock_monotonic_ns() + HANDOVER_NS;
	else if (status < 0)
		queue_stall(queue, error.text);
}

static void queue_save(struct disk_queue *queue, struct spool *spool)
{
	struct weir_error error = {0};

	atomic_store(&queue->unsaved, 0);
	queue->save_due_ns = 0;
	if (spool_save(spool, &error) < 0) {
		log_line(WEIR_LOG_WARNING, queue->output->origin, "spool_unsaved",
			 "how far the queue on disk was delivered can't be saved, trying again: %s",
			 error.text);
		queue->save_due_ns = clock_monotonic_ns() + RETRY_NS;
	}
	metric_set(queue->bytes, (int64_t)spool_bytes(spool));
}

static int is_due(uint64_t due_ns, uint64_t now_ns)
{
	return due_ns && due_ns <= now_ns;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return b && b < a ? b : a;
}

/* What has come due. */
static void queue_turn(struct disk_queue *queue)
{
	struct spool *spool = atomic_load(&queue->spool);
	uint64_t now = clock_monotonic_ns();

	if (!spool && (queue->retry_due_ns == 0 || is_due(queue->retry_due_ns, now)))
		queue_open(queue);
	spool = atomic_load(&queue->spool);
	if (!spool)
		return;
	if (queue->group && (queue->retry_due_ns == 0 || is_due(queue->retry_due_ns, now)))
		queue_write(queue, spool);
	if (atomic_load(&queue->unsaved) && !queue->save_due_ns)
		queue->save_due_ns = now + SAVE_NS;
	if (is_due(queue->save_due_ns, now))
		queue_save(queue, spool);
	if (is_due(queue->flush_due_ns, now)) {
		queue->flush_due_ns = 0;
		spool_flush(spool, NULL);
	}
	if (atomic_exchange(&queue->read_failed, 0))
		queue->reread_due_ns = now + RETRY_NS;
	if (is_due(queue->reread_due_ns, now)) {
		queue->reread_due_ns = 0;
		source_ready((struct weir_source *)(void *)queue->source);
	}
}

/* Under the lock: takes what waits. */
static void queue_take(struct disk_queue *queue)
{
	if (!queue->waiting)
		return;
	*queue->group_end = queue->waiting;
	queue->group_end = queue->waiting_end;
	queue->waiting = NULL;
	queue->waiting_end = &queue->waiting;
}

/* Under the lock: there is something to do, or sleeps until there may be. */
static int queue_ready(struct disk_queue *queue)
{
	uint64_t due = NEVER;

	due = sooner(due, queue->retry_due_ns);
	due = sooner(due, queue->save_due_ns);
	due = sooner(due, queue->flush_due_ns);
	due = sooner(due, queue->reread_due_ns);
	if (queue->stopping || atomic_load(&queue->read_failed) ||
	    is_due(due, clock_monotonic_ns()) ||
	    (atomic_load(&queue->unsaved) && !queue->save_due_ns) ||
	    ((queue->full || queue->stalled) && queue->room) ||
	    (queue->waiting && !queue->full && queue->retry_due_ns == 0))
		return 1;
	if (due == NEVER) {
		pthread_cond_wait(&queue->wake, &queue->lock);
	} else {
		struct timespec until = {(time_t)(due / (uint64_t)NS_PER_SECOND),
					 (long)(due % (uint64_t)NS_PER_SECOND)};

		pthread_cond_timedwait(&queue->wake, &queue->lock, &until);
	}
	return 0;
}

static void *queue_thread(void *user)
{
	struct disk_queue *queue = user;
	int stopping;

	queue_turn(queue);
	do {
		pthread_mutex_lock(&queue->lock);
		while (!queue_ready(queue))
			;
		stopping = queue->stopping;
		atomic_store(&queue->busy, 1);
		queue_take(queue);
		if (queue->room && queue->stalled)
			queue->retry_due_ns = 0; /* perhaps the disk has room now */
		queue->room = 0;
		pthread_mutex_unlock(&queue->lock);
		if (stopping)
			queue->retry_due_ns = 0; /* one last time */
		queue_turn(queue);
		atomic_store(&queue->busy, 0);
		pipeline_signal(queue->output->pipeline);
	} while (!stopping);
	return NULL;
}

/* ---- life --------------------------------------------------------------------------------------- */

static void queue_metrics(struct disk_queue *queue)
{
	const struct weir_context *output = queue->output;
	struct metrics *metrics = output->pipeline->host->metrics;
	char labels[256];

	snprintf(labels, sizeof(labels), "pipeline=\"%s\",output=\"%s\"",
		 output->pipeline->config->name, output->config->name);
	queue->bytes = metrics_add(metrics, WEIR_METRIC_GAUGE, "weir_spool_bytes",
				   "Bytes that the output's queue on disk takes", labels);
	queue->limit = metrics_add(metrics, WEIR_METRIC_GAUGE, "weir_spool_limit_bytes",
				   "Most that the output's queue on disk may take", labels);
	queue->written = metrics_add(metrics, WEIR_METRIC_COUNTER, "weir_spool_records_total",
				     "Records written to the output's queue on disk", labels);
	queue->damaged =
		metrics_add(metrics, WEIR_METRIC_COUNTER, "weir_spool_damaged_bytes_total",
			    "Bytes of the output's queue on disk that were damaged", labels);
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
	queue->config.plugin = &queue_plugin;
	queue->input.pipeline = output->pipeline;
	queue->input.config = &queue->config;
	queue->input.plugin = &queue_plugin;
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
	uint32_t queues = 0;
	int status;

	for (uint32_t i = 0; i < pipeline->output_count; i++)
		queues += pipeline->outputs[i]->queue != NULL;
	queue->share = disk_queue_share(pipeline->config, pipeline->memory->budget.hard) / queues;
	status = pthread_create(&queue->writer, NULL, queue_thread, queue);
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
	queue_take(queue);
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
	if (queue && queue->source)
		queue->source->astray = is_astray;
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
	idle = !queue->waiting && !queue->group && !atomic_load(&queue->busy);
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

/* A pipeline that is retired, and no more than what records of its stand on, keeps the source. */
static void queue_leave_source(struct disk_queue *queue)
{
	struct pipeline *pipeline = queue->output->pipeline;
	struct source *source = queue->source;

	if (!atomic_load(&pipeline->retired)) {
		source_unref(&source->view);
		return;
	}
	pthread_mutex_lock(&pipeline->lock);
	source->next = pipeline->sources;
	if (source->next)
		source->next->prev = source;
	pipeline->sources = source;
	pthread_mutex_unlock(&pipeline->lock);
}

void disk_queue_destroy(struct disk_queue *queue)
{
	struct weir_metric *own[4];

	if (!queue)
		return;
	disk_queue_stop(queue);
	disk_queue_close(queue);
	own[0] = queue->bytes;
	own[1] = queue->limit;
	own[2] = queue->written;
	own[3] = queue->damaged;
	for (uint32_t i = 0; i < 4; i++)
		metrics_remove(queue->output->pipeline->host->metrics, own[i]);
	if (queue->source)
		queue_leave_source(queue);
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

/* ---- queues that nobody reads ------------------------------------------------------------------- */

static int has_output(const struct config *config, const char *pipeline, const char *output)
{
	for (size_t p = 0; p < config->pipeline_count; p++) {
		const struct config_pipeline *found = &config->pipelines[p];

		if (strcmp(found->id, pipeline) != 0)
			continue;
		if (found->broken)
			return 1;
		for (size_t i = 0; i < found->output_count; i++)
			if (found->outputs[i].buffer_bytes &&
			    strcmp(found->outputs[i].name, output) == 0)
				return 1;
	}
	return 0;
}

static int has_segments(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int found = 0;

	while (folder && !found && (entry = readdir(folder)))
		found = strstr(entry->d_name, ".seg") != NULL;
	if (folder)
		closedir(folder);
	return found;
}

static void report_orphans_of(const struct config *config, const char *path, const char *pipeline)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		char below[PATH_MAX];

		if (entry->d_name[0] == '.' || has_output(config, pipeline, entry->d_name) ||
		    snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) >=
			    (int)sizeof(below) ||
		    !has_segments(below))
			continue;
		log_line(WEIR_LOG_WARNING, "spool", "spool_orphan",
			 "%s holds records of the output %s of pipeline %s, which has no `buffer` "
			 "now: give it one to have them delivered, or remove the folder",
			 below, entry->d_name, pipeline);
	}
	if (folder)
		closedir(folder);
}

void disk_queue_report_orphans(const struct config *config)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/spool", config->state_dir);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		char below[PATH_MAX];

		if (entry->d_name[0] != '.' && snprintf(below, sizeof(below), "%s/%s", path,
							entry->d_name) < (int)sizeof(below))
			report_orphans_of(config, below, entry->d_name);
	}
	if (folder)
		closedir(folder);
}
