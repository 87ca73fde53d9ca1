// SPDX-License-Identifier: MIT
/*
 * {"Shards": [{"ShardId": ..., "HashKeyRange": {"StartingHashKey": ..., "EndingHashKey": ...},
 *              "SequenceNumberRange": {..., "EndingSequenceNumber": ... (of closed ones)}}],
 *  "NextToken": ...}
 */
#include "support/shards/shard_list.h"

#include "support/aws/document.h"

#define DEPTH_TOP 1
#define DEPTH_SHARD 3
#define DEPTH_RANGE 4

#define SEEN_ID 1
#define SEEN_BEGIN 2
#define SEEN_END 4

struct list_walk {
	struct shard_map *map;
	struct text *token;
	struct shard shard;
	uint32_t seen; /* SEEN_* */
	int in_shards, has_shards;
	enum { NOTHING, TOKEN, ID, BEGIN, END, CLOSED } next;
	int32_t code;
};

static void list_key(struct list_walk *w, const struct document_event *event)
{
	struct weir_slice key = event->text;

	w->next = NOTHING;
	if (event->depth == DEPTH_TOP) {
		w->in_shards = weir_slice_equals(key, "Shards");
		w->has_shards |= w->in_shards;
		if (weir_slice_equals(key, "NextToken"))
			w->next = TOKEN;
	} else if (event->depth == DEPTH_SHARD && weir_slice_equals(key, "ShardId")) {
		w->next = ID;
	} else if (event->depth == DEPTH_RANGE) {
		w->next = weir_slice_equals(key, "StartingHashKey")        ? BEGIN
			  : weir_slice_equals(key, "EndingHashKey")        ? END
			  : weir_slice_equals(key, "EndingSequenceNumber") ? CLOSED
									   : NOTHING;
	}
}

static void list_id(struct list_walk *w, struct weir_slice text)
{
	if (text.size == 0 || text.size > SHARD_ID_MAX || memchr(text.data, '\0', text.size)) {
		w->code = WEIR_ERR_INVALID;
		return;
	}
	memcpy(w->shard.id, text.data, text.size);
	w->shard.id[text.size] = '\0';
	w->seen |= SEEN_ID;
}

static void list_text(struct list_walk *w, const struct document_event *event)
{
	int32_t code = 0;

	if (w->next == TOKEN && event->depth == DEPTH_TOP) {
		w->token->size = 0;
		text_add_slice(w->token, event->text);
	} else if (!w->in_shards) {
		return;
	} else if (w->next == ID) {
		list_id(w, event->text);
	} else if (w->next == BEGIN) {
		code = hash_key_read(event->text, &w->shard.begin);
		w->seen |= SEEN_BEGIN;
	} else if (w->next == END) {
		code = hash_key_read(event->text, &w->shard.end);
		w->seen |= SEEN_END;
	} else if (w->next == CLOSED) {
		w->shard.is_open = 0;
	}
	w->code = w->code ? w->code : code;
}

static void list_event(void *user, const struct document_event *event)
{
	struct list_walk *w = user;

	if (w->code)
		return;
	if (event->kind == DOCUMENT_KEY) {
		list_key(w, event);
	} else if (event->kind == DOCUMENT_TEXT) {
		list_text(w, event);
	} else if (event->kind == DOCUMENT_MAP && event->depth == DEPTH_SHARD && w->in_shards) {
		w->shard = (struct shard){.is_open = 1};
		w->seen = 0;
	} else if (event->kind == DOCUMENT_END && event->depth == DEPTH_SHARD && w->in_shards) {
		w->code = w->seen == (SEEN_ID | SEEN_BEGIN | SEEN_END)
				  ? shard_map_add(w->map, &w->shard)
				  : WEIR_ERR_INVALID;
	}
}

int32_t shard_list_read(struct weir_slice answer, struct shard_map *map, struct text *ret_token)
{
	struct list_walk w = {.map = map, .token = ret_token};
	int32_t code;

	ret_token->size = 0;
	code = document_walk(answer, list_event, &w);
	if (w.code)
		return w.code;
	if (code || !w.has_shards)
		return WEIR_ERR_INVALID;
	return ret_token->failed ? WEIR_ERR_MEMORY : 0;
}

/* ---- the summary ---- */

#define DEPTH_SUMMARY 2

struct summary_walk {
	int is_next;
	uint32_t distribution;
};

static void summary_event(void *user, const struct document_event *event)
{
	struct summary_walk *w = user;

	if (event->kind == DOCUMENT_KEY)
		w->is_next = event->depth == DEPTH_SUMMARY &&
			     weir_slice_equals(event->text, "RecordDistributionStrategy");
	else if (event->kind == DOCUMENT_TEXT && w->is_next)
		w->distribution = weir_slice_equals(event->text, "AUTO") ? DISTRIBUTION_AUTO
									 : DISTRIBUTION_BY_KEY;
}

int32_t stream_summary_read(struct weir_slice answer, uint32_t *ret_distribution)
{
	struct summary_walk w = {0, DISTRIBUTION_BY_KEY};
	int32_t code = document_walk(answer, summary_event, &w);

	if (code == 0)
		*ret_distribution = w.distribution;
	return code;
}
