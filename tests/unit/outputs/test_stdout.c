// SPDX-License-Identifier: MIT
/* The stdout output on pipes, sockets and files, with readers that are slow or gone. */
#include "output_host.h"

#include <fcntl.h>
#include <sys/socket.h>

static int setup(void **user)
{
	return host_create(user, "stdout");
}

/* Starts the output while `fd` is the standard output, and gives that back to the test program. */
static void start_on(struct output_host *host, int fd)
{
	int own = dup(STDOUT_FILENO);

	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	host_start(host);
	dup2(own, STDOUT_FILENO);
	close(own);
}

static void read_exactly(int fd, char *text, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t some = read(fd, text + got, size - got);

		assert_true(some > 0);
		got += (size_t)some;
	}
	text[size] = '\0';
}

static void records_come_out_of_a_pipe_in_order(void **user)
{
	struct output_host *host = *user;
	char text[64];
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	start_on(host, ends[1]);
	host_write(host, "line", 1, 2);
	host->operations->write(host->instance, &host_lines(host, "line", 3, 3, 1, 5)->view);
	read_exactly(ends[0], text, 28);
	assert_string_equal(text, "line 1\nline 2\nline 3\nline 5\n");
	await_delivered(host, 4);
	assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
	close(ends[0]);
	close(ends[1]);
}

static void records_come_out_of_a_socket(void **user)
{
	struct output_host *host = *user;
	char text[64];
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	start_on(host, ends[1]);
	host_write(host, "line", 1, 2);
	read_exactly(ends[0], text, 14);
	assert_string_equal(text, "line 1\nline 2\n");
	await_delivered(host, 2);
	close(ends[0]);
	close(ends[1]);
}

static void a_file_keeps_the_shells_offset(void **user)
{
	struct output_host *host = *user;
	int fd = open(host->path, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(write(fd, "header\n", 7), 7);
	start_on(host, fd);
	host_write(host, "line", 1, 1);
	await_delivered(host, 1);
	assert_file(host->path, "header\nline 1\n");
	close(fd);
}

static void a_slow_reader_holds_the_outcome_back(void **user)
{
	struct output_host *host = *user;
	size_t size = 1000 * 1003;
	char *text = malloc(size + 1);
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	start_on(host, ends[1]);
	host->operations->write(host->instance,
				&host_lines(host, "x", 0, 1000, 1000, UINT64_MAX)->view);
	read_exactly(ends[0], text, 1003);
	assert_int_equal(delivered_now(host), 0); /* most of it can't be in the pipe yet */
	read_exactly(ends[0], text, size - 1003);
	await_delivered(host, 1000);
	assert_int_equal(strtol(text + size - 1003 - 8, NULL, 10), 999);
	free(text);
	close(ends[0]);
	close(ends[1]);
}

static void a_reader_that_is_gone_stalls_and_says_so(void **user)
{
	struct output_host *host = *user;
	struct weir_delivery *delivery = host_lines(host, "line", 1, 1, 1, UINT64_MAX);
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	start_on(host, ends[1]);
	close(ends[0]);
	host->operations->write(host->instance, &delivery->view);
	await_stall(host, "nobody reads the standard output");
	host_stop(host);
	assert_int_equal(host->delivered, 0);
	free(delivery->data);
	free(delivery);
	close(ends[1]);
}

static void stopping_does_not_wait_for_a_slow_reader(void **user)
{
	struct output_host *host = *user;
	struct weir_delivery *delivery = host_lines(host, "x", 0, 1000, 1000, UINT64_MAX);
	char text[1004];
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	start_on(host, ends[1]);
	host->operations->write(host->instance, &delivery->view);
	read_exactly(ends[0], text, 1003);
	host_stop(host);
	assert_int_equal(host->delivered, 0);
	free(delivery->data);
	free(delivery);
	close(ends[0]);
	close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, host_destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_come_out_of_a_pipe_in_order),
		TEST(records_come_out_of_a_socket),
		TEST(a_file_keeps_the_shells_offset),
		TEST(a_slow_reader_holds_the_outcome_back),
		TEST(a_reader_that_is_gone_stalls_and_says_so),
		TEST(stopping_does_not_wait_for_a_slow_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
