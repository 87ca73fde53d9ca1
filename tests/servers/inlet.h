// SPDX-License-Identifier: MIT
/* HTTP requests as they come over a connection: a head, then its body. Each inlet belongs to one
 * thread. */
#ifndef SERVERS_INLET_H
#define SERVERS_INLET_H

#include "wire.h"

#define INLET_HEAD_MAX 65536

struct inlet {
	struct wire wire;
	char head[INLET_HEAD_MAX + 1];
	size_t have; /* bytes in head, of which the request's head is the first part */
};

/* Waits for a whole head and terminates it, at inlet->head; returns its size, with the empty line that
 * ends it, or 0 when no more comes. */
size_t inlet_head(struct inlet *inlet);
/* Done with a head of that size: what came after it moves to the front. */
void inlet_drop(struct inlet *inlet, size_t size);
/* Some of the body, from what came with the head or from the wire; 0 or -1 when no more comes. */
ssize_t inlet_read(struct inlet *inlet, char *to, size_t want);

#endif
