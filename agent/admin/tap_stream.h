// SPDX-License-Identifier: MIT
/*
 * GET /tap?pipeline=NAME[&at=STAGE][&where=EXPRESSION][&limit=N]: records as they pass, for as long as
 * the client listens.
 *
 * The answer is JSON lines, or server-sent events for who accepts text/event-stream. Beside records, which
 * are objects with "@timestamp", there are notes {"left_out": N}: so many were not looked at or did not
 * fit. At least once a second something is sent, if only an empty line (a comment among events).
 *
 * Who may ask is for the caller to know.
 */
#ifndef ADMIN_TAP_STREAM_H
#define ADMIN_TAP_STREAM_H

#include <microhttpd.h>

#include "admin/admin.h"

struct tap_streams;

/* The daemon must allow connections to be suspended. Starts a thread, which sleeps while nobody taps. NULL
 * without memory or the thread. */
struct tap_streams *tap_streams_create(const struct admin_source *source);
/* Ends every stream; after it the daemon may be stopped. */
void tap_streams_end(struct tap_streams *streams);
/* Once the daemon has been stopped. */
void tap_streams_free(struct tap_streams *streams);
/* Answers the request, or returns the status to answer with and the sentence in *ret_why. */
unsigned tap_streams_answer(struct tap_streams *streams, struct MHD_Connection *connection,
			    struct buffer *ret_why);

#endif
