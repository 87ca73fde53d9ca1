// SPDX-License-Identifier: MIT
/*
 * Any bytes as a string of a record. The JSON must be one line of valid UTF-8 that reads back: ASCII
 * and well-formed sequences the same, the rest as U+FFFD. The same bytes also go, as if they were
 * JSON, through the reading of maps and lists.
 */
#include "../unit/one_record.h"

#include "batch/json.h"
#include "batch/json_copy.h"
#include "batch/utf8.h"
#include "expr/json_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the encoder should have made of the bytes, after unescaping. */
static struct weir_slice repaired(struct buffer *out, struct weir_slice bytes)
{
	size_t at = 0;

	while (at < bytes.size) {
		int valid;
		size_t length =
			utf8_step((const uint8_t *)bytes.data + at, bytes.size - at, &valid);

		assert(length > 0 && length <= bytes.size - at);
		if (valid)
			assert(buffer_append(out, bytes.data + at, length) == 0);
		else
			assert(buffer_append(out, UTF8_REPLACEMENT, UTF8_REPLACEMENT_SIZE) == 0);
		at += length;
	}
	return (struct weir_slice){out->data, out->size};
}

static void check_string(struct weir_slice bytes)
{
	struct scratch scratch = {.limit = (size_t)1 << 30};
	struct buffer json = {0}, expected = {0};
	struct weir_slice want = repaired(&expected, bytes);
	struct value read;

	assert(json_append_string(&json, bytes) == 0);
	assert(utf8_valid((struct weir_slice){json.data, json.size}));
	for (size_t i = 0; i < json.size; i++)
		assert((unsigned char)json.data[i] >= 0x20);
	read = json_walk_value(&scratch, (struct weir_slice){json.data, json.size});
	assert(read.tag == WEIR_STRING && read.text.size == want.size);
	assert(want.size == 0 || memcmp(read.text.data, want.data, want.size) == 0);
	scratch_done(&scratch);
	buffer_done(&json);
	buffer_done(&expected);
}

static void check_copies(struct weir_slice bytes)
{
	char *to = malloc(bytes.size + JSON_COPY_SLACK);
	char *padded = calloc(1, bytes.size + WEIR_BLOCK_PADDING);
	size_t clean = json_copy_scalar(to, bytes.data, bytes.size);

	assert(to && padded);
	if (bytes.size)
		memcpy(padded, bytes.data, bytes.size);
	assert(json_copy_exact(to, bytes.data, bytes.size) == clean);
	assert(json_copy_padded(to, padded, bytes.size) == clean);
	assert(clean == 0 || memcmp(to, bytes.data, clean) == 0);
	free(to);
	free(padded);
}

static void walk(struct weir_slice bytes)
{
	struct scratch scratch = {.limit = (size_t)1 << 30};
	struct json_walk at = json_walk_start(bytes);
	struct weir_slice key, raw, member;

	while (json_walk_next(&at, &key, &raw)) {
		(void)json_walk_value(&scratch, raw);
		if (raw.data[0] == '{')
			(void)json_walk_member(&scratch, raw, weir_slice_of("a"), &member);
		scratch_reset(&scratch);
	}
	scratch_done(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char nothing[1];
	struct weir_slice bytes = {size ? (const char *)data : nothing, size};

	check_string(bytes);
	check_copies(bytes);
	walk(bytes);
	return 0;
}
