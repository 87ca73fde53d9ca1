// SPDX-License-Identifier: MIT
#include "isolate/parcel.h"

const void *parcel_bytes(struct parcel *parcel, uint64_t size)
{
	const void *bytes = parcel->data ? parcel->data + parcel->at : NULL;

	if (parcel->failed || size > parcel->size - parcel->at) {
		parcel->failed = 1;
		return NULL;
	}
	parcel->at += size;
	return bytes;
}

uint64_t parcel_get(struct parcel *parcel)
{
	const void *bytes = parcel_bytes(parcel, sizeof(uint64_t));
	uint64_t number = 0;

	if (bytes)
		memcpy(&number, bytes, sizeof(number));
	return number;
}

uint64_t parcel_get_at_most(struct parcel *parcel, uint64_t most)
{
	uint64_t number = parcel_get(parcel);

	if (number <= most)
		return number;
	parcel->failed = 1;
	return 0;
}

struct weir_slice parcel_text(struct parcel *parcel)
{
	uint64_t size = parcel_get(parcel);
	const void *bytes = parcel_bytes(parcel, size);

	return (struct weir_slice){bytes, bytes ? size : 0};
}

void parcel_text_copy(struct parcel *parcel, char *ret_text, size_t room)
{
	struct weir_slice text = parcel_text(parcel);
	size_t size = text.size < room ? text.size : room - 1;

	if (size)
		memcpy(ret_text, text.data, size);
	ret_text[size] = '\0';
}
