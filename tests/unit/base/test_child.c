// SPDX-License-Identifier: MIT
/*
 * A copy of the process finds free what other threads held when it was made. They allocate nothing
 * meanwhile: the memory of a sanitizer, unlike the C library's, is not free in a copy.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secrets.h"

#define SECRETS 64
#define CHILDREN 400
#define PATIENCE_NS (20 * (uint64_t)NS_PER_SECOND)
#define DONE 7

static _Atomic int ended;

/* Each line with a code of its own: none is left out. */
static void say(uint32_t number)
{
	char code[24];

	snprintf(code, sizeof(code), "code_%u", number);
	log_line(WEIR_LOG_WARNING, "test", code, "a line about the-secret-%u", number % SECRETS);
}

static void learn(uint32_t number)
{
	char text[40];

	snprintf(text, sizeof(text), "the-secret-%u", number % SECRETS);
	secrets_add(NULL, weir_slice_of(text));
	secrets_mask(text, strlen(text));
}

static void *at_the_log(void *user)
{
	for (uint32_t i = 0; !atomic_load(&ended); i++)
		say(i);
	return user;
}

static void *at_the_secrets(void *user)
{
	for (uint32_t i = 0; !atomic_load(&ended); i++)
		learn(i);
	return user;
}

static void be_a_child(void)
{
	say(1);
	learn(1);
	_exit(DONE);
}

static void a_copy_never_hangs_at_the_log_or_the_secrets(void **state)
{
	static void *(*const works[])(void *) = {at_the_log, at_the_secrets};
	pthread_t threads[sizeof(works) / sizeof(works[0])];
	struct weir_error error;
	int status = 0;

	(void)state;
	assert_int_equal(log_setup(WEIR_LOG_INFO, LOG_TEXT, "/dev/null", &error), 0);
	for (uint32_t i = 0; i < SECRETS; i++)
		learn(i);
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, works[i], NULL), 0);
	for (int i = 0; i < CHILDREN; i++) {
		pid_t child = child_fork();

		if (child == 0)
			be_a_child();
		assert_true(child > 0);
		if (!child_await(child, PATIENCE_NS)) {
			kill(child, SIGKILL);
			fail_msg("child %d hangs", i);
		}
		assert_int_equal(child_reap(child, &status), 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == DONE);
	}
	atomic_store(&ended, 1);
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_never_hangs_at_the_log_or_the_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
