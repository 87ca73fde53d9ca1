// SPDX-License-Identifier: MIT
#include "output_host.h"

static int setup(void **user)
{
	return host_create(user, "null");
}

static void all_records_are_delivered_from_within_write(void **user)
{
	struct output_host *host = *user;

	host_start(host);
	host_write(host, "line", 1, 3);
	assert_int_equal(host->delivered, 3);
	assert_int_equal(host->spec.format, 0);
}

static void encode_asks_for_the_encoding(void **user)
{
	struct output_host *host = *user;

	option_text(host, "encode", "json");
	host_start(host);
	host_write(host, "line", 1, 3);
	assert_int_equal(host->delivered, 3);
	assert_int_equal(host->spec.format, WEIR_ENCODE_JSON);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, host_destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_records_are_delivered_from_within_write),
		TEST(encode_asks_for_the_encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
