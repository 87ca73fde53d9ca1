// SPDX-License-Identifier: MIT
/* {"FailedRecordCount": 1, "<list>": [{"ShardId": ...}, {"ErrorCode": ..., "ErrorMessage": ...}]} */
#include "support/aws_put/answer.h"

#include "support/aws/document.h"
#include "support/aws/text.h"

#define DEPTH_TOP 1
#define DEPTH_RECORD 3

struct walk {
	const char *list;
	put_visit *visit;
	void *user;
	int in_list;
	uint32_t count;
	struct text code, message, shard;
	struct text *next; /* where the text that follows belongs */
};

static struct text *member(struct walk *w, struct weir_slice key)
{
	if (weir_slice_equals(key, "ErrorCode"))
		return &w->code;
	if (weir_slice_equals(key, "ErrorMessage"))
		return &w->message;
	return weir_slice_equals(key, "ShardId") ? &w->shard : NULL;
}

static void record_event(struct walk *w, const struct document_event *event)
{
	switch (event->kind) {
	case DOCUMENT_MAP:
		w->code.size = w->message.size = w->shard.size = 0;
		w->next = NULL;
		return;
	case DOCUMENT_KEY:
		w->next = member(w, event->text);
		return;
	case DOCUMENT_TEXT:
		if (w->next)
			text_add_slice(w->next, event->text);
		return;
	case DOCUMENT_END: {
		const struct put_outcome outcome = {w->count++, text_slice(&w->code),
						    text_slice(&w->message), text_slice(&w->shard)};

		w->visit(w->user, &outcome);
	}
	}
}

static void on_event(void *user, const struct document_event *event)
{
	struct walk *w = user;

	if (event->kind == DOCUMENT_KEY && event->depth == DEPTH_TOP)
		w->in_list = weir_slice_equals(event->text, w->list);
	else if (w->in_list && event->depth == DEPTH_RECORD)
		record_event(w, event);
}

int32_t put_answer_walk(struct weir_slice body, const char *list, put_visit *visit, void *user)
{
	struct walk w = {.list = list, .visit = visit, .user = user};
	int32_t code = document_walk(body, on_event, &w);
	int short_of_memory = w.code.failed | w.message.failed | w.shard.failed;

	text_done(&w.code);
	text_done(&w.message);
	text_done(&w.shard);
	return code || short_of_memory ? WEIR_ERR_INVALID : (int32_t)w.count;
}
