// SPDX-License-Identifier: MIT
/* A stranger's file is tried while other threads hold what its constructors need. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "host/trial.h"

#define THREADS 2
#define TRIALS 60
#define LIMIT_NS (20 * (uint64_t)NS_PER_SECOND)

static _Atomic int ended;

static void *at_the_time_zone(void *user)
{
	struct tm parts;
	time_t now = time(NULL);

	while (!atomic_load(&ended))
		(void)localtime_r(&now, &parts);
	return user;
}

static void none_hangs_on_a_lock_of_another_thread(void **state)
{
	pthread_t threads[THREADS];
	struct weir_error error = {0};

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, at_the_time_zone, NULL), 0);
	for (int i = 0; i < TRIALS; i++)
		if (trial_load(WEIR_TEST_MODULES "/at_load.so", LIMIT_NS, &error) < 0)
			fail_msg("trial %d: %s", i, error.text);
	atomic_store(&ended, 1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_hangs_on_a_lock_of_another_thread),
	};

	if (trial_is_child(argc, argv))
		return trial_child(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
