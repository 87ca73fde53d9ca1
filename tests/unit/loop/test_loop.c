// SPDX-License-Identifier: MIT
/* The event loop: order, wake-ups from other threads, timers, descriptors. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "await.h"
#include "base/clock.h"
#include "base/loop.h"

static atomic_int calls;
static atomic_int order_broken;

static int setup(void **state)
{
	struct weir_error error = {0};
	struct loop *loop = NULL;

	atomic_store(&calls, 0);
	atomic_store(&order_broken, 0);
	assert_int_equal(loop_create(&loop, &error), 0);
	*state = loop;
	return 0;
}

static int teardown(void **state)
{
	loop_destroy(*state);
	return 0;
}

static void await_calls(int count)
{
	AWAIT(atomic_load(&calls) >= count);
}

static void count_call(void *user)
{
	(void)user;
	atomic_fetch_add(&calls, 1);
}

static void expect_number(void *user)
{
	if (atomic_fetch_add(&calls, 1) != (int)(intptr_t)user)
		atomic_store(&order_broken, 1);
}

static void posted_calls_run_in_order(void **state)
{
	struct loop *loop = *state;

	assert_int_equal(loop_start(loop, NULL), 0);
	for (intptr_t i = 0; i < 10000; i++)
		assert_int_equal(loop_post(loop, expect_number, (void *)i), 0);
	await_calls(10000);
	assert_int_equal(atomic_load(&order_broken), 0);
}

static void calls_posted_before_stop_are_run(void **state)
{
	struct loop *loop = *state;

	for (int i = 0; i < 100; i++)
		assert_int_equal(loop_post(loop, count_call, NULL), 0);
	assert_int_equal(loop_start(loop, NULL), 0);
	loop_stop(loop);
	assert_int_equal(atomic_load(&calls), 100);
}

static void *post_many(void *user)
{
	for (int i = 0; i < 5000; i++)
		loop_post(user, count_call, NULL);
	return NULL;
}

static void many_threads_may_post(void **state)
{
	struct loop *loop = *state;
	pthread_t threads[4];

	assert_int_equal(loop_start(loop, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, post_many, loop);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	await_calls(20000);
}

static void timers_fire_in_the_order_they_are_due(void **state)
{
	struct loop *loop = *state;
	struct loop_timer timers[50] = {0};

	for (intptr_t i = 0; i < 50; i++) { /* set in a scrambled order */
		intptr_t at = i * 17 % 50;

		timers[at].call = expect_number;
		timers[at].user = (void *)at;
		assert_int_equal(loop_timer_set(loop, &timers[at], (uint64_t)(at + 1) * 1000000),
				 0);
	}
	assert_int_equal(loop_start(loop, NULL), 0);
	await_calls(50);
	assert_int_equal(atomic_load(&order_broken), 0);
}

static void a_stopped_timer_does_not_fire(void **state)
{
	struct loop *loop = *state;
	struct loop_timer stopped = {.call = count_call}, after = {.call = count_call};

	loop_timer_set(loop, &stopped, 1000000);
	loop_timer_set(loop, &after, 3000000);
	loop_timer_stop(loop, &stopped);
	assert_int_equal(loop_start(loop, NULL), 0);
	await_calls(1);
	loop_stop(loop);
	assert_int_equal(atomic_load(&calls), 1);
}

static void a_timer_set_again_moves(void **state)
{
	struct loop *loop = *state;
	struct loop_timer timer = {.call = count_call};
	uint64_t before = clock_monotonic_ns();

	assert_int_equal(loop_start(loop, NULL), 0);
	loop_timer_set(loop, &timer, UINT64_C(3600) * 1000000000);
	loop_timer_set(loop, &timer, 20000000); /* from another thread, while it sleeps */
	await_calls(1);
	assert_true(clock_monotonic_ns() - before >= 20000000);
}

struct rearmed {
	struct loop *loop;
	struct loop_timer timer;
};

static void rearm(void *user)
{
	struct rearmed *rearmed = user;

	if (atomic_fetch_add(&calls, 1) < 9)
		loop_timer_set(rearmed->loop, &rearmed->timer, 100000);
}

static void a_timer_may_set_itself_again(void **state)
{
	struct rearmed rearmed = {.loop = *state, .timer = {.call = rearm}};

	rearmed.timer.user = &rearmed;
	loop_timer_set(rearmed.loop, &rearmed.timer, 0);
	assert_int_equal(loop_start(rearmed.loop, NULL), 0);
	await_calls(10);
	loop_stop(rearmed.loop);
	assert_int_equal(atomic_load(&calls), 10);
}

static void read_byte(void *user, int fd, uint32_t events)
{
	char byte;

	(void)user;
	assert_int_equal(events, LOOP_READ);
	if (read(fd, &byte, 1) == 1)
		atomic_fetch_add(&calls, 1);
}

static void a_readable_descriptor_is_told(void **state)
{
	struct loop *loop = *state;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(loop_fd(loop, fds[0], LOOP_READ, read_byte, NULL), 0);
	assert_int_equal(loop_start(loop, NULL), 0);
	assert_int_equal(write(fds[1], "abc", 3), 3);
	await_calls(3);
	loop_stop(loop);
	close(fds[0]);
	close(fds[1]);
}

struct pair {
	struct loop *loop;
	int fds[4]; /* two pipes */
};

/* Whichever is told first ends the watch of the other, which is readable too. */
static void end_the_other(void *user, int fd, uint32_t events)
{
	struct pair *pair = user;

	(void)events;
	atomic_fetch_add(&calls, 1);
	loop_fd(pair->loop, pair->fds[0], 0, NULL, NULL);
	loop_fd(pair->loop, pair->fds[2], 0, NULL, NULL);
	(void)fd;
}

static void an_ended_watch_is_not_told_of_an_event_taken_before(void **state)
{
	struct pair pair = {.loop = *state};

	assert_int_equal(pipe(pair.fds), 0);
	assert_int_equal(pipe(pair.fds + 2), 0);
	assert_int_equal(write(pair.fds[1], "a", 1), 1);
	assert_int_equal(write(pair.fds[3], "b", 1), 1);
	loop_fd(pair.loop, pair.fds[0], LOOP_READ, end_the_other, &pair);
	loop_fd(pair.loop, pair.fds[2], LOOP_READ, end_the_other, &pair);
	assert_int_equal(loop_start(pair.loop, NULL), 0);
	await_calls(1);
	loop_post(pair.loop, count_call, NULL);
	await_calls(2);
	loop_stop(pair.loop);
	assert_int_equal(atomic_load(&calls), 2);
	for (int i = 0; i < 4; i++)
		close(pair.fds[i]);
}

static void note_current(void *user)
{
	atomic_store(&order_broken, !loop_is_current(user));
	atomic_fetch_add(&calls, 1);
}

static void the_loop_knows_its_own_thread(void **state)
{
	struct loop *loop = *state;

	assert_int_equal(loop_start(loop, NULL), 0);
	assert_int_equal(loop_is_current(loop), 0);
	loop_post(loop, note_current, loop);
	await_calls(1);
	assert_int_equal(atomic_load(&order_broken), 0);
}

static void an_awaited_call_has_run_when_it_returns(void **state)
{
	struct loop *loop = *state;

	assert_int_equal(loop_run(loop, count_call, NULL), 0); /* not started: at once */
	assert_int_equal(atomic_load(&calls), 1);
	assert_int_equal(loop_start(loop, NULL), 0);
	for (int i = 2; i < 200; i++) {
		assert_int_equal(loop_run(loop, count_call, NULL), 0);
		assert_int_equal(atomic_load(&calls), i);
	}
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(posted_calls_run_in_order),
		LOOP_TEST(calls_posted_before_stop_are_run),
		LOOP_TEST(many_threads_may_post),
		LOOP_TEST(timers_fire_in_the_order_they_are_due),
		LOOP_TEST(a_stopped_timer_does_not_fire),
		LOOP_TEST(a_timer_set_again_moves),
		LOOP_TEST(a_timer_may_set_itself_again),
		LOOP_TEST(a_readable_descriptor_is_told),
		LOOP_TEST(an_ended_watch_is_not_told_of_an_event_taken_before),
		LOOP_TEST(the_loop_knows_its_own_thread),
		LOOP_TEST(an_awaited_call_has_run_when_it_returns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
