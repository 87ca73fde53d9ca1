// SPDX-License-Identifier: MIT
/* The pulse: idle and busy agents have one, a worker or a loop that hangs has none. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "await.h"
#include "base/clock.h"
#include "pipeline/pulse.h"

#define LIMIT_NS ((uint64_t)(20 * NS_PER_MS))

struct parts {
	struct pulse pulse;
	struct loop *loop;
	struct scheduler *scheduler;
	sem_t release;
	struct task task;
};

static struct parts parts;

static int setup(void **state)
{
	struct weir_error error = {0};

	(void)state;
	memset(&parts, 0, sizeof(parts));
	sem_init(&parts.release, 0, 0);
	assert_int_equal(loop_create(&parts.loop, &error), 0);
	assert_int_equal(loop_start(parts.loop, &error), 0);
	assert_int_equal(scheduler_create(2, &parts.scheduler, &error), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scheduler_destroy(parts.scheduler);
	loop_stop(parts.loop);
	loop_destroy(parts.loop);
	sem_destroy(&parts.release);
	return 0;
}

static int take(struct weir_error *why)
{
	return pulse_take(&parts.pulse, parts.loop, parts.scheduler, LIMIT_NS, why);
}

/* Takes the pulse until it is `moves`. */
static void await_pulse(int moves, struct weir_error *why)
{
	AWAIT(take(why) == moves);
}

static void wait_in_task(struct task *task)
{
	(void)task;
	sem_wait(&parts.release);
}

static void wait_in_loop(void *user)
{
	(void)user;
	sem_wait(&parts.release);
}

static void an_idle_agent_moves(void **state)
{
	struct weir_error why = {0};

	(void)state;
	await_pulse(1, &why);
	watch_for_ns(2 * LIMIT_NS);
	/* The loop has had twice the limit to answer the call of the pulse before. */
	await_pulse(1, &why);
	assert_int_equal(scheduler_longest_ns(parts.scheduler), 0);
}

static void a_worker_that_hangs_is_found_and_its_end_too(void **state)
{
	struct weir_error why = {0};

	(void)state;
	parts.task.run = wait_in_task;
	scheduler_push(parts.scheduler, &parts.task);
	await_pulse(0, &why);
	assert_non_null(strstr(why.text, "worker"));
	sem_post(&parts.release);
	await_pulse(1, &why);
}

static void a_loop_that_hangs_is_found_and_its_end_too(void **state)
{
	struct weir_error why = {0};

	(void)state;
	assert_int_equal(loop_post(parts.loop, wait_in_loop, NULL), 0);
	await_pulse(0, &why);
	assert_non_null(strstr(why.text, "loop"));
	sem_post(&parts.release);
	await_pulse(1, &why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_idle_agent_moves, setup, teardown),
		cmocka_unit_test_setup_teardown(a_worker_that_hangs_is_found_and_its_end_too, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_loop_that_hangs_is_found_and_its_end_too, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
