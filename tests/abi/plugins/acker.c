// SPDX-License-Identifier: MIT
/*
 * An input that answers its senders: a server on a Unix socket that takes lines, and writes "ack N\n"
 * to a connection when its first N lines have an outcome at every output.
 *
 * Each connection is a volatile source; positions are bytes of its stream. The server's thread reads
 * the sockets into a buffer per connection, read() takes whole lines from there.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <weir/plugin.h>

#define CONNECTIONS_MAX 16
#define BUFFER_SIZE 65536
#define LINES_MAX 65536 /* of a connection */

struct connection {
	int fd;
	int ended;  /* the sender has closed its side */
	int closed; /* the host is done with it */
	struct weir_source *source;
	char buffer[BUFFER_SIZE]; /* not taken yet */
	uint32_t filled;
	uint64_t position;        /* in the stream, of the buffer's first byte */
	uint64_t ends[LINES_MAX]; /* position after each line taken */
	uint32_t lines, acked;
};

struct acker {
	const struct weir_services *host;
	struct weir_context *context;
	const char *path;
	int listener;
	int wake[2];
	int paused;
	int stopping;
	pthread_t thread;
	pthread_mutex_t lock; /* guards everything below, and the members of connections */
	struct connection *connections[CONNECTIONS_MAX];
};

static int32_t acker_create(const struct weir_services *host, struct weir_context *context,
			    const struct weir_node *options, void **ret_instance,
			    struct weir_error *error)
{
	struct acker *acker = calloc(1, sizeof(*acker));

	if (!acker)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the input");
	acker->host = host;
	acker->context = context;
	acker->path = weir_node_text(options, "path");
	acker->listener = acker->wake[0] = acker->wake[1] = -1;
	pthread_mutex_init(&acker->lock, NULL);
	*ret_instance = acker;
	return WEIR_OK;
}

static void connection_free(struct connection *connection)
{
	if (!connection)
		return;
	close(connection->fd);
	free(connection);
}

static void acker_destroy(void *instance)
{
	struct acker *acker = instance;

	for (int i = 0; i < CONNECTIONS_MAX; i++)
		connection_free(acker->connections[i]);
	pthread_mutex_destroy(&acker->lock);
	free(acker);
}

static void accept_one(struct acker *acker)
{
	struct weir_source_spec spec = {
		sizeof(spec), WEIR_SOURCE_VOLATILE, {0, 0}, {0, 0}, NULL, 0};
	struct connection *connection = calloc(1, sizeof(*connection));
	int slot = 0;

	while (slot < CONNECTIONS_MAX && acker->connections[slot])
		slot++;
	if (!connection)
		return;
	connection->fd = accept(acker->listener, NULL, NULL);
	spec.name = weir_slice_of("a sender");
	spec.user = connection;
	if (slot == CONNECTIONS_MAX || connection->fd < 0 ||
	    acker->host->source_open(acker->context, &spec, &connection->source, NULL) != 0) {
		connection_free(connection);
		return;
	}
	acker->connections[slot] = connection;
}

static void receive(struct acker *acker, struct connection *connection)
{
	ssize_t got = recv(connection->fd, connection->buffer + connection->filled,
			   BUFFER_SIZE - connection->filled, MSG_DONTWAIT);

	if (got > 0)
		connection->filled += (uint32_t)got;
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		connection->ended = 1;
	else
		return;
	acker->host->source_ready(connection->source);
}

/* A full buffer, an end or a pause: the socket is left alone. */
static int wants_more(const struct acker *acker, const struct connection *connection)
{
	return connection && !connection->ended && !acker->paused &&
	       connection->filled < BUFFER_SIZE;
}

static void *acker_run(void *arg)
{
	struct acker *acker = arg;
	struct pollfd polled[CONNECTIONS_MAX + 2];

	pthread_mutex_lock(&acker->lock);
	while (!acker->stopping) {
		char drained[64];

		polled[CONNECTIONS_MAX] = (struct pollfd){acker->listener, POLLIN, 0};
		polled[CONNECTIONS_MAX + 1] = (struct pollfd){acker->wake[0], POLLIN, 0};
		for (int i = 0; i < CONNECTIONS_MAX; i++)
			polled[i] = (struct pollfd){wants_more(acker, acker->connections[i])
							    ? acker->connections[i]->fd
							    : -1,
						    POLLIN, 0};
		pthread_mutex_unlock(&acker->lock);
		poll(polled, CONNECTIONS_MAX + 2, -1);
		pthread_mutex_lock(&acker->lock);
		if (polled[CONNECTIONS_MAX + 1].revents && read(acker->wake[0], drained, 64) < 0)
			acker->stopping = 1;
		for (int i = 0; i < CONNECTIONS_MAX; i++)
			if (polled[i].revents && acker->connections[i] &&
			    acker->connections[i]->fd == polled[i].fd)
				receive(acker, acker->connections[i]);
		if (polled[CONNECTIONS_MAX].revents)
			accept_one(acker);
	}
	pthread_mutex_unlock(&acker->lock);
	return NULL;
}

static void wake(struct acker *acker)
{
	if (write(acker->wake[1], "", 1) < 0)
		acker->stopping = 1;
}

static int32_t acker_start(void *instance, uint32_t flags, struct weir_error *error)
{
	struct acker *acker = instance;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

#if WEIR_ABI_MINOR >= 2
	acker->host->read_at_once(acker->context, 1000000000); /* for a second */
#endif
	if (flags & WEIR_START_ONCE)
		return weir_fail(error, WEIR_ERR_STATE,
				 "a server has no end: use it without --once");
	if (strlen(acker->path) >= sizeof(address.sun_path))
		return weir_fail(error, WEIR_ERR_INVALID,
				 "the path of a socket has at most 107 bytes");
	strcpy(address.sun_path, acker->path);
	acker->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(acker->path);
	if (bind(acker->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(acker->listener, 8) < 0 || pipe(acker->wake) < 0)
		return weir_fail(error, WEIR_ERR_IO, "can't listen at %s: %s", acker->path,
				 strerror(errno));
	if (pthread_create(&acker->thread, NULL, acker_run, acker) != 0)
		return weir_fail(error, WEIR_ERR_MEMORY, "can't start the server's thread");
	return WEIR_OK;
}

static void acker_stop(void *instance)
{
	struct acker *acker = instance;

	pthread_mutex_lock(&acker->lock);
	acker->stopping = 1;
	wake(acker);
	pthread_mutex_unlock(&acker->lock);
	pthread_join(acker->thread, NULL);
	close(acker->listener);
	close(acker->wake[0]);
	close(acker->wake[1]);
}

/* Makes a record of one line of the text, which is also its field `message`. */
static void add_line(struct weir_batch *batch, uint16_t shape, struct weir_value line,
		     uint64_t position)
{
	struct weir_record *record = weir_batch_record(batch);

	*weir_batch_row(batch, 1, &record->row) = line;
	record->shape = shape;
	record->capacity = 1;
	record->line_block = line.block;
	record->line_offset = (uint32_t)line.as.offset;
	record->line_length = line.length;
	record->position = position;
	record->span = line.length + 1;
}

/* Whole lines of the buffer, as one piece of text. */
static int32_t take_lines(struct acker *acker, struct connection *connection,
			  struct weir_batch *batch)
{
	const struct weir_slice message = weir_slice_of("message");
	const char *end = memrchr(connection->buffer, '\n', connection->filled);
	uint32_t size = end ? (uint32_t)(end - connection->buffer) + 1 : 0;
	uint32_t count = 0, from = 0;
	struct weir_value text, line;
	uint16_t shape;
	char *copy;

	for (uint32_t i = 0; i < size; i++)
		count += connection->buffer[i] == '\n';
	if (acker->host->batch_reserve(batch, count, count, size) != 0 ||
	    acker->host->batch_shape(batch, &message, 1, &shape) != 0)
		return WEIR_ERR_MEMORY;
	copy = weir_batch_text(batch, size, &text);
	if (!copy)
		return WEIR_ERR_MEMORY;
	memcpy(copy, connection->buffer, size);
	batch->range_start = connection->position;
	for (uint32_t i = 0; i < size; i++) {
		if (copy[i] != '\n')
			continue;
		line = text;
		line.as.offset += from;
		line.length = i - from;
		add_line(batch, shape, line, connection->position + from);
		from = i + 1;
		if (connection->lines < LINES_MAX)
			connection->ends[connection->lines++] = connection->position + from;
	}
	memmove(connection->buffer, connection->buffer + size, connection->filled - size);
	connection->filled -= size;
	connection->position += size;
	batch->range_end = connection->position;
	return WEIR_OK;
}

static int32_t acker_read(void *instance, void *user, struct weir_batch *batch,
			  struct weir_error *error)
{
	struct acker *acker = instance;
	struct connection *connection = user;
	int32_t result = WEIR_READ_IDLE;

	pthread_mutex_lock(&acker->lock);
	if (memchr(connection->buffer, '\n', connection->filled)) {
		if (take_lines(acker, connection, batch) == 0)
			result = WEIR_READ_MORE;
		else
			result = weir_fail(error, WEIR_ERR_MEMORY, "no memory for lines");
	} else if (connection->ended) {
		result = WEIR_READ_END; /* half a line is the sender's to send again */
	}
	wake(acker);
	pthread_mutex_unlock(&acker->lock);
	return result;
}

static void acker_acked(void *instance, void *user, uint64_t position)
{
	struct acker *acker = instance;
	struct connection *connection = user;
	uint32_t acked;
	char text[32];

	pthread_mutex_lock(&acker->lock);
	acked = connection->acked;
	while (acked < connection->lines && connection->ends[acked] <= position)
		acked++;
	if (acked != connection->acked) {
		int size = snprintf(text, sizeof(text), "ack %u\n", acked);

		(void)!send(connection->fd, text, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	connection->acked = acked;
	pthread_mutex_unlock(&acker->lock);
}

static void acker_closed(void *instance, void *user)
{
	struct acker *acker = instance;

	pthread_mutex_lock(&acker->lock);
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		if (acker->connections[i] == user)
			acker->connections[i] = NULL;
	connection_free(user);
	pthread_mutex_unlock(&acker->lock);
}

static void acker_paused(void *instance, uint32_t paused)
{
	struct acker *acker = instance;

	pthread_mutex_lock(&acker->lock);
	acker->paused = paused != 0;
	wake(acker);
	pthread_mutex_unlock(&acker->lock);
}

static const struct weir_option options[] = {{.struct_size = sizeof(struct weir_option),
					      .type = WEIR_TYPE_STRING,
					      .flags = WEIR_OPTION_REQUIRED,
					      .name = "path",
					      .doc = "Socket to listen at"},
					     WEIR_OPTION_END};

static const struct weir_input_ops operations = {
	.struct_size = sizeof(operations),
	.create = acker_create,
	.start = acker_start,
	.stop = acker_stop,
	.destroy = acker_destroy,
	.read = acker_read,
	.acked = acker_acked,
	.closed = acker_closed,
	.paused = acker_paused,
};

static const struct weir_plugin plugin = {
	.struct_size = sizeof(plugin),
	.kind = WEIR_INPUT,
	.name = "acker",
	.version = "1",
	.summary = "Takes lines at a Unix socket and acknowledges them",
	.options = options,
	.input = &operations,
	.short_option = "path",
};

static const struct weir_plugin *const all[] = {&plugin};

WEIR_PLUGINS(all);
