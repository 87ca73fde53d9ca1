// SPDX-License-Identifier: MIT
/* What is read from servers and files: documents, dates, profiles, command lines, errors, answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/aws/answer.h"
#include "support/aws/date.h"
#include "support/aws/document.h"
#include "support/aws/endpoint.h"
#include "support/aws/error.h"
#include "support/aws/process.h"
#include "support/aws/profile.h"

/* ---- documents ---- */

static char trace[4096];

static void note(void *user, const struct document_event *event)
{
	static const char *const kinds[] = {"", "{", "[", ".", "k", "t", "n", "o"};
	size_t size = strlen(trace);

	(void)user;
	if (event->kind == DOCUMENT_NUMBER)
		snprintf(trace + size, sizeof(trace) - size, "%u%s%lld ", event->depth,
			 kinds[event->kind], (long long)event->number);
	else
		snprintf(trace + size, sizeof(trace) - size, "%u%s%.*s ", event->depth,
			 kinds[event->kind],
			 event->kind == DOCUMENT_OTHER ? 0 : (int)event->text.size,
			 event->text.data ? event->text.data : "");
}

static int32_t walk(const char *bytes, size_t size)
{
	trace[0] = '\0';
	return document_walk((struct weir_slice){bytes, size}, note, NULL);
}

static void json_and_cbor_give_the_same_events(void **state)
{
	static const char json[] = " {\"a\": [1, -2, null], \"b\": {\"c\": \"x\"}}\n";
	static const char cbor[] = "\xa2\x61"
				   "a\x83\x01\x21\xf6\x61"
				   "b\xa1\x61"
				   "c\x61x";
	static const char open[] = "\xbf\x61"
				   "a\x9f\x01\x21\xf6\xff\x61"
				   "b\xbf\x61"
				   "c\x7f\x61x\x60\xff\xff\xff";
	static const char events[] = "1{ 1ka 2[ 2n1 2n-2 2o 2. 1kb 2{ 2kc 2tx 2. 1. ";

	(void)state;
	assert_int_equal(walk(json, sizeof(json) - 1), 0);
	assert_string_equal(trace, events);
	assert_int_equal(walk(cbor, sizeof(cbor) - 1), 0);
	assert_string_equal(trace, events);
	assert_int_equal(walk(open, sizeof(open) - 1), 0);
	assert_string_equal(trace, events);
}

static void escapes_are_read(void **state)
{
	static const char json[] = "\"\\\"\\\\\\/\\n\\u00e9\\ud83d\\ude00\\ud800\"";

	(void)state;
	assert_int_equal(walk(json, sizeof(json) - 1), 0);
	assert_string_equal(trace, "0t\"\\/\n\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbd ");
}

static void a_cut_document_is_an_error_at_every_byte(void **state)
{
	static const char json[] = "{\"a\":[1,{\"b\":\"\\u00e9\"}],\"c\":true}";
	static const char cbor[] = "\xbf\x61"
				   "a\x9f\x19\x01\x00\xa1\x61"
				   "b\x42xy\xff\x61"
				   "c\xf5\xff";

	(void)state;
	assert_int_equal(walk(json, sizeof(json) - 1), 0);
	assert_int_equal(walk(cbor, sizeof(cbor) - 1), 0);
	for (size_t i = 0; i < sizeof(json) - 1; i++)
		assert_int_equal(walk(json, i), WEIR_ERR_INVALID);
	for (size_t i = 0; i < sizeof(cbor) - 1; i++)
		assert_int_equal(walk(cbor, i), WEIR_ERR_INVALID);
}

static void no_nesting_and_no_length_is_too_bold(void **state)
{
	char deep[200];

	(void)state;
	memset(deep, '[', sizeof(deep));
	assert_int_equal(walk(deep, sizeof(deep)), WEIR_ERR_INVALID);
	memset(deep, 0x81, sizeof(deep));
	assert_int_equal(document_walk_cbor((struct weir_slice){deep, sizeof(deep)}, note, NULL),
			 WEIR_ERR_INVALID);
	memcpy(deep, "\xa1\x7b\xff\xff\xff\xff\xff\xff\xff\xf0", 10);
	assert_int_equal(walk(deep, 10), WEIR_ERR_INVALID);
}

/* Any bytes; the sanitizers judge. */
static void any_bytes_are_safe(void **state)
{
	static const char seed[] = "\xbf\x61"
				   "a\x9f\x19\x01\x00\xa1\x61"
				   "b\x42xy\xff\x61"
				   "c\xf5\xff";
	uint32_t random = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char bytes[sizeof(seed) - 1];

		memcpy(bytes, seed, sizeof(bytes));
		for (int i = 0; i < 3; i++) {
			random = random * 1664525 + 1013904223;
			bytes[random % sizeof(bytes)] = (char)(random >> 16);
		}
		walk(bytes, sizeof(bytes));
		document_walk_json((struct weir_slice){bytes, sizeof(bytes)}, note, NULL);
	}
}

/* ---- dates ---- */

static void dates_are_read(void **state)
{
	(void)state;
	assert_int_equal(date_read_http(weir_slice_of("Sun, 06 Nov 1994 08:49:37 GMT")), 784111777);
	assert_int_equal(date_read_http(weir_slice_of("yesterday")), -1);
	assert_int_equal(date_read_http(weir_slice_of("Sun, 06 anF 1994 08:49:37 GMT")), -1);
	assert_int_equal(date_read_iso(weir_slice_of("2015-08-30T12:36:00Z")), 1440938160);
	assert_int_equal(date_read_iso(weir_slice_of("2015-08-30T12:36:00.123Z")), 1440938160);
	assert_int_equal(date_read_iso(weir_slice_of("2015-08-30T14:36:00+02:00")), 1440938160);
	assert_int_equal(date_read_iso(weir_slice_of("soon")), -1);
}

/* ---- shared files ---- */

static void the_credentials_file_wins_over_the_config_file(void **state)
{
	struct profiles *p = profiles_create();

	(void)state;
	profiles_read(p,
		      weir_slice_of("# c\n[default]\nregion=a\nAWS_Access_Key_Id = old\n"
				    "[profile x y]\n region = nested\ns3 =\n  max = 1\nregion = b\n"
				    "[other]\nregion = not a profile\n"),
		      1);
	profiles_read(p, weir_slice_of("[default]\r\naws_access_key_id=new=\r\n"), 0);
	assert_string_equal(profiles_get(p, "default", "aws_access_key_id"), "new=");
	assert_string_equal(profiles_get(p, "default", "region"), "a");
	assert_string_equal(profiles_get(p, "x y", "region"), "b");
	assert_null(profiles_get(p, "x y", "max"));
	assert_false(profiles_has(p, "other"));
	profiles_free(p);
}

static void command_lines_are_split_as_a_shell_does(void **state)
{
	char line[] = "  /bin/x  'a \"b' \"c\\\"d\" e\\ f ''";
	char open[] = "x 'a";
	char *words[8];

	(void)state;
	assert_int_equal(process_split(line, words, 8), 5);
	assert_string_equal(words[0], "/bin/x");
	assert_string_equal(words[1], "a \"b");
	assert_string_equal(words[2], "c\"d");
	assert_string_equal(words[3], "e f");
	assert_string_equal(words[4], "");
	assert_int_equal(process_split(open, words, 8), -1);
}

/* ---- errors ---- */

static struct aws_error error_of(uint32_t status, uint32_t advice, const char *headers,
				 const char *body)
{
	const struct weir_http_response response = {.struct_size = sizeof(response),
						    .status = status,
						    .advice = advice,
						    .headers = weir_slice_of(headers),
						    .body = weir_slice_of(body)};
	struct aws_error failure;

	aws_error_read(&response, &failure);
	return failure;
}

static void errors_are_read_in_every_protocol(void **state)
{
	(void)state;
	assert_string_equal(error_of(400, WEIR_HTTP_REFUSED, "",
				     "{\"__type\":\"com.amazonaws.k#ValidationException\","
				     "\"message\":\"why\"}")
				    .code,
			    "ValidationException");
	assert_string_equal(error_of(400, WEIR_HTTP_REFUSED,
				     "X-Amzn-ErrorType: AccessDeniedException:http://x\r\n", "{}")
				    .code,
			    "AccessDeniedException");
	assert_string_equal(
		error_of(403, WEIR_HTTP_HOLD, "",
			 "<E><Error><Code>ExpiredToken</Code><Message>m</Message></Error>")
			.code,
		"ExpiredToken");
	assert_string_equal(error_of(400, WEIR_HTTP_REFUSED, "",
				     "\xa1\x66__type\x67"
				     "E#Wrong")
				    .code,
			    "Wrong");
}

static void errors_fall_into_classes(void **state)
{
	static const struct {
		const char *code;
		uint32_t class;
	} cases[] = {{"ProvisionedThroughputExceededException", AWS_ERROR_RETRY},
		     {"KMSThrottlingException", AWS_ERROR_RETRY},
		     {"RequestThrottled", AWS_ERROR_RETRY},
		     {"ExpiredTokenException", AWS_ERROR_KEYS},
		     {"RequestTimeTooSkewed", AWS_ERROR_CLOCK},
		     {"ResourceNotFoundException", AWS_ERROR_HOLD},
		     {"KMSAccessDeniedException", AWS_ERROR_HOLD},
		     {"Whatever", AWS_ERROR_HOLD},
		     {"ValidationException", AWS_ERROR_INVALID},
		     {"InvalidArgumentException", AWS_ERROR_INVALID}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(aws_error_class(cases[i].code), cases[i].class);
	assert_int_equal(error_of(503, WEIR_HTTP_TRANSIENT, "", "<html>").class, AWS_ERROR_RETRY);
	assert_int_equal(error_of(413, WEIR_HTTP_TOO_LARGE, "", "").class, AWS_ERROR_TOO_LARGE);
	assert_int_equal(error_of(400, WEIR_HTTP_REFUSED, "", "<html>").class, AWS_ERROR_HOLD);
	assert_int_equal(error_of(403, WEIR_HTTP_HOLD, "",
				  "{\"__type\":\"InvalidSignatureException\",\"message\":"
				  "\"Signature expired: x\"}")
				 .class,
			 AWS_ERROR_CLOCK);
	assert_int_equal(error_of(200, WEIR_HTTP_OK, "", "").class, AWS_ERROR_NONE);
}

/* ---- keys, addresses ---- */

static void answers_without_keys_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"AccessKeyId\":\"a\"}",
		"{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"m\"}",
		"{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Expiration\":\"soon\"}"};
	struct aws_secret_keys keys;
	struct weir_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(answer_read_json(weir_slice_of(bad[i]), "it", &keys, &error) < 0);
	assert_true(answer_read_xml(weir_slice_of("<AccessKeyId>a"), "it", &keys, &error) < 0);
}

static void addresses_follow_the_partition_of_the_region(void **state)
{
	static const char *const cases[][2] = {
		{"eu-west-1", "https://kinesis.eu-west-1.amazonaws.com/"},
		{"cn-north-1", "https://kinesis.cn-north-1.amazonaws.com.cn/"},
		{"us-gov-west-1", "https://kinesis.us-gov-west-1.amazonaws.com/"},
		{"us-iso-east-1", "https://kinesis.us-iso-east-1.c2s.ic.gov/"}};

	(void)state;
	unsetenv("AWS_ENDPOINT_URL");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text url = {0};

		assert_false(endpoint_url(NULL, "kinesis", weir_slice_of(cases[i][0]), &url));
		assert_string_equal(url.data, cases[i][1]);
		text_done(&url);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_and_cbor_give_the_same_events),
		cmocka_unit_test(escapes_are_read),
		cmocka_unit_test(a_cut_document_is_an_error_at_every_byte),
		cmocka_unit_test(no_nesting_and_no_length_is_too_bold),
		cmocka_unit_test(any_bytes_are_safe),
		cmocka_unit_test(dates_are_read),
		cmocka_unit_test(the_credentials_file_wins_over_the_config_file),
		cmocka_unit_test(command_lines_are_split_as_a_shell_does),
		cmocka_unit_test(errors_are_read_in_every_protocol),
		cmocka_unit_test(errors_fall_into_classes),
		cmocka_unit_test(answers_without_keys_are_refused),
		cmocka_unit_test(addresses_follow_the_partition_of_the_region),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
