// SPDX-License-Identifier: MIT
/* A tap looks at what it is shown for as long as its share of the time allows, and no longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "await.h"
#include "mock_host.h"
#include "pipeline/tap.h"

#define LINES 4096

struct scene {
	struct mock_host host;
	struct taps taps;
	struct tap *tap;
	struct weir_batch *batch;
};

static int setup(void **state)
{
	static char text[2 * LINES];
	struct scene *scene = calloc(1, sizeof(*scene));
	/* Nothing is shown, so that only the looking costs. */
	const struct tap_request request = {
		.pipeline = "p", .at = TAP_ROUTED, .where = "message == \"never\""};
	struct weir_error error = {0};

	for (int i = 0; i < LINES; i++)
		memcpy(text + 2 * i, "x\n", 2);
	mock_host_create(&scene->host);
	scene->batch = mock_batch_lines(&scene->host, (struct weir_slice){text, sizeof(text)}, 0);
	taps_init(&scene->taps);
	assert_int_equal(tap_open(&scene->taps, &request, &scene->tap, &error), 0);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	tap_close(&scene->taps, scene->tap);
	taps_done(&scene->taps);
	mock_batch_free(scene->batch);
	mock_host_destroy(&scene->host);
	free(scene);
	return 0;
}

/* How many records of one batch were left out. */
static uint64_t offer(struct scene *scene)
{
	struct buffer out = {0};
	uint64_t left_out;

	tap_offer(&scene->taps, "p", TAP_ROUTED, NULL, scene->batch, NULL, weir_slice_of("host"));
	assert_int_equal(tap_read(scene->tap, &out, &left_out), 0);
	assert_int_equal(out.size, 0);
	buffer_done(&out);
	return left_out;
}

/* Offers one after the other until one is left out; nothing else takes time. */
static uint64_t offer_until_left_out(struct scene *scene)
{
	uint64_t end = clock_monotonic_ns() + AWAIT_DEADLINE_S * (uint64_t)NS_PER_SECOND;
	uint64_t left_out = 0;

	while (!left_out && clock_monotonic_ns() < end)
		left_out = offer(scene);
	return left_out;
}

static void the_first_records_are_looked_at(void **state)
{
	assert_int_equal(offer(*state), 0);
}

static void what_is_beyond_its_share_is_left_out(void **state)
{
	assert_in_range(offer_until_left_out(*state), 1, LINES);
}

static void time_that_passes_earns_it_more(void **state)
{
	assert_in_range(offer_until_left_out(*state), 1, LINES);
	AWAIT(offer(*state) == 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(the_first_records_are_looked_at),
		CASE(what_is_beyond_its_share_is_left_out),
		CASE(time_that_passes_earns_it_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
