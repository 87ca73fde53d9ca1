// SPDX-License-Identifier: MIT
#include "isolate/output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "isolate/parts.h"

/* Processes that a record may be the end of before it is taken for the cause. */
#define ATTEMPTS 3
/* Messages that the process has not answered yet: a socket holds a few hundred. */
#define WINDOW 64
#define REASON "plugin_crash"
#define TEXT "the plugin's process ended whenever it was given this record"
#define ENDED_NS ((uint64_t)NS_PER_SECOND)

struct isolated_output {
	struct link link;
	pthread_t thread;
	int has_thread;
	int wake;              /* eventfd */
	struct buffer scratch; /* under the lock */
	struct slots slots;    /* the same */
	uint32_t *records;     /* the thread's: room for a list */
	uint32_t record_capacity;

	pthread_mutex_t lock; /* guards what follows, and sending */
	struct parts_list deliveries;
	uint64_t numbers; /* given */
	int is_up;        /* the process takes messages */
	int is_stopping;
	int is_careful;      /* one delivery at a time */
	uint32_t unanswered; /* messages */
	uint64_t
		answered_ns; /* when the last answer came, or the first message without one was sent */
	uint32_t flush_wanted; /* WEIR_FLUSH_*, or 0 */
	int flush_is_out;
};

static struct budget *budget_of(const struct isolated_output *output)
{
	return &output->link.stage->pipeline->memory->budget;
}

static void wake_thread(const struct isolated_output *output)
{
	const uint64_t one = 1;

	(void)!write(output->wake, &one, sizeof(one));
}

/* The thread is awake. */
static void take_wake(const struct isolated_output *output)
{
	uint64_t count;

	(void)!read(output->wake, &count, sizeof(count));
}

/* ---- to the process; under the lock ---------------------------------------------------------- */

static int send_message(struct isolated_output *output, struct message *message, int fd)
{
	if (link_send(&output->link, message, fd) < 0)
		return -1; /* the thread will hear of it, if it is the end */
	if (output->unanswered++ == 0) {
		output->answered_ns = clock_monotonic_ns();
		wake_thread(output); /* it minds the time from now on */
	}
	return 0;
}

static void send_flush(struct isolated_output *output)
{
	struct message message = {
		.kind = MESSAGE_CALL, .what = CALL_FLUSH, .a = output->flush_wanted};

	if (!output->flush_wanted || output->flush_is_out || output->unanswered >= WINDOW)
		return;
	if (send_message(output, &message, -1) < 0)
		return;
	output->flush_is_out = 1;
	output->flush_wanted = 0;
}

static int send_parts(struct isolated_output *output, struct parts *parts)
{
	struct message message = {.kind = MESSAGE_WRITE, .what = parts->number};
	struct weir_error error = {0};
	struct slot *slot;

	if (parts_prepare(parts, &output->slots, budget_of(output), &output->scratch, &error) < 0) {
		pipeline_fail(output->link.stage->pipeline, "%s", error.text);
		return -1;
	}
	message.a = parts->head;
	slot = parts->slot;
	message.b = slot->shared.area.size;
	message.c = parts->selection;
	message.slot = slot->number;
	if (send_message(output, &message, slot->is_known ? -1 : slot->shared.fd) == 0) {
		slot->is_known = 1;
		return 0;
	}
	parts_return(parts);
	return -1;
}

/* What the process can take. */
static void send_more(struct isolated_output *output)
{
	if (!output->is_up)
		return;
	for (struct parts *parts = output->deliveries.first; parts && output->unanswered < WINDOW;
	     parts = parts->next) {
		if (parts->out == 0 && send_parts(output, parts) < 0)
			break;
		if (output->is_careful) {
			if (!output->flush_wanted)
				output->flush_wanted =
					WEIR_FLUSH_MEMORY; /* nothing keeps it company */
			break;
		}
	}
	send_flush(output);
}

/* ---- outcomes; on the thread ----------------------------------------------------------------- */

/* Room for the numbers of all records of a delivery. */
static int records_room(struct isolated_output *output, const struct parts *parts)
{
	uint32_t need = parts->words * 64;
	uint32_t *grown;

	if (need <= output->record_capacity)
		return 0;
	grown = realloc(output->records, need * sizeof(*grown));
	if (!grown)
		return WEIR_ERR_MEMORY;
	output->records = grown;
	output->record_capacity = need;
	return 0;
}

/* Those that were taken have this outcome. Under the lock, which is given up meanwhile. */
static void pass_outcome(struct isolated_output *output, struct parts *parts, uint32_t taken,
			 uint32_t outcome, const char *reason, struct weir_slice text)
{
	struct weir_delivery *delivery = parts->delivery;
	int is_last = parts->left == 0;
	int whole = is_last && taken == delivery->view.count;

	if (is_last) {
		parts_unlink(&output->deliveries, parts);
		parts_free(parts, &output->slots, budget_of(output));
	} else if (parts->out == 0) {
		parts->most = parts->most < UINT32_MAX / 2 ? parts->most * 2 : parts->most;
	}
	if (output->is_careful && !parts_have_losses(&output->deliveries))
		output->is_careful = 0;
	pthread_mutex_unlock(&output->lock);
	delivery_outcome(delivery, whole ? NULL : output->records, taken, outcome, reason, text);
	pthread_mutex_lock(&output->lock);
}

/* The records of the entry, in the thread's list; how many. Under the lock. */
static uint32_t take_records(struct isolated_output *output, struct parts *parts,
			     const struct did *entry)
{
	const struct weir_slice *list = &entry->texts[2];
	uint32_t *given = malloc(list->size + 1);
	uint32_t taken;

	if (!given || records_room(output, parts) < 0) {
		free(given);
		pipeline_fail(output->link.stage->pipeline, "no memory to note outcomes");
		return 0;
	}
	if (list->size)
		memcpy(given, list->data, list->size);
	taken = parts_take(parts, given, list->size / sizeof(*given), output->records);
	free(given);
	return taken;
}

static void did_outcome(struct isolated_output *output, const struct did *entry)
{
	struct parts *parts;
	char reason[64];
	uint32_t taken;

	snprintf(reason, sizeof(reason), "%.*s", (int)entry->texts[0].size, entry->texts[0].data);
	pthread_mutex_lock(&output->lock);
	parts = parts_find(&output->deliveries, entry->numbers[0]);
	taken = parts ? take_records(output, parts, entry) : 0;
	if (taken) {
		output->link.losses = 0;
		pass_outcome(output, parts, taken, (uint32_t)entry->numbers[1], reason,
			     entry->texts[1]);
	}
	send_more(output);
	pthread_mutex_unlock(&output->lock);
}

static void on_entry(void *user, const struct did *entry)
{
	struct isolated_output *output = user;

	if (entry->code != DID_OUTCOME)
		return;
	if (entry->numbers[1] < WEIR_OUTCOME_DELIVERED || entry->numbers[1] > WEIR_OUTCOME_DROPPED)
		(void)link_nonsense(&output->link, "gives records an outcome that is none");
	else
		did_outcome(output, entry);
}

/* ---- when a process is lost; on the thread --------------------------------------------------- */

/* The one delivery that was with it gets smaller parts, until a single record is known to be the cause. */
static void suspect(struct isolated_output *output, struct parts *parts, uint32_t was_out)
{
	if (was_out > 1) {
		parts->most = was_out / 2;
		parts->losses = 1;
		return;
	}
	if (parts->losses <= ATTEMPTS || records_room(output, parts) < 0)
		return;
	parts->most = 1;
	if (parts_prepare(parts, &output->slots, budget_of(output), &output->scratch,
			  &(struct weir_error){0}) < 0)
		return;
	pass_outcome(output, parts, parts_take(parts, NULL, 0, output->records), WEIR_OUTCOME_DEAD,
		     REASON, weir_slice_of(TEXT));
}

/* Under the lock. Returns the records that are sent again. */
static uint64_t take_back(struct isolated_output *output)
{
	struct parts *parts = output->deliveries.first, *alone = NULL;
	uint64_t records = 0;
	uint32_t was_out = 0, count = 0;

	for (; parts; parts = parts->next) {
		uint32_t out = parts_return(parts);

		if (!out)
			continue;
		parts->losses++;
		records += out;
		alone = count++ ? NULL : parts;
		was_out = out;
	}
	slots_forget(&output->slots);
	output->unanswered = 0;
	output->flush_is_out = 0;
	if (output->link.losses >= ATTEMPTS)
		output->is_careful = 1;
	if (alone && output->is_careful)
		suspect(output, alone, was_out);
	return records;
}

static int is_stopping(struct isolated_output *output)
{
	int stopping;

	pthread_mutex_lock(&output->lock);
	stopping = output->is_stopping;
	pthread_mutex_unlock(&output->lock);
	return stopping;
}

/* Ends early when the output is to stop. */
static void wait_ns(struct isolated_output *output, uint64_t ns)
{
	struct pollfd wake = {output->wake, POLLIN, 0};
	uint64_t now = clock_monotonic_ns(), until = now + ns;

	for (; now < until && !is_stopping(output); now = clock_monotonic_ns()) {
		(void)poll(&wake, 1, (int)((until - now) / NS_PER_MS) + 1);
		take_wake(output);
	}
}

static void output_lost(struct isolated_output *output, const char *doing, uint64_t patience_ns)
{
	struct weir_context *stage = output->link.stage;
	uint64_t records, wait;

	pthread_mutex_lock(&output->lock);
	output->is_up = 0;
	pthread_mutex_unlock(&output->lock);
	link_lost(&output->link, doing, patience_ns, &wait);
	metric_set(stage->http_in_flight, 0);
	stage_full(stage, 0);
	pthread_mutex_lock(&output->lock);
	records = take_back(output);
	pthread_mutex_unlock(&output->lock);
	metric_add(stage->repeated, (int64_t)records);
	wait_ns(output, wait);
}

static int start_plugin(struct isolated_output *output, struct weir_error *error)
{
	struct answer answer;
	struct did entry;

	if (link_call_plugin(&output->link, CALL_START, 0, &answer) != LINK_ANSWERED) {
		uint64_t wait;

		link_lost(&output->link, "in start()", ENDED_NS, &wait);
		return weir_fail(error, WEIR_ERR_IO, "its process ended in start()");
	}
	while (did_next(&answer.list, &entry))
		(void)link_does(&output->link, &entry);
	*error = answer.error;
	answer_free(&answer);
	if (error->code < 0)
		link_down(&output->link, NULL, NULL);
	return error->code;
}

static int is_over(struct isolated_output *output)
{
	return is_stopping(output) || pipeline_has_failed(output->link.stage->pipeline);
}

/* Another process, with all that has no outcome. */
static void output_up(struct isolated_output *output)
{
	struct weir_context *stage = output->link.stage;
	struct weir_error error = {0};
	int status = 0;

	for (uint32_t starts = 0; starts < STARTS_MAX && !is_over(output); starts++) {
		wait_ns(output, starts ? NS_PER_MS * 10u << starts : 0);
		status = link_up(&output->link, &error);
		if (status == 0)
			status = start_plugin(output, &error);
		if (status == 0)
			break;
	}
	if (status < 0 && !is_stopping(output))
		pipeline_fail(stage->pipeline, "output %s: %s", stage->config->name, error.text);
	pthread_mutex_lock(&output->lock);
	output->is_up = status == 0 && output->link.process.pid;
	send_more(output);
	pthread_mutex_unlock(&output->lock);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void on_answer(struct isolated_output *output, const struct message *message)
{
	pthread_mutex_lock(&output->lock);
	output->unanswered -= output->unanswered > 0;
	output->answered_ns = clock_monotonic_ns();
	if (message->what == CALL_FLUSH)
		output->flush_is_out = 0;
	send_more(output);
	pthread_mutex_unlock(&output->lock);
}

/* How long the process may go on without an answer; 0 = its time is over. */
static int patience_ms(struct isolated_output *output)
{
	uint64_t limit = link_limit_ns(&output->link), waited;
	int ms = -1;

	pthread_mutex_lock(&output->lock);
	if (output->unanswered) {
		waited = clock_monotonic_ns() - output->answered_ns;
		ms = waited >= limit ? 0 : (int)((limit - waited) / NS_PER_MS) + 1;
	}
	pthread_mutex_unlock(&output->lock);
	return ms;
}

static void output_step(struct isolated_output *output)
{
	int ms = patience_ms(output);
	struct message message;
	int got = ms == 0 ? LINK_LATE
			  : link_step(&output->link, output->wake, ms, on_entry, output, &message);

	take_wake(output);
	if (got == LINK_LOST) {
		output_lost(output, "at work", ENDED_NS);
		output_up(output);
	} else if (got == LINK_LATE && patience_ms(output) == 0) {
		output_lost(output, "when it did not come back from a call", 0);
		output_up(output);
	} else if (got == LINK_ANSWERED && message.kind == MESSAGE_ANSWER) {
		on_answer(output, &message);
		if (link_is_too_large(&output->link)) {
			output_lost(output, "when its memory had grown past its bound", 0);
			output_up(output);
		}
	}
}

/* The process could not be started any more: the pipeline has failed, and is stopped some time. */
static void wait_stop(struct isolated_output *output)
{
	struct pollfd wake = {output->wake, POLLIN, 0};

	(void)poll(&wake, 1, -1);
	take_wake(output);
}

/* LINK_LATE when it does not come back. */
static int stop_plugin(struct isolated_output *output)
{
	struct message message = {.kind = MESSAGE_CALL, .what = CALL_STOP};
	uint64_t until = clock_monotonic_ns() + link_limit_ns(&output->link);
	struct message got = {.kind = 0};

	if (!output->link.process.pid || link_send(&output->link, &message, -1) < 0)
		return LINK_LOST;
	while (!(got.kind == MESSAGE_ANSWER && got.what == CALL_STOP)) {
		if (link_step(&output->link, -1, 50, on_entry, output, &got) == LINK_LOST)
			return LINK_LOST;
		if (clock_monotonic_ns() >= until)
			return LINK_LATE;
	}
	return LINK_ANSWERED;
}

static void *output_main(void *user)
{
	struct isolated_output *output = user;

	while (!is_stopping(output)) {
		if (output->link.process.pid)
			output_step(output);
		else
			wait_stop(output);
	}
	pthread_mutex_lock(&output->lock);
	output->is_up = 0;
	pthread_mutex_unlock(&output->lock);
	if (stop_plugin(output) == LINK_LATE)
		link_end(&output->link, 0);
	link_down(&output->link, on_entry, output);
	return NULL;
}

/* ---- the calls of the pipeline --------------------------------------------------------------- */

static void isolated_write(void *instance, const struct weir_delivery_view *view)
{
	struct isolated_output *output = instance;
	struct parts *parts = parts_create(view, 0);

	if (!parts) {
		pipeline_fail(output->link.stage->pipeline, "no memory for a delivery");
		return;
	}
	pthread_mutex_lock(&output->lock);
	parts->number = ++output->numbers;
	parts_append(&output->deliveries, parts);
	if (output->is_up && !output->is_careful && output->unanswered < WINDOW)
		(void)send_parts(output, parts);
	else
		send_more(output);
	pthread_mutex_unlock(&output->lock);
}

static void isolated_flush(void *instance, uint32_t why)
{
	struct isolated_output *output = instance;

	pthread_mutex_lock(&output->lock);
	if (why > output->flush_wanted)
		output->flush_wanted = why;
	if (output->is_up)
		send_flush(output);
	pthread_mutex_unlock(&output->lock);
}

static int32_t isolated_start(void *instance, struct weir_error *error)
{
	struct isolated_output *output = instance;
	int status = start_plugin(output, error);

	if (status < 0)
		return status;
	output->is_up = 1;
	output->has_thread = pthread_create(&output->thread, NULL, output_main, output) == 0;
	if (!output->has_thread)
		return weir_fail(error, WEIR_ERR_IO, "can't start a thread");
	pthread_setname_np(output->thread, "weir-isolated");
	return 0;
}

static void isolated_stop(void *instance)
{
	struct isolated_output *output = instance;

	if (!output->has_thread)
		return;
	pthread_mutex_lock(&output->lock);
	output->is_stopping = 1;
	pthread_mutex_unlock(&output->lock);
	wake_thread(output);
	pthread_join(output->thread, NULL);
	output->has_thread = 0;
}

static void isolated_destroy(void *instance)
{
	struct isolated_output *output = instance;

	if (!output)
		return;
	link_down(&output->link, NULL, NULL);
	while (output->deliveries.first) {
		struct parts *parts = output->deliveries.first;

		parts_unlink(&output->deliveries, parts);
		parts_free(parts, &output->slots, budget_of(output));
	}
	slots_done(&output->slots);
	link_done(&output->link);
	if (output->wake >= 0)
		close(output->wake);
	buffer_done(&output->scratch);
	free(output->records);
	pthread_mutex_destroy(&output->lock);
	free(output);
}

static int32_t isolated_create(const struct weir_services *host, struct weir_context *context,
			       const struct weir_node *options, void **ret_instance,
			       struct weir_error *error)
{
	struct isolated_output *output = calloc(1, sizeof(*output));
	int status;

	(void)host;
	(void)options;
	if (!output)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for an isolated plugin");
	pthread_mutex_init(&output->lock, NULL);
	output->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	status = output->wake < 0 ? weir_fail(error, WEIR_ERR_IO, "no eventfd: %s", strerror(errno))
				  : link_init(&output->link, context, error);
	if (status == 0)
		status = link_up(&output->link, error);
	if (status < 0) {
		isolated_destroy(output);
		return status;
	}
	*ret_instance = output;
	return 0;
}

const struct link *isolated_output_link(const void *instance)
{
	return &((const struct isolated_output *)instance)->link;
}

const struct weir_output_ops isolated_output_ops = {
	.struct_size = sizeof(isolated_output_ops),
	.create = isolated_create,
	.start = isolated_start,
	.stop = isolated_stop,
	.destroy = isolated_destroy,
	.write = isolated_write,
	.flush = isolated_flush,
};
