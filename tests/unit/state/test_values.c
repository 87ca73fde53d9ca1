// SPDX-License-Identifier: MIT
/* Values that plugins keep: found before their commit, and after it. */
#include "state_folder.h"

static int64_t value_get(struct state *state, const char *owner, const char *key, char *text)
{
	int64_t size = state_get_value(state, owner, weir_slice_of(key), text, 63);

	text[size > 0 && size < 63 ? size : 0] = '\0';
	return size;
}

static void a_value_is_found_before_and_after_its_commit(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	char text[64];

	assert_int_equal(
		state_put_value(state, "web/tail", weir_slice_of("k"), weir_slice_of("one")), 0);
	assert_int_equal(value_get(state, "web/tail", "k", text), 3);
	assert_string_equal(text, "one");
	sync_ok(state);
	assert_int_equal(value_get(state, "web/tail", "k", text), 3);
	assert_string_equal(text, "one");
	assert_int_equal(value_get(state, "web/other", "k", text), WEIR_ERR_NOT_FOUND);
	state_close(state);
	state = opened(folder->dir);
	assert_int_equal(value_get(state, "web/tail", "k", text), 3);
	state_close(state);
}

static void a_later_value_replaces_and_an_empty_one_removes(void **user)
{
	struct folder *folder = *user;
	struct state *state = started(folder);
	char text[64];

	state_put_value(state, "o", weir_slice_of("k"), weir_slice_of("one"));
	state_put_value(state, "o", weir_slice_of("k"), weir_slice_of("second"));
	assert_int_equal(value_get(state, "o", "k", text), 6);
	sync_ok(state);
	state_put_value(state, "o", weir_slice_of("k"), weir_slice_of(""));
	assert_int_equal(value_get(state, "o", "k", text), WEIR_ERR_NOT_FOUND);
	sync_ok(state);
	assert_int_equal(value_get(state, "o", "k", text), WEIR_ERR_NOT_FOUND);
	assert_int_equal(query(folder->dir, "SELECT count(*) FROM plugin_values"), 0);
	state_close(state);
}

static void a_value_longer_than_the_buffer_tells_its_whole_size(void **user)
{
	struct folder *folder = *user;
	struct state *state = opened(folder->dir);
	char text[4] = "";

	state_put_value(state, "o", weir_slice_of("k"), weir_slice_of("long value"));
	sync_ok(state);
	assert_int_equal(state_get_value(state, "o", weir_slice_of("k"), text, 4), 10);
	assert_memory_equal(text, "long", 4);
	state_close(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_create, folder_destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_value_is_found_before_and_after_its_commit),
		TEST(a_later_value_replaces_and_an_empty_one_removes),
		TEST(a_value_longer_than_the_buffer_tells_its_whole_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
