// SPDX-License-Identifier: MIT
/* Base64 by vectors and by the plain loop, against OpenSSL's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above. */
#include <cmocka.h>
#include <openssl/evp.h>

#include "support/aws_put/base64.h"
#include "support/aws_put/body.h"

#define SIZE_MAX_TESTED 400

static uint8_t bytes[SIZE_MAX_TESTED];

static int fill_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + (i >> 3) * 41); /* every value, in no simple order */
	return 0;
}

/* What OpenSSL says. */
static size_t expected_of(const uint8_t *from, size_t size, char *ret_text)
{
	return (size_t)EVP_EncodeBlock((unsigned char *)ret_text, from, (int)size);
}

/* From memory that ends where the input ends, so that a sanitizer sees a read beyond it. */
static void check_encode(char *(*encode)(char *, const uint8_t *, size_t), size_t size)
{
	uint8_t *from = malloc(size ? size : 1);
	char *to = malloc(size / 3 * 4 + 1), expected[SIZE_MAX_TESTED * 2];
	size_t length = expected_of(bytes, size, expected);

	memcpy(from, bytes, size);
	assert_ptr_equal(encode(to, from, size), to + length);
	assert_memory_equal(to, expected, length);
	free(from);
	free(to);
}

static void groups_of_every_count_are_as_openssl_has_them(void **state)
{
	(void)state;
	for (size_t size = 0; size + 3 <= sizeof(bytes); size += 3) {
		check_encode(base64_encode, size);
		check_encode(base64_encode_scalar, size);
	}
}

static void every_character_comes_from_its_six_bits(void **state)
{
	uint8_t group[48];
	char vector[64], scalar[64];

	(void)state;
	for (uint32_t six = 0; six < 64; six++) {
		uint32_t three = six << 18 | six << 12 | six << 6 | six;

		for (size_t i = 0; i < sizeof(group); i += 3) {
			group[i] = (uint8_t)(three >> 16);
			group[i + 1] = (uint8_t)(three >> 8);
			group[i + 2] = (uint8_t)three;
		}
		base64_encode(vector, group, sizeof(group));
		base64_encode_scalar(scalar, group, sizeof(group));
		assert_memory_equal(vector, scalar, sizeof(vector));
	}
}

/* The body's text, cut into slices of `step` bytes, is the same as of one. */
static void check_slices(size_t size, size_t step)
{
	struct body body = {0};
	struct weir_slice *slices;
	char expected[SIZE_MAX_TESTED * 2];
	size_t length = expected_of(bytes, size, expected);

	for (size_t at = 0; at < size; at += step)
		body_add_base64(&body, (struct weir_slice){(const char *)bytes + at,
							   size - at < step ? size - at : step});
	body_end_base64(&body);
	slices = body_slices(&body);
	assert_non_null(slices);
	assert_int_equal(body.size, length);
	assert_memory_equal(slices[0].data, expected, length);
	free(slices);
	body_done(&body);
}

static void slices_make_one_text_wherever_they_are_cut(void **state)
{
	(void)state;
	for (size_t size = 1; size <= 100; size++)
		for (size_t step = 1; step <= size; step++)
			check_slices(size, step);
}

static void large_slices_stay_where_they_are_and_small_ones_are_copied(void **state)
{
	static char large[64 << 10];
	struct body body = {0};
	struct weir_slice *slices;

	(void)state;
	body_add_string(&body, "a");
	body_add_slice(&body, weir_slice_of("small"));
	body_add_slice(&body, (struct weir_slice){large, sizeof(large)});
	body_add_string(&body, "z");
	slices = body_slices(&body);
	assert_non_null(slices);
	assert_int_equal(body.count, 3);
	assert_int_equal(body.size, 7 + sizeof(large));
	assert_memory_equal(slices[0].data, "asmall", slices[0].size);
	assert_ptr_equal(slices[1].data, large);
	assert_memory_equal(slices[2].data, "z", slices[2].size);
	free(slices);
	body_done(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_of_every_count_are_as_openssl_has_them),
		cmocka_unit_test(every_character_comes_from_its_six_bits),
		cmocka_unit_test(slices_make_one_text_wherever_they_are_cut),
		cmocka_unit_test(large_slices_stay_where_they_are_and_small_ones_are_copied),
	};

	return cmocka_run_group_tests(tests, fill_bytes, NULL);
}
