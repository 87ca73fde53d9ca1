// SPDX-License-Identifier: MIT
#include "isolate/filter.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "isolate/filter_internal.h"

/* Processes that a batch, a record or what is held may be the end of before it is taken for the cause. */
#define ATTEMPTS 3
/* Pages of the areas that stay for the next batch. */
#define AREA_KEEP (UINT64_C(8) << 20)
#define REASON "plugin_crash"
/* A process that ended by itself is at its end; one that hangs is not waited for. */
#define ENDED_NS ((uint64_t)NS_PER_SECOND)

/* A run of a batch's records. */
struct segment {
	uint32_t first, end;
	int is_part; /* of a batch that was cut */
};

/* ---- a call ---------------------------------------------------------------------------------- */

static void wait_ns(uint64_t ns)
{
	const struct timespec wait = {(time_t)(ns / NS_PER_SECOND), (long)(ns % NS_PER_SECOND)};

	if (ns)
		(void)nanosleep(&wait, NULL);
}

/* Ends what is left of the process. Its records wait for the next one. */
static void filter_lost(struct isolated_filter *filter, const char *how, uint64_t patience_ns)
{
	struct weir_context *stage = filter->link.stage;
	struct batch *held = NULL;
	char doing[160];
	uint64_t wait;

	snprintf(doing, sizeof(doing), "%s %s", how, filter->doing);
	filter->merge.aside = NULL;
	link_lost(&filter->link, doing, patience_ns, &wait);
	scheduler_progress(); /* each attempt has its own time */
	for (uint32_t i = 0; i < STAGE_TIMERS; i++)
		(void)stage_timer_set(stage, i, WEIR_TIMER_OFF);
	/* With some that are on their way to the next process already, none is held yet. */
	if (!filter->again) {
		if (kept_to_batch(&filter->kept, stage->pipeline, &held) < 0)
			pipeline_fail(stage->pipeline, "no memory for held records");
		filter->again = held;
		filter->again_losses = 0;
	}
	wait_ns(wait);
}

/* The answer of the process; LINK_LOST when it is gone. */
static int filter_answer(struct isolated_filter *filter, int sent, struct answer *answer)
{
	int got = sent < 0 ? LINK_LOST
			   : link_answer(&filter->link, link_limit_ns(&filter->link), NULL, NULL,
					 answer);

	if (got == LINK_ANSWERED)
		return got;
	filter_lost(filter,
		    got == LINK_LATE    ? "when it did not come back from"
		    : got == LINK_LARGE ? "when its memory had grown past its bound in"
					: "in",
		    got == LINK_LOST ? ENDED_NS : 0);
	return LINK_LOST;
}

/* Takes in what was answered. Returns the plugin's status in *ret_status. */
static int filter_take(struct isolated_filter *filter, struct batch *batch, struct answer *answer,
		       int *ret_status, struct weir_error *error)
{
	struct weir_error fault = {0};
	int status = filter_take_result(filter, batch, answer, &fault);

	*ret_status = answer->error.code;
	*error = answer->error;
	answer_free(answer);
	if (status == 0)
		return LINK_ANSWERED;
	log_line(WEIR_LOG_ERROR, filter->link.stage->origin, "plugin_nonsense",
		 "what this plugin made of a batch can't be used (%s); its process is ended",
		 fault.text);
	filter_lost(filter, "after", 0);
	return LINK_LOST;
}

static int call_plugin(struct isolated_filter *filter, uint64_t what, uint64_t argument,
		       int *ret_status, struct weir_error *error)
{
	struct message message = {.kind = MESSAGE_CALL, .what = what, .a = argument};
	struct answer answer;

	filter->doing = what == CALL_START   ? "start()"
			: what == CALL_STOP  ? "stop()"
			: what == CALL_TIMER ? "timer()"
					     : "flush()";
	if (filter_answer(filter, link_send(&filter->link, &message, -1), &answer) == LINK_LOST)
		return LINK_LOST;
	return filter_take(filter, NULL, &answer, ret_status, error);
}

static int call_process(struct isolated_filter *filter, struct batch *batch, int *ret_status,
			struct weir_error *error)
{
	struct batch_area *text = &filter->link.text.area, *rows = &filter->link.rows.area;
	struct message message = {.kind = MESSAGE_CALL, .what = CALL_PROCESS};
	struct weir_record *records = (struct weir_record *)(void *)rows->data;
	const uint64_t *aside = filter->merge.aside;
	struct answer answer;
	int sent, got;

	text->used = rows->used = 0;
	if (image_write(&batch->view, text, rows, &filter->scratch, &message.a) < 0) {
		*ret_status = weir_fail(error, WEIR_ERR_MEMORY, "a batch is too large to share");
		return LINK_ANSWERED;
	}
	for (uint32_t i = 0; aside && i < filter->merge.aside_count; i++)
		if (aside[i >> 6] >> (i & 63) & 1)
			records[i].flags |= WEIR_RECORD_DROPPED;
	message.b = rows->used;
	filter->doing = "process()";
	sent = link_send(&filter->link, &message, -1);
	got = filter_answer(filter, sent, &answer);
	if (got == LINK_ANSWERED)
		got = filter_take(filter, batch, &answer, ret_status, error);
	if (text->used > AREA_KEEP)
		shared_trim(&filter->link.text, AREA_KEEP);
	if (rows->used > AREA_KEEP)
		shared_trim(&filter->link.rows, AREA_KEEP);
	return got;
}

/* ---- what was held --------------------------------------------------------------------------- */

/* Who can tell which of them it was: what is held together dies together. */
static void bury_held(struct isolated_filter *filter)
{
	struct weir_context *stage = filter->link.stage;
	struct batch *held = filter->again;

	filter->again = NULL;
	for (uint32_t i = 0; held && i < held->view.record_count; i++)
		pipeline_services.record_dead(
			stage, &held->view, i, REASON,
			weir_slice_of("the plugin's process ended whenever it held this record"));
	if (held)
		(void)pipeline_services.batch_emit(stage, &held->view);
}

/* Gives the process what the one before it held. */
static int hold_again(struct isolated_filter *filter, struct weir_error *error)
{
	struct weir_context *stage = filter->link.stage;
	struct batch *held = filter->again;
	int status = 0;

	if (!held)
		return LINK_ANSWERED;
	if (filter->again_losses >= ATTEMPTS) {
		bury_held(filter);
		return LINK_ANSWERED;
	}
	if (call_process(filter, held, &status, error) == LINK_LOST) {
		filter->again_losses++;
		return LINK_LOST;
	}
	filter->again = NULL;
	if (status < 0) {
		pipeline_fail(stage->pipeline, "filter %s: %s", stage->config->name, error->text);
		hold_group_unref(held->group);
		held->group = NULL;
		batch_unref(held);
		return LINK_ANSWERED;
	}
	(void)pipeline_services.batch_emit(stage, &held->view);
	return LINK_ANSWERED;
}

/* A process whose instance is started, or none. */
static int start_process(struct isolated_filter *filter, struct weir_error *error)
{
	int status = link_up(&filter->link, error);

	if (status < 0 || !filter->is_started)
		return status;
	if (call_plugin(filter, CALL_START, 0, &status, error) == LINK_LOST)
		return weir_fail(error, WEIR_ERR_IO, "its process ends in start()");
	if (status < 0)
		link_down(&filter->link, NULL, NULL);
	return status;
}

/* A process that is up, started, and holds what there is to hold. */
static int filter_up(struct isolated_filter *filter, struct weir_error *error)
{
	uint32_t starts = 0;

	while (!filter->link.process.pid || filter->again) {
		if (pipeline_has_failed(filter->link.stage->pipeline))
			return weir_fail(error, WEIR_ERR_STATE, "its pipeline has failed");
		if (!filter->link.process.pid) {
			int status = start_process(filter, error);

			if (status < 0 && ++starts >= STARTS_MAX)
				return status;
			if (status < 0) {
				wait_ns(NS_PER_MS * 10u << starts);
				continue;
			}
		}
		(void)hold_again(filter, error);
	}
	return 0;
}

/* ---- batches --------------------------------------------------------------------------------- */

/* The records outside of the segment, those that were added to the batch since included, are not seen. */
static int set_aside(struct isolated_filter *filter, uint32_t count, const struct segment *segment)
{
	uint64_t *bits = realloc(filter->aside, (count / 64 + 1) * sizeof(*bits));

	if (!bits)
		return WEIR_ERR_MEMORY;
	filter->aside = bits;
	memset(bits, 0, (count / 64 + 1) * sizeof(*bits));
	for (uint32_t i = 0; i < count; i++)
		if (i < segment->first || i >= segment->end)
			bits[i >> 6] |= UINT64_C(1) << (i & 63);
	filter->merge.aside = bits;
	filter->merge.aside_count = count;
	return 0;
}

static int is_gone(const struct batch *batch, const struct segment *segment)
{
	for (uint32_t i = segment->first; i < segment->end; i++)
		if (!(batch->view.records[i].flags & WEIR_RECORD_GONE))
			return 0;
	return 1;
}

/* The record is the end of every process; with it goes what it was to be held with. */
static void bury(struct isolated_filter *filter, struct batch *batch, uint32_t record)
{
	pipeline_services.record_dead(
		filter->link.stage, &batch->view, record, REASON,
		weir_slice_of("the plugin's process ended whenever it was given this record"));
	bury_held(filter);
}

static int give_segment(struct isolated_filter *filter, struct batch *batch,
			const struct segment *segment, int *ret_status, struct weir_error *error)
{
	int got;

	*ret_status = filter_up(filter, error);
	if (*ret_status == 0 && segment->is_part)
		*ret_status = set_aside(filter, batch->view.record_count, segment);
	if (*ret_status < 0)
		return LINK_ANSWERED;
	got = call_process(filter, batch, ret_status, error);
	filter->merge.aside = NULL;
	if (got == LINK_ANSWERED)
		filter->link.losses = 0;
	return got;
}

/* A segment that no process survives goes in halves, each by itself. */
static int process_segment(struct isolated_filter *filter, struct batch *batch,
			   struct segment segment, struct weir_error *error)
{
	uint32_t count = segment.end - segment.first, middle = segment.first + count / 2;
	uint32_t attempts = !segment.is_part || count == 1 ? ATTEMPTS : 1;
	int status = 0;

	if (is_gone(batch, &segment))
		return 0;
	for (uint32_t i = 0; i < attempts; i++)
		if (give_segment(filter, batch, &segment, &status, error) == LINK_ANSWERED)
			return status;
	if (pipeline_has_failed(filter->link.stage->pipeline))
		return weir_fail(error, WEIR_ERR_STATE, "its pipeline has failed");
	if (count == 1) {
		bury(filter, batch, segment.first);
		return 0;
	}
	status = process_segment(filter, batch, (struct segment){segment.first, middle, 1}, error);
	if (status < 0)
		return status;
	return process_segment(filter, batch, (struct segment){middle, segment.end, 1}, error);
}

/* ---- the calls of the pipeline --------------------------------------------------------------- */

static int32_t isolated_process(void *instance, struct weir_batch *view, struct weir_error *error)
{
	struct isolated_filter *filter = instance;
	int status;

	pthread_mutex_lock(&filter->lock);
	status = process_segment(filter, batch_of(view), (struct segment){0, view->record_count, 0},
				 error);
	if (link_is_too_large(&filter->link)) {
		filter->doing = "its memory had grown past its bound";
		filter_lost(filter, "when", 0);
	}
	pthread_mutex_unlock(&filter->lock);
	return status;
}

/* Has the records that a lost process held in the next one at once: they may wait for nothing else than a
 * timer. */
static void filter_recover(struct isolated_filter *filter)
{
	struct weir_context *stage = filter->link.stage;
	struct weir_error error = {0};

	if (filter_up(filter, &error) < 0)
		pipeline_fail(stage->pipeline, "filter %s: %s", stage->config->name, error.text);
}

static void isolated_timer(void *instance, uint32_t id)
{
	struct isolated_filter *filter = instance;
	struct weir_error error = {0};
	int status;

	pthread_mutex_lock(&filter->lock);
	if (!filter->is_started || !filter->link.process.pid || filter->again) {
		/* Set by a process that is no more. */
	} else if (call_plugin(filter, CALL_TIMER, id, &status, &error) == LINK_ANSWERED) {
		filter->timer_losses = filter->link.losses = 0;
	} else {
		if (++filter->timer_losses >= ATTEMPTS) {
			bury_held(filter);
			filter->timer_losses = 0;
		}
		filter_recover(filter);
	}
	pthread_mutex_unlock(&filter->lock);
}

static void isolated_flush(void *instance, uint32_t why)
{
	struct isolated_filter *filter = instance;
	struct weir_error error = {0};
	int got = LINK_LOST, status;

	pthread_mutex_lock(&filter->lock);
	for (uint32_t i = 0; got == LINK_LOST && i < ATTEMPTS; i++) {
		filter_recover(filter);
		if (!filter->link.process.pid)
			break; /* the pipeline has failed */
		got = call_plugin(filter, CALL_FLUSH, why, &status, &error);
	}
	if (got == LINK_ANSWERED)
		filter->link.losses = 0;
	else if (!pipeline_has_failed(filter->link.stage->pipeline))
		bury_held(filter);
	pthread_mutex_unlock(&filter->lock);
}

static int32_t isolated_start(void *instance, struct weir_error *error)
{
	struct isolated_filter *filter = instance;
	int status = 0;

	pthread_mutex_lock(&filter->lock);
	if (call_plugin(filter, CALL_START, 0, &status, error) == LINK_LOST) {
		filter->is_started = 1;
		status = filter_up(filter, error);
	}
	filter->is_started = 1;
	pthread_mutex_unlock(&filter->lock);
	return status;
}

static void isolated_stop(void *instance)
{
	struct isolated_filter *filter = instance;
	struct weir_error error = {0};
	int status;

	pthread_mutex_lock(&filter->lock);
	if (filter->link.process.pid)
		(void)call_plugin(filter, CALL_STOP, 0, &status, &error);
	filter->is_started = 0;
	pthread_mutex_unlock(&filter->lock);
}

static void isolated_destroy(void *instance)
{
	struct isolated_filter *filter = instance;

	if (!filter)
		return;
	link_down(&filter->link, NULL, NULL);
	kept_done(&filter->kept);
	if (filter->again) {
		hold_group_unref(filter->again->group);
		filter->again->group = NULL;
		batch_unref(filter->again);
	}
	link_done(&filter->link);
	for (uint32_t i = 0; i < REASONS_MAX; i++)
		free(filter->reasons[i]);
	free(filter->merge.rows.records);
	free(filter->merge.rows.values);
	free(filter->aside);
	buffer_done(&filter->scratch);
	pthread_mutex_destroy(&filter->lock);
	free(filter);
}

static int32_t isolated_create(const struct weir_services *host, struct weir_context *context,
			       const struct weir_node *options, void **ret_instance,
			       struct weir_error *error)
{
	struct isolated_filter *filter = calloc(1, sizeof(*filter));
	int status;

	(void)options;
	if (!filter)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for an isolated plugin");
	pthread_mutex_init(&filter->lock, NULL);
	filter->doing = "create()";
	filter->kept.budget = &context->pipeline->memory->budget;
	status = link_init(&filter->link, context, error);
	if (status == 0)
		status = link_up(&filter->link, error);
	if (status < 0) {
		isolated_destroy(filter);
		return status;
	}
	if (filter->link.is_stateful)
		host->stateful(context);
	*ret_instance = filter;
	return 0;
}

const struct link *isolated_filter_link(const void *instance)
{
	return &((const struct isolated_filter *)instance)->link;
}

const struct weir_filter_ops isolated_filter_ops = {
	.struct_size = sizeof(isolated_filter_ops),
	.create = isolated_create,
	.start = isolated_start,
	.stop = isolated_stop,
	.destroy = isolated_destroy,
	.process = isolated_process,
	.timer = isolated_timer,
	.flush = isolated_flush,
};
