// SPDX-License-Identifier: MIT
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "syslog.h"

/* A peer that is gone without a word is noticed after KEEP_IDLE_S + KEEP_TRIES * KEEP_EACH_S. */
#define KEEP_IDLE_S 60
#define KEEP_EACH_S 10
#define KEEP_TRIES 6

static void set_option(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

/* From now on close() resets the connection, or (0) ends it in order. */
static void set_reset(int fd, int reset)
{
	const struct linger linger = {.l_onoff = reset, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void link_connection(struct connection *connection)
{
	struct input *input = connection->input;

	pthread_mutex_lock(&input->lock);
	connection->next = input->connections;
	if (connection->next)
		connection->next->prev = connection;
	input->connections = connection;
	input->count++;
	input->host->metric_add(input->connections_metric, input->count);
	pthread_mutex_unlock(&input->lock);
}

static void unlink_connection(struct connection *connection)
{
	struct input *input = connection->input;

	pthread_mutex_lock(&input->lock);
	if (connection->prev)
		connection->prev->next = connection->next;
	else
		input->connections = connection->next;
	if (connection->next)
		connection->next->prev = connection->prev;
	input->count--;
	input->host->metric_add(input->connections_metric, input->count);
	pthread_mutex_unlock(&input->lock);
}

static void connection_free(struct connection *connection)
{
	struct input *input = connection->input;

	input->host->memory_charge(input->context, -(int64_t)connection->kept_capacity);
	(void)close(connection->fd);
	free(connection->kept);
	free(connection);
}

static void tell_refused(struct input *input, const char *peer, const char *why)
{
	weir_logf(input->host, input->context, WEIR_LOG_ERROR, "syslog_refused",
		  "%s was sent away: %s", peer, why);
}

void connection_open(struct input *input, int take_fd, const char *peer)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	struct weir_source_spec spec = {
		.struct_size = sizeof(spec), .flags = WEIR_SOURCE_VOLATILE, .user = connection};
	struct epoll_event nothing_yet = {.events = EPOLLONESHOT, .data.ptr = connection};
	struct weir_error error = {0};

	set_reset(take_fd, 1);
	if (!connection) {
		(void)close(take_fd);
		tell_refused(input, peer, "no memory");
		return;
	}
	set_option(take_fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(take_fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set_option(take_fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_EACH_S);
	set_option(take_fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_TRIES);
	connection->input = input;
	connection->fd = take_fd;
	connection->framing.max = input->max_message;
	(void)snprintf(connection->peer, sizeof(connection->peer), "%s", peer);
	spec.name = weir_slice_of(connection->peer);
	if (epoll_ctl(input->epoll_fd, EPOLL_CTL_ADD, take_fd, &nothing_yet) != 0) {
		tell_refused(input, peer, strerror(errno));
		connection_free(connection);
		return;
	}
	if (input->host->source_open(input->context, &spec, &connection->source, &error) < 0) {
		tell_refused(input, peer, error.text);
		connection_free(connection);
		return;
	}
	link_connection(connection);
	connection_wait(connection);
}

void connection_wait(struct connection *connection)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
				    .data.ptr = connection};

	(void)epoll_ctl(connection->input->epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
}

void connection_finish(struct connection *connection)
{
	struct input *input = connection->input;

	set_reset(connection->fd, connection->is_cut_off);
	unlink_connection(connection);
	connection_free(connection);
	listener_hear(input);
}

void connection_destroy(struct connection *connection)
{
	unlink_connection(connection);
	connection_free(connection);
}

/* ---- reading ---- */

/* Keeps what no record was made of for the next read: the beginning of a message, or more (is_behind). If
 * it can't, the sender is cut off, and so knows that not all was dealt with. */
static void keep(struct connection *connection, const uint8_t *data, uint32_t size)
{
	struct input *input = connection->input;

	if (size > connection->kept_capacity) {
		uint8_t *grown = realloc(connection->kept, size);

		if (!grown) {
			connection->is_cut_off = 1;
			return;
		}
		input->host->memory_charge(input->context,
					   (int64_t)size - connection->kept_capacity);
		connection->kept = grown;
		connection->kept_capacity = size;
	}
	if (size)
		memcpy(connection->kept, data, size);
	connection->kept_size = size;
}

/* Bytes, 0 at the end of the stream or of the connection, -1 when there is nothing now. */
static ssize_t receive(struct connection *connection, uint8_t *data, size_t room)
{
	ssize_t got;

	do {
		got = recv(connection->fd, data, room, MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return -1;
	return got < 0 ? 0 : got;
}

/* Makes records of the whole messages in the text, and keeps the rest; without memory for a record, that
 * one and all after it. */
static int record_all(struct connection *connection, struct recording *recording, uint32_t start,
		      uint32_t end)
{
	const uint8_t *data = recording->batch->blocks[recording->block].data;
	struct framing before = connection->framing;
	struct frame frame;
	int status = 0;

	while (framing_next(&connection->framing, data + start, end - start, connection->ended,
			    &frame)) {
		status = recording_add(recording, &frame, start + frame.start, connection->offset);
		if (status < 0) {
			connection->framing = before;
			connection->ended = 0;
			break;
		}
		before = connection->framing;
		start += frame.span;
		connection->offset += frame.span;
	}
	if (connection->ended) {
		connection->offset += end - start; /* nothing but filling */
		start = end;
	}
	keep(connection, data + start, end - start);
	return status < 0 ? status : 0;
}

static void count(struct input *input, const struct recording *recording)
{
	if (recording->unparsed_count)
		input->host->metric_add(input->unparsed_metric, recording->unparsed_count);
	if (recording->cut_count)
		input->host->metric_add(input->cut_metric, recording->cut_count);
}

/* Nothing is lost without memory: what has been received is kept for a later read. */
static int take(struct connection *connection, struct weir_batch *batch, uint16_t block,
		uint32_t start, uint32_t end)
{
	struct input *input = connection->input;
	struct recording recording;
	int status = recording_begin(&recording, input, batch, block);

	if (status < 0) {
		connection->ended = 0;
		keep(connection, batch->blocks[block].data + start, end - start);
		return status;
	}
	status = record_all(connection, &recording, start, end);
	count(input, &recording);
	return status;
}

static int32_t no_memory(struct connection *connection, struct weir_error *error)
{
	return weir_fail(error, WEIR_ERR_MEMORY, "no memory to read from %s; raise memory_limit",
			 connection->peer);
}

static int32_t cut_off(const struct connection *connection)
{
	weir_logf(connection->input->host, connection->input->context, WEIR_LOG_ERROR,
		  "syslog_cut_off",
		  "no memory for what %s has sent: the connection is reset, so that it sends it "
		  "again",
		  connection->peer);
	return WEIR_READ_END;
}

int32_t connection_read(struct connection *connection, struct weir_batch *batch,
			struct weir_error *error)
{
	uint32_t kept = connection->kept_size;
	struct weir_block_view *block;
	uint16_t number;
	uint32_t start;
	ssize_t got;
	int status;

	batch->range_start = batch->range_end = connection->offset;
	if (connection->input->host->batch_reserve(batch, 0, 0, kept + SYSLOG_READ_BYTES) < 0) {
		connection_wait(connection);
		return no_memory(connection, error);
	}
	number = (uint16_t)batch->arena_block;
	block = &batch->blocks[number];
	start = block->used;
	got = receive(connection, block->data + start + kept, SYSLOG_READ_BYTES);
	if (got < 0 && !connection->is_behind) {
		connection_wait(connection);
		return WEIR_READ_IDLE;
	}
	if (kept)
		memcpy(block->data + start, connection->kept, kept);
	connection->ended = got == 0;
	block->used = start + kept + (got > 0 ? (uint32_t)got : 0);
	status = take(connection, batch, number, start, block->used);
	batch->range_end = connection->offset;
	connection->is_behind = status < 0;
	if (connection->is_cut_off)
		return cut_off(connection);
	if (status < 0) { /* there may be whole messages among what is kept */
		connection->input->host->source_ready(connection->source);
		return no_memory(connection, error);
	}
	return connection->ended ? WEIR_READ_END : WEIR_READ_MORE;
}
