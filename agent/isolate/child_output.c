// SPDX-License-Identifier: MIT
/* An output in its process: deliveries as the pipeline makes them, but outcomes go to the agent. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "isolate/child.h"

/* Records of one outcome that fit a message. */
#define OUTCOME_RECORDS 8192u
#define MEASURE_NS (200 * (uint64_t)NS_PER_MS)
#define SILENCE_NS (10 * (uint64_t)NS_PER_MS) /* as often as the agent looks for it */
#define TEXT_MAX 4096                         /* of an outcome; more is no sentence */

/* ---- metrics --------------------------------------------------------------------------------- */

static void measure_due(void *user)
{
	struct child *child = user;
	uint32_t count;

	atomic_store(&child->measure_is_due, 0);
	pthread_mutex_lock(&child->lock);
	count = child_measure(child);
	pthread_mutex_unlock(&child->lock);
	if (count)
		child_output_stir(child);
}

void child_output_stir(struct child *child)
{
	if (!atomic_exchange(&child->measure_is_due, 1))
		(void)loop_timer_set(child->host.loop, &child->measure_timer, MEASURE_NS);
}

/* ---- last words ------------------------------------------------------------------------------ */

static void look_for_silence(void *user)
{
	struct child *child = user;

	if (stage_is_silent(child->stage))
		child_did(child, DID_SILENT, NULL, NULL);
	else
		(void)loop_timer_set(child->host.loop, &child->silence_timer, SILENCE_NS);
}

/* ---- outcomes -------------------------------------------------------------------------------- */

static void tell(struct child *child, uint64_t number, const uint32_t *records, uint32_t count,
		 uint32_t outcome, const char *reason, struct weir_slice text)
{
	const uint64_t numbers[2] = {number, outcome};
	struct weir_slice texts[3] = {weir_slice_of(reason ? reason : ""), text, {NULL, 0}};

	if (texts[1].size > TEXT_MAX)
		texts[1].size = TEXT_MAX;
	for (uint32_t at = 0; at < count; at += OUTCOME_RECORDS) {
		uint32_t some = count - at < OUTCOME_RECORDS ? count - at : OUTCOME_RECORDS;

		texts[2] =
			(struct weir_slice){(const char *)(records + at), some * sizeof(*records)};
		child_did(child, DID_OUTCOME, numbers, texts);
	}
}

/* The records of the call that have no outcome yet. */
static uint32_t take(struct weir_delivery *delivery, const uint32_t *records, uint32_t count,
		     uint32_t *ret_records)
{
	uint32_t all = delivery->batch->view.record_count, taken = 0;

	for (uint32_t i = 0; i < (records ? count : all); i++) {
		uint32_t record = records ? records[i] : i;
		uint64_t bit = UINT64_C(1) << (record & 63);

		if (record < all && (delivery->selected[record >> 6] & bit) &&
		    !(atomic_fetch_or(&delivery->done[record >> 6], bit) & bit))
			ret_records[taken++] = record;
	}
	return taken;
}

static void finish(struct child *child, struct child_delivery *own)
{
	pthread_mutex_lock(&child->lock);
	if (own->prev)
		own->prev->next = own->next;
	else
		child->deliveries = own->next;
	if (own->next)
		own->next->prev = own->prev;
	pthread_mutex_unlock(&child->lock);
	batch_unref(own->delivery->batch);
	free(own->delivery);
	free(own);
}

static void output_outcome(struct weir_delivery *delivery, const uint32_t *records, uint32_t count,
			   uint32_t outcome, const char *reason, struct weir_slice text)
{
	struct child *child = child_of(delivery->output);
	struct child_delivery *own = delivery->batch->pipeline;
	uint32_t limit = records ? count : delivery->batch->view.record_count;
	uint32_t *list = malloc((limit ? limit : 1) * sizeof(*list));
	uint32_t taken;

	if (!list)
		_exit(1);
	taken = take(delivery, records, count, list);
	tell(child, own->number, list, taken, outcome, reason, text);
	free(list);
	child_output_stir(child);
	if (taken && atomic_fetch_sub(&delivery->remaining, taken) == taken)
		finish(child, own);
}

static void output_stalled(struct weir_context *context, struct weir_slice why)
{
	if (why.size > TEXT_MAX)
		why.size = TEXT_MAX;
	child_did(child_of(context), DID_STALL, NULL, &why);
}

static void output_full(struct weir_context *context, uint32_t full)
{
	const uint64_t number = full;

	child_did(child_of(context), DID_FULL, &number, NULL);
}

void child_output_services(struct weir_services *services)
{
	services->outcome = output_outcome;
	services->output_stalled = output_stalled;
	services->output_full = output_full;
}

/* ---- deliveries ------------------------------------------------------------------------------ */

/* Every batch has a block of its pool; here nobody fills it. */
int child_output_make(struct child *child, struct weir_error *error)
{
	child->spare.size = child->setting.block_bytes + 2 * WEIR_BLOCK_PADDING;
	child->spare.data = aligned_alloc(64, (child->spare.size + 63) & ~(size_t)63);
	child->measure_timer.call = measure_due;
	child->measure_timer.user = child;
	child->silence_timer.call = look_for_silence;
	child->silence_timer.user = child;
	if (!child->spare.data)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for an isolated plugin");
	child->pipeline->pool.area = &child->spare;
	return 0;
}

static struct weir_delivery *make_delivery(struct child *child, struct child_delivery *own,
					   const struct message *message)
{
	const struct batch_area *area = &child->slots[message->slot].area;
	struct weir_delivery *delivery;
	struct batch *batch;

	child->spare.used = 0;
	batch = batch_acquire(&child->pipeline->pool);
	if (!batch || image_read(batch, area, area, message->a) < 0 || batch_freeze(batch) < 0)
		_exit(1);
	delivery = delivery_create(batch, child->stage);
	if (!delivery || message->c + batch_words(batch) * sizeof(uint64_t) > area->size)
		_exit(1);
	memcpy(delivery->selected, area->data + message->c, batch_words(batch) * sizeof(uint64_t));
	memcpy(batch->routed, delivery->selected, batch_words(batch) * sizeof(uint64_t));
	for (uint32_t i = 0; i < batch_words(batch); i++)
		delivery->view.count += (uint32_t)__builtin_popcountll(delivery->selected[i]);
	atomic_store(&delivery->remaining, delivery->view.count);
	batch->pipeline = own;
	return delivery;
}

/* The slot that the message names, mapped when its descriptor comes with it. */
static int take_slot(struct child *child, const struct message *message, int take_fd)
{
	struct shared *grown;

	if (message->slot >= child->slot_count) {
		grown = realloc(child->slots, (message->slot + 1) * sizeof(*grown));
		if (!grown)
			return WEIR_ERR_MEMORY;
		memset(grown + child->slot_count, 0,
		       (message->slot + 1 - child->slot_count) * sizeof(*grown));
		child->slots = grown;
		child->slot_count = message->slot + 1;
	}
	if (take_fd >= 0)
		return shared_map(&child->slots[message->slot], take_fd, message->b, 0);
	return child->slots[message->slot].area.data ? 0 : WEIR_ERR_INVALID;
}

void child_output_write(struct child *child, const struct message *message, int take_fd)
{
	struct weir_context *stage = child->stage;
	struct child_delivery *own = calloc(1, sizeof(*own));
	const struct weir_error none = {0};
	struct call call;

	if (!own || take_slot(child, message, take_fd) < 0)
		_exit(1);
	own->number = message->what;
	own->delivery = make_delivery(child, own, message);
	pthread_mutex_lock(&child->lock);
	own->next = child->deliveries;
	if (own->next)
		own->next->prev = own;
	child->deliveries = own;
	pthread_mutex_unlock(&child->lock);
	pthread_mutex_lock(&stage->lock);
	call = call_begin(stage);
	stage->plugin->output->write(stage->instances[0], &own->delivery->view);
	call_end(stage, call);
	pthread_mutex_unlock(&stage->lock);
	child_answer(child, 0, &none);
}

int child_output_call(struct child *child, const struct message *message, struct weir_error *error)
{
	(void)error;
	if (message->what != CALL_FLUSH)
		return 0;
	stage_flush(child->stage, (uint32_t)message->a);
	if (message->a == WEIR_FLUSH_LAST)
		look_for_silence(child);
	return 0;
}

void child_output_done(struct child *child)
{
	if (child->setting.kind != WEIR_OUTPUT)
		return;
	loop_timer_stop(child->host.loop, &child->measure_timer);
	loop_timer_stop(child->host.loop, &child->silence_timer);
}
