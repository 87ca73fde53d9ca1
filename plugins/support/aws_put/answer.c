// SPDX-License-Identifier: MIT
/* {"FailedRecordCount": 1, "<list>": [{"ShardId": ...}, {"ErrorCode": ..., "ErrorMessage": ...}]} */
#include "support/aws_put/answer.h"

#include "support/aws/document.h"
#include "support/aws/text.h"

#define DEPTH_TOP 1
#define DEPTH_RECORD 3

/* A text of a record: where it stands in the answer, or a copy when the walk had to decode it. */
struct member {
	struct weir_slice text;
	struct text copy;
};

struct walk {
	struct weir_slice body;
	const char *list;
	put_visit *visit;
	void *user;
	int in_list;
	uint32_t count;
	struct member code, message, shard;
	struct member *next; /* where the text that follows belongs */
};

static struct member *member_of(struct walk *w, struct weir_slice key)
{
	if (weir_slice_equals(key, "ErrorCode"))
		return &w->code;
	if (weir_slice_equals(key, "ErrorMessage"))
		return &w->message;
	return weir_slice_equals(key, "ShardId") ? &w->shard : NULL;
}

static void member_set(struct walk *w, struct member *member, struct weir_slice text)
{
	if (text.data >= w->body.data && text.data <= w->body.data + w->body.size) {
		member->text = text;
		return;
	}
	member->copy.size = 0;
	text_add_slice(&member->copy, text);
	member->text = text_slice(&member->copy);
}

static void record_event(struct walk *w, const struct document_event *event)
{
	switch (event->kind) {
	case DOCUMENT_MAP:
		w->code.text.size = w->message.text.size = w->shard.text.size = 0;
		w->next = NULL;
		return;
	case DOCUMENT_KEY:
		w->next = member_of(w, event->text);
		return;
	case DOCUMENT_TEXT:
		if (w->next)
			member_set(w, w->next, event->text);
		return;
	case DOCUMENT_END: {
		const struct put_outcome outcome = {w->count++, w->code.text, w->message.text,
						    w->shard.text};

		w->visit(w->user, &outcome);
	}
	}
}

static void on_event(void *user, const struct document_event *event)
{
	struct walk *w = user;

	/* The depth alone first, which nearly always decides: tested together with the kind, both are
	 * loaded as one word right after each was stored, and the processor waits for that. */
	if (event->depth == DEPTH_RECORD) {
		if (w->in_list)
			record_event(w, event);
	} else if (event->depth == DEPTH_TOP && event->kind == DOCUMENT_KEY) {
		w->in_list = weir_slice_equals(event->text, w->list);
	}
}

int32_t put_answer_walk(struct weir_slice body, const char *list, put_visit *visit, void *user)
{
	struct walk w = {.body = body, .list = list, .visit = visit, .user = user};
	int32_t code = document_walk(body, on_event, &w);
	int short_of_memory = w.code.copy.failed | w.message.copy.failed | w.shard.copy.failed;

	text_done(&w.code.copy);
	text_done(&w.message.copy);
	text_done(&w.shard.copy);
	return code || short_of_memory ? WEIR_ERR_INVALID : (int32_t)w.count;
}
