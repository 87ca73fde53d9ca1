// SPDX-License-Identifier: MIT
/*
 * What goes from process to process, as bytes: integers as they are in memory (both are the same
 * program), text as its size and its bytes. The writer is a struct buffer; failures of it are found by
 * its size at the end.
 *
 * The reader trusts nothing: past the end, or past a text that is longer than what there is, it has
 * failed, and gives zeros and empty texts from then on.
 */
#ifndef ISOLATE_PARCEL_H
#define ISOLATE_PARCEL_H

#include <weir/abi.h>

#include "base/buffer.h"

struct parcel {
	const char *data;
	size_t size, at;
	int failed;
};

static inline int parcel_put(struct buffer *out, uint64_t number)
{
	return buffer_append(out, &number, sizeof(number));
}

static inline int parcel_put_text(struct buffer *out, struct weir_slice text)
{
	return parcel_put(out, text.size) | buffer_append(out, text.data, text.size);
}

/* The next `size` bytes, or NULL. */
const void *parcel_bytes(struct parcel *parcel, uint64_t size);
uint64_t parcel_get(struct parcel *parcel);
/* One that may not be larger than `most`: otherwise the parcel has failed. */
uint64_t parcel_get_at_most(struct parcel *parcel, uint64_t most);
/* Points into the parcel. */
struct weir_slice parcel_text(struct parcel *parcel);
/* A copy with a NUL behind it, cut to the size of the room. */
void parcel_text_copy(struct parcel *parcel, char *ret_text, size_t room);

#endif
