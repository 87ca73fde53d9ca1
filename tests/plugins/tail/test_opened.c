// SPDX-License-Identifier: MIT
/* A file's first look: its head is read once, and is what it was then. */
#include "cmocka_all.h"

#include <unistd.h>

#include "file.h"
#include "opened.h"

static struct opened open_with(size_t size)
{
	struct opened opened = {.fd = fileno(tmpfile())};

	for (size_t i = 0; i < size; i++)
		assert_int_equal(write(opened.fd, i % 64 == 63 ? "\n" : "x", 1), 1);
	assert_int_equal(file_status(opened.fd, "", &opened.status), 0);
	return opened;
}

static void the_head_is_read_once(void **state)
{
	struct opened opened = open_with(100);
	char text[IDENTITY_HEAD_MAX];

	(void)state;
	assert_int_equal(opened_read(&opened, text, sizeof(text), 0), 100);
	assert_int_equal(ftruncate(opened.fd, 0), 0);
	assert_int_equal(opened_read(&opened, text, 64, 36), 64);
	assert_int_equal(text[63 - 36], '\n');
	assert_int_equal(opened_read(&opened, text, 64, 90), 10);
	assert_int_equal(opened_read(&opened, text, 64, 100), 0);
	(void)close(opened.fd);
}

static void what_lies_behind_the_head_is_read_from_the_file(void **state)
{
	struct opened opened = open_with(3000);
	char text[64];

	(void)state;
	assert_int_equal(opened_read(&opened, text, sizeof(text), 2900), 64);
	assert_false(opened.has_head);
	assert_int_equal(opened_read(&opened, text, sizeof(text), IDENTITY_HEAD_MAX - 32), 64);
	assert_int_equal(text[31], '\n');
	assert_int_equal(opened_read(&opened, text, sizeof(text), 2990), 10);
	(void)close(opened.fd);
}

static void a_file_that_was_truncated_after_it_was_opened_has_less_of_a_head(void **state)
{
	struct opened opened = open_with(100);

	(void)state;
	assert_int_equal(ftruncate(opened.fd, 10), 0);
	assert_int_equal(opened_take_head(&opened), 0);
	assert_int_equal(opened.head_size, 10);
	assert_int_equal(opened_head_wanted(&opened), 100);
	(void)close(opened.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_head_is_read_once),
		cmocka_unit_test(what_lies_behind_the_head_is_read_from_the_file),
		cmocka_unit_test(a_file_that_was_truncated_after_it_was_opened_has_less_of_a_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
