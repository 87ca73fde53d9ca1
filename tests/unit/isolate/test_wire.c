// SPDX-License-Identifier: MIT
/* Messages between two processes: their bounds, and descriptors that nobody asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "isolate/wire.h"

struct fixture {
	int ends[2];
	int descriptors; /* that are open from the start */
	char payload[PAYLOAD_MAX];
};

static int count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, f->ends), 0);
	f->descriptors = count_descriptors();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(count_descriptors(), f->descriptors);
	close(f->ends[0]);
	close(f->ends[1]);
	free(f);
	return 0;
}

/* A message of that many bytes that says it has a payload of so many, and these descriptors. */
static void send_raw(const struct fixture *f, size_t bytes, uint32_t says, int descriptors)
{
	struct {
		struct message message;
		char payload[64];
	} whole = {.message = {.kind = MESSAGE_EVENT, .size = says}};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = {.room = {0}};
	const int list[2] = {STDIN_FILENO, STDOUT_FILENO};
	struct iovec part = {&whole, bytes};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

	if (descriptors) {
		size_t size = (size_t)descriptors * sizeof(int);

		header.msg_control = control.room;
		header.msg_controllen = CMSG_SPACE(size);
		control.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(size),
						 .cmsg_level = SOL_SOCKET,
						 .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.align), list, size);
	}
	assert_int_equal(sendmsg(f->ends[1], &header, 0), bytes);
}

static void a_message_arrives_whole_with_its_descriptor(void **state)
{
	struct fixture *f = *state;
	const struct message sent = {
		.kind = MESSAGE_WRITE, .size = 5, .number = 3, .what = 7, .c = 9};
	struct message got;
	int fd;

	assert_int_equal(wire_send(f->ends[1], &sent, "hello", STDIN_FILENO, 0), 0);
	assert_int_equal(wire_receive(f->ends[0], &got, f->payload, &fd, 0), 1);
	assert_memory_equal(&got, &sent, sizeof(got));
	assert_memory_equal(f->payload, "hello", 5);
	assert_true(fd > STDERR_FILENO);
	close(fd);
}

static void a_descriptor_that_is_not_asked_for_is_not_let_in(void **state)
{
	struct fixture *f = *state;
	struct message got;

	send_raw(f, sizeof(got), 0, 1);
	assert_int_equal(wire_receive(f->ends[0], &got, f->payload, NULL, 0), 1);
}

static void of_two_descriptors_no_second_is_let_in(void **state)
{
	struct fixture *f = *state;
	struct message got;
	int fd;

	send_raw(f, sizeof(got), 0, 2);
	assert_int_equal(wire_receive(f->ends[0], &got, f->payload, &fd, 0), 1);
	assert_true(fd > STDERR_FILENO);
	close(fd);
}

static void a_message_of_another_size_is_none_and_its_descriptor_is_closed(void **state)
{
	static const struct {
		size_t bytes;
		uint32_t says;
	} wrong[] = {{sizeof(struct message), 1},
		     {sizeof(struct message) + 8, 7},
		     {sizeof(struct message) + 8, UINT32_MAX},
		     {sizeof(struct message) - 1, 0},
		     {1, 0}};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct message got;
		int fd;

		send_raw(f, wrong[i].bytes, wrong[i].says, 1);
		assert_int_equal(wire_receive(f->ends[0], &got, f->payload, &fd, 0), -1);
		assert_int_equal(errno, EBADMSG);
		assert_int_equal(fd, -1);
	}
}

static void a_message_larger_than_its_room_is_none(void **state)
{
	struct fixture *f = *state;
	struct message got = {.kind = MESSAGE_EVENT, .size = PAYLOAD_MAX + 1};
	char *payload = calloc(1, PAYLOAD_MAX + 1);

	assert_int_equal(wire_send(f->ends[1], &got, payload, -1, 0), 0);
	assert_int_equal(wire_receive(f->ends[0], &got, f->payload, NULL, 0), -1);
	assert_int_equal(errno, EBADMSG);
	free(payload);
}

static void the_end_of_the_other_side_is_told_from_silence(void **state)
{
	struct fixture *f = *state;
	struct message got;

	assert_int_equal(wire_receive(f->ends[0], &got, f->payload, NULL, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	shutdown(f->ends[1], SHUT_WR);
	assert_int_equal(wire_receive(f->ends[0], &got, f->payload, NULL, MSG_DONTWAIT), 0);
}

static void shared_memory_cannot_be_made_smaller(void **state)
{
	struct shared shared = {{NULL, 0, 0}, -1};
	struct weir_error error;

	(void)state;
	assert_int_equal(shared_create(&shared, 8192, &error), 0);
	assert_int_equal(ftruncate(shared.fd, 0), -1);
	assert_int_equal(errno, EPERM);
	shared_done(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_message_arrives_whole_with_its_descriptor, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_descriptor_that_is_not_asked_for_is_not_let_in,
						setup, teardown),
		cmocka_unit_test_setup_teardown(of_two_descriptors_no_second_is_let_in, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_message_of_another_size_is_none_and_its_descriptor_is_closed, setup,
			teardown),
		cmocka_unit_test_setup_teardown(a_message_larger_than_its_room_is_none, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_end_of_the_other_side_is_told_from_silence,
						setup, teardown),
		cmocka_unit_test_setup_teardown(shared_memory_cannot_be_made_smaller, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
