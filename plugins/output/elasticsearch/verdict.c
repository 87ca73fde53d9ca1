// SPDX-License-Identifier: MIT
/*
 * From the items of an answer to what becomes of each record.
 *
 *   - Accepted, or there already: delivered. Refused for good: dead, with the server's words.
 *   - All others stay in the request, and only they are sent again.
 *   - An answer that cannot be matched with what was sent says nothing: the whole request is sent
 *     again. With ids that does no harm; without, it is counted as possibly stored twice.
 */
#include <stdlib.h>

#include "elasticsearch.h"
#include "support/bulk/bulk_fate.h"

/* Of the server's words, in the dead letter. */
#define DEAD_TEXT 400
/* After so many answers that make no sense, the output counts as stalled. */
#define UNUSABLE_TRIES 3

struct tally {
	uint32_t count[BULK_DEAD + 1];
	uint32_t first_dead, first_held; /* records */
};

/* ---- holding ---- */

static int held_at(const struct output *output, const struct batching_request *request)
{
	for (uint32_t i = 0; i < output->held_count; i++)
		if (output->held[i] == request)
			return (int)i;
	return -1;
}

void verdict_hold(struct output *output, const struct batching_request *request,
		  struct weir_slice why)
{
	if (held_at(output, request) < 0 && output->held_count < output->options.concurrency)
		output->held[output->held_count++] = request;
	output->host->output_stalled(output->context, why);
}

void verdict_let_go(struct output *output, const struct batching_request *request)
{
	int at = held_at(output, request);

	if (at < 0)
		return;
	output->held[at] = output->held[--output->held_count];
	if (output->held_count == 0)
		output->host->output_stalled(output->context, (struct weir_slice){NULL, 0});
}

/* ---- an answer that cannot be used ---- */

static uint32_t unusable(struct output *output, struct batching_request *request,
			 const struct node *node, const char *why)
{
	char text[512];
	int size =
		snprintf(text, sizeof(text),
			 "%.*s: the answer to a bulk request is unusable: %s. The request is sent "
			 "again",
			 (int)node->place.size, node->place.data, why);

	output->host->metric_add(output->unusable, 1);
	if (output->options.action.no_id)
		output->host->metric_add(output->possible_duplicates, request->records);
	weir_logf(output->host, output->context, WEIR_LOG_WARNING, "elasticsearch_answer", "%s",
		  text);
	if (request->http.attempt >= UNUSABLE_TRIES)
		verdict_hold(output, request, (struct weir_slice){text, (uint64_t)size});
	return WEIR_HTTP_TRY_AGAIN;
}

/* The answer belongs to this request: the ids are those that were sent, in order. */
static int ids_match(struct output *output, const struct batching_request *request,
		     const struct bulk_item *items)
{
	const struct action_style *style = &output->options.action;
	struct batching_cursor cursor = {request, 0, 0};
	struct batching_record record;
	char id[ACTION_RECORD_ID_MAX];

	if (style->no_id || style->id) /* not ours to know */
		return 1;
	for (; batching_next(&cursor, &record); items++) {
		uint32_t size = action_record_id(record.batch, record.index, id);

		if (items->id.size &&
		    (items->id.size != size || memcmp(items->id.data, id, size) != 0))
			return 0;
	}
	return 1;
}

/* ---- one that can ---- */

static int32_t make_room(struct output *output, uint32_t records)
{
	void *fates, *texts;

	if (records <= output->fate_capacity)
		return 0;
	fates = realloc(output->fates, records * sizeof(*output->fates));
	if (fates)
		output->fates = fates;
	texts = realloc(output->texts, (size_t)records * DEAD_TEXT);
	if (texts)
		output->texts = texts;
	if (!fates || !texts)
		return WEIR_ERR_MEMORY;
	output->fate_capacity = records;
	return 0;
}

static void judge(struct output *output, const struct bulk_item *items, uint32_t records,
		  struct tally *tally)
{
	uint32_t flags = output->options.action.index.has_expr ? BULK_NAMES_FROM_RECORDS : 0;

	for (uint32_t i = 0; i < records; i++) {
		struct batching_fate *fate = &output->fates[i];
		char *text = output->texts + (size_t)i * DEAD_TEXT;
		uint32_t what = bulk_fate(&items[i], flags);

		*fate = (struct batching_fate){0};
		if (what == BULK_DELIVERED || what == BULK_REPLAYED) {
			fate->outcome = WEIR_OUTCOME_DELIVERED;
		} else if (what == BULK_DEAD) {
			fate->outcome = WEIR_OUTCOME_DEAD;
			fate->reason = "refused";
			fate->text =
				(struct weir_slice){text, bulk_explain(&items[i], text, DEAD_TEXT)};
		}
		if (what == BULK_DEAD && tally->count[what] == 0)
			tally->first_dead = i;
		if (what == BULK_HOLD && tally->count[what] == 0)
			tally->first_held = i;
		tally->count[what]++;
	}
}

static void tell(struct output *output, struct batching_request *request, const struct node *node,
		 const struct bulk_item *items, const struct tally *tally)
{
	char words[DEAD_TEXT];
	uint64_t size;

	output->host->metric_add(output->replays, tally->count[BULK_REPLAYED]);
	output->host->metric_add(output->retried,
				 tally->count[BULK_RETRY] + tally->count[BULK_HOLD]);
	if (tally->count[BULK_DEAD])
		weir_logf(output->host, output->context, WEIR_LOG_WARNING, "elasticsearch_refused",
			  "%.*s refused %u of %u records; the first: %.*s", (int)node->place.size,
			  node->place.data, tally->count[BULK_DEAD], request->records,
			  (int)output->fates[tally->first_dead].text.size,
			  output->fates[tally->first_dead].text.data);
	if (!tally->count[BULK_HOLD])
		return;
	size = bulk_explain(&items[tally->first_held], words, sizeof(words));
	verdict_hold(output, request, (struct weir_slice){words, size});
	weir_logf(output->host, output->context, WEIR_LOG_ERROR, "elasticsearch_hold",
		  "%.*s: %.*s. An operator must act; nothing is lost: %u records are tried again",
		  (int)node->place.size, node->place.data, (int)size, words,
		  tally->count[BULK_HOLD]);
}

uint32_t verdict_reach(struct output *output, struct batching_request *request,
		       const struct weir_http_response *response)
{
	struct node *node = nodes_of(&output->nodes, request->http.url);
	const struct bulk_item *items = NULL;
	struct tally tally = {0};
	const char *wrong = bulk_answer_read(output->answer, response->body, "create",
					     request->records, &items);

	if (!wrong && !ids_match(output, request, items))
		wrong = "its items are not in the order of what was sent";
	if (!wrong && make_room(output, request->records))
		wrong = "no memory for it";
	if (wrong) {
		nodes_failed(&output->nodes, node, response->elapsed_ns, weir_slice_of(wrong));
		return unusable(output, request, node, wrong);
	}
	nodes_worked(&output->nodes, node);
	judge(output, items, request->records, &tally);
	tell(output, request, node, items, &tally);
	if (!tally.count[BULK_HOLD])
		verdict_let_go(output, request);
	if (tally.count[BULK_DELIVERED] + tally.count[BULK_REPLAYED] == request->records) {
		batching_delivered(output->batching, request);
		return WEIR_HTTP_FINISHED;
	}
	return batching_settle(output->batching, request, output->fates);
}
