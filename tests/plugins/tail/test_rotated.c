// SPDX-License-Identifier: MIT
/* Which files were rotated before anybody saw them. */
#include "cmocka_all.h"

#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog.h"
#include "mock_host.h"
#include "rotated.h"

#define MADE_NS (INT64_C(1000000000) * 1000000000)

/* What the state has; 0 = nothing. */
static struct {
	int64_t alive_ns, stopped_ns, committed_ns;
} noted;

static int64_t state_get(struct weir_context *context, struct weir_slice key, void *buffer,
			 uint64_t size)
{
	int64_t ns = weir_slice_equals(key, "alive") ? noted.alive_ns : noted.stopped_ns;
	uint64_t value = htole64((uint64_t)ns);

	(void)context;
	assert_true(size == sizeof(value));
	if (!ns)
		return WEIR_ERR_NOT_FOUND;
	memcpy(buffer, &value, sizeof(value));
	return sizeof(value);
}

static int32_t source_known(struct weir_context *context, uint32_t index,
			    struct weir_source_state *ret_state)
{
	(void)context;
	if (!noted.committed_ns || index)
		return WEIR_ERR_NOT_FOUND;
	ret_state->seen_ns = noted.committed_ns;
	return 0;
}

/* Whether a file is unseen that was made at MADE_NS. */
static int is_unseen_now(const char *name)
{
	struct statx status = {.stx_mask = STATX_BTIME,
			       .stx_btime = {.tv_sec = 1000000000},
			       .stx_mtime = {.tv_sec = 1000000000}};
	struct weir_error error;
	struct catalog catalog;
	struct mock_host host;
	int unseen;

	mock_host_create(&host);
	host.services.state_get = state_get;
	host.services.source_known = source_known;
	catalog_init(&catalog, &host.services, mock_context(&host));
	assert_int_equal(glob_add(&catalog.options.paths, "/logs/*.log", 0, &error), 0);
	rotated_start(&catalog, 0);
	unseen = rotated_unseen(&catalog, name, &status);
	glob_list_done(&catalog.options.paths);
	catalog_done(&catalog);
	mock_host_destroy(&host);
	return unseen;
}

/* The same, so long after the input stopped. */
static int is_unseen(const char *name, int64_t after_ns)
{
	memset(&noted, 0, sizeof(noted));
	noted.stopped_ns = MADE_NS - after_ns;
	return is_unseen_now(name);
}

static void what_was_made_since_the_input_last_looked_is_unseen(void **state)
{
	(void)state;
	assert_true(is_unseen("/logs/app.log.1", 1000000000));
	assert_true(is_unseen("/logs/app.log.1", 1));
	assert_false(is_unseen("/logs/app.log.1", -1000000000));
	assert_false(is_unseen("/logs/notes.1", 1000000000));
}

/* The clock of files is behind that of the agent. */
static void what_was_made_in_the_tick_in_which_the_input_last_looked_is_unseen(void **state)
{
	(void)state;
	assert_true(is_unseen("/logs/app.log.1", -4000000));
	assert_false(is_unseen("/logs/app.log.1", -10000000));
}

/* Its sources are committed until the last destination has answered. */
static void what_was_made_after_a_stop_is_unseen_whatever_was_committed_since(void **state)
{
	(void)state;
	memset(&noted, 0, sizeof(noted));
	noted.alive_ns = MADE_NS - 2000000000;
	noted.stopped_ns = MADE_NS - 1000000000;
	noted.committed_ns = MADE_NS + 1000000000;
	assert_true(is_unseen_now("/logs/app.log.1"));
	noted.stopped_ns = MADE_NS + 500000000;
	assert_false(is_unseen_now("/logs/app.log.1"));
	noted.stopped_ns = 0; /* killed while it looked */
	assert_false(is_unseen_now("/logs/app.log.1"));
}

/* What was compressed as the agent read on to its end, after which the source was forgotten. */
static void what_was_made_just_before_a_source_was_forgotten_was_seen(void **state)
{
	(void)state;
	memset(&noted, 0, sizeof(noted));
	noted.alive_ns = MADE_NS + 1000000;
	assert_false(is_unseen_now("/logs/app.log.1"));
	noted.alive_ns = MADE_NS - 1;
	assert_true(is_unseen_now("/logs/app.log.1"));
	noted.committed_ns =
		MADE_NS + 1000000; /* that was another file: this one had not been looked at */
	assert_true(is_unseen_now("/logs/app.log.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_made_since_the_input_last_looked_is_unseen),
		cmocka_unit_test(
			what_was_made_in_the_tick_in_which_the_input_last_looked_is_unseen),
		cmocka_unit_test(what_was_made_just_before_a_source_was_forgotten_was_seen),
		cmocka_unit_test(what_was_made_after_a_stop_is_unseen_whatever_was_committed_since),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
