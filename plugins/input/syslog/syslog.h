// SPDX-License-Identifier: MIT
/*
 * What the parts of the input `syslog` share.
 *
 *   syslog.c           options, instance
 *   listener.c         the thread that accepts connections and waits for what they send
 *   connection.c       one connection: reading, and how it ends
 *   records.c          messages to records
 *   framing.c, message.c, structured_data.c   the formats; pure functions
 *
 * A connection is a source: workers read from it, one at a time, for as long as it has something to
 * say; then the listener waits for it. While the pipeline is at its memory bound nobody reads, and TCP
 * holds the sender back.
 *
 * The end of a connection is an acknowledgement. Its socket is set to be reset when it is closed, and
 * so a sender that is cut off, by a crash too, sees an error. Only when the sender has said that it is
 * done (shutdown), and every message has an outcome at every output, is the connection closed in order.
 * So a sender that shuts down its side and then reads the end of the stream knows that all it sent is
 * dealt with: with a durable `buffer`, fsynced.
 */
#ifndef SYSLOG_SYSLOG_H
#define SYSLOG_SYSLOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <weir/plugin.h>

#include "framing.h"
#include "support/timeparse/zone.h"

/* Read at a time. */
#define SYSLOG_READ_BYTES (64u << 10)
#define SYSLOG_TIMER_ACCEPT 0

struct input;

struct connection {
	struct input *input;
	int fd;
	struct weir_source *source;
	struct connection *prev, *next; /* under input->lock */
	char peer[80];
	/* Of read(). */
	struct framing framing;
	uint8_t *kept; /* what has been received of an unfinished message */
	uint32_t kept_size, kept_capacity;
	uint64_t offset; /* of it in the stream */
	int ended;
	int is_behind;  /* whole messages are kept: there was no memory for their records */
	int is_cut_off; /* something was lost: it is to be reset in any case */
};

struct input {
	const struct weir_services *host;
	struct weir_context *context;
	const char *listen; /* HOST:PORT */
	uint32_t max_message;
	uint32_t max_connections;
	struct time_zone *zone;

	int listen_fd, epoll_fd, wake_fd;
	pthread_t thread;
	int running;
	_Atomic int stopping;

	pthread_mutex_t lock; /* guards what follows */
	struct connection *connections;
	uint32_t count;
	int deaf; /* no connection is accepted for now */

	struct weir_metric *connections_metric, *unparsed_metric, *cut_metric;
};

/* ---- listener.c ---- */

int32_t listener_start(struct input *input, struct weir_error *error);
void listener_stop(struct input *input);
/* Connections are accepted again, if there is room for one. */
void listener_hear(struct input *input);

/* ---- connection.c ---- */

/* Takes the descriptor. */
void connection_open(struct input *input, int take_fd, const char *peer);
/* Has the listener wait for what the peer sends next. */
void connection_wait(struct connection *connection);
int32_t connection_read(struct connection *connection, struct weir_batch *batch,
			struct weir_error *error);
/* Everything was acknowledged: closes it in order. */
void connection_finish(struct connection *connection);
/* Resets it. */
void connection_destroy(struct connection *connection);

/* ---- records.c ---- */

/* One batch's worth of records. */
struct recording {
	struct input *input;
	struct weir_batch *batch;
	uint16_t block;            /* in which the messages lie */
	uint16_t parsed, unparsed; /* shapes */
	struct weir_value words;   /* facilities and severities */
	uint32_t unparsed_count, cut_count;
};

/* The fields that its records can have. */
void recording_fields(struct weir_fields *fields);
int recording_begin(struct recording *recording, struct input *input, struct weir_batch *batch,
		    uint16_t block);
/* A message at an offset of the block; position and span are those in the stream. */
int recording_add(struct recording *recording, const struct frame *frame, uint32_t offset,
		  uint64_t position);

#endif
