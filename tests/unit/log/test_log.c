// SPDX-License-Identifier: MIT
/* The log: one write a line, limits, and forms that no message can break. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"

static char path[] = "/tmp/weir-test-log-XXXXXX";
static char content[1 << 20];

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_setup(WEIR_LOG_INFO, LOG_TEXT, NULL, NULL);
	unlink(path);
	return 0;
}

static void begin(uint32_t level, uint32_t format)
{
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(log_setup(level, format, path, NULL), 0);
}

static const char *logged(void)
{
	FILE *file = fopen(path, "r");
	size_t size;

	assert_non_null(file);
	size = fread(content, 1, sizeof(content) - 1, file);
	content[size] = '\0';
	fclose(file);
	return content;
}

static size_t line_count(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static void a_text_line_has_time_level_origin_code_and_text(void **state)
{
	int year, month, day, hour, minute, second, ms, end = 0;

	(void)state;
	begin(WEIR_LOG_INFO, LOG_TEXT);
	log_line(WEIR_LOG_WARNING, "web/http", "http_hold", "answered %d", 403);
	assert_int_equal(sscanf(logged(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day,
				&hour, &minute, &second, &ms, &end),
			 7);
	assert_string_equal(content + end, " warning web/http [http_hold] answered 403\n");
}

static void lines_above_the_level_are_left_out(void **state)
{
	uint64_t before = log_count(WEIR_LOG_DEBUG);

	(void)state;
	begin(WEIR_LOG_INFO, LOG_TEXT);
	log_line(WEIR_LOG_DEBUG, "test", NULL, "hidden");
	assert_string_equal(logged(), "");
	assert_int_equal(log_count(WEIR_LOG_DEBUG), before);
	assert_int_equal(log_enabled(WEIR_LOG_DEBUG), 0);
	assert_int_equal(log_enabled(WEIR_LOG_INFO), 1);
}

static void a_message_cannot_forge_a_second_line(void **state)
{
	(void)state;
	begin(WEIR_LOG_INFO, LOG_TEXT);
	log_line(WEIR_LOG_ERROR, "forge", NULL, "%s", "a\n2026 error x\r\x1b[0m");
	assert_int_equal(line_count(logged()), 1);
	assert_non_null(strstr(content, "a\\n2026 error x\\x0d\\x1b[0m\n"));
}

static void a_message_cannot_act_on_a_terminal(void **state)
{
	(void)state;
	begin(WEIR_LOG_INFO, LOG_TEXT);
	log_line(WEIR_LOG_ERROR, "act", NULL, "%s",
		 "csi \xc2\x9b. right-to-left \xe2\x80\xae. latin \x9b. \xc3\xa4 \xe2\x82\xac "
		 "\xe2\x80\x93");
	assert_non_null(strstr(logged(),
			       "csi \\xc2\\x9b. right-to-left \\xe2\\x80\\xae. latin \\x9b. "
			       "\xc3\xa4 \xe2\x82\xac \xe2\x80\x93\n"));
}

static void json_escapes_what_json_must_escape(void **state)
{
	(void)state;
	begin(WEIR_LOG_INFO, LOG_JSON);
	log_line(WEIR_LOG_ERROR, "a/\"b\"", "code", "%s", "q\" b\\ n\n c\x01 \xc3\xa4 \xff\xc3.");
	assert_non_null(strstr(logged(), "\"level\":\"error\",\"origin\":\"a/\\\"b\\\"\","
					 "\"code\":\"code\",\"text\":\"q\\\" b\\\\ n\\n c\\u0001 "
					 "\xc3\xa4 \xef\xbf\xbd\xef\xbf\xbd.\"}\n"));
}

/* Every byte, in runs that are mostly not UTF-8; a JSON parser that is not ours reads it back. */
static void json_of_any_bytes_is_read_by_python(void **state)
{
	char text[256], command[256];
	uint32_t seed = 1;

	(void)state;
	begin(WEIR_LOG_INFO, LOG_JSON);
	for (int line = 0; line < 300; line++) {
		char origin[16];

		for (int i = 0; i < 255; i++) {
			seed = seed * 1664525 + 1013904223;
			text[i] = (char)(seed >> 24 ? seed >> 24 : 1);
		}
		text[255] = '\0';
		snprintf(origin, sizeof(origin), "any%d", line);
		log_line(WEIR_LOG_ERROR, origin, NULL, "%s", text);
	}
	snprintf(command, sizeof(command),
		 "python3 -c 'import json,sys; print(sum(1 for l in open(sys.argv[1], "
		 "encoding=\"utf-8\", newline=\"\\n\") if json.loads(l)))' %s | grep -qx 300",
		 path);
	assert_int_equal(system(command), 0);
}

static void a_flood_is_limited_and_counted(void **state)
{
	uint64_t before = log_count(WEIR_LOG_WARNING);

	(void)state;
	begin(WEIR_LOG_INFO, LOG_TEXT);
	for (int i = 0; i < 1000; i++)
		log_line(WEIR_LOG_WARNING, "flood", "one", "line %d", i);
	assert_int_equal(line_count(logged()), LOG_BURST);
	assert_int_equal(log_count(WEIR_LOG_WARNING), before + LOG_BURST);
	log_line(WEIR_LOG_WARNING, "flood", "two", "another code has its own limit");
	log_line(WEIR_LOG_WARNING, "flood2", "one", "another origin too");
	assert_int_equal(line_count(logged()), LOG_BURST + 2);
}

static void a_long_message_is_cut_and_marked(void **state)
{
	char *text = malloc(100001);

	(void)state;
	memset(text, 'x', 100000);
	text[100000] = '\0';
	begin(WEIR_LOG_INFO, LOG_TEXT);
	log_line(WEIR_LOG_ERROR, "long", NULL, "%s", text);
	free(text);
	assert_int_equal(line_count(logged()), 1);
	assert_true(strlen(content) < 5000);
	assert_non_null(strstr(content, "xxx...\n"));
}

static void *write_lines(void *user)
{
	for (int i = 0; i < 200; i++) {
		char origin[32];

		snprintf(origin, sizeof(origin), "%s%d", (const char *)user, i);
		log_line(WEIR_LOG_INFO, origin, NULL, "begin %0200d end", i);
	}
	return NULL;
}

static void lines_of_several_threads_do_not_mix(void **state)
{
	static char names[4][8] = {"ta", "tb", "tc", "td"};
	pthread_t threads[4];
	size_t whole = 0;

	(void)state;
	begin(WEIR_LOG_INFO, LOG_TEXT);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, write_lines, names[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	logged();
	for (char *line = strtok(content, "\n"); line; line = strtok(NULL, "\n"))
		whole += strstr(line, " begin ") && strcmp(line + strlen(line) - 4, " end") == 0;
	assert_int_equal(whole, 800);
}

static void a_log_that_cannot_be_opened_is_an_error_with_its_path(void **state)
{
	struct weir_error error = {0};

	(void)state;
	assert_int_equal(log_setup(WEIR_LOG_INFO, LOG_TEXT, "/nonexistent/x.log", &error),
			 WEIR_ERR_IO);
	assert_non_null(strstr(error.text, "/nonexistent/x.log"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_line_has_time_level_origin_code_and_text),
		cmocka_unit_test(lines_above_the_level_are_left_out),
		cmocka_unit_test(a_message_cannot_forge_a_second_line),
		cmocka_unit_test(a_message_cannot_act_on_a_terminal),
		cmocka_unit_test(json_escapes_what_json_must_escape),
		cmocka_unit_test(json_of_any_bytes_is_read_by_python),
		cmocka_unit_test(a_flood_is_limited_and_counted),
		cmocka_unit_test(a_long_message_is_cut_and_marked),
		cmocka_unit_test(lines_of_several_threads_do_not_mix),
		cmocka_unit_test(a_log_that_cannot_be_opened_is_an_error_with_its_path),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
