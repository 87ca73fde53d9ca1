// SPDX-License-Identifier: MIT
/* The settings of weir.yaml: defaults, values, and what is refused. */
#include <sched.h>

#include "base/log.h"
#include "fixture.h"

static void expect(void **state, const char *text, uint32_t line, uint32_t column,
		   const char *problem)
{
	load_service(*state, text);
	expect_error(*state, line, column, problem);
}

static void an_empty_file_gives_the_defaults(void **state)
{
	struct fixture *fixture = *state;
	struct config *config = load_service(fixture, "");
	char conf_dir[80];
	cpu_set_t set;

	expect_no_problem(fixture);
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	snprintf(conf_dir, sizeof(conf_dir), "%s/conf.d", fixture->dir);
	assert_string_equal(config->path, fixture->path);
	assert_string_equal(config->state_dir, "/var/lib/weir");
	assert_string_equal(config->conf_dir, conf_dir);
	assert_int_equal(config->memory_limit, 64 << 20);
	assert_int_equal(config->workers, CPU_COUNT(&set) < 4 ? CPU_COUNT(&set) : 4);
	assert_string_equal(config->admin_host, "127.0.0.1");
	assert_int_equal(config->admin_port, 9712);
	assert_int_equal(config->log_level, WEIR_LOG_INFO);
	assert_int_equal(config->log_format, LOG_TEXT);
	assert_int_equal(config->shutdown_timeout_ns, 10000000000);
	assert_int_equal(config->drain_timeout_ns, 10000000000);
	assert_int_equal(config->on_corrupt_state, CONFIG_CORRUPT_STOP);
	assert_int_equal(config->dead_letter_max, 1 << 30);
}

/* The build tree is laid out as the installed tree is. */
static void plugins_are_looked_for_beside_the_executable(void **state)
{
	struct config *config = load_service(*state, "");
	char found[4096], expected[4096];

	assert_int_equal(config->plugin_dir_count, 1);
	assert_non_null(realpath(WEIR_PLUGIN_DIR, expected));
	assert_non_null(realpath(config->plugin_dirs[0], found));
	assert_string_equal(found, expected);
}

static void every_setting_can_be_set(void **state)
{
	struct fixture *fixture = *state;
	struct config *config = load_service(
		fixture, "state_dir: /s\nmemory_limit: 8MiB\nworkers: 2\nadmin: '[::1]:80'\n"
			 "log: { level: debug, format: json }\nplugin_dirs: [/p, q, "
			 "default]\nconf_dir: conf.d\n"
			 "shutdown_timeout: 1m\non_corrupt_state: end\ndead_letter_max: 2MiB\n");
	char beside[80], found[4096], expected[4096];

	expect_no_problem(fixture);
	assert_string_equal(config->state_dir, "/s");
	assert_int_equal(config->memory_limit, 8 << 20);
	assert_int_equal(config->workers, 2);
	assert_string_equal(config->admin_host, "::1");
	assert_int_equal(config->admin_port, 80);
	assert_int_equal(config->log_level, WEIR_LOG_DEBUG);
	assert_int_equal(config->log_format, LOG_JSON);
	assert_int_equal(config->plugin_dir_count, 3);
	assert_string_equal(config->plugin_dirs[0], "/p");
	snprintf(beside, sizeof(beside), "%s/q", fixture->dir);
	assert_string_equal(config->plugin_dirs[1], beside);
	assert_non_null(realpath(WEIR_PLUGIN_DIR, expected));
	assert_non_null(realpath(config->plugin_dirs[2], found));
	assert_string_equal(found, expected);
	assert_int_equal(config->shutdown_timeout_ns, 60000000000);
	assert_int_equal(config->on_corrupt_state, CONFIG_CORRUPT_END);
	assert_int_equal(config->dead_letter_max, 2 << 20);
}

static void a_relative_path_is_beside_the_file(void **state)
{
	struct fixture *fixture = *state;
	char expected[96];

	snprintf(expected, sizeof(expected), "%s/var/state", fixture->dir);
	assert_string_equal(load_service(fixture, "state_dir: var/state\n")->state_dir, expected);
}

static void admin_can_be_off(void **state)
{
	assert_null(load_service(*state, "admin: off\n")->admin_host);
	expect_no_problem(*state);
}

static void admin_must_be_an_address_with_port(void **state)
{
	static const char *const wrong[] = {
		"9712",   "127.0.0.1", "localhost:-1", "localhost:65536",
		"::1:80", "'[::1:80'", "localhost:x",  "':80'"};
	char text[64], problem[160];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int quoted = wrong[i][0] == '\'';

		snprintf(text, sizeof(text), "admin: %s\n", wrong[i]);
		snprintf(problem, sizeof(problem),
			 "\"admin\" wants an address and a port such as 127.0.0.1:9712, or off; "
			 "found "
			 "\"%.*s\"",
			 (int)strlen(wrong[i]) - 2 * quoted, wrong[i] + quoted);
		expect(state, text, 1, 8, problem);
		assert_null(((struct fixture *)*state)->config->admin_host);
	}
}

static void admin_must_be_loopback(void **state)
{
	expect(state, "admin: 0.0.0.0:9712\n", 1, 8,
	       "\"admin\" must be a loopback address such as 127.0.0.1:9712, because it asks "
	       "nobody "
	       "for a password without \"admin_token\"; found \"0.0.0.0:9712\"");
}

static void bounds_are_held(void **state)
{
	expect(state, "memory_limit: 4095KiB\n", 1, 15,
	       "\"memory_limit\" must be at least 4MiB, found 4095KiB");
	expect(state, "workers: 65\n", 1, 10, "\"workers\" must be from 1 to 64, found 65");
	expect(state, "workers: 0\n", 1, 10, "\"workers\" must be from 1 to 64, found 0");
}

static void a_misspelt_setting_names_the_nearest(void **state)
{
	expect(state, "# settings\nplugin_dir: /x\n", 2, 1,
	       "unknown option \"plugin_dir\" of weir.yaml; did you mean \"plugin_dirs\"?");
	expect(state, "log: { levl: info }\n", 1, 8,
	       "unknown option \"levl\" of log; did you mean \"level\"?");
}

static void a_list_is_no_settings(void **state)
{
	expect(state, "- a\n", 1, 1,
	       "expected settings such as \"state_dir: /var/lib/weir\", found a list");
}

static void an_empty_path_is_refused(void **state)
{
	expect(state, "state_dir: ''\n", 1, 12,
	       "\"state_dir\" is empty; give it a path, or leave it out");
}

static void a_conf_dir_that_is_not_there_is_refused(void **state)
{
	expect(state, "conf_dir: /no/such\n", 1, 11,
	       "the folder /no/such cannot be read: No such file or directory; make it, or correct "
	       "\"conf_dir\"");
	expect(state, "conf_dir: /dev/null\n", 1, 11,
	       "/dev/null is no folder; give \"conf_dir\" the folder of the pipelines");
}

static void a_given_file_that_is_not_there_is_an_error(void **state)
{
	struct fixture *fixture = *state;
	struct weir_error error = {0};

	snprintf(fixture->path, sizeof(fixture->path), "%s/none.yaml", fixture->dir);
	assert_int_equal(config_load(fixture->path, &fixture->config, &error), 0);
	expect_error(fixture, 0, 0, "it cannot be opened: No such file or directory");
}

static void dev_null_is_an_empty_file(void **state)
{
	struct fixture *fixture = *state;
	struct weir_error error = {0};

	assert_int_equal(config_load("/dev/null", &fixture->config, &error), 0);
	expect_no_problem(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(an_empty_file_gives_the_defaults),
		FIXTURE_TEST(plugins_are_looked_for_beside_the_executable),
		FIXTURE_TEST(every_setting_can_be_set),
		FIXTURE_TEST(a_relative_path_is_beside_the_file),
		FIXTURE_TEST(admin_can_be_off),
		FIXTURE_TEST(admin_must_be_an_address_with_port),
		FIXTURE_TEST(admin_must_be_loopback),
		FIXTURE_TEST(bounds_are_held),
		FIXTURE_TEST(a_misspelt_setting_names_the_nearest),
		FIXTURE_TEST(a_list_is_no_settings),
		FIXTURE_TEST(an_empty_path_is_refused),
		FIXTURE_TEST(a_conf_dir_that_is_not_there_is_refused),
		FIXTURE_TEST(a_given_file_that_is_not_there_is_an_error),
		FIXTURE_TEST(dev_null_is_an_empty_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
