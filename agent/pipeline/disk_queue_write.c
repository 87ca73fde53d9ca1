// SPDX-License-Identifier: MIT
#include "pipeline/disk_queue_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define SAVE_NS (STATE_COMMIT_MS * NS_PER_MS)
#define FLUSH_NS NS_PER_SECOND
#define RETRY_NS NS_PER_SECOND
#define HANDOVER_NS (100 * NS_PER_MS)
#define NEVER UINT64_MAX

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
	/* After a sync that failed the delivery begins anew, but for this one. */
	delivery->selected[record >> 6] &= ~(UINT64_C(1) << (record & 63));
	delivery->view.count--;
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
	struct spool *spool = NULL;
	char path[PATH_MAX];
	int reset = 0;
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
void disk_queue_take(struct disk_queue *queue)
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

void *disk_queue_thread(void *user)
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
		disk_queue_take(queue);
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
