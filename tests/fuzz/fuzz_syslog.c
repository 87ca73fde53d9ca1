// SPDX-License-Identifier: MIT
/*
 * Any bytes as what a syslog sender says. In whatever pieces they come, the frames are the same and
 * cover every byte once; what the parser finds lies within its message, and structured data becomes
 * JSON that the agent can read.
 *
 *   u8 size of a piece, then the stream
 */
#undef NDEBUG /* the checks are the test */
#include <assert.h>
#include <stdlib.h>

#include "batch/json.h"
#include "expr/json_walk.h"
#include "framing.h"
#include "message.h"

#define MAX_MESSAGE 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct weir_slice whole, struct weir_slice part)
{
	assert(!part.data ||
	       (part.data >= whole.data && part.data + part.size <= whole.data + whole.size));
}

static void check_data(struct weir_slice data)
{
	uint64_t most = structured_data_json_max(data);
	char *json = malloc(most);
	struct weir_slice made = {json, structured_data_json(data, json)};
	struct scratch scratch = {.limit = (size_t)1 << 30};
	struct json_walk walk = json_walk_start(made);
	struct weir_slice key, raw;

	assert(json && made.size <= most && utf8_valid(made));
	while (json_walk_next(&walk, &key, &raw))
		(void)json_walk_value(&scratch, raw);
	scratch_done(&scratch);
	free(json);
}

static void check_message(const uint8_t *data, uint32_t size)
{
	char *copy = malloc(size ? size : 1);
	struct weir_slice text = {copy, size};
	struct message message;

	assert(copy);
	memcpy(copy, data, size);
	if (!message_parse(text, NULL, INT64_C(1700000000000000000), &message)) {
		assert(message.facility < 24 && message.severity < 8);
		check_within(text, message.hostname);
		check_within(text, message.app_name);
		check_within(text, message.procid);
		check_within(text, message.msgid);
		check_within(text, message.data);
		check_within(text, message.text);
		if (message.data.data)
			check_data(message.data);
	}
	free(copy);
}

struct found {
	struct frame frames[4096];
	uint32_t count;
};

/* The stream as it comes in pieces, each read with what was left of the one before. */
static void split(const uint8_t *data, size_t size, size_t piece, struct found *found)
{
	struct framing framing = {.max = MAX_MESSAGE};
	size_t start = 0, end = 0;
	int at_end = 0;

	found->count = 0;
	while (!at_end) {
		struct frame frame;

		at_end = end == size;
		end = size - end < piece ? size : end + piece;
		while (found->count < 4096 &&
		       framing_next(&framing, data + start, end - start, at_end, &frame)) {
			assert(frame.span > 0 && frame.span <= end - start);
			assert(frame.start + frame.length <= frame.span);
			assert(frame.length <= MAX_MESSAGE);
			found->frames[found->count++] = frame;
			start += frame.span;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct found whole, pieces;
	size_t at = 0;

	if (size < 1 || size > 4096)
		return 0;
	split(data + 1, size - 1, size, &whole);
	split(data + 1, size - 1, 1 + data[0] % 64, &pieces);
	assert(whole.count == pieces.count);
	for (uint32_t i = 0; i < whole.count; i++) {
		const struct frame *frame = &whole.frames[i];

		assert(memcmp(frame, &pieces.frames[i], sizeof(*frame)) == 0);
		check_message(data + 1 + at + frame->start, frame->length);
		at += frame->span;
	}
	return 0;
}
