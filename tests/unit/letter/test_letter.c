// SPDX-License-Identifier: MIT
/* Dead letters read back: what makes a whole one, and the bytes of its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "batch/json.h"
#include "pipeline/letter.h"

#define HEAD "{\"pipeline\":\"p\",\"stage\":\"s\","

static int read(struct scratch *scratch, const char *text, struct letter *letter)
{
	*scratch = (struct scratch){.limit = 1 << 20};
	return letter_read(scratch, weir_slice_of(text), letter);
}

static void refused(const char *text)
{
	struct scratch scratch;
	struct letter letter;

	assert_int_equal(read(&scratch, text, &letter), WEIR_ERR_INVALID);
	scratch_done(&scratch);
}

static void every_field_is_read(void **state)
{
	struct scratch scratch;
	struct letter letter;

	(void)state;
	assert_int_equal(
		read(&scratch,
		     "{\"@timestamp\":\"2026-01-02T03:04:05.5Z\",\"time\":\"2026-01-02T03:04:06Z\","
		     "\"pipeline\":\"p\",\"stage\":\"s\",\"kind\":\"output\",\"reason\":\"r\","
		     "\"error\":\"an \\\"error\\\"\",\"source\":\"/a\","
		     "\"source_id\":\"000102030405060708090a0b0c0d0e0f\",\"position\":12,"
		     "\"ordinal\":3,\"line\":\"\\u00e9\\n\"}",
		     &letter),
		0);
	assert_int_equal(letter.timestamp_ns, INT64_C(1767323045500000000));
	assert_int_equal(letter.time_ns, INT64_C(1767323046000000000));
	assert_true(weir_slice_equals(letter.error, "an \"error\""));
	assert_true(weir_slice_equals(letter.kind, "output"));
	assert_true(letter.has_id && letter.has_line);
	assert_int_equal(letter.id[15], 15);
	assert_int_equal(letter.position, 12);
	assert_int_equal(letter.ordinal, 3);
	assert_true(weir_slice_equals(letter.line, "\xC3\xA9\n"));
	scratch_done(&scratch);
}

static void bytes_come_back_as_they_were(void **state)
{
	(void)state;
	for (size_t size = 0; size < 70; size++) {
		struct buffer text = {0};
		struct scratch scratch;
		struct letter letter;
		uint8_t bytes[70];

		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)(255 - i * 37);
		buffer_text(&text, HEAD "\"line_base64\":");
		json_append_base64(&text, (struct weir_slice){(const char *)bytes, size});
		buffer_text(&text, "}");
		assert_int_equal(read(&scratch, buffer_cstr(&text), &letter), 0);
		assert_int_equal(letter.line.size, size);
		assert_memory_equal(letter.line.data, bytes, size);
		scratch_done(&scratch);
		buffer_done(&text);
	}
}

static void a_letter_that_is_not_whole_is_refused(void **state)
{
	(void)state;
	refused("");
	refused("{}");
	refused("[]");
	refused("no letter");
	refused(HEAD "\"reason\":\"r\"}");            /* nothing to send again */
	refused("{\"stage\":\"s\",\"line\":\"l\"}");  /* of no pipeline */
	refused(HEAD "\"line\":\"l");                 /* cut within a string */
	refused(HEAD "\"line\":\"l\"");               /* cut before the brace */
	refused(HEAD "\"record\":{\"a\":{\"b\":1}}"); /* its last brace is the record's */
	refused(HEAD "\"line\":\"l\"}{");             /* two in one line */
	refused(HEAD "\"line\":7}");
	refused(HEAD "\"line_base64\":\"AA=A\"}");
	refused(HEAD "\"line_base64\":\"AAA\"}");
}

static void every_cut_of_a_letter_is_refused(void **state)
{
	static const char whole[] = HEAD "\"position\":1,\"record\":{\"a\":[1,{\"b\":\"}\"}]}}";
	struct scratch scratch;
	struct letter letter;

	(void)state;
	assert_int_equal(read(&scratch, whole, &letter), 0);
	assert_true(weir_slice_equals(letter.record, "{\"a\":[1,{\"b\":\"}\"}]}"));
	scratch_done(&scratch);
	for (size_t size = 0; size < sizeof(whole) - 1; size++) {
		scratch = (struct scratch){.limit = 1 << 20};
		assert_int_equal(letter_read(&scratch, (struct weir_slice){whole, size}, &letter),
				 WEIR_ERR_INVALID);
		scratch_done(&scratch);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_read),
		cmocka_unit_test(bytes_come_back_as_they_were),
		cmocka_unit_test(a_letter_that_is_not_whole_is_refused),
		cmocka_unit_test(every_cut_of_a_letter_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
