// SPDX-License-Identifier: MIT
/*
 *   ticker ──event──▶ pending of each stream, resumed ──▶ the daemon's thread reads it, suspends again
 *
 * A stream is suspended while it has nothing to send. Suspending and resuming happen under the lock, so
 * that a stream is never resumed before it is suspended for good.
 */
#include "admin/streams.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define PERIOD_S 1
/* Read by the daemon at a time. */
#define READ_BYTES (32u << 10)

struct stream {
	struct streams *streams;
	struct MHD_Connection *connection;
	struct buffer pending;
	size_t at; /* of what has been read of it */
	int suspended;
	int records; /* or 0: it may not see them */
	struct stream *next;
};

struct streams {
	const struct admin_source *source;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct stream *list;
	unsigned count;
	pthread_t ticker;
	int ticking; /* the thread has to be joined */
	int stopping;
};

/* ---- the ticker ---- */

static void make_event(struct streams *streams, int records, struct buffer *out)
{
	/* Without memory for all of it, nothing this time. */
	if (buffer_text(out, "event: status\ndata: ") ||
	    streams->source->events(streams->source->user, records, out) ||
	    buffer_text(out, "\n\n"))
		buffer_clear(out);
}

/* Under the lock. */
static void give(struct stream *stream, const struct buffer *event)
{
	if (stream->at == stream->pending.size) {
		buffer_clear(&stream->pending);
		stream->at = 0;
		(void)buffer_append(&stream->pending, event->data, event->size); /* or the next */
	}
	if (stream->suspended && stream->pending.size > stream->at) {
		stream->suspended = 0;
		MHD_resume_connection(stream->connection);
	}
}

/* Under the lock. */
static void wait_a_while(struct streams *streams)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PERIOD_S;
	while (!streams->stopping && streams->list &&
	       pthread_cond_timedwait(&streams->changed, &streams->lock, &until) != ETIMEDOUT)
		;
}

/* Under the lock. Whether a listener is there who may see records, or one who may not. */
static int is_wanted(const struct streams *streams, int records)
{
	const struct stream *stream = streams->list;

	while (stream && stream->records != records)
		stream = stream->next;
	return stream != NULL;
}

static void *tick(void *user)
{
	struct streams *streams = user;

	pthread_mutex_lock(&streams->lock);
	while (!streams->stopping && streams->list) {
		struct buffer without = {0}, with = {0};
		int any_without = is_wanted(streams, 0), any_with = is_wanted(streams, 1);

		/* The source is asked without the lock: it may have to wait for others. */
		pthread_mutex_unlock(&streams->lock);
		if (any_without)
			make_event(streams, 0, &without);
		if (any_with)
			make_event(streams, 1, &with);
		pthread_mutex_lock(&streams->lock);
		for (struct stream *s = streams->list; s; s = s->next)
			give(s, s->records ? &with : &without);
		buffer_done(&without);
		buffer_done(&with);
		wait_a_while(streams);
	}
	streams->ticking = streams->stopping ? streams->ticking : 2; /* ended by itself */
	pthread_mutex_unlock(&streams->lock);
	return NULL;
}

/* Under the lock. */
static int start_ticker(struct streams *streams)
{
	if (streams->ticking == 1)
		return 0;
	if (streams->ticking == 2)
		pthread_join(streams->ticker, NULL);
	streams->ticking = pthread_create(&streams->ticker, NULL, tick, streams) == 0;
	return streams->ticking ? 0 : WEIR_ERR_MEMORY;
}

/* ---- a stream ---- */

static ssize_t read_stream(void *user, uint64_t position, char *buffer, size_t size)
{
	struct stream *stream = user;
	struct streams *streams = stream->streams;
	ssize_t got = 0;

	(void)position;
	pthread_mutex_lock(&streams->lock);
	if (streams->stopping) {
		got = MHD_CONTENT_READER_END_OF_STREAM;
	} else if (stream->at < stream->pending.size) {
		size_t left = stream->pending.size - stream->at;

		got = (ssize_t)(left < size ? left : size);
		memcpy(buffer, stream->pending.data + stream->at, (size_t)got);
		stream->at += (size_t)got;
	} else {
		stream->suspended = 1;
		MHD_suspend_connection(stream->connection);
	}
	pthread_mutex_unlock(&streams->lock);
	return got;
}

static void free_stream(void *user)
{
	struct stream *stream = user;
	struct streams *streams = stream->streams;
	struct stream **link = &streams->list;

	pthread_mutex_lock(&streams->lock);
	while (*link && *link != stream)
		link = &(*link)->next;
	if (*link) {
		*link = stream->next;
		streams->count--;
	}
	pthread_cond_broadcast(&streams->changed);
	pthread_mutex_unlock(&streams->lock);
	buffer_done(&stream->pending);
	free(stream);
}

struct MHD_Response *streams_open(struct streams *streams, struct MHD_Connection *connection,
				  int records)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	struct MHD_Response *response = NULL;

	if (!stream)
		return NULL;
	stream->streams = streams;
	stream->connection = connection;
	stream->records = records;
	pthread_mutex_lock(&streams->lock);
	if (streams->count < STREAMS_MAX && !streams->stopping && start_ticker(streams) == 0)
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, READ_BYTES,
							     read_stream, stream, free_stream);
	if (response) {
		stream->next = streams->list;
		streams->list = stream;
		streams->count++;
	}
	pthread_mutex_unlock(&streams->lock);
	if (!response) {
		free(stream);
		return NULL;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
	return response;
}

/* ---- all of them ---- */

struct streams *streams_create(const struct admin_source *source)
{
	struct streams *streams = calloc(1, sizeof(*streams));
	pthread_condattr_t monotonic;

	if (!streams)
		return NULL;
	streams->source = source;
	pthread_mutex_init(&streams->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&streams->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return streams;
}

void streams_stop(struct streams *streams)
{
	int ticking;

	pthread_mutex_lock(&streams->lock);
	streams->stopping = 1;
	ticking = streams->ticking;
	for (struct stream *s = streams->list; s; s = s->next)
		if (s->suspended) {
			s->suspended = 0;
			MHD_resume_connection(s->connection);
		}
	pthread_cond_broadcast(&streams->changed);
	pthread_mutex_unlock(&streams->lock);
	if (ticking)
		pthread_join(streams->ticker, NULL);
	streams->ticking = 0;
}

void streams_destroy(struct streams *streams)
{
	if (!streams)
		return;
	pthread_cond_destroy(&streams->changed);
	pthread_mutex_destroy(&streams->lock);
	free(streams);
}
