// SPDX-License-Identifier: MIT
/*
 * Any bytes as the answer of _bulk; the first says how many records were sent. An answer that is
 * taken has a status for each record, and texts that lie in memory; explained, they keep their bound.
 */
#include <stdlib.h>

#include "support/bulk/bulk_answer.h"
#include "support/bulk/bulk_fate.h"

#undef NDEBUG
#include <assert.h>

#define TEXT_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct bulk_item *item, uint32_t flags)
{
	uint32_t fate = bulk_fate(item, flags);
	char text[TEXT_MAX];

	assert(item->status >= 100 && item->status < 600);
	assert(fate >= BULK_DELIVERED && fate <= BULK_DEAD);
	assert(fate != BULK_DELIVERED || item->status / 100 == 2);
	assert(bulk_explain(item, text, sizeof(text)) < sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bulk_answer *answer;
	const struct bulk_item *items = NULL;
	uint32_t expected;
	const char *wrong;

	if (size == 0)
		return 0;
	if (!answer)
		answer = bulk_answer_create();
	assert(answer);
	expected = data[0] % 8;
	wrong = bulk_answer_read(answer, (struct weir_slice){(const char *)data + 1, size - 1},
				 "create", expected, &items);
	for (uint32_t i = 0; !wrong && i < expected; i++)
		check(&items[i], data[0] & 8 ? BULK_NAMES_FROM_RECORDS : 0);
	return 0;
}
