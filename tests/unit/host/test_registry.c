// SPDX-License-Identifier: MIT
/* Plugin files: which are loaded, and why each of the others is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "host/registry.h"

#define ELF_MACHINE_OFFSET 18 /* of e_machine in the header */

struct fixture {
	char dir[64];
	struct registry *registry;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct weir_error error = {0};

	snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/weir-registry-XXXXXX");
	*state = fixture;
	return mkdtemp(fixture->dir) ? registry_create(0, &fixture->registry, &error) : -1;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[96];
	int result;

	snprintf(command, sizeof(command), "rm -rf '%s'", fixture->dir);
	result = system(command);
	registry_destroy(fixture->registry);
	free(fixture);
	return result;
}

static const char *path_in(const struct fixture *fixture, const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", fixture->dir, name);
	return path;
}

/* At most `limit` bytes of a built module, under a new name. Returns the size of the whole. */
static size_t copy_module(const struct fixture *fixture, const char *module, const char *name,
			  size_t limit)
{
	static char bytes[4 << 20];
	char from[512];
	FILE *file;
	size_t size;

	snprintf(from, sizeof(from), "%s/%s.so", WEIR_TEST_MODULES, module);
	file = fopen(from, "r");
	assert_non_null(file);
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	file = fopen(path_in(fixture, name), "w");
	assert_non_null(file);
	assert_true(fwrite(bytes, 1, size < limit ? size : limit, file) > 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path_in(fixture, name), 0644), 0);
	return size;
}

static void write_text(const struct fixture *fixture, const char *name, const char *text)
{
	FILE *file = fopen(path_in(fixture, name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path_in(fixture, name), 0644), 0);
}

static void patch_byte(const struct fixture *fixture, const char *name, long offset, int byte)
{
	FILE *file = fopen(path_in(fixture, name), "r+");

	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	assert_int_equal(fputc(byte, file), byte);
	assert_int_equal(fclose(file), 0);
}

static void load(const struct fixture *fixture)
{
	struct weir_error error = {0};

	assert_int_equal(registry_offer_dir(fixture->registry, fixture->dir, &error), 0);
	assert_int_equal(registry_load_offered(fixture->registry, &error), 0);
}

/* Loads; nothing is taken up, and the one refusal has this path and a reason with these words. */
static void expect_refusal(const struct fixture *fixture, const char *path, const char *words)
{
	const struct registry_refusal *refusal;

	load(fixture);
	assert_int_equal(registry_count(fixture->registry), 0);
	assert_int_equal(registry_refusal_count(fixture->registry), 1);
	refusal = registry_refusal_at(fixture->registry, 0);
	assert_string_equal(refusal->path, path);
	if (!strstr(refusal->why, words))
		fail_msg("expected \"%s\" in: %s", words, refusal->why);
}

/* ---- what is loaded ---- */

static void a_good_file_is_loaded(void **state)
{
	struct fixture *fixture = *state;
	const struct registry_entry *entry;

	copy_module(fixture, "good", "filter-good.so", SIZE_MAX);
	load(fixture);
	assert_int_equal(registry_refusal_count(fixture->registry), 0);
	entry = registry_find(fixture->registry, WEIR_FILTER, "good");
	assert_non_null(entry);
	assert_ptr_equal(entry, registry_at(fixture->registry, 0));
	assert_string_equal(entry->plugin->summary, "Does nothing");
	assert_string_equal(entry->path, path_in(fixture, "filter-good.so"));
	assert_int_equal(entry->abi_major, WEIR_ABI_MAJOR);
	assert_null(registry_find(fixture->registry, WEIR_INPUT, "good"));
	assert_null(registry_at(fixture->registry, 1));
}

static void offer(const struct fixture *fixture)
{
	struct weir_error error = {0};

	assert_int_equal(registry_offer_dir(fixture->registry, fixture->dir, &error), 0);
}

static void an_offered_file_is_loaded_when_its_plugin_is_asked_for(void **state)
{
	struct fixture *fixture = *state;

	copy_module(fixture, "good", "filter-good.so", SIZE_MAX);
	write_text(fixture, "another.so", "x");
	offer(fixture);
	assert_int_equal(registry_count(fixture->registry), 0);
	assert_non_null(registry_find(fixture->registry, WEIR_FILTER, "good"));
	/* The one that it wasn't in was not touched. */
	assert_int_equal(registry_refusal_count(fixture->registry), 0);
}

static void a_plugin_is_found_whatever_its_file_is_called(void **state)
{
	struct fixture *fixture = *state;

	copy_module(fixture, "good", "mine.so", SIZE_MAX);
	write_text(fixture, "filter-good.so", "x");
	offer(fixture);
	assert_non_null(registry_find(fixture->registry, WEIR_FILTER, "good"));
	assert_null(registry_find(fixture->registry, WEIR_FILTER, "bad"));
	assert_int_equal(registry_count(fixture->registry), 1);
	assert_int_equal(registry_refusal_count(fixture->registry), 1);
}

static void other_names_are_left_alone(void **state)
{
	struct fixture *fixture = *state;

	write_text(fixture, "README", "x");
	write_text(fixture, "old.so.bak", "x");
	write_text(fixture, ".hidden.so", "x");
	load(fixture);
	assert_int_equal(registry_count(fixture->registry), 0);
	assert_int_equal(registry_refusal_count(fixture->registry), 0);
}

static void a_missing_folder_is_no_error(void **state)
{
	struct fixture *fixture = *state;
	struct weir_error error = {0};

	assert_int_equal(registry_offer_dir(fixture->registry, "/no/such", &error), 0);
	assert_int_equal(registry_refusal_count(fixture->registry), 0);
}

static void a_symlink_is_followed(void **state)
{
	struct fixture *fixture = *state;
	char target[160];

	assert_int_equal(mkdir(path_in(fixture, "store"), 0755), 0);
	copy_module(fixture, "good", "store/v1", SIZE_MAX);
	snprintf(target, sizeof(target), "%s/store/v1", fixture->dir);
	assert_int_equal(symlink(target, path_in(fixture, "good.so")), 0);
	load(fixture);
	assert_non_null(registry_find(fixture->registry, WEIR_FILTER, "good"));
}

/* ---- what is refused ---- */

static void a_file_that_is_no_elf_is_refused(void **state)
{
	write_text(*state, "a.so", "#!/bin/sh\n");
	expect_refusal(*state, path_in(*state, "a.so"),
		       "it is not an ELF shared object; take it out of the plugin folder");
}

static void an_empty_file_is_refused(void **state)
{
	write_text(*state, "a.so", "");
	expect_refusal(*state, path_in(*state, "a.so"), "it is not an ELF shared object");
}

static void a_file_cut_short_is_refused_wherever_it_is_cut(void **state)
{
	struct fixture *fixture = *state;
	size_t whole = copy_module(fixture, "good", "0.so", 4);
	const size_t sizes[] = {4, 30, 64, whole / 4, whole / 2, whole - 1};

	for (size_t i = 0; i < 6; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%zu.so", i);
		copy_module(fixture, "good", name, sizes[i]);
	}
	load(fixture);
	assert_int_equal(registry_count(fixture->registry), 0);
	assert_int_equal(registry_refusal_count(fixture->registry), 6);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(registry_refusal_at(fixture->registry, i)->why,
				    "the file is cut short; copy it again, or build it again");
}

static void a_file_for_another_machine_is_refused(void **state)
{
	copy_module(*state, "good", "a.so", SIZE_MAX);
	patch_byte(*state, "a.so", ELF_MACHINE_OFFSET, 2); /* SPARC */
	expect_refusal(*state, path_in(*state, "a.so"),
		       "it is built for another machine (ELF machine 2, 64-bit;");
}

static void a_program_is_refused(void **state)
{
	copy_module(*state, "good", "a.so", SIZE_MAX);
	patch_byte(*state, "a.so", 16, 2); /* e_type: ET_EXEC */
	expect_refusal(*state, path_in(*state, "a.so"),
		       "it is an ELF file, but no shared object; link it with -shared");
}

static void a_library_that_is_no_plugin_is_refused(void **state)
{
	copy_module(*state, "no_symbol", "a.so", SIZE_MAX);
	expect_refusal(
		*state, path_in(*state, "a.so"),
		"it has no symbol weir_plugins, so it is no Weir plugin; declare its plugins with "
		"WEIR_PLUGINS()");
}

static void a_file_with_an_unresolved_symbol_is_refused_with_its_name(void **state)
{
	copy_module(*state, "unresolved", "a.so", SIZE_MAX);
	expect_refusal(
		*state, path_in(*state, "a.so"),
		"undefined symbol: function_that_nobody_has; install what is missing, or build "
		"it again");
}

static void a_second_file_with_the_same_plugin_names_both(void **state)
{
	struct fixture *fixture = *state;
	char words[256];

	copy_module(fixture, "good", "a.so", SIZE_MAX);
	copy_module(fixture, "good", "b.so", SIZE_MAX);
	load(fixture);
	assert_int_equal(registry_count(fixture->registry), 1);
	assert_int_equal(registry_refusal_count(fixture->registry), 1);
	snprintf(words, sizeof(words),
		 "it offers the filter \"good\", which %s/a.so offers already; keep one of the two "
		 "files",
		 fixture->dir);
	assert_string_equal(registry_refusal_at(fixture->registry, 0)->why, words);
	assert_string_equal(registry_refusal_at(fixture->registry, 0)->path,
			    path_in(fixture, "b.so"));
}

static void a_file_that_others_can_write_is_refused(void **state)
{
	copy_module(*state, "good", "a.so", SIZE_MAX);
	assert_int_equal(chmod(path_in(*state, "a.so"), 0646), 0);
	expect_refusal(
		*state, path_in(*state, "a.so"),
		"it can be written by others than its owner (mode 0646); take that away: chmod "
		"go-w '");
}

static void a_file_that_its_group_can_write_is_refused(void **state)
{
	copy_module(*state, "good", "a.so", SIZE_MAX);
	assert_int_equal(chmod(path_in(*state, "a.so"), 0664), 0);
	expect_refusal(*state, path_in(*state, "a.so"), "(mode 0664)");
}

static void a_folder_that_others_can_write_is_refused_as_a_whole(void **state)
{
	struct fixture *fixture = *state;

	copy_module(fixture, "good", "a.so", SIZE_MAX);
	assert_int_equal(chmod(fixture->dir, 0777), 0);
	expect_refusal(fixture, fixture->dir,
		       "the plugin folder can be written by others than its owner (mode 0777)");
}

static void a_symlink_into_an_open_folder_is_refused(void **state)
{
	struct fixture *fixture = *state;
	char target[160];

	assert_int_equal(mkdir(path_in(fixture, "store"), 0755), 0);
	assert_int_equal(chmod(path_in(fixture, "store"), 0777), 0);
	copy_module(fixture, "good", "store/v1", SIZE_MAX);
	snprintf(target, sizeof(target), "%s/store/v1", fixture->dir);
	assert_int_equal(symlink(target, path_in(fixture, "a.so")), 0);
	expect_refusal(fixture, path_in(fixture, "a.so"),
		       "the plugin folder can be written by others");
}

static void a_file_of_another_user_is_refused(void **state)
{
	if (geteuid() != 0)
		skip();
	copy_module(*state, "good", "a.so", SIZE_MAX);
	assert_int_equal(chown(path_in(*state, "a.so"), 4321, 4321), 0);
	expect_refusal(
		*state, path_in(*state, "a.so"),
		"it belongs to user 4321, who could change what the agent runs; chown it to root");
}

static void a_symlink_to_nothing_is_refused(void **state)
{
	assert_int_equal(symlink("/no/such", path_in(*state, "a.so")), 0);
	expect_refusal(*state, path_in(*state, "a.so"),
		       "it leads nowhere: No such file or directory; remove it");
}

static void a_folder_in_place_of_the_file_is_refused(void **state)
{
	assert_int_equal(mkdir(path_in(*state, "a.so"), 0755), 0);
	expect_refusal(*state, path_in(*state, "a.so"),
		       "it is not a regular file; take it out of the plugin folder");
}

static void a_pipe_in_place_of_the_file_does_not_hang(void **state)
{
	assert_int_equal(mkfifo(path_in(*state, "a.so"), 0644), 0);
	expect_refusal(*state, path_in(*state, "a.so"), "it is not a regular file");
}

static void a_refusal_does_not_hide_the_files_after_it(void **state)
{
	struct fixture *fixture = *state;

	write_text(fixture, "a.so", "x");
	copy_module(fixture, "good", "b.so", SIZE_MAX);
	load(fixture);
	assert_int_equal(registry_count(fixture->registry), 1);
	assert_int_equal(registry_refusal_count(fixture->registry), 1);
}

/* ---- what the configuration says of it ---- */

static void a_pipeline_is_told_why_its_plugin_was_refused(void **state)
{
	struct fixture *fixture = *state;
	struct weir_error error = {0};
	struct config *config = NULL;
	char expected[512];

	write_text(fixture, "output-splunk.so", "x");
	write_text(fixture, "web.yaml", "inputs:\n  - tail: {}\noutputs:\n  - splunk: {}\n");
	load(fixture);
	assert_int_equal(config_load("/dev/null", &config, &error), 0);
	assert_int_equal(config_load_pipeline(config, fixture->registry,
					      path_in(fixture, "web.yaml"), &error),
			 0);
	assert_in_range(config->problem_count, 2, 3);
	snprintf(expected, sizeof(expected),
		 "the output \"splunk\" was refused: %s/output-splunk.so: it is not an ELF shared "
		 "object; take it out of the plugin folder",
		 fixture->dir);
	assert_string_equal(config->problems[config->problem_count - 1].text, expected);
	assert_string_equal(config->problems[config->problem_count - 2].text,
			    "there is no input \"tail\", but 1 plugin file was refused; see: weir "
			    "plugins");
	config_free(config);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_file_is_loaded),
		TEST(an_offered_file_is_loaded_when_its_plugin_is_asked_for),
		TEST(a_plugin_is_found_whatever_its_file_is_called),
		TEST(other_names_are_left_alone),
		TEST(a_missing_folder_is_no_error),
		TEST(a_symlink_is_followed),
		TEST(a_file_that_is_no_elf_is_refused),
		TEST(an_empty_file_is_refused),
		TEST(a_file_cut_short_is_refused_wherever_it_is_cut),
		TEST(a_file_for_another_machine_is_refused),
		TEST(a_program_is_refused),
		TEST(a_library_that_is_no_plugin_is_refused),
		TEST(a_file_with_an_unresolved_symbol_is_refused_with_its_name),
		TEST(a_second_file_with_the_same_plugin_names_both),
		TEST(a_file_that_others_can_write_is_refused),
		TEST(a_file_that_its_group_can_write_is_refused),
		TEST(a_folder_that_others_can_write_is_refused_as_a_whole),
		TEST(a_symlink_into_an_open_folder_is_refused),
		TEST(a_file_of_another_user_is_refused),
		TEST(a_symlink_to_nothing_is_refused),
		TEST(a_folder_in_place_of_the_file_is_refused),
		TEST(a_pipe_in_place_of_the_file_does_not_hang),
		TEST(a_refusal_does_not_hide_the_files_after_it),
		TEST(a_pipeline_is_told_why_its_plugin_was_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
