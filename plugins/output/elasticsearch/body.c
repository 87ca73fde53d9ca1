// SPDX-License-Identifier: MIT
#include "body.h"

#include <stdlib.h>

/* Of an action line, to begin with. */
#define ACTION_GUESS 96

static const char constant_action[] = "{\"create\":{}}\n";

uint64_t body_measure(struct action_style *style, const struct batching_record *record,
		      struct batching_refusal *ret_refusal)
{
	uint64_t size = record->data.size + 1;
	struct action_problem problem; /* set where there is one */
	uint32_t action = action_size(style, record->batch, record->index, &problem);

	if (action)
		return size + action;
	ret_refusal->reason = problem.reason;
	snprintf(ret_refusal->text, sizeof(ret_refusal->text), "%s", problem.text);
	return 0;
}

/* ---- action lines ---- */

struct actions {
	char *text;
	uint64_t size, capacity;
};

static int grow(struct actions *actions, uint64_t records)
{
	uint64_t capacity = actions->capacity ? 2 * actions->capacity
					      : records * ACTION_GUESS + ACTION_SIZE_MAX;
	char *text;

	if (actions->capacity - actions->size >= ACTION_SIZE_MAX)
		return 0;
	text = realloc(actions->text, capacity);
	if (!text)
		return WEIR_ERR_MEMORY;
	actions->text = text;
	actions->capacity = capacity;
	return 0;
}

/* Writes the action of every record, and where it is as an offset: the text may still move. */
static int write_actions(struct action_style *style, struct batching_request *request,
			 struct weir_slice *body, struct actions *actions)
{
	struct batching_cursor cursor = {request, 0, 0};
	struct index_memo memo = {.size = 0};
	struct action_problem problem;
	struct batching_record record;

	for (; batching_next(&cursor, &record); body += 2) {
		uint32_t size;

		if (grow(actions, request->records))
			return WEIR_ERR_MEMORY;
		size = action_write(style, record.batch, record.index, &memo,
				    actions->text + actions->size, &problem);
		body[0].size = size; /* never 0: it has been measured */
		body[1] = (struct weir_slice){record.data.data, record.data.size + 1};
		actions->size += size;
	}
	return 0;
}

static void point(struct weir_slice *body, uint32_t records, const char *text)
{
	for (uint32_t i = 0; i < records; i++, body += 2) {
		body[0].data = text;
		text += body[0].size;
	}
}

static void write_constant(struct batching_request *request, struct weir_slice *body)
{
	struct batching_cursor cursor = {request, 0, 0};
	struct batching_record record;

	for (; batching_next(&cursor, &record); body += 2) {
		body[0] = (struct weir_slice){constant_action, sizeof(constant_action) - 1};
		body[1] = (struct weir_slice){record.data.data, record.data.size + 1};
	}
}

int32_t body_compose(struct action_style *style, struct batching_request *request,
		     struct body_text *ret_text)
{
	struct weir_slice *body = calloc(2 * (size_t)request->records, sizeof(*body));
	struct actions actions = {0};
	int failed = !body;

	if (!failed && action_is_constant(style)) {
		write_constant(request, body);
	} else if (!failed) {
		action_lock(style);
		failed = write_actions(style, request, body, &actions);
		action_unlock(style);
		if (!failed)
			point(body, request->records, actions.text);
	}
	if (failed) {
		free(actions.text);
		free(body);
		return WEIR_ERR_MEMORY;
	}
	*ret_text = (struct body_text){actions.text, actions.capacity};
	request->http.body = body;
	request->http.body_count = 2 * request->records;
	request->http.body_size = 0;
	for (uint32_t i = 0; i < request->http.body_count; i++)
		request->http.body_size += body[i].size;
	return WEIR_OK;
}
