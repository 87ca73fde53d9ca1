// SPDX-License-Identifier: MIT
/* The published known answers, and what they do not cover. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "aws/sign_case.h"

#define VECTORS 37 /* in vectors.txt */

static const char *authorization(const struct aws_signed *s)
{
	return s->headers[s->count - 1].data;
}

static void the_published_vectors_pass(void **state)
{
	FILE *file = fopen(WEIR_SOURCE_DIR "/tests/unit/aws/vectors.txt", "r");
	struct sign_case c = {0};
	int count = 0, wrong = 0;

	(void)state;
	assert_non_null(file);
	while (sign_case_read(file, &c)) {
		struct aws_signed signed_headers;

		assert_int_equal(sign_case_sign(&c, &signed_headers, NULL), 0);
		if (!strstr(authorization(&signed_headers), c.expect)) {
			wrong++;
			print_error("%s: %s instead of %s\n", c.name,
				    authorization(&signed_headers), c.expect);
		}
		aws_signed_done(&signed_headers);
		count++;
	}
	sign_case_done(&c);
	fclose(file);
	assert_int_equal(count, VECTORS);
	assert_int_equal(wrong, 0);
}

static const struct aws_keys keys = {{"AK", 2}, {"SK", 2}, {NULL, 0}};

static struct aws_signing signing_of(const char *url)
{
	return (struct aws_signing){.url = weir_slice_of(url),
				    .region = {"r", 1},
				    .service = {"s", 1},
				    .time_s = 1440938160,
				    .body_sha256 = {"00", 2},
				    .keys = &keys};
}

static void assert_same(const char *one, const char *other)
{
	struct aws_signing a = signing_of(one), b = signing_of(other);
	struct aws_signed x, y;

	assert_int_equal(aws_sign(&a, &x, NULL), 0);
	assert_int_equal(aws_sign(&b, &y, NULL), 0);
	assert_string_equal(authorization(&x), authorization(&y));
	aws_signed_done(&x);
	aws_signed_done(&y);
}

static void a_query_is_signed_in_its_canonical_form(void **state)
{
	(void)state;
	assert_same("https://h/?b=2&a=1&a=0", "https://h/?a=0&a=1&b=2");
	assert_same("https://h/?a", "https://h/?a=");
	assert_same("https://h/?k=%7eA%2f", "https://h/?k=~A/");
	assert_same("https://h/?&a=1&", "https://h/?a=1");
	assert_same("https://h/?a=%zz", "https://h/?a=%25zz");
}

static void the_schemes_own_port_is_not_signed(void **state)
{
	(void)state;
	assert_same("https://h:443/", "https://h");
	assert_same("http://user:pass@h:80/#top", "http://h/");
}

static void a_token_is_signed_along(void **state)
{
	const struct aws_keys with = {{"AK", 2}, {"SK", 2}, {"TOKEN", 5}};
	struct aws_signing s = signing_of("https://h/");
	struct aws_signed made;

	(void)state;
	s.keys = &with;
	s.flags = AWS_SIGN_CONTENT_SHA256;
	assert_int_equal(aws_sign(&s, &made, NULL), 0);
	assert_int_equal(made.count, 4);
	assert_string_equal(made.headers[0].data, "X-Amz-Date: 20150830T123600Z");
	assert_string_equal(made.headers[1].data, "X-Amz-Security-Token: TOKEN");
	assert_string_equal(made.headers[2].data, "X-Amz-Content-SHA256: 00");
	assert_non_null(strstr(made.headers[3].data, "SignedHeaders=host;x-amz-content-sha256;"
						     "x-amz-date;x-amz-security-token, "));
	aws_signed_done(&made);
}

static void what_is_no_url_is_refused(void **state)
{
	struct aws_signing s = signing_of("not a url");
	struct weir_error error = {0};
	struct aws_signed made;

	(void)state;
	assert_int_equal(aws_sign(&s, &made, &error), WEIR_ERR_INVALID);
	assert_string_equal(error.text, "cannot sign the request: its URL is no URL");
	s = signing_of("https://h/");
	s.time_s = INT64_MAX;
	assert_int_equal(aws_sign(&s, &made, &error), WEIR_ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_vectors_pass),
		cmocka_unit_test(a_query_is_signed_in_its_canonical_form),
		cmocka_unit_test(the_schemes_own_port_is_not_signed),
		cmocka_unit_test(a_token_is_signed_along),
		cmocka_unit_test(what_is_no_url_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
