// SPDX-License-Identifier: MIT
/*
 * One test of a pipeline: its own plugins at work, in an agent of its own, with the input given and the
 * outputs taken away, by one worker and a clock that stands still.
 *
 * An input that reads files (its options have `paths`) reads the test's text from a file, so that
 * multiline, headers and encodings are tested, too; any other is replaced, and so is one that would have
 * to make the records that the test gives.
 */
#ifndef CLI_TEST_RUN_H
#define CLI_TEST_RUN_H

#include "cli/test_compare.h"
#include "cli/test_file.h"

/* What is different from what was expected is added. An error says why it could not be tried. */
int test_run(const struct config *config, const struct config_pipeline *pipeline,
	     struct registry *registry, const struct test_case *test,
	     struct test_differences *differences, struct weir_error *error);

#endif
