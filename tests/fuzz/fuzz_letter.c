// SPDX-License-Identifier: MIT
/* Any bytes as a line of a dead letter's file: a letter that is read lies within the bytes or the
 * scratch memory, and never without what it takes to send it again. */
#include <assert.h>
#include <stdlib.h>

#include "expr/json_walk.h"
#include "pipeline/letter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sum(struct weir_slice text)
{
	unsigned total = 0;

	for (uint64_t i = 0; i < text.size; i++)
		total += (unsigned char)text.data[i];
	return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own size, so that a sanitizer sees each byte read beyond it. */
	char *copy = malloc(size ? size : 1);
	struct scratch scratch = {.limit = (size_t)1 << 20};
	struct letter letter;
	volatile unsigned total;

	assert(copy);
	if (size)
		memcpy(copy, data, size);
	if (letter_read(&scratch, (struct weir_slice){copy, size}, &letter) == 0) {
		assert(letter.pipeline.size && letter.stage.size);
		assert(letter.has_line || letter.record.size);
		total = sum(letter.pipeline) + sum(letter.stage) + sum(letter.kind) +
			sum(letter.reason) + sum(letter.error) + sum(letter.source) +
			sum(letter.line) + sum(letter.record);
		(void)total;
	}
	scratch_done(&scratch);
	free(copy);
	return 0;
}
