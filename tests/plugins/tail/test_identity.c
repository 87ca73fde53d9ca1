// SPDX-License-Identifier: MIT
/* How a file is known again, over text in memory. */
#include "cmocka_all.h"

#include "identity.h"

struct text {
	char data[4096];
	size_t size;
};

static int64_t read_text(void *user, void *buffer, size_t size, uint64_t offset)
{
	const struct text *text = user;

	if (offset >= text->size)
		return 0;
	if (size > text->size - offset)
		size = text->size - offset;
	memcpy(buffer, text->data + offset, size);
	return (int64_t)size;
}

static void fill(struct text *text, size_t size)
{
	text->size = size;
	for (size_t i = 0; i < size; i++)
		text->data[i] = (char)('a' + i * i % 23);
}

static void bytes_give_back_what_they_were_made_of(void **state)
{
	struct identity one = {0}, two;
	uint8_t bytes[IDENTITY_BYTES];
	struct text text;

	(void)state;
	fill(&text, 3000);
	one.device = 7;
	one.inode = UINT64_C(0x1122334455667788);
	one.birth_ns = -5;
	assert_int_equal(identity_take_head(&one, read_text, &text), 0);
	identity_set_tail(&one, text.data + 1936, 64, 2000);
	identity_encode(&one, bytes);
	assert_int_equal(identity_decode(&two, bytes, sizeof(bytes)), 0);
	assert_memory_equal(&one, &two, sizeof(one));
	assert_int_equal(bytes[16], 0x88); /* little-endian */
}

static void bytes_of_another_version_or_too_few_are_refused(void **state)
{
	struct identity identity = {0};
	uint8_t bytes[IDENTITY_BYTES];

	(void)state;
	identity_encode(&identity, bytes);
	assert_int_equal(identity_decode(&identity, bytes, sizeof(bytes) - 1), -1);
	bytes[0] = 9;
	assert_int_equal(identity_decode(&identity, bytes, sizeof(bytes)), -1);
	bytes[0] = IDENTITY_VERSION;
	bytes[3] = 0xff;
	assert_int_equal(identity_decode(&identity, bytes, sizeof(bytes)), -1);
}

static void a_head_still_matches_when_the_file_has_grown(void **state)
{
	struct identity identity = {0};
	struct text text;

	(void)state;
	fill(&text, 10);
	assert_int_equal(identity_take_head(&identity, read_text, &text), 0);
	assert_int_equal(identity.head_size, 10);
	fill(&text, 2000);
	assert_true(identity_head_matches(&identity, read_text, &text));
	text.data[9] ^= 1;
	assert_false(identity_head_matches(&identity, read_text, &text));
	fill(&text, 9);
	assert_false(identity_head_matches(&identity, read_text, &text));
}

static void a_tail_tells_texts_with_the_same_head_apart(void **state)
{
	struct identity identity = {0};
	struct text text;

	(void)state;
	fill(&text, 3000);
	identity_set_tail(&identity, text.data + 2936, 64, 3000);
	assert_true(identity_tail_matches(&identity, read_text, &text));
	text.data[2999] ^= 1;
	assert_false(identity_tail_matches(&identity, read_text, &text));
	fill(&text, 2999);
	assert_false(identity_tail_matches(&identity, read_text, &text));
}

static void a_head_is_outgrown_when_more_would_tell_more(void **state)
{
	struct identity identity = {0};

	(void)state;
	assert_false(identity_head_outgrown(&identity, 0));
	assert_true(identity_head_outgrown(&identity, 1));
	identity.head_size = 10;
	assert_false(identity_head_outgrown(&identity, 200));
	assert_true(identity_head_outgrown(&identity, 256));
	identity.head_size = 256;
	assert_false(identity_head_outgrown(&identity, 1023));
	assert_true(identity_head_outgrown(&identity, 1024));
	identity.head_size = 1024;
	assert_false(identity_head_outgrown(&identity, 1 << 20));
}

static void an_inode_used_again_has_another_birth(void **state)
{
	struct identity one = {.device = 1, .inode = 2, .birth_ns = 3};
	struct identity two = one;

	(void)state;
	assert_true(identity_same_file(&one, &two));
	two.birth_ns = 4;
	assert_false(identity_same_file(&one, &two));
	two.birth_ns = 0; /* not known there */
	assert_true(identity_same_file(&one, &two));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_give_back_what_they_were_made_of),
		cmocka_unit_test(bytes_of_another_version_or_too_few_are_refused),
		cmocka_unit_test(a_head_still_matches_when_the_file_has_grown),
		cmocka_unit_test(a_tail_tells_texts_with_the_same_head_apart),
		cmocka_unit_test(a_head_is_outgrown_when_more_would_tell_more),
		cmocka_unit_test(an_inode_used_again_has_another_birth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
