// SPDX-License-Identifier: MIT
/* A connection of the input syslog whose reader is short of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "input/syslog/syslog.h"
#include "mock_host.h"

#define MESSAGES "<13>1 - - a - - - one\n<13>1 - - a - - - two\n"

static struct {
	struct mock_host host;
	struct input input;
	struct connection *connection;
	int peer;
	uint32_t ready;        /* calls of source_ready() */
	uint32_t reservations; /* from this one on there is no memory; 0 = there always is */
} t;

static int32_t open_source(struct weir_context *context, const struct weir_source_spec *spec,
			   struct weir_source **ret_source, struct weir_error *error)
{
	(void)context;
	(void)error;
	t.connection = spec->user;
	*ret_source = NULL;
	return 0;
}

static void source_ready(struct weir_source *source)
{
	(void)source;
	t.ready++;
}

static int32_t reserve(struct weir_batch *batch, uint32_t records, uint32_t values,
		       uint32_t text_bytes)
{
	if (t.reservations && t.host.reserve_calls + 1 >= t.reservations)
		return WEIR_ERR_MEMORY;
	return mock_batch_reserve(batch, records, values, text_bytes);
}

static int setup(void **state)
{
	int ends[2];

	(void)state;
	memset(&t, 0, sizeof(t));
	mock_host_create(&t.host);
	t.host.services.source_open = open_source;
	t.host.services.source_ready = source_ready;
	t.host.services.batch_reserve = reserve;
	t.input = (struct input){.host = &t.host.services,
				 .context = mock_context(&t.host),
				 .max_message = 1024,
				 .max_connections = 1};
	t.input.connections_metric =
		mock_metric_new(t.input.context, WEIR_METRIC_GAUGE, "connections", "them");
	pthread_mutex_init(&t.input.lock, NULL);
	t.input.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	t.peer = ends[1];
	connection_open(&t.input, ends[0], "peer");
	assert_non_null(t.connection);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	connection_destroy(t.connection);
	(void)close(t.input.epoll_fd);
	(void)close(t.peer);
	pthread_mutex_destroy(&t.input.lock);
	mock_host_destroy(&t.host);
	return 0;
}

static void say(const char *text)
{
	assert_int_equal(write(t.peer, text, strlen(text)), strlen(text));
}

/* What a read returns that makes so many records. */
static int32_t read_some(uint32_t records)
{
	struct weir_batch *batch = mock_batch_new(&t.host);
	struct weir_error error = {0};
	int32_t result = connection_read(t.connection, batch, &error);

	assert_int_equal(batch->record_count, records);
	mock_batch_free(batch);
	return result;
}

static void what_waits_for_the_peer_is_watched(void **state)
{
	struct epoll_event event;

	(void)state;
	assert_int_equal(read_some(0), WEIR_READ_IDLE);
	assert_int_equal(epoll_wait(t.input.epoll_fd, &event, 1, 0), 0);
	say(MESSAGES);
	assert_int_equal(epoll_wait(t.input.epoll_fd, &event, 1, 1000), 1);
	assert_int_equal(read_some(2), WEIR_READ_MORE);
}

/* Reservations of a read: for the text, for the words, for the first record, for the second. */
static void whole_messages_do_not_wait_for_more_of_them(void **state)
{
	static const uint32_t made[] = {0, 0, 1};

	(void)state;
	for (uint32_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
		say(MESSAGES);
		t.reservations = t.host.reserve_calls + 2 + i;
		t.ready = 0;
		assert_int_equal(read_some(made[i]), WEIR_ERR_MEMORY);
		assert_int_equal(t.ready, 1);
		t.reservations = 0;
		assert_int_equal(read_some(2 - made[i]), WEIR_READ_MORE);
		assert_int_equal(read_some(0), WEIR_READ_IDLE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_waits_for_the_peer_is_watched, setup,
						teardown),
		cmocka_unit_test_setup_teardown(whole_messages_do_not_wait_for_more_of_them, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
