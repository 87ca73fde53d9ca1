// SPDX-License-Identifier: MIT
#include "inlet.h"

#include <string.h>

#define HEAD_END "\r\n\r\n"
#define HEAD_END_SIZE 4

size_t inlet_head(struct inlet *inlet)
{
	char *end;

	while (!(end = memmem(inlet->head, inlet->have, HEAD_END, HEAD_END_SIZE))) {
		size_t room = INLET_HEAD_MAX - inlet->have;
		ssize_t got = room ? wire_read(&inlet->wire, inlet->head + inlet->have, room) : 0;

		if (got <= 0)
			return 0;
		inlet->have += (size_t)got;
	}
	*end = '\0';
	return (size_t)(end - inlet->head) + HEAD_END_SIZE;
}

void inlet_drop(struct inlet *inlet, size_t size)
{
	inlet->have -= size;
	memmove(inlet->head, inlet->head + size, inlet->have);
}

ssize_t inlet_read(struct inlet *inlet, char *to, size_t want)
{
	size_t had = inlet->have < want ? inlet->have : want;

	if (had == 0)
		return wire_read(&inlet->wire, to, want);
	memcpy(to, inlet->head, had);
	inlet_drop(inlet, had);
	return (ssize_t)had;
}
