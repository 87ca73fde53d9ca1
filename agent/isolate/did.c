// SPDX-License-Identifier: MIT
#include "isolate/did.h"

/* n: a number, t: a text. */
static const char *const fields[] = {
	[DID_LOG] = "ntt",       [DID_METRIC] = "nnttt", [DID_MEASURE] = "nt",
	[DID_STATE] = "tt",      [DID_CHARGE] = "n",     [DID_TIMER] = "nn",
	[DID_STATEFUL] = "",     [DID_DEAD] = "ntt",     [DID_HOLD] = "nn",
	[DID_RELEASE] = "n",     [DID_EMIT] = "tttt",    [DID_CHANGE] = "ttt",
	[DID_OUTCOME] = "nnttt", [DID_STALL] = "t",      [DID_FULL] = "n",
	[DID_STATE_PART] = "t",  [DID_SILENT] = "",
};
#define CODES (sizeof(fields) / sizeof(fields[0]))

int did_put(struct buffer *list, uint64_t code, const uint64_t *numbers,
	    const struct weir_slice *texts)
{
	int failed = parcel_put(list, code);

	for (const char *field = fields[code]; *field; field++)
		failed |= *field == 'n' ? parcel_put(list, *numbers++)
					: parcel_put_text(list, *texts++);
	return failed ? WEIR_ERR_MEMORY : 0;
}

int did_next(struct parcel *list, struct did *ret_entry)
{
	uint64_t *number = ret_entry->numbers;
	struct weir_slice *text = ret_entry->texts;

	*ret_entry = (struct did){0};
	if (list->failed || list->at == list->size)
		return 0;
	ret_entry->code = parcel_get(list);
	if (ret_entry->code >= CODES || !fields[ret_entry->code]) {
		list->failed = 1;
		return 0;
	}
	for (const char *field = fields[ret_entry->code]; *field; field++) {
		if (*field == 'n')
			*number++ = parcel_get(list);
		else
			*text++ = parcel_text(list);
	}
	return !list->failed;
}

int did_is_sound(struct parcel list)
{
	struct did entry;

	while (did_next(&list, &entry))
		;
	return !list.failed;
}
