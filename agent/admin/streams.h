// SPDX-License-Identifier: MIT
/*
 * Server-sent events: GET /api/events answers with an event a second for as long as somebody listens.
 *
 *     event: status
 *     data: the document of admin/status_json.h for events, in one line
 *
 * One thread makes the event once for all listeners (of those who may see records, and of others), and lives only while there are some. A listener that
 * doesn't take its events gets no new ones until it has.
 */
#ifndef ADMIN_STREAMS_H
#define ADMIN_STREAMS_H

#include <microhttpd.h>

#include "admin/admin.h"

/* Listeners at a time. */
#define STREAMS_MAX 16

struct streams;

/* The source is borrowed. NULL without memory. */
struct streams *streams_create(const struct admin_source *source);
/* A response that goes on, for one who may see records or not; NULL when there are too many, or without
 * memory. */
struct MHD_Response *streams_open(struct streams *streams, struct MHD_Connection *connection,
				  int records);
/* Ends all of them: before the daemon is stopped, which waits for them. */
void streams_stop(struct streams *streams);
void streams_destroy(struct streams *streams);

#endif
