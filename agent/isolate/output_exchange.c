// SPDX-License-Identifier: MIT
/* What passes between an isolated output and its process: deliveries and calls out, outcomes back. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secrets.h"
#include "isolate/output_internal.h"

/* Processes that a record may be the end of before it is taken for the cause. */
#define ATTEMPTS 3
/* Messages that the process has not answered yet: a socket holds a few hundred. */
#define WINDOW 64
#define REASON "plugin_crash"
#define TEXT "the plugin's process ended whenever it was given this record"

struct budget *output_budget(const struct isolated_output *output)
{
	return &output->link.stage->pipeline->memory->budget;
}

void output_wake(const struct isolated_output *output)
{
	const uint64_t one = 1;

	(void)!write(output->wake, &one, sizeof(one));
}

/* ---- to the process; under the lock ---------------------------------------------------------- */

static int send_message(struct isolated_output *output, struct message *message, int fd)
{
	if (link_send(&output->link, message, fd) < 0)
		return -1; /* the thread will hear of it, if it is the end */
	if (output->unanswered++ == 0) {
		output->answered_ns = clock_monotonic_ns();
		output_wake(output); /* it minds the time from now on */
	}
	return 0;
}

void output_send_flush(struct isolated_output *output)
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

	if (parts_prepare(parts, &output->slots, output_budget(output), &output->scratch, &error) <
	    0) {
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

void output_send_more(struct isolated_output *output)
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
	output_send_flush(output);
}

int output_last_words(struct isolated_output *output)
{
	/* Whoever waits may ask again and again. */
	if (output->last_words != LAST_UNASKED || output->is_gone)
		return 0;
	output->last_words = LAST_PENDING;
	atomic_store(&output->link.stage->last_words, 1);
	return 1;
}

void output_is_silent(struct isolated_output *output)
{
	if (output->last_words == LAST_PENDING)
		output->last_words = LAST_SAID;
	atomic_store(&output->link.stage->last_words, 0);
}

void output_add(struct isolated_output *output, struct parts *take_parts)
{
	if (output->last_words == LAST_SAID)
		output->last_words = LAST_UNASKED;
	parts_append(&output->deliveries, take_parts);
	if (output->is_up && !output->is_careful && output->unanswered < WINDOW)
		(void)send_parts(output, take_parts);
	else
		output_send_more(output);
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
		parts_free(parts, &output->slots, output_budget(output));
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

	/* It knows its own secrets only. The list is the link's to write to. */
	secrets_mask((char *)(uintptr_t)entry->texts[1].data, entry->texts[1].size);
	snprintf(reason, sizeof(reason), "%.*s", (int)entry->texts[0].size, entry->texts[0].data);
	pthread_mutex_lock(&output->lock);
	parts = parts_find(&output->deliveries, entry->numbers[0]);
	taken = parts ? take_records(output, parts, entry) : 0;
	if (taken) {
		output->link.losses = 0;
		pass_outcome(output, parts, taken, (uint32_t)entry->numbers[1], reason,
			     entry->texts[1]);
	}
	output_send_more(output);
	pthread_mutex_unlock(&output->lock);
}

static void did_fall_silent(struct isolated_output *output)
{
	pthread_mutex_lock(&output->lock);
	output_is_silent(output);
	pthread_mutex_unlock(&output->lock);
}

void output_on_entry(void *user, const struct did *entry)
{
	struct isolated_output *output = user;

	if (entry->code == DID_SILENT)
		did_fall_silent(output);
	else if (entry->code != DID_OUTCOME)
		return;
	else if (entry->numbers[1] < WEIR_OUTCOME_DELIVERED ||
		 entry->numbers[1] > WEIR_OUTCOME_DROPPED)
		(void)link_nonsense(&output->link, "gives records an outcome that is none");
	else
		did_outcome(output, entry);
}

void output_on_answer(struct isolated_output *output, const struct message *message)
{
	pthread_mutex_lock(&output->lock);
	output->unanswered -= output->unanswered > 0;
	output->answered_ns = clock_monotonic_ns();
	if (message->what == CALL_FLUSH)
		output->flush_is_out = 0;
	output_send_more(output);
	pthread_mutex_unlock(&output->lock);
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
	if (parts_prepare(parts, &output->slots, output_budget(output), &output->scratch,
			  &(struct weir_error){0}) < 0)
		return;
	pass_outcome(output, parts, parts_take(parts, NULL, 0, output->records), WEIR_OUTCOME_DEAD,
		     REASON, weir_slice_of(TEXT));
}

uint64_t output_take_back(struct isolated_output *output)
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
	/* The next process knows of nothing that this one had yet to say. */
	if (output->flush_wanted != WEIR_FLUSH_LAST)
		output_is_silent(output);
	if (output->link.losses >= ATTEMPTS)
		output->is_careful = 1;
	if (alone && output->is_careful)
		suspect(output, alone, was_out);
	return records;
}
