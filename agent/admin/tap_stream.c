// SPDX-License-Identifier: MIT
/*
 * The daemon has one thread, which must not wait for records: a stream that has none is suspended, and
 * the pump wakes it a few times a second to look again.
 */
#include "admin/tap_stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <weir/plugin.h>

#include "base/clock.h"

#define PUMP_NS (50 * NS_PER_MS)
#define BEAT_NS NS_PER_SECOND
#define PIECE 32768

struct stream {
	struct stream *prev, *next;
	struct tap_streams *streams;
	struct MHD_Connection *connection;
	struct tap *tap;
	int events, suspended, over;
	uint64_t sent_ns;
	struct buffer out; /* and how much of it has gone: */
	size_t gone;
};

struct tap_streams {
	struct admin_source source;
	pthread_mutex_t lock; /* guards the list, suspended and ending */
	pthread_cond_t wake;
	pthread_t pump;
	int ending;
	struct stream *first;
};

/* ---- what is sent ---- */

static void put_event(struct buffer *out, const char *line, size_t size)
{
	buffer_text(out, "data: ");
	buffer_append(out, line, size);
	buffer_text(out, "\n\n");
}

static void put_lines(struct stream *stream, const struct buffer *lines)
{
	const char *at = lines->data, *end = lines->data + lines->size, *newline;

	if (!stream->events) {
		buffer_append(&stream->out, lines->data, lines->size);
		return;
	}
	for (; at < end && (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1)
		put_event(&stream->out, at, (size_t)(newline - at));
}

/* Takes what came since. */
static void fill(struct stream *stream)
{
	struct buffer lines = {0};
	uint64_t now = clock_monotonic_ns(), left_out = 0;

	buffer_clear(&stream->out);
	stream->gone = 0;
	stream->over = stream->streams->source.tap_read(stream->tap, &lines, &left_out);
	if (left_out)
		buffer_printf(&lines, "{\"left_out\":%llu}\n", (unsigned long long)left_out);
	if (lines.size)
		put_lines(stream, &lines);
	else if (now - stream->sent_ns > BEAT_NS)
		buffer_text(&stream->out, stream->events ? ": \n\n" : "\n");
	if (stream->out.size)
		stream->sent_ns = now;
	buffer_done(&lines);
}

/* On the daemon's thread. */
static ssize_t stream_read(void *user, uint64_t position, char *room, size_t size)
{
	struct stream *stream = user;
	size_t piece;

	(void)position;
	if (stream->gone == stream->out.size && !stream->over)
		fill(stream);
	piece = stream->out.size - stream->gone;
	if (piece == 0) {
		int ending;

		pthread_mutex_lock(&stream->streams->lock);
		ending = stream->streams->ending || stream->over;
		if (!ending) {
			MHD_suspend_connection(stream->connection);
			stream->suspended = 1;
		}
		pthread_mutex_unlock(&stream->streams->lock);
		return ending ? MHD_CONTENT_READER_END_OF_STREAM : 0;
	}
	piece = piece < size ? piece : size;
	memcpy(room, stream->out.data + stream->gone, piece);
	stream->gone += piece;
	return (ssize_t)piece;
}

static void stream_free(void *user)
{
	struct stream *stream = user;
	struct tap_streams *streams = stream->streams;

	pthread_mutex_lock(&streams->lock);
	if (stream->prev)
		stream->prev->next = stream->next;
	else
		streams->first = stream->next;
	if (stream->next)
		stream->next->prev = stream->prev;
	pthread_mutex_unlock(&streams->lock);
	streams->source.tap_close(streams->source.user, stream->tap);
	buffer_done(&stream->out);
	free(stream);
}

/* ---- the pump ---- */

/* With the lock. */
static void resume_all(struct tap_streams *streams)
{
	for (struct stream *stream = streams->first; stream; stream = stream->next)
		if (stream->suspended) {
			stream->suspended = 0;
			MHD_resume_connection(stream->connection);
		}
}

static void pump_wait(struct tap_streams *streams)
{
	uint64_t due = clock_monotonic_ns() + PUMP_NS;
	struct timespec until = {(time_t)(due / (uint64_t)NS_PER_SECOND),
				 (long)(due % (uint64_t)NS_PER_SECOND)};

	if (streams->first)
		pthread_cond_timedwait(&streams->wake, &streams->lock, &until);
	else
		pthread_cond_wait(&streams->wake, &streams->lock);
}

static void *pump(void *user)
{
	struct tap_streams *streams = user;

	pthread_mutex_lock(&streams->lock);
	while (!streams->ending) {
		pump_wait(streams);
		resume_all(streams);
	}
	pthread_mutex_unlock(&streams->lock);
	return NULL;
}

void tap_streams_free(struct tap_streams *streams)
{
	if (!streams)
		return;
	pthread_cond_destroy(&streams->wake);
	pthread_mutex_destroy(&streams->lock);
	free(streams);
}

struct tap_streams *tap_streams_create(const struct admin_source *source)
{
	struct tap_streams *streams = calloc(1, sizeof(*streams));
	pthread_condattr_t monotonic;

	if (!streams)
		return NULL;
	streams->source = *source;
	pthread_mutex_init(&streams->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&streams->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&streams->pump, NULL, pump, streams) == 0)
		return streams;
	tap_streams_free(streams); /* a stream that nobody wakes would sleep for ever */
	return NULL;
}

void tap_streams_end(struct tap_streams *streams)
{
	if (!streams)
		return;
	pthread_mutex_lock(&streams->lock);
	streams->ending = 1;
	pthread_cond_signal(&streams->wake);
	pthread_mutex_unlock(&streams->lock);
	pthread_join(streams->pump, NULL);
	pthread_mutex_lock(&streams->lock);
	resume_all(streams);
	pthread_mutex_unlock(&streams->lock);
}

/* ---- requests ---- */

static const char *argument(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static int accepts_events(struct MHD_Connection *connection)
{
	const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept");

	return accept && strstr(accept, "text/event-stream");
}

static struct stream *stream_create(struct tap_streams *streams, struct MHD_Connection *connection,
				    struct weir_error *error)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	const char *limit = argument(connection, "limit");

	if (!stream) {
		weir_fail(error, WEIR_ERR_MEMORY, "no memory for a tap");
		return NULL;
	}
	stream->streams = streams;
	stream->connection = connection;
	stream->events = accepts_events(connection);
	if (streams->source.tap_open(streams->source.user, argument(connection, "pipeline"),
				     argument(connection, "at"), argument(connection, "where"),
				     limit ? strtoull(limit, NULL, 10) : 0, &stream->tap,
				     error) < 0) {
		free(stream);
		return NULL;
	}
	pthread_mutex_lock(&streams->lock);
	stream->next = streams->first;
	if (stream->next)
		stream->next->prev = stream;
	streams->first = stream;
	pthread_cond_signal(&streams->wake);
	pthread_mutex_unlock(&streams->lock);
	return stream;
}

static unsigned status_of(const struct weir_error *error)
{
	return error->code == WEIR_ERR_NOT_FOUND ? MHD_HTTP_NOT_FOUND
	       : error->code == WEIR_ERR_MEMORY || error->code == WEIR_ERR_REFUSED
		       ? MHD_HTTP_SERVICE_UNAVAILABLE
		       : MHD_HTTP_BAD_REQUEST;
}

unsigned tap_streams_answer(struct tap_streams *streams, struct MHD_Connection *connection,
			    struct buffer *ret_why)
{
	struct MHD_Response *response;
	struct weir_error error = {0};
	struct stream *stream;
	enum MHD_Result result;

	if (!argument(connection, "pipeline")) {
		buffer_text(ret_why, "say which pipeline: /tap?pipeline=NAME\n");
		return MHD_HTTP_BAD_REQUEST;
	}
	stream = stream_create(streams, connection, &error);
	if (!stream) {
		buffer_printf(ret_why, "%s\n", error.text);
		return status_of(&error);
	}
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE, stream_read, stream,
						     stream_free);
	if (!response) {
		stream_free(stream);
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				stream->events ? "text/event-stream" : "application/x-ndjson");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result == MHD_YES ? 0 : MHD_HTTP_INTERNAL_SERVER_ERROR;
}
