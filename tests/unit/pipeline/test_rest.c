// SPDX-License-Identifier: MIT
/* Rests of busy sources, with a clock, a timer and a queue of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "pipeline/rest.h"
#include "pipeline/source_internal.h"

static struct {
	uint64_t now, timer_ns;
	uint32_t timers, queued, references;
	int reads;
} t;

static uint64_t read_clock(void)
{
	return t.now;
}

static int set_timer(struct loop *loop, struct loop_timer *timer, uint64_t ns)
{
	(void)loop;
	(void)timer;
	t.timers++;
	t.timer_ns = ns;
	return 0;
}

static void stop_timer(struct loop *loop, struct loop_timer *timer)
{
	(void)loop;
	(void)timer;
}

static void queue(struct source *source)
{
	atomic_store(&source->state, SOURCE_QUEUED);
	t.queued++;
}

#define clock_monotonic_ns read_clock
#define loop_timer_set set_timer
#define loop_timer_stop stop_timer
#define source_requeue queue
#define source_ref(source) ((void)(source), t.references++)
#define source_unref(view) ((void)(view), t.references--)
#define pipeline_is_reading(pipeline) ((void)(pipeline), t.reads)
#include "../../../agent/pipeline/rest.c"

#define MS ((uint64_t)NS_PER_MS)

static struct pipeline_host host;
static struct pipeline pipeline = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct config_stage configs[2];
static struct weir_context input, outputs[2], *output_list[2] = {&outputs[0], &outputs[1]};
static union {
	struct source source;
	char room[sizeof(struct source) + 64];
} one;

/* An output has this linger, a second one none of its own. */
static int setup_linger(uint64_t linger_ns)
{
	memset(&t, 0, sizeof(t));
	t.reads = 1;
	t.now = 1000 * MS;
	memset(&one, 0, sizeof(one));
	memset(&input, 0, sizeof(input));
	host = (struct pipeline_host){0};
	pipeline.host = &host;
	pipeline.resting = NULL;
	pipeline.outputs = output_list;
	pipeline.output_count = 2;
	configs[0].linger_ns = linger_ns;
	configs[1].linger_ns = WEIR_TIMER_OFF;
	outputs[0].config = &configs[0];
	outputs[1].config = &configs[1];
	rest_init(&pipeline);
	input.pipeline = &pipeline;
	one.source.pipeline = &pipeline;
	one.source.input = &input;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_linger(100 * MS);
}

/* A turn ends `after` the last one, with a state that source_ready() left. True when it rests. */
static int turn(uint64_t after, int state)
{
	t.now += after;
	atomic_store(&one.source.state, state);
	return rest_begin(&one.source);
}

static void a_first_turn_and_a_late_one_do_not_rest(void **state)
{
	(void)state;
	assert_false(turn(0, SOURCE_RUNNING));
	assert_false(turn(REST_MAX_NS, SOURCE_RUNNING));
	assert_false(turn(50 * MS, SOURCE_AGAIN));
	assert_int_equal(t.timers, 0);
}

static void a_busy_source_rests_until_the_timer(void **state)
{
	(void)state;
	turn(0, SOURCE_RUNNING);
	assert_true(turn(REST_MAX_NS - 1, SOURCE_RUNNING));
	assert_int_equal(one.source.state, SOURCE_RESTING);
	assert_int_equal(t.timer_ns, REST_MAX_NS);
	assert_int_equal(t.references, 1);
	end_rest(&pipeline);
	assert_int_equal(one.source.state, SOURCE_IDLE);
	assert_int_equal(t.queued, 0);
	assert_int_equal(t.references, 0);
}

static void what_comes_meanwhile_is_read_at_the_end_of_the_rest(void **state)
{
	(void)state;
	turn(0, SOURCE_RUNNING);
	assert_true(turn(1, SOURCE_AGAIN)); /* it came during the turn */
	assert_int_equal(one.source.state, SOURCE_RESTING_READY);
	end_rest(&pipeline);
	assert_int_equal(t.queued, 1);
	/* The next turn is later than a rest is long, and rests all the same; the one after does not. */
	assert_true(turn(2 * REST_MAX_NS, SOURCE_RUNNING));
	end_rest(&pipeline);
	assert_false(turn(2 * REST_MAX_NS, SOURCE_RUNNING));
}

static void one_timer_is_for_all(void **state)
{
	static union {
		struct source source;
		char room[sizeof(struct source) + 64];
	} other;

	(void)state;
	turn(0, SOURCE_RUNNING);
	turn(1, SOURCE_RUNNING);
	other.source = one.source;
	other.source.turn_ns = t.now;
	atomic_store(&other.source.state, SOURCE_RUNNING);
	assert_true(rest_begin(&other.source));
	assert_int_equal(t.timers, 1);
	end_rest(&pipeline);
	assert_int_equal(one.source.state, SOURCE_IDLE);
	assert_int_equal(other.source.state, SOURCE_IDLE);
	assert_int_equal(t.references, 0);
}

static void the_least_linger_sets_the_pace(void **state)
{
	(void)state;
	setup_linger(10 * MS);
	assert_int_equal(pipeline.rest_ns, 2 * MS);
	setup_linger(0);
	assert_int_equal(pipeline.rest_ns, 0);
	turn(0, SOURCE_RUNNING);
	assert_false(turn(0, SOURCE_RUNNING));
	setup_linger(WEIR_TIMER_OFF);
	assert_int_equal(pipeline.rest_ns, REST_MAX_NS);
}

static void what_cannot_wait_does_not(void **state)
{
	(void)state;
	one.source.is_volatile = 1;
	turn(0, SOURCE_RUNNING);
	assert_false(turn(1, SOURCE_RUNNING));
	one.source.is_volatile = 0;
	t.reads = 0; /* the pipeline stops */
	assert_false(turn(1, SOURCE_RUNNING));
	t.reads = 1;
	host.once = 1;
	rest_init(&pipeline);
	assert_false(turn(1, SOURCE_RUNNING));
}

static void an_input_in_a_hurry_ends_rests_and_begins_none(void **state)
{
	(void)state;
	rest_forgo(&input, 0);
	assert_int_equal(t.timers, 0); /* nobody rests */
	turn(0, SOURCE_RUNNING);
	assert_true(turn(1, SOURCE_RUNNING));
	rest_forgo(&input, 50 * MS);
	assert_int_equal(t.timers, 2);
	assert_int_equal(t.timer_ns, 0);
	end_rest(&pipeline);
	assert_false(turn(1, SOURCE_RUNNING));
	assert_false(turn(50 * MS - 2, SOURCE_RUNNING));
	assert_true(turn(1, SOURCE_RUNNING));
	end_rest(&pipeline);
}

static void a_stopped_pipeline_has_no_resting_sources(void **state)
{
	(void)state;
	turn(0, SOURCE_RUNNING);
	turn(1, SOURCE_RUNNING);
	cancel(&pipeline);
	assert_null(pipeline.resting);
	assert_int_equal(one.source.state, SOURCE_PARKED);
	assert_int_equal(t.references, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_first_turn_and_a_late_one_do_not_rest),
		TEST(a_busy_source_rests_until_the_timer),
		TEST(what_comes_meanwhile_is_read_at_the_end_of_the_rest),
		TEST(one_timer_is_for_all),
		TEST(the_least_linger_sets_the_pace),
		TEST(what_cannot_wait_does_not),
		TEST(an_input_in_a_hurry_ends_rests_and_begins_none),
		TEST(a_stopped_pipeline_has_no_resting_sources),
	};

	return cmocka_run_group_tests_name("rest", tests, NULL, NULL);
}
